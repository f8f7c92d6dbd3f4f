"""What stands behind the head."""

from __future__ import annotations

import colorsys

import numpy as np

from facies.simulation.canvas import Field
from facies.simulation.rows import Row

COARSE = 48
KINDS = ("plain", "gradient", "room", "wall")
"""Kinds of background, in the order of the parameter ``backdrop``."""


def paint_backdrop(row: Row, size: int) -> Field:
    """Return a background in linear light, (size, size, 3)."""
    import cv2

    rng = np.random.default_rng([int(row["photo_seed"]), 1])
    kind = KINDS[int(row["backdrop"])]
    base = colorsys.hsv_to_rgb(row["backdrop_hue"], 0.10 if kind == "plain" else 0.25, row["backdrop_lightness"])
    line = np.linspace(-1, 1, COARSE)
    x, y = np.meshgrid(line, line)
    steep = 0.06 if kind == "plain" else 0.16
    light = 1 - steep * (x * rng.normal() + y * rng.normal()) - 0.10 * (x * x + y * y)
    coarse = np.asarray(np.array(base) * light[..., None], dtype=np.float32)
    if kind == "room":
        coarse = _room(coarse, rng)
    picture = cv2.resize(np.clip(coarse, 0, 1) ** 2, (size, size), interpolation=cv2.INTER_LINEAR)
    if kind == "wall":
        picture *= np.clip(1 + 0.12 * _texture(size, rng), 0, 2)[..., None]
    return np.asarray(picture, dtype=np.float32)


def _room(coarse: Field, rng: np.random.Generator) -> Field:
    """Put blurred shapes (furniture, lamps, windows) into the background."""
    import cv2

    picture = np.ascontiguousarray(coarse)
    for _ in range(rng.integers(4, 12)):
        colour = np.clip(rng.uniform(0.05, 0.95) * (0.7 + 0.3 * rng.random(3)), 0, 1).tolist()
        left, top = (int(v) for v in rng.integers(-10, COARSE, 2))
        width, height = (int(v) for v in rng.integers(4, 34, 2))
        if rng.random() < 0.6:
            cv2.rectangle(picture, (left, top), (left + width, top + height), colour, -1)
        else:
            cv2.circle(picture, (left, top), width // 2, colour, -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.6, 3.0))), dtype=np.float32)


def _texture(size: int, rng: np.random.Generator) -> Field:
    """Return the pattern of a wall or a curtain."""
    import cv2

    total = np.zeros((size, size), np.float32)
    for cells in rng.choice([8, 20, 48, 96], 2, replace=False):
        shape = (cells, cells) if rng.random() < 0.6 else (cells, max(4, cells // 6))
        total += cv2.resize(rng.standard_normal(shape).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    return total
