"""The encoder that the study learnt from its own photographs: from whom, how it went, and whether it helped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from facies.report.blocks import Block, Bullets, Drawing, Grid, Section, Text
from facies.report.data import ReportData
from facies.report.numbers import count, fixed, plural, with_interval

METHODS = {
    "describe": "Telling a description of each crop (describe)", "simclr": "SimCLR", "vicreg": "VICReg", "byol": "BYOL", "dino": "DINO",
    "mae": "masked autoencoding (MAE)",
}  # fmt: skip

BEFORE = {"untrained": "the same network with random weights", "start": "the same network with the weights that it started from"}
"""Encoders that the pretrained one is compared with, beside the study's own."""

PEOPLE = {"all": "Everybody", "held_out": "Never seen in pretraining"}

READING = (
    "Errors are cross-fitted: nobody is predicted by a regression that saw the person. The encoder itself saw photographs of most people, "
    "without labels; that this does not flatter the error is seen in the people whom pretraining never saw."
)


def pretraining_section(data: ReportData, *, figures: bool) -> Section | None:
    """Return who was learnt from, the run and whether it helped; nothing where the study learnt no encoder."""
    if not data.pretraining:
        return None
    blocks: tuple[Block, ...] = (
        *_warnings(data.pretraining), Text(_from_whom(data.pretraining)), Text(_how(data.pretraining)), *_helped(data),
        *_course(data, figures=figures),
    )  # fmt: skip
    return Section("pretraining", "Encoder learnt from this study's photographs", blocks)


def _warnings(told: Mapping[str, Any]) -> list[Block]:
    items = []
    if told["n_gone"]:
        items.append(
            f"The encoder was trained with photographs of {plural(told['n_gone'], 'participant')} who withdrew or left the study since. "
            "Their crops were deleted; what the network learnt from them stays until `facies pretrain` is run again."
        )
    if told["collapsed"]:
        items.append("The vectors collapsed during training, and the run was ended: do not use this encoder.")
    return [Bullets(tuple(items))] if items else []


def _from_whom(told: Mapping[str, Any]) -> str:
    seen = f"{plural(told['n_photographs'], 'photograph')} of {plural(told['n_people'], 'participant')}"
    labelled = f"{count(told['n_labelled'])} of them have a reference, which was not used in training"
    if told["validation_fold"] == "included":
        away = "People of the validation fold were included, so that no error here is of people whom the encoder never saw."
    elif told["n_held_out_people"]:
        away = f"The validation fold, {plural(told['n_held_out_people'], 'participant')}, was held out."
    else:
        away = "Nobody was held out."
    return f"An encoder was learnt from {seen} without labels ({labelled}). {away}"


def _how(told: Mapping[str, Any]) -> str:
    method = METHODS.get(told["method"], told["method"])
    where = told.get("surroundings", {})
    machine = f" on {where['device']}, {where['precision']}" if {"device", "precision"} <= set(where) else ""
    kept = f"the weights after step {count(told['kept_step'])} of {count(told['steps'])} were kept"
    watched = "a probe on the target chose them" if told["probed"] else "no probe watched the run"
    minutes = fixed(told["seconds"] / 60, 1)
    return f"{method} on {told['backbone']}, crops of {told['size']} px, {minutes} minutes{machine}; {kept} ({watched})."


def _helped(data: ReportData) -> list[Block]:
    table = data.table("pretraining_help")
    if table is None:
        return [Text(f"Whether it helped cannot be told: {data.pretraining['not_told'] or data.why_missing('pretraining_help')}.")]
    rows = tuple(
        (
            data.label(row["model_id"]), PEOPLE[row["people"]], count(row["n"]), with_interval(row["mae"], row["mae_low"], row["mae_high"]),
            with_interval(row["difference"], row["ci_low"], row["ci_high"]),
        )
        for row in table.to_dict("records")
    )  # fmt: skip
    columns = ("Model", "People", "n", "MAE, years (95% CI)", "Pretrained − this (95% CI)")
    grid = Grid("table-pretraining", "Whether pretraining helped", columns, rows, note=READING, text_columns=frozenset({1}))
    return [Bullets(tuple(_first_capital(f"{sentence}.") for sentence in help_sentences(table))), grid]


def _first_capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def help_sentences(helped: pd.DataFrame) -> list[str]:
    """Say in words whether pretraining helped, one sentence a comparison; those with the network before it come first.

    Parameters
    ----------
    helped
        Table ``helped``: the pretrained encoder's row is the first of each group of people.

    Examples
    --------
    >>> rows = [("ssl+ridge", "all", 90, 5.1, 4.8, 5.4, float("nan"), float("nan"), float("nan")),
    ...     ("untrained+ridge", "all", 90, 6.3, 5.9, 6.7, -1.2, -1.5, -0.9), ("hog+ridge", "all", 90, 5.2, 4.9, 5.5, -0.1, -0.3, 0.1)]
    >>> columns = ["model_id", "people", "n", "mae", "mae_low", "mae_high", "difference", "ci_low", "ci_high"]
    >>> for sentence in help_sentences(pd.DataFrame(rows, columns=columns)):
    ...     print(sentence)
    helped: MAE 5.1 years against 6.3 by the same network with random weights, difference -1.2 (-1.5 to -0.9; n=90)
    no clear difference from hog+ridge: MAE 5.1 years against 5.2, difference -0.1 (-0.3 to 0.1; n=90)
    """
    pairs = [(part.iloc[0], row) for _, part in helped.groupby("people", sort=False) for _, row in part.iloc[1:].iterrows()]
    pairs.sort(key=lambda pair: _encoder(pair[1]) not in BEFORE)
    return [_sentence(own, other) for own, other in pairs]


def _encoder(row: pd.Series) -> str:
    return str(row.model_id).partition("+")[0]


def _sentence(own: pd.Series, other: pd.Series) -> str:
    where = "" if other.people == "all" else " in people whom pretraining never saw"
    difference = f"difference {other.difference:.1f} ({other.ci_low:.1f} to {other.ci_high:.1f}; n={other.n})"
    mae = f"MAE {own.mae:.1f} years against {other.mae:.1f}"
    if _encoder(other) in BEFORE:
        verdict = {-1: "helped", 0: "did not help", 1: "made it worse"}[_side(other)]
        return f"{verdict}{where}: {mae} by {BEFORE[_encoder(other)]}, {difference}"
    verdict = {-1: "better than", 0: "no clear difference from", 1: "worse than"}[_side(other)]
    return f"{verdict} {other.model_id}{where}: {mae}, {difference}"


def _side(row: pd.Series) -> int:
    """Return -1 where the whole interval of the difference is below 0, 1 where it is above, else 0."""
    return -1 if row.ci_high < 0 else 1 if row.ci_low > 0 else 0


def _course(data: ReportData, *, figures: bool) -> list[Block]:
    history = data.table("pretraining_history")
    if history is None:
        return []
    svg = ""
    if figures:
        from facies.report.figures.pretraining import probe_curve

        svg = probe_curve(history, kept_step=data.pretraining["kept_step"])
    caption = (
        "The run. The dotted line marks the weights that were kept. Probes are trained on other people's labels and watch only; the "
        "effective rank is the number of directions in which vectors vary: near 1, they have collapsed."
    )
    return [Drawing("figure-pretraining", caption, _words(history), svg, wide=True)]


def _words(history: pd.DataFrame) -> str:
    """Return what the figure shows."""
    first, last = history.iloc[0], history.iloc[-1]
    start, lowest, end = (fixed(rank, 1) for rank in (first["rank"], history["rank"].min(), last["rank"]))
    rank = f"Effective rank {start} at the start, {lowest} at the lowest, {end} at the end."
    if history["probe_mae"].isna().all():
        return rank
    best = history["probe_mae"].min()
    return f"Error of the linear probe {fixed(first['probe_mae'], 1)} years at the start, {fixed(best, 1)} at the best. {rank}"
