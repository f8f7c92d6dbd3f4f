"""Networks in ONNX files, run by OpenVINO on the CPU (extra ``openvino``).

OpenVINO chooses bfloat16 by itself where the processor has it; here the precision is always the one that was asked for. It computes in the
thread that calls it (no streams) and pins no thread to a core: workers that pin theirs would all take the first one.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from facies._optional import import_extra
from facies.errors import InputError, WeightsError
from facies.types import Floats, Vectors

HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""What OpenVINO is told; the layers of an int8 file are marked in the file itself, the others then compute in float32."""

TELEMETRY = "openvino_telemetry"


def import_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which it would load by itself.

    Raises
    ------
    MissingExtraError
        When OpenVINO is not installed.
    """
    if "openvino" not in sys.modules:
        sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # an import of it now fails, and OpenVINO does without
    return import_extra("openvino", extra="openvino")


def require_precision(capabilities: list[str], precision: str) -> None:
    """Refuse bfloat16 where the processor has no instructions for it: it would be slower, and computed in float32.

    Examples
    --------
    >>> require_precision(["FP32", "INT8"], "bfloat16")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: this processor has no bfloat16 (avx512_bf16 or amx_bf16): choose precision float32
    """
    if precision == "bfloat16" and "BF16" not in capabilities:
        raise InputError("this processor has no bfloat16 (avx512_bf16 or amx_bf16): choose precision float32")


class OpenvinoSession:
    """An ONNX file opened by OpenVINO; may be called from several threads."""

    def __init__(self, path: Path, *, threads: int, precision: str) -> None:
        """Open the network.

        Raises
        ------
        MissingExtraError
            When OpenVINO is not installed.
        InputError
            When the processor does not have the precision.
        WeightsError
            When OpenVINO cannot read the file.
        """
        openvino = import_openvino()
        self.name = f"openvino {openvino.__version__.split('-')[0]}"
        core = openvino.Core()
        require_precision(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"), precision)
        self._compiled = _compile(core, path, threads, precision)
        self.inputs = [entry.get_any_name() for entry in self._compiled.inputs]
        self.outputs = {name: entry for entry in self._compiled.outputs for name in entry.get_names()}
        self._own = threading.local()

    def run(self, output: str, values: Vectors) -> Floats | Vectors:
        """Return one output for one input; a copy, since OpenVINO uses its memory again."""
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        answer: Vectors = self._own.request.infer({0: values}, share_inputs=True)[self.outputs[output]].copy()
        return answer


def _compile(core: Any, path: Path, threads: int, precision: str) -> Any:
    settings = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 0 if threads == 1 else 1,
        "ENABLE_CPU_PINNING": False,
    }
    try:
        compiled = core.compile_model(core.read_model(path), "CPU", settings)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1][:160]
        raise WeightsError(f"{path.name} is not an ONNX network that OpenVINO can read: choose runtime onnxruntime ({reason})") from error
    _require_hint(compiled, precision)
    return compiled


def _require_hint(compiled: Any, precision: str) -> None:
    chosen = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    if chosen != HINTS[precision]:
        raise InputError(f"OpenVINO computes in {chosen} where {HINTS[precision]} was asked for: choose runtime onnxruntime")
