"""Hair on the head: where it grows, its strands and its shine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Field, canvas, noise, ramp
from facies.simulation.geometry import Row
from facies.simulation.sculpture import neutral_head

_DARKEST = np.array([0.012, 0.009, 0.008], np.float32)
_FAIREST = np.array([0.40, 0.27, 0.15], np.float32)
_RED = np.array([0.30, 0.10, 0.035], np.float32)
_GREY = np.array([0.50, 0.49, 0.48], np.float32)
POWER = 2.5
"""Exponent of the curve that the hairline follows."""


@dataclass(frozen=True, eq=False)
class _Growth:
    """Fixed fields of the sheet: powers of the coordinates, distance beyond the skull, strands for each parting, normals and tangents."""

    across: Field
    up: Field
    temples: Field
    top: Field
    outside: Field
    strands: Field
    waves: Field
    normal: Field
    tangent: Field
    side_x: Field
    y: Field
    scale: float


@cache
def _growth(side: int) -> _Growth:
    sheet, head = canvas(side), neutral_head(side)
    x, y = sheet.x, sheet.y
    above = np.clip(0.15 - y, 0, None)
    temples = np.exp(-(((np.abs(x) - 0.72) / 0.30) ** 2)) * ramp(-y, 0.5, 1.0)
    strands = np.stack([_strands(x, y, parting, sheet.scale) for parting in (-0.45, 0.0, 0.45)])
    waves = np.stack([_strands(x, y, parting, sheet.scale, wave=0.09) for parting in (-0.45, 0.0, 0.45)])
    return _Growth(
        (np.abs(x) ** POWER).astype(np.float32), (above**POWER).astype(np.float32), temples.astype(np.float32),
        ramp(-y, -0.35, 0.6), head.outside, strands, waves, _normals(x, y), _tangents(x, y), np.abs(x), y, sheet.scale,
    )  # fmt: skip


def _strands(x: Field, y: Field, parting: float, scale: float, wave: float = 0.0) -> Field:
    """Return strands that run away from the parting over the skull and down, mean 0."""
    import cv2

    dx, dy = x - parting * 0.8, y + 2.05
    away = np.hypot(dx, dy)
    angle = np.arctan2(dx, dy) + wave * np.sin(away * 7 + 3 * np.sign(dx)) / np.maximum(away, 0.5)
    fine = noise((256, 1024), 1.0, 31)
    fine = fine + 1.2 * noise((256, 1024), 2.5, 32) + 1.2 * noise((256, 1024), 6.0, 33)
    rows, columns = away * 22, (angle / np.pi + 1) * 511
    grain = max(1.0, 60 / scale)
    fine = cv2.GaussianBlur(fine, (0, 0), sigmaX=0.6 * grain, sigmaY=7)
    streaks = cv2.remap(fine, columns.astype(np.float32), np.mod(rows, 255).astype(np.float32), cv2.INTER_LINEAR)
    return ((streaks - streaks.mean()) / streaks.std()).astype(np.float32)


def _normals(x: Field, y: Field) -> Field:
    """Return the normals of the volume of hair, an ellipsoid, (3, side, side)."""
    u, v = x / 1.55, (y + 0.35) / 1.85
    w = np.sqrt(np.clip(1 - u * u - v * v, 0.06, 1))
    normal = np.stack([u / 1.55, v / 1.85, w / 1.3])
    return (normal / np.sqrt((normal**2).sum(0))).astype(np.float32)


def _tangents(x: Field, y: Field) -> Field:
    """Return the direction of the strands, tangent to the volume, (3, side, side)."""
    normal = _normals(x, y)
    away = np.stack([x * 0.6, np.ones_like(y), np.zeros_like(x)])
    tangent = away - normal * (away * normal).sum(0)
    return (tangent / np.sqrt((tangent**2).sum(0))).astype(np.float32)


def hair_colour(row: Row, *, grey: str = "hair_grey") -> Field:
    """Return the colour of the hair, or with ``grey="brow_grey"`` of the brows, linear RGB (3,)."""
    dark = row["hair_darkness"]
    fresh = _FAIREST * (1 - row["hair_red"] * 0.6) + _RED * (row["hair_red"] * 0.6)
    colour = fresh ** (1 - dark) * _DARKEST**dark
    return (colour + row[grey] * (_GREY - colour)).astype(np.float32)


def hair_cover(row: Row, side: int) -> tuple[Field, Field]:
    """Return how much of each pixel hair covers, and the strands' pattern, both (side, side)."""
    g = _growth(side)
    pattern = (g.waves if row["hair_wave"] > 0.6 else g.strands)[int(row["parting"])]
    reach = row["hairline"]
    fringe = g.across * np.float32(1.04**-POWER) + g.up * np.float32((reach + 0.15) ** -POWER) - 1
    fringe -= row["temple_recession"] * g.temples
    front = np.clip(fringe * 5.0 + 0.10 * pattern + 0.35, 0, 1)
    front *= np.clip((0.36 - g.y) * 6, 0, 1)
    thickness = row["hair_volume"] * g.top * (1 - 0.75 * row["crown_thinning"])
    outer = np.clip((thickness - g.outside) * g.scale * 0.22 + 0.45 * pattern * 0.5 + 0.5, 0, 1)
    cover = front * outer
    if row["crown_thinning"] > 0:
        cover *= 1 - row["crown_thinning"] * ramp(-g.y, 0.55, 1.35) * np.clip(0.75 - 0.3 * pattern, 0, 1)
    if row["curtain"] > 0:
        cover = np.maximum(cover, _curtain(g, row, pattern))
    return cover.astype(np.float32), pattern


def _curtain(g: _Growth, row: Row, pattern: Field) -> Field:
    """Return the hair that hangs at both sides of the face."""
    inner = 0.98 + 0.03 * np.cos(3 * g.y)
    outer = 1.16 + row["hair_volume"] * (1.0 + 0.25 * ramp(g.y, -0.8, 0.8))
    end = np.clip((row["curtain_length"] - g.y) * 5 + 0.25 * pattern, 0, 1)
    sides = np.clip((g.side_x - inner) * g.scale * 0.16 + 0.15 * pattern, 0, 1)
    return sides * np.clip((outer - g.side_x) * g.scale * 0.18 + 0.25 * pattern + 0.4, 0, 1) * end * np.clip((g.y + 1.1) * 2, 0, 1)


def shade_hair(row: Row, side: int, pattern: Field, light: np.ndarray, fill: float) -> tuple[Field, Field]:
    """Return the light that hair scatters and the light that it mirrors, both (side, side)."""
    g = _growth(side)
    lit = np.clip(np.tensordot(light.astype(np.float32), g.normal, axes=1) * 0.75 + 0.25, 0, 1)
    half = light + np.array([0, 0, 1.0])
    half = (half / np.linalg.norm(half)).astype(np.float32)
    along = np.tensordot(half, g.tangent, axes=1)
    shine = np.clip(1 - along * along * 3.2, 0, 1) ** 4
    relief = np.clip(1 + 0.30 * pattern, 0.25, 2.0)
    depth = 0.55 + 0.45 * ramp(g.outside, -0.5, 0.1)
    return (lit * 0.9 + fill * 0.5) * relief * depth, 0.09 * shine * lit * np.clip(1 + 0.6 * pattern, 0, 2.5)
