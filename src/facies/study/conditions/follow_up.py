"""The stage that follows people over time: scores by visit, changes against the test-retest error, and a timeline a patient."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from facies.evaluation.follow_up import FollowUp, follow_up
from facies.report.figures.timelines import patient_timeline
from facies.store import read_json, read_table, table_path, value_sha256, write_table, write_whole
from facies.study.conditions.intake import ConditionCohort, consenting
from facies.study.conditions.people import visits_in_order
from facies.study.config import StudyConfig
from facies.study.stages import Outcome, Stage
from facies.tables import CONDITION_FACE_SCORES, CONTROL, FACES, PHOTOGRAPHS, SCORE_CHANGES, SESSION_SCORES, TEST_RETEST, TRAJECTORIES

PATIENTS = "patients"
"""Folder of timelines under derived/follow_up; they are personal data."""

_PLAIN_NAME = re.compile(r"[\w-][\w .-]{0,99}", re.ASCII)


def follow_up_stage(
    study: Path, config: StudyConfig, cohort: ConditionCohort, faces: pd.DataFrame, *, random_state: int
) -> Stage | None:  # fmt: skip
    """Return the stage ``follow_up``, or None where nobody was seen twice and nobody has repeat photographs.

    Nothing is drawn at random; ``random_state`` is what all stages take.
    """
    followed = followed_faces(cohort, faces)
    if not _is_followed(followed):
        return None

    def compute() -> Outcome:
        visits = visits_in_order(followed)
        hashed = followed.assign(perceptual_hash=followed["photo_id"].map(read_json(hashes)))
        found = follow_up(read_table(study, CONDITION_FACE_SCORES), hashed, visits, cohort.diagnoses)
        written = (
            write_table(study, SESSION_SCORES, found.session_scores),
            write_table(study, SCORE_CHANGES, found.score_changes),
            write_table(study, TEST_RETEST, found.test_retest),
            write_table(study, TRAJECTORIES, found.trajectories),
        )
        drawn = write_timelines(study, found, patients=seen_patients(cohort, visits), conditions=config.conditions.target_conditions)
        return Outcome((*written, *drawn), followed["participant_id"].nunique(), found.score_changes["participant_id"].nunique())

    hashes = table_path(study, FACES).with_name("perceptual_hashes.json")
    inputs = {
        "perceptual_hashes": hashes,
        "photographs": table_path(study, PHOTOGRAPHS),
        "face_scores": table_path(study, CONDITION_FACE_SCORES),
    }
    settings = {
        "target_conditions": config.conditions.target_conditions, "learnt_from": cohort.learnt_from(),
        "faces": value_sha256(sorted(followed["face_id"])), "random_state": random_state,
    }  # fmt: skip
    return Stage("follow_up", settings, inputs, compute)


def followed_faces(cohort: ConditionCohort, faces: pd.DataFrame) -> pd.DataFrame:
    """Return the used faces of the study's own people with a diagnosis, with visit, day, view and camera of the photograph.

    Public negatives are left out: a public set may hold pictures of one person that are years apart.
    """
    columns = ["session_id", "taken_on", "view", "device"]
    given = cohort.photographs
    known = given[["photo_id", "participant_id", "source"]].assign(
        **{name: given[name] if name in given.columns else pd.Series(np.nan, given.index, dtype=object) for name in columns}
    )
    whole = set(consenting(cohort)["participant_id"]) & set(cohort.diagnoses["participant_id"])
    own = known[known["participant_id"].isin(whole) & ~known["source"].isin(cohort.public())]
    used = faces.loc[faces["included"], ["face_id", "photo_id"]]
    return used.merge(own, on="photo_id", validate="many_to_one").drop(columns="source")


def _is_followed(followed: pd.DataFrame) -> bool:
    """Return whether somebody has two visits, or two photographs."""
    return bool(followed["participant_id"].duplicated().any())


def seen_patients(cohort: ConditionCohort, visits: pd.DataFrame) -> dict[str, list[str]]:
    """Return the target conditions of each patient who was seen more than once."""
    several = visits.loc[visits["participant_id"].duplicated(), "participant_id"]
    diagnoses = cohort.diagnoses[cohort.diagnoses["participant_id"].isin(several) & (cohort.diagnoses["diagnosis"] != CONTROL)]
    return {str(name): list(dict.fromkeys(part)) for name, part in diagnoses.groupby("participant_id")["diagnosis"]}


def write_timelines(study: Path, found: FollowUp, *, patients: dict[str, list[str]], conditions: list[str]) -> list[Path]:
    """Draw each patient's scores of the own conditions over time; what an earlier run drew goes.

    Returns
    -------
    The files, ``derived/follow_up/patients/<participant_id>.svg``.
    """
    folder = table_path(study, SESSION_SCORES).with_name(PATIENTS)
    if folder.exists():
        shutil.rmtree(folder)
    scores = dict(iter(found.session_scores.groupby("participant_id", sort=True)))
    changes = dict(iter(found.score_changes.groupby("participant_id", sort=True)))
    written = []
    for name, own in patients.items():
        shown = scores[name] if name in scores else found.session_scores.iloc[:0]
        shown = shown[shown["target_condition"].isin([condition for condition in conditions if condition in own])]
        if shown["session_id"].nunique(dropna=False) < 2:
            continue
        svg = patient_timeline(shown, changes.get(name, found.score_changes.iloc[:0]), title=name)
        written.append(write_whole(folder / f"{file_name(name)}.svg", svg.encode()))
    return written


def file_name(participant_id: str) -> str:
    """Return a name of a file for a person: the identifier where it is plain, otherwise with other characters as %XX.

    Examples
    --------
    >>> file_name("p-017"), file_name("../x"), len(file_name("é" * 200))
    ('p-017', '%2E%2E%2Fx', 111)
    """
    if _PLAIN_NAME.fullmatch(participant_id) and not participant_id.endswith((".", " ")):
        return participant_id
    name = quote(participant_id, safe="").replace(".", "%2E")
    return name if len(name) <= 120 else f"{name[:90]}_{value_sha256(participant_id)[:20]}"
