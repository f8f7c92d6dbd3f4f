"""A network in 8-bit integers: written with its description, recognised, run by both runtimes."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from facies.embeddings import load_encoder
from facies.embeddings.quantise import cosine_distances, quantise_network
from facies.embeddings.sidecar import sidecar_path
from facies.errors import InputError
from facies.store import file_sha256

TINY = Path(__file__).with_name("tiny.onnx")
pytestmark = pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="onnx is not installed")


def crops(n, seed=3):
    return np.random.default_rng(seed).integers(0, 256, (n, 16, 16, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def quantised(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    for name in ("tiny.onnx", "tiny.onnx.json"):
        shutil.copy(TINY.with_name(name), folder)
    return quantise_network(folder / "tiny.onnx", folder / "tiny.int8.onnx", crops=crops(32))


def test_quantised_network__keeps_the_direction_of_the_vectors(quantised):
    exact, coarse = load_encoder(f"onnx:{TINY}"), load_encoder(f"onnx:{quantised}")
    distances = cosine_distances(exact.encode(crops(20, 8)), coarse.encode(crops(20, 8)))
    assert 0 < distances.max() < 0.01


def test_description__says_int8_and_the_new_file_s_hash(quantised):
    described = json.loads(sidecar_path(quantised).read_text())
    assert (described["name"], described["precision"], described["sha256"]) == ("tiny-int8", "int8", file_sha256(quantised))


def test_card__says_int8_whatever_runs_it(quantised):
    assert load_encoder(f"onnx:{quantised}").card.precision == "int8"
    assert load_encoder(f"onnx:{quantised}", precision="int8").card.precision == "int8"


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
def test_openvino__gives_about_the_vectors_of_onnxruntime_in_int8(quantised):
    one, other = (load_encoder(f"onnx:{quantised}", runtime=name, precision="int8") for name in ("onnxruntime", "openvino"))
    assert other.card.precision == "int8"
    assert cosine_distances(one.encode(crops(8)), other.encode(crops(8))).max() < 0.01


def test_int8_file__is_not_computed_in_bfloat16(quantised):
    with pytest.raises(InputError, match="give the float32 file"):
        load_encoder(f"onnx:{quantised}", runtime="openvino", precision="bfloat16")


def test_int8_file__is_not_quantised_again(quantised, tmp_path):
    with pytest.raises(InputError, match="computes in int8 already"):
        quantise_network(quantised, tmp_path / "again.onnx", crops=crops(32))


def test_too_few_crops__write_nothing(tmp_path):
    with pytest.raises(InputError, match="15 calibration crops are too few"):
        quantise_network(TINY, tmp_path / "tiny.int8.onnx", crops=crops(15))
    assert list(tmp_path.iterdir()) == []


def test_same_crops__give_the_same_file(quantised, tmp_path):
    again = quantise_network(quantised.with_name("tiny.onnx"), tmp_path / "tiny.int8.onnx", crops=crops(32))
    assert file_sha256(again) == file_sha256(quantised)
