"""From whatever a file holds to 8-bit sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms

from facies.types import Image

BACKDROP = 128
"""What shows through transparent pixels: mid-grey, which favours neither light nor dark hair."""

_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


def srgb_pixels(image: Pillow.Image | Image, *, profile: bytes | None = None, white: int | None = None, inverted: bool = False) -> Image:
    """Return the pixels of a decoded picture as sRGB, 8 bit, (height, width, 3); the array is read-only.

    Parameters
    ----------
    image
        A loaded picture of any mode, or RGB pixels. Transparent parts show :data:`BACKDROP`.
    profile
        The ICC profile. It is applied with the perceptual intent; one that is broken or belongs to another kind of picture
        is ignored and the values are taken as sRGB.
    white
        The value of white in pictures of more than 8 bits. When None: the largest of 1, 255 and 65,535 that is needed to
        hold the values, or their maximum.
    inverted
        Whether 0 is white in a picture of more than 8 bits.

    Examples
    --------
    >>> srgb_pixels(Pillow.new("CMYK", (1, 1), (0, 255, 255, 0))).tolist()
    [[[255, 0, 0]]]
    """
    if isinstance(image, np.ndarray):
        return np.asarray(_without_profile(Pillow.fromarray(image), profile)) if profile and _transform(profile, "RGB") else image
    if image.mode[0] in "IF":
        image = _eight_bits(image, white=white, inverted=inverted)
    if image.has_transparency_data or image.mode in ("La", "RGBa"):
        return _over_backdrop(image, profile)
    return np.asarray(_without_profile(image, profile))


def _eight_bits(image: Pillow.Image, *, white: int | None, inverted: bool) -> Pillow.Image:
    grey = scale_to_eight_bits(np.asarray(image), white=white)
    return Pillow.fromarray(255 - grey if inverted else grey)


def scale_to_eight_bits(values: NDArray[Any], *, white: float | None) -> NDArray[np.uint8]:
    """Scale numbers so that ``white`` becomes 255, rounding to the nearest; not-a-number becomes 0.

    Examples
    --------
    >>> scale_to_eight_bits(np.array([0, 257, 65535], dtype=np.uint16), white=65535)
    array([  0,   1, 255], dtype=uint8)
    """
    numbers = values.astype(np.float32)
    numbers = np.where(np.isnan(numbers), np.float32(0), numbers)
    if white is None:
        largest = float(numbers.max(initial=0.0, where=np.isfinite(numbers)))
        white = next((step for step in (1, 255, 65535) if largest <= step), largest)
    scaled: NDArray[np.uint8] = np.clip(np.rint(numbers / np.float32(white) * np.float32(255)), 0, 255).astype(np.uint8)
    return scaled


def _over_backdrop(image: Pillow.Image, profile: bytes | None) -> Image:
    is_grey = image.mode in ("LA", "La")
    opaque = image.convert("RGBA")
    colours = opaque.convert("RGB")
    rgb = _without_profile(colours.convert("L") if is_grey else colours, profile)
    backdrop = Pillow.new("RGB", image.size, (BACKDROP,) * 3)
    return np.asarray(Pillow.composite(rgb, backdrop, opaque.getchannel("A")))


def _without_profile(image: Pillow.Image, profile: bytes | None) -> Pillow.Image:
    if image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    transform = _transform(profile, image.mode) if profile or image.mode == "LAB" else None
    if transform is not None:
        converted = transform.apply(image)
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=16)
def _transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the way to sRGB; None when the profile is broken, of another kind, or changes nothing."""
    try:
        source = ImageCms.createProfile("LAB") if mode == "LAB" else ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
        target = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, target, mode, "RGB", renderingIntent=ImageCms.Intent.PERCEPTUAL)
    except _PROFILE_ERRORS:
        return None
    return None if _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode not in ("L", "RGB"):
        return False
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    probe = Pillow.fromarray(cube).convert(mode)
    before, after = np.asarray(probe.convert("RGB"), dtype=int), np.asarray(transform.apply(probe), dtype=int)
    return bool(np.abs(before - after).max() <= 1)
