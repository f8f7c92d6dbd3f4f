"""Signs of acromegaly and Cushing's syndrome painted onto real portraits: cases whose truth is known, on faces that are not simulated.

Shapes are moved by smooth fields in distances between the eyes, colour in CIE Lab; the strength grows with the severity. Controls pass
through the same steps with no sign (a tiny random field, the same encoding), so that the processing itself is no clue. What comes out is
semi-synthetic and must be called so: it says what photographs like these would let a model find, not how well it finds patients.

Signs after Melmed S. N Engl J Med 2006;355:2558-2573 (acromegaly) and Nieman LK et al. J Clin Endocrinol Metab 2008;93:1526-1540
(Cushing's).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats, Image, Points

PAINTED_REGIONS = {
    "acromegaly": ("nose", "chin", "jawline", "perioral", "glabella", "nasolabial"),
    "cushing": ("malar", "nasolabial", "jawline"),
}
"""Where each condition changes the face, as in :data:`facies.tables.REGIONS`: no other region has a larger share of changed pixels.

Shares of changed pixels at full severity, means of 200 portraits: acromegaly jawline 1.00, chin 0.95, nose 0.48, nasolabial 0.39 (the
broader nose and the lips reach into it), glabella 0.33, perioral 0.25, malar 0.17, periorbital 0.10; Cushing's nasolabial 1.00, malar
0.98, jawline 0.77, nose 0.48, chin 0.26, perioral 0.25, periorbital 0.20; others none. Of the background 0.25, most of it along the
outline of the face.
"""

WOBBLE = 0.012
"""Largest shift of the random field that cases and controls share, in eye distances."""

MOVED = 0.02
"""A pixel counts as changed where it moved by more of an eye distance, or its colour by more than 2 units of Lab."""


class Painted(NamedTuple):
    """A portrait with signs: the picture, which pixels changed, and the regions that were changed on purpose."""

    image: Image
    changed: NDArray[np.bool_]
    regions: tuple[str, ...]


class _Place(NamedTuple):
    """Each pixel's place: along and below the eyes from their midpoint, in eye distances, and the eye distance in pixels."""

    x: Floats
    y: Floats
    axes: Floats
    distance: float


def paint_condition(image: Image, points: Points, condition: str | None, severity: float, *, random_state: int = 0) -> Painted:
    """Paint a condition onto a portrait.

    Parameters
    ----------
    image
        sRGB, uint8 (height, width, 3).
    points
        Right eye, left eye, nose, right and left corner of the mouth, (5, 2), in pixels.
    condition
        ``acromegaly``, ``cushing``, or None for a control.
    severity
        0 (none) to 1 (marked disease).
    random_state
        Seed of the small random field.

    Raises
    ------
    InputError
        When the condition is unknown or the severity out of range.

    Examples
    --------
    >>> grey = np.full((120, 120, 3), 150, np.uint8)
    >>> five = np.array([[45.0, 50.0], [75.0, 50.0], [60.0, 65.0], [48.0, 80.0], [72.0, 80.0]])
    >>> paint_condition(grey, five, None, 0.0).changed.any(), paint_condition(grey, five, "cushing", 1.0).regions
    (np.False_, ('malar', 'nasolabial', 'jawline'))
    """
    if condition is not None and condition not in PAINTED_REGIONS:
        raise InputError(f"condition '{condition}' is not known: choose from {', '.join(PAINTED_REGIONS)}")
    if not 0 <= severity <= 1:
        raise InputError(f"severity is {severity:g}: choose 0 to 1")
    place = _place(image, points)
    shift = np.zeros((*place.x.shape, 2))
    colour = np.zeros((*place.x.shape, 3))
    if condition is not None:
        shift, colour = _FIELDS[condition](place.x, place.y)
    moved = _warped(image, place, severity * shift + _wobble(place, random_state))
    painted = _tinted(moved, severity * colour)
    strong = severity * np.hypot(shift[..., 0], shift[..., 1]) > MOVED
    changed = strong | (severity * np.abs(colour).max(axis=2) > 2.0)
    return Painted(painted, changed, PAINTED_REGIONS.get(condition or "", ()))


def _place(image: Image, points: Points) -> _Place:
    along = points[1] - points[0]
    distance = float(np.hypot(*along))
    axes = np.array([along, [-along[1], along[0]]]) / distance
    middle = (points[0] + points[1]) / 2
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    offsets = np.stack([x - middle[0], y - middle[1]], axis=-1) / distance
    mouth = (points[3] + points[4]) / 2 - middle
    stretch = 0.99 / max(float(mouth @ axes[1]) / distance, 0.3)
    below = offsets @ axes[1]
    return _Place(offsets @ axes[0], np.where(below > 0, below * stretch, below), axes, distance)


def _dome(x: Floats, y: Floats, at: tuple[float, float], reach: tuple[float, float]) -> Floats:
    """Return a smooth hill of height 1 that ends at ``reach`` from its middle."""
    radius = np.sqrt(((x - at[0]) / reach[0]) ** 2 + ((y - at[1]) / reach[1]) ** 2)
    return np.asarray(np.where(radius < 1, np.cos(np.pi / 2 * np.minimum(radius, 1)) ** 2, 0.0))


def _pair(x: Floats, y: Floats, at: tuple[float, float], reach: tuple[float, float]) -> Floats:
    return np.asarray(np.maximum(_dome(x, y, at, reach), _dome(x, y, (-at[0], at[1]), reach)))


def _ramp(y: Floats, low: float, high: float) -> Floats:
    t = np.clip((y - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _acromegaly(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return from where each pixel is taken, and what is added to its colour, at full severity."""
    jaw = -0.13 * x * _dome(x, y, (0, 1.35), (1.9, 0.85)) * _ramp(np.abs(x), 0.15, 0.55)
    nose = -0.22 * x * _dome(x, y, (0, 0.58), (0.62, 0.45))
    lips = -0.22 * (y - 1.0) * _dome(x, y, (0, 1.0), (0.62, 0.30))
    chin = -0.15 * _ramp(y, 1.25, 1.75) * _dome(x, y, (0, 1.6), (1.1, 1.2))
    tip = -0.05 * _dome(x, y, (0, 0.70), (0.45, 0.30))
    brow = -0.10 * (y + 0.38) * _dome(x, y, (0, -0.38), (1.15, 0.30))
    light = 7.0 * _pair(x, y, (0.42, -0.40), (0.50, 0.13)) - 9.0 * _pair(x, y, (0.42, -0.20), (0.45, 0.11))
    colour = np.zeros((*x.shape, 3))
    colour[..., 0] = light
    return np.stack([jaw + nose, lips + chin + tip + brow], axis=-1), colour


def _cushing(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    cheeks = -0.17 * x * _pair(x, y, (0.85, 0.85), (0.80, 0.95))
    fuller = -0.05 * _pair(x, y, (0.65, 0.75), (0.50, 0.55))
    red = _pair(x, y, (0.58, 0.55), (0.50, 0.50)) + 0.5 * _dome(x, y, (0, 0.55), (0.35, 0.4)) + 0.4 * _dome(x, y, (0, 1.5), (0.5, 0.3))
    colour = np.zeros((*x.shape, 3))
    colour[..., 0], colour[..., 1], colour[..., 2] = -3.0 * red, 10.0 * red, 3.0 * red
    return np.stack([cheeks, fuller], axis=-1), colour


_FIELDS = {"acromegaly": _acromegaly, "cushing": _cushing}


def _wobble(place: _Place, random_state: int) -> Floats:
    """Return a small smooth random field, (height, width, 2), in eye distances."""
    rng = np.random.default_rng([random_state, 41])
    coarse = rng.uniform(-1, 1, size=(6, 6, 2)).astype(np.float32)
    size = place.x.shape[1], place.x.shape[0]
    return np.asarray(WOBBLE * cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), dtype=np.float64)


def _warped(image: Image, place: _Place, shift: Floats) -> Image:
    pixels = (shift[..., :1] * place.axes[0] + shift[..., 1:] * place.axes[1]) * place.distance
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    there = (np.stack([x, y], axis=-1) + pixels).astype(np.float32)
    return np.asarray(cv2.remap(image, there, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))


def _tinted(image: Image, colour: Floats) -> Image:
    """Add to the colour in Lab; a picture without colour gets the change of lightness only."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    grey = bool(np.abs(image.astype(np.int16).max(axis=2) - image.min(axis=2)).mean() < 2)
    added = colour * (np.array([1.0, 0.0, 0.0]) if grey else np.ones(3))
    rgb = cv2.cvtColor((lab + added).astype(np.float32), cv2.COLOR_Lab2RGB)
    return np.asarray(np.rint(np.clip(rgb, 0, 1) * 255), dtype=np.uint8)
