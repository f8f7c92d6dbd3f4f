"""Two coefficients estimated in the same people: their difference, its equivalence to nothing, and their ratio.

The two regressions are stacked into one system of estimating equations, whose sandwich covariance comes from what each person
contributes to either coefficient (Zeger & Liang, Biometrics 1986;42:121-130; Stefanski & Boos, Am Stat 2002;56:29-38). Because the
people are the same, the estimates are correlated, and their difference is known better than two separate standard errors say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.stats.regression import Fit, clustered_covariance, few_clusters_factor
from facies.types import Floats


@dataclass(frozen=True, eq=False)
class Pair:
    """Two coefficients, (2,), with their joint covariance, (2, 2); ``freedom`` of the t distribution, None for the normal one."""

    coef: Floats
    covariance: Floats
    freedom: float | None = None


class Difference(NamedTuple):
    """A difference with its interval and two-sided p-value."""

    value: float
    std_error: float
    ci_low: float
    ci_high: float
    p_value: float


class Ratio(NamedTuple):
    """A ratio with its interval; the ends are NaN where the interval is unbounded."""

    value: float
    ci_low: float
    ci_high: float


def pair_coefficients(first: Fit, second: Fit, *, clusters: NDArray[Any] | None = None, per: float = 1.0) -> Pair:
    """Return the first coefficients of two regressions of the same people, with their joint covariance.

    The covariance is the sandwich of the stacked equations, with contributions summed by cluster. Least squares without clusters keep
    the weights of HC3; with clusters the factor is CR1; other regressions of independent people get n / (n - k); Cox's gets none, as in
    ``survival``. Tests use the t distribution where the regressions do (the smaller degrees of freedom), else the normal one.

    Parameters
    ----------
    first, second
        Fits with ``influence``; row i of both is the same person.
    clusters
        The family of each row, (n,), as the fits were given.
    per
        Units of the exposure that the coefficients are to be for.

    Raises
    ------
    InputError
        When a fit has no estimate, or the two are of different numbers of people.

    Examples
    --------
    >>> from facies.stats.linear import fit_linear
    >>> x = np.arange(8.0)
    >>> y = 2 * x + np.array([0, 1, 0, -1, 0, 1, 0, -1.0])
    >>> fit = fit_linear(y, x[:, None], names=("x",))
    >>> pair = pair_coefficients(fit, fit)
    >>> bool(np.isclose(pair.covariance[0, 0], fit.std_error[0] ** 2)), paired_difference(pair).std_error
    (True, 0.0)
    """
    if first.influence is None or second.influence is None:
        raise InputError("a regression without estimate cannot be compared: look at its note first")
    if len(first.influence) != len(second.influence):
        raise InputError(f"regressions of {len(first.influence)} and {len(second.influence)} people: fit both in the same people")
    factors = np.sqrt([_factor(fit, clusters) for fit in (first, second)])
    contributions = np.column_stack([first.influence, second.influence]) * factors * per
    known = [fit.freedom for fit in (first, second) if fit.freedom is not None]
    coef = np.array([first.coef[0], second.coef[0]]) * per
    return Pair(coef, clustered_covariance(contributions, clusters), min(known) if known else None)


def _factor(fit: Fit, clusters: NDArray[Any] | None) -> float:
    if fit.family == "cox" or (fit.family == "linear" and clusters is None):
        return 1.0
    return few_clusters_factor(fit.n, len(fit.coef), np.arange(fit.n) if clusters is None else clusters)


def paired_difference(pair: Pair, *, level: float = 0.95) -> Difference:
    """Return the second coefficient minus the first, with a Wald interval.

    Examples
    --------
    >>> difference = paired_difference(Pair(np.array([1.0, 0.9]), np.array([[0.04, 0.035], [0.035, 0.04]])))
    >>> round(difference.value, 6), round(difference.std_error, 6), round(difference.p_value, 3)
    (-0.1, 0.1, 0.317)
    """
    reference = _reference(pair.freedom)
    value = float(pair.coef[1] - pair.coef[0])
    variance = float(np.array([-1.0, 1.0]) @ pair.covariance @ np.array([-1.0, 1.0]))
    std_error = float(np.sqrt(max(variance, 0.0)))
    half = float(reference.ppf((1 + level) / 2)) * std_error
    p_value = 2 * float(reference.sf(abs(value) / std_error)) if std_error > 0 else float(value == 0)
    return Difference(value, std_error, value - half, value + half, p_value)


def equivalence_p_value(difference: Difference, margin: float, *, freedom: float | None = None) -> float:
    """Return the larger p-value of two one-sided tests that a difference lies within ``margin`` on either side.

    Below 0.05 the difference is equivalent to none at 5 % (Schuirmann, J Pharmacokinet Biopharm 1987;15:657-680); this is the same as
    the 90 % interval lying within the margin. The margin must have been chosen before the data were seen.

    Raises
    ------
    InputError
        When the margin is not above 0.

    Examples
    --------
    >>> round(equivalence_p_value(Difference(0.0, 1.0, -1.96, 1.96, 1.0), 1.6448536), 4)
    0.05
    """
    if not margin > 0:
        raise InputError(f"margin is {margin}: choose the largest difference that counts as none, above 0")
    if difference.std_error == 0:
        return float(abs(difference.value) >= margin)
    reference = _reference(freedom)
    below, above = (difference.value + margin) / difference.std_error, (margin - difference.value) / difference.std_error
    return max(float(reference.sf(below)), float(reference.sf(above)))


def coefficient_ratio(pair: Pair, *, level: float = 0.95) -> Ratio:
    """Return the second coefficient over the first with Fieller's interval.

    The interval holds every ratio that the data do not refuse; it is unbounded, and its ends are NaN, where the first coefficient is
    not clear of 0 (Fieller, J R Stat Soc B 1954;16:175-185).

    Examples
    --------
    >>> ratio = coefficient_ratio(Pair(np.array([1.0, 0.8]), np.array([[0.01, 0.008], [0.008, 0.01]])))
    >>> round(ratio.value, 3), round(ratio.ci_low, 3), round(ratio.ci_high, 3)
    (0.8, 0.68, 0.92)
    >>> coefficient_ratio(Pair(np.array([0.1, 0.8]), np.eye(2))).ci_low
    nan
    """
    (below, above), square = pair.coef, float(_reference(pair.freedom).ppf((1 + level) / 2)) ** 2
    value = float(above / below) if below != 0 else float("nan")
    a = float(below**2 - square * pair.covariance[0, 0])
    b = float(below * above - square * pair.covariance[0, 1])
    c = float(above**2 - square * pair.covariance[1, 1])
    if a <= 0:
        return Ratio(value, float("nan"), float("nan"))
    root = float(np.sqrt(max(b * b - a * c, 0.0)))
    return Ratio(value, (b - root) / a, (b + root) / a)


def _reference(freedom: float | None) -> Any:
    from scipy.stats import norm, t

    return norm() if freedom is None else t(freedom)
