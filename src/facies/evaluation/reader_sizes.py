"""How many readers and people a model's comparison with readers needs, from a pilot study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from facies.errors import InputError
from facies.evaluation.reader_study import FEWEST
from facies.evaluation.readers import judged_and_read
from facies.stats.mrmc.sizes import Pilot, pilot_of_system, sample_sizes
from facies.stats.mrmc.standalone import auc_differences
from facies.tables import READER_STUDY_SIZES


def reader_study_sizes(
    readings: pd.DataFrame,
    photographs: pd.DataFrame,
    scores: pd.DataFrame,
    operating_points: pd.DataFrame,
    people: pd.DataFrame,
    *,
    difference: float,
    n_readers: Sequence[int] = (3, 4, 5, 6, 8, 10, 12, 15, 20),
    wanted: float = 0.8,
    margin: float | None = None,
    alpha: float = 0.05,
    most: int = 10_000,
) -> pd.DataFrame:
    """Return the people that each number of readers needs, for the AUC of each model of a pilot study against all readers.

    How to read it: the pilot's components of variance are themselves uncertain; with few readers in the pilot plan for more.

    Parameters
    ----------
    readings, photographs, scores, operating_points, people
        Of the pilot, as :func:`facies.evaluation.compare_readers`.
    difference
        The true difference of AUCs, the model minus the readers.
    n_readers
        Numbers of readers to plan for.
    wanted
        Power.
    margin
        Plan to show that the model is not inferior by this margin (one-sided at ``alpha / 2``); None plans for a difference.
    alpha
        Two-sided.
    most
        People that could be had.

    Returns
    -------
    Table ``READER_STUDY_SIZES``.

    Raises
    ------
    InputError
        As :func:`facies.evaluation.compare_readers`, or when fewer than two readers of the pilot saw enough people.
    """
    rows: list[dict[str, Any]] = []
    for study in judged_and_read(readings, photographs, scores, operating_points, people):
        enough = study.enough("auc")
        if enough.sum() < FEWEST:
            raise InputError(f"{study.asked.condition}: {int(enough.sum())} readers saw enough people: a pilot needs 2 or more")
        for name, judged in study.models.items():
            pilot = pilot_of_system(auc_differences(judged.scores, study.read.scores[enough], study.y).differences)
            base = {"comparison": f"{name} minus all readers", "target_condition": study.asked.condition, "margin": margin}
            base |= {"difference": difference, "pilot_readers": int(enough.sum()), "pilot_n": pilot.n}
            rows += _plans(base, pilot, difference, n_readers, wanted, alpha, margin, most)
    frame = pd.DataFrame(rows, columns=[column.name for column in READER_STUDY_SIZES.columns])
    return READER_STUDY_SIZES.validate(frame.astype({"margin": "float64"}))


def _plans(
    base: dict[str, Any], pilot: Pilot, difference: float, n_readers: Sequence[int], wanted: float, alpha: float, margin: float | None,
    most: int,
) -> list[dict[str, Any]]:  # fmt: skip
    found = sample_sizes(pilot, difference=difference, n_readers=n_readers, wanted=wanted, alpha=alpha, margin=margin, most=most)
    return [base | plan._asdict() | {"reached": plan.power >= wanted} for plan in found]
