"""How far a model's ages and readers' lie apart, beside how far readers lie from each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from facies.evaluation.reader_rows import ReadPeople, read_people
from facies.evaluation.reader_study import table_of
from facies.stats.mrmc.interchangeability import interchangeability
from facies.stats.mrmc.limits import ReaderLimits, limits_between_readers, limits_with_readers
from facies.stats.mrmc.merits import mean_merits
from facies.stats.mrmc.standalone import ReaderDifferences, compare_with_panel
from facies.tables import PARTICIPANT_PREDICTIONS, READER_AGREEMENT
from facies.types import Floats

FEWEST_READERS = 3
"""With fewer, the spread between readers cannot enter the interval of the equivalence index, nor can a reader be held against others."""


def agree_with_readers(
    participant_predictions: pd.DataFrame,
    readings: pd.DataFrame,
    photographs: pd.DataFrame,
    *,
    target: str = "perceived_age",
    margin: float = float("nan"),
    level: float = 0.95,
) -> pd.DataFrame:
    """Take each model as one more reader: limits of agreement, interchangeability, and the error against the other readers.

    How to read it: the model agrees with a reader as readers agree when its limits are no wider than those of two readers and the
    equivalence index lies below a margin that was fixed beforehand. ``mae_less_reader`` is the model's mean absolute error less that of
    a reader, each against the mean of the reader's colleagues; its interval holds for other readers and people (1T-RRRC).

    Parameters
    ----------
    participant_predictions
        Table :data:`facies.tables.PARTICIPANT_PREDICTIONS`: predictions by models that never saw the person.
    readings, photographs
        Tables ``READINGS`` and ``PHOTOGRAPHS``; a reader's repeats and a person's photographs are averaged.
    target
        What was read and predicted.
    margin
        By how much, in squared years, the mean squared difference may grow when the model takes a reader's place.
    level
        Of the intervals.

    Returns
    -------
    Table ``READER_AGREEMENT``.

    Raises
    ------
    InputError
        When nobody who was predicted was read by two readers.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": np.repeat(["r1", "r2", "r3"], 4), "photo_id": [*"abcd"] * 3, "target": "perceived_age",
    ...                          "repeat": 0, "reading": [51.0, 58, 73, 54, 53, 60, 74, 58, 49, 61, 70, 57]})
    >>> photographs = pd.DataFrame({"photo_id": [*"abcd"], "participant_id": [*"abcd"], "path": "x.jpg"})
    >>> predicted = pd.DataFrame({"participant_id": [*"abcd"], "model_id": "m", "target": "perceived_age", "fold": 0,
    ...     "n_photographs": 1, "predicted": [50.0, 60, 71, 56], "ci_low": np.nan, "ci_high": np.nan, "observed": np.nan,
    ...     "label_weight": np.nan})
    >>> found = agree_with_readers(predicted, readings, photographs)
    >>> found.set_index(["between", "statistic"]).value.loc["model and reader"].round(2).to_dict()["equivalence_index"]
    -4.25
    """
    PARTICIPANT_PREDICTIONS.validate(participant_predictions)
    own = participant_predictions[participant_predictions.target == target]
    rows: list[dict[str, Any]] = []
    for model, predicted in own.groupby("model_id", sort=False):
        values = predicted.set_index("participant_id").predicted
        read = read_people(readings, photographs, values.index, target=target)
        seen = read.seen()
        rows += _rows(str(model), target, values.to_numpy(dtype=float)[seen], read.of(seen), margin, level)
    return table_of(READER_AGREEMENT, rows)


def _rows(model: str, target: str, predicted: Floats, read: ReadPeople, margin: float, level: float) -> Iterator[dict[str, Any]]:
    with_model = limits_with_readers(predicted, read.scores, level=level)
    base = {"model_id": model, "target": target} | _counts(with_model)
    for between, limits in (("model and reader", with_model), ("two readers", limits_between_readers(read.scores, level=level))):
        yield from _limit_rows(base | {"between": between}, limits)
    base["between"] = "model and reader"
    fixed = len(read.readers) < FEWEST_READERS
    found = interchangeability(predicted, read.scores, generalise="cases" if fixed else "readers and cases", margin=margin, level=level)
    yield base | {
        "statistic": "equivalence_index", "value": found.value, "ci_low": found.ci_low, "ci_high": found.ci_high, "margin": margin,
        "p_value": found.p_value, "n": found.n, "n_readers": found.n_readers,
        "method": "jackknife over cases" if fixed else "jackknife over cases and readers",
    }  # fmt: skip
    yield from _error_rows(base, predicted, read.scores, level)


def _counts(limits: ReaderLimits) -> dict[str, int]:
    return {"n": limits.n, "n_readers": limits.n_readers, "n_readings": limits.n_readings}


def _limit_rows(base: dict[str, Any], limits: ReaderLimits) -> Iterator[dict[str, Any]]:
    """Return the limits with intervals, then the parts of the standard deviation."""
    for statistic, (value, low, high) in (
        ("bias", limits.bias), ("lower_limit", limits.low), ("upper_limit", limits.high), ("sd", limits.sd),
    ):  # fmt: skip
        yield base | {"statistic": statistic, "value": value, "ci_low": low, "ci_high": high, "method": "modified large-sample, MOVER"}
    for statistic, value in (
        ("sd_cases", limits.sd_cases), ("sd_readers", limits.sd_readers), ("sd_residual", limits.sd_residual),
    ):  # fmt: skip
        yield base | {"statistic": statistic, "value": value}


def _error_rows(base: dict[str, Any], predicted: Floats, readers: Floats, level: float) -> Iterator[dict[str, Any]]:
    """Return the model's mean absolute error less a reader's, both against the mean of the reader's colleagues."""
    read = ~np.isnan(readers)
    filled, count = np.where(read, readers, 0.0), read.sum(axis=0)
    colleagues = np.where(read & (count > 1), (filled.sum(axis=0) - filled) / np.maximum(count - 1, 1), np.nan)
    usable = (~np.isnan(colleagues)).sum(axis=1) >= 2
    if usable.sum() < FEWEST_READERS:
        return
    of_model, of_reader = (np.abs(values - colleagues)[usable] for values in (predicted, readers))
    r = int(usable.sum())
    merits = mean_merits(np.vstack([of_model, of_reader]), bounds=(0.0, np.inf))
    differences = ReaderDifferences(merits.combine(np.hstack([np.eye(r), -np.eye(r)])), merits.values[:r], merits.values[r:])
    found = compare_with_panel(differences, level=level)
    yield base | {
        "statistic": "mae_less_reader", "value": found.estimate, "ci_low": found.ci_low, "ci_high": found.ci_high,
        "p_value": found.p_value, "n_readers": r, "method": found.method,
    }  # fmt: skip
