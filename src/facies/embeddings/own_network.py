"""The encoder that a study has learnt from its own photographs: known in that study only."""

from __future__ import annotations

from typing import NoReturn

from facies.errors import InputError

NAME = "ssl"
"""What ``study.toml`` calls it."""


def load(*_argument: object, **_settings: object) -> NoReturn:
    """Refuse to load it outside of a study.

    Raises
    ------
    InputError
        Always, with what to write instead.
    """
    raise InputError(
        f"{NAME} is each study's own encoder: name it in study.toml after `facies pretrain STUDY`, "
        "or write onnx:STUDY/derived/pretrain/encoder.onnx here"
    )
