"""The neutral head as a height field."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Canvas, Field, as_field, hill, pair, ramp, skin_canvas

OUTLINE = (
    (0.0, -1.80), (0.50, -1.71), (0.88, -1.42), (1.08, -1.02), (1.16, -0.55), (1.15, -0.10), (1.10, 0.30), (1.03, 0.68),
    (0.95, 1.02), (0.82, 1.33), (0.62, 1.59), (0.35, 1.79), (0.0, 1.87),
)  # fmt: skip
"""The right half of the head's outline, from the vertex to the chin, in eye distances."""


@dataclass(frozen=True, eq=False)
class Head:
    """The neutral head: ``radius`` is 0 in the middle and 1 at the outline, ``outside`` the distance beyond the outline.

    ``surface`` holds the slopes along x and y, and the light that hollows lose, (height, width, 3).
    """

    radius: Field
    outside: Field
    depth: Field
    surface: Field
    ear: Field


def outline_radius(x: Field, y: Field) -> Field:
    """Return the distance from the middle of the head to its outline in the direction of each point."""
    from scipy.interpolate import PchipInterpolator

    points = np.array(OUTLINE)
    angles = np.arctan2(points[:, 0], -points[:, 1])
    law = PchipInterpolator(angles, np.hypot(points[:, 0], points[:, 1]))
    return as_field(law(np.arctan2(np.abs(x), -y)))


def ear_shape(x: Field, y: Field) -> Field:
    """Return about 1 inside the ears and less outside, 0.5 on their edge."""
    u = np.abs(x) - 1.15 + 0.10 * (y - 0.28)
    wide = 0.135 + 0.05 * ramp(-y, -0.3, 0.15)
    return as_field(1.5 - np.sqrt((u / wide) ** 2 + ((y - 0.24) / 0.43) ** 2))


def neutral_depth(sheet: Canvas) -> tuple[Field, Field, Field]:
    """Return radius, distance beyond the outline and height of the neutral head."""
    x, y = sheet.x, sheet.y
    r = np.hypot(x, y)
    edge = outline_radius(x, y)
    radius = r / edge
    z = 1.30 * np.clip(1 - radius**2.7, 0.0, 1) ** 0.55
    return as_field(radius), as_field(r - edge), as_field(z + feature_depth(x, y))


def feature_depth(x: Field, y: Field) -> Field:
    """Return the height of the features above the rounded head."""
    return as_field(_bones(x, y) + _eyes(x, y) + _nose(x, y) + _mouth(x, y))


def _bones(x: Field, y: Field) -> Field:
    brow = 0.055 * pair(x, y, 0.48, -0.33, 0.34, 0.11) + 0.02 * hill(x, y, 0, -0.30, 0.20, 0.12)
    forehead = 0.05 * pair(x, y, 0.35, -0.85, 0.45, 0.35)
    cheek = 0.10 * pair(x, y, 0.68, 0.36, 0.28, 0.22) - 0.05 * pair(x, y, 0.74, 0.92, 0.22, 0.30)
    temple = -0.06 * pair(x, y, 1.00, -0.35, 0.18, 0.30)
    chin = 0.11 * hill(x, y, 0, 1.63, 0.28, 0.18) - 0.055 * hill(x, y, 0, 1.39, 0.28, 0.075)
    return as_field(brow + forehead + cheek + temple + chin)


def _eyes(x: Field, y: Field) -> Field:
    socket = -0.15 * pair(x, y, 0.50, -0.06, 0.32, 0.18) - 0.075 * pair(x, y, 0.22, 0.0, 0.13, 0.17)
    ball = 0.09 * pair(x, y, 0.50, 0.0, 0.20, 0.125)
    below = -0.015 * pair(x, y, 0.42, 0.20, 0.22, 0.07)
    return as_field(socket + ball + below)


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
    return as_field(ridge + wings + tip + sill + nostril)


def _mouth(x: Field, y: Field) -> Field:
    barrel = 0.12 * hill(x, y, 0, 1.10, 0.50, 0.38)
    philtrum = -0.016 * hill(x, y, 0, 0.93, 0.045, 0.08) + 0.009 * pair(x, y, 0.085, 0.94, 0.04, 0.08)
    corners = -0.035 * pair(x, y, 0.46, 1.14, 0.10, 0.10)
    return as_field(barrel + philtrum + corners)


@cache
def neutral_head(side: int) -> Head:
    """Return the neutral head on a sheet of this many pixels."""
    sheet = skin_canvas(side)
    radius, outside, depth = neutral_depth(sheet)
    ear = ear_shape(sheet.x, sheet.y)
    whole = depth + _ear_relief(sheet, ear)
    slope_y, slope_x = (np.clip(slope * sheet.scale, -3.5, 3.5) for slope in np.gradient(whole))
    return Head(radius, outside, depth, as_field(np.dstack([slope_x, slope_y, _hollows(depth, sheet)])), ear)


def _ear_relief(sheet: Canvas, ear: Field) -> Field:
    rim = 0.10 * ramp(ear, 0.5, 0.75) - 0.10 * ramp(ear, 0.75, 1.05) + 0.06 * pair(sheet.x, sheet.y, 1.16, 0.24, 0.04, 0.16)
    return as_field(rim * ramp(np.abs(sheet.x), 1.04, 1.14))


def _hollows(depth: Field, sheet: Canvas) -> Field:
    """Return how much lower each point is than its surroundings, over three reaches; a stand-in for blocked light."""
    import cv2

    total = np.zeros_like(depth)
    for reach, weight in ((0.05, 2.2), (0.12, 1.4), (0.30, 0.6)):
        total += weight * np.clip(cv2.GaussianBlur(depth, (0, 0), reach * sheet.scale) - depth, -0.02, 0.25)
    return total
