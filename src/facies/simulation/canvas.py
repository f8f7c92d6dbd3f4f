"""The sheet on which a head is modelled, before it is turned and photographed.

Lengths are in eye distances (about 63 mm). The origin lies midway between the pupils, x to the right of the picture and y down,
z towards the viewer. A sheet covers :data:`SPAN` eye distances.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]
"""Numbers over a sheet or a part of it, (height, width) or more planes of it."""

SPAN = 4.3
ORIGIN = (0.5, 0.515)
"""Where the origin lies on the sheet, as fractions of its side."""

Box = tuple[slice, slice]
"""Rows and columns of a part of a sheet."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """A sheet or a part of one: ``x`` and ``y`` of every pixel in eye distances, and ``scale`` in pixels per eye distance.

    ``side`` is that of the whole square sheet in pixels; ``top`` and ``left`` say where on it the part begins.
    """

    side: int
    scale: float
    x: Field
    y: Field
    top: int = 0
    left: int = 0

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Return the part between these coordinates, in eye distances, cut at the edge."""
        columns = (np.array([left, right]) / SPAN + ORIGIN[0]) * self.side - self.left
        rows = (np.array([top, bottom]) / SPAN + ORIGIN[1]) * self.side - self.top
        first, last = np.clip(np.round(rows), 0, self.x.shape[0]).astype(int)
        start, stop = np.clip(np.round(columns), 0, self.x.shape[1]).astype(int)
        return slice(int(first), int(last)), slice(int(start), int(stop))


@cache
def canvas(side: int) -> Canvas:
    """Return the whole sheet of this many pixels a side."""
    line = (np.arange(side) + 0.5) / side
    x, y = np.meshgrid((line - ORIGIN[0]) * SPAN, (line - ORIGIN[1]) * SPAN)
    return Canvas(side, side / SPAN, x.astype(np.float32), y.astype(np.float32))


@cache
def skin_canvas(side: int) -> Canvas:
    """Return the part of the sheet that skin can cover."""
    whole = canvas(side)
    rows, columns = skin_box(side)
    x, y = (np.ascontiguousarray(field[rows, columns]) for field in (whole.x, whole.y))
    return Canvas(side, whole.scale, x, y, rows.start, columns.start)


@cache
def skin_box(side: int) -> Box:
    """Return where the skin's part lies on the whole sheet."""
    return canvas(side).box(-1.38, -1.84, 1.38, 1.95)


def as_field(values: object) -> Field:
    """Return numbers as a field of single precision, without a copy when they are one."""
    return np.asarray(values, dtype=np.float32)


def unit(values: Field) -> Field:
    """Return the values, cut off at 0 and 1."""
    above = np.maximum(values, np.float32(0))
    return np.minimum(above, np.float32(1), out=above)


def hill(x: Field, y: Field, cx: float, cy: float, rx: float, ry: float) -> Field:
    """Return a Gaussian hill of height 1 at (cx, cy)."""
    return as_field(np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2))


def pair(x: Field, y: Field, cx: float, cy: float, rx: float, ry: float) -> Field:
    """Return two hills, mirrored at the midline."""
    return hill(x, y, cx, cy, rx, ry) + hill(x, y, -cx, cy, rx, ry)


def ramp(values: Field, low: float, high: float) -> Field:
    """Return a smooth step from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return as_field(t * t * (3 - 2 * t))


def dome(x: Field, y: Field, cx: float, cy: float, rx: float, ry: float) -> Field:
    """Return a smooth dome of height 1 that is exactly 0 beyond the radii."""
    r2 = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2
    return as_field(np.clip(1 - r2, 0, 1) ** 2)


def domes(x: Field, y: Field, cx: float, cy: float, rx: float, ry: float) -> Field:
    """Return two domes, mirrored at the midline."""
    return dome(x, y, cx, cy, rx, ry) + dome(x, y, -cx, cy, rx, ry)


def noise(shape: tuple[int, int], scale: float, seed: int) -> Field:
    """Return smooth noise with mean 0 and standard deviation 1; ``scale`` is the size of its grains in pixels."""
    import cv2

    rng = np.random.default_rng(seed)
    rows, columns = (max(2, int(np.ceil(n / max(scale, 1.0))) + 3) for n in shape)
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    size = (int(columns * max(scale, 1.0)) + 1, int(rows * max(scale, 1.0)) + 1)
    fine = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)[: shape[0], : shape[1]]
    return as_field((fine - fine.mean()) / fine.std())
