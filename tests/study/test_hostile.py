"""A folder of hostile files runs to the end: each is used rightly or excluded with its true reason, and no metadata is kept."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import photograph_bytes as pb
import pytest
from hostile_fixture import HostileFolder

from facies.store import read_table, write_tsv
from facies.study.run import run_study
from facies.tables import FACES, PHOTOGRAPHS

CONFIG = """
[study]
name = "Hostile"
target = "age"
[inputs]
photographs_folder = "hostile"
[embeddings]
encoders = ["pixels"]
[models]
n_folds = 3
"""


@pytest.fixture(scope="module")
def hostile_study(tmp_path_factory: pytest.TempPathFactory, hostile_folder: HostileFolder) -> tuple[Path, pd.DataFrame]:
    """Run a study whose photographs are hostile; return it and what is expected of each photograph."""
    study = tmp_path_factory.mktemp("hostile") / "study"
    study.mkdir()
    (study / "hostile").symlink_to(hostile_folder.folder, target_is_directory=True)
    files = hostile_folder.files
    expected = pd.DataFrame(
        {
            "photo_id": [f"h{i:03d}" for i in range(len(files))],
            "name": [file.name for file in files],
            "reason": [file.reason for file in files],
        }
    )
    people = pd.DataFrame({"participant_id": expected.photo_id, "age": [40 + i % 37 for i in range(len(files))]})
    write_tsv(study / "participants.tsv", people)
    write_tsv(
        study / "photographs.tsv", pd.DataFrame({"photo_id": expected.photo_id, "participant_id": expected.photo_id, "path": expected.name})
    )
    (study / "study.toml").write_text(CONFIG)
    run_study(study, jobs=2)
    return study, expected.set_index("photo_id")


def test_hostile__there_are_at_least_sixty_files(hostile_study):
    assert len(hostile_study[1]) >= 60


def test_hostile__each_file_is_used_or_has_its_true_reason(hostile_study):
    study, expected = hostile_study
    at_intake = read_table(study, PHOTOGRAPHS).set_index("photo_id").exclusion_reason
    faces = read_table(study, FACES)
    at_faces = faces[faces.included | faces.exclusion_reason.ne("another_face_chosen")].set_index("photo_id").exclusion_reason
    found = at_intake.fillna(at_faces).fillna("").reindex(expected.index)
    wrong = pd.DataFrame({"name": expected.name, "expected": expected.reason, "found": found})[found != expected.reason]
    assert wrong.empty, wrong.to_string()


def test_hostile__no_planted_metadata_is_in_any_output_byte(hostile_study):
    study, _ = hostile_study
    written = [path for folder in ("derived", "report") for path in (study / folder).rglob("*") if path.is_file()]
    assert len(written) > 10
    assert [path.name for path in written if pb.holds_planted(path.read_bytes())] == []


def test_hostile__no_file_name_is_in_the_report(hostile_study):
    study, expected = hostile_study
    report = (study / "report" / "report.html").read_text() + (study / "report" / "results.json").read_text()
    assert [name for name in expected.name if len(name) > 5 and name in report] == []
