"""Wrinkles: furrows along lines, in several patterns of each kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facies.simulation.canvas import Box, Canvas, Field, as_field, hill

N_VARIANTS = 5
"""How many different patterns of each kind there are."""


@dataclass(frozen=True, eq=False)
class Relief:
    """A change of the height field in one part of the sheet.

    ``change`` holds its slopes along x and y, and how much light its hollows lose, (height, width, 3).
    """

    box: Box
    change: Field


def relief(sheet: Canvas, box: Box, height: Field) -> Relief:
    """Turn a height over ``box`` into what painting adds."""
    import cv2

    slope_y, slope_x = (slope * sheet.scale for slope in np.gradient(height))
    near = cv2.GaussianBlur(height, (0, 0), 0.035 * sheet.scale) - height
    far = cv2.GaussianBlur(height, (0, 0), 0.12 * sheet.scale) - height
    hollow = 10 * np.clip(near, -0.004, 0.05) + 1.5 * np.clip(far, -0.02, 0.1)
    return Relief(box, as_field(np.dstack([slope_x, slope_y, hollow])))


def groove(x: Field, y: Field, line: Field, width: float, depth: float) -> Field:
    """Return a furrow along ``line`` (n, 2), with the folds that stand up beside it; it tapers at both ends."""
    along = np.linspace(0, 1, len(line))
    strength = np.sin(np.pi * np.clip(along, 0.02, 0.98)) ** 0.5
    squared, nearest = np.full(x.shape, np.inf, np.float32), np.zeros(x.shape, np.intp)
    for i, (px, py) in enumerate(line.tolist()):
        candidate = (x - px) ** 2 + (y - py) ** 2
        nearest[candidate < squared] = i
        np.minimum(squared, candidate, out=squared)
    distance = np.sqrt(squared)
    shape = -np.exp(-((distance / width) ** 2)) + 0.45 * np.exp(-(((distance - 2.0 * width) / (1.4 * width)) ** 2))
    return as_field(depth * strength[nearest] * shape)


def curve(points: list[tuple[float, float]], n: int = 60) -> Field:
    """Return a smooth line of ``n`` points through these, (n, 2)."""
    from scipy.interpolate import make_interp_spline

    at = np.linspace(0, 1, len(points))
    return as_field(make_interp_spline(at, np.array(points), k=min(2, len(points) - 1))(np.linspace(0, 1, n)))


def _grooves(sheet: Canvas, lines: list[Field], width: float, depth: float, pad: float = 0.12) -> Relief:
    """Return several furrows together; they are never thinner than a pixel."""
    points = np.concatenate(lines)
    box = sheet.box(*(points.min(0) - pad), *(points.max(0) + pad))
    x, y = sheet.x[box], sheet.y[box]
    width = max(width, 0.75 / sheet.scale)
    height = np.sum([groove(x, y, line, width, depth) for line in lines], axis=0)
    return relief(sheet, box, as_field(height))


def _forehead(sheet: Canvas, seed: int, _: int) -> Relief:
    """Return three to five waves across the forehead."""
    rng = np.random.default_rng([11, seed])
    lines = []
    for level in np.linspace(-0.62, -1.12, rng.integers(3, 6)) + rng.normal(0, 0.02, 1):
        start, end = -0.72 + rng.uniform(0, 0.35), 0.72 - rng.uniform(0, 0.35)
        xs = np.linspace(start, end, 5)
        ys = level + 0.05 * np.cos(xs * 3.2 + rng.normal(0, 0.3)) - 0.02 + rng.normal(0, 0.012, 5)
        lines.append(curve(list(zip(xs, ys, strict=True))))
    return _grooves(sheet, lines, 0.020, 0.016)


def _glabella(sheet: Canvas, seed: int, _: int) -> Relief:
    """Return the frown between the brows and the fold over the root of the nose."""
    rng = np.random.default_rng([12, seed])
    lines = []
    for sign in (-1, 1):
        x0 = sign * (0.085 + rng.uniform(-0.02, 0.03))
        lines.append(curve([(x0 * 1.1, -0.24), (x0, -0.36), (x0 * rng.uniform(1.0, 1.5), -0.52 - rng.uniform(0, 0.08))]))
    lines.append(curve([(-0.13, -0.14), (0, -0.12 + rng.normal(0, 0.01)), (0.13, -0.14)]))
    return _grooves(sheet, lines, 0.020, 0.015)


def _crows_feet(sheet: Canvas, seed: int, sign: int) -> Relief:
    """Return lines that run out from the outer corner of the eye."""
    rng = np.random.default_rng([13, seed, sign + 1])
    lines = []
    for angle in np.linspace(-0.55, 0.75, rng.integers(3, 6)) + rng.normal(0, 0.06, 1):
        r0, r1 = 0.30 + rng.uniform(0, 0.03), 0.46 + rng.uniform(0, 0.14)
        bend = rng.normal(0.10, 0.04)
        at = [(r0, angle), (0.5 * (r0 + r1), angle + bend * 0.4), (r1, angle + bend)]
        lines.append(curve([(sign * (0.50 + r * np.cos(a)), 0.02 + r * np.sin(a)) for r, a in at]))
    return _grooves(sheet, lines, 0.015, 0.012)


def _under_eye(sheet: Canvas, seed: int, sign: int) -> Relief:
    """Return fine lines below the eye."""
    rng = np.random.default_rng([14, seed, sign + 1])
    lines = []
    for level in (0.125, 0.17, 0.215)[: rng.integers(2, 4)]:
        xs = np.array([0.30, 0.42, 0.56, 0.70]) + rng.normal(0, 0.02)
        ys = level + np.array([-0.015, 0.025, 0.02, -0.04]) + rng.normal(0, 0.008, 4)
        lines.append(curve([(sign * x, y) for x, y in zip(xs, ys, strict=True)]))
    return _grooves(sheet, lines, 0.014, 0.008)


def _marionette(sheet: Canvas, _: int, sign: int) -> Relief:
    """Return the fold from the corner of the mouth down to the jaw."""
    return _grooves(sheet, [curve([(sign * 0.46, 1.14), (sign * 0.52, 1.27), (sign * 0.53, 1.44)])], 0.030, 0.026, pad=0.2)


def _lip_lines(sheet: Canvas, seed: int, _: int) -> Relief:
    """Return fine upright lines above the upper lip."""
    rng = np.random.default_rng([15, seed])
    lines = []
    for x0 in np.linspace(-0.32, 0.32, 10) + rng.normal(0, 0.012, 10):
        top = 0.93 + rng.uniform(0, 0.05)
        lines.append(curve([(x0 * 1.08, top), (x0 * 1.03, 1.0), (x0, 1.06)]))
    return _grooves(sheet, lines, 0.012, 0.007)


def _cheek_folds(sheet: Canvas, seed: int, sign: int) -> Relief:
    """Return long shallow folds at the side of the cheek."""
    rng = np.random.default_rng([16, seed, sign + 1])
    lines = []
    for x0 in np.linspace(0.66, 0.92, 4) + rng.normal(0, 0.015, 4):
        bow = rng.normal(0.04, 0.015)
        lines.append(
            curve(
                [
                    (sign * (x0 - bow), 0.48 + rng.uniform(0, 0.15)),
                    (sign * x0, 0.80),
                    (sign * (x0 - 0.5 * bow), 1.12 + rng.uniform(-0.1, 0.1)),
                ]
            )
        )
    return _grooves(sheet, lines, 0.016, 0.009)


def _nasolabial(sheet: Canvas, _: int, sign: int) -> Relief:
    """Return the fold from the wing of the nose to the corner of the mouth, and the cheek that hangs over it."""
    line = curve([(sign * 0.27, 0.60), (sign * 0.37, 0.76), (sign * 0.47, 0.95), (sign * 0.53, 1.16)])
    box = sheet.box(min(sign * 0.05, sign * 0.85), 0.35, max(sign * 0.05, sign * 0.85), 1.40)
    x, y = sheet.x[box], sheet.y[box]
    return relief(sheet, box, groove(x, y, line, 0.038, 0.042) + 0.055 * hill(x, y, sign * 0.52, 0.78, 0.13, 0.20))


WRINKLES = {"forehead": _forehead, "glabella": _glabella, "lip_lines": _lip_lines}
"""Wrinkles across the midline, in :data:`N_VARIANTS` patterns."""

PAIRED_WRINKLES = {"crows_feet": _crows_feet, "under_eye": _under_eye, "cheek_folds": _cheek_folds}
"""Wrinkles on either side, in :data:`N_VARIANTS` patterns."""

FOLDS = {"nasolabial": _nasolabial, "marionette": _marionette}
"""Folds on either side, in one pattern."""

SIDES = {"right": -1, "left": 1}
"""The subject's sides and the sign of x there."""


def wrinkles(sheet: Canvas) -> dict[str, Relief]:
    """Return all wrinkles by name, side and pattern, such as ``crows_feet_left_3``."""
    found = {f"{name}_{i}": law(sheet, i, 0) for name, law in WRINKLES.items() for i in range(N_VARIANTS)}
    for side, sign in SIDES.items():
        found |= {f"{name}_{side}_{i}": law(sheet, i, sign) for name, law in PAIRED_WRINKLES.items() for i in range(N_VARIANTS)}
        found |= {f"{name}_{side}": law(sheet, 0, sign) for name, law in FOLDS.items()}
    return found
