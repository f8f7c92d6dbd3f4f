"""Eyes, painted on the sheet for each face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Box, Field, as_field, skin_canvas, unit
from facies.simulation.rows import Row
from facies.types import Floats

HALF_WIDTH = 0.238
"""Half the width of the eye's opening, in eye distances."""

IRIS = as_field([[0.10, 0.15, 0.19], [0.11, 0.12, 0.075], [0.075, 0.042, 0.02], [0.030, 0.017, 0.011]])
"""Colours of irises from blue over green and brown to dark, linear RGB."""

WHITE = as_field([0.56, 0.50, 0.46])
YELLOWING = as_field([0.03, 0.06, 0.11])
LASHES = as_field([0.018, 0.013, 0.011])
LID_TINT = as_field([0.75, 1.0, 1.05])
"""How much the shadows on the lids take from red, green and blue."""


@dataclass(frozen=True, eq=False)
class _Window:
    """The two parts of the sheet with an eye, and what does not differ between faces; first the right eye.

    ``u`` grows from the nose outwards, (2, 1, width), and ``v`` downwards, (2, height, 1); ``t`` is ``u`` in half widths of the eye.
    """

    boxes: tuple[Box, Box]
    u: Field
    v: Field
    t: Field
    arch: Field
    root_arch: Field
    within: Field
    skin_shadow: Field
    white: Field
    rings: Field
    iris: Field
    not_pupil: Field
    scale: float


def paired_boxes(side: int, inner: float, top: float, outer: float, bottom: float) -> tuple[Box, Box]:
    """Return equally large parts of the skin's sheet on the subject's right and left, between these distances from the midline."""
    sheet = skin_canvas(side)
    boxes = sheet.box(-outer, top, -inner, bottom), sheet.box(inner, top, outer, bottom)
    height = min(rows.stop - rows.start for rows, _ in boxes)
    width = min(columns.stop - columns.start for _, columns in boxes)
    right, left = ((slice(rows.start, rows.start + height), slice(columns.start, columns.start + width)) for rows, columns in boxes)
    return right, left


def paired_coordinates(side: int, boxes: tuple[Box, Box]) -> tuple[Field, Field]:
    """Return the distance outwards from the pupil, (2, 1, width), and downwards, (2, height, 1)."""
    sheet = skin_canvas(side)
    outwards = np.stack([-sheet.x[boxes[0]][:1] - 0.5, sheet.x[boxes[1]][:1] - 0.5])
    return outwards, np.stack([sheet.y[box][:, :1] for box in boxes])


def edge(distance: Field, scale: float) -> Field:
    """Turn a distance from an edge, positive inside, into how much of each pixel is covered."""
    return unit(distance * scale + 0.5)


@cache
def _window(side: int) -> _Window:
    boxes = paired_boxes(side, 0.12, -0.24, 0.90, 0.21)
    u, v = paired_coordinates(side, boxes)
    scale = skin_canvas(side).scale
    t = as_field(np.clip(u / HALF_WIDTH, -1, 1))
    arch = 1 - t * t
    r = np.hypot(u + 0.005, v + 0.014)
    return _Window(
        boxes=boxes,
        u=u,
        v=v,
        t=t,
        arch=arch,
        root_arch=np.sqrt(arch),
        within=edge(HALF_WIDTH - np.abs(u), scale),
        skin_shadow=_skin_shadow(u, v),
        white=_white(u),
        rings=_rings(u + 0.005, v + 0.014, r),
        iris=edge(0.100 - r, scale * 0.7),
        not_pupil=1 - 0.97 * edge(0.036 - r, scale),
        scale=scale,
    )


def _skin_shadow(u: Field, v: Field) -> Field:
    """Return the darkness below the eye and beside the nose."""
    below = 0.12 * np.exp(-(((v - 0.095) / 0.03) ** 2) - (u / 0.24) ** 2)
    inner = 0.28 * np.exp(-(((u + 0.26) / 0.07) ** 2) - ((v - 0.01) / 0.07) ** 2)
    return as_field(below + inner)


def _white(u: Field) -> Field:
    """Return how bright the white of the eye is, (3, 2, 1, width): darker at the sides, redder in the inner corner."""
    corner = np.exp(-(((u + 0.235) / 0.05) ** 2)) * np.array([0.1, 0.45, 0.45])[:, None, None, None]
    return as_field((1 - 0.5 * (u / 0.26) ** 2) * (1 - corner))


def _rings(du: Field, dv: Field, r: Field) -> Field:
    """Return the pattern of the iris: rays, a dark rim, and light that gathers below."""
    rays = 1 + 0.22 * np.sin(np.arctan2(dv, du) * 23) * np.clip(r * 12 - 0.3, 0, 1)
    rim = 1.25 - 0.95 * np.clip((r - 0.066) / 0.03, 0, 1) ** 2
    return as_field(rays * rim * (1 + 0.8 * np.clip(dv / 0.09, 0, 1)))


def paint_eyes(albedo: Field, row: Row, side: int) -> None:
    """Paint the eyes into ``albedo`` (3, height, width), linear RGB, in place."""
    w = _window(side)
    upper, lower = _lids(w, row)
    skin = np.stack([albedo[(slice(None), *box)] for box in w.boxes], axis=1)
    skin *= np.exp(-_lid_shadow(w, upper, row) * LID_TINT[:, None, None, None])
    opening = edge(np.minimum(w.v - upper, lower - w.v), w.scale) * w.within
    skin += opening * (_eyeball(w, row, upper) - skin)
    skin += _lashes(w, upper, lower, row) * (LASHES[:, None, None, None] - skin)
    for i, box in enumerate(w.boxes):
        albedo[(slice(None), *box)] = skin[:, i]


def _lids(w: _Window, row: Row) -> tuple[Field, Field]:
    """Return the heights of the upper and the lower lid's edges, (2, 1, width)."""
    axis = -0.035 * w.u
    hooding = row["sign_hooding"]
    openness = row["eye_open"] - 0.13 * min(hooding, 1.5)
    upper = axis - 0.116 * openness * w.arch**0.72 * (1 - 0.10 * w.t) + 0.011 * hooding * (w.t + 1) * w.arch
    lower = axis + 0.068 * w.arch**0.9 * (1 + 0.18 * w.t)
    return as_field(upper), as_field(lower)


def _lid_shadow(w: _Window, upper: Field, row: Row) -> Field:
    """Return the darkness of the crease above the lid and of the skin around the eye."""
    gap = 0.062 - 0.030 * min(row["sign_hooding"], 1.4)
    crease = (w.v - (upper - gap * w.root_arch)) * (1 / 0.016)
    return as_field(np.exp(-(crease * crease)) * (0.55 * w.root_arch) + w.skin_shadow)


def _eyeball(w: _Window, row: Row, upper: Field) -> Field:
    """Return the colour of white, iris and pupil, (3, 2, height, width)."""
    white = (WHITE - row["sign_yellow_sclera"] * YELLOWING)[:, None, None, None] * w.white
    iris = _iris_colour(row["eye_hue"])[:, None, None, None] * w.rings
    below_lid = (w.v - upper) * (1 / 0.035)
    shade = (1 - 0.62 * np.exp(-(below_lid * below_lid))) * w.not_pupil
    return as_field((white + w.iris * (iris - white)) * shade)


def _iris_colour(hue: float) -> Field:
    at = hue * (len(IRIS) - 1)
    low = min(int(at), len(IRIS) - 2)
    return as_field(IRIS[low] + (at - low) * (IRIS[low + 1] - IRIS[low]))


def _lashes(w: _Window, upper: Field, lower: Field, row: Row) -> Field:
    """Return how much of each pixel the lashes cover."""
    top = (w.v - (upper - 0.006)) * (1 / 0.014)
    bottom = (w.v - (lower + 0.004)) * (1 / 0.010)
    above = np.exp(-(top * top)) * ((0.75 + 0.5 * w.u) * (0.6 + 0.4 * row["lashes"]) * w.within)
    below = np.exp(-(bottom * bottom)) * ((0.18 + 0.30 * w.u) * w.within)
    return as_field(np.minimum(above + below, 0.95))


def catchlights(side: int, light: Floats) -> tuple[tuple[Box, Box], Field]:
    """Return where the light is mirrored in the eyes, and how strongly, (2, height, width)."""
    w = _window(side)
    mirror = np.array([-1.0, 1.0], np.float32)[:, None, None]
    du = w.u - mirror * (0.042 * float(light[0])) + 0.005
    dv = w.v + (0.014 - 0.042 * float(light[1]))
    spot = (du * du + dv * dv) * (1 / 0.014**2)
    return w.boxes, as_field(0.6 * np.exp(-(spot * spot)))
