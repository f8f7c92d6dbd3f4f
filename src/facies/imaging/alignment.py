"""From five points to a crop: the similarity that fits best, and resampling without aliasing."""

from __future__ import annotations

import cv2
import numpy as np

from facies.errors import InputError
from facies.records import CropContract
from facies.types import Floats, Image

_REACH = 3
"""Blocks around the crop's footprint that bilinear sampling may touch."""

_SMALL = 1 << 20
"""Bytes of a picture that is given a fourth channel as a whole."""

_COARSEST = 3.0
"""How much finer than the crop the picture may be when it is sampled."""

_HALF_STEP = np.array([[2.0, 0, 0.5], [0, 2, 0.5]])
"""From the crop's pixels to those of a grid of half the step."""


def similarity_transform(points: Floats, template: Floats) -> Floats:
    """Fit rotation, scale and shift (no reflection) that bring ``points`` nearest to ``template`` in the least-squares sense.

    The optimum of Umeyama (IEEE TPAMI 1991;13:376-380) in two dimensions, where one complex number is rotation and scale.

    Parameters
    ----------
    points, template
        (n, 2), n at least 2, in pixels.

    Returns
    -------
    (2, 3) matrix ``M``; ``M[:, :2] @ point + M[:, 2]`` lies near the template's point.

    Raises
    ------
    InputError
        When the points are one and the same point or not finite.

    Examples
    --------
    >>> square = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])
    >>> similarity_transform(square, square * 3 + [1, -1]).round(9)
    array([[ 3., -0.,  1.],
           [ 0.,  3., -1.]])
    """
    if not np.isfinite(points).all() or np.ptp(points, axis=0).max() < 1e-6:
        raise InputError("the points of the face coincide or are not numbers: give five different points in pixels")
    p, q = (np.ascontiguousarray(given, dtype=np.float64).view(np.complex128).ravel() for given in (points, template))
    p_centre, q_centre = p.mean(), q.mean()
    from_centre, to_centre = p - p_centre, q - q_centre
    spread = from_centre.conj() @ from_centre
    turn = from_centre.conj() @ to_centre / spread
    shift = q_centre - turn * p_centre
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def transform_points(points: Floats, matrix: Floats) -> Floats:
    """Apply a (2, 3) matrix to points, (n, 2).

    Examples
    --------
    >>> transform_points(np.array([[1.0, 2.0]]), np.array([[2.0, 0, 1], [0, 2, 0]]))
    array([[3., 4.]])
    """
    return np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]


def align_face(image: Image, points: Floats, contract: CropContract) -> Image:
    """Cut the face as the contract says.

    With ``resize_filter="area"`` a picture that is larger than the crop is averaged over areas before the bilinear step, so
    that fine texture does not alias; with ``"linear"`` it is sampled bilinearly only. Beyond the picture's edge the edge
    pixels are repeated; :func:`outside_share` says how much of the crop that concerns.

    Parameters
    ----------
    image
        (height, width, 3) RGB.
    points
        Five points in pixels of ``image``, (5, 2).

    Returns
    -------
    (size, size, 3) uint8, always in the order red, green, blue.

    Raises
    ------
    InputError
        When the points coincide or the filter is unknown.

    Examples
    --------
    >>> square = ((0.25, 0.25), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0.75, 0.75))
    >>> contract = CropContract(square, size=8)
    >>> align_face(np.full((64, 64, 3), 7, np.uint8), contract.points() * 8, contract).shape
    (8, 8, 3)
    """
    if contract.resize_filter not in ("area", "linear"):
        raise InputError(f"the resize filter is '{contract.resize_filter}': choose area or linear")
    matrix = similarity_transform(points, contract.points())
    crop = warp(image, matrix, (contract.size, contract.size), antialias=contract.resize_filter == "area")
    if not contract.harmonise:
        return crop
    from facies.imaging.harmonise import harmonise_crop

    return harmonise_crop(crop, contract)


def warp(image: Image, matrix: Floats, size: tuple[int, int], *, antialias: bool = True) -> Image:
    """Resample ``image`` on a grid of ``size`` (width, height); ``matrix`` leads from picture to grid.

    A picture finer than the grid is sampled bilinearly on a grid of half the step, whose pixels are then averaged four by
    four into one; one more than three times finer is first averaged over whole blocks of pixels.

    Examples
    --------
    >>> shift = np.array([[1.0, 0, -1], [0, 1, 0]])
    >>> warp(np.arange(12, dtype=np.uint8).reshape(3, 4), shift, (2, 2)).tolist()
    [[1, 2], [5, 6]]
    """
    shrink = 1 / float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if not antialias or shrink <= 1:
        return _as_given(_sample(image, matrix, size), image)
    if shrink > _COARSEST:
        image, matrix = _averaged(image, matrix, size, int(np.ceil(shrink / _COARSEST)))
    fine = _sample(image, _HALF_STEP @ np.vstack([matrix, [0, 0, 1]]), (2 * size[0], 2 * size[1]))
    return _as_given(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), image)


def _sample(image: Image, matrix: Floats, size: tuple[int, int]) -> Image:
    """Sample bilinearly; colours come back with a fourth channel."""
    if image.ndim == 3 and image.shape[2] == 3:
        image = _four_channels(image, matrix, size)
    sampled: Image = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return sampled


def _four_channels(image: Image, matrix: Floats, size: tuple[int, int]) -> Image:
    """Return the picture with a fourth channel: OpenCV samples four more than twice as fast as three, to the same bits.

    In a large picture it is filled where the crop needs it. Nobody reads the rest, and the system need not find memory for it.
    """
    if image.size <= _SMALL:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA))
    left, upper, right, lower = footprint(image, matrix, size)
    wide = np.empty((*image.shape[:2], 4), dtype=image.dtype)
    cv2.cvtColor(image[upper:lower, left:right], cv2.COLOR_RGB2RGBA, dst=wide[upper:lower, left:right])
    return wide


def _as_given(sampled: Image, image: Image) -> Image:
    """Return what was sampled without the channel that the picture does not have."""
    if sampled.ndim == image.ndim == 3 and sampled.shape[2] > image.shape[2]:
        return np.asarray(cv2.cvtColor(sampled, cv2.COLOR_RGBA2RGB))
    return sampled


def _averaged(image: Image, matrix: Floats, size: tuple[int, int], block: int) -> tuple[Image, Floats]:
    """Return the part of the picture under the crop, averaged over blocks, and the matrix from there to the crop."""
    left, upper, right, lower = footprint(image, matrix, size, reach=_REACH * block)
    width, height = max(1, (right - left) // block), max(1, (lower - upper) // block)
    part = image[upper : upper + height * block, left : left + width * block]
    small: Image = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    offset = (block - 1) / 2
    return small, matrix @ np.array([[block, 0, left + offset], [0, block, upper + offset], [0, 0, 1]])


def footprint(image: Image, matrix: Floats, size: tuple[int, int], *, reach: int = 3) -> tuple[int, int, int, int]:
    """Return the part of the picture that the crop needs, as left, upper, right, lower, with ``reach`` pixels around it.

    Examples
    --------
    >>> footprint(np.zeros((50, 60, 3), np.uint8), np.array([[1.0, 0, -20], [0, 1, -10]]), (8, 8))
    (16, 6, 32, 22)
    """
    return box_around(crop_corners(matrix, size), image.shape, reach=reach)


def box_around(corners: Floats, shape: tuple[int, ...], *, reach: int) -> tuple[int, int, int, int]:
    """Return the part of a picture of this shape about a crop's corners, as :func:`footprint` does."""
    limit = np.array([shape[1], shape[0]])
    first = np.clip(np.floor(corners.min(axis=0)) - reach, 0, limit - 1).astype(int)
    last = np.clip(np.ceil(corners.max(axis=0)) + 1 + reach, first + 1, limit).astype(int)
    return int(first[0]), int(first[1]), int(last[0]), int(last[1])


def crop_corners(matrix: Floats, size: tuple[int, int]) -> Floats:
    """Return the crop's outer corners in the picture, (4, 2), clockwise from the upper left.

    Examples
    --------
    >>> crop_corners(np.array([[1.0, 0, 0], [0, 1, 0]]), (2, 2))[2]
    array([1.5, 1.5])
    """
    right, lower = size[0] - 0.5, size[1] - 0.5
    corners = np.array([[-0.5, -0.5], [right, -0.5], [right, lower], [-0.5, lower]])
    inverse = np.linalg.inv(matrix[:, :2])
    return (corners - matrix[:, 2]) @ inverse.T


def outside_share(points: Floats, contract: CropContract, image_shape: tuple[int, ...]) -> float:
    """Return the share of the crop's area that lies beyond the picture, 0 to 1.

    Parameters
    ----------
    image_shape
        Height and width first, as ``image.shape``.

    Examples
    --------
    >>> square = ((0.25, 0.25), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0.75, 0.75))
    >>> contract = CropContract(square, size=64)
    >>> outside_share(contract.points() - [32, 0], contract, (64, 64))
    0.5
    """
    corners = crop_corners(similarity_transform(points, contract.points()), (contract.size, contract.size))
    height, width = image_shape[:2]
    if corners.min() >= -0.5 and corners[:, 0].max() <= width - 0.5 and corners[:, 1].max() <= height - 0.5:
        return 0.0
    inside = _clip(_clip(corners, 0, -0.5, width - 0.5), 1, -0.5, height - 0.5)
    return float(min(1.0, max(0.0, 1 - _area(inside) / _area(corners))))


def _clip(polygon: Floats, axis: int, low: float, high: float) -> Floats:
    """Clip a convex polygon to a strip (Sutherland and Hodgman 1974)."""
    for sign, bound in ((1.0, low), (-1.0, -high)):
        depth = sign * polygon[:, axis] - bound
        kept: list[Floats] = []
        for i in range(len(polygon)):
            j = (i + 1) % len(polygon)
            if depth[i] >= 0:
                kept.append(polygon[i])
            if depth[i] * depth[j] < 0:
                kept.append(polygon[i] + (polygon[j] - polygon[i]) * (depth[i] / (depth[i] - depth[j])))
        polygon = np.array(kept).reshape(-1, 2)
    return polygon


def _area(polygon: Floats) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
