"""Draws founders' haplotypes block by block, and what their descendants inherit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.simulation.genotype_settings import GenotypeSettings
from facies.simulation.relatives import Pedigree
from facies.types import Floats

CHUNK = 1000
"""Variants that are drawn at a time: memory is bounded by them."""


def fill_blocks(
    calls: NDArray[np.int8], places: NDArray[np.int64], frequencies: Floats, pedigree: Pedigree, shares: Floats,
    settings: GenotypeSettings, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Draw the simulated variants, some blocks at a time, into rows ``places`` of ``calls``."""
    size = settings.block_size
    step = max(1, CHUNK // size) * size
    for start in range(0, len(places), step):
        rows = places[start : start + step]
        own = frequencies[:, start : start + step].astype(np.float32)
        n_blocks = -(-len(rows) // size)
        padded = np.pad(own, ((0, 0), (0, n_blocks * size - len(rows))), constant_values=0.5)
        alleles = _draw_alleles(padded.reshape(len(own), n_blocks, size), shares, settings.linkage, rng)
        calls[rows] = _count(alleles, pedigree, rng).reshape(n_blocks * size, -1)[: len(rows)]


def _draw_alleles(frequencies: NDArray[np.float32], shares: Floats, linkage: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return what founder haplotypes carry, (n_blocks, size, 2 n_founders); ``frequencies`` are (n_groups, n_blocks, size)."""
    n_blocks, size = frequencies.shape[1:]
    groups = _groups_of(shares, n_blocks, rng)
    shape = n_blocks, 2 * len(shares)
    alleles = np.empty((n_blocks, size, shape[1]), dtype=bool)
    mirrored = rng.random((size, n_blocks, 1)) < 0.5
    number = rng.random(shape, dtype=np.float32)
    for place in range(size):
        if place:
            number = _recombine(number, linkage, rng)
        own = frequencies[:, :, place].T
        threshold = np.take_along_axis(np.where(mirrored[place], 1 - own, own), groups, axis=1)
        alleles[:, place] = (number < threshold) ^ mirrored[place]
    return alleles


def _recombine(number: NDArray[np.float32], linkage: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Keep each uniform number with chance ``linkage``, or draw a new one; one draw serves for both."""
    if linkage >= 1:
        return number
    drawn = rng.random(number.shape, dtype=np.float32)
    fresh = (drawn - np.float32(linkage)) / np.float32(1 - linkage)
    return np.asarray(np.where(drawn < np.float32(linkage), number, fresh), dtype=np.float32)


def _groups_of(shares: Floats, n_blocks: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the group that each founder haplotype is of in each block, (n_blocks, 2 n_founders)."""
    bounds = np.repeat(np.cumsum(shares, axis=1)[:, :-1], 2, axis=0)
    if ((shares == 0) | (shares == 1)).all():
        return np.broadcast_to((bounds < 0.5).sum(axis=1), (n_blocks, len(bounds)))
    return np.asarray((rng.random((n_blocks, len(bounds), 1)) >= bounds).sum(axis=2))


def _count(alleles: NDArray[np.bool_], pedigree: Pedigree, rng: np.random.Generator) -> NDArray[np.int8]:
    """Return each person's effect alleles, (n_blocks, size, n)."""
    n = len(pedigree.sources)
    if pedigree.descends.any():
        inherited = pedigree.inherit(rng, len(alleles)).reshape(len(alleles), 1, 2 * n)
        alleles = np.take_along_axis(alleles, inherited, axis=2)
    strands = alleles.view(np.int8)
    return np.asarray(strands[..., 0::2] + strands[..., 1::2], dtype=np.int8)
