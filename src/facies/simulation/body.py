"""Neck, shoulders and clothes, and the hair that falls behind them: a layer that does not turn with the head."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from facies.simulation.canvas import Box, Field, as_field, noise, ramp, unit
from facies.simulation.light import Light
from facies.simulation.rows import Row
from facies.types import Floats

WIDE = 7.0
TOP = -0.6
RAISED = 0.10
"""The layer's sheet: eye distances a side, the height of its upper edge, and how much higher it lies in the picture."""


@dataclass(frozen=True, eq=False)
class _Torso:
    """Fixed fields of the layer's sheet: distances inside neck, clothes and neckline, normals, blocked light, cloth."""

    x: Field
    y: Field
    neck: Field
    clothes: Field
    neckline: Field
    strands: Field
    normal: Field
    shadow: Field
    weave: Field
    scale: float


@cache
def _torso(side: int) -> _Torso:
    line = (np.arange(side) + 0.5) / side * WIDE
    x, y = (as_field(part) for part in np.meshgrid(line - WIDE / 2, line + TOP))
    ax = np.abs(x)
    shoulder = y - (2.20 + 0.52 * np.clip(ax - 0.55, 0, None) ** 0.85)
    u = np.where(y < 2.3, x / 0.80, x / 2.9)
    normal = np.stack([u, np.full_like(y, 0.12), np.sqrt(np.clip(1 - u * u, 0.05, 1))])
    under_chin = 0.62 * np.exp(-(((y - 1.70) / 0.55) ** 2) - (x / 0.95) ** 2)
    tendon = 0.07 * np.exp(-(((ax - 0.30 - 0.1 * (2.4 - y)) / 0.08) ** 2)) * ramp(y, 1.8, 2.2)
    grain = side / 192
    return _Torso(
        x=x,
        y=y,
        neck=as_field(0.62 + 0.50 * ramp(y, 1.95, 2.75) ** 2 - ax),
        clothes=as_field(np.minimum(np.minimum(shoulder, 2.75 - ax), y - 2.42 + 0.75 * ax**2)),
        neckline=as_field(2.95 - 1.7 * ax - y),
        strands=_strands(side),
        normal=as_field(normal / np.sqrt((normal**2).sum(0))),
        shadow=as_field(1 - under_chin - tendon),
        weave=as_field(1 + 0.03 * noise(y.shape, 1.2 * grain, 51) + 0.06 * noise(y.shape, 22 * grain, 52)),
        scale=side / WIDE,
    )


def _strands(side: int) -> Field:
    """Return hanging strands: streaks from top to bottom."""
    import cv2

    streaks = cv2.GaussianBlur(noise((side, side), 1.0, 53), (0, 0), sigmaX=0.5 * side / 192, sigmaY=0.12 * side)
    return as_field(streaks / streaks.std())


def _cover(t: _Torso, distance: Field, softness: float = 1.0) -> Field:
    return as_field(unit(distance * (t.scale / softness) + 0.5))


def clothes_colour(row: Row) -> Field:
    """Return the colour of the clothes, linear RGB (3,)."""
    value = 0.10 + 0.75 * row["clothes_lightness"]
    return as_field(colorsys.hsv_to_rgb(row["clothes_hue"], 0.75 * row["clothes_saturation"], value)) ** 2


def layer_side(size: int) -> int:
    """Return the side of the layer's sheet for pictures of ``size`` pixels."""
    return max(48, size * 3 // 4)


def _cut(t: _Torso, window: Box) -> _Torso:
    """Return a part of the layer's sheet."""
    fields: dict[str, Any] = {name: value[(..., *window)] if isinstance(value, np.ndarray) else value for name, value in vars(t).items()}
    return _Torso(**fields)


def paint_body(row: Row, side: int, window: Box, skin: Field, hair: Field, light: Light) -> tuple[list[Field], Field]:
    """Return the three planes of a part of the layer in linear light, and its cover, (height, width) each.

    ``skin`` and ``hair`` are colours (3,).
    """
    t, direction = _cut(_torso(side), window), [float(v) for v in light.direction]
    lit = unit((direction[0] * t.normal[0] + direction[1] * t.normal[1] + direction[2] * t.normal[2]) * 0.8 + 0.2)
    cloth = _cover(t, np.minimum(t.clothes, -t.neckline) if row["collar"] > 0.55 else t.clothes)
    woven, bare = cloth * t.weave, (1 - cloth) * (0.92 - 0.08 * t.y / 3)
    cover = np.maximum(_cover(t, t.neck) * (t.y > 0.9), cloth)
    dress = clothes_colour(row)
    behind = _falling_hair(t, row) if row["curtain"] > 0 and row["curtain_length"] > 1.2 else None
    planes = []
    for c in range(3):
        plane = (bare * skin[c] + woven * dress[c]) * ((light.main[c] * lit + 0.8 * light.fill[c]) * t.shadow)
        if behind is not None:
            plane += behind * ((0.30 + 0.45 * lit) * (1 + 0.28 * t.strands) * (hair[c] * light.main[c]) - plane)
        planes.append(as_field(plane))
    return planes, as_field(cover if behind is None else np.maximum(cover, behind))


def _falling_hair(t: _Torso, row: Row) -> Field:
    ax = np.abs(t.x)
    outer = 1.18 + 1.1 * row["hair_volume"] - 0.1 * unit((t.y - 1.5) / 1.3)
    inner = 0.55 + 0.25 * unit(t.y - 1.6)
    end = unit((row["curtain_length"] - 0.15 + 0.15 * t.strands - t.y) * 3) * unit((t.y - 0.5) * 4)
    return as_field(_cover(t, outer - ax + 0.03 * t.strands, 3.0) * _cover(t, ax - inner + 0.03 * t.strands, 3.0) * end)


def visible_window(where: Floats, side: int, size: int) -> Box:
    """Return the part of the layer's sheet that a picture of ``size`` pixels shows."""
    first = np.clip(np.floor(where[:, 2]) - 1, 0, side - 2).astype(int)
    last = np.clip(np.ceil(where @ [size, size, 1]) + 1, first + 2, side).astype(int)
    return slice(int(first[1]), int(last[1])), slice(int(first[0]), int(last[0]))


def body_map(row: Row, side: int, size: int) -> Floats:
    """Return the (2, 3) map from the pixels of a picture of ``size`` to those of the layer's sheet."""
    scale = side / WIDE / (row["eye_distance"] * size) / row["shoulder_width"]
    centre = np.array([0.5 + row["offset_x"], 0.45 + row["offset_y"]]) * size - 0.5
    shift = np.array([side / 2 - 0.5, (RAISED - TOP) * side / WIDE - 0.5]) - scale * centre
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
