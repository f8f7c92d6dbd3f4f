"""Quality measures of a face picture, named after the components of ISO/IEC 29794-5.

The standard names what must be measured; the formulas below are our own plain ones and are not the standard's reference
implementation, so that values are comparable between photographs of one study and not with other programs.
Luminance is the luma of ITU-R BT.601 computed from the sRGB values as stored, 0 to 1.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.imaging.alignment import box_around, crop_corners, similarity_transform, warp
from facies.imaging.looks import middle
from facies.imaging.pose import HEAD, head_pose
from facies.types import DetectedFace, Floats, Image

Mask = NDArray[np.bool_]

FACE_SIDE, FACE_EYES = 160, 60.0
"""Side of the crop on which the face is measured, and the distance between the eyes in it, in pixels."""

AROUND_SIDE, AROUND_EYES = 96, 18.0
"""The same for the surroundings."""

DARK, BRIGHT = 0.05, 0.95
_BINS = 32
_GRID = 8
_LARGEST_STEP = 16
_FEWEST_PIXELS = 100


def measure_quality(image: Image, face: DetectedFace, *, scale: float = 1.0) -> dict[str, float]:
    """Measure how well a face is shown.

    Parameters
    ----------
    image
        (height, width, 3) RGB, or its luma, (height, width).
    face
        A face in pixels of ``image``.
    scale
        Pixels of the full picture a pixel of ``image`` (see :class:`facies.imaging.decode.DecodedPhotograph`).

    Returns
    -------
    The quality columns of :data:`facies.tables.FACES`: ``inter_eye_distance`` (px of the full picture), ``sharpness``,
    ``exposure``, ``underexposed``, ``overexposed``, ``illumination_uniformity``, ``yaw``, ``pitch``, ``roll`` (degrees),
    ``background_uniformity`` and ``compression``. A measure that the picture does not allow is not-a-number.

    Raises
    ------
    InputError
        When the face's points coincide.

    Examples
    --------
    >>> flat = np.full((300, 400, 3), 128, np.uint8)
    >>> face = DetectedFace((150, 90, 100, 130), HEAD[:, :2] + [200, 120], 0.9)
    >>> measured = measure_quality(flat, face)
    >>> round(measured["exposure"], 2), measured["sharpness"], measured["background_uniformity"], measured["roll"]
    (0.5, 0.0, 1.0, 0.0)
    """
    points = np.asarray(face.points, dtype=np.float64)
    luma = _grey(image)
    grey, inside = _grey_crop(luma, points, FACE_SIDE, FACE_EYES)
    mask = _face_mask() & inside
    pose = head_pose(points)
    eyes = points[1] - points[0]
    return {
        "inter_eye_distance": float(np.hypot(eyes[0], eyes[1])) * scale,
        "sharpness": sharpness(grey, mask),
        **exposure(grey[mask]),
        "illumination_uniformity": illumination_uniformity(grey, mask),
        "yaw": pose.yaw,
        "pitch": pose.pitch,
        "roll": pose.roll,
        "background_uniformity": background_uniformity(luma, points),
        "compression": compression(luma, face.box, scale=scale),
    }


def sharpness(grey: Image, mask: Mask) -> float:
    """Return the variance of the Laplacian (4 neighbours, levels 0 to 255) within the mask, eyes 60 px apart.

    A picture of few pixels is not sharp by this measure, however well it was focused: it is enlarged to the common size first.
    Source of the measure: Pech-Pacheco et al., ICPR 2000.

    Examples
    --------
    >>> sharpness(np.full((8, 8), 7, np.uint8), np.ones((8, 8), bool))
    0.0
    """
    if mask.sum() < _FEWEST_PIXELS and mask.size >= _FEWEST_PIXELS:
        return float("nan")
    return float(cv2.Laplacian(grey, cv2.CV_32F)[mask].var())


def exposure(levels: Image) -> dict[str, float]:
    """Return mean luminance, the share of pixels darker than 0.05 and the share brighter than 0.95.

    Examples
    --------
    >>> exposure(np.array([0, 0, 51, 255], np.uint8))
    {'exposure': 0.3, 'underexposed': 0.5, 'overexposed': 0.25}
    """
    if not levels.size:
        return dict.fromkeys(("exposure", "underexposed", "overexposed"), float("nan"))
    return {
        "exposure": float(levels.mean()) / 255,
        "underexposed": float(np.count_nonzero(levels < np.uint8(np.ceil(DARK * 255))) / levels.size),
        "overexposed": float(np.count_nonzero(levels > np.uint8(np.floor(BRIGHT * 255))) / levels.size),
    }


def illumination_uniformity(grey: Image, mask: Mask) -> float:
    """Return the overlap of the luminance histograms (32 bins) of the two halves of the face, 0 to 1; 1 is equal light.

    Examples
    --------
    >>> half = np.repeat(np.array([[0, 255]], np.uint8), 8, axis=1).repeat(16, axis=0)
    >>> illumination_uniformity(half, np.ones_like(half, bool))
    0.0
    """
    middle = grey.shape[1] // 2
    shares = [_histogram(grey[:, half][mask[:, half]]) for half in (slice(0, middle), slice(middle, None))]
    return float(np.minimum(*shares).sum())


def _histogram(levels: Image) -> Floats:
    counts = np.bincount(levels // (256 // _BINS), minlength=_BINS)
    return counts / counts.sum() if levels.size else np.full(_BINS, np.nan)


def background_uniformity(image: Image, points: Floats) -> float:
    """Return 1 minus twice the standard deviation of the luminance beside and above the head, 0 to 1.

    The head with its hair is an ellipse left out, and what lies below the chin too; parts beyond the picture do not count.
    Not-a-number where fewer than 100 pixels (of 96 x 96) remain.

    Examples
    --------
    >>> background_uniformity(np.zeros((300, 300, 3), np.uint8), HEAD[:, :2] + 150)
    1.0
    """
    grey, inside = _grey_crop(image, points, AROUND_SIDE, AROUND_EYES)
    levels = grey[_around_mask() & inside]
    if levels.size < _FEWEST_PIXELS:
        return float("nan")
    return float(max(0.0, 1 - 2 * levels.std() / 255))


def compression(image: Image, box: tuple[float, float, float, float], *, scale: float = 1.0) -> float:
    """Return the blockiness of the face's box at the grid of 8 px; 0 is none.

    Steps between neighbouring pixels (cut at 16 levels, so that edges count little) are averaged for each of the eight
    positions within a block. The measure is how much the largest mean exceeds the median one, averaged over columns and rows.
    The position is not assumed, because cropping and turning move the grid. Reduced decoding shrinks the grid with the
    picture; below 4 px there is none to see and the answer is not-a-number. Cf. Wang et al., ICIP 2000.

    Examples
    --------
    >>> blocks = np.kron(np.array([[0, 9], [9, 0]], np.uint8).repeat(4, 1), np.ones((8, 8), np.uint8))
    >>> compression(np.dstack([blocks] * 3), (0, 0, 64, 16)) > 1
    True
    """
    period = round(_GRID / scale)
    grey = _grey(_box_part(image, box))
    if period < 4 or min(grey.shape) < 2 * period:
        return float("nan")
    across = cv2.reduce(_steps(grey[:, 1:], grey[:, :-1]), 0, cv2.REDUCE_AVG, dtype=cv2.CV_64F)
    down = cv2.reduce(_steps(grey[1:], grey[:-1]), 1, cv2.REDUCE_AVG, dtype=cv2.CV_64F)
    return (_blockiness(across.ravel(), period) + _blockiness(down.ravel(), period)) / 2


def _steps(grey: Image, neighbour: Image) -> Image:
    steps: Image = cv2.min(cv2.absdiff(grey, neighbour), _LARGEST_STEP)
    return steps


def _blockiness(steps: Floats, period: int) -> float:
    means = steps[: len(steps) // period * period].reshape(-1, period).mean(axis=0)
    usual = float(middle(means))
    return float(means.max() - usual) / (usual + 0.25)


def _box_part(image: Image, box: tuple[float, float, float, float]) -> Image:
    left, upper = max(0, round(box[0])), max(0, round(box[1]))
    right, lower = max(left + 1, round(box[0] + box[2])), max(upper + 1, round(box[1] + box[3]))
    return image[upper:lower, left:right]


def _grey(image: Image) -> Image:
    """Return the luma of a picture; a grey one, (height, width), as it is."""
    if not image.size:
        return np.zeros((0, 0), dtype=np.uint8)
    if image.ndim == 2:
        return image
    grey: Image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return grey


def _grey_crop(image: Image, points: Floats, side: int, eyes: float) -> tuple[Image, Mask]:
    """Return the upright grey crop and which of its pixels lie within the picture."""
    matrix = similarity_transform(points, _template(side, eyes))
    corners = crop_corners(matrix, (side, side))
    left, upper, right, lower = box_around(corners, image.shape, reach=32)
    shifted = matrix @ np.array([[1, 0, left], [0, 1, upper], [0, 0, 1]])
    grey = warp(_grey(image[upper:lower, left:right]), shifted, (side, side))
    return grey, _inside(corners, side, image.shape[1], image.shape[0])


def _inside(corners: Floats, side: int, width: int, height: int) -> Mask:
    x, y = (_within(corners[:, axis], side, limit) for axis, limit in ((0, width), (1, height)))
    mask: Mask = x & y
    return mask


def _within(corners: Floats, side: int, limit: int) -> Mask:
    """Return which pixels of the crop lie between 0 and ``limit`` along one axis, whose value at the corners is known."""
    if corners.min() >= -0.5 and corners.max() <= limit - 0.5:
        return _everywhere(side)
    steps = (np.arange(side) + 0.5) / side
    across, down = steps * (corners[1] - corners[0]), steps * (corners[3] - corners[0])
    where = (corners[0] + across)[None, :] + down[:, None]
    mask: Mask = (where >= -0.5) & (where < limit - 0.5)
    return mask


@cache
def _everywhere(side: int) -> Mask:
    return np.ones((side, side), dtype=bool)


@cache
def _template(side: int, eyes: float) -> Floats:
    """Return the frontal mean head with the middle of the face in the middle of the crop."""
    flat = HEAD[:, :2] * (eyes / (HEAD[1, 0] - HEAD[0, 0]))
    middle = np.array([0.0, flat[:, 1].max() / 2])
    return np.asarray(flat - middle + (side - 1) / 2, dtype=np.float64)


@cache
def _face_mask() -> Mask:
    """Return the face from the brows to the chin: an ellipse of 2 by 2.5 eye distances."""
    return _ellipse(FACE_SIDE, 1.0 * FACE_EYES, 1.25 * FACE_EYES)


@cache
def _around_mask() -> Mask:
    """Return what lies beside and above the head, an ellipse of 3.6 by 4.6 eye distances, and not below the mouth."""
    beside = ~_ellipse(AROUND_SIDE, 1.8 * AROUND_EYES, 2.3 * AROUND_EYES)
    beside[round(AROUND_SIDE / 2 + AROUND_EYES) :] = False
    return beside


def _ellipse(side: int, half_width: float, half_height: float) -> Mask:
    offset = np.arange(side) - (side - 1) / 2
    mask: Mask = (offset[None, :] / half_width) ** 2 + (offset[:, None] / half_height) ** 2 <= 1
    return mask
