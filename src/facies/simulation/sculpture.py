"""The head as a height field: the neutral head, and reliefs that are added to it by a strength a face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Box, Canvas, Field, dome, domes, hill, noise, pair, ramp, skin_canvas

OUTLINE = (
    (0.0, -1.80), (0.50, -1.71), (0.88, -1.42), (1.08, -1.02), (1.16, -0.55), (1.15, -0.10), (1.10, 0.30), (1.03, 0.68),
    (0.95, 1.02), (0.82, 1.33), (0.62, 1.59), (0.35, 1.79), (0.0, 1.87),
)  # fmt: skip
"""The right half of the head's outline, from the vertex to the chin, in eye distances."""


@dataclass(frozen=True, eq=False)
class Relief:
    """A change of the height field in one part of the sheet: its slopes, and how much light its hollows lose."""

    box: Box
    slope_x: Field
    slope_y: Field
    hollow: Field


@dataclass(frozen=True, eq=False)
class Head:
    """The neutral head: ``radius`` is 0 in the middle and 1 at the outline, ``outside`` the distance beyond the outline."""

    radius: Field
    outside: Field
    depth: Field
    slope_x: Field
    slope_y: Field
    hollow: Field
    ear: Field


def outline_radius(x: Field, y: Field) -> Field:
    """Return the distance from the middle of the head to its outline in the direction of each point."""
    from scipy.interpolate import PchipInterpolator

    points = np.array(OUTLINE)
    angles = np.arctan2(points[:, 0], -points[:, 1])
    law = PchipInterpolator(angles, np.hypot(points[:, 0], points[:, 1]))
    return law(np.arctan2(np.abs(x), -y)).astype(np.float32)


def ear_shape(x: Field, y: Field) -> Field:
    """Return about 1 inside the ears and less outside, 0.5 on their edge."""
    u = np.abs(x) - 1.15 + 0.10 * (y - 0.28)
    wide = 0.135 + 0.05 * ramp(-y, -0.3, 0.15)
    return (1.5 - np.sqrt((u / wide) ** 2 + ((y - 0.24) / 0.43) ** 2)).astype(np.float32)


def neutral_depth(sheet: Canvas) -> tuple[Field, Field, Field]:
    """Return radius, distance beyond the outline and height of the neutral head."""
    x, y = sheet.x, sheet.y
    r = np.hypot(x, y)
    edge = outline_radius(x, y)
    radius = r / edge
    z = 1.30 * np.clip(1 - radius**2.7, 0.0, 1) ** 0.55
    z = z + _bones(x, y) + _eyes(x, y) + _nose(x, y) + _mouth(x, y)
    return radius.astype(np.float32), (r - edge).astype(np.float32), z.astype(np.float32)


def _bones(x: Field, y: Field) -> Field:
    brow = 0.055 * pair(x, y, 0.48, -0.33, 0.34, 0.11) + 0.02 * hill(x, y, 0, -0.30, 0.20, 0.12)
    forehead = 0.05 * pair(x, y, 0.35, -0.85, 0.45, 0.35)
    cheek = 0.10 * pair(x, y, 0.68, 0.36, 0.28, 0.22) - 0.05 * pair(x, y, 0.74, 0.92, 0.22, 0.30)
    temple = -0.06 * pair(x, y, 1.00, -0.35, 0.18, 0.30)
    chin = 0.11 * hill(x, y, 0, 1.63, 0.28, 0.18) - 0.055 * hill(x, y, 0, 1.39, 0.28, 0.075)
    return brow + forehead + cheek + temple + chin


def _eyes(x: Field, y: Field) -> Field:
    socket = -0.15 * pair(x, y, 0.50, -0.06, 0.32, 0.18) - 0.075 * pair(x, y, 0.22, 0.0, 0.13, 0.17)
    ball = 0.09 * pair(x, y, 0.50, 0.0, 0.20, 0.125)
    trough = -0.015 * pair(x, y, 0.42, 0.20, 0.22, 0.07)
    return socket + ball + trough


def _nose(x: Field, y: Field) -> Field:
    along = np.clip((y + 0.20) / 0.90, 0, 1)
    height = 0.07 + 0.27 * along**1.2
    end = ramp(-y, -0.92, -0.64) * ramp(y, -0.50, 0.10)
    half = 0.125 + 0.065 * along
    ax = np.abs(x)
    ridge = height * end * (0.75 * np.exp(-((ax / half) ** 2.0)) + 0.25 * np.exp(-((ax / (2.0 * half)) ** 2)))
    wings = 0.13 * pair(x, y, 0.195, 0.695, 0.09, 0.095) - 0.05 * pair(x, y, 0.335, 0.68, 0.045, 0.13)
    tip = 0.12 * hill(x, y, 0, 0.665, 0.15, 0.125)
    sill = 0.05 * hill(x, y, 0, 0.80, 0.07, 0.06)
    nostril = -0.05 * pair(x, y, 0.125, 0.79, 0.06, 0.03)
    return ridge + wings + tip + sill + nostril


def _mouth(x: Field, y: Field) -> Field:
    barrel = 0.12 * hill(x, y, 0, 1.10, 0.50, 0.38)
    philtrum = -0.016 * hill(x, y, 0, 0.93, 0.045, 0.08) + 0.009 * pair(x, y, 0.085, 0.94, 0.04, 0.08)
    corners = -0.035 * pair(x, y, 0.46, 1.14, 0.10, 0.10)
    return barrel + philtrum + corners


@cache
def neutral_head(side: int) -> Head:
    """Return the neutral head on a sheet of this many pixels."""
    sheet = skin_canvas(side)
    radius, outside, depth = neutral_depth(sheet)
    ear = ear_shape(sheet.x, sheet.y)
    whole = depth + _ear_relief(sheet, ear)
    slope_y, slope_x = (np.clip(g * sheet.scale, -3.5, 3.5).astype(np.float32) for g in np.gradient(whole))
    return Head(radius, outside, depth, slope_x, slope_y, _hollows(depth, sheet), ear)


def _ear_relief(sheet: Canvas, ear: Field) -> Field:
    rim = 0.10 * ramp(ear, 0.5, 0.75) - 0.10 * ramp(ear, 0.75, 1.05) + 0.06 * pair(sheet.x, sheet.y, 1.16, 0.24, 0.04, 0.16)
    return (rim * ramp(np.abs(sheet.x), 1.04, 1.14)).astype(np.float32)


def _hollows(depth: Field, sheet: Canvas) -> Field:
    """Return how much lower each point is than its surroundings, over three reaches; a stand-in for blocked light."""
    import cv2

    total = np.zeros_like(depth)
    for reach, weight in ((0.05, 2.2), (0.12, 1.4), (0.30, 0.6)):
        total += weight * np.clip(cv2.GaussianBlur(depth, (0, 0), reach * sheet.scale) - depth, -0.02, 0.25)
    return total


def relief(sheet: Canvas, box: Box, height: Field) -> Relief:
    """Turn a height over ``box`` into what painting adds: slopes and hollows."""
    import cv2

    slope_y, slope_x = (np.ascontiguousarray(g * sheet.scale, np.float32) for g in np.gradient(height))
    near = cv2.GaussianBlur(height, (0, 0), 0.035 * sheet.scale) - height
    far = cv2.GaussianBlur(height, (0, 0), 0.12 * sheet.scale) - height
    return Relief(box, slope_x, slope_y, (10 * np.clip(near, -0.004, 0.05) + 1.5 * np.clip(far, -0.02, 0.1)).astype(np.float32))


def groove(x: Field, y: Field, line: Field, width: float, depth: float) -> Field:
    """Return a furrow along ``line`` (n, 2), with the folds that stand up beside it; it tapers at both ends."""
    along = np.linspace(0, 1, len(line))
    strength = np.sin(np.pi * np.clip(along, 0.02, 0.98)) ** 0.5
    d2 = (x[..., None] - line[:, 0]) ** 2 + (y[..., None] - line[:, 1]) ** 2
    nearest = np.argmin(d2, axis=-1)
    distance = np.sqrt(np.take_along_axis(d2, nearest[..., None], axis=-1)[..., 0])
    shape = -np.exp(-((distance / width) ** 2)) + 0.45 * np.exp(-(((distance - 2.0 * width) / (1.4 * width)) ** 2))
    return (depth * strength[nearest] * shape).astype(np.float32)


def _curve(points: list[tuple[float, float]], n: int = 60) -> Field:
    from scipy.interpolate import make_interp_spline

    at = np.linspace(0, 1, len(points))
    return make_interp_spline(at, np.array(points), k=min(2, len(points) - 1))(np.linspace(0, 1, n)).astype(np.float32)


def _grooves(sheet: Canvas, lines: list[Field], width: float, depth: float, pad: float = 0.12) -> Relief:
    points = np.concatenate(lines)
    box = sheet.box(*(points.min(0) - pad), *(points.max(0) + pad))
    x, y = sheet.x[box], sheet.y[box]
    width = max(width, 0.75 / sheet.scale)
    height = np.sum([groove(x, y, line, width, depth) for line in lines], axis=0)
    return relief(sheet, box, height.astype(np.float32))


def _smooth(sheet: Canvas, left: float, top: float, right: float, bottom: float, shape: object) -> Relief:
    box = sheet.box(left, top, right, bottom)
    return relief(sheet, box, shape(sheet.x[box], sheet.y[box]))  # type: ignore[operator]


def _forehead(sheet: Canvas, seed: int) -> Relief:
    rng = np.random.default_rng([11, seed])
    lines = []
    for level in np.linspace(-0.62, -1.12, rng.integers(3, 6)) + rng.normal(0, 0.02, 1):
        start, end = -0.72 + rng.uniform(0, 0.35), 0.72 - rng.uniform(0, 0.35)
        xs = np.linspace(start, end, 5)
        ys = level + 0.05 * np.cos(xs * 3.2 + rng.normal(0, 0.3)) - 0.02 + rng.normal(0, 0.012, 5)
        lines.append(_curve(list(zip(xs, ys, strict=True))))
    return _grooves(sheet, lines, 0.020, 0.016)


def _glabella(sheet: Canvas, seed: int) -> Relief:
    rng = np.random.default_rng([12, seed])
    lines = []
    for sign in (-1, 1):
        x0 = sign * (0.085 + rng.uniform(-0.02, 0.03))
        lines.append(_curve([(x0 * 1.1, -0.24), (x0, -0.36), (x0 * rng.uniform(1.0, 1.5), -0.52 - rng.uniform(0, 0.08))]))
    lines.append(_curve([(-0.13, -0.14), (0, -0.12 + rng.normal(0, 0.01)), (0.13, -0.14)]))
    return _grooves(sheet, lines, 0.020, 0.015)


def _crows_feet(sheet: Canvas, seed: int, sign: int) -> Relief:
    rng = np.random.default_rng([13, seed, sign + 1])
    lines = []
    for angle in np.linspace(-0.55, 0.75, rng.integers(3, 6)) + rng.normal(0, 0.06, 1):
        r0, r1 = 0.30 + rng.uniform(0, 0.03), 0.46 + rng.uniform(0, 0.14)
        bend = rng.normal(0.10, 0.04)
        at = [(r0, angle), (0.5 * (r0 + r1), angle + bend * 0.4), (r1, angle + bend)]
        lines.append(_curve([(sign * (0.50 + r * np.cos(a)), 0.02 + r * np.sin(a)) for r, a in at]))
    return _grooves(sheet, lines, 0.015, 0.012)


def _under_eye(sheet: Canvas, seed: int, sign: int) -> Relief:
    rng = np.random.default_rng([14, seed, sign + 1])
    lines = []
    for level in (0.125, 0.17, 0.215)[: rng.integers(2, 4)]:
        xs = np.array([0.30, 0.42, 0.56, 0.70]) + rng.normal(0, 0.02)
        ys = level + np.array([-0.015, 0.025, 0.02, -0.04]) + rng.normal(0, 0.008, 4)
        lines.append(_curve([(sign * x, y) for x, y in zip(xs, ys, strict=True)]))
    return _grooves(sheet, lines, 0.014, 0.008)


def _nasolabial(sheet: Canvas, sign: int) -> Relief:
    line = _curve([(sign * 0.27, 0.60), (sign * 0.37, 0.76), (sign * 0.47, 0.95), (sign * 0.53, 1.16)])

    def shape(x: Field, y: Field) -> Field:
        furrow = groove(x, y, line, 0.038, 0.042)
        fold = 0.055 * hill(x, y, sign * 0.52, 0.78, 0.13, 0.20)
        return (furrow + fold).astype(np.float32)

    return _smooth(sheet, min(sign * 0.05, sign * 0.85), 0.35, max(sign * 0.05, sign * 0.85), 1.40, shape)


def _marionette(sheet: Canvas, sign: int) -> Relief:
    return _grooves(sheet, [_curve([(sign * 0.46, 1.14), (sign * 0.52, 1.27), (sign * 0.53, 1.44)])], 0.030, 0.026, pad=0.2)


def _lip_lines(sheet: Canvas, seed: int) -> Relief:
    rng = np.random.default_rng([15, seed])
    lines = []
    for x0 in np.linspace(-0.32, 0.32, 10) + rng.normal(0, 0.012, 10):
        top = 0.93 + rng.uniform(0, 0.05)
        lines.append(_curve([(x0 * 1.08, top), (x0 * 1.03, 1.0), (x0, 1.06)]))
    return _grooves(sheet, lines, 0.012, 0.007)


def _cheek_folds(sheet: Canvas, seed: int, sign: int) -> Relief:
    rng = np.random.default_rng([16, seed, sign + 1])
    lines = []
    for x0 in np.linspace(0.66, 0.92, 4) + rng.normal(0, 0.015, 4):
        bow = rng.normal(0.04, 0.015)
        lines.append(
            _curve(
                [
                    (sign * (x0 - bow), 0.48 + rng.uniform(0, 0.15)),
                    (sign * x0, 0.80),
                    (sign * (x0 - 0.5 * bow), 1.12 + rng.uniform(-0.1, 0.1)),
                ]
            )
        )
    return _grooves(sheet, lines, 0.016, 0.009)


def _jowl(x: Field, y: Field) -> Field:
    return (
        0.085 * pair(x, y, 0.66, 1.42, 0.15, 0.17) - 0.05 * pair(x, y, 0.42, 1.52, 0.07, 0.16) - 0.03 * pair(x, y, 0.88, 1.10, 0.10, 0.20)
    )


def _eye_bag(x: Field, y: Field) -> Field:
    bag = 0.042 * pair(x, y, 0.48, 0.20, 0.17, 0.06)
    rim = -0.036 * pair(x, y, 0.40, 0.305, 0.20, 0.035) - 0.02 * pair(x, y, 0.62, 0.27, 0.10, 0.035)
    return bag + rim


def _hollow_cheek(x: Field, y: Field) -> Field:
    return -0.10 * pair(x, y, 0.72, 0.82, 0.16, 0.26) - 0.05 * pair(x, y, 1.0, -0.30, 0.14, 0.26)


def _acromegaly_brow(x: Field, y: Field) -> Field:
    return 0.11 * domes(x, y, 0.42, -0.37, 0.55, 0.24) + 0.07 * dome(x, y, 0, -0.37, 0.35, 0.24)


N_VARIANTS = 5
"""How many different wrinkle patterns of each kind there are."""


@cache
def reliefs(side: int) -> dict[str, Relief]:
    """Return all reliefs by name on a sheet of this many pixels."""
    sheet = skin_canvas(side)
    smooth = {
        "brow_ridge": ((-1.0, -0.62, 1.0, -0.10), lambda x, y: 0.05 * pair(x, y, 0.44, -0.34, 0.34, 0.11)),
        "nose_bridge": ((-0.4, -0.35, 0.4, 0.75), lambda x, y: 0.09 * hill(x, y, 0, 0.22, 0.11, 0.26)),
        "nose_tip": ((-0.45, 0.35, 0.45, 0.95), lambda x, y: 0.08 * hill(x, y, 0, 0.66, 0.15, 0.12)),
        "nose_wings": ((-0.5, 0.45, 0.5, 0.95), lambda x, y: 0.06 * pair(x, y, 0.20, 0.69, 0.09, 0.10)),
        "cheekbone": ((-1.1, 0.0, 1.1, 0.85), lambda x, y: 0.08 * pair(x, y, 0.70, 0.36, 0.24, 0.17)),
        "chin": ((-0.7, 1.25, 0.7, 1.95), lambda x, y: 0.09 * hill(x, y, 0, 1.62, 0.26, 0.16)),
        "chin_cleft": ((-0.2, 1.40, 0.2, 1.90), lambda x, y: -0.016 * hill(x, y, 0, 1.68, 0.055, 0.11)),
        "full_cheek": ((-1.2, 0.2, 1.2, 1.6), lambda x, y: 0.12 * pair(x, y, 0.70, 0.85, 0.28, 0.34)),
        "jowl": ((-1.1, 0.75, 1.1, 1.90), _jowl),
        "eye_bag": ((-0.95, 0.02, 0.95, 0.50), _eye_bag),
        "hollow_cheek": ((-1.2, -0.9, 1.2, 1.5), _hollow_cheek),
        "acromegaly_brow": ((-1.1, -0.70, 1.1, -0.05), _acromegaly_brow),
        "acromegaly_nose": ((-0.55, 0.25, 0.55, 0.95), lambda x, y: 0.09 * dome(x, y, 0, 0.62, 0.30, 0.27) + 0.06 * domes(x, y, 0.24, 0.69, 0.18, 0.18)),
        "acromegaly_chin": ((-0.8, 1.28, 0.8, 1.95), lambda x, y: 0.16 * dome(x, y, 0, 1.64, 0.46, 0.30)),
        "cushing_cheek": ((-1.2, 0.12, 1.2, 1.70), lambda x, y: 0.16 * domes(x, y, 0.80, 0.90, 0.34, 0.54)),
    }  # fmt: skip
    found = {name: _smooth(sheet, *bounds, shape) for name, (bounds, shape) in smooth.items()}
    for i in range(N_VARIANTS):
        found[f"forehead_{i}"] = _forehead(sheet, i)
        found[f"glabella_{i}"] = _glabella(sheet, i)
        found[f"lip_lines_{i}"] = _lip_lines(sheet, i)
        for name, sign in (("right", -1), ("left", 1)):
            found[f"crows_feet_{name}_{i}"] = _crows_feet(sheet, i, sign)
            found[f"under_eye_{name}_{i}"] = _under_eye(sheet, i, sign)
            found[f"cheek_folds_{name}_{i}"] = _cheek_folds(sheet, i, sign)
    for name, sign in (("right", -1), ("left", 1)):
        found[f"nasolabial_{name}"] = _nasolabial(sheet, sign)
        found[f"marionette_{name}"] = _marionette(sheet, sign)
    return found


@cache
def pores(side: int) -> tuple[Field, Field]:
    """Return the slopes of skin texture over more than the skin's part of the sheet, to be cut at a random place."""
    rows, columns = skin_canvas(side).x.shape
    shape, scale = (rows + side // 2, columns + side // 2), side / 256
    height = 0.6 * noise(shape, 1.1 * scale, 101) + 0.5 * noise(shape, 2.2 * scale, 102) + 0.5 * noise(shape, 4.5 * scale, 103)
    slope_y, slope_x = np.gradient(height)
    return slope_x.astype(np.float32), slope_y.astype(np.float32)
