"""A classical descriptor of faces: no training, no weights, the same arithmetic for everybody.

Seven blocks, each computed on the whole crop and pooled over a grid of cells:

====================  ==================================================================  ==========
block                 what it holds                                                       values
====================  ==================================================================  ==========
contours, fine        8 gradient orientations in 16 x 16 cells                            16 x 8 x 8
contours, coarse      the same in 10 x 10 cells of the crop at half scale                 10 x 5 x 8
patterns, fine        10 rotation-invariant uniform local binary patterns in 8 x 8 cells  8 x 4 x 10
patterns, coarse      the same of the crop at half scale                                  8 x 4 x 10
bands                 log energy of 5 spatial frequency bands in 8 x 8 cells              8 x 4 x 5
colour                mean and standard deviation of L, a and b in 8 x 8 cells            8 x 4 x 6
====================  ==================================================================  ==========

Every block is the mean of the crop and of its mirror image, so a face and its mirror image have the same vector and a
difference between the two halves of a face is not seen.

Methods: Dalal & Triggs 2005 (orientation histograms), Ojala et al. 2002 (local binary patterns).
"""

from __future__ import annotations

import cv2
import numpy as np

from facies.embeddings.templates import face_template, require_crops
from facies.records import CropContract, EncoderCard
from facies.types import Image, Images, Vectors

SIDE = 160
ORIENTATIONS = 8
PATTERNS = 10
BANDS = 5

CARD = EncoderCard(
    name="hog",
    dimension=2416,
    crop=CropContract(face_template(eye_distance=0.36, eye_height=0.42), size=SIDE),
    licence="Apache-2.0",
    source="facies: gradient orientations, local binary patterns, frequency bands and colour by cell, mirrored halves averaged",
    trained_on="nothing: fixed arithmetic",
)


class Hog:
    """Gradient orientations, local binary patterns, frequency bands and colour by cell."""

    card = CARD

    def encode(self, crops: Images) -> Vectors:
        """Return one descriptor a crop, (n, 2416).

        Raises
        ------
        InputError
            When the crops are not uint8 (n, 160, 160, 3).

        Examples
        --------
        >>> faces = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), dtype=np.uint8)
        >>> Hog().encode(faces).shape
        (2, 2416)
        """
        require_crops(crops, self.card.crop, encoder="hog")
        vectors = np.empty((len(crops), self.card.dimension), dtype=np.float32)
        for row, crop in zip(vectors, crops, strict=True):
            row[:] = describe(crop)
        return vectors


def describe(crop: Image) -> Vectors:
    """Return the descriptor of one crop, (2416,)."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    half = cv2.resize(grey, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    blocks = (
        contours(grey, cells=16),
        contours(half, cells=10),
        fold(patterns(grey, cells=8)),
        fold(patterns(half, cells=8)),
        fold(bands(grey, cells=8)),
        fold(colours(crop, cells=8)),
    )
    return np.concatenate(blocks)


def fold(grid: Vectors) -> Vectors:
    """Average a grid with its mirror image and return its left half as a vector.

    Parameters
    ----------
    grid
        (rows, columns, values).

    Examples
    --------
    >>> fold(np.array([[[1.0], [2.0], [3.0], [5.0]]], dtype=np.float32))
    array([3. , 2.5], dtype=float32)
    """
    return _half(grid, grid[:, ::-1])


def _half(grid: Vectors, mirrored: Vectors) -> Vectors:
    left = (grid.shape[1] + 1) // 2
    return np.asarray((grid[:, :left] + mirrored[:, :left]) / 2, dtype=np.float32).ravel()


def contours(grey: Vectors, *, cells: int) -> Vectors:
    """Return the folded histograms of gradient orientation by cell, square-rooted, relative to the contrast around."""
    histograms = _pooled(_orientations(grey), cells)
    energy = cv2.boxFilter((histograms**2).sum(axis=-1), -1, (3, 3), borderType=cv2.BORDER_REPLICATE)
    relative = np.sqrt(histograms / (np.sqrt(energy)[..., None] + 1e-3))
    mirrored_bins = -np.arange(ORIENTATIONS) % ORIENTATIONS
    return _half(relative, relative[:, ::-1, mirrored_bins])


def _orientations(grey: Vectors) -> Vectors:
    """Return each pixel's gradient, shared out between the two nearest of 8 unsigned orientations, (height, width, 8)."""
    across = cv2.Scharr(grey, cv2.CV_32F, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Scharr(grey, cv2.CV_32F, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    length, angle = cv2.cartToPolar(across, down)
    place = angle.ravel() * (ORIENTATIONS / np.pi)
    lower = place.astype(np.int32)
    share = place - lower
    shares = np.zeros((grey.size, ORIENTATIONS), dtype=np.float32)
    pixels = np.arange(grey.size)
    shares[pixels, lower % ORIENTATIONS] = length.ravel() * (1 - share)
    shares[pixels, (lower + 1) % ORIENTATIONS] += length.ravel() * share
    return shares.reshape(*grey.shape, ORIENTATIONS)


def _pooled(maps: Vectors, cells: int) -> Vectors:
    """Average maps (height, width, values) over a grid of cells, (cells, cells, values)."""
    side = maps.shape[0]
    if side % cells == 0:
        step = side // cells
        return np.asarray(maps.reshape(cells, step, cells, step, -1).mean(axis=(1, 3)), dtype=np.float32)
    return np.stack([_pooled_map(maps[..., i], cells) for i in range(maps.shape[-1])], axis=-1)


def _pooled_map(values: Vectors, cells: int) -> Vectors:
    return np.asarray(cv2.resize(values, (cells, cells), interpolation=cv2.INTER_AREA), dtype=np.float32)


def patterns(grey: Vectors, *, cells: int) -> Vectors:
    """Return the shares of 10 local binary patterns by cell, square-rooted, (cells, cells, 10).

    A pixel's pattern is which of its 8 neighbours are at least as bright: patterns 0 to 8 count them where they stand
    together, pattern 9 is all the rest.
    """
    codes = _pattern_codes(grey)
    shares = [_pooled_map((codes == code).astype(np.float32), cells) for code in range(PATTERNS)]
    return np.sqrt(np.stack(shares, axis=-1))


def _pattern_codes(grey: Vectors) -> Image:
    height, width = grey.shape
    padded = cv2.copyMakeBorder(grey, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    ring = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    brighter = [(padded[y : y + height, x : x + width] >= grey).view(np.uint8) for y, x in ring]
    count, changes = np.zeros((2, height, width), dtype=np.uint8)
    for here, before in zip(brighter, brighter[-1:] + brighter[:-1], strict=True):
        count += here
        changes += here ^ before
    return np.where(changes <= 2, count, np.uint8(PATTERNS - 1))


def bands(grey: Vectors, *, cells: int) -> Vectors:
    """Return the log energy of 5 bands of spatial frequency by cell, finest first, (cells, cells, 5)."""
    energies = []
    for band in range(BANDS):
        smooth = cv2.GaussianBlur(grey, (0, 0), 0.8 * 1.6**band)
        energies.append(_pooled_map((grey - smooth) ** 2, cells))
        grey = smooth
    return np.asarray(np.log(np.stack(energies, axis=-1) + np.float32(0.1)), dtype=np.float32)


def colours(crop: Image, *, cells: int) -> Vectors:
    """Return mean and standard deviation of CIE L, a and b by cell, (cells, cells, 6)."""
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    mean = _pooled_map(lab, cells)
    variance = _pooled_map(lab**2, cells) - mean**2
    return np.concatenate([mean, np.sqrt(np.maximum(variance, 0))], axis=-1)
