"""Turning a picture upright by its EXIF orientation."""

from __future__ import annotations

import numpy as np

from facies.imaging.tifftags import ORIENTATION, read_tags
from facies.types import Floats, Image

_HEADER = b"Exif\x00\x00"


def exif_orientation(exif: bytes | None) -> int:
    """Return the orientation that an EXIF block states, 1 to 8; 1 when it states none or is damaged.

    Examples
    --------
    >>> exif_orientation(None)
    1
    """
    if not exif:
        return 1
    try:
        value = read_tags(exif.removeprefix(_HEADER), {ORIENTATION}).get(ORIENTATION, (1,))
    except ValueError:
        return 1
    return value[0] if value and 1 <= value[0] <= 8 else 1


def turn_upright(image: Image, orientation: int) -> Image:
    """Return the picture as the orientation says that it must be shown (EXIF 2.3, tag 0x0112).

    Examples
    --------
    >>> stored = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    >>> turn_upright(stored, 6)[..., 0].tolist()
    [[3, 0], [4, 1], [5, 2]]
    """
    if orientation == 1:
        return image
    turned = image.transpose(1, 0, 2) if orientation >= 5 else image
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    return np.ascontiguousarray(turned)


def turned_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return width and height after turning.

    Examples
    --------
    >>> turned_size(640, 480, 6)
    (480, 640)
    """
    return (height, width) if orientation >= 5 else (width, height)


def turned_corner(surplus: tuple[float, float], orientation: int) -> Floats:
    """Return what lies left of and above the picture after turning, when ``surplus`` lay right of and below it before.

    Reduced decoding rounds the last column and row up; after turning they may be the first.

    Examples
    --------
    >>> turned_corner((3.0, 5.0), 3)
    array([3., 5.])
    """
    right, below = surplus if orientation < 5 else surplus[::-1]
    return np.array([right if orientation in (2, 3, 6, 7) else 0.0, below if orientation in (3, 4, 7, 8) else 0.0])
