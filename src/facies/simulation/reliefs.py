"""Reliefs: changes of the head's height field that a face has to some strength."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from facies.simulation.canvas import Field, as_field, dome, domes, hill, noise, pair, skin_canvas
from facies.simulation.wrinkles import Relief, relief, wrinkles


def _jowl(x: Field, y: Field) -> Field:
    bag = 0.085 * pair(x, y, 0.66, 1.42, 0.15, 0.17)
    return as_field(bag - 0.05 * pair(x, y, 0.42, 1.52, 0.07, 0.16) - 0.03 * pair(x, y, 0.88, 1.10, 0.10, 0.20))


def _eye_bag(x: Field, y: Field) -> Field:
    bag = 0.042 * pair(x, y, 0.48, 0.20, 0.17, 0.06)
    rim = -0.036 * pair(x, y, 0.40, 0.305, 0.20, 0.035) - 0.02 * pair(x, y, 0.62, 0.27, 0.10, 0.035)
    return bag + rim


def _hollow_cheek(x: Field, y: Field) -> Field:
    return -0.075 * pair(x, y, 0.72, 0.84, 0.18, 0.28) - 0.05 * pair(x, y, 1.0, -0.30, 0.14, 0.26)


def _acromegaly_brow(x: Field, y: Field) -> Field:
    return 0.11 * domes(x, y, 0.42, -0.37, 0.55, 0.24) + 0.07 * dome(x, y, 0, -0.37, 0.35, 0.24)


def _acromegaly_nose(x: Field, y: Field) -> Field:
    return 0.09 * dome(x, y, 0, 0.62, 0.30, 0.27) + 0.06 * domes(x, y, 0.24, 0.69, 0.18, 0.18)


_SOFT: dict[str, tuple[tuple[float, float, float, float], Callable[[Field, Field], Field]]] = {
    "brow_ridge": ((-1.0, -0.62, 1.0, -0.10), lambda x, y: 0.05 * pair(x, y, 0.44, -0.34, 0.34, 0.11)),
    "nose_bridge": ((-0.4, -0.35, 0.4, 0.75), lambda x, y: 0.09 * hill(x, y, 0, 0.22, 0.11, 0.26)),
    "nose_tip": ((-0.45, 0.35, 0.45, 0.95), lambda x, y: 0.08 * hill(x, y, 0, 0.66, 0.15, 0.12)),
    "nose_wings": ((-0.5, 0.45, 0.5, 0.95), lambda x, y: 0.06 * pair(x, y, 0.20, 0.69, 0.09, 0.10)),
    "cheekbone": ((-1.1, 0.0, 1.1, 0.85), lambda x, y: 0.08 * pair(x, y, 0.70, 0.36, 0.24, 0.17)),
    "chin": ((-0.7, 1.25, 0.7, 1.95), lambda x, y: 0.09 * hill(x, y, 0, 1.62, 0.26, 0.16)),
    "chin_cleft": ((-0.2, 1.40, 0.2, 1.90), lambda x, y: -0.016 * hill(x, y, 0, 1.68, 0.055, 0.11)),
    "full_cheek": ((-1.2, 0.2, 1.2, 1.6), lambda x, y: 0.12 * pair(x, y, 0.70, 0.85, 0.28, 0.34)),
    "jowl": ((-1.1, 0.75, 1.1, 1.90), _jowl),
    "eye_bag": ((-0.95, 0.02, 0.95, 0.50), _eye_bag),
    "hollow_cheek": ((-1.2, -0.9, 1.2, 1.5), _hollow_cheek),
    "acromegaly_brow": ((-1.1, -0.70, 1.1, -0.05), _acromegaly_brow),
    "acromegaly_nose": ((-0.55, 0.25, 0.55, 0.95), _acromegaly_nose),
    "acromegaly_chin": ((-0.8, 1.28, 0.8, 1.95), lambda x, y: 0.16 * dome(x, y, 0, 1.64, 0.46, 0.30)),
    "cushing_cheek": ((-1.2, 0.12, 1.2, 1.70), lambda x, y: 0.16 * domes(x, y, 0.80, 0.90, 0.34, 0.54)),
}  # fmt: skip
"""Where each soft relief lies (left, top, right, bottom, in eye distances), and its height at strength 1."""


@cache
def reliefs(side: int) -> dict[str, Relief]:
    """Return all reliefs by name on a sheet of this many pixels."""
    sheet = skin_canvas(side)
    found = wrinkles(sheet)
    for name, (bounds, height) in _SOFT.items():
        box = sheet.box(*bounds)
        found[name] = relief(sheet, box, height(sheet.x[box], sheet.y[box]))
    return found


@cache
def pores(side: int) -> Field:
    """Return the slopes of skin texture over more than the skin's part of the sheet, to be cut at a random place.

    (2, height, width).
    """
    rows, columns = skin_canvas(side).x.shape
    shape, scale = (rows + side // 2, columns + side // 2), side / 256
    height = 0.6 * noise(shape, 1.1 * scale, 101) + 0.5 * noise(shape, 2.2 * scale, 102) + 0.5 * noise(shape, 4.5 * scale, 103)
    slope_y, slope_x = np.gradient(height)
    return as_field([slope_x, slope_y])
