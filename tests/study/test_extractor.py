"""How a study finds its detector, its networks and its points, and what it says where they are not there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from facies.embeddings import WEIGHTS
from facies.errors import InputError, TableError, WeightsError
from facies.study.check import check_study
from facies.study.config import parse_config
from facies.study.demo import simulate_study
from facies.study.faces import detector_file, make_extractor
from facies.study.run import run_study

TINY = Path(__file__).parents[1] / "embeddings" / "tiny.onnx"


def config(**sections):
    return parse_config({"study": {"name": "A"}, **sections})


def test_face_mesh__is_looked_for_in_the_weights_folder_with_blazeface(monkeypatch, tmp_path):
    monkeypatch.setenv("FACIES_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="facies weights fetch"):
        detector_file("face-mesh", None)
    for name in ("face-mesh", "blazeface"):
        monkeypatch.setitem(WEIGHTS, name, _published(WEIGHTS[name], tmp_path))
    found = detector_file("face-mesh", None)
    assert found is not None
    assert {path.name for path in found.parent.iterdir()} == {"face_landmark.tflite", "face_detection_short_range.tflite"}


def _published(entry, folder):
    """Write a stand-in and return the entry with its hash."""
    from dataclasses import replace

    from facies.store import file_sha256

    (folder / entry.file).write_bytes(entry.file.encode())
    return replace(entry, sha256=(file_sha256(folder / entry.file),))


def test_weights_of_no_encoder__are_refused(tmp_path):
    with pytest.raises(InputError, match=r"embeddings\.weights names 'farl'"):
        make_extractor(tmp_path, config(embeddings={"encoders": ["pixels"], "weights": {"farl": "x.pth"}}))


def test_two_networks_of_one_name__are_refused_before_any_work(tmp_path):
    for name in ("one.onnx", "two.onnx"):
        shutil.copyfile(TINY, tmp_path / name)
        shutil.copyfile(f"{TINY}.json", tmp_path / f"{name}.json")
    settings = config(embeddings={"encoders": ["onnx:one.onnx", "onnx:two.onnx"]})
    with pytest.raises(InputError, match="two encoders are called 'tiny'"):
        make_extractor(tmp_path, settings)
    described = json.loads((tmp_path / "two.onnx.json").read_text())
    (tmp_path / "two.onnx.json").write_text(json.dumps(described | {"name": "tiny-2"}))
    assert len(make_extractor(tmp_path, settings).encoders) == 2


@pytest.fixture
def small_study(tmp_path) -> Path:
    simulate_study(tmp_path / "study", encoders=("hog", "pixels"), n_participants=60, size=64)
    return tmp_path / "study"


def test_given_points_that_no_table_has__stop_the_study_at_once(small_study):
    toml = small_study / "study.toml"
    toml.write_text(toml.read_text() + '\n[faces]\ndetector = "given"\n')
    with pytest.raises(TableError, match=r"study\.toml: faces\.detector is given.*right_eye_x"):
        run_study(small_study)
    assert not (small_study / "derived" / "faces").exists()


def test_check__a_network_that_is_absent_is_the_problem_it_names(small_study):
    toml = small_study / "study.toml"
    toml.write_text(toml.read_text().replace('["hog", "pixels"]', '["onnx:absent.onnx"]'))
    found = check_study(small_study)
    assert "absent.onnx is not there" in str(found.problem)
    assert len(found.matches) > 0
