"""Readers with the model's answer in view against the same readers without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.evaluation.reader_rows import ReadPeople, levels_of, read_people
from facies.evaluation.reader_study import FEWEST, Asked, Study, contrast_row, left_out, require_classes, table_of
from facies.stats.mrmc.anova import compare_tests
from facies.stats.mrmc.merits import auc_merits, mean_merits
from facies.tables import CONDITION_PEOPLE, READER_COMPARISON

AIDED = "[aided]"
"""Ends the target of a reading that was given with the model's answer in view."""


def compare_arms(
    readings: pd.DataFrame,
    photographs: pd.DataFrame,
    people: pd.DataFrame,
    *,
    call_at: float | None = None,
    covariance: str = "jackknife",
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare how well readers do with the model's answer in view and without: aided minus unaided.

    Two tests by the same readers of the same people, by the Obuchowski-Rockette analysis; readers of one arm alone are left out, and so
    are people whom a reader saw in one arm alone.

    Parameters
    ----------
    readings
        Table :data:`facies.tables.READINGS`: targets are conditions, and conditions with ``[aided]`` after them.
    photographs, people
        Tables ``PHOTOGRAPHS`` and ``CONDITION_PEOPLE``.
    call_at, covariance, level
        As :func:`facies.evaluation.readers.compare_readers`.

    Returns
    -------
    Table ``READER_COMPARISON``.

    Raises
    ------
    InputError
        When no condition was read in both arms, or fewer than two readers read in both.
    """
    CONDITION_PEOPLE.validate(people[[column.name for column in CONDITION_PEOPLE.columns]])
    known = people.set_index("participant_id")
    conditions = [name for name in dict.fromkeys(readings.target) if f"{name}{AIDED}" in set(readings.target)]
    if not conditions:
        raise InputError(f"no target was read in both arms: name the aided one after the other, with {AIDED} at its end")
    rows: list[dict[str, Any]] = []
    for condition in conditions:
        arms = [
            read_people(readings, photographs, known.index, target=condition + end, sessions=known.session_id, call_at=call_at)
            for end in (AIDED, "")
        ]
        y = (known.diagnosis == condition).to_numpy().astype(np.int64)
        rows += _arm_rows(_same_readers(arms, condition), y, condition, covariance, level)
    return table_of(READER_COMPARISON, rows)


def _same_readers(arms: list[ReadPeople], condition: str) -> list[ReadPeople]:
    """Return both arms of the readers who read in both, of the people whom each saw in both."""
    both = [reader for reader in arms[0].readers if reader in arms[1].readers]
    if len(both) < FEWEST:
        raise InputError(f"{condition}: {len(both)} readers read in both arms: a comparison of arms needs 2 or more")
    kept = [arm.by(np.isin(arm.readers, both)) for arm in arms]
    seen = ~np.isnan(kept[0].scores) & ~np.isnan(kept[1].scores)
    return [_only(arm, seen) for arm in kept]


def _only(arm: ReadPeople, seen: NDArray[np.bool_]) -> ReadPeople:
    calls = None if arm.calls is None else np.where(seen, arm.calls, np.nan)
    return ReadPeople(arm.readers, arm.people, np.where(seen, arm.scores, np.nan), calls)


def _arm_rows(arms: list[ReadPeople], y: NDArray[np.int64], condition: str, covariance: str, level: float) -> Iterator[dict[str, Any]]:
    tests = np.repeat(["aided", "unaided"], len(arms[0].readers))
    seen = arms[0].seen()
    studies = [Study({}, arm.of(seen), y[seen], Asked(condition, levels_of(None, arm.readers), {}, covariance, level)) for arm in arms]
    require_classes(studies[0].y, condition)
    for metric in ("auc", "sensitivity", "specificity") if all(arm.calls is not None for arm in arms) else ("auc",):
        enough = studies[0].enough(metric)
        if enough.sum() < FEWEST:
            continue
        rows = np.vstack([study.figures(metric)[enough] for study in studies])
        merits = auc_merits(rows, studies[0].y, covariance=covariance) if metric == "auc" else mean_merits(rows)
        readers = np.array(arms[0].readers)[enough]
        found = compare_tests(merits, tests[np.tile(enough, 2)].tolist(), np.tile(readers, 2).tolist(), level=level)
        row = contrast_row(found, condition, metric, found.design)
        note = left_out(np.ones(len(enough), dtype=bool), enough)
        yield row | {"n_readers": int(enough.sum()), "note": note} | studies[0].counts(studies[0].class_of(metric))
