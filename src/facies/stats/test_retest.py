"""How much a measurement changes by itself: repeats within a visit, visits within a person, and what change is beyond that.

Bland JM, Altman DG. Measurement error. BMJ 1996;313:744 (within-subject SD). Weir JP. Quantifying test-retest reliability using the
intraclass correlation coefficient and the SEM. J Strength Cond Res 2005;19:231-240 (smallest detectable change). Burdick RK, Graybill FA.
Confidence intervals on variance components. Dekker 1992 (unweighted sums of squares). Satterthwaite FE. Biometrics Bull 1946;2:110-114.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.stats.resampling import cluster_codes
from facies.types import Floats

FEWEST_DEGREES = 5
"""Degrees of freedom between visits from which the variance of visits is estimated."""

NAN = float("nan")


class MeanSquare(NamedTuple):
    """A variance and how well it is known; NaN with 0 degrees of freedom."""

    value: float
    degrees_of_freedom: int


class Icc(NamedTuple):
    """An intraclass correlation with its interval; ``n_groups`` groups hold ``n`` values."""

    value: float
    ci_low: float
    ci_high: float
    n_groups: int
    n: int


class VisitScatter(NamedTuple):
    """The scatter of visits' means within people.

    Parameters
    ----------
    mean_square
        Its expectation is the variance of visits + ``per_repeat`` x the variance of repeats.
    per_repeat
        Mean of 1 / (repeats averaged in a visit).
    n_people
        With two visits or more.
    """

    mean_square: MeanSquare
    per_repeat: float
    n_people: int


def scatter_within_groups(values: Floats, groups: ArrayLike) -> MeanSquare:
    """Return the mean square within groups (analysis of variance with one fixed effect a group).

    Parameters
    ----------
    values
        One a photograph, (n,).
    groups
        The visit (and view) of each, (n,). A group of one adds nothing.

    Raises
    ------
    InputError
        When a value is missing or the lengths differ.

    Examples
    --------
    >>> scatter_within_groups(np.array([1.0, 3.0, 7.0, 7.0, 4.0]), ["a", "a", "b", "b", "c"])
    MeanSquare(value=1.0, degrees_of_freedom=2)
    """
    values = _numbers(values, groups)
    if len(values) == 0:
        return MeanSquare(NAN, 0)
    codes, n_groups = cluster_codes(groups)
    freedom = len(values) - n_groups
    return MeanSquare(_squares_within(values, codes) / freedom if freedom else NAN, freedom)


def _squares_within(values: Floats, codes: NDArray[np.intp]) -> float:
    means = np.bincount(codes, values) / np.bincount(codes)
    return float(np.sum((values - means[codes]) ** 2))


def _numbers(values: ArrayLike, groups: ArrayLike) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != np.shape(groups) or numbers.ndim != 1:
        raise InputError(f"values have shape {numbers.shape} and groups {np.shape(groups)}: give one group to each value")
    if not np.isfinite(numbers).all():
        raise InputError("a value is missing: leave it out first")
    return numbers


def standard_deviation(square: MeanSquare, *, level: float = 0.95) -> tuple[float, float, float]:
    """Return a standard deviation with its interval by the chi-square distribution, which takes normal errors for granted.

    Examples
    --------
    >>> [round(number, 3) for number in standard_deviation(MeanSquare(4.0, 10))]
    [2.0, 1.397, 3.51]
    """
    from scipy.stats import chi2

    value, freedom = square
    if freedom < 1:
        return NAN, NAN, NAN
    tail = (1 - level) / 2
    low, high = (sqrt(value * freedom / float(chi2.ppf(at, freedom))) for at in (1 - tail, tail))
    return sqrt(value), low, high


def intraclass_correlation(values: Floats, groups: ArrayLike, *, level: float = 0.95) -> Icc:
    """Return the share of the variance that lies between groups, of single values: ICC(1,1), one-way random effects.

    The interval is by the F distribution (Shrout & Fleiss, Psychol Bull 1979;86:420-428), exact with groups of one size; otherwise with
    the mean size n0 of the analysis of variance (Donner, Int Stat Rev 1986;54:67-82). Groups must be independent: one visit a person.
    The share depends on how different the people are: with more patients among them it is higher, with the same error.

    Returns
    -------
    Icc
        All NaN with fewer than two groups or without a group of two values.

    Raises
    ------
    InputError
        As for :func:`scatter_within_groups`.

    Examples
    --------
    >>> rows = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
    >>> found = intraclass_correlation(rows.ravel(), np.repeat(np.arange(6), 4))
    >>> round(found.value, 6), round(found.ci_low, 2), round(found.ci_high, 2)
    (0.165742, -0.13, 0.72)
    """
    from scipy.stats import f

    values = _numbers(values, groups)
    codes, n_groups = cluster_codes(groups) if len(values) else (np.array([], dtype=np.intp), 0)
    n, between, within = len(values), n_groups - 1, len(values) - n_groups
    if between < 1 or within < 1:
        return Icc(NAN, NAN, NAN, n_groups, n)
    sizes = np.bincount(codes)
    size = (n - float(np.sum(sizes**2)) / n) / between
    total, inside = float(np.sum((values - values.mean()) ** 2)), _squares_within(values, codes)
    if total == 0:
        return Icc(NAN, NAN, NAN, n_groups, n)
    ratio = np.inf if inside == 0 else ((total - inside) / between) / (inside / within)
    tail = (1 - level) / 2
    ends = [ratio / float(f.ppf(at, between, within)) for at in (1 - tail, tail)]
    value, low, high = (_share(each, size) for each in (ratio, *ends))
    return Icc(value, low, high, n_groups, n)


def _share(ratio: float, size: float) -> float:
    return 1.0 if np.isinf(ratio) else (ratio - 1) / (ratio + size - 1)


def scatter_between_visits(means: Floats, repeats: Floats, people: ArrayLike) -> VisitScatter:
    """Return how visits of people who do not change scatter about each person's mean.

    Every visit counts alike, however many repeats it has; with the same number everywhere this is the analysis of variance of visits in
    people, and its estimate that of restricted maximum likelihood.

    Parameters
    ----------
    means
        One a visit, (n_visits,).
    repeats
        How many repeats each is the mean of, (n_visits,); of a mean over views, the number that gives the same variance.
    people
        Whose visit it is, (n_visits,). People with one visit are left out.

    Raises
    ------
    InputError
        When a value is missing or the lengths differ.

    Examples
    --------
    >>> scatter_between_visits(np.array([1.0, 3.0, 5.0, 5.0]), np.array([1.0, 1.0, 2.0, 2.0]), ["a", "a", "b", "b"])
    VisitScatter(mean_square=MeanSquare(value=1.0, degrees_of_freedom=2), per_repeat=0.75, n_people=2)
    """
    means, repeats = _numbers(means, people), _numbers(repeats, people)
    codes, n_people = cluster_codes(people) if len(means) else (np.array([], dtype=np.intp), 0)
    several = np.bincount(codes, minlength=n_people) > 1
    kept = several[codes] if n_people else np.array([], dtype=bool)
    if not kept.any():
        return VisitScatter(MeanSquare(NAN, 0), NAN, 0)
    names = np.asarray(people)[kept]
    visits = np.bincount(codes)[several]
    inverse = np.bincount(codes, 1 / repeats)[several] / visits
    return VisitScatter(
        scatter_within_groups(means[kept], names), float(np.average(inverse, weights=visits - 1)), int(several.sum())
    )  # fmt: skip


@dataclass(frozen=True)
class MeasurementError:
    """What the score of somebody who does not change varies by.

    Parameters
    ----------
    repeats
        Between repeats of one visit.
    visits
        Between visits of people who do not change. None, or fewer than :data:`FEWEST_DEGREES` degrees of freedom: not known, and then
        the error of a change is that of repeats alone.

    Examples
    --------
    >>> error = MeasurementError(MeanSquare(0.09, 40))
    >>> round(error.sd_repeats, 2), error.sd_visits, error.of_visit(4)
    (0.3, nan, (0.15, 40.0))
    >>> round(error.smallest_detectable(1, 1), 3), round(error.smallest_detectable(4, 4), 3)
    (0.832, 0.416)
    """

    repeats: MeanSquare
    visits: VisitScatter | None = None

    @property
    def knows_visits(self) -> bool:
        """Whether the error of a change holds what visits add."""
        return self.visits is not None and self.visits.mean_square.degrees_of_freedom >= FEWEST_DEGREES

    @property
    def sd_repeats(self) -> float:
        """The standard deviation between repeats of one visit."""
        return sqrt(self.repeats.value) if self.repeats.degrees_of_freedom else NAN

    @property
    def sd_visits(self) -> float:
        """The further standard deviation between visits: 0 where repeats explain all of it, NaN where the two cannot be told apart."""
        if self.visits is None or not self.knows_visits or not self.repeats.degrees_of_freedom:
            return NAN
        return sqrt(max(0.0, self.visits.mean_square.value - self.visits.per_repeat * self.repeats.value))

    def of_visit(self, n: float) -> tuple[float, float]:
        """Return the standard error of a visit's mean of ``n`` repeats, from repeats alone, and its degrees of freedom."""
        if not self.repeats.degrees_of_freedom:
            return NAN, NAN
        return sqrt(self.repeats.value / n), float(self.repeats.degrees_of_freedom)

    def of_change(self, units: float) -> tuple[float, float]:
        """Return the standard error of a change between two visits and its degrees of freedom.

        Parameters
        ----------
        units
            Variance of the change in variances of one repeat: 1 / n_first + 1 / n_second. Where visits are known the variance is what
            unchanged people show between two visits, plus what fewer repeats than theirs add, or less what more repeats save; in the
            second case it is never below that of repeats alone. Degrees of freedom by Satterthwaite. Where people were seen twice but
            nobody has repeats, changes that rest on no fewer repeats than theirs get their error.
        """
        if self.visits is not None and self.knows_visits:
            return self._with_visits(units, self.visits)
        variance, freedom = self.repeats
        return (sqrt(units * variance), float(freedom)) if freedom else (NAN, NAN)

    def _with_visits(self, units: float, visits: VisitScatter) -> tuple[float, float]:
        between = visits.mean_square
        of_visits, excess = 2 * between.value, units - 2 * visits.per_repeat
        if not self.repeats.degrees_of_freedom:
            return (sqrt(of_visits), float(between.degrees_of_freedom)) if excess < 1e-9 else (NAN, NAN)
        of_repeats = excess * self.repeats.value
        variance, least = of_visits + of_repeats, units * self.repeats.value
        if excess < -1e-9 and variance <= least:
            return sqrt(least), float(self.repeats.degrees_of_freedom)
        spread = of_visits**2 / between.degrees_of_freedom + of_repeats**2 / self.repeats.degrees_of_freedom
        return (sqrt(variance), max(1.0, variance**2 / spread)) if variance > 0 else (NAN, NAN)

    def smallest_detectable(self, n_first: float = 1, n_second: float = 1, *, level: float = 0.95) -> float:
        """Return the change between means of so many repeats that error alone exceeds in 1 - ``level`` of people: 1.96 standard errors."""
        from scipy.stats import norm

        return float(norm.ppf((1 + level) / 2)) * self.of_change(1 / n_first + 1 / n_second)[0]


def power_to_detect(change: float, error: MeasurementError, n_first: int, n_second: int, *, level: float = 0.95) -> float:
    """Return the chance that the interval of one person's change lies beyond 0 in the true direction.

    Parameters
    ----------
    change
        True change of the score.
    error
        As estimated: with few degrees of freedom the interval is wider (t distribution), and power lower.
    n_first, n_second
        Repeats averaged at the two visits.

    Examples
    --------
    >>> error = MeasurementError(MeanSquare(1.0, 60))
    >>> [round(power_to_detect(-3.0, error, k, k), 2) for k in (1, 2, 3)]
    [0.55, 0.84, 0.95]
    """
    from scipy.stats import nct, t

    std_error, freedom = error.of_change(1 / n_first + 1 / n_second)
    if not std_error > 0:
        return NAN
    return float(nct.sf(t.ppf((1 + level) / 2, freedom), freedom, abs(change) / std_error))


def repeats_needed(change: float, error: MeasurementError, *, power: float = 0.8, most: int = 20, level: float = 0.95) -> int | None:
    """Return how many repeats at each of two visits detect a change with this power; None where even ``most`` do not.

    Examples
    --------
    >>> repeats_needed(-3.0, MeasurementError(MeanSquare(1.0, 60))), repeats_needed(-0.5, MeasurementError(MeanSquare(1.0, 60)))
    (2, None)
    """
    found = (n for n in range(1, most + 1) if power_to_detect(change, error, n, n, level=level) >= power)
    return next(found, None)
