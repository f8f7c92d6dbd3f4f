"""What an earlier run left is used only where it is what a new run would make."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from facies.store import read_table, write_tsv
from facies.study.demo import simulate_study
from facies.study.faces import parts_folder
from facies.study.run import run_study
from facies.tables import FACES, PARTICIPANT_PREDICTIONS

TINY = Path(__file__).parents[1] / "embeddings" / "tiny.onnx"


@pytest.fixture(scope="module")
def tiny_study(tmp_path_factory) -> Path:
    """Return a small study with an ONNX network of its own, not run."""
    study = tmp_path_factory.mktemp("tiny") / "study"
    simulate_study(study, encoders=("hog", "pixels"), n_participants=60, size=96)
    for name in ("tiny.onnx", "tiny.onnx.json"):
        shutil.copyfile(TINY.with_name(name), study / name)
    text = (study / "study.toml").read_text().replace('["hog", "pixels"]', '["onnx:tiny.onnx"]')
    (study / "study.toml").write_text(f"{text}\n[evaluation]\nn_bootstrap = 200\n[faces.gate]\nmin_sharpness = nan\n")
    return study


def predictions(study: Path):
    run_study(study)
    return read_table(study, PARTICIPANT_PREDICTIONS)


@pytest.mark.parametrize("change", [{"mean": [0.1, 0.9, 0.8]}, {"scale": 0.01}])
def test_run__a_network_that_is_fed_or_read_in_another_way_encodes_anew(tiny_study, tmp_path, change):
    resumed, fresh = (Path(shutil.copytree(tiny_study, tmp_path / name)) for name in ("resumed", "fresh"))
    predictions(resumed)
    for study in (resumed, fresh):
        sidecar = study / "tiny.onnx.json"
        sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | change))
    assert predictions(resumed).equals(predictions(fresh))


def test_run__tables_that_are_large_enough_for_parquet_give_the_same_results(tiny_study, tmp_path, monkeypatch):
    small, large = (Path(shutil.copytree(tiny_study, tmp_path / name)) for name in ("small", "large"))
    as_text = predictions(small)
    monkeypatch.setattr("facies.store.MAX_TSV_ROWS", 10)
    pd.testing.assert_frame_equal(predictions(large), as_text, check_dtype=False)
    assert run_study(large).ran == ()
    results = [json.loads((study / "report" / "results.json").read_text()) for study in (small, large)]
    assert results[0]["metrics"] == results[1]["metrics"]
    assert results[0]["associations"] == results[1]["associations"]


def test_run__what_was_computed_of_people_who_withdrew_is_deleted_and_the_others_stay(tiny_study, tmp_path, monkeypatch):
    resumed, fresh = (Path(shutil.copytree(tiny_study, tmp_path / name)) for name in ("resumed", "fresh"))
    monkeypatch.setattr("facies.study.extraction.PART_SIZE", 16)
    predictions(resumed)
    for study in (resumed, fresh):
        people = pd.read_csv(study / "participants.tsv", sep="\t", dtype=str).set_index("participant_id")
        people.loc[["p0002", "p0040"], "consent_scope"] = "withdrawn"
        write_tsv(study / "participants.tsv", people.reset_index())
    with monkeypatch.context() as nothing_is_read:
        nothing_is_read.setattr("facies.study.extraction.read_photograph", None)
        after = predictions(resumed)
    assert after.equals(predictions(fresh))
    parts = b"".join(path.read_bytes() for path in parts_folder(resumed).iterdir())
    held = [person for person in people.index if f"{person}_s1_1".encode() in parts]
    assert sorted(set(people.index) - set(held)) == ["p0002", "p0040"]
    for folder in ("faces", "models"):
        left = b"".join(path.read_bytes() for path in (resumed / "derived" / folder).rglob("*") if path.is_file())
        assert b"p0002" not in left
        assert b"p0003" in left
    assert run_study(resumed).ran == ()


def test_keep_used_parts__an_interruption_between_its_steps_loses_nothing(tiny_study, tmp_path):
    study = Path(shutil.copytree(tiny_study, tmp_path / "study"))
    predictions(study)
    (old,) = parts_folder(study).iterdir()
    data, whole = old.read_bytes(), read_table(study, FACES)
    photographs = pd.read_csv(study / "photographs.tsv", sep="\t", dtype=str)
    write_tsv(study / "photographs.tsv", photographs.assign(included=["false"] + ["true"] * 59))
    for _ in range(2):
        run_study(study)
        old.write_bytes(data)
    assert read_table(study, FACES).photo_id.tolist() == [name for name in whole.photo_id if name != photographs.photo_id[0]]


def test_run__without_associations_nothing_is_left_of_those_of_an_earlier_run(tiny_study, tmp_path):
    study = Path(shutil.copytree(tiny_study, tmp_path / "study"))
    run_study(study)
    settings = (study / "study.toml").read_text()
    before, after = settings.index("[association]"), settings.index("[evaluation]")
    (study / "study.toml").write_text(settings[:before] + settings[after:])
    assert run_study(study).ran == ("report",)
    results = json.loads((study / "report" / "results.json").read_text())
    assert "association" not in [run["stage"] for run in results["runs"]]
    assert not (study / "derived" / "association").exists()
