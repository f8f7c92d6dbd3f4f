"""The mouth, painted on the sheet for each face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Box, Field, as_field, skin_canvas, unit
from facies.simulation.rows import Row

HALF_WIDTH = 0.435
LINE = 1.12
"""Half the width of the mouth and the height of its line, in eye distances."""


@dataclass(frozen=True, eq=False)
class Mouth:
    """What the mouth adds on its part of the sheet: redness, darkness, slopes and gloss."""

    box: Box
    redness: Field
    darkness: Field
    slope_x: Field
    slope_y: Field
    gloss: Field


@dataclass(frozen=True, eq=False)
class _Window:
    """The part of the sheet with the mouth; all but ``y`` (height, 1) are functions along the mouth, (1, width).

    ``t`` is 0 in the middle and 1 at the corners.
    """

    box: Box
    y: Field
    t: Field
    waves: Field
    bow: Field
    upper_law: Field
    lower_law: Field
    within: Field
    cleft: Field
    swell: Field
    scale: float


@cache
def _window(side: int) -> _Window:
    sheet = skin_canvas(side)
    box = sheet.box(-0.60, 0.84, 0.60, 1.46)
    x, y = sheet.x[box][:1], sheet.y[box][:, :1]
    ax = np.abs(x)
    t = np.clip(ax / HALF_WIDTH, 0, 1)
    return _Window(
        box=box,
        y=y,
        t=as_field(t),
        waves=as_field((0.010 * np.cos(x * 16) + 0.002) * (1 - t)),
        bow=as_field(1 - 0.22 * np.exp(-((x / 0.05) ** 2)) + 0.10 * np.exp(-(((ax - 0.09) / 0.06) ** 2))),
        upper_law=as_field(1 - t**1.7),
        lower_law=as_field(1 - t**2.4),
        within=unit(as_field((HALF_WIDTH - ax) * sheet.scale * 0.6 + 0.5)),
        cleft=as_field(np.clip(1.03 - t, 0, 1) ** 0.5),
        swell=as_field((1 - t**2) ** 0.5),
        scale=sheet.scale,
    )


def shape_mouth(row: Row, side: int) -> Mouth:
    """Return the mouth of these parameters on a sheet of ``side`` pixels."""
    w = _window(side)
    fullness = max(0.4, 1.12 * row["lip_fullness"] - 0.30 * row["sign_thin_lips"]) * (1 + 0.55 * row["acromegaly"])
    line = LINE + w.waves + 0.015 * row["sign_marionette"] * w.t**3
    top = line - 0.080 * fullness * w.bow * w.upper_law
    bottom = line + 0.118 * fullness * w.lower_law
    below = w.y - line
    upper = unit(np.minimum(w.y - top, -below) * (w.scale * 0.55) + 0.5) * w.within
    lower = unit(np.minimum(below, bottom - w.y) * (w.scale * 0.40) + 0.5) * w.within
    slope_y, slope_x = np.gradient(_height(w, below, line - top, bottom - line, fullness))
    cleft = below * (1 / 0.013)
    colour = max(0.1, 0.28 + 0.50 * row["lip_colour"] - 0.12 * row["sign_thin_lips"])
    return Mouth(
        w.box,
        as_field(colour * upper + (0.9 * colour) * lower),
        as_field(0.26 * upper + 0.10 * lower + np.exp(-(cleft * cleft)) * (0.95 * w.cleft)),
        as_field(slope_x * w.scale),
        as_field(slope_y * w.scale),
        as_field(0.15 * upper + 0.35 * lower),
    )


def _height(w: _Window, below: Field, thick_upper: Field, thick_lower: Field, fullness: float) -> Field:
    """Return how far each lip swells; ``below`` is the distance below the line, the thicknesses those along the mouth."""
    up = _swelling(below / np.minimum(-thick_upper, -1e-3), 0.75, 0.35)
    down = _swelling(below / np.maximum(thick_lower, 1e-3), 0.55, 0.38)
    return as_field((0.050 * fullness * up + 0.085 * fullness * down) * w.swell)


def _swelling(at: Field, crest: float, falloff: float) -> Field:
    """Return the profile of a lip over the way from the line (0) to its edge (1)."""
    beyond = np.maximum(at - crest, 0) * (1 / falloff)
    return as_field(np.sqrt(unit(at)) * np.exp(-(beyond * beyond)))
