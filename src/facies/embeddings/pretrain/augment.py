"""Views of a crop: what a photographer, a camera and a file format change, and time does not.

A network that learns to call two views of one crop the same learns to overlook what differs between them. What is changed here is therefore
what tells nothing about age: where the head stands in the picture, light, colour, the sharpness and compression of the file. Wrinkles and
skin texture are fine and low in contrast, so that strong blur, noise and zooming would teach the network to overlook ageing itself. Which
strengths keep the signs of age was measured: ``docs/decisions/0007-augmentations-that-keep-ageing-signs.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from facies.errors import InputError
from facies.types import Floats, Image

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in grey (ITU-R BT.601)."""

N_DRAWS = 16
"""Random numbers behind each view, whatever the settings: one setting then does not change what the others draw."""

IN_FAMILIES = (("blur", "blur_probability"), ("noise", "noise_probability"))
"""A strength and how often it is used."""


@dataclass(frozen=True)
class View:
    """What was drawn for one view of one crop.

    Parameters
    ----------
    mirrored
        Whether left and right are exchanged.
    scale
        Above 1 the face becomes larger.
    shift_x, shift_y
        Right and down, as fractions of the side.
    rotation
        Degrees, clockwise.
    brightness, contrast, gamma
        Factor of all values, factor of their distance from middle grey, and exponent.
    red, blue
        Factors of two of the colours.
    saturation
        0 is grey, 1 leaves the colours.
    blur
        Standard deviation of a Gaussian, as a fraction of the side; 0 for none.
    noise
        Standard deviation in grey levels (0 to 255); 0 for none.
    noise_seed
        Of the noise's pattern.
    jpeg_quality
        0 for no compression.
    """

    mirrored: bool = False
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    rotation: float = 0.0
    brightness: float = 1.0
    contrast: float = 1.0
    gamma: float = 1.0
    red: float = 1.0
    blue: float = 1.0
    saturation: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    noise_seed: int = 0
    jpeg_quality: int = 0


class Augmentation(BaseModel):
    """How much views of a crop may differ: the table ``[augmentation]`` of a recipe.

    Drawing is apart from applying, so that a view can be recorded and repeated.

    Examples
    --------
    >>> crop = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)
    >>> view = Augmentation().draw(np.random.default_rng(0))
    >>> bool((apply_view(crop, view) == Augmentation().draw_and_apply(crop, np.random.default_rng(0))).all())
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mirror: float = Field(0.5, ge=0, le=1, description="share of views with left and right exchanged")
    scale: tuple[float, float] = Field((0.9, 1.2), description="smallest and largest factor of the face's size")
    shift: float = Field(0.06, ge=0, le=0.5, description="largest shift in either direction, as a fraction of the side")
    rotation: float = Field(8.0, ge=0, le=180, description="largest turn to either side in degrees")
    brightness: float = Field(0.4, ge=0, lt=3, description="largest change of all values, as a natural logarithm")
    contrast: float = Field(0.4, ge=0, lt=3, description="largest change of the distance from middle grey, as a natural logarithm")
    gamma: float = Field(0.3, ge=0, lt=3, description="largest change of the exponent, as a natural logarithm")
    tint: float = Field(0.15, ge=0, lt=3, description="largest change of red, and of blue, as a natural logarithm")
    saturation: float = Field(0.5, ge=0, lt=3, description="largest change of the colours' strength, as a natural logarithm")
    grey: float = Field(0.2, ge=0, le=1, description="share of views without colour")
    blur: float = Field(0.004, ge=0, le=0.1, description="largest standard deviation of the blur, as a fraction of the side")
    blur_probability: float = Field(0.2, ge=0, le=1, description="share of views that are blurred")
    noise: float = Field(2.0, ge=0, le=64, description="largest standard deviation of the noise in grey levels")
    noise_probability: float = Field(0.2, ge=0, le=1, description="share of views with noise")
    jpeg: tuple[int, int] = Field((70, 95), description="lowest and highest quality of compressed views (1 to 100)")
    jpeg_probability: float = Field(0.2, ge=0, le=1, description="share of views that are compressed")

    @model_validator(mode="after")
    def _ranges(self) -> Augmentation:
        if not 0.2 <= self.scale[0] <= self.scale[1] <= 5:
            raise ValueError("scale is not a range from small to large within 0.2 to 5: write [0.9, 1.2]")
        if not 1 <= self.jpeg[0] <= self.jpeg[1] <= 100:
            raise ValueError("jpeg is not a range of qualities within 1 to 100: write [70, 95]")
        return self

    @model_validator(mode="after")
    def _settings_that_matter(self) -> Augmentation:
        for strength, share in IN_FAMILIES:
            if (getattr(self, strength) == 0) != (getattr(self, share) == 0):
                raise ValueError(f"{strength} and {share}: one is 0 and the other would have no effect; set both to 0, or neither")
        return self

    @classmethod
    def none(cls) -> Augmentation:
        """Return the settings under which every view is the crop itself."""
        return cls(
            mirror=0, scale=(1, 1), shift=0, rotation=0, brightness=0, contrast=0, gamma=0, tint=0, saturation=0, grey=0,
            blur=0, blur_probability=0, noise=0, noise_probability=0, jpeg_probability=0,
        )  # fmt: skip

    @classmethod
    def mild(cls) -> Augmentation:
        """Return settings for learning from labels, where a view must still look as old as its crop."""
        return cls(
            scale=(0.95, 1.05), shift=0.03, rotation=5, brightness=0.15, contrast=0.15, gamma=0.1, tint=0.05, saturation=0.2, grey=0,
            blur=0, blur_probability=0, noise=2, noise_probability=0.1, jpeg=(75, 95), jpeg_probability=0.1,
        )  # fmt: skip

    def draw(self, rng: np.random.Generator) -> View:
        """Draw one view's parameters: always :data:`N_DRAWS` numbers from the generator."""
        u = rng.random(N_DRAWS).tolist()
        return View(
            mirrored=u[0] < self.mirror,
            scale=math.exp(_between(math.log(self.scale[0]), math.log(self.scale[1]), u[1])),
            shift_x=_between(-self.shift, self.shift, u[2]),
            shift_y=_between(-self.shift, self.shift, u[3]),
            rotation=_between(-self.rotation, self.rotation, u[4]),
            brightness=_factor(self.brightness, u[5]),
            contrast=_factor(self.contrast, u[6]),
            gamma=_factor(self.gamma, u[7]),
            red=_factor(self.tint, u[8]),
            blue=_factor(self.tint, u[9]),
            saturation=0.0 if _uses(self.grey, u[10]) else _factor(self.saturation, _rest(self.grey, u[10])),
            blur=self.blur * _rest(self.blur_probability, u[11]) if _uses(self.blur_probability, u[11]) else 0.0,
            noise=self.noise * _rest(self.noise_probability, u[12]) if _uses(self.noise_probability, u[12]) else 0.0,
            noise_seed=int(u[13] * 2**32),
            jpeg_quality=round(_between(*self.jpeg, u[15])) if _uses(self.jpeg_probability, u[14]) else 0,
        )

    def apply(self, crop: Image, view: View) -> Image:
        """Return a view of a crop: :func:`apply_view`."""
        return apply_view(crop, view)

    def draw_and_apply(self, crop: Image, rng: np.random.Generator) -> Image:
        """Return a random view of a crop, uint8 of the same size."""
        return apply_view(crop, self.draw(rng))


def _between(low: float, high: float, u: float) -> float:
    return low + (high - low) * u


def _factor(strength: float, u: float) -> float:
    return math.exp(_between(-strength, strength, u))


def _uses(share: float, u: float) -> bool:
    return u < share


def _rest(share: float, u: float) -> float:
    """Return a number from 0 to 1 that is still random once it is known on which side of ``share`` it fell."""
    return u / share if u < share else (u - share) / (1 - share)


def apply_view(crop: Image, view: View) -> Image:
    """Return the view of a crop, uint8 (size, size, 3), in the order of a camera: optics, light, sensor, file.

    Raises
    ------
    ValueError
        From OpenCV, when the crop is no uint8 (size, size, 3).

    Examples
    --------
    >>> crop = np.zeros((8, 8, 3), np.uint8)
    >>> crop[:, :4] = 255
    >>> apply_view(crop, View(mirrored=True))[0, :, 0].tolist()
    [0, 0, 0, 0, 255, 255, 255, 255]
    """
    picture = _move(crop, view)
    if view.blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), view.blur * crop.shape[1], borderType=cv2.BORDER_REFLECT_101)
    picture = _light(_colour(picture, view), view)
    if view.noise > 0:
        picture = _add_noise(picture, view)
    return _compress(picture, view.jpeg_quality) if view.jpeg_quality else np.asarray(picture, dtype=np.uint8)


def _move(crop: Image, view: View) -> Image:
    """Mirror, scale, turn and shift about the crop's centre, interpolated once.

    Bicubic: linear interpolation smooths skin so much that a frozen model takes the face for 7 years younger (see the decision record).
    """
    if (view.mirrored, view.scale, view.rotation, view.shift_x, view.shift_y) == (False, 1.0, 0.0, 0.0, 0.0):
        return crop.copy()
    side = crop.shape[1]
    return np.asarray(
        cv2.warpAffine(crop, movement(view, side), (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101), dtype=np.uint8
    )


def movement(view: View, side: int) -> Floats:
    """Return the affine map of a view, (2, 3), from the crop's pixels to the view's.

    Examples
    --------
    >>> movement(View(scale=2.0), 8).tolist()
    [[2.0, 0.0, -3.5], [0.0, 2.0, -3.5]]
    """
    angle = math.radians(view.rotation)
    cosine, sine = view.scale * math.cos(angle), view.scale * math.sin(angle)
    flip = -1.0 if view.mirrored else 1.0
    linear = np.array([[cosine * flip, 0.0 - sine], [sine * flip, cosine]])
    centre = np.full(2, (side - 1) / 2)
    offset = centre - linear @ centre + side * np.array([view.shift_x, view.shift_y])
    return np.column_stack([linear, offset])


def _colour(picture: Image, view: View) -> Image:
    """Mix each pixel with its grey."""
    if view.saturation == 1.0:
        return picture
    mix = view.saturation * np.eye(3) + (1 - view.saturation) * LUMA
    return np.asarray(cv2.transform(picture, mix), dtype=np.uint8)


def _light(picture: Image, view: View) -> Image:
    """Change gamma, contrast, brightness and tint by one table of values a colour."""
    if (view.brightness, view.contrast, view.gamma, view.red, view.blue) == (1.0, 1.0, 1.0, 1.0, 1.0):
        return picture
    values = (np.arange(256) / 255) ** view.gamma
    values = ((values - 0.5) * view.contrast + 0.5) * view.brightness
    table = np.clip(np.rint(255 * values[:, None] * [view.red, 1.0, view.blue]), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table[None]), dtype=np.uint8)


def _add_noise(picture: Image, view: View) -> Image:
    """Add noise that all colours share: that of a sensor, after the camera has smoothed its colours."""
    rng = np.random.Generator(np.random.SFC64(view.noise_seed))
    noise = rng.standard_normal(picture.shape[:2], dtype=np.float32) * np.float32(view.noise)
    return np.asarray(cv2.add(picture, cv2.merge([noise] * 3), dtype=cv2.CV_8U), dtype=np.uint8)


def _compress(picture: Image, quality: int) -> Image:
    """Write and read a JPEG in memory. OpenCV takes RGB for BGR: as it does both ways, the colours stay."""
    written, file = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    read = cv2.imdecode(file, cv2.IMREAD_COLOR) if written else None
    if read is None:
        raise InputError(f"OpenCV cannot compress a crop of {picture.shape} at quality {quality}: set jpeg_probability to 0")
    return np.ascontiguousarray(read[:, :, ::-1])
