"""Faces: find them, say where their five points are, choose one, judge its quality and cut it out.

OpenCV and onnxruntime are loaded when the first name that needs them is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facies.faces.choose import Choice as Choice
    from facies.faces.choose import choose_face as choose_face
    from facies.faces.detectors import DETECTORS as DETECTORS
    from facies.faces.detectors import DetectorEntry as DetectorEntry
    from facies.faces.detectors import load_detector as load_detector
    from facies.faces.facemesh import FaceMesh as FaceMesh
    from facies.faces.finder import FaciesFinder as FaciesFinder
    from facies.faces.gate import QualityGate as QualityGate
    from facies.faces.gate import assess_face as assess_face
    from facies.faces.geometry import face_of_points as face_of_points
    from facies.faces.given import GivenPoints as GivenPoints
    from facies.faces.read import PhotographFaces as PhotographFaces
    from facies.faces.read import faces_table as faces_table
    from facies.faces.read import read_photograph as read_photograph
    from facies.faces.read import without_face as without_face
    from facies.faces.yunet import YuNet as YuNet

_HOMES = {
    "DETECTORS": "detectors",
    "Choice": "choose",
    "DetectorEntry": "detectors",
    "FaceMesh": "facemesh",
    "FaciesFinder": "finder",
    "GivenPoints": "given",
    "PhotographFaces": "read",
    "QualityGate": "gate",
    "YuNet": "yunet",
    "assess_face": "gate",
    "choose_face": "choose",
    "face_of_points": "geometry",
    "faces_table": "read",
    "load_detector": "detectors",
    "read_photograph": "read",
    "without_face": "read",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
