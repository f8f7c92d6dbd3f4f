"""What is covered together: both sides of a region, with its share of what lies beyond the outline of the face.

A sign that changes the shape of the cheeks, the jaw or the chin is seen at the outline, half of which lies in the picture's background:
a longer chin covers the neck, fuller cheeks the hair. Covering the inner side alone leaves the sign where it is, and what covering the
background takes is then not the background's. So a band along the outline belongs to the part that it bounds, and is covered with it.
What lies further out (hair, neck, clothes, the room) stays background, and so does the hairline, whose place is the hair's.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.saliency.occlusion import Mask, Part
from facies.types import Floats

BAND = 0.2
"""Width of the band, in distances between the eyes: about a fifth of half the width of a face."""

BOUNDING = ("malar", "jawline", "chin")
"""Regions whose shape is the outline's."""


def with_outline(parts: Sequence[Part], *, eye_distance: float, band: float = BAND) -> list[Part]:
    """Give the background along the outline to the parts that it bounds.

    A pixel of the background goes to the nearest part of the face, where that is one of :data:`BOUNDING`.

    Parameters
    ----------
    parts
        All parts of a face, the background among them; some may be without pixels.
    eye_distance
        In pixels.
    band
        In eye distances; 0 leaves all as it is.

    Returns
    -------
    list
        The same parts in the same order, as many pixels in all.

    Raises
    ------
    InputError
        When there is no background among the parts, or the width is negative.

    Examples
    --------
    >>> chin = np.zeros((40, 40), dtype=bool)
    >>> chin[10:20, 10:30] = True
    >>> grown = with_outline([Part("chin", "middle", chin), Part("background", "middle", ~chin)], eye_distance=10, band=0.3)
    >>> grown[0].mask[22, 20], grown[0].mask[23, 20], bool((grown[0].mask ^ grown[1].mask).all())
    (np.True_, np.False_, True)
    """
    outside = [part.mask for part in parts if part.region == "background"]
    if not outside:
        raise InputError("there is no background among the parts: give all parts of the face")
    if not band >= 0:
        raise InputError(f"the band along the outline is {band:g} eye distances wide: choose 0 or more")
    face = [number for number, part in enumerate(parts) if part.region != "background"]
    nearest, distance = _nearest([parts[number].mask for number in face])
    owner = np.array(face)[nearest]
    bounding = [number for number in face if parts[number].region in BOUNDING]
    given = np.any(outside, axis=0) & (distance <= band * eye_distance) & np.isin(owner, bounding)
    return [
        part._replace(mask=part.mask & ~given if part.region == "background" else part.mask | (given & (owner == number)))
        for number, part in enumerate(parts)
    ]


def both_sides(parts: Sequence[Part]) -> list[Part]:
    """Join the left and the right part of each region, to be covered together.

    A disease of the whole body shows on both sides. With one of them covered the other still tells, so that a model that needs only one
    (or, like ``facies-s``, sees the mean of the face and its mirror image) loses less than the sign is worth; and regions on the middle
    line, which are covered whole, come before those with two sides.

    Returns
    -------
    list
        One part a region, in the order in which they first come; its side is ``middle``.

    Examples
    --------
    >>> left = np.array([[True, False]])
    >>> [(part.region, part.mask.tolist()) for part in both_sides([Part("malar", "left", left), Part("malar", "right", ~left)])]
    [('malar', [[True, True]])]
    """
    regions = dict.fromkeys(part.region for part in parts)
    return [Part(name, "middle", np.any([part.mask for part in parts if part.region == name], axis=0)) for name in regions]


def _nearest(masks: Sequence[Mask]) -> tuple[NDArray[np.intp], Floats]:
    """Return which mask is nearest to each pixel, and how far it is in pixels, (size, size) each."""
    away = np.stack([cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for mask in masks])
    return away.argmin(axis=0), np.asarray(away.min(axis=0), dtype=np.float64)
