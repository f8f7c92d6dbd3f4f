"""How many readers and photographs a panel needs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil
from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.stats.noise import MEAN_ABSOLUTE_NORMAL, label_noise_floor
from facies.types import Floats

ROUNDING = 1e-9
"""An exact answer that floating point puts this little above a whole number is that number."""


class ReaderVariances(NamedTuple):
    """Variance components of a single reading, in the reading's unit squared.

    Parameters
    ----------
    photograph
        Between the true values of photographs.
    reader
        Between the readers' offsets.
    residual
        What is left: a reader's noise, and what readers see differently in one face.
    """

    photograph: float
    reader: float
    residual: float

    @property
    def icc(self) -> float:
        """Agreement of single readings: ICC(2,1) of Shrout & Fleiss (Psychol Bull 1979;86:420-428)."""
        return self.photograph / (self.photograph + self.reader + self.residual)

    def icc_of_mean(self, n_readers: float) -> float:
        """Return the agreement of means of ``n_readers`` readers, ICC(2,k).

        Examples
        --------
        >>> round(ReaderVariances(60.0, 4.0, 36.0).icc_of_mean(10), 3)
        0.938
        """
        return self.photograph / (self.photograph + (self.reader + self.residual) / n_readers)


def readers_for_std_error(reading_sd: float, std_error: float) -> int:
    """Return how many readers of a photograph give its mean this standard error: (s / standard error)².

    Parameters
    ----------
    reading_sd
        Of single readings about the truth of their photograph; where each photograph has readers of its own, offsets count as scatter.

    Raises
    ------
    InputError
        When a number is not above 0.

    Examples
    --------
    >>> readers_for_std_error(6.0, 1.5), readers_for_std_error(6.0, 1.0)
    (16, 36)
    """
    _require_positive(reading_sd=reading_sd, std_error=std_error)
    return max(1, ceil((reading_sd / std_error) ** 2 - ROUNDING))


def readers_for_floor(reading_sd: float, floor: float) -> int:
    """Return how many readers of a photograph bring the label-noise floor, 0.798 s / √k, down to ``floor``.

    Raises
    ------
    InputError
        When a number is not above 0.

    Examples
    --------
    >>> readers_for_floor(6.0, 1.52), readers_for_floor(6.0, 0.93)
    (10, 27)
    """
    _require_positive(reading_sd=reading_sd, floor=floor)
    return readers_for_std_error(reading_sd, floor / MEAN_ABSOLUTE_NORMAL)


def readers_for_icc(icc: float, wanted: float) -> int:
    """Return how many readers of a photograph give means this agreement, ICC(2,k), when single readings have ``icc``.

    By the Spearman-Brown formula (Brown, Br J Psychol 1910;3:296-322): k = wanted (1 - icc) / (icc (1 - wanted)).

    Raises
    ------
    InputError
        When a number is not between 0 and 1.

    Examples
    --------
    >>> readers_for_icc(0.6, 0.9), readers_for_icc(0.6, 0.5)
    (6, 1)
    """
    for name, value in (("icc", icc), ("wanted", wanted)):
        if not 0 < value < 1:
            raise InputError(f"{name} is {value}: choose a number between 0 and 1")
    return max(1, ceil(wanted * (1 - icc) / (icc * (1 - wanted)) - ROUNDING))


def panel_sizes(variances: ReaderVariances, n_readers: Sequence[int]) -> pd.DataFrame:
    """Return what means of k readers are worth, one row a k.

    Returns
    -------
    ``n_readers``; ``std_error`` of a photograph's mean when its readers are its own; ``label_noise_floor``, the mean absolute error that
    a perfect model has; ``icc``, the agreement of means, ICC(2,k); ``correlation_at_most``, √icc, that a perfect model has with the means.

    Raises
    ------
    InputError
        When a variance is negative, photographs do not vary, or a number of readers is below 1.

    Examples
    --------
    >>> panel_sizes(ReaderVariances(60.0, 0.0, 36.0), [4, 10, 27]).round(3)
       n_readers  std_error  label_noise_floor    icc  correlation_at_most
    0          4      3.000              2.394  0.870                0.933
    1         10      1.897              1.514  0.943                0.971
    2         27      1.155              0.921  0.978                0.989
    """
    _require_variances(variances)
    sd = (variances.reader + variances.residual) ** 0.5
    rows = []
    for k in n_readers:
        floor = label_noise_floor(sd, k)
        icc = variances.icc_of_mean(k)
        rows.append((k, floor / MEAN_ABSOLUTE_NORMAL, floor, icc, icc**0.5))
    return pd.DataFrame(rows, columns=["n_readers", "std_error", "label_noise_floor", "icc", "correlation_at_most"])


def icc_precision(
    variances: ReaderVariances,
    n_photographs: int | Sequence[int],
    n_readers: int | Sequence[int],
    *,
    level: float = 0.95,
    n_draws: int = 20_000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return how exactly a study estimates ICC(2,1) when all readers read all photographs, one row a combination.

    The mean squares of the two-way layout are independent multiples of chi-squared numbers when effects are normal (Shrout & Fleiss
    1979); they are drawn, and the estimate is computed from each draw. With few readers the readers, not the photographs, limit the
    precision: more photographs then do not help.

    Parameters
    ----------
    variances
        As expected, or from a pilot.
    level
        Share of studies whose estimate lies between ``low`` and ``high``.

    Returns
    -------
    ``n_photographs``, ``n_readers``, ``icc`` (true), ``mean``, ``std_error``, ``low`` and ``high`` of the estimates, and ``width``.

    Raises
    ------
    InputError
        When there are fewer than 2 photographs or readers, or a variance is negative.

    Examples
    --------
    >>> icc_precision(ReaderVariances(60.0, 4.0, 36.0), [50, 200], [5, 20])[["n_photographs", "n_readers", "std_error", "width"]].round(2)
       n_photographs  n_readers  std_error  width
    0             50          5       0.06   0.25
    1             50         20       0.05   0.20
    2            200          5       0.03   0.13
    3            200         20       0.03   0.10
    """
    _require_variances(variances)
    rows = []
    for n, k in product(np.atleast_1d(n_photographs).tolist(), np.atleast_1d(n_readers).tolist()):
        if n < 2 or k < 2:
            raise InputError(f"{n} photographs and {k} readers: agreement needs 2 or more of each")
        drawn = _drawn_icc(variances, n, k, n_draws, np.random.default_rng(random_state))
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        rows.append({
            "n_photographs": n, "n_readers": k, "icc": variances.icc, "mean": drawn.mean(), "std_error": drawn.std(ddof=1),
            "low": low, "high": high, "width": high - low,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _drawn_icc(variances: ReaderVariances, n: int, k: int, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return estimates of ICC(2,1) from drawn mean squares."""
    expected = (variances.residual + k * variances.photograph, variances.residual + n * variances.reader, variances.residual)
    freedom = (n - 1, k - 1, (n - 1) * (k - 1))
    rows, columns, error = (mean * rng.chisquare(df, n_draws) / df for mean, df in zip(expected, freedom, strict=True))
    return np.asarray((rows - error) / (rows + (k - 1) * error + k * (columns - error) / n))


def _require_positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not value > 0:
            raise InputError(f"{name} is {value}: give a number above 0")


def _require_variances(variances: ReaderVariances) -> None:
    for name, value in variances._asdict().items():
        if not value >= 0 or (name == "photograph" and value == 0):
            raise InputError(f"the {name} variance is {value}: give a number {'above' if name == 'photograph' else 'of at least'} 0")
