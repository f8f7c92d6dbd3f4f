"""Readings and models' scores in the form in which programs for reader studies take them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.evaluation.reader_rows import ReadPeople, read_people
from facies.evaluation.reading_arms import AIDED
from facies.tables import CONDITION_PEOPLE

UNAIDED = "unaided"


def imrmc_of_readings(
    readings: pd.DataFrame, photographs: pd.DataFrame, people: pd.DataFrame, *, target: str, scores: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Return readings of a condition and its truth as :func:`facies.stats.mrmc.imrmc_text` writes them.

    One case a person; modalities are ``unaided`` and, where it was read, ``aided``. With ``scores`` each model is a modality of its own,
    whose only reader is the model; repeats of its cross-fit are averaged.

    Parameters
    ----------
    readings, photographs, people
        Tables :data:`facies.tables.READINGS`, ``PHOTOGRAPHS`` and ``CONDITION_PEOPLE``.
    target
        The condition.
    scores
        Table ``CONDITION_SCORES``.

    Returns
    -------
    readings, truth
        Columns ``reader_id, case_id, modality_id, score`` and ``case_id, observed``; people whom somebody read.

    Raises
    ------
    InputError
        When nobody read the condition.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r1"], "photo_id": ["a1", "b1"], "target": "acromegaly", "repeat": 0,
    ...                          "reading": [70.0, 20.0]})
    >>> photographs = pd.DataFrame({"photo_id": ["a1", "b1"], "participant_id": ["a", "b"], "path": "x.jpg"})
    >>> people = pd.DataFrame({"participant_id": ["a", "b"], "diagnosis": ["acromegaly", "control"], "role": ["case", "clinic_control"],
    ...                        "source": "clinic", "session_id": "s1", "severity": np.nan, "weight": 1.0})
    >>> rows, truth = imrmc_of_readings(readings, photographs, people, target="acromegaly")
    >>> rows.modality_id.tolist(), rows.score.tolist(), truth.observed.tolist()
    (['unaided', 'unaided'], [70.0, 20.0], [1, 0])
    """
    CONDITION_PEOPLE.validate(people[[column.name for column in CONDITION_PEOPLE.columns]])
    known = people.set_index("participant_id")
    arms = {name: target + end for name, end in ((UNAIDED, ""), ("aided", AIDED)) if target + end in set(readings.target)}
    if not arms:
        have = ", ".join(sorted(set(readings.target))) or "none"
        raise InputError(f"there are no readings of '{target}' (targets: {have}): name one of these")
    parts = [
        _long(read_people(readings, photographs, known.index, target=name, sessions=known.session_id), arm) for arm, name in arms.items()
    ]
    rows = pd.concat(parts, ignore_index=True)
    if scores is not None:
        rows = pd.concat([rows, _of_models(scores, target, set(rows.case_id))], ignore_index=True)
    read = known[known.index.isin(rows.case_id)]
    truth = pd.DataFrame({"case_id": read.index.to_numpy(), "observed": (read.diagnosis == target).to_numpy().astype(int)})
    return rows, truth


def _long(read: ReadPeople, modality: str) -> pd.DataFrame:
    reader, person = np.nonzero(~np.isnan(read.scores))
    return pd.DataFrame(
        {
            "reader_id": np.array(read.readers, dtype=object)[reader], "case_id": np.array(read.people, dtype=object)[person],
            "modality_id": modality, "score": read.scores[reader, person],
        }
    )  # fmt: skip


def _of_models(scores: pd.DataFrame, condition: str, cases: set[str]) -> pd.DataFrame:
    own = scores[(scores.target_condition == condition) & scores.learnt_from & (scores.fold >= 0) & scores.participant_id.isin(cases)]
    means = own.groupby(["model_id", "participant_id"], sort=False).score.mean().reset_index()
    renamed = means.rename(columns={"participant_id": "case_id", "model_id": "reader_id"})
    return renamed.assign(modality_id=renamed.reader_id)[["reader_id", "case_id", "modality_id", "score"]]
