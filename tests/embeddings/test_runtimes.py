"""OpenVINO gives the vectors of onnxruntime, in the precision that was asked for, without telemetry."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facies.embeddings import load_encoder
from facies.embeddings.openvino_network import require_precision
from facies.embeddings.quantise import cosine_distances
from facies.errors import InputError, MissingExtraError, WeightsError

TINY = Path(__file__).with_name("tiny.onnx")
SPEC = f"onnx:{TINY}"
needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")


def crops(n, size=16, seed=3):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def has_bfloat16():
    from facies.embeddings.openvino_network import import_openvino

    return "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture
def face_network(shared):
    return f"onnx:{shared / 'weights' / 'face-reidentification-retail-0095.onnx'}"


@needs_openvino
def test_openvino_in_float32__gives_the_vectors_of_onnxruntime():
    one, other = load_encoder(SPEC), load_encoder(SPEC, runtime="openvino")
    assert other.encode(crops(6)) == pytest.approx(one.encode(crops(6)), rel=1e-5, abs=1e-5)


@needs_openvino
def test_openvino_in_float32__gives_the_vectors_of_onnxruntime_for_a_real_network(face_network):
    one, other = (load_encoder(face_network, runtime=name).encode(crops(2, 128)) for name in ("onnxruntime", "openvino"))
    assert cosine_distances(one, other).max() < 1e-6


@needs_openvino
def test_openvino__gives_the_same_bits_in_batches_threads_and_alone():
    encoder = load_encoder(SPEC, runtime="openvino")
    faces = crops(24)
    expected = encoder.encode(faces)
    with ThreadPoolExecutor(4) as pool:
        found = np.stack(list(pool.map(lambda crop: encoder.encode(crop[None])[0], faces)))
    assert np.array_equal(found, expected)


@needs_openvino
def test_openvino__gives_the_same_bits_with_two_threads(face_network):
    one, two = (load_encoder(face_network, runtime="openvino", threads=n).encode(crops(2, 128)) for n in (1, 2))
    assert np.array_equal(one, two)


@needs_openvino
def test_openvino__computes_in_float32_unless_bfloat16_is_asked_for(face_network):
    if not has_bfloat16():
        pytest.skip("this processor has no bfloat16")
    exact = load_encoder(face_network).encode(crops(2, 128))
    coarse = load_encoder(face_network, runtime="openvino", precision="bfloat16")
    distances = cosine_distances(exact, coarse.encode(crops(2, 128)))
    assert coarse.card.precision == "bfloat16"
    assert 1e-5 < distances.max() < 0.02


@needs_openvino
def test_card__names_the_runtime_its_version_and_the_precision():
    import onnxruntime

    cards = [load_encoder(SPEC, runtime=name).card for name in ("onnxruntime", "openvino")]
    assert cards[0].runtime == f"onnxruntime {onnxruntime.__version__}"
    assert cards[1].runtime.startswith("openvino 20")
    assert replace(cards[1], runtime=cards[0].runtime) == cards[0]


def test_encoder_without_network__has_no_runtime_to_choose():
    assert load_encoder("hog").card.runtime == ""
    with pytest.raises(InputError, match="hog is no network in an ONNX file"):
        load_encoder("hog", runtime="openvino")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"runtime": "tensorrt"}, "choose one of onnxruntime, openvino"),
        ({"precision": "float16"}, "choose one of float32, bfloat16, int8"),
        ({"precision": "bfloat16"}, "needs runtime openvino"),
        ({"precision": "int8"}, "facies encoders quantise tiny.onnx"),
    ],
)
def test_settings_that_do_not_exist_or_fit__are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        load_encoder(SPEC, **settings)


def test_bfloat16__is_refused_where_the_processor_has_none():
    with pytest.raises(InputError, match="has no bfloat16"):
        require_precision(["FP32", "INT8"], "bfloat16")


@needs_openvino
def test_openvino__refuses_a_file_that_is_no_network_in_one_line(tmp_path):
    (tmp_path / "tiny.onnx").write_bytes(b"\x08\x07 no network at all")
    (tmp_path / "tiny.onnx.json").write_bytes(TINY.with_name("tiny.onnx.json").read_bytes())
    with pytest.raises(WeightsError, match="not an ONNX network that OpenVINO can read") as refusal:
        load_encoder(f"onnx:{tmp_path / 'tiny.onnx'}", runtime="openvino")
    assert "\n" not in str(refusal.value)


def test_openvino__absent_is_said_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'facies\[openvino\]'"):
        load_encoder(SPEC, runtime="openvino")


@needs_openvino
def test_openvino__loads_no_telemetry_and_opens_no_connection():
    code = f"""if True:
        import socket, sys
        def refuse(*arguments, **settings):
            raise AssertionError("a connection was opened")
        socket.socket = socket.create_connection = socket.getaddrinfo = refuse
        import numpy as np
        from facies.embeddings import load_encoder
        encoder = load_encoder({SPEC!r}, runtime="openvino")
        encoder.encode(np.zeros((1, 16, 16, 3), np.uint8))
        print(sys.modules.get("openvino_telemetry"), [name for name in sys.modules if name.startswith("openvino_telemetry.")])
    """
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None []"
