"""The quality gate: from which measure on a face is not used, and why."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from facies.errors import InputError


@dataclass(frozen=True)
class QualityGate:
    """Thresholds of the measures in the faces' table; ``None`` is not checked.

    The defaults keep ordinary frontal portraits, small ones (eyes 20 px apart) too, and turn away what five-point alignment and a
    network at 112 to 128 pixels cannot use. Stricter studies set their own in ``study.toml``. The measures are named after
    ISO/IEC 29794-5.

    Parameters
    ----------
    min_score
        The detector's confidence, 0 to 1.
    min_inter_eye_distance
        Pixels.
    min_sharpness
        Variance of the Laplacian; ordinary portraits have 20 and more.
    min_exposure, max_exposure
        Mean luminance of the face, 0 to 1.
    max_underexposed, max_overexposed
        Share of the face's pixels.
    min_illumination_uniformity
        Likeness of the two halves, 0 to 1.
    max_yaw, max_pitch, max_roll
        Degrees, to either side.
    max_outside
        Share of the crop that lies beyond the picture's edge.
    min_background_uniformity, max_compression
        Not checked unless set.

    Raises
    ------
    InputError
        When a threshold is not a number.
    """

    min_score: float | None = 0.5
    min_inter_eye_distance: float | None = 16.0
    min_sharpness: float | None = 5.0
    min_exposure: float | None = 0.08
    max_exposure: float | None = 0.95
    max_underexposed: float | None = 0.7
    max_overexposed: float | None = 0.5
    min_illumination_uniformity: float | None = None
    max_yaw: float | None = 40.0
    max_pitch: float | None = 40.0
    max_roll: float | None = 45.0
    max_outside: float | None = 0.35
    min_background_uniformity: float | None = None
    max_compression: float | None = None

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
                raise InputError(f"the gate's {name} is {value!r}: give a number, or leave it out")

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> QualityGate:
        """Return a gate with these thresholds and the defaults of the others.

        Raises
        ------
        InputError
            Naming a threshold that the gate does not have.

        Examples
        --------
        >>> QualityGate.from_settings({"min_inter_eye_distance": 60}).min_inter_eye_distance
        60
        >>> QualityGate.from_settings({"min_beauty": 1})
        Traceback (most recent call last):
        ...
        facies.errors.InputError: the quality gate has no threshold 'min_beauty': choose from min_score, min_inter_eye_distance, ...
        """
        names = [field.name for field in dataclasses.fields(cls)]
        unknown = [name for name in settings if name not in names]
        if unknown:
            raise InputError(f"the quality gate has no threshold '{unknown[0]}': choose from {', '.join(names)}")
        return cls(**settings)


def _below(value: float, threshold: float) -> bool:
    return value < threshold


def _above(value: float, threshold: float) -> bool:
    return value > threshold


def _beyond(value: float, threshold: float) -> bool:
    return abs(value) > threshold


CHECKS: tuple[tuple[str, str, Callable[[float, float], bool], str], ...] = (
    ("min_score", "score", _below, "low_score"),
    ("max_outside", "outside", _above, "cut_off"),
    ("min_inter_eye_distance", "inter_eye_distance", _below, "eyes_too_close"),
    ("max_yaw", "yaw", _beyond, "turned"),
    ("max_pitch", "pitch", _beyond, "turned"),
    ("max_roll", "roll", _beyond, "tilted"),
    ("min_exposure", "exposure", _below, "too_dark"),
    ("max_underexposed", "underexposed", _above, "too_dark"),
    ("max_exposure", "exposure", _above, "too_bright"),
    ("max_overexposed", "overexposed", _above, "too_bright"),
    ("min_illumination_uniformity", "illumination_uniformity", _below, "uneven_light"),
    ("min_sharpness", "sharpness", _below, "blurred"),
    ("max_compression", "compression", _above, "compressed"),
    ("min_background_uniformity", "background_uniformity", _below, "uneven_background"),
)
"""Threshold, column, what fails, and the reason then; the first that fails is the reason."""


def assess_face(row: Mapping[str, Any], gate: QualityGate) -> str | None:
    """Return why a face is not used, or None when it is.

    A measure that is missing (NaN) does not speak against the face.

    Parameters
    ----------
    row
        A row of the faces' table.
    gate
        The thresholds.

    Examples
    --------
    >>> assess_face({"score": 0.9, "inter_eye_distance": 12.0}, QualityGate())
    'eyes_too_close'
    >>> assess_face({"score": 0.9, "inter_eye_distance": 60.0}, QualityGate())
    """
    for name, column, fails, reason in CHECKS:
        threshold, value = getattr(gate, name), row.get(column, math.nan)
        if threshold is not None and fails(float(value), float(threshold)):
            return reason
    return None
