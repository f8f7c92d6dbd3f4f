"""The mouth, painted on the sheet for each face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Box, Field, skin_canvas
from facies.simulation.geometry import Row

HALF_WIDTH = 0.435
LINE = 1.12
"""Half the width of the mouth and the height of its line, in eye distances."""


@dataclass(frozen=True, eq=False)
class Mouth:
    """What the mouth adds on its part of the sheet: redness, darkness and slopes."""

    box: Box
    redness: Field
    darkness: Field
    slope_x: Field
    slope_y: Field
    gloss: Field


@cache
def _window(side: int) -> tuple[Box, Field, Field, float]:
    sheet = skin_canvas(side)
    box = sheet.box(-0.58, 0.84, 0.58, 1.46)
    return box, sheet.x[box], sheet.y[box], sheet.scale


def shape_mouth(row: Row, side: int) -> Mouth:
    """Return the mouth of these parameters on a sheet of ``side`` pixels."""
    box, x, y, scale = _window(side)
    t = np.clip(np.abs(x) / np.float32(HALF_WIDTH), 0, 1)
    fullness = max(0.4, 1.12 * row["lip_fullness"] - 0.30 * row["sign_thin_lips"]) * (1 + 0.55 * row["acromegaly"])
    line = LINE + 0.010 * np.cos(x * 16) * (1 - t) - 0.012 * (1 - t) + 0.015 * row["sign_marionette"] * t**3
    bow = 1 - 0.22 * np.exp(-((x / 0.05) ** 2)) + 0.10 * np.exp(-(((np.abs(x) - 0.09) / 0.06) ** 2))
    top = line - 0.080 * fullness * bow * (1 - t**1.7)
    bottom = line + 0.118 * fullness * (1 - t**2.4)
    within = np.clip((np.float32(HALF_WIDTH) - np.abs(x)) * scale * 0.6 + 0.5, 0, 1)
    upper = np.clip(np.minimum(y - top, line - y) * scale * 0.55 + 0.5, 0, 1) * within
    lower = np.clip(np.minimum(y - line, bottom - y) * scale * 0.40 + 0.5, 0, 1) * within
    cleft = np.exp(-(((y - line) / 0.013) ** 2)) * np.clip(1.12 - t, 0, 1) ** 0.4
    height = _height(y, line, top, bottom, t, fullness)
    slope_y, slope_x = np.gradient(height)
    colour = max(0.1, 0.28 + 0.50 * row["lip_colour"] - 0.12 * row["sign_thin_lips"])
    return Mouth(
        box,
        (colour * (upper + 0.9 * lower)).astype(np.float32),
        (0.26 * upper + 0.10 * lower + 0.95 * cleft).astype(np.float32),
        (slope_x * scale).astype(np.float32),
        (slope_y * scale).astype(np.float32),
        (0.35 * lower + 0.15 * upper).astype(np.float32),
    )


def _height(y: Field, line: Field, top: Field, bottom: Field, t: Field, fullness: float) -> Field:
    """Return the swelling of both lips, the furrow between them and the hollow below."""
    fade = (1 - t**2) ** 0.5
    up = np.clip((line - y) / np.maximum(line - top, 1e-3), 0, 1.6)
    down = np.clip((y - line) / np.maximum(bottom - line, 1e-3), 0, 1.6)
    upper = 0.050 * fullness * np.clip(up, 0, 1) ** 0.4 * np.exp(-((np.clip(up - 0.75, 0, 2) / 0.35) ** 2)) * (y < line)
    lower = 0.085 * fullness * np.clip(down, 0, 1) ** 0.45 * np.exp(-((np.clip(down - 0.55, 0, 2) / 0.38) ** 2)) * (y >= line)
    return (upper + lower) * fade
