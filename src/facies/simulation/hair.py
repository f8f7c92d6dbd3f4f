"""Hair on the head: where it grows, its strands and its shine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Field, as_field, canvas, noise, ramp, unit
from facies.simulation.rows import Row
from facies.simulation.sculpture import outline_radius
from facies.types import Floats

_DARKEST = np.array([0.012, 0.009, 0.008], np.float32)
_FAIREST = np.array([0.40, 0.27, 0.15], np.float32)
_RED = np.array([0.30, 0.10, 0.035], np.float32)
_GREY = np.array([0.40, 0.39, 0.38], np.float32)
FLOWS = ((-0.45, -1.30), (0.0, -2.7), (0.45, -1.30), (0.0, -0.15))
"""Where the strands start from: a parting on either side, the crown (a fringe), or the face (combed back)."""
COMBED_BACK = 3
POWER = 2.5
"""Exponent of the curve that the hairline follows."""


@dataclass(frozen=True, eq=False)
class _Growth:
    """Fixed fields of the whole sheet.

    ``strands`` and ``waves`` have one plane a flow; ``normal`` and ``tangent`` are coarse; short hair ends above row ``ears``.
    """

    x: Field
    y: Field
    across: Field
    up: Field
    temples: Field
    crown: Field
    sideburns: Field
    ears: int
    top: Field
    hanging: Field
    outside: Field
    roots: Field
    strands: Field
    waves: Field
    normal: Field
    tangent: Field
    scale: float


@cache
def _growth(side: int) -> _Growth:
    sheet = canvas(side)
    x, y = np.abs(sheet.x), sheet.y
    outside = np.hypot(x, y) - outline_radius(x, y)
    coarse = canvas(side // 2)
    normal = _normals(coarse.x, coarse.y)
    return _Growth(
        x=x,
        y=y,
        across=as_field((x / 1.04) ** POWER),
        up=as_field(np.clip(0.15 - y, 0, None) ** POWER),
        temples=as_field(np.exp(-(((x - 0.72) / 0.30) ** 2)) * ramp(-y, 0.5, 1.0)),
        crown=ramp(-y, 0.55, 1.35),
        sideburns=unit((0.36 - y) * 6),
        ears=int(np.searchsorted(y[:, 0], 0.53)),
        top=ramp(-y, -0.35, 0.6),
        hanging=ramp(y, -0.7, 0.0),
        outside=as_field(outside),
        roots=0.5 + 0.5 * ramp(outside, -0.45, 0.1),
        strands=np.stack([_strands(sheet.x - left, y - top, sheet.scale, 0.0) for left, top in FLOWS]),
        waves=np.stack([_strands(sheet.x - left, y - top, sheet.scale, 0.035) for left, top in FLOWS]),
        normal=normal,
        tangent=_tangents(coarse.x, normal),
        scale=sheet.scale,
    )


def _strands(x: Field, y: Field, scale: float, wave: float) -> Field:
    """Return strands that run away from the origin, mean 0 and standard deviation 1."""
    import cv2

    dx, dy = 1.3 * x, y
    away = np.hypot(dx, dy)
    angle = np.arctan2(dx, dy) + wave * np.sin(away * 7 + 3 * np.sign(dx)) / np.maximum(away, 0.5)
    fine = 1.3 * noise((256, 1024), 1.0, 31) + 1.0 * noise((256, 1024), 2.5, 32) + 0.5 * noise((256, 1024), 7.0, 33)
    fine = cv2.GaussianBlur(fine, (0, 0), sigmaX=0.6 * max(1.0, 60 / scale), sigmaY=7)
    columns, rows = np.mod((angle / np.pi + 1) * 1000, 1023), np.mod(away * 22, 255)
    streaks = cv2.remap(fine, as_field(columns), as_field(rows), cv2.INTER_LINEAR)
    return as_field((streaks - streaks.mean()) / streaks.std() * ramp(away, 0.05, 0.3))


def _normals(x: Field, y: Field) -> Field:
    """Return the normals of the volume of hair, an ellipsoid, (3, height, width)."""
    u, v = x / 1.55, (y + 0.35) / 1.85
    w = np.sqrt(np.clip(1 - u * u - v * v, 0.06, 1))
    normal = np.stack([u / 1.55, v / 1.85, w / 1.3])
    return as_field(normal / np.sqrt((normal**2).sum(0)))


def _tangents(x: Field, normal: Field) -> Field:
    """Return the direction of the strands, tangent to the volume, (3, height, width)."""
    away = np.stack([x * 0.6, np.ones_like(x), np.zeros_like(x)])
    tangent = away - normal * (away * normal).sum(0)
    return as_field(tangent / np.sqrt((tangent**2).sum(0)))


def hair_colour(row: Row, *, grey: str = "hair_grey") -> Field:
    """Return the colour of the hair, or with ``grey="brow_grey"`` of the brows, linear RGB (3,)."""
    dark = row["hair_darkness"]
    fresh = _FAIREST * (1 - row["hair_red"] * 0.6) + _RED * (row["hair_red"] * 0.6)
    colour = fresh ** (1 - dark) * _DARKEST**dark
    return as_field(colour + row[grey] * (_GREY - colour))


def strand_pattern(row: Row, side: int) -> Field:
    """Return the pattern of this head's strands over the rows of the sheet that its hair can reach, (height, side)."""
    g = _growth(side)
    flows = g.waves if row["hair_wave"] > 0.6 else g.strands
    pattern = as_field(flows[int(row["hair_flow"])])
    if row["curtain"] == 0:
        return pattern[: g.ears]
    return as_field(pattern + g.hanging * (flows[1] - pattern))


def hair_cover(row: Row, side: int, pattern: Field) -> Field:
    """Return how much of each pixel hair covers, of the shape of ``pattern``."""
    g = _growth(side)
    cover, above = np.zeros_like(pattern), pattern[: g.ears]
    cover[: g.ears] = _front(g, row, above) * _outer(g, row, above)
    thin = row["crown_thinning"]
    if thin > 0:
        cover[: g.ears] *= unit(1 - thin * g.crown[: g.ears] * (1.15 - 0.45 * above))
    if row["curtain"] > 0:
        cover = np.maximum(cover, _curtain(g, row, pattern))
    return as_field(cover)


def _front(g: _Growth, row: Row, pattern: Field) -> Field:
    """Return what lies behind the hairline."""
    rows = slice(None, g.ears)
    fringe = g.across[rows] + g.up[rows] * (row["hairline"] + 0.15) ** -POWER - row["temple_recession"] * g.temples[rows]
    return as_field(unit(fringe * 5.0 + 0.12 * pattern - 4.65) * g.sideburns[rows])


def _outer(g: _Growth, row: Row, pattern: Field) -> Field:
    """Return what lies within the thickness of the hair."""
    thickness = row["hair_volume"] * (1 - 0.75 * row["crown_thinning"]) * (0.6 if row["hair_flow"] == COMBED_BACK else 1.0)
    return as_field(unit((thickness * g.top[: g.ears] - g.outside[: g.ears]) * (g.scale * 0.25) + 0.15 * pattern + 0.5))


def _curtain(g: _Growth, row: Row, pattern: Field) -> Field:
    """Return the hair that hangs at both sides of the face."""
    below = _rows_below(g, -1.1)
    x, y, strands = g.x[below], g.y[below], pattern[below]
    outer = 1.16 + row["hair_volume"] * (1.0 + 0.25 * unit((y + 0.8) / 1.6))
    end = unit((row["curtain_length"] - y) * 5 + 0.25 * strands)
    sides = unit((x - 0.98 - 0.03 * np.clip(1 - y * y, -1, 1)) * (g.scale * 0.16) + 0.15 * strands)
    hanging = np.zeros_like(g.y)
    hanging[below] = sides * unit((outer - x) * (g.scale * 0.18) + 0.25 * strands + 0.4) * end * unit((y + 1.1) * 2)
    return hanging


def _rows_below(g: _Growth, height: float) -> slice:
    """Return the rows of the sheet below this height."""
    return slice(int(np.searchsorted(g.y[:, 0], height)), None)


def shade_hair(side: int, pattern: Field, light: Floats, fill: float) -> tuple[Field, Field]:
    """Return the light that hair scatters and the light that it mirrors, both of the shape of ``pattern``."""
    import cv2

    g = _growth(side)
    half = light + np.array([0, 0, 1.0])
    half /= np.linalg.norm(half)
    lit = unit(_along(light, g.normal) * 0.75 + 0.25)
    across = _along(half, g.tangent)
    shine = unit(1 - across * across * 3.2)
    shine *= shine
    fields = cv2.merge([lit * 0.9 + fill * 0.5, 0.05 * shine * shine * lit])
    scattered, mirrored = cv2.split(cv2.resize(fields, (side, side), interpolation=cv2.INTER_LINEAR))
    rows, relief = slice(None, len(pattern)), np.maximum(1 + 0.24 * pattern, 0.3)
    return scattered[rows] * relief * g.roots[rows], mirrored[rows] * relief * relief


def _along(direction: Floats, field: Field) -> Field:
    a, b, c = (float(v) for v in direction)
    return as_field(a * field[0] + b * field[1] + c * field[2])
