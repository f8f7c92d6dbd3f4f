"""How light skin looks in a photograph: a crude measure, which light and camera change as much as people differ.

Individual typology angle: Chardon A, Cretois I, Hourseau C. Int J Cosmet Sci 1991;13:191-208; groups: Del Bino S, Bernerd F. Br J Dermatol
2013;169(suppl 3):33-40.
"""

from __future__ import annotations

import numpy as np

from facies.types import Floats, Image, Points

GROUPS = ((55.0, "very_light"), (41.0, "light"), (28.0, "intermediate"), (10.0, "tan"), (-30.0, "brown"))
"""Lowest angle in degrees of each group; below the last is ``dark``."""

PATCHES = ((-0.62, 0.62), (0.62, 0.62), (-0.30, -0.62), (0.30, -0.62))
"""Middles of patches on cheeks and forehead: from the eyes' midpoint, to the picture's right along the eyes and down, in eye distances."""

RADIUS = 0.11
"""Half side of a patch in eye distances."""

GREY = 1.5
"""Skin whose Lab colour is nearer to grey than this is taken for a picture without colour."""


def skin_tone_angle(image: Image, points: Points) -> float:
    """Return the individual typology angle of cheeks and forehead in degrees; lighter skin has a larger one.

    Parameters
    ----------
    image
        sRGB, uint8 (height, width, 3).
    points
        Right eye, left eye, nose, right and left corner of the mouth, (5, 2), in pixels.

    Returns
    -------
    float
        NaN where the picture has no colour or the patches lie outside it.

    Examples
    --------
    >>> skin = np.full((200, 200, 3), (224, 184, 160), np.uint8)
    >>> five = np.array([[80.0, 80.0], [120.0, 80.0], [100.0, 100.0], [84.0, 120.0], [116.0, 120.0]])
    >>> round(skin_tone_angle(skin, five))
    58
    """
    import cv2

    pixels = _skin(image, points)
    if len(pixels) == 0:
        return float("nan")
    lab = cv2.cvtColor(np.ascontiguousarray(pixels[None], dtype=np.float32) / 255, cv2.COLOR_RGB2Lab)[0]
    light = lab[:, 0]
    kept = lab[(light >= np.quantile(light, 0.2)) & (light <= np.quantile(light, 0.8))]  # neither shadow nor shine
    lightness, red, yellow = np.median(kept, axis=0)
    if np.hypot(red, yellow) < GREY:
        return float("nan")
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))


def skin_tone_group(angle: float) -> str | None:
    """Return the group of an angle; None for a missing one.

    Examples
    --------
    >>> skin_tone_group(45.0), skin_tone_group(-40.0)
    ('light', 'dark')
    """
    if not np.isfinite(angle):
        return None
    return next((name for lowest, name in GROUPS if angle > lowest), "dark")


def _skin(image: Image, points: Points) -> Floats:
    along = points[1] - points[0]
    down = np.array([-along[1], along[0]])
    middle = (points[0] + points[1]) / 2
    reach = max(1, round(RADIUS * float(np.hypot(*along))))
    found = []
    for across, below in PATCHES:
        x, y = np.round(middle + across * along + below * down).astype(int)
        if reach <= y < image.shape[0] - reach and reach <= x < image.shape[1] - reach:
            found.append(image[y - reach : y + reach + 1, x - reach : x + reach + 1].reshape(-1, 3))
    return np.concatenate(found).astype(np.float64) if found else np.empty((0, 3))
