"""Paints faces: models each head on a sheet, lights it, turns it into the picture and takes the photograph."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.simulation.backdrop import paint_backdrop
from facies.simulation.body import body_map, paint_body
from facies.simulation.canvas import Field, noise
from facies.simulation.eyes import catchlights, paint_eyes
from facies.simulation.face_parameters import IDENTITY_RELIEFS, draw_face_parameters
from facies.simulation.geometry import LANDMARKS, SHAPES, Placement, Row, place, project, sheet_map
from facies.simulation.hair import hair_colour, hair_cover, shade_hair
from facies.simulation.lips import shape_mouth
from facies.simulation.sculpture import neutral_head, pores, reliefs
from facies.simulation.skin import BLOOD, MELANIN, base_skin, skin_pigments
from facies.types import Floats, Image, Images, Points


class SimulatedFace(NamedTuple):
    """One picture and the true places of its five points in pixels, (5, 2)."""

    image: Image
    points: Points


class SimulatedFaces(NamedTuple):
    """Pictures (n, size, size, 3) and the true places of their five points in pixels, (n, 5, 2)."""

    images: Images
    points: Floats


def simulate_faces(faces: pd.DataFrame, *, random_state: int, size: int = 256, cameras: str = "clinic") -> SimulatedFaces:
    """Draw parameters for these people and paint them; see :func:`draw_face_parameters` and :func:`paint_faces`.

    Examples
    --------
    >>> people = pd.DataFrame({"photo_id": ["a", "b"], "participant_id": ["a", "b"], "age": [55.0, 80.0], "sex": ["male", "female"]})
    >>> simulate_faces(people, random_state=1, size=128).images.shape
    (2, 128, 128, 3)
    """
    return paint_faces(draw_face_parameters(faces, random_state=random_state, cameras=cameras), size=size)


def paint_faces(parameters: pd.DataFrame, *, size: int = 256) -> SimulatedFaces:
    """Paint one picture a row of ``parameters``; a picture does not depend on the other rows."""
    painted = list(iterate_faces(parameters, size=size))
    if not painted:
        return SimulatedFaces(np.empty((0, size, size, 3), np.uint8), np.empty((0, 5, 2)))
    return SimulatedFaces(np.stack([face.image for face in painted]), np.stack([face.points for face in painted]))


def iterate_faces(parameters: pd.DataFrame, *, size: int = 256) -> Iterator[SimulatedFace]:
    """Paint one picture after the other, so that memory does not grow with their number.

    Raises
    ------
    InputError
        When ``size`` is less than 48 or more than 2048 pixels.
    """
    if not 48 <= size <= 2048:
        raise InputError(f"size is {size}: choose 48 to 2048 pixels")
    for row in parameters.to_dict("records"):
        yield _paint_compressed(row, size)  # type: ignore[arg-type]


def paint_jpeg(row: Row, *, size: int = 256) -> bytes:
    """Paint one picture and return it as a JPEG file of the row's ``jpeg_quality``, without metadata."""
    return _encode(_paint(row, size)[0], row)


def _encode(image: Image, row: Row) -> bytes:
    import cv2

    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(row["jpeg_quality"])])
    return data.tobytes()


def _paint_compressed(row: Row, size: int) -> SimulatedFace:
    """Paint one picture and do to it what storing it as JPEG does."""
    import cv2

    image, points = _paint(row, size)
    stored = cv2.imdecode(np.frombuffer(_encode(image, row), np.uint8), cv2.IMREAD_COLOR)
    return SimulatedFace(np.ascontiguousarray(stored[..., ::-1], dtype=np.uint8), points)


def _paint(row: Row, size: int) -> tuple[Image, Points]:
    """Paint one picture as the camera's sensor sees it, and find its five points."""
    side = max(128, size)
    placement = place(shapes_of(row), size)
    head = _photograph_head(row, side, placement)
    picture = paint_backdrop(row, size)
    picture = _lay_over(picture, _body_layer(row, placement, size))
    picture = _lay_over(picture, head)
    return _expose(picture, row, size), project(placement, LANDMARKS)


_SAGGING = {"sag": "sign_jowl", "brow_drop": "sign_brow_drop", "nose_drop": "sign_nose_drop"}


def shapes_of(row: Row) -> Row:
    """Return the parameters with the strengths of all shapes: individual ones and those of ageing and disease."""
    ageing = {shape: row[sign] for shape, sign in _SAGGING.items()}
    return {**row, **ageing}


def _lights(row: Row) -> tuple[np.ndarray, Field, Field]:
    """Return the direction of the main light in the picture (3,), its colour and that of the filling light."""
    azimuth, elevation = np.deg2rad([row["light_azimuth"], row["light_elevation"]])
    direction = np.array([np.sin(azimuth) * np.cos(elevation), -np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    warm = np.array([1 + row["light_warmth"], 1.0, 1 - row["light_warmth"]], np.float32)
    strength = row["light_strength"] * row["exposure"]
    return direction, 1.15 * strength * warm, 0.55 * row["light_fill"] * strength * (2 - warm)


def _photograph_head(row: Row, side: int, placement: Placement) -> Field:
    """Return the head as it appears in the picture: colours times cover, and cover, (size, size, 4)."""
    import cv2

    direction, main, fill = _lights(row)
    light = placement.turn.T @ direction
    sheet = _model_head(row, side, light, main, fill)
    columns, rows = sheet_map(placement, side)
    return np.asarray(cv2.remap(sheet, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0))


def _model_head(row: Row, side: int, light: np.ndarray, main: Field, fill: Field) -> Field:
    """Return the lit head on its sheet: display colours times cover, and cover, (side, side, 4)."""
    import cv2

    head = neutral_head(side)
    mouth = shape_mouth(row, side)
    darkness, redness = skin_pigments(row, side)
    slope_x, slope_y, hollow = _slopes(row, side)
    darkness[mouth.box] += mouth.darkness
    redness[mouth.box] += mouth.redness
    slope_x[mouth.box] += mouth.slope_x
    slope_y[mouth.box] += mouth.slope_y
    base = base_skin(row)
    albedo = np.stack([cv2.exp(base[c] - darkness * MELANIN[c] - redness * BLOOD[c]) for c in range(3)])
    paint_eyes(albedo, row, side, hair_colour(row, grey="brow_grey"))
    lit = _shade(albedo, slope_x, slope_y, hollow, light, main, fill, mouth, row)
    boxes, spots = catchlights(row, side, light)
    for box, spot in zip(boxes, spots, strict=True):
        lit[(slice(None), *box)] += spot
    return _finish_head(lit, row, side, head, light, main, fill)


def _finish_head(lit: Field, row: Row, side: int, head: Any, light: np.ndarray, main: Field, fill: Field) -> Field:
    """Add hair, turn light into display values and cut the head out."""
    import cv2

    cover, pattern = hair_cover(row, side)
    scattered, mirrored = shade_hair(row, side, pattern, light, float(fill.mean()))
    colour = hair_colour(row)
    for c in range(3):
        lit[c] += cover * (colour[c] * main[c] * scattered + main[c] * mirrored - lit[c])
    alpha = np.maximum(_head_alpha(side), cover)
    shown = _display(lit)
    return cv2.merge([shown[0] * alpha, shown[1] * alpha, shown[2] * alpha, alpha])


@cache
def _head_alpha(side: int) -> Field:
    head = neutral_head(side)
    scale = side / 4.3
    skull = np.clip(-head.outside * scale * 0.7 + 0.5, 0, 1)
    ear = np.clip((head.ear - 0.5) * 0.13 * scale * 0.7 + 0.5, 0, 1)
    return np.maximum(skull, ear).astype(np.float32)


def _display(light: Field) -> Field:
    """Turn linear light into display values, 0 to 1, with a soft shoulder."""
    shown = np.sqrt(np.maximum(light, 0))
    return np.minimum(shown * (1.06 - 0.06 * shown), 1.0)


def _strengths(row: Row) -> dict[str, float]:
    """Return the strength of every relief that this face has."""
    found = {name: row[name] for name in IDENTITY_RELIEFS}
    for sign in ("forehead", "glabella", "lip_lines"):
        found[f"{sign}_{int(row[f'pattern_{sign}'])}"] = row[f"sign_{sign}"]
    for half in ("right", "left"):
        for sign in ("crows_feet", "under_eye", "cheek_folds"):
            found[f"{sign}_{half}_{int(row[f'pattern_{sign}_{half}'])}"] = row[f"sign_{sign}"]
        found[f"nasolabial_{half}"] = 0.25 + row["sign_nasolabial"] + 0.3 * max(0.0, row["smile"])
        found[f"marionette_{half}"] = row["sign_marionette"]
    found |= {"jowl": row["sign_jowl"], "eye_bag": row["sign_eye_bag"], "hollow_cheek": row["sign_hollow_cheek"]}
    for part in ("brow", "nose", "chin"):
        found[f"acromegaly_{part}"] = row["acromegaly"]
    return found | {"cushing_cheek": row["cushing"]}


def _slopes(row: Row, side: int) -> tuple[Field, Field, Field]:
    """Return the slopes of the height field and its hollows."""
    head, shapes = neutral_head(side), reliefs(side)
    slope_x, slope_y, hollow = head.slope_x.copy(), head.slope_y.copy(), head.hollow.copy()
    for name, strength in _strengths(row).items():
        if abs(strength) > 1e-3:
            part = shapes[name]
            slope_x[part.box] += part.slope_x * np.float32(strength)
            slope_y[part.box] += part.slope_y * np.float32(strength)
            hollow[part.box] += part.hollow * np.float32(strength)
    rough = np.float32(0.045 + 0.075 * row["sign_texture"])
    rng = np.random.default_rng([int(row["person_seed"]), 8])
    top, left = (int(v) for v in rng.integers(0, side // 2, 2))
    cut = slice(top, top + side), slice(left, left + side)
    texture_x, texture_y = pores(side)
    return slope_x + texture_x[cut] * rough, slope_y + texture_y[cut] * rough, hollow


def _shade(
    albedo: Field, slope_x: Field, slope_y: Field, hollow: Field, light: np.ndarray, main: Field, fill: Field, mouth: Any, row: Row
) -> Field:
    """Light the skin: soft-edged diffuse light (red travels furthest in skin), filling light from above, blocked light, gloss."""
    import cv2

    up = 1 / cv2.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    lx, ly, lz = (np.float32(v) for v in light)
    facing = (lz - lx * slope_x - ly * slope_y) * up
    open_sky = cv2.exp(-np.clip(hollow, -0.02, 1.2) * np.float32(1.8))
    above = (np.float32(0.80) + np.float32(0.25) * slope_y * up * np.float32(1.0)) * open_sky
    lit = np.empty_like(albedo)
    for c, wrap in enumerate((0.36, 0.22, 0.16)):
        direct = np.maximum((facing + np.float32(wrap)) * np.float32(1 / (1 + wrap)), 0)
        lit[c] = albedo[c] * (direct * (np.float32(main[c]) * (0.35 + 0.65 * open_sky)) + above * np.float32(fill[c]))
    lit += _gloss(slope_x, slope_y, up, light, mouth, row) * main[:, None, None]
    return lit


def _gloss(slope_x: Field, slope_y: Field, up: Field, light: np.ndarray, mouth: Any, row: Row) -> Field:
    """Return the light mirrored by skin and lips, (side, side)."""
    import cv2

    half = light + np.array([0, 0, 1.0])
    hx, hy, hz = (np.float32(v) for v in half / np.linalg.norm(half))
    facing = (hz - hx * slope_x - hy * slope_y) * up
    broad = cv2.exp((facing - 1) * np.float32(22))
    strength = np.full_like(broad, 0.045)
    strength[mouth.box] += 0.05 * mouth.gloss
    return broad * strength


def _body_layer(row: Row, placement: Placement, size: int) -> Field:
    """Return neck, clothes and falling hair in the picture: colours times cover, and cover, (size, size, 4)."""
    import cv2

    direction, main, fill = _lights(row)
    skin = np.exp(base_skin(row))
    picture, cover = paint_body(row, skin, hair_colour(row), direction, (main, fill * 0.8))
    shown = _display(picture)
    layer = cv2.merge([np.ascontiguousarray(plane * cover) for plane in shown] + [cover])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(layer, body_map(row, size), (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _lay_over(picture: Field, layer: Field) -> Field:
    return picture * (1 - layer[..., 3:]) + layer[..., :3]


@cache
def _grain(size: int) -> Field:
    rng = np.random.default_rng(17)
    return rng.standard_normal((size + size // 2, size + size // 2, 3)).astype(np.float32)


def _expose(picture: Field, row: Row, size: int) -> Image:
    """Take the photograph: resolution, blur, grain."""
    import cv2

    if row["resolution"] < 0.97:
        small = max(16, round(size * row["resolution"]))
        picture = cv2.resize(
            cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA), (size, size), interpolation=cv2.INTER_LINEAR
        )
    sigma = row["blur"] * size / 256
    if sigma > 0.3:
        picture = cv2.GaussianBlur(picture, (5, 5), sigma)
    rng = np.random.default_rng([int(row["photo_seed"]), 2])
    top, left = (int(v) for v in rng.integers(0, max(1, size // 2), 2))
    grain = _grain(size)[top : top + size, left : left + size]
    return np.clip((picture + grain * np.float32(row["grain"])) * 255 + 0.5, 0, 255).astype(np.uint8)
