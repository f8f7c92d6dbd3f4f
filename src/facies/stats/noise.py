"""How exact human readings are, and what that leaves for a model to reach.

All functions take one row a reader and photograph: repeats of one reader are averaged before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.stats.resampling import cluster_codes
from facies.types import Floats

MEAN_ABSOLUTE_NORMAL = float(np.sqrt(2 / np.pi))
"""The mean of |z| of a standard normal number, 0.798."""


class Scatter(NamedTuple):
    """The scatter of readings within each photograph, each (n_photographs,), photographs in sorted order."""

    sum_squares: Floats
    degrees_of_freedom: Floats
    n_readers: Floats
    mean: Floats


def scatter_within(readings: Floats, photographs: ArrayLike) -> Scatter:
    """Return sums of squares about each photograph's mean, with k - 1 degrees of freedom each.

    Examples
    --------
    >>> scatter_within(np.array([50.0, 54.0, 60.0]), ["a", "a", "b"]).sum_squares
    array([8., 0.])
    """
    _require_finite(readings)
    codes, n = cluster_codes(photographs)
    k = np.bincount(codes, minlength=n).astype(np.float64)
    mean = np.bincount(codes, readings, minlength=n) / k
    squares = np.bincount(codes, (readings - mean[codes]) ** 2, minlength=n).astype(np.float64)
    return Scatter(squares, k - 1, k, mean)


def pooled_sd(sum_squares: Floats, degrees_of_freedom: Floats) -> float:
    """Return the standard deviation of readings, pooled within photographs; NaN when no photograph has two readers.

    Examples
    --------
    >>> pooled_sd(np.array([8.0, 10.0]), np.array([1.0, 1.0]))
    3.0
    """
    freedom = float(np.sum(degrees_of_freedom))
    return float(np.sqrt(np.sum(sum_squares) / freedom)) if freedom > 0 else float("nan")


def label_noise_floor(sd: float, n_readers: ArrayLike) -> float:
    """Return the mean absolute error that a perfect model has against means of ``n_readers`` readings.

    k readers with residual standard deviation s give a mean with standard error s/√k, and a normal number is on average
    0.798 standard deviations from its centre. With a varying k the mean of 1/√k counts.

    Parameters
    ----------
    sd
        Of one reading about the truth of its photograph, in the reading's unit.
    n_readers
        One k, or one a photograph.

    Examples
    --------
    >>> [round(label_noise_floor(6, k), 2) for k in (4, 10, 27)]
    [2.39, 1.51, 0.92]
    """
    k = np.asarray(n_readers, dtype=np.float64)
    if k.size == 0 or (k < 1).any():
        raise InputError("n_readers has a number below 1: give photographs with at least one reader")
    return float(MEAN_ABSOLUTE_NORMAL * sd * np.mean(1 / np.sqrt(k)))


def errors_against_others(readings: Floats, photographs: ArrayLike) -> Floats:
    """Return each reading minus the mean of the other readers of its photograph, (n,); NaN where there is no other.

    Examples
    --------
    >>> errors_against_others(np.array([50.0, 54.0, 60.0, 33.0]), ["a", "a", "a", "b"])
    array([-7., -1.,  8., nan])
    """
    _require_finite(readings)
    codes, n = cluster_codes(photographs)
    k = np.bincount(codes, minlength=n)[codes].astype(np.float64)
    total = np.bincount(codes, readings, minlength=n)[codes]
    others = np.where(k > 1, (total - readings) / np.where(k > 1, k - 1, 1.0), np.nan)
    return readings - others


def reader_errors(readings: Floats, photographs: ArrayLike, readers: ArrayLike) -> dict[str, Floats | NDArray[np.intp]]:
    """Return each reader's mean absolute error and bias against the others, and the number of photographs behind them.

    The n-weighted mean over readers of ``mae`` is the error of one human reader.

    Returns
    -------
    ``reader`` (sorted), ``mae``, ``bias`` and ``n``, each (n_readers,).

    Examples
    --------
    >>> result = reader_errors(np.array([50.0, 54.0, 60.0]), ["a", "a", "a"], ["r1", "r2", "r3"])
    >>> result["mae"], result["n"]
    (array([7., 1., 8.]), array([1, 1, 1]))
    """
    errors = errors_against_others(readings, photographs)
    names = np.unique(np.asarray(readers))
    codes, n_readers = cluster_codes(readers)
    known = np.isfinite(errors)
    n = np.bincount(codes[known], minlength=n_readers)
    shares = np.where(n > 0, n, 1)
    mae = np.where(n > 0, np.bincount(codes[known], np.abs(errors[known]), minlength=n_readers) / shares, np.nan)
    bias = np.where(n > 0, np.bincount(codes[known], errors[known], minlength=n_readers) / shares, np.nan)
    return {"reader": names, "mae": mae, "bias": bias, "n": n}


def _require_finite(readings: Floats) -> None:
    if not np.isfinite(readings).all():
        raise InputError("a reading is missing: leave it out first")
