"""Runtime and precision of a study: part of its vectors, its models and its records."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from facies.embeddings import load_encoder
from facies.embeddings.sidecar import quantised_path
from facies.errors import InputError
from facies.models import read_bundle
from facies.store import read_record, read_table
from facies.study.config import parse_config, read_config
from facies.study.faces import encoder_file, faces_stage, make_extractor, stated_precision
from facies.study.intake import gather_cohort
from facies.study.models import models_stage
from facies.study.quantise import quantise_for_study
from facies.study.stages import run_stage
from facies.tables import FACES

TINY = Path(__file__).parents[1] / "embeddings" / "tiny.onnx"
needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
needs_onnx = pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="onnx is not installed")


def config(**embeddings):
    return parse_config({"study": {"name": "A"}, "embeddings": embeddings})


def with_network(folder):
    """Copy the tiny network there, described as one that sees red, green, blue."""
    folder.mkdir(exist_ok=True)
    for name in ("tiny.onnx", "tiny.onnx.json"):
        shutil.copy(TINY.with_name(name), folder)
    return folder / "tiny.onnx"


def with_settings(study, encoders, **more):
    text = (study / "study.toml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("encoders")]
    added = [f"encoders = {json.dumps(encoders)}", *(f'{name} = "{value}"' for name, value in more.items())]
    place = lines.index("[embeddings]") + 1 if "[embeddings]" in lines else None
    lines = [*lines, "[embeddings]", *added] if place is None else [*lines[:place], *added, *lines[place:]]
    (study / "study.toml").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("setting", [{"runtime": "openvino"}, {"precision": "int8"}])
def test_setting_that_no_encoder_takes__is_refused(tmp_path, setting):
    with pytest.raises(InputError, match=f"embeddings.{next(iter(setting))} has no effect"):
        make_extractor(tmp_path, config(encoders=["hog"], **setting))


def test_bfloat16_without_openvino__is_refused_when_the_settings_are_read():
    with pytest.raises(InputError, match="precision bfloat16 needs runtime openvino"):
        config(encoders=["onnx:mine.onnx"], precision="bfloat16")


def test_int8__takes_the_quantised_file_beside_the_network(tmp_path):
    assert encoder_file(tmp_path, "onnx:mine.onnx", "int8") == tmp_path / "mine.int8.onnx"
    assert encoder_file(tmp_path, "onnx:mine.onnx") == tmp_path / "mine.onnx"


@needs_openvino
def test_runtime__changes_what_photographs_are_known_by(tmp_path):
    with_network(tmp_path)
    one, other = (
        make_extractor(tmp_path, config(encoders=["hog", "onnx:tiny.onnx"], runtime=name)) for name in ("onnxruntime", "openvino")
    )
    assert one.digest() != other.digest()
    assert [encoder.card.runtime.split(" ")[0] for encoder in other.encoders] == ["", "openvino"]
    assert stated_precision(other) == "float32"


@needs_openvino
def test_study_by_openvino__keeps_runtime_and_precision_in_record_and_bundle_and_predicts_by_it(copied):
    from facies.study.predict import predict_photographs

    with_network(copied)
    with_settings(copied, ["onnx:tiny.onnx"], runtime="openvino")
    settings = read_config(copied)
    cohort = gather_cohort(copied, settings, jobs=2, random_state=1)
    extractor = make_extractor(copied, settings)
    run_stage(copied, faces_stage(copied, settings, cohort.photographs, extractor, jobs=2, progress=None), random_state=1)
    run_stage(copied, models_stage(copied, settings, cohort, read_table(copied, FACES), extractor, random_state=1), random_state=1)
    record = read_record(copied, "faces")
    assert record is not None
    assert record.precision == "float32"
    assert record.settings["encoders"][0]["runtime"].startswith("openvino ")
    folder = copied / "derived" / "models" / "tiny+ridge.bundle"
    bundle = read_bundle(folder)
    assert bundle.card.encoder.runtime.startswith("openvino ")
    coarse = replace(bundle.card.encoder, precision="bfloat16")
    with pytest.raises(InputError, match="were made in bfloat16, the model needs float32"):
        bundle.require_encoder(coarse)
    assert predict_photographs(folder, next((copied / "photos").iterdir()), None).n_predicted > 0


def test_precisions_that_differ__are_stated_by_encoder():
    hog = load_encoder("hog")
    coarse = SimpleNamespace(card=replace(hog.card, name="mine", precision="bfloat16"))
    assert stated_precision(SimpleNamespace(encoders=[hog, coarse])) == "hog: float32, mine: bfloat16"


@needs_onnx
def test_quantise__keeps_a_network_that_changes_nothing(copied, monkeypatch):
    network = with_network(copied / "networks")
    monkeypatch.setattr("facies.study.quantise.MARGIN_YEARS", 5.0)
    monkeypatch.setattr("facies.study.quantise.MOST_DISTANCE", 0.05)
    found = quantise_for_study(network, copied, jobs=2)
    assert found.file == quantised_path(network)
    assert found.file.exists()
    assert 0 < found.distance_median < found.distance_99 <= 0.05
    assert found.mae_difference.ci_low <= 0 <= found.mae_difference.ci_high
    assert found.n_calibration == 18
    assert json.loads(quantised_path(network).with_name("tiny.int8.onnx.json").read_text())["precision"] == "int8"
    assert not list((copied / "derived").glob(".quantise*"))


@needs_onnx
def test_quantise__refuses_where_the_study_is_too_small_to_tell_and_leaves_nothing(copied, monkeypatch):
    network = with_network(copied / "networks")
    monkeypatch.setattr("facies.study.quantise.MARGIN_YEARS", 1e-6)
    monkeypatch.setattr("facies.study.quantise.MOST_DISTANCE", 1e-9)
    with pytest.raises(InputError, match=r"tiny.int8.onnx was not kept: the vectors of 1 in 100 faces turn .* people tell the change"):
        quantise_for_study(network, copied, jobs=2)
    assert sorted(path.name for path in network.parent.iterdir()) == ["tiny.onnx", "tiny.onnx.json"]
    assert not list((copied / "derived").glob(".quantise*"))
