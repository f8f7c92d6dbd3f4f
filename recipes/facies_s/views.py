"""What one training view of a crop looks like: drawn first, then applied.

Nothing here wipes out signs of age for good: blur and noise stay mild and come to a part of the views only, colour may go, texture stays.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

SIZE = 112
RNG = np.random.Generator


class View(NamedTuple):
    """Everything that was drawn for one view."""

    mirrored: bool
    matrix: np.ndarray
    table: np.ndarray
    grey: float
    tint: np.ndarray
    sharpen: float
    quality: int
    noise: float
    hole: tuple[int, int, int, int] | None
    seed: int


def draw(rng: RNG, wide: int, strength: float = 1.0) -> View:
    """Draw a view of a crop that is ``wide`` pixels wide."""
    mirrored = bool(rng.random() < 0.5)
    return View(
        mirrored, _draw_matrix(rng, wide, strength, mirrored), _draw_table(rng, strength),
        float(rng.random() < 0.25) * rng.uniform(0.5, 1.0),
        1 + strength * rng.normal(0, 0.06, 3), _draw_sharpen(rng), _draw_quality(rng), float(rng.random() < 0.3) * rng.uniform(1, 6),
        _draw_hole(rng), int(rng.integers(2**31)),
    )  # fmt: skip


def _draw_matrix(rng: RNG, wide: int, strength: float, mirrored: bool) -> np.ndarray:
    angle, scale = strength * rng.normal(0, 4.0), np.exp(strength * rng.normal(0, 0.05))
    squeeze = np.exp(strength * rng.normal(0, 0.025))
    matrix = cv2.getRotationMatrix2D(((wide - 1) / 2, (wide - 1) / 2), angle, scale)
    matrix[0] *= squeeze
    matrix[0, 2] += (wide - 1) / 2 * (1 - squeeze)
    if mirrored:
        matrix[0] = -matrix[0]
        matrix[0, 2] += wide - 1
    matrix[:, 2] += (SIZE - wide) / 2 + strength * rng.normal(0, 2.2, 2)
    return matrix


def _draw_table(rng: RNG, strength: float) -> np.ndarray:
    gamma, gain, shift = np.exp(strength * rng.normal(0, [0.2, 0.12, 0.0])) * [1, 1, 0] + [0, 0, strength * rng.normal(0, 10)]
    x = np.linspace(0, 1, 256) ** gamma
    return np.clip((x - 0.5) * gain * 255 + 127.5 + shift, 0, 255).astype(np.uint8)


def _draw_sharpen(rng: RNG) -> float:
    u = rng.random()
    return rng.uniform(0.3, 1.2) if u < 0.25 else -rng.uniform(0.3, 1.1) if u < 0.5 else 0.0


def _draw_quality(rng: RNG) -> int:
    return int(rng.integers(35, 90)) if rng.random() < 0.3 else 100


def _draw_hole(rng: RNG) -> tuple[int, int, int, int] | None:
    if rng.random() > 0.25:
        return None
    height, width = rng.integers(12, 44, 2)
    return int(rng.integers(0, SIZE - height)), int(rng.integers(0, SIZE - width)), int(height), int(width)


def apply(crop: np.ndarray, view: View) -> np.ndarray:
    """Return the view, uint8 (112, 112, 3)."""
    image = cv2.warpAffine(crop, view.matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    image = cv2.LUT(image, view.table)
    if view.sharpen:
        soft = cv2.GaussianBlur(image, (0, 0), max(0.3, abs(view.sharpen)))
        image = cv2.addWeighted(image, 1 + view.sharpen, soft, -view.sharpen, 0) if view.sharpen > 0 else soft
    values = image.astype(np.float32)
    if view.grey:
        luminance = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
        values += view.grey * (luminance - values)
    if view.grey < 1:
        values *= view.tint.astype(np.float32)
    if view.noise:
        values += np.random.default_rng(view.seed).normal(0, view.noise, values.shape).astype(np.float32)
    image = np.clip(values, 0, 255).astype(np.uint8)
    if view.quality < 100:
        image = cv2.imdecode(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, view.quality))[1], cv2.IMREAD_COLOR)
    if view.hole is not None:
        top, left, height, width = view.hole
        image = image.copy()
        image[top : top + height, left : left + width] = np.random.default_rng(view.seed).integers(0, 256, 3)
    return image
