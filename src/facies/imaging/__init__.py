"""Pure pixels: decoding, orientation, colour, alignment and quality measures. Nothing here knows a study or its tables.

Pillow and OpenCV are loaded when the first name is used.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "MAX_PIXELS": "decode",
    "DecodedPhotograph": "decode",
    "Probe": "decode",
    "decode_photograph": "decode",
    "probe_photograph": "decode",
    "strip_metadata": "metadata",
    "align_face": "alignment",
    "outside_share": "alignment",
    "similarity_transform": "alignment",
    "transform_points": "alignment",
    "head_pose": "pose",
    "measure_quality": "quality",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
