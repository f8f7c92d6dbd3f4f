"""Where each point of the head comes to lie in the picture: individual shape, then pose, then camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import ORIGIN, SPAN, Field, as_field, canvas
from facies.simulation.rows import Row
from facies.simulation.sculpture import feature_depth, outline_radius
from facies.simulation.shapes import GRID, shape_shift
from facies.types import Floats, Points

LANDMARKS = np.array([(-0.495, -0.014), (0.495, -0.014), (0.0, 0.655), (-0.43, 1.12), (0.43, 1.12)])
"""The five points on the neutral head, in eye distances, in the order of :data:`facies.types.POINT_NAMES`."""

PIVOT = 0.35
"""Depth about which the head turns, in eye distances."""

USUAL_DEPTH = 0.8
STEPS = 4
"""Where the search for the point that a pixel shows begins, and its steps."""


@dataclass(frozen=True, eq=False)
class Placement:
    """How one head lies in one picture.

    ``shift`` (GRID, GRID, 2) and ``depth`` (GRID, GRID) are those of this head; ``turn`` is its rotation (3, 3); ``scale`` pixels per
    eye distance; ``centre`` where the head's origin would lie without depth; ``distance`` that of the camera in eye distances.
    """

    shift: Field
    depth: Field
    turn: Floats
    scale: float
    centre: Floats
    distance: float
    size: int


def rotation(yaw: float, pitch: float, roll: float) -> Floats:
    """Return the (3, 3) rotation of a head turned by these degrees, signs as in :data:`facies.tables.FACES`.

    Examples
    --------
    A nose that points to the subject's left lies on the right of the picture:

    >>> (rotation(90, 0, 0) @ [0, 0, 1]).round(6) + 0
    array([1., 0., 0.])
    """
    a, b, c = np.deg2rad([yaw, pitch, roll])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y, dtype=np.float64)


@cache
def _smooth_depth() -> Field:
    """Return how far the neutral head lies before the pivot on the coarse grid, continued beyond the outline without steep slopes."""
    import cv2

    sheet = canvas(256)
    rounded = 1.28 / (1 + (np.hypot(sheet.x, sheet.y) / outline_radius(sheet.x, sheet.y) / 1.05) ** 5)
    features = cv2.GaussianBlur(feature_depth(sheet.x, sheet.y), (0, 0), 4.0)
    return as_field(cv2.resize(rounded + features, (GRID, GRID), interpolation=cv2.INTER_AREA) - PIVOT)


def place(row: Row, size: int) -> Placement:
    """Return how the head of these parameters lies in a picture of ``size`` pixels."""
    shift = shape_shift(row)
    sheet = canvas(GRID)
    return Placement(
        shift=shift,
        depth=_sample(_smooth_depth(), sheet.x + shift[..., 0], sheet.y + shift[..., 1]),
        turn=rotation(row["yaw"], row["pitch"], row["roll"]),
        scale=row["eye_distance"] * size,
        centre=np.array([0.5 + row["offset_x"], 0.45 + row["offset_y"]]) * size - 0.5,
        distance=row["camera_distance"],
        size=size,
    )


def _sample(field: Field, x: Field, y: Field) -> Field:
    """Read a field of the coarse grid at these coordinates."""
    import cv2

    columns = x * (GRID / SPAN) + (ORIGIN[0] * GRID - 0.5)
    rows = y * (GRID / SPAN) + (ORIGIN[1] * GRID - 0.5)
    return as_field(cv2.remap(field, as_field(columns), as_field(rows), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def sheet_map(placement: Placement, side: int) -> Field:
    """Return for each pixel of the picture the column and row on a sheet of ``side`` pixels that it shows, (size, size, 2)."""
    import cv2

    n = placement.size
    line = (np.arange(GRID) + 0.5) * n / GRID - 0.5
    x, y = np.meshgrid(*(as_field((line - middle) / placement.scale) for middle in placement.centre))
    x, y = _unproject(placement, x, y)
    shift = _sample(placement.shift, x, y)
    scale = side / SPAN
    columns = (x + shift[..., 0]) * scale + (ORIGIN[0] * side - 0.5)
    rows = (y + shift[..., 1]) * scale + (ORIGIN[1] * side - 0.5)
    return as_field(cv2.resize(cv2.merge([columns, rows]), (n, n), interpolation=cv2.INTER_LINEAR))


def _unproject(placement: Placement, seen_x: Field, seen_y: Field) -> tuple[Field, Field]:
    """Find the point of the head that each point of the picture shows, by a few fixed-point steps over its depth."""
    turn = placement.turn.tolist()
    inverse = np.linalg.inv(placement.turn[:2, :2]).tolist()
    x, y, z = seen_x, seen_y, as_field(USUAL_DEPTH)
    for _ in range(STEPS):
        towards = (turn[2][0] * x + turn[2][1] * y + turn[2][2] * z) * (1 / placement.distance) + 1
        u, v = seen_x / towards - turn[0][2] * z, seen_y / towards - turn[1][2] * z
        x, y = inverse[0][0] * u + inverse[0][1] * v, inverse[1][0] * u + inverse[1][1] * v
        z = _sample(placement.depth, x, y)
    return x, y


def project(placement: Placement, points: Points) -> Points:
    """Return where points of the neutral head (n, 2) lie in the picture, in pixels, (n, 2)."""
    neutral = as_field(points)
    on_head = neutral
    for _ in range(6):
        on_head = neutral - _sample(placement.shift, on_head[None, :, 0], on_head[None, :, 1])[0]
    z = _sample(placement.depth, on_head[None, :, 0], on_head[None, :, 1])[0]
    turned = np.column_stack([on_head, z]) @ placement.turn.T
    nearer = 1 + turned[:, 2:] / placement.distance
    return np.asarray(turned[:, :2] * nearer * placement.scale + placement.centre, dtype=np.float64)
