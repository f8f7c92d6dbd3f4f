"""Eyebrows, painted on the sheet for each face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Box, Field, as_field, noise, unit
from facies.simulation.eyes import paired_boxes, paired_coordinates
from facies.simulation.rows import Row

START, LENGTH = -0.30, 0.68
"""Where a brow begins, outwards from the pupil, and its length, in eye distances."""


@dataclass(frozen=True, eq=False)
class _Window:
    """The two parts of the sheet with a brow: how far each pixel lies from the brow's middle line in thicknesses, hairs and ends."""

    boxes: tuple[Box, Box]
    across: Field
    hairs: Field
    ends: Field


@cache
def _window(side: int) -> _Window:
    boxes = paired_boxes(side, 0.12, -0.58, 0.97, -0.20)
    u, v = paired_coordinates(side, boxes)
    s = (u - START) / LENGTH
    middle = -0.355 - 0.065 * (1 - ((s - 0.62) / 0.62) ** 2)
    thick = 0.052 * np.clip(1.08 - 0.75 * np.clip(s, 0, 1) ** 1.5, 0.05, 1)
    ends = np.clip(s * 6 + 0.3, 0, 1) * np.clip((1 - s) * 5 + 0.3, 0, 1)
    hairs = np.stack([_hairs(u[i], v[i], 5 + i) for i in range(2)])
    return _Window(boxes, as_field(np.abs(v - middle) / thick), hairs, as_field(ends))


def _hairs(u: Field, v: Field, seed: int) -> Field:
    """Return streaks along the direction in which a brow's hairs grow."""
    import cv2

    fine = noise((96, 96), 1.0, seed)
    long = cv2.GaussianBlur(fine, (0, 0), sigmaX=0.01, sigmaY=5.0)
    across, along = np.mod(u * 60 + v * 40 + 24, 95), np.mod(v * 26 - u * 10 + 48, 95)
    streaks = cv2.remap(long, as_field(across), as_field(along), cv2.INTER_LINEAR)
    return as_field(streaks / streaks.std())


def paint_brows(albedo: Field, row: Row, side: int, hair: Field) -> None:
    """Paint brows of colour ``hair`` (3,) into ``albedo`` (3, height, width), linear RGB, in place."""
    w = _window(side)
    dense = unit((1 - w.across / row["brow_thickness"]) * 1.6 + 0.35 * w.hairs) * w.ends
    dense *= 0.85 * (1 - 0.25 * min(row["sign_brow_drop"], 1.5))
    for cover, box in zip(dense, w.boxes, strict=True):
        part = albedo[(slice(None), *box)]
        part += cover * (hair[:, None, None] - part)
