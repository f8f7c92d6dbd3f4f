"""Where each point of the head comes to lie in the picture: individual shape, then pose, then camera."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import ORIGIN, SPAN, Field, canvas, dome, domes, ramp
from facies.simulation.sculpture import neutral_depth
from facies.types import Points

Row = Mapping[str, float]
"""The parameters of one face."""

LANDMARKS = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, 0.67), (-0.43, 1.125), (0.43, 1.125)])
"""The five points on the neutral head, in eye distances, in the order of :data:`facies.types.POINT_NAMES`."""

GRID = 64
"""Side of the coarse grid on which positions are computed before they are enlarged."""

_SHIFTS: dict[str, Callable[[Field, Field], tuple[Field | float, Field | float]]] = {
    "face_width": lambda x, y: (-0.035 * x, 0.0),
    "jaw_width": lambda x, y: (-0.075 * x * ramp(np.abs(x), 0.1, 0.6) * dome(x, y, 0, 1.25, 1.9, 0.95), 0.0),
    "chin_length": lambda x, y: (0.0, -0.055 * ramp(y, 1.22, 1.80)),
    "chin_width": lambda x, y: (-0.10 * x * dome(x, y, 0, 1.68, 0.9, 0.40), 0.0),
    "forehead_height": lambda x, y: (0.0, 0.06 * ramp(-y, 0.45, 1.5)),
    "eye_size": lambda x, y: _around_eyes(x, y, -0.07),
    "eye_tilt": lambda x, y: (0.0, 0.09 * (np.abs(x) - 0.5) * domes(x, y, 0.5, 0.0, 0.45, 0.35)),
    "brow_height": lambda x, y: (0.0, 0.035 * domes(x, y, 0.48, -0.40, 0.65, 0.27)),
    "nose_length": lambda x, y: (0.0, -0.045 * dome(x, y, 0, 0.72, 0.55, 0.50)),
    "nose_width": lambda x, y: (-0.10 * x * dome(x, y, 0, 0.66, 0.62, 0.50), 0.0),
    "mouth_width": lambda x, y: (-0.075 * x * dome(x, y, 0, 1.12, 0.85, 0.38), 0.0),
    "mouth_height": lambda x, y: (0.0, -0.035 * dome(x, y, 0, 1.14, 0.9, 0.36)),
    "smile": lambda x, y: (-0.05 * x * dome(x, y, 0, 1.12, 0.8, 0.35), 0.035 * domes(x, y, 0.42, 1.12, 0.30, 0.25)),
    "cheek_width": lambda x, y: (-0.05 * x * domes(x, y, 0.95, 0.75, 0.85, 0.75), 0.0),
    "tilt_of_features": lambda x, y: (0.0, 0.02 * x * dome(x, y, 0, 0.5, 1.3, 1.6)),
    "bend": lambda x, y: (0.03 * ramp(y, 0.0, 1.6) * dome(x, y, 0, 0.9, 1.8, 1.6), 0.0),
    "sag": lambda x, y: (-0.055 * x * domes(x, y, 0.75, 1.40, 0.5, 0.42), -0.075 * domes(x, y, 0.72, 1.30, 0.45, 0.42)),
    "brow_drop": lambda x, y: (0.0, -0.03 * domes(x, y, 0.60, -0.36, 0.55, 0.28)),
    "nose_drop": lambda x, y: (0.0, -0.05 * dome(x, y, 0, 0.70, 0.42, 0.36)),
    "acromegaly": lambda x, y: _acromegaly(x, y),
    "cushing": lambda x, y: (-0.14 * x * domes(x, y, 0.98, 1.02, 0.42, 0.74), 0.0),
}  # fmt: skip
"""How a unit of each shape parameter moves the place on the neutral head from which a point is taken."""

SHAPES = tuple(_SHIFTS)


def _proportions(y: Field) -> Field:
    """Return how much lower on the neutral head, which is modelled with a long face, a point of an average face lies."""
    return np.asarray(0.115 * np.clip(y, 0, 1), dtype=np.float32)


_AGEING = {"sag": "sign_jowl", "brow_drop": "sign_brow_drop", "nose_drop": "sign_nose_drop"}
"""Shapes whose strength is a sign of age."""


def _around_eyes(x: Field, y: Field, strength: float) -> tuple[Field, Field]:
    near = domes(x, y, 0.5, 0.0, 0.38, 0.30)
    return strength * (x - 0.5 * np.sign(x)) * near, strength * y * near


def _acromegaly(x: Field, y: Field) -> tuple[Field, Field]:
    jaw = -0.17 * x * ramp(np.abs(x), 0.3, 0.7) * dome(x, y, 0, 1.50, 1.7, 0.62)
    chin = -0.15 * x * dome(x, y, 0, 1.72, 0.7, 0.36)
    nose = -0.26 * x * dome(x, y, 0, 0.66, 0.46, 0.34)
    longer = -0.20 * ramp(y, 1.40, 1.95) * ramp(1.3 - np.abs(x), 0.2, 0.7)
    lower_tip = -0.05 * dome(x, y, 0, 0.72, 0.36, 0.28)
    return jaw + chin + nose, longer + lower_tip


@cache
def _shifts() -> Field:
    """Return the shape fields on the coarse grid, (shapes, 2, GRID, GRID)."""
    sheet = canvas(GRID)
    return np.array([[np.broadcast_to(part, sheet.x.shape) for part in law(sheet.x, sheet.y)] for law in _SHIFTS.values()], np.float32)


@cache
def _smooth_depth() -> Field:
    """Return the head's depth on the coarse grid, smoothed and continued beyond the outline."""
    import cv2

    _, _, depth = neutral_depth(canvas(256))
    return cv2.resize(cv2.GaussianBlur(depth, (0, 0), 5.0), (GRID, GRID), interpolation=cv2.INTER_AREA)


@dataclass(frozen=True, eq=False)
class Placement:
    """How one head lies in one picture.

    ``shift`` is the shape displacement on the coarse grid, (GRID, GRID, 2); ``turn`` the rotation (3, 3); ``scale`` pixels per eye
    distance; ``centre`` where the head's origin would lie without depth; ``distance`` from the camera in eye distances.
    """

    shift: Field
    depth: Field
    turn: np.ndarray
    scale: float
    centre: np.ndarray
    distance: float
    size: int


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the (3, 3) rotation of a head turned by these degrees, signs as in :data:`facies.tables.FACES`.

    Examples
    --------
    >>> rotation(90, 0, 0) @ [0, 0, 1]  # a nose that points to the subject's left lies on the right of the picture
    array([1.0..., 0.0..., 0.0...])
    """
    a, b, c = np.deg2rad([yaw, pitch, roll])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def place(row: Row, size: int) -> Placement:
    """Return how the head of these parameters lies in a picture of ``size`` pixels."""
    strengths = np.array([row[_AGEING.get(name, name)] for name in SHAPES], np.float32)
    shift = np.ascontiguousarray(np.tensordot(strengths, _shifts(), axes=1).transpose(1, 2, 0))
    sheet = canvas(GRID)
    shift[..., 1] += _proportions(sheet.y)
    depth = _sample(_smooth_depth(), sheet.x + shift[..., 0], sheet.y + shift[..., 1])
    centre = np.array([0.5 + row["offset_x"], 0.45 + row["offset_y"]]) * size - 0.5
    return Placement(
        shift, depth, rotation(row["yaw"], row["pitch"], row["roll"]), row["eye_distance"] * size, centre, row["camera_distance"], size
    )


def _sample(field: Field, x: Field, y: Field) -> Field:
    """Read a coarse field at these coordinates."""
    import cv2

    columns = ((x / SPAN + ORIGIN[0]) * GRID - 0.5).astype(np.float32)
    rows = ((y / SPAN + ORIGIN[1]) * GRID - 0.5).astype(np.float32)
    return cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


PIVOT = 0.35
"""Depth about which the head turns, in eye distances."""


def sheet_map(placement: Placement, side: int) -> Field:
    """Return for each pixel of the picture the column and row on a sheet of ``side`` pixels that it shows, (size, size, 2)."""
    import cv2

    n = placement.size
    line = (np.arange(GRID, dtype=np.float32) + 0.5) * n / GRID - 0.5
    q = np.stack(np.meshgrid((line - placement.centre[0]) / placement.scale, (line - placement.centre[1]) / placement.scale))
    x, y = _unproject(placement, q.astype(np.float32))
    shift = _sample(placement.shift, x, y)
    columns, rows = (x + shift[..., 0], y + shift[..., 1])
    scale = side / SPAN
    coarse = np.dstack([columns * scale + (ORIGIN[0] * side - 0.5), rows * scale + (ORIGIN[1] * side - 0.5)])
    return np.asarray(cv2.resize(coarse, (n, n), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _unproject(placement: Placement, q: Field) -> tuple[Field, Field]:
    """Find the point of the head that each point of the picture shows, by a few fixed-point steps over its depth."""
    (_, _, c), (_, _, f), (g, h, k) = placement.turn.astype(np.float32)
    inverse = np.linalg.inv(placement.turn[:2, :2]).astype(np.float32)
    x, y = inverse[0, 0] * q[0] + inverse[0, 1] * q[1], inverse[1, 0] * q[0] + inverse[1, 1] * q[1]
    for _ in range(4):
        z = _sample(placement.depth, x, y) - np.float32(PIVOT)
        towards = g * x + h * y + k * z
        nearer = 1 / (1 + towards / np.float32(placement.distance))
        u, v = q[0] * nearer - c * z, q[1] * nearer - f * z
        x, y = inverse[0, 0] * u + inverse[0, 1] * v, inverse[1, 0] * u + inverse[1, 1] * v
    return x, y


def project(placement: Placement, points: Points) -> Points:
    """Return where points of the neutral head (n, 2) lie in the picture, in pixels, (n, 2)."""
    on_head = points.astype(np.float32)
    for _ in range(12):
        shift = _sample(placement.shift, on_head[None, :, 0], on_head[None, :, 1])[0]
        on_head = (points - shift).astype(np.float32)
    z = _sample(placement.depth, on_head[None, :, 0], on_head[None, :, 1])[0] - PIVOT
    turned = np.column_stack([on_head, z]) @ placement.turn.T
    flat = turned[:, :2] * (1 + turned[:, 2:] / placement.distance)
    return np.asarray(flat * placement.scale + placement.centre, dtype=np.float64)
