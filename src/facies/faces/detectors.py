"""Which detectors there are, and one of them ready to use."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from facies.errors import InputError, WeightsError
from facies.types import Detector


@dataclass(frozen=True)
class DetectorEntry:
    """One detector.

    Parameters
    ----------
    path
        ``module:class``; called with the weights' path where ``needs_weights`` is true, without arguments otherwise.
    licence
        Of the detector, its weights included.
    meaning
        What it is, in one line.
    needs_weights
        Whether it needs a file that is not part of the package.
    """

    path: str
    licence: str
    meaning: str
    needs_weights: bool = False


DETECTORS: dict[str, DetectorEntry] = {
    "facies-finder": DetectorEntry(
        path="facies.faces.finder:FaciesFinder",
        licence="Apache-2.0",
        meaning="the finder that the package carries: box and five points of portraits, no file to fetch",
    ),
    "yunet": DetectorEntry(
        path="facies.faces.yunet:YuNet",
        licence="Apache-2.0",
        meaning="YuNet (libfacedetection), trained on WIDER FACE; its ONNX file is fetched explicitly",
        needs_weights=True,
    ),
    "face-mesh": DetectorEntry(
        path="facies.faces.facemesh:FaceMesh",
        licence="Apache-2.0",
        meaning="BlazeFace and the 468-point face mesh; `facies weights fetch face-mesh` brings both files, the extra `mesh` runs them",
        needs_weights=True,
    ),
    "given": DetectorEntry(
        path="facies.faces.given:GivenPoints",
        licence="Apache-2.0",
        meaning="no search: the five points stand in the photographs' table",
    ),
}
"""The detectors by name: a table to read, not a registry that fills itself."""


def load_detector(name: str, *, weights: Path | None = None) -> Detector:
    """Return a detector.

    Parameters
    ----------
    name
        One of :data:`DETECTORS`.
    weights
        The file of a detector that the package does not carry.

    Raises
    ------
    InputError
        When there is no such detector, or it has no weights to give.
    WeightsError
        When its file is absent, was altered or is another network.

    Examples
    --------
    >>> load_detector("given").name
    'given'
    >>> load_detector("haar")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: no detector 'haar': choose one of facies-finder, yunet, face-mesh, given
    """
    if name not in DETECTORS:
        raise InputError(f"no detector '{name}': choose one of {', '.join(DETECTORS)}")
    entry = DETECTORS[name]
    if not entry.needs_weights:
        if weights is not None:
            raise InputError(f"{name} takes no weights file: leave out detector_weights")
        return _make(entry)
    if weights is None:
        raise WeightsError(f"{name} needs its file: fetch it with `facies weights fetch {name}` and give its path as weights")
    return _make(entry, weights)


def _make(entry: DetectorEntry, *arguments: Path) -> Detector:
    module, _, name = entry.path.partition(":")
    detector: Detector = getattr(importlib.import_module(module), name)(*arguments)
    return detector
