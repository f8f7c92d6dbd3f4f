"""Models one head on its sheet and lights it."""

from __future__ import annotations

from functools import cache

import numpy as np

from facies.simulation.brows import paint_brows
from facies.simulation.canvas import Field, as_field, skin_box, skin_canvas, unit
from facies.simulation.eyes import catchlights, paint_eyes
from facies.simulation.face_parameters import IDENTITY_RELIEFS
from facies.simulation.hair import hair_colour, hair_cover, shade_hair, strand_pattern
from facies.simulation.light import Light
from facies.simulation.lips import Mouth, shape_mouth
from facies.simulation.reliefs import pores, reliefs
from facies.simulation.rows import Row
from facies.simulation.sculpture import neutral_head
from facies.simulation.skin import BLOOD, MELANIN, base_skin, skin_pigments
from facies.types import Floats

Normal = tuple[Field, Field, Field]
"""The normal of the surface, its three parts (height, width) each."""

WRAP = (0.36, 0.22, 0.16)
"""How far beyond the terminator red, green and blue light reach: red travels furthest in skin."""


def model_head(row: Row, side: int, light: Light) -> Field:
    """Return the lit head on its sheet: linear light times cover, and cover, (side, side, 4)."""
    import cv2

    box, colour = skin_box(side), hair_colour(row)
    pattern = strand_pattern(row, side)
    cover = np.zeros((side, side), np.float32)
    cover[: len(pattern)] = hair_cover(row, side, pattern)
    bare = 1 - cover[box]
    skin = _light_skin(row, side, light, bare)
    scattered, mirrored = (shone * cover[: len(pattern)] for shone in shade_hair(side, pattern, light.direction, float(light.fill.mean())))
    shown = bare * _skin_cover(side)
    planes = np.zeros((3, side, side), np.float32)
    for c, plane in enumerate(planes):
        np.add(scattered * (colour[c] * light.main[c]), mirrored * light.main[c], out=plane[: len(pattern)])
        plane[box] += skin[c] * shown
    cover[box] += shown
    return as_field(cv2.merge([*planes, cover]))


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
    slope_x, slope_y, hollow = _surface(row, side, mouth)
    upright = 1 / np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    normal = (-slope_x * upright, -slope_y * upright, upright)
    lit = _shade(_albedo(row, side, mouth), normal, hollow, light, _shade_of_hair(bare))
    gloss = _gloss(normal, light.direction, mouth)
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


def _surface(row: Row, side: int, mouth: Mouth) -> tuple[Field, Field, Field]:
    """Return the slopes of the height field along x and y, and the light that its hollows lose, each (height, width)."""
    import cv2

    surface, shapes = neutral_head(side).surface.copy(), reliefs(side)
    for name, strength in _strengths(row).items():
        if abs(strength) > 1e-3:
            part = surface[shapes[name].box]
            cv2.scaleAdd(shapes[name].change, strength, part, part)
    slope_x, slope_y, hollow = cv2.split(surface)
    rough = 0.045 + 0.075 * row["sign_texture"]
    for slope, texture, lips in zip((slope_x, slope_y), _cut_pores(row, side), (mouth.slope_x, mouth.slope_y), strict=True):
        slope += texture * rough
        slope[mouth.box] += lips
    return slope_x, slope_y, hollow


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


def _facing(normal: Normal, direction: Floats) -> Field:
    """Return the cosine between the surface's normal and a direction, (height, width)."""
    x, y, z = (float(v) for v in direction)
    return as_field(x * normal[0] + y * normal[1] + z * normal[2])


def _shade(albedo: Field, normal: Normal, hollow: Field, light: Light, under_hair: Field) -> Field:
    """Light the skin: soft-edged direct light, filling light from above, less of both in hollows and under hair."""
    import cv2

    facing = _facing(normal, light.direction)
    open_sky = cv2.exp(np.minimum(np.maximum(hollow, -0.02), 1.2) * -1.6) * under_hair
    above = (0.80 - 0.25 * normal[1]) * open_sky
    open_sky *= 0.65
    open_sky += 0.35
    for c, wrap in enumerate(WRAP):
        direct = np.maximum(facing + wrap, 0)
        direct *= open_sky
        direct *= light.main[c] / (1 + wrap)
        direct += above * light.fill[c]
        albedo[c] *= direct
    return albedo


def _gloss(normal: Normal, direction: Floats, mouth: Mouth) -> Field:
    """Return the light mirrored by skin and lips, (height, width)."""
    import cv2

    half = direction + np.array([0, 0, 1.0])
    broad = cv2.exp((_facing(normal, half / np.linalg.norm(half)) - 1) * 22.0)
    broad *= 0.045
    broad[mouth.box] *= 1 + 1.1 * mouth.gloss
    return as_field(broad)
