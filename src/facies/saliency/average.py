"""The mean map of many people on their average face."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from facies.errors import InputError
from facies.saliency.occlusion import Part
from facies.types import Floats, Image

MIN_PEOPLE = 10
"""An average of fewer people might show one of them."""


def average_map(crops: Sequence[Image], drops: Floats, parts: Sequence[Part]) -> Image:
    """Return the average of the crops under the mean attribution by part.

    Red parts raise the log-odds, blue ones lower them; the strongest is opaque by half. Each part is weighed by its area.

    Parameters
    ----------
    crops
        One a person, uint8 (size, size, 3).
    drops
        What covering each part takes, (n_people, n_parts).

    Raises
    ------
    InputError
        When there are fewer than :data:`MIN_PEOPLE` people.
    """
    if len(crops) < MIN_PEOPLE:
        raise InputError(f"an average map of {len(crops)} people might show one of them: {MIN_PEOPLE} are needed")
    return _painted(np.mean([crop.astype(np.float64) for crop in crops], axis=0), np.mean(drops, axis=0), parts)


def single_map(crop: Image, drops: Floats, parts: Sequence[Part]) -> Image:
    """Return one face under its attribution by part, as :func:`average_map` draws it; only for people who consented to publication.

    Parameters
    ----------
    crop
        uint8, (size, size, 3).
    drops
        What covering each part takes, (n_parts,).

    Examples
    --------
    >>> left = np.zeros((20, 20), dtype=bool)
    >>> left[:, :10] = True
    >>> parts = [Part("malar", "left", left), Part("malar", "right", ~left)]
    >>> red = single_map(np.full((20, 20, 3), 120, np.uint8), np.array([1.0, 0.0]), parts)
    >>> bool(red[10, 3, 0] > red[10, 17, 0])
    True
    """
    return _painted(crop.astype(np.float64), drops, parts)


def _painted(face: Floats, drops: Floats, parts: Sequence[Part]) -> Image:
    field = np.zeros(face.shape[:2])
    for value, part in zip(drops, parts, strict=True):
        if part.mask.any():
            field[part.mask] = value / part.mask.sum()
    field = cv2.GaussianBlur(field, (0, 0), 0.015 * len(field))
    strength = np.abs(field) / max(float(np.abs(field).max()), 1e-12)
    colour = np.where(field[..., None] > 0, np.array([213.0, 60.0, 0.0]), np.array([0.0, 114.0, 178.0]))
    opacity = 0.6 * strength[..., None]
    grey = face.mean(axis=2, keepdims=True)
    return np.asarray(np.clip(grey * (1 - opacity) + colour * opacity, 0, 255), dtype=np.uint8)
