"""Draws readings: a pool of raters with biases and noise judges the photographs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats


@dataclass(frozen=True)
class ReaderPool:
    """How people read faces.

    Parameters
    ----------
    n_readers
        Readings of each photograph, by different readers.
    n_pool
        Readers to draw them from.
    reader_sd, reading_sd
        Spread of the readers' biases and of single readings around them, in years.
    shrinkage
        How far readings are pulled towards the mean of all photographs, 0 (not) to 1.
    bin_years
        Readings are rounded to multiples of this; 0 leaves them as they are.

    Raises
    ------
    InputError
        When there are fewer readers in the pool than readings of a photograph.
    """

    n_readers: int = 27
    n_pool: int = 60
    reader_sd: float = 2.0
    reading_sd: float = 6.0
    shrinkage: float = 0.0
    bin_years: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.n_readers <= self.n_pool:
            raise InputError(f"n_readers is {self.n_readers}: choose 1 to {self.n_pool}, the number of readers in the pool (n_pool)")
        if not 0 <= self.shrinkage < 1:
            raise InputError(f"shrinkage is {self.shrinkage}: choose 0 to less than 1")

    def error_variance(self, *, n_photographs: int = 1) -> float:
        """Return the variance of a person's panel mean around the truth, between people, in squared years.

        A bias that all photographs share is no error between people, hence the finite-pool factor of the readers' part.

        Examples
        --------
        >>> ReaderPool(n_readers=27, n_pool=27, reading_sd=6, bin_years=0).error_variance()
        1.333...
        """
        readers = self.reader_sd**2 * (1 - self.n_readers / self.n_pool)
        return (readers + self.reading_sd**2 + self.bin_years**2 / 12) / (self.n_readers * n_photographs)

    def attenuation(self, variance: float, *, n_photographs: int = 1) -> float:
        """Return what a linear coefficient of the latent perceived age is multiplied by when the panel mean stands in for it.

        ``variance`` is that of the latent perceived age given the covariates, in squared years.

        Examples
        --------
        >>> round(ReaderPool(reader_sd=0, reading_sd=6, n_readers=9, bin_years=0).attenuation(12.0), 3)
        0.75
        """
        slope = 1 - self.shrinkage
        return slope * variance / (slope**2 * variance + self.error_variance(n_photographs=n_photographs))


def draw_readings(photo_ids: NDArray[np.object_], perceived_age: Floats, pool: ReaderPool, rng: np.random.Generator) -> pd.DataFrame:
    """Return the readings of these photographs, ``n_readers`` each; ``position`` is the place in the reader's own random order."""
    n = len(photo_ids)
    readers = np.argsort(rng.random((n, pool.n_pool), dtype=np.float32), axis=1)[:, : pool.n_readers].ravel()
    photos = np.repeat(np.arange(n), pool.n_readers)
    names = np.array([f"r{i:0{len(str(pool.n_pool))}d}" for i in range(1, pool.n_pool + 1)], dtype=object)
    return pd.DataFrame(
        {
            "reader_id": names[readers],
            "photo_id": photo_ids[photos],
            "target": np.full(len(photos), "perceived_age", dtype=object),
            "repeat": np.zeros(len(photos), dtype=np.int64),
            "reading": _read(perceived_age, photos, readers, pool, rng),
            "position": _random_positions(readers, rng),
        }
    )


def _read(
    perceived_age: Floats, photos: NDArray[np.int64], readers: NDArray[np.int64], pool: ReaderPool, rng: np.random.Generator
) -> Floats:
    centre = perceived_age.mean() if len(perceived_age) else 0.0
    seen = centre + (1 - pool.shrinkage) * (perceived_age - centre)
    bias = rng.normal(0, pool.reader_sd, pool.n_pool)
    reading = seen[photos] + bias[readers] + rng.normal(0, pool.reading_sd, len(photos))
    if pool.bin_years > 0:
        reading = np.round(reading / pool.bin_years) * pool.bin_years
    return np.clip(reading, 1, 120)


def _random_positions(readers: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Number each reader's readings from 1 in random order."""
    order = np.lexsort((rng.random(len(readers)), readers))
    by_reader = readers[order]
    first = np.searchsorted(by_reader, by_reader, side="left")
    positions = np.empty(len(readers), dtype=np.int64)
    positions[order] = np.arange(len(readers)) - first + 1
    return positions
