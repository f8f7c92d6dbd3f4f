"""Opening a detector's network."""

from __future__ import annotations

from typing import Any

import onnxruntime

from facies.errors import WeightsError


def open_session(data: bytes, *, name: str) -> Any:
    """Open an ONNX network for one core; the session may be used from several threads.

    Raises
    ------
    WeightsError
        When the bytes are not a network that onnxruntime can read.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise WeightsError(f"{name} is not an ONNX network that onnxruntime can read: fetch it again") from error
