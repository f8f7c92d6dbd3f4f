"""What a simulated picture of a face is drawn from: one row of named numbers a picture, so that it can be recorded and set."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.simulation.cameras import CAMERAS, RNG, bounded, generator
from facies.simulation.rows import Row, rows_of
from facies.simulation.wrinkles import N_VARIANTS
from facies.types import Floats

IDENTITY_SHAPES = (
    "face_width", "jaw_width", "chin_length", "chin_width", "forehead_height", "eye_size", "eye_tilt", "brow_height", "nose_length",
    "nose_width", "mouth_width", "mouth_height", "cheek_width", "tilt_of_features", "bend",
)  # fmt: skip
IDENTITY_RELIEFS = ("brow_ridge", "nose_bridge", "nose_tip", "nose_wings", "cheekbone", "chin", "full_cheek", "chin_cleft")
SIGNS = {
    "forehead": (50.0, 30.0), "glabella": (54.0, 28.0), "crows_feet": (44.0, 30.0), "under_eye": (46.0, 34.0), "nasolabial": (34.0, 44.0),
    "marionette": (52.0, 32.0), "lip_lines": (60.0, 26.0), "cheek_folds": (60.0, 28.0), "jowl": (50.0, 34.0), "eye_bag": (46.0, 36.0),
    "hollow_cheek": (56.0, 36.0), "spots": (48.0, 36.0), "mottling": (40.0, 45.0), "texture": (40.0, 45.0), "hooding": (42.0, 42.0),
    "brow_drop": (46.0, 40.0), "nose_drop": (45.0, 50.0), "thin_lips": (42.0, 44.0), "yellow_sclera": (50.0, 45.0),
}  # fmt: skip
"""Signs of age: the looked age at which each begins and the years until it is full."""

PATTERNS = ("forehead", "glabella", "lip_lines", "crows_feet_right", "crows_feet_left", "under_eye_right", "under_eye_left",
            "cheek_folds_right", "cheek_folds_left")  # fmt: skip


def draw_face_parameters(faces: pd.DataFrame, *, random_state: int, cameras: str = "clinic") -> pd.DataFrame:
    """Draw what each picture will look like.

    Parameters
    ----------
    faces
        One row a picture: ``photo_id``, ``participant_id``, ``age`` (years) and ``sex``; where given also ``years_looking_older``,
        ``skin_tone`` (degrees), ``sun_exposure`` (hours a day), ``bmi``, ``acromegaly``, ``cushing`` (0 to 1), ``device``.
    random_state
        Seed. A person keeps the same features in every picture, and a picture does not depend on the others in the table.
    cameras
        ``"clinic"`` (frontal, even light), or ``"anywhere"`` (turned heads, hard light, any background, sharpness and compression).

    Returns
    -------
    pandas.DataFrame
        One row a picture, to be given to :func:`paint_faces`, as drawn or after setting columns.

    Raises
    ------
    InputError
        When a column is missing or ``cameras`` is not known.

    Examples
    --------
    >>> people = pd.DataFrame({"photo_id": ["a", "b"], "participant_id": ["p1", "p1"], "age": [60.0, 60.0], "sex": ["male", "male"]})
    >>> drawn = draw_face_parameters(people, random_state=1)
    >>> bool(drawn.jaw_width[0] == drawn.jaw_width[1]), bool(drawn.yaw[0] == drawn.yaw[1])
    (True, False)
    """
    if cameras not in CAMERAS:
        raise InputError(f"cameras is '{cameras}': choose from {', '.join(CAMERAS)}")
    missing = [name for name in ("photo_id", "participant_id", "age", "sex") if name not in faces]
    if missing:
        raise InputError(f"column '{missing[0]}' is missing from the faces to paint: add it")
    rows = [_draw_row(face, random_state, cameras) for face in rows_of(faces)]
    return pd.DataFrame(rows, index=faces.index)


@cache
def parameter_names() -> tuple[str, ...]:
    """Return the names of all parameters that a picture is painted from."""
    face = {"photo_id": "", "participant_id": "", "sex": "female"}
    return tuple(name for name in _draw_row(face, 0, "clinic") if name not in face)


def check_parameters(parameters: pd.DataFrame) -> None:
    """Refuse a table from which pictures cannot be painted.

    Raises
    ------
    InputError
        Naming the first parameter that is absent or has a missing value.
    """
    for name in parameter_names():
        if name not in parameters:
            raise InputError(f"parameter '{name}' is missing: start from draw_face_parameters and set columns")
        if parameters[name].isna().any():
            raise InputError(f"parameter '{name}' has missing values: give a number for every picture")


def _draw_row(face: Row, random_state: int, cameras: str) -> dict[str, Any]:
    person = generator(random_state, "person", str(face["participant_id"]))
    photo = generator(random_state, "photo", str(face["participant_id"]), str(face["photo_id"]))
    known = {name: _known(face, name) for name in _DEFAULTS}
    looked = known["age"] + known["years_looking_older"]
    male = {"female": 0.0, "male": 1.0}.get(face["sex"], 0.5)
    return {
        "photo_id": face["photo_id"],
        "participant_id": face["participant_id"],
        "looked_age": looked,
        "male": male,
        "acromegaly": known["acromegaly"],
        "cushing": known["cushing"],
        **_draw_identity(person, male, known),
        **_draw_signs(person, looked, known),
        **_draw_hair(person, looked, male, known),
        **_draw_patterns(person),
        **_draw_body(person),
        **CAMERAS[cameras](photo, generator(0, "device", str(face.get("device", "")))),
        **_draw_chance(photo),
    }


_DEFAULTS = {
    "age": 60.0, "years_looking_older": 0.0, "skin_tone": 40.0, "sun_exposure": 3.0, "bmi": 27.0, "acromegaly": 0.0, "cushing": 0.0,
}  # fmt: skip


def _known(face: Row, name: str) -> float:
    """Return what is known about the person, or the usual value."""
    value = face.get(name)
    return _DEFAULTS[name] if pd.isna(value) else float(value)


def _draw_identity(rng: RNG, male: float, known: dict[str, float]) -> dict[str, float]:
    z = dict(zip((*IDENTITY_SHAPES, *IDENTITY_RELIEFS), bounded(rng, len(IDENTITY_SHAPES) + len(IDENTITY_RELIEFS)), strict=True))
    heavy = (known["bmi"] - 27) / 6
    for name, step in _DIMORPHISM.items():
        z[name] = z[name] * 0.8 + step * (2 * male - 1)
    z["cheek_width"] += 0.8 * heavy
    z["full_cheek"] = 0.5 * z["full_cheek"] + 0.5 * heavy
    z["chin_cleft"] = max(0.0, z["chin_cleft"] - 0.5)
    u = rng.random(8)
    tone = float(np.clip((70 - known["skin_tone"]) / 115, 0, 1))
    return {
        **z,
        "skin_darkness": tone,
        "skin_redness": float(0.5 + 0.5 * u[0]),
        "lip_fullness": float(1.0 + 0.18 * rng.standard_normal() - 0.06 * (2 * male - 1)),
        "lip_colour": float(0.5 * u[1] + 0.55 * (1 - male)),
        "eye_hue": float(u[2] if tone < 0.45 else 1.0),
        "eye_open": float(0.93 + 0.16 * (u[3] - 0.5)),
        "brow_thickness": float((0.8 + 0.4 * u[4]) * (1.0 + 0.35 * male)),
        "lashes": float(0.55 + 0.45 * (1 - male) * u[5]),
        "beard_shadow": float(male * (0.2 + 0.8 * u[6])),
        "freckles": float(max(0.0, u[7] - 0.6) * (tone < 0.3)),
    }


_DIMORPHISM = {
    "jaw_width": 0.55, "chin_length": 0.35, "chin_width": 0.5, "brow_height": -0.6, "nose_length": 0.4, "nose_width": 0.45,
    "brow_ridge": 0.75, "nose_bridge": 0.4, "eye_size": -0.5, "mouth_width": 0.2, "face_width": 0.2, "chin": 0.4,
    "cheekbone": -0.2, "forehead_height": 0.1,
}  # fmt: skip


def _draw_signs(rng: RNG, looked: float, known: dict[str, float]) -> dict[str, float]:
    """Draw how far each sign of age has come: with the looked age, and by chance around it."""
    each = np.exp(0.30 * bounded(rng, len(SIGNS)))
    shift = 3.0 * rng.standard_normal() + 6.0 * bounded(rng, len(SIGNS))
    signs = {}
    for (name, (start, years)), factor, moved in zip(SIGNS.items(), each, shift, strict=True):
        come = max(0.0, (looked + moved - start) / years)
        signs[name] = float(min(1.8, factor * (0.25 * come + 0.75 * come**1.3)))
    signs["spots"] *= float(np.clip(0.5 + known["sun_exposure"] / 6, 0.5, 1.8))
    return {f"sign_{name}": value for name, value in signs.items()}


def _draw_hair(rng: RNG, looked: float, male: float, known: dict[str, float]) -> dict[str, float]:
    u, z = rng.random(10), bounded(rng, 4)
    years = max(0.0, looked - 30)
    dark = float(np.clip(0.55 + 0.25 * z[0] + 1.2 * (known["skin_tone"] < 20), 0, 1))
    grey = float(1 / (1 + np.exp(-(looked - 60 + 9 * z[1]) / 6.0)))
    dyed = (1 - male) * (u[0] < 0.22)
    common = {
        "hair_darkness": dark,
        "hair_red": float(u[1] * (dark < 0.5)),
        "hair_grey": float(grey * (0.25 if dyed else 1.0)),
        "brow_grey": 0.7 * grey,
    }
    style = _male_hair(u, z, years) if male else _female_hair(u, z, years)
    return {**common, **style, "hair_wave": float(u[9])}


def _male_hair(u: Floats, z: Floats, years: float) -> dict[str, float]:
    balding = float(np.clip(u[2] * 1.5 - 0.45, 0, 1)) * min(1.0, years / 38)
    return {
        "hair_volume": float(0.10 + 0.10 * u[3]),
        "hairline": float(1.20 + 0.07 * z[2] + 0.62 * balding + 0.05 * min(1.0, years / 50)),
        "hair_flow": float((0, 2, 3, 3)[int(4 * u[5])]),
        "temple_recession": float(0.12 * u[4] + 0.35 * balding + 0.12 * min(1.0, years / 50)),
        "crown_thinning": balding,
        "curtain": 0.0,
        "curtain_length": 0.0,
    }


def _female_hair(u: Floats, z: Floats, years: float) -> dict[str, float]:
    long = u[2] > 0.40 + 0.006 * years
    fringe = u[4] < 0.3
    return {
        "hair_volume": float(0.18 + 0.17 * u[3]),
        "hairline": float(1.12 + 0.06 * z[2] - 0.25 * fringe + 0.03 * min(1.0, years / 50)),
        "hair_flow": 1.0 if fringe else float((0, 2, 3)[int(3 * u[8])]),
        "temple_recession": float(0.05 * u[5]),
        "crown_thinning": float(0.25 * u[6] * min(1.0, years / 50)),
        "curtain": float(long or u[7] < 0.35),
        "curtain_length": float((1.0 + 1.6 * u[6]) if long else 0.55 + 0.35 * u[6]),
    }


def _draw_patterns(rng: RNG) -> dict[str, int]:
    return {f"pattern_{name}": int(i) for name, i in zip(PATTERNS, rng.integers(0, N_VARIANTS, len(PATTERNS)), strict=True)}


def _draw_body(rng: RNG) -> dict[str, float]:
    u = rng.random(6)
    return {
        "clothes_hue": float(u[0]), "clothes_lightness": float(u[1]), "clothes_saturation": float(u[2] ** 2), "collar": float(u[3]),
        "shoulder_width": float(1 + 0.1 * (u[4] - 0.5)), "person_seed": int(rng.integers(0, 2**31)),
    }  # fmt: skip


def _draw_chance(rng: RNG) -> dict[str, int]:
    return {"photo_seed": int(rng.integers(0, 2**31))}
