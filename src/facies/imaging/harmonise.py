"""Makes crops of different sources alike: colour, resolution, compression, background.

Each step is measured apart from being applied, so that what was done to a face can be recorded. Colour is undone exactly up to rounding and
clipping by :func:`restore_colour`; resolution, compression and background lose what they take: they cannot be undone, and the photograph
itself is kept. What is made alike cannot be told apart by a model, but a step may also take away signs of a disease (colour: plethora).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from facies.errors import InputError
from facies.records import CropContract
from facies.types import Floats, Image

STEPS = ("colour", "background", "resolution", "compression")
"""All steps, in the order in which they are applied."""

TARGET_MEAN = (64.0, 14.0, 17.0)
TARGET_SD = (13.0, 5.0, 5.0)
"""Mean and standard deviation of the face's colour in CIE Lab after the step ``colour``."""

EYES = 26.0
"""Distance of the eyes in pixels to which ``resolution`` shrinks a crop before it is enlarged again."""

QUALITY = 60
"""Of the JPEG that ``compression`` makes of a crop."""

GREY = 128


class FaceColour(NamedTuple):
    """Mean and standard deviation of the face's pixels in CIE Lab, (3,) each."""

    mean: Floats
    deviation: Floats


def measure_colour(crop: Image, contract: CropContract) -> FaceColour:
    """Measure the colour of the face in a crop, uint8 (size, size, 3).

    Examples
    --------
    >>> from facies.embeddings.templates import face_template
    >>> contract = CropContract(face_template(eye_distance=0.32, eye_height=0.42), size=64)
    >>> measure_colour(np.full((64, 64, 3), 255, np.uint8), contract).mean.round().tolist()
    [100.0, 0.0, 0.0]
    """
    pixels = _lab(crop)[_face(contract)]
    return FaceColour(pixels.mean(axis=0), np.maximum(pixels.std(axis=0), 1.0))


def harmonise_crop(crop: Image, contract: CropContract) -> Image:
    """Apply the contract's steps to a crop, uint8 (size, size, 3).

    Raises
    ------
    InputError
        When a step is unknown.
    """
    unknown = [name for name in contract.harmonise if name not in STEPS]
    if unknown:
        raise InputError(f"harmonise names '{unknown[0]}': choose from {', '.join(STEPS)}")
    for step in STEPS:
        if step in contract.harmonise:
            crop = _APPLY[step](crop, contract)
    return crop


def restore_colour(crop: Image, before: FaceColour) -> Image:
    """Undo the step ``colour`` with what :func:`measure_colour` said of the crop before it."""
    lab = _lab(crop)
    scaled = (lab - np.array(TARGET_MEAN)) / np.array(TARGET_SD) * before.deviation + before.mean
    return _rgb(scaled)


def _colour(crop: Image, contract: CropContract) -> Image:
    before = measure_colour(crop, contract)
    lab = _lab(crop)
    return _rgb((lab - before.mean) / before.deviation * np.array(TARGET_SD) + np.array(TARGET_MEAN))


def _resolution(crop: Image, contract: CropContract) -> Image:
    eyes = contract.points()
    side = round(contract.size * EYES / float(np.hypot(*(eyes[1] - eyes[0]))))
    if side >= contract.size:
        return crop
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (contract.size, contract.size), interpolation=cv2.INTER_LINEAR))


def _compression(crop: Image, contract: CropContract) -> Image:  # noqa: ARG001
    _, data = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))


def _background(crop: Image, contract: CropContract) -> Image:
    soft = cv2.GaussianBlur(_face(contract).astype(np.float32), (0, 0), 0.015 * contract.size)[..., None]
    return np.asarray(np.rint(crop * soft + GREY * (1 - soft)), dtype=np.uint8)


_APPLY = {"background": _background, "colour": _colour, "resolution": _resolution, "compression": _compression}


def _face(contract: CropContract) -> np.ndarray:
    from facies.imaging.atlas import region_labels
    from facies.tables import REGIONS

    return np.asarray(region_labels(contract) != REGIONS.index("background"))


def _lab(crop: Image) -> Floats:
    return np.asarray(cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), dtype=np.float64)


def _rgb(lab: Floats) -> Image:
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2RGB)
    return np.asarray(np.rint(np.clip(rgb, 0, 1) * 255), dtype=np.uint8)
