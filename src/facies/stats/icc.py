"""The six intraclass correlations of Shrout & Fleiss for a complete table of cases by readers.

Shrout PE, Fleiss JL. Intraclass correlations: uses in assessing rater reliability. Psychol Bull 1979;86:420-428. Where readings are
missing the crossed mixed model gives ICC(2,1) and ICC(2,k) (:func:`facies.stats.crossed.panel_icc`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facies.errors import InputError
from facies.types import Floats

NAN = float("nan")


class IccEstimate(NamedTuple):
    """An intraclass correlation with its interval; ``n`` cases by ``n_readers`` readers."""

    value: float
    ci_low: float
    ci_high: float
    n: int
    n_readers: int


class MeanSquares(NamedTuple):
    """The analysis of variance of a table: between cases, within cases, between readers, and what is left."""

    cases: float
    within: float
    readers: float
    error: float


def mean_squares(table: Floats) -> MeanSquares:
    """Return the mean squares of a complete table.

    Parameters
    ----------
    table
        One row a case, one column a reader, (n, k), both at least 2.

    Raises
    ------
    InputError
        When a reading is missing or the table is too small.

    Examples
    --------
    >>> mean_squares(np.array([[1.0, 3.0], [5.0, 5.0]]))
    MeanSquares(cases=9.0, within=1.0, readers=1.0, error=1.0)
    """
    table = np.asarray(table, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise InputError(f"the table has shape {table.shape}: give two cases or more by two readers or more")
    if not np.isfinite(table).all():
        raise InputError("a reading is missing: leave the case or the reader out, or fit the crossed model")
    n, k = table.shape
    cases, readers, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    rest = table - cases[:, None] - readers + mean
    sums = (
        k * np.sum((cases - mean) ** 2) / (n - 1),
        np.sum((table - cases[:, None]) ** 2) / (n * (k - 1)),
        n * np.sum((readers - mean) ** 2) / (k - 1),
        np.sum(rest**2) / ((n - 1) * (k - 1)),
    )
    rounding = 1e-25 * float(np.max(table**2))
    return MeanSquares(*(float(each) if each > rounding else 0.0 for each in sums))


def shrout_fleiss(table: Floats, *, level: float = 0.95) -> dict[str, IccEstimate]:
    """Return the six intraclass correlations with their intervals by F distributions.

    ``ICC(1,1)``: each case was read by other readers. ``ICC(2,1)``: the same readers, drawn from many; their biases count as disagreement.
    ``ICC(3,1)``: the same readers, and no others are of interest; biases do not count. ``(.,k)``: of the mean of the k readers. The
    interval of case 2 uses Satterthwaite's degrees of freedom; the others are exact for normal readings.

    Parameters
    ----------
    table
        One row a case, one column a reader, (n, k).

    Returns
    -------
    By name, ``ICC(1,1)`` to ``ICC(3,k)``. All NaN where no reading differs from another.

    Raises
    ------
    InputError
        When a reading is missing, the table is too small, or ``level`` is out of range.

    Examples
    --------
    >>> rows = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
    >>> {name: round(found.value, 4) for name, found in shrout_fleiss(rows).items()}
    {'ICC(1,1)': 0.1657, 'ICC(2,1)': 0.2898, 'ICC(3,1)': 0.7148, 'ICC(1,k)': 0.4428, 'ICC(2,k)': 0.6201, 'ICC(3,k)': 0.9093}
    """
    if not 0 < level < 1:
        raise InputError(f"level is {level}: choose more than 0 and less than 1, such as 0.95")
    squares, (n, k) = mean_squares(table), np.shape(table)
    single = {
        "ICC(1,1)": _one_ratio(squares.cases, squares.within, n - 1, n * (k - 1), k, level),
        "ICC(2,1)": _two_way(squares, n, k, level),
        "ICC(3,1)": _one_ratio(squares.cases, squares.error, n - 1, (n - 1) * (k - 1), k, level),
    }
    of_mean = {name.replace(",1)", ",k)"): _of_mean(ends, k) for name, ends in single.items()}
    return {name: IccEstimate(*ends, n, k) for name, ends in {**single, **of_mean}.items()}


def spearman_brown(single: float, k: int) -> float:
    """Return the reliability of a mean of ``k`` readings from that of one (Spearman 1910, Brown 1910).

    Examples
    --------
    >>> round(spearman_brown(0.289764, 4), 4)
    0.6201
    """
    below = 1 + (k - 1) * single
    return float("-inf") if below <= 0 else k * single / below


def _of_mean(ends: tuple[float, float, float], k: int) -> tuple[float, float, float]:
    value, low, high = (spearman_brown(each, k) for each in ends)
    return value, low, high


def _one_ratio(above: float, below: float, df_above: int, df_below: int, k: int, level: float) -> tuple[float, float, float]:
    from scipy.stats import f

    if above == 0 and below == 0:
        return NAN, NAN, NAN
    if below == 0:
        return 1.0, 1.0, 1.0
    ratio, tail = above / below, (1 - level) / 2
    low = ratio / float(f.ppf(1 - tail, df_above, df_below))
    high = ratio * float(f.ppf(1 - tail, df_below, df_above))
    value, low, high = ((each - 1) / (each + k - 1) for each in (ratio, low, high))
    return value, low, high


def _two_way(squares: MeanSquares, n: int, k: int, level: float) -> tuple[float, float, float]:
    from scipy.stats import f

    cases, _, readers, error = squares
    below = cases + (k - 1) * error + k * (readers - error) / n
    if below <= 0:
        return NAN, NAN, NAN
    value = (cases - error) / below
    if error == 0:
        return value, NAN, NAN
    freedom = _satterthwaite(value, readers / error, n, k)
    tail = (1 - level) / 2
    rest = k * readers + (k * n - k - n) * error
    f_low, f_high = float(f.ppf(1 - tail, n - 1, freedom)), float(f.ppf(1 - tail, freedom, n - 1))
    low = n * (cases - f_low * error) / (f_low * rest + n * cases)
    high = n * (f_high * cases - error) / (rest + n * f_high * cases)
    return value, low, high


def _satterthwaite(value: float, ratio: float, n: int, k: int) -> float:
    """Return the degrees of freedom of the denominator of ICC(2,1); ``ratio`` is readers' mean square over the error's."""
    of_readers, of_error = k * value * ratio, n * (1 + (k - 1) * value) - k * value
    return (k - 1) * (n - 1) * (of_readers + of_error) ** 2 / ((n - 1) * of_readers**2 + of_error**2)
