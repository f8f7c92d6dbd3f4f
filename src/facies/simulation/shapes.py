"""How faces differ in shape: by person, by age and by disease."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from facies.simulation.canvas import Field, as_field, canvas, dome, domes, ramp
from facies.simulation.rows import Row

GRID = 48
"""Side of the coarse grid on which positions are computed before they are enlarged."""

_SHIFTS: dict[str, Callable[[Field, Field], tuple[Field | float, Field | float]]] = {
    "face_width": lambda x, _: (-0.035 * x, 0.0),
    "jaw_width": lambda x, y: (-0.075 * x * ramp(np.abs(x), 0.1, 0.6) * dome(x, y, 0, 1.25, 1.9, 0.95), 0.0),
    "chin_length": lambda _, y: (0.0, -0.055 * ramp(y, 1.22, 1.80)),
    "chin_width": lambda x, y: (-0.10 * x * dome(x, y, 0, 1.68, 0.9, 0.40), 0.0),
    "forehead_height": lambda _, y: (0.0, 0.06 * ramp(-y, 0.45, 1.5)),
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
    return as_field([[np.broadcast_to(part, sheet.x.shape) for part in law(sheet.x, sheet.y)] for law in _SHIFTS.values()])


@cache
def _proportions() -> Field:
    """Return how much lower on the neutral head, which is modelled with a long face, a point of an average face lies."""
    return as_field(0.115 * np.clip(canvas(GRID).y, 0, 1))


def shape_shift(row: Row) -> Field:
    """Return for each point of this head how far from it the point of the neutral head lies that looks like it.

    On the coarse grid, in eye distances, (GRID, GRID, 2).
    """
    strengths = as_field([row[_AGEING.get(name, name)] for name in SHAPES])
    shift = np.ascontiguousarray(np.tensordot(strengths, _shifts(), axes=1).transpose(1, 2, 0))
    shift[..., 1] += _proportions()
    return shift
