"""What an earlier run left is used only where it is what a new run would make."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from facies.store import read_table
from facies.study.demo import simulate_study
from facies.study.run import run_study
from facies.tables import PARTICIPANT_PREDICTIONS

TINY = Path(__file__).parents[1] / "embeddings" / "tiny.onnx"


@pytest.fixture(scope="module")
def tiny_study(tmp_path_factory) -> Path:
    """Return a small study with an ONNX network of its own, not run."""
    study = tmp_path_factory.mktemp("tiny") / "study"
    simulate_study(study, n_participants=60, size=96)
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
