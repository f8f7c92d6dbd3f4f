"""The ASSOCIATIONS table as a report needs it: whose perceived age, which direction, which adjustment set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from textwrap import fill
from typing import Any

import pandas as pd

from facies.report.data import ReportData
from facies.report.footnotes import BETWEEN, mark
from facies.report.metric_values import PANEL
from facies.report.numbers import DASH, count, effect, fixed

_SOURCE = r"^(?P<name>[^\[]+)\[(?P<source>.+)\]$"

MAIN = "complete_case"
"""The analysis that is drawn and summed up; the others stand beside it."""

RATIOS = {"odds_ratio": "odds ratio", "hazard_ratio": "hazard ratio", "rate_ratio": "rate ratio"}
"""Scales whose coefficient is a logarithm, in words."""

EXPOSURE_WORDS = {
    "perceived_age": "perceived age",
    "age": "computed age",
    "years_looking_older": "looking older than one is",
    "years_looking_younger": "looking younger than one is",
    "delta_pa_rotterdam": "looking younger than one is",
}
"""What more of an exposure means, after "per 5 years of"."""


def effects(data: ReportData, *, analysis: str | None = MAIN) -> pd.DataFrame:
    """Return ASSOCIATIONS of one analysis (None: of all) with further columns.

    ``kind`` is ``risk`` (a perceived age is the exposure), ``determinant`` (it is the outcome), ``slope`` (it is both: human and
    computed on each other) or ``other``; ``source`` is ``panel`` or a model_id; ``name`` what stands before the bracket; ``rank``
    orders the sources as :func:`source_ranks` does.
    """
    frame = data.table("associations")
    if frame is None:
        return pd.DataFrame(columns=["kind", "source", "name", "rank", "exposure", "outcome", "adjustment", "analysis", "estimate"])
    return with_sources(data, frame if analysis is None else frame[frame.analysis == analysis])


def with_sources(data: ReportData, frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows with ``exposure`` and ``outcome`` with the columns ``kind source name rank`` of :func:`effects`."""
    exposure, outcome = frame.exposure.str.extract(_SOURCE), frame.outcome.str.extract(_SOURCE)
    kind = pd.Series("other", index=frame.index).mask(outcome.source.notna(), "determinant").mask(exposure.source.notna(), "risk")
    kind = kind.mask(outcome.source.notna() & exposure.source.notna(), "slope")
    source, name = exposure.source.fillna(outcome.source), exposure.name.fillna(outcome.name)
    ranks = source_ranks(data)
    return frame.assign(kind=kind, source=source, name=name, rank=source.map(ranks).fillna(len(ranks)).astype(int))


def source_ranks(data: ReportData) -> dict[str, int]:
    """Return the place of each source of perceived age: the panel, the models, then others as the tables name them."""
    names = [PANEL, *data.model_ids()]
    for table, columns in (("associations", ("exposure", "outcome")), ("replications", ("exposure", "outcome"))):
        frame = data.table(table)
        for column in columns if frame is not None else ():
            names += frame[column].str.extract(_SOURCE).source.dropna().tolist()  # type: ignore[index]
    for table, column in (("source_comparisons", "computed"), ("age_gap_summaries", "source"), ("score_groups", "source")):
        frame = data.table(table)
        names += [] if frame is None else frame[column].tolist()
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def adjustment_sets(data: ReportData) -> list[str]:
    """Return the adjustment sets: the drawn one, then the others in the table's order."""
    frame = data.table("associations")
    names = [] if frame is None else list(dict.fromkeys(frame.adjustment))
    first = drawn_adjustment(data)
    return sorted(names, key=lambda name: name != first)


def drawn_adjustment(data: ReportData) -> str | None:
    """Return the adjustment set that is named in the summary: ``primary_adjustment``, or the first of the table."""
    frame = data.table("associations")
    return data.primary_adjustment or (None if frame is None else str(frame.adjustment.iloc[0]))


def drawn_risks(data: ReportData) -> pd.DataFrame:
    """Return the associations of perceived age in the drawn adjustment set, outcomes in the table's order, sources by rank."""
    frame = effects(data)
    return in_order(frame[(frame.kind == "risk") & (frame.adjustment == drawn_adjustment(data))], "outcome")


def in_order(rows: pd.DataFrame, lead: str) -> pd.DataFrame:
    """Return rows by ``lead`` in the table's order, then adjustment set, then source."""
    leads, sets = (list(dict.fromkeys(rows[column])) for column in (lead, "adjustment"))
    placed = rows.assign(place=rows[lead].map(leads.index), place_of_set=rows.adjustment.map(sets.index))
    return placed.sort_values(["place", "place_of_set", "rank"], kind="stable")


def source_label(data: ReportData, source: object) -> str:
    """Return whose perceived age it is, in words."""
    if source == PANEL:
        return data.labels.get(PANEL, "Human panel")
    if not isinstance(source, str):
        return "not stated"
    return data.labels.get(source) or data.label(source.removeprefix("column:"))


def wrapped_label(text: str, width: int = 22) -> str:
    """Return a label for a figure, over several lines where it is long.

    Examples
    --------
    >>> wrapped_label("timm:vit_base_patch16_224+ridge")
    'timm:vit_base_patch16_\\n224+ridge'
    """
    return fill(text, width, break_on_hyphens=True)


def each(rows: pd.DataFrame) -> Iterator[Any]:
    """Give the rows of a table one by one, columns as attributes."""
    return iter(rows.itertuples())


def effect_text(row: Any) -> str:
    """Return an estimate with its interval, or why there is none."""
    if pd.isna(row.estimate):
        return f"none: {row.note.partition(BETWEEN)[0]}" if isinstance(row.note, str) and row.note else "none"
    return effect(row.estimate, row.ci_low, row.ci_high)


def marked_effect(row: Any, letters: dict[str, str]) -> str:
    """Return an estimate with its interval, or ``none``, and the letters of its notes."""
    return ("none" if pd.isna(row.estimate) else effect_text(row)) + mark(letters, row.note)


def n_text(n: Any, n_events: Any) -> str:
    """Return participants with the events among them.

    Examples
    --------
    >>> n_text(2600, 412.0).replace("\\N{NO-BREAK SPACE}", " "), n_text(2600, float("nan"))
    ('2,600 (412)', '2,600')
    """
    return count(n) if pd.isna(n_events) else f"{count(n)}\N{NO-BREAK SPACE}({count(n_events)})"


def back(value: Any, scale: str) -> float:
    """Return a coefficient on the scale that is printed: ratios from their logarithm, missing as NaN.

    Examples
    --------
    >>> back(0.0, "odds_ratio"), back(0.5, "difference")
    (1.0, 0.5)
    """
    number = math.nan if value is None or pd.isna(value) else float(value)
    return math.exp(min(number, 700.0)) if scale in RATIOS else number


def coefficient_text(scale: str, value: Any, low: Any = None, high: Any = None) -> str:
    """Return a coefficient with its interval on the scale that is printed."""
    return effect(back(value, scale), back(low, scale), back(high, scale))


def difference_text(scale: str, value: Any, low: Any = None, high: Any = None) -> str:
    """Return a difference of coefficients: for ratios as the factor between them, marked by ×.

    Examples
    --------
    >>> difference_text("odds_ratio", 0.0953, 0.0, 0.1823), difference_text("difference", -0.2, -0.5, 0.1)
    ('×1.10 (1.00 to 1.20)', '−0.20 (−0.50 to 0.10)')
    """
    text = coefficient_text(scale, value, low, high)
    return f"×{text}" if scale in RATIOS and text != DASH else text


def scale_text(data: ReportData, row: Any) -> str:
    """Return what the estimate is: scale, unit and step of the exposure."""
    if row.kind == "determinant":
        step = trait_unit(data, row.exposure) if row.per == 1 else f"{per_text(row.per)} {trait_unit(data, row.exposure)}s"
        return f"years per {step}"
    per = f"per {per_text(row.per)}{' years' if row.kind == 'risk' else ''}"
    if row.scale in RATIOS:
        return f"{RATIOS[row.scale]} {per}"
    unit = data.units.get(row.outcome, "")
    return f"difference{f' in {unit}' if unit else ''} {per}"


def trait_unit(data: ReportData, trait: str) -> str:
    """Return what one more of a trait is: an allele for a gene score of weight 1, otherwise a unit."""
    variants = data.table("score_variants")
    if trait in data.units or variants is None:
        return data.units.get(trait, "unit")
    weights = variants.loc[variants.score == trait, "weight"]
    return "allele" if len(weights) and (weights == 1).all() else "unit"


def exposure_words(rows: pd.DataFrame) -> str:
    """Return the step and the exposure of the first row, such as ``5 years of perceived age``."""
    first = rows.iloc[0]
    return f"{per_text(first.per)} years of {EXPOSURE_WORDS.get(first['name'], str(first['name']).replace('_', ' '))}"


def looks_older(rows: pd.DataFrame) -> bool:
    """Return whether more of the exposure means to look older."""
    return "younger" not in exposure_words(rows)


def per_text(value: float) -> str:
    """Return the step of the exposure without needless decimals.

    Examples
    --------
    >>> per_text(5.0), per_text(-2.5)
    ('5', '−2.5')
    """
    return fixed(value, 0 if float(value).is_integer() else 1)


def covariates_text(data: ReportData, covariates: object) -> str:
    """Return the covariates of an adjustment set as a list in words.

    Examples
    --------
    >>> covariates_text(ReportData("A", "2025-01-31", "0.1.0"), "age+sex+bmi")
    'age, sex and BMI'
    """
    names = [data.label(name) for name in covariates.split("+")] if isinstance(covariates, str) and covariates else []
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) or "nothing"


def first_capital(text: str) -> str:
    """Return text with a capital first letter, the rest as it was."""
    return text[:1].upper() + text[1:]
