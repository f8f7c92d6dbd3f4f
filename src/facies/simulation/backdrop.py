"""What stands behind the head."""

from __future__ import annotations

import colorsys

import numpy as np

from facies.simulation.canvas import Field
from facies.simulation.geometry import Row

COARSE = 48


def paint_backdrop(row: Row, size: int) -> Field:
    """Return a background as a picture, (size, size, 3), 0 to 1: 0 plain, 1 a gradient, 2 a blurred room, 3 a textured wall."""
    import cv2

    rng = np.random.default_rng([int(row["photo_seed"]), 1])
    kind = int(row["backdrop"])
    base = np.array(colorsys.hsv_to_rgb(row["backdrop_hue"], 0.25 if kind else 0.10, row["backdrop_lightness"]), np.float32)
    line = np.linspace(-1, 1, COARSE, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    light = 1 - 0.10 * (x * rng.normal() + y * rng.normal()) - 0.12 * (x * x + y * y)
    coarse = base * light[..., None]
    if kind == 2:
        coarse = _room(coarse, rng)
    picture = cv2.resize(coarse.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    if kind == 3:
        picture *= 1 + 0.08 * _texture(size, rng)[..., None]
    return np.clip(picture, 0, 1)


def _room(coarse: Field, rng: np.random.Generator) -> Field:
    """Put blurred shapes (furniture, lamps, windows) into the background."""
    import cv2

    picture = np.ascontiguousarray(coarse, np.float32)
    for _ in range(rng.integers(4, 12)):
        colour = np.clip(rng.uniform(0.05, 0.95) * (0.7 + 0.3 * rng.random(3)), 0, 1)
        x0, y0 = rng.integers(-10, COARSE, 2)
        w, h = rng.integers(4, 34, 2)
        if rng.random() < 0.6:
            cv2.rectangle(picture, (int(x0), int(y0)), (int(x0 + w), int(y0 + h)), colour.tolist(), -1)
        else:
            cv2.circle(picture, (int(x0), int(y0)), int(w // 2), colour.tolist(), -1)
    return cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.6, 3.0)))


def _texture(size: int, rng: np.random.Generator) -> Field:
    import cv2

    total = np.zeros((size, size), np.float32)
    for cells in rng.choice([8, 20, 48, 96], 2, replace=False):
        shape = (cells, cells) if rng.random() < 0.6 else (cells, max(4, cells // 6))
        total += cv2.resize(rng.standard_normal(shape).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    return total
