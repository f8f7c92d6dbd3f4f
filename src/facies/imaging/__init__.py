"""Pure pixels: decoding, orientation, colour, alignment and quality measures. Nothing here knows a study or its tables.

Pillow and OpenCV are loaded when the first name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facies.imaging.alignment import align_face as align_face
    from facies.imaging.alignment import outside_share as outside_share
    from facies.imaging.alignment import similarity_transform as similarity_transform
    from facies.imaging.alignment import transform_points as transform_points
    from facies.imaging.decode import MAX_PIXELS as MAX_PIXELS
    from facies.imaging.decode import DecodedPhotograph as DecodedPhotograph
    from facies.imaging.decode import Probe as Probe
    from facies.imaging.decode import decode_photograph as decode_photograph
    from facies.imaging.decode import probe_photograph as probe_photograph
    from facies.imaging.metadata import strip_metadata as strip_metadata
    from facies.imaging.pose import head_pose as head_pose
    from facies.imaging.quality import measure_quality as measure_quality

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

__all__ = [
    "MAX_PIXELS",
    "DecodedPhotograph",
    "Probe",
    "align_face",
    "decode_photograph",
    "head_pose",
    "measure_quality",
    "outside_share",
    "probe_photograph",
    "similarity_transform",
    "strip_metadata",
    "transform_points",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
