"""A classical descriptor of faces: no training, no weights, the same arithmetic for everybody.

Seven blocks, each computed on the whole crop, pooled over a grid of cells and folded (see below):

=================  ===================================================================  ==========
block              what it holds                                                        values
=================  ===================================================================  ==========
contours, fine     6 gradient orientations in 16 x 16 cells                             16 x 8 x 6
contours, coarse   the same in 10 x 10 cells of the crop at half scale                  10 x 5 x 6
patterns, fine     10 rotation-invariant uniform local binary patterns in 8 x 8 cells   8 x 4 x 10
patterns, middle   the same with neighbours at 2 pixels                                 8 x 4 x 10
patterns, coarse   the same with neighbours at 2 pixels of the crop at half scale       8 x 4 x 10
bands              log energy of 5 spatial frequency bands in 8 x 8 cells               8 x 4 x 5
colour             mean and standard deviation of CIE L, a and b in 8 x 8 cells         8 x 4 x 6
=================  ===================================================================  ==========

Every block is the mean of the crop and of its mirror image, so a face and its mirror image have the same vector and a
difference between the two halves of a face is not seen.

Methods: Dalal & Triggs 2005 (orientation histograms), Ojala et al. 2002 (local binary patterns).
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.embeddings.templates import face_template, require_crops
from facies.records import CropContract, EncoderCard
from facies.types import Image, Images, Vectors

SIDE = 160
ORIENTATIONS = 6
PATTERNS = 10
BANDS = 5

CARD = EncoderCard(
    name="hog",
    dimension=2380,
    crop=CropContract(face_template(eye_distance=0.36, eye_height=0.38), size=SIDE),
    licence="Apache-2.0",
    source="facies: gradient orientations, local binary patterns, frequency bands and colour by cell, mirrored halves averaged",
    trained_on="nothing: fixed arithmetic",
)


class Hog:
    """Gradient orientations, local binary patterns, frequency bands and colour by cell."""

    card = CARD

    def encode(self, crops: Images) -> Vectors:
        """Return one descriptor a crop, (n, 2380).

        Raises
        ------
        InputError
            When the crops are not uint8 (n, 160, 160, 3).

        Examples
        --------
        >>> faces = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), dtype=np.uint8)
        >>> Hog().encode(faces).shape
        (2, 2380)
        """
        require_crops(crops, self.card.crop, encoder="hog")
        vectors = np.empty((len(crops), self.card.dimension), dtype=np.float32)
        for row, crop in zip(vectors, crops, strict=True):
            row[:] = describe(crop)
        return vectors


def describe(crop: Image) -> Vectors:
    """Return the descriptor of one crop, (2380,)."""
    levels = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return np.concatenate([structures(levels), fold(bands(levels.astype(np.float32), cells=8)), fold(colours(crop, cells=8))])


def structures(levels: Image) -> Vectors:
    """Return contours and patterns, the first 2,028 numbers of the descriptor, of the grey levels (160, 160) of a crop."""
    grey = levels.astype(np.float32)
    half = cv2.resize(grey, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    blocks = (
        contours(grey, cells=16),
        contours(half, cells=10),
        fold(patterns(levels, cells=8, radius=1)),
        fold(patterns(levels, cells=8, radius=2)),
        fold(patterns(half, cells=8, radius=2)),
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
    histograms = _orientations(grey, cells)
    energy = cv2.boxFilter((histograms**2).sum(axis=-1), -1, (3, 3), borderType=cv2.BORDER_REPLICATE)
    relative = np.sqrt(histograms / (np.sqrt(np.maximum(energy, 0))[..., None] + np.float32(1e-3)))
    mirrored_bins = -np.arange(ORIENTATIONS) % ORIENTATIONS
    return _half(relative, relative[:, ::-1, mirrored_bins])


def _orientations(grey: Vectors, cells: int) -> Vectors:
    """Return mean gradient by cell, shared out between the two nearest of 6 unsigned orientations, (cells, cells, 6)."""
    across = cv2.Scharr(grey, cv2.CV_32F, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Scharr(grey, cv2.CV_32F, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    length, angle = cv2.cartToPolar(across, down)
    place = angle * np.float32(ORIENTATIONS / np.pi)
    place -= np.float32(ORIENTATIONS) * (place >= ORIENTATIONS)
    return np.stack([_pooled(_share(place, bin_, across, down) * length, cells) for bin_ in range(ORIENTATIONS)], axis=-1)


def _share(place: Vectors, bin_: int, apart: Vectors, around: Vectors) -> Vectors:
    """Return how much of each pixel belongs to a bin: 1 at its middle, 0 at its neighbours' middles.

    ``apart`` and ``around`` are memory to compute in. Only the first bin is reached from the other end, too.
    """
    np.abs(np.subtract(place, np.float32(bin_), out=apart), out=apart)
    if bin_ == 0:
        np.minimum(apart, np.subtract(np.float32(ORIENTATIONS), apart, out=around), out=apart)
    return np.maximum(np.subtract(np.float32(1), apart, out=apart), np.float32(0), out=apart)


def _pooled(values: Vectors, cells: int) -> Vectors:
    """Average a map (height, width, ...) over a grid of cells."""
    return np.asarray(cv2.resize(values, (cells, cells), interpolation=cv2.INTER_AREA), dtype=np.float32)


def patterns(grey: Image | Vectors, *, cells: int, radius: int) -> Vectors:
    """Return the shares of 10 local binary patterns by cell, square-rooted, (cells, cells, 10).

    A pixel's pattern is which of its 8 neighbours at ``radius`` pixels are at least as bright: patterns 0 to 8 count them
    where they stand together, pattern 9 is all the rest. The side is a multiple of ``cells``.
    """
    places = _first_bins(grey.shape[0], cells) + _pattern_codes(grey, radius)
    counts = np.bincount(places.ravel(), minlength=cells * cells * PATTERNS).reshape(cells, cells, PATTERNS)
    return np.asarray(np.sqrt(counts.astype(np.float32) * np.float32(cells * cells / grey.size)), dtype=np.float32)


@cache
def _first_bins(side: int, cells: int) -> NDArray[np.intp]:
    """Return where the counts of each pixel's cell begin, (side, side)."""
    cell = np.arange(side) * cells // side
    return (cell[:, None] * cells + cell) * PATTERNS


def _pattern_codes(grey: Image | Vectors, radius: int) -> Image:
    height, width = grey.shape
    padded = cv2.copyMakeBorder(grey, radius, radius, radius, radius, cv2.BORDER_REPLICATE)
    ring = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    brighter = np.zeros((height, width), dtype=np.uint8)
    for bit, (y, x) in enumerate(ring):
        here = cv2.compare(padded[radius * y :, radius * x :][:height, :width], grey, cv2.CMP_GE)
        brighter |= here & np.uint8(1 << bit)
    codes: Image = cv2.LUT(brighter, _codes_of_rings())
    return codes


@cache
def _codes_of_rings() -> Image:
    """Return the pattern of each set of brighter neighbours, (256,); bit by bit around the pixel."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), PATTERNS - 1).astype(np.uint8)


def bands(grey: Vectors, *, cells: int) -> Vectors:
    """Return the log energy of 5 bands of spatial frequency by cell, finest first, (cells, cells, 5)."""
    energies = []
    for band in range(BANDS):
        smooth = cv2.GaussianBlur(grey, (0, 0), 0.8 * 1.6**band)
        grey = grey - smooth
        energies.append(_pooled(np.multiply(grey, grey, out=grey), cells))
        grey = smooth
    return np.asarray(np.log(np.stack(energies, axis=-1) + np.float32(0.1)), dtype=np.float32)


def colours(crop: Image, *, cells: int) -> Vectors:
    """Return mean and standard deviation of CIE L, a and b by cell, (cells, cells, 6)."""
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    mean = _pooled(lab, cells)
    variance = _pooled(np.multiply(lab, lab, out=lab), cells) - mean**2
    return np.concatenate([mean, np.sqrt(np.maximum(variance, 0))], axis=-1)
