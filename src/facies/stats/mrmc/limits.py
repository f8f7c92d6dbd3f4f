"""Limits of agreement between a system and many readers of a continuous quantity, such as perceived age.

The system is one more reader. Its differences from the readers vary because readers differ (b), because it misjudges some cases in the
eyes of all readers (a), and by chance (e): d = mean + a + b + e. The limits are where 95 % of the differences lie when a new reader
meets a new case. Beside them stand the limits between two readers, which no system can be asked to better.

Bland JM, Altman DG. Stat Methods Med Res 1999;8:135-160; several readers: Jones M, Dobson A, O'Brian S. Int J Epidemiol
2011;40:1308-1313, Christensen HS et al. BMC Med Res Methodol 2020;20:304. Components by Henderson's method 1 (Biometrics 1953;9:226-252:
the analysis of variance where all readers read all cases), intervals by modified large-sample limits (Graybill FA, Wang CM. J Am Stat
Assoc 1980;75:869-873) and, for the limits, by Zou GY. Stat Methods Med Res 2013;22:630-642.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from facies.errors import InputError
from facies.stats.mrmc.anova import quantile
from facies.types import Floats


class ReaderLimits(NamedTuple):
    """Limits of agreement with many readers; ``bias``, ``low``, ``high`` and ``sd`` are (estimate, ci_low, ci_high).

    ``sd`` is that of one difference; its square is the sum of the squares of the three that follow. A component that comes out below 0
    is 0, while ``sd`` takes it as it is.
    """

    bias: tuple[float, float, float]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    sd: tuple[float, float, float]
    sd_cases: float
    sd_readers: float
    sd_residual: float
    n: int
    n_readers: int
    n_readings: int


def limits_with_readers(system: ArrayLike, readers: ArrayLike, *, level: float = 0.95, coverage: float = 0.95) -> ReaderLimits:
    """Return the limits of agreement of a system with a new reader: the system minus the reader.

    Parameters
    ----------
    system
        One value a person, (n,).
    readers
        (r, n): one row a reader, NaN where not read. Repeats of a reader are averaged beforehand.
    level
        Of the intervals around bias, limits and SD.
    coverage
        Share of differences between the limits.

    Raises
    ------
    InputError
        When fewer than 2 readers or 3 people were read, or nobody read more than one.

    Examples
    --------
    >>> found = limits_with_readers([50.0, 60, 70, 55], [[51.0, 58, 73, 54], [53, 60, 74, 58]])
    >>> [round(end[0], 2) for end in (found.low, found.bias, found.high)], found.n_readings
    ([-6.29, -1.38, 3.54], 8)
    """
    own, panel = np.asarray(system, dtype=np.float64), np.atleast_2d(np.asarray(readers, dtype=np.float64))
    if own.shape != panel.shape[1:]:
        raise InputError(f"the system has shape {own.shape} and the readers {panel.shape}: give one value a person and one row a reader")
    parts = _components(own[None] - panel)
    one = _variance_with_limits(parts, (1.0, 1.0, 1.0), level)
    mean = _variance_of_mean(parts)
    df = _freedom(parts, (parts.k_case / parts.n, parts.k_reader / parts.n, 1 / parts.n))
    return _limits(parts, parts.mean, quantile(level, df) * np.sqrt(mean), one, coverage)


def limits_between_readers(readers: ArrayLike, *, level: float = 0.95, coverage: float = 0.95) -> ReaderLimits:
    """Return the limits of agreement between two new readers of one case: symmetric about 0.

    ``sd_cases`` is the spread of the cases themselves, which does not enter ``sd``; ``sd_readers`` and ``sd_residual`` are of one
    reading, and ``sd`` is sqrt(2) times their root of squares.

    Parameters
    ----------
    readers, level, coverage
        As :func:`limits_with_readers`.

    Raises
    ------
    InputError
        As :func:`limits_with_readers`.

    Examples
    --------
    >>> found = limits_between_readers([[51.0, 58, 73, 54], [53, 60, 74, 58]])
    >>> round(found.high[0], 2), round(found.low[0], 2)
    (4.9, -4.9)
    """
    parts = _components(np.atleast_2d(np.asarray(readers, dtype=np.float64)))
    two = _variance_with_limits(parts, (0.0, 2.0, 2.0), level)
    return _limits(parts, 0.0, 0.0, two, coverage)


class _Parts(NamedTuple):
    """Variances of case, reader and residual, how often each is read in effect, and the mean."""

    variances: tuple[float, float, float]
    squares: tuple[float, float, float]
    freedom: tuple[int, int, int]
    per_case: float
    per_reader: float
    k_case: float
    k_reader: float
    mean: float
    n_cases: int
    n_readers: int
    n: int


def _components(values: Floats) -> _Parts:
    """Solve Henderson's three equations for the variances of case, reader and residual."""
    read = ~np.isnan(values)
    by_case, by_reader = read.sum(axis=0), read.sum(axis=1)
    a, b, n = int((by_case > 0).sum()), int((by_reader > 0).sum()), int(read.sum())
    _require(a, b, n)
    filled = np.where(read, values, 0.0)
    centre = float(filled.sum() / n)
    filled = np.where(read, values - centre, 0.0)  # sums of squares about the mean are exact
    cases, readers = (float((filled.sum(axis=axis) ** 2 / np.maximum(count, 1)).sum()) for axis, count in ((0, by_case), (1, by_reader)))
    k1, k2 = float((by_case**2).sum() / n), float((by_reader**2).sum() / n)
    equations = np.array([[n - k1, a - k2, a - 1], [b - k1, n - k2, b - 1], [n - k1, n - k2, n - 1]])
    case, reader, rest = map(float, np.linalg.solve(equations, [cases, readers, float((filled**2).sum())]))
    rest = max(rest, 0.0)
    per_case, per_reader = (n - k1) / (a - 1), (n - k2) / (b - 1)
    squares = (max(rest + per_case * case, 0.0), max(rest + per_reader * reader, 0.0), rest)
    return _Parts((case, reader, rest), squares, (a - 1, b - 1, n - a - b + 1), per_case, per_reader, k1, k2, centre, a, b, n)


def _require(n_cases: int, n_readers: int, n: int) -> None:
    if n_readers < 2 or n_cases < 3:
        raise InputError(f"{n_readers} readers read {n_cases} people: limits of agreement with readers need 2 readers and 3 people")
    if n - n_cases - n_readers + 1 < 1:
        raise InputError("no person was read twice: readers cannot be told from chance, have some people read by several readers")


def _of_squares(parts: _Parts, weights: tuple[float, float, float]) -> Floats:
    """Turn weights of the three variances into weights of the three mean squares."""
    case, reader, rest = weights[0] / parts.per_case, weights[1] / parts.per_reader, weights[2]
    return np.array([case, reader, rest - case - reader])


def _variance_with_limits(parts: _Parts, weights: tuple[float, float, float], level: float) -> tuple[float, float, float]:
    """Return a weighted sum of variances with the modified large-sample limits."""
    from scipy.stats import chi2

    terms = _of_squares(parts, weights) * np.array(parts.squares)
    df, tail = np.array(parts.freedom, dtype=np.float64), (1 - level) / 2
    fall, rise = 1 - df / chi2.ppf(1 - tail, df), df / chi2.ppf(tail, df) - 1
    value = max(float(terms.sum()), 0.0)
    positive = terms > 0
    low = value - float(np.sqrt(((np.where(positive, fall, rise) * terms) ** 2).sum()))
    high = value + float(np.sqrt(((np.where(positive, rise, fall) * terms) ** 2).sum()))
    return value, max(low, 0.0), high


def _variance_of_mean(parts: _Parts) -> float:
    weights = np.array([parts.k_case, parts.k_reader, 1.0]) / parts.n
    return max(float(weights @ np.maximum(parts.variances, 0.0)), 0.0)


def _freedom(parts: _Parts, weights: tuple[float, float, float]) -> float:
    """Return Satterthwaite's degrees of freedom of a weighted sum of variances."""
    terms = _of_squares(parts, weights) * np.array(parts.squares)
    below = float((terms**2 / np.array(parts.freedom)).sum())
    return max(float(terms.sum() ** 2) / below, 1.0) if below > 0 else np.inf


def _limits(parts: _Parts, bias: float, half: float, variance: tuple[float, float, float], coverage: float) -> ReaderLimits:
    from scipy.stats import norm

    z = float(norm.ppf((1 + coverage) / 2))
    sd, sd_low, sd_high = (float(np.sqrt(each)) for each in variance)
    near, far = z * sd - np.hypot(half, z * (sd - sd_low)), z * sd + np.hypot(half, z * (sd_high - sd))
    cases, readers, rest = (float(np.sqrt(max(each, 0.0))) for each in parts.variances)
    return ReaderLimits(
        (bias, float(bias - half), float(bias + half)), (bias - z * sd, float(bias - far), float(bias - near)),
        (bias + z * sd, float(bias + near), float(bias + far)), (sd, sd_low, sd_high), cases, readers, rest,
        parts.n_cases, parts.n_readers, parts.n,
    )  # fmt: skip
