"""Neck, shoulders and clothes, and the hair that falls behind them: a layer that does not turn with the head."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Field, noise, ramp
from facies.simulation.geometry import Row

SIDE = 192
WIDE = 7.0
TOP = -0.6
"""The layer's sheet: pixels a side, eye distances a side, and height of its upper edge."""


@dataclass(frozen=True, eq=False)
class _Torso:
    x: Field
    y: Field
    neck: Field
    clothes: Field
    v_neck: Field
    normal: Field
    shadow: Field
    weave: Field


@cache
def _torso() -> _Torso:
    line = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE * WIDE
    x, y = np.meshgrid(line - WIDE / 2, line + TOP)
    ax = np.abs(x)
    half = 0.66 + 0.50 * ramp(y, 1.95, 2.75) ** 2
    neck = half - ax
    shoulder = y - (2.20 + 0.52 * np.clip(ax - 0.55, 0, None) ** 0.85)
    clothes = np.minimum(shoulder, 2.75 - ax + 0.0 * y)
    collar = 2.42 - 0.75 * ax**2
    v_neck = 2.95 - 1.7 * ax
    u = np.where(y < 2.3, x / 0.75, x / 2.9)
    normal = np.stack([u, 0.12 + 0 * y, np.sqrt(np.clip(1 - u * u, 0.05, 1))])
    normal /= np.sqrt((normal**2).sum(0))
    shadow = 1 - 0.62 * np.exp(-(((y - 1.75) / 0.55) ** 2) - (x / 0.95) ** 2)
    tendon = 0.10 * np.exp(-(((ax - 0.30 - 0.1 * (2.4 - y)) / 0.07) ** 2)) * (y > 1.9)
    weave = 1 + 0.03 * noise((SIDE, SIDE), 1.2, 51) + 0.06 * noise((SIDE, SIDE), 22, 52)
    return _Torso(
        x, y, neck, np.minimum(clothes, y - collar), v_neck - y, normal.astype(np.float32), (shadow - tendon).astype(np.float32), weave
    )


def _cover(distance: Field, softness: float = 1.0) -> Field:
    return np.clip(distance * np.float32(SIDE / WIDE / softness) + 0.5, 0, 1).astype(np.float32)


def clothes_colour(row: Row) -> Field:
    """Return the colour of the clothes, linear RGB (3,)."""
    value = 0.10 + 0.75 * row["clothes_lightness"]
    return np.array(colorsys.hsv_to_rgb(row["clothes_hue"], 0.75 * row["clothes_saturation"], value), np.float32) ** 2


def paint_body(row: Row, skin: Field, hair: Field, light: np.ndarray, colours: tuple[Field, Field]) -> tuple[Field, Field]:
    """Return the layer in linear light, (3, SIDE, SIDE), and its cover, (SIDE, SIDE).

    ``colours`` are those of the main and of the filling light, (3,) each.
    """
    t = _torso()
    lit = np.clip(np.tensordot(light.astype(np.float32), t.normal, axes=1) * 0.8 + 0.2, 0, 1)
    shading = (colours[0][:, None, None] * lit + colours[1][:, None, None]) * t.shadow
    cloth = _cover(np.where(row["collar"] > 0.55, np.minimum(t.clothes, -t.v_neck), t.clothes))
    cover = np.maximum(_cover(t.neck) * (t.y > 0.9), cloth)
    picture = skin[:, None, None] * (1 - cloth) + clothes_colour(row)[:, None, None] * t.weave * cloth
    picture = picture * shading
    if row["curtain"] > 0 and row["curtain_length"] > 1.2:
        behind = _falling_hair(t, row)
        picture = picture + behind * (hair[:, None, None] * (0.35 + 0.5 * lit) * colours[0][:, None, None] - picture)
        cover = np.maximum(cover, behind)
    return picture, cover


def _falling_hair(t: _Torso, row: Row) -> Field:
    ax = np.abs(t.x)
    outer = 1.18 + 1.1 * row["hair_volume"] - 0.1 * ramp(t.y, 1.5, 2.8)
    inner = 0.55 + 0.25 * ramp(t.y, 1.6, 2.6)
    end = np.clip((row["curtain_length"] + 0.3 - t.y) * 3, 0, 1)
    return _cover(outer - ax, 3.0) * _cover(ax - inner, 4.0) * end


def body_map(row: Row, size: int) -> np.ndarray:
    """Return the (2, 3) map from the picture's pixels to the layer's."""
    scale = SIDE / WIDE / (row["eye_distance"] * size) / row["shoulder_width"]
    centre = np.array([0.5 + row["offset_x"], 0.45 + row["offset_y"]]) * size - 0.5
    shift = np.array([SIDE / 2 - 0.5, -TOP * SIDE / WIDE - 0.5]) - scale * centre
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
