"""The stage of follow-up: what it writes, for whom, and when there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.simulation.follow_up import FollowUpSettings, SimulatedFollowUp, simulate_follow_up
from facies.store import read_table, table_path, write_json, write_table
from facies.study.conditions.follow_up import file_name, follow_up_stage, followed_faces
from facies.study.conditions.intake import ConditionCohort
from facies.study.config import StudyConfig, parse_config
from facies.study.stages import Stage, run_stage
from facies.tables import CONDITION_FACE_SCORES, FACES, PHOTOGRAPHS, SCORE_CHANGES, SESSION_SCORES, TEST_RETEST, TRAJECTORIES

SETTINGS = FollowUpSettings(n_patients=3, n_controls=6, n_visits=2, n_photographs=2)
COLUMNS = ["source", "title", "licence", "terms", "citation", "n_people", "n_photographs"]


@pytest.fixture
def config() -> StudyConfig:
    return parse_config({
        "study": {"name": "A study", "target": "facies"}, "conditions": {"target_conditions": ["cushing"]},
        "embeddings": {"encoders": ["hog"]},
    })  # fmt: skip


def cohort_of(made: SimulatedFollowUp) -> tuple[ConditionCohort, pd.DataFrame]:
    """Return the people, and faces: one a photograph."""
    photographs = made.faces.assign(
        photo_id="photo " + made.faces.face_id, source="clinic", path=made.faces.face_id + ".jpg", device="camera", included=True,
        exclusion_reason=np.nan,
    ).drop(columns="face_id")  # fmt: skip
    people = pd.DataFrame({"participant_id": made.diagnoses.participant_id, "age": 50.0, "sex": "female"})
    faces = pd.DataFrame({"face_id": made.faces.face_id, "photo_id": photographs.photo_id, "included": True})
    diagnoses = made.diagnoses.assign(session_id=pd.Series(np.nan, made.diagnoses.index, dtype=object))
    return ConditionCohort(people, photographs, diagnoses, pd.DataFrame(columns=COLUMNS)), faces


def stage_of(study: Path, config: StudyConfig, made: SimulatedFollowUp) -> Stage | None:
    cohort, faces = cohort_of(made)
    write_table(study, CONDITION_FACE_SCORES, made.face_scores)
    write_table(study, PHOTOGRAPHS, cohort.photographs)
    write_json(table_path(study, FACES).with_name("perceptual_hashes.json"), {name: f"{i:016x}" for i, name in enumerate(faces.photo_id)})
    return follow_up_stage(study, config, cohort, faces, random_state=0)


def test_follow_up_stage__writes_tables_and_a_timeline_a_patient(tmp_path, config):
    stage = stage_of(tmp_path, config, simulate_follow_up(SETTINGS))
    assert stage is not None
    record, ran = run_stage(tmp_path, stage, random_state=0)
    assert ran
    assert (record.n_in, record.n_out) == (9, 9)
    sizes = {table.name: len(read_table(tmp_path, table)) for table in (SESSION_SCORES, SCORE_CHANGES, TEST_RETEST, TRAJECTORIES)}
    assert sizes == {"session_scores": 18, "score_changes": 9, "test_retest": 1, "trajectories": 1}
    folder = table_path(tmp_path, SESSION_SCORES).parent / "patients"
    assert sorted(path.name for path in folder.iterdir()) == ["p0001.svg", "p0002.svg", "p0003.svg"]
    assert run_stage(tmp_path, stage, random_state=0)[1] is False


def test_follow_up_stage__draws_a_deleted_timeline_anew_and_removes_old_ones(tmp_path, config):
    stage = stage_of(tmp_path, config, simulate_follow_up(SETTINGS))
    assert stage is not None
    run_stage(tmp_path, stage, random_state=0)
    folder = table_path(tmp_path, SESSION_SCORES).parent / "patients"
    (folder / "p0002.svg").unlink()
    (folder / "somebody who left.svg").write_text("", encoding="utf-8")
    assert run_stage(tmp_path, stage, random_state=0)[1] is True
    assert sorted(path.name for path in folder.iterdir()) == ["p0001.svg", "p0002.svg", "p0003.svg"]


def test_follow_up_stage__is_none_where_everybody_has_one_photograph(tmp_path, config):
    once = simulate_follow_up(FollowUpSettings(n_patients=3, n_controls=3, n_visits=1, n_photographs=1))
    assert stage_of(tmp_path, config, once) is None
    assert (
        stage_of(tmp_path, config, simulate_follow_up(FollowUpSettings(n_patients=3, n_controls=3, n_visits=1, n_photographs=2)))
        is not None
    )


def test_followed_faces__leave_out_public_negatives_and_who_withdrew_and_unused_faces():
    cohort, faces = cohort_of(simulate_follow_up(SETTINGS))
    photographs = cohort.photographs.assign(source=np.where(cohort.photographs.participant_id == "p0009", "web", "clinic"))
    people = cohort.participants.assign(consent_scope=np.where(cohort.participants.participant_id == "p0008", "withdrawn", "analysis"))
    negatives = pd.DataFrame([dict.fromkeys(COLUMNS, "web")])
    own = ConditionCohort(people, photographs, cohort.diagnoses, negatives)
    used = faces.assign(included=faces.photo_id != faces.photo_id.iloc[0])
    found = followed_faces(own, used)
    assert set(found.participant_id) == {f"p000{number}" for number in range(1, 8)}
    assert len(found) == 7 * 4 - 1
    assert set(found.columns) == {"face_id", "photo_id", "participant_id", "session_id", "taken_on", "view", "device"}


@pytest.mark.parametrize("name", ["../up", "a/b", "con: x", ".hidden", "ünal", "end."])
def test_file_name__stays_in_its_folder_and_tells_people_apart(name):
    made = file_name(name)
    assert Path(made).name == made
    assert not made.startswith(".")
    assert made.isascii()
    assert made != file_name(name + "x")
    assert file_name("P-01_b") == "P-01_b"
    assert len(file_name("é" * 300)) <= 120
    assert file_name("é" * 300) != file_name("é" * 301)
