"""What the doctor finds and recommends; the times themselves are the machine's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from facies.study.doctor import find_gpu, find_instructions
from facies.study.doctor_speed import Encoding, Steps, recommend

HOG = Encoding("hog", "", "float32", 5.0)
STEPS = Steps({"400 px": 1.0, "12 MP": 20.0, "12 MP, in full": 80.0}, 2.0, 1.0, 1.0, (HOG,))


def timed(**milliseconds):
    """Return steps with the network ``mine`` timed by runtime_precision."""
    encodings = (Encoding("mine", *name.split("_"), ms) for name, ms in milliseconds.items())
    return replace(STEPS, encode=(HOG, *encodings))


def advice(steps, *, n_cores=2, memory_gib=8.0):
    return recommend(steps, n_cores=n_cores, memory_gib=memory_gib)


def test_faster_runtime__is_recommended_with_its_gain():
    found = advice(timed(onnxruntime_float32=15.0, openvino_float32=5.0))
    assert found["runtime"] == "openvino"
    assert "2.00 times as many photographs by openvino (mine)" in found["why"][0]


def test_runtime_that_is_hardly_faster__is_not_recommended():
    assert advice(timed(onnxruntime_float32=10.0, openvino_float32=9.0))["runtime"] == "onnxruntime"


def test_runtime_that_is_not_installed__is_named_with_the_line_that_installs_it():
    assert "pip install 'facies[openvino]'" in advice(timed(onnxruntime_float32=10.0))["why"][0]


def test_bfloat16__is_told_of_but_never_recommended():
    found = advice(timed(onnxruntime_float32=15.0, openvino_float32=15.0, openvino_bfloat16=5.0))
    assert found["precision"] == "float32"
    assert "bfloat16 would read 2.00 times as many (mine)" in found["why"][1]


def test_encoding_that_cannot_be_used__is_left_out_of_the_hours():
    broken = Encoding("mine", "openvino", "bfloat16", float("nan"), "this processor has no bfloat16")
    assert list(advice(replace(STEPS, encode=(HOG, broken)))["hours"]) == ["hog"]


@pytest.mark.parametrize(("n_cores", "memory_gib", "jobs"), [(2, 8.0, 2), (64, 8.0, 8), (4, 0.5, 1), (4, None, 4)])
def test_jobs__are_one_a_core_as_far_as_memory_allows(n_cores, memory_gib, jobs):
    assert advice(STEPS, n_cores=n_cores, memory_gib=memory_gib)["jobs"] == jobs


def test_hours__are_photographs_times_milliseconds_over_cores_at_four_fifths():
    hours = advice(STEPS)["hours"]["hog"]
    assert hours["400 px"]["1,000,000"] == pytest.approx(1e6 * 10e-3 / 3600 / (2 * 0.8), rel=0.05)
    assert hours["12 MP"]["10,000"] == pytest.approx(1e4 * 29e-3 / 3600 / (2 * 0.8), rel=0.05)


def test_instructions__are_read_from_the_processor_s_flags(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni amx_tile\n")
    assert find_instructions(tmp_path / "cpuinfo") == "avx2, avx512, vnni, amx; without avx512_bf16"


def test_gpu__is_not_looked_for_without_pytorch(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert find_gpu().startswith("not looked for")
