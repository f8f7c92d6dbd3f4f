"""Eyes and eyebrows, painted on the sheet for each face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Box, Field, noise, skin_canvas
from facies.simulation.geometry import Row

HALF_WIDTH = 0.238
"""Half the width of the eye's opening, in eye distances."""

IRIS = np.array([[0.10, 0.15, 0.19], [0.11, 0.12, 0.075], [0.075, 0.042, 0.02], [0.030, 0.017, 0.011]], np.float32)
"""Colours of irises from blue over green and brown to dark, linear RGB."""

LASHES = np.array([0.018, 0.013, 0.011], np.float32)


@dataclass(frozen=True, eq=False)
class _Window:
    """The two parts of the sheet with an eye; ``u`` grows from the nose outwards and ``v`` downwards, (2, height, width)."""

    boxes: tuple[Box, Box]
    u: Field
    v: Field
    hairs: Field
    scale: float


@cache
def _window(side: int) -> _Window:
    sheet = skin_canvas(side)
    boxes = sheet.box(-0.98, -0.60, -0.08, 0.26), sheet.box(0.08, -0.60, 0.98, 0.26)
    height = min(b[0].stop - b[0].start for b in boxes)
    width = min(b[1].stop - b[1].start for b in boxes)
    right, left = ((slice(b[0].start, b[0].start + height), slice(b[1].start, b[1].start + width)) for b in boxes)
    u = np.stack([-sheet.x[right] - 0.5, sheet.x[left] - 0.5])
    v = np.stack([sheet.y[right], sheet.y[left]])
    hairs = np.stack([_hairs(u[0], v[0], 5), _hairs(u[1], v[1], 6)])
    return _Window((right, left), u, v, hairs, sheet.scale)


def _hairs(u: Field, v: Field, seed: int) -> Field:
    """Return streaks along the direction in which a brow's hairs grow."""
    import cv2

    fine = noise((96, 96), 1.0, seed)
    long = cv2.GaussianBlur(fine, (0, 0), sigmaX=0.01, sigmaY=5.0)
    across, along = u * 60 + v * 40, v * 26 - u * 10
    streaks = cv2.remap(long, np.mod(across + 24, 95).astype(np.float32), np.mod(along + 48, 95).astype(np.float32), cv2.INTER_LINEAR)
    return (streaks / streaks.std()).astype(np.float32)


def _edge(distance: Field, scale: float) -> Field:
    """Turn a distance from an edge into coverage of the pixel."""
    return np.clip(distance * np.float32(scale) + np.float32(0.5), 0, 1)


def paint_eyes(albedo: Field, row: Row, side: int, hair: Field) -> None:
    """Paint eyes and brows into ``albedo`` (3, height, width), linear RGB, in place; ``hair`` is the brows' colour (3,)."""
    w = _window(side)
    upper, lower, bulge = _lids(w, row)
    skin = np.stack([albedo[(slice(None), *box)] for box in w.boxes], axis=1)
    skin *= np.exp(-_lid_shadow(w, upper, bulge, row) * np.array([0.75, 1.0, 1.05], np.float32)[:, None, None, None])
    inside = np.minimum(w.v - upper, lower - w.v)
    opening = _edge(inside, w.scale) * _edge(HALF_WIDTH - np.abs(w.u), w.scale)
    skin += opening * (_eyeball(w, row, upper) - skin)
    skin += _lashes(w, upper, lower, row) * (LASHES[:, None, None, None] - skin)
    skin += _brow(w, row) * (hair[:, None, None, None] - skin)
    for i, box in enumerate(w.boxes):
        albedo[(slice(None), *box)] = skin[:, i]


def _lids(w: _Window, row: Row) -> tuple[Field, Field, Field]:
    """Return the heights of the upper and the lower lid's edges and their common arch, 0 at the corners."""
    t = np.clip(w.u / np.float32(HALF_WIDTH), -1, 1)
    arch = 1 - t * t
    axis = -0.035 * w.u
    openness = row["eye_open"] - 0.13 * min(row["sign_hooding"], 1.5)
    upper = axis - 0.116 * openness * arch**0.72 * (1 - 0.10 * t) + 0.022 * row["sign_hooding"] * (t + 1) * 0.5 * arch
    lower = axis + 0.068 * arch**0.9 * (1 + 0.18 * t)
    return upper.astype(np.float32), lower.astype(np.float32), arch


def _lid_shadow(w: _Window, upper: Field, arch: Field, row: Row) -> Field:
    """Return the darkness of the crease above the lid and of the lids' skin."""
    gap = 0.062 - 0.030 * min(row["sign_hooding"], 1.4)
    crease = np.exp(-(((w.v - upper + gap * np.sqrt(arch)) / 0.016) ** 2)) * np.sqrt(arch) * 0.55
    below = np.exp(-(((w.v - 0.095) / 0.03) ** 2) - (w.u / 0.24) ** 2) * 0.12
    inner = np.exp(-(((w.u + 0.26) / 0.07) ** 2) - ((w.v - 0.01) / 0.07) ** 2) * 0.28
    return (crease + below + inner).astype(np.float32)


def _eyeball(w: _Window, row: Row, upper: Field) -> Field:
    """Return the colour of white, iris and pupil, (3, 2, height, width)."""
    du, dv = w.u + 0.005, w.v + 0.014
    r = np.sqrt(du * du + dv * dv)
    white = np.array([0.56, 0.50, 0.46], np.float32) - row["sign_yellow_sclera"] * np.array([0.03, 0.06, 0.11], np.float32)
    corner = np.exp(-(((w.u + 0.235) / 0.05) ** 2))
    ball = (
        white[:, None, None, None]
        * (1 - 0.5 * (w.u / 0.26) ** 2)
        * (1 - corner * np.array([0.1, 0.45, 0.45], np.float32)[:, None, None, None])
    )
    at = row["eye_hue"] * (len(IRIS) - 1)
    low = min(int(at), len(IRIS) - 2)
    colour = IRIS[low] + (at - low) * (IRIS[low + 1] - IRIS[low])
    rays = 1 + 0.22 * np.sin(np.arctan2(dv, du) * 23) * np.clip(r * 12 - 0.3, 0, 1)
    ring = rays * (1.25 - 0.95 * np.clip((r - 0.066) / 0.03, 0, 1) ** 2) * (1 + 0.8 * np.clip(dv / 0.09, 0, 1))
    ball += _edge(0.100 - r, w.scale * 0.7) * (colour[:, None, None, None] * ring - ball)
    ball *= 1 - 0.97 * _edge(0.036 - r, w.scale)
    shade = 1 - 0.62 * np.exp(-(((w.v - upper) / 0.035) ** 2))
    return ball * shade


def _lashes(w: _Window, upper: Field, lower: Field, row: Row) -> Field:
    within = _edge(HALF_WIDTH + 0.02 - np.abs(w.u), w.scale * 0.5)
    top = np.exp(-(((w.v - upper + 0.006) / 0.014) ** 2)) * (0.75 + 0.5 * w.u) * (0.6 + 0.4 * row["lashes"])
    bottom = np.exp(-(((w.v - lower - 0.004) / 0.010) ** 2)) * 0.30 * (0.6 + w.u)
    return np.clip((top + bottom) * within, 0, 0.95).astype(np.float32)


def _brow(w: _Window, row: Row) -> Field:
    s = (w.u + 0.30) / 0.68
    middle = -0.355 - 0.065 * (1 - ((s - 0.62) / 0.62) ** 2)
    thick = 0.052 * row["brow_thickness"] * np.clip(1.08 - 0.75 * np.clip(s, 0, 1) ** 1.5, 0.05, 1)
    across = 1 - np.abs(w.v - middle) / thick
    ends = np.clip(s * 6 + 0.3, 0, 1) * np.clip((1 - s) * 5 + 0.3, 0, 1)
    dense = np.clip(across * 1.6 + 0.35 * w.hairs, 0, 1) * ends
    return (0.85 * dense * (1 - 0.25 * min(row["sign_brow_drop"], 1.5))).astype(np.float32)


def catchlights(side: int, light: np.ndarray) -> tuple[tuple[Box, Box], Field]:
    """Return where the light is mirrored in the eyes, and how strongly, (2, height, width)."""
    w = _window(side)
    mirror = np.array([-1.0, 1.0], np.float32)[:, None, None]
    du = w.u - mirror * np.float32(0.042 * light[0]) + 0.005
    dv = w.v + np.float32(0.014 - 0.042 * light[1])
    spot = np.exp(-(((du * du + dv * dv) / 0.013**2) ** 1.5))
    return w.boxes, (0.6 * spot * (dv * dv + du * du < 0.01)).astype(np.float32)
