"""Named regions of the face, placed by five points and a template.

The template is drawn on the proportions of an average frontal face, in distances between the eyes from their midpoint. It is stretched
downwards so that its mouth lies where the face's own mouth is. A turned head is not followed: faces should be frontal.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facies.records import CropContract
from facies.tables import REGIONS
from facies.types import Floats, Points

MOUTH = 0.99
"""Height of the template's mouth below the eyes."""

OUTLINE = (
    (-1.32, 0.0), (-1.25, 0.45), (-1.05, 0.75), (-0.7, 0.94), (-0.2, 1.02), (0.4, 1.03), (0.9, 0.96), (1.2, 0.85), (1.5, 0.64),
    (1.68, 0.40), (1.78, 0.0),
)  # fmt: skip
"""Half width of the face at heights from the hairline to the chin."""

NOSE = ((-0.2, 0.12), (0.25, 0.16), (0.5, 0.30), (0.78, 0.33))
"""Half width of the nose from its root to below its tip."""

SIDES = ("middle", "left", "right")
"""Where a part of a region lies, in the picture; middle where it is not divided."""

UNDIVIDED = ("nose", "perioral", "chin", "background")

ATLAS_SENTENCE = (
    "Regions were placed by the five points that the finder gave and a template of an average frontal face (not by a mesh): their borders "
    "are approximate."
)


def region_labels(crop: CropContract, *, points: Points | None = None) -> NDArray[np.uint8]:
    """Return the number of each pixel's region in :data:`facies.tables.REGIONS`, (size, size).

    Parameters
    ----------
    crop
        How the face was cut.
    points
        The five points in the crop's pixels, (5, 2); the contract's own template when None.

    Examples
    --------
    >>> CROP = CropContract(((0.34, 0.42), (0.66, 0.42), (0.5, 0.577), (0.369, 0.737), (0.631, 0.737)), size=180)
    >>> labels = region_labels(CROP)
    >>> labels.shape, REGIONS[labels[90, 90]], REGIONS[labels[0, 0]]
    ((180, 180), 'nose', 'background')
    """
    five = crop.points() if points is None else np.asarray(points, dtype=np.float64)
    return _labels(crop.size, tuple(map(tuple, np.round(five, 3).tolist()))).copy()


def region_parts(
    labels: NDArray[np.uint8], crop: CropContract, *, points: Points | None = None
) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Divide regions into left and right parts.

    Returns
    -------
    list
        Region, side (one of :data:`SIDES`, in the picture) and the part's pixels, (size, size); parts without pixels are left out.

    Examples
    --------
    >>> CROP = CropContract(((0.34, 0.42), (0.66, 0.42), (0.5, 0.577), (0.369, 0.737), (0.631, 0.737)), size=180)
    >>> parts = region_parts(region_labels(CROP), CROP)
    >>> len(parts), parts[0][:2]
    (16, ('forehead', 'left'))
    """
    five = crop.points() if points is None else np.asarray(points, dtype=np.float64)
    across, _ = _coordinates(labels.shape[0], five)
    return [part for part in divided(labels, across) if part[2].any()]


def divided(labels: NDArray[np.uint8], across: Floats) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Return all regions, divided where they have sides; parts may be without pixels.

    Parameters
    ----------
    labels, across
        Of each pixel: its region's number, and how far to the right of the middle of the face it lies in the picture, (size, size).
    """
    parts = []
    for number, name in enumerate(REGIONS):
        here = labels == number
        sides = {"middle": here} if name in UNDIVIDED else {"left": here & (across < 0), "right": here & (across >= 0)}
        parts += [(name, side, mask) for side, mask in sides.items()]
    return parts


def face_coordinates(points: Points, five: Points) -> tuple[Floats, Floats]:
    """Return places along and below the line of the eyes, in eye distances from their midpoint.

    What lies below is stretched so that the own mouth comes to the template's height.

    Parameters
    ----------
    points
        (..., 2), in pixels.
    five
        The five points of the face in the same pixels, (5, 2).

    Examples
    --------
    >>> five = np.array([[30.0, 40], [70, 40], [50, 60], [36, 79.6], [64, 79.6]])
    >>> across, below = face_coordinates(np.array([[50.0, 79.6], [70.0, 40.0]]), five)
    >>> across.round(2).tolist(), below.round(2).tolist()
    ([0.0, 0.5], [0.99, 0.0])
    """
    along = five[1] - five[0]
    distance = float(np.hypot(*along))
    unit = along / distance
    middle, mouth = (five[0] + five[1]) / 2, (five[3] + five[4]) / 2
    dx, dy = points[..., 0] - middle[0], points[..., 1] - middle[1]
    across, below = (dx * unit[0] + dy * unit[1]) / distance, (-dx * unit[1] + dy * unit[0]) / distance
    own = float((mouth - middle) @ np.array([-unit[1], unit[0]])) / distance
    return across, np.where(below > 0, below * MOUTH / max(own, 0.3), below)


def _coordinates(size: int, five: Points) -> tuple[Floats, Floats]:
    """Return the same of each pixel."""
    y, x = np.mgrid[0:size, 0:size]
    return face_coordinates(np.stack([x, y], axis=-1), five)


def _width(y: Floats, table: tuple[tuple[float, float], ...]) -> Floats:
    """Return the half width at each height, 0 outside an outline that ends in 0."""
    heights, widths = np.array(table).T
    return np.asarray(np.interp(y, heights, widths))


@lru_cache(maxsize=64)
def _labels(size: int, points: tuple[tuple[float, float], ...]) -> NDArray[np.uint8]:
    return labels_at(*_coordinates(size, np.array(points)))


def labels_at(across: Floats, below: Floats) -> NDArray[np.uint8]:
    """Return the number of the region at places of the template, as :func:`face_coordinates` gives them."""
    x, y = np.abs(across), below
    inside = x < _width(y, OUTLINE)
    nose = x < _width(y, NOSE)
    rules = (
        (inside, "malar"),
        (inside & (y >= 0.95), "jawline"),
        (inside & ((y < -0.55) | ((y < 0.1) & (x >= 0.95))), "forehead"),
        (inside & (y >= -0.55) & (y < -0.2) & (x < 0.95), "glabella"),
        (inside & (y >= -0.2) & (y < 0.3) & (x < 0.95), "periorbital"),
        (inside & (y >= 0.55) & (y < 1.0) & (x < 0.62), "nasolabial"),
        (inside & (y >= 0.78) & (y < 1.28) & (x < 0.5), "perioral"),
        (inside & (y >= 1.28) & (x < 0.45), "chin"),
        (inside & (y >= -0.2) & (y < 0.78) & nose, "nose"),
    )
    labels = np.full(y.shape, REGIONS.index("background"), np.uint8)
    for where, name in rules:
        labels[where] = REGIONS.index(name)
    return labels
