"""Models one head on its sheet and lights it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.brows import paint_brows
from facies.simulation.canvas import Field, as_field, skin_box, skin_canvas, unit
from facies.simulation.eyes import catchlights, paint_eyes
from facies.simulation.face_parameters import IDENTITY_RELIEFS
from facies.simulation.hair import hair_colour, hair_cover, shade_hair, strand_pattern
from facies.simulation.lips import Mouth, shape_mouth
from facies.simulation.reliefs import pores, reliefs
from facies.simulation.rows import Row
from facies.simulation.sculpture import neutral_head
from facies.simulation.skin import BLOOD, MELANIN, base_skin, skin_pigments
from facies.types import Floats

WRAP = (0.36, 0.22, 0.16)
"""How far beyond the terminator red, green and blue light reach: red travels furthest in skin."""


@dataclass(frozen=True, eq=False)
class Light:
    """Where the main light comes from (3,), and the colours of the main and of the filling light, (3,) each."""

    direction: Floats
    main: Field
    fill: Field

    def turned(self, turn: Floats) -> Light:
        """Return the same light as a head turned by this rotation sees it."""
        return Light(turn.T @ self.direction, self.main, self.fill)


def light_of(row: Row) -> Light:
    """Return the light in which the picture is taken, exposure included."""
    azimuth, elevation = np.deg2rad([row["light_azimuth"], row["light_elevation"]])
    direction = np.array([np.sin(azimuth) * np.cos(elevation), -np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    warm = np.array([1 + row["light_warmth"], 1.0, 1 - row["light_warmth"]], np.float32)
    strength = row["light_strength"] * row["exposure"]
    return Light(direction, 1.45 * strength * warm, 0.72 * row["light_fill"] * strength * (2 - warm))


def model_head(row: Row, side: int, light: Light) -> Field:
    """Return the lit head on its sheet: linear light times cover, and cover, (side, side, 4)."""
    import cv2

    pattern = strand_pattern(row, side)
    cover = hair_cover(row, side, pattern)
    bare = 1 - cover[skin_box(side)]
    skin = _light_skin(row, side, light, bare)
    scattered, mirrored = shade_hair(side, pattern, light.direction, float(light.fill.mean()))
    scattered *= cover
    mirrored *= cover
    shown = bare * _skin_cover(side)
    colour = hair_colour(row)
    planes = []
    for c in range(3):
        plane = scattered * (colour[c] * light.main[c]) + mirrored * light.main[c]
        plane[skin_box(side)] += skin[c] * shown
        planes.append(plane)
    cover[skin_box(side)] += shown
    return np.asarray(cv2.merge([*planes, cover]), dtype=np.float32)


@cache
def _skin_cover(side: int) -> Field:
    """Return how much of each pixel head and ears cover."""
    head, scale = neutral_head(side), skin_canvas(side).scale
    skull = unit(-head.outside * scale * 0.7 + 0.5)
    ear = unit((head.ear - 0.5) * 0.13 * scale * 0.7 + 0.5)
    return np.maximum(skull, ear)


def _light_skin(row: Row, side: int, light: Light, bare: Field) -> Field:
    """Return the light that the skin sends to the camera, (3, height, width)."""
    mouth = shape_mouth(row, side)
    surface = _surface(row, side, mouth)
    up = 1 / np.sqrt(1 + surface[0] * surface[0] + surface[1] * surface[1])
    lit = _shade(_albedo(row, side, mouth), surface, up, light, _shade_of_hair(bare))
    gloss = _gloss(surface, up, light.direction, mouth)
    for c in range(3):
        lit[c] += gloss * light.main[c]
    boxes, spots = catchlights(side, light.direction)
    for box, spot in zip(boxes, spots, strict=True):
        lit[(slice(None), *box)] += spot
    return lit


def _albedo(row: Row, side: int, mouth: Mouth) -> Field:
    """Return the reflectance of skin, lips, eyes and brows, linear RGB, (3, height, width)."""
    import cv2

    darkness, redness = skin_pigments(row, side)
    darkness[mouth.box] += mouth.darkness
    redness[mouth.box] += mouth.redness
    base = base_skin(row)
    albedo = np.empty((3, *darkness.shape), np.float32)
    for c in range(3):
        cv2.exp(base[c] - darkness * MELANIN[c] - redness * BLOOD[c], albedo[c])
    paint_eyes(albedo, row, side)
    paint_brows(albedo, row, side, hair_colour(row, grey="brow_grey"))
    return albedo


def _strengths(row: Row) -> dict[str, float]:
    """Return the strength of every relief that this face has."""
    found = {name: row[name] for name in IDENTITY_RELIEFS}
    for sign in ("forehead", "glabella", "lip_lines"):
        found[f"{sign}_{int(row[f'pattern_{sign}'])}"] = row[f"sign_{sign}"]
    for half in ("right", "left"):
        for sign in ("crows_feet", "under_eye", "cheek_folds"):
            found[f"{sign}_{half}_{int(row[f'pattern_{sign}_{half}'])}"] = row[f"sign_{sign}"]
        found[f"nasolabial_{half}"] = 0.10 + 0.75 * row["sign_nasolabial"] + 0.3 * max(0.0, row["smile"])
        found[f"marionette_{half}"] = row["sign_marionette"]
    found |= {name: row[f"sign_{name}"] for name in ("jowl", "eye_bag", "hollow_cheek")}
    found |= {f"acromegaly_{part}": row["acromegaly"] for part in ("brow", "nose", "chin")}
    return found | {"cushing_cheek": row["cushing"]}


def _surface(row: Row, side: int, mouth: Mouth) -> Field:
    """Return the slopes of the height field along x and y, and the light that its hollows lose, (3, height, width)."""
    surface, shapes = neutral_head(side).surface.copy(), reliefs(side)
    for name, strength in _strengths(row).items():
        if abs(strength) > 1e-3:
            part = shapes[name]
            surface[(slice(None), *part.box)] += part.change * strength
    surface[:2] += _cut_pores(row, side) * (0.045 + 0.075 * row["sign_texture"])
    surface[(0, *mouth.box)] += mouth.slope_x
    surface[(1, *mouth.box)] += mouth.slope_y
    return surface


def _cut_pores(row: Row, side: int) -> Field:
    """Return the slopes of this person's skin texture, a part of a larger sheet, (2, height, width)."""
    rng = np.random.default_rng([int(row["person_seed"]), 8])
    top, left = (int(v) for v in rng.integers(0, side // 2, 2))
    height, width = skin_canvas(side).x.shape
    return pores(side)[:, top : top + height, left : left + width]


def _shade_of_hair(bare: Field) -> Field:
    """Return the share of light that hair lets through to the skin below it, (height, width)."""
    import cv2

    height, width = bare.shape
    coarse = cv2.resize(bare, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    soft = cv2.blur(coarse, (5, 5))
    soft[2:] = soft[:-2].copy()
    return np.asarray(0.55 + 0.45 * cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _facing(surface: Field, up: Field, direction: Floats) -> Field:
    """Return the cosine between the surface's normal and a direction, (height, width)."""
    x, y, z = (float(v) for v in direction)
    return as_field((z - x * surface[0] - y * surface[1]) * up)


def _shade(albedo: Field, surface: Field, up: Field, light: Light, under_hair: Field) -> Field:
    """Light the skin: soft-edged direct light, filling light from above, less of both in hollows and under hair."""
    import cv2

    facing = _facing(surface, up, light.direction)
    hollow = np.minimum(np.maximum(surface[2], -0.02), 1.2)
    open_sky = cv2.exp(hollow * -1.6) * under_hair
    above = (0.80 + 0.25 * surface[1] * up) * open_sky
    open_sky *= 0.65
    open_sky += 0.35
    for c, wrap in enumerate(WRAP):
        direct = np.maximum(facing + wrap, 0)
        direct *= open_sky
        direct *= light.main[c] / (1 + wrap)
        direct += above * light.fill[c]
        albedo[c] *= direct
    return albedo


def _gloss(surface: Field, up: Field, direction: Floats, mouth: Mouth) -> Field:
    """Return the light mirrored by skin and lips, (height, width)."""
    import cv2

    half = direction + np.array([0, 0, 1.0])
    broad = cv2.exp((_facing(surface, up, half / np.linalg.norm(half)) - 1) * 22.0)
    broad *= 0.045
    broad[mouth.box] *= 1 + 1.1 * mouth.gloss
    return as_field(broad)
