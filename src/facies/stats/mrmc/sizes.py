"""How many readers and cases a comparison needs, from the variance components of a pilot study or of a published one.

Hillis SL, Obuchowski NA, Berbaum KS. Acad Radiol 2011;18:129-142 (two tests by the same readers of the same cases); Hillis SL, Schartz
KM. J Med Imaging 2018;5:045503. For a system against a panel the same arithmetic is applied to the differences of the system and
each reader. The error variance and covariances are taken to fall as 1 / cases, at the pilot's share of cases with the condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from facies.errors import InputError
from facies.stats.mrmc.anova import Components, mean_covariance
from facies.stats.mrmc.merits import Merits

FAR = 5.0
"""Beyond this many standard errors the other tail of a t has no share left."""


class Pilot(NamedTuple):
    """What the variance of a mean difference over readers is made of.

    ``between``: variance of the difference from reader to reader, cases apart. ``error`` and ``covariance``: of drawing ``n`` cases,
    for one reader and shared by two.
    """

    between: float
    error: float
    covariance: float
    n: int


class Plan(NamedTuple):
    """The power of one number of readers and cases; ``df`` are the degrees of freedom of the test."""

    n_readers: int
    n: int
    power: float
    std_error: float
    df: float


def pilot_of_tests(components: Components, n: int) -> Pilot:
    """Return the pilot of a difference of two tests from Obuchowski-Rockette components that ``n`` cases gave.

    Examples
    --------
    >>> pilot_of_tests(Components(0.0015, 0.0002, 0.0008, 0.0004, 0.0003, 0.0002), 114).between
    0.0004
    """
    c = components
    shared = max(c.cov2 - c.cov3, 0.0)
    return Pilot(2 * max(c.test_reader, 0.0), 2 * (c.error - c.cov1), 2 * shared, n)


def pilot_of_system(differences: Merits) -> Pilot:
    """Return the pilot of a system against a panel from the differences of the system and each reader.

    Raises
    ------
    InputError
        When there are fewer than two readers.

    Examples
    --------
    >>> differences = Merits(np.array([0.02, 0.05, 0.08]), np.full((3, 3), 0.0004) + np.eye(3) * 0.0003, np.full((3, 3), 90), 90, 45)
    >>> found = pilot_of_system(differences)
    >>> round(found.between, 6), round(found.error, 6), round(found.covariance, 6), found.n
    (0.0006, 0.0007, 0.0004, 90)
    """
    if len(differences.values) < 2:
        raise InputError("a pilot needs two or more readers: their spread cannot be seen in one")
    error, shared = float(np.diag(differences.covariance).mean()), max(mean_covariance(differences.covariance), 0.0)
    return Pilot(max(float(differences.values.var(ddof=1)) - error + shared, 0.0), error, shared, differences.n)


def power(
    pilot: Pilot, *, difference: float, n_readers: int, n: int, alpha: float = 0.05, margin: float | None = None
) -> Plan:  # fmt: skip
    """Return the power to find a difference with random readers and cases.

    Parameters
    ----------
    pilot
        From :func:`pilot_of_tests` or :func:`pilot_of_system`.
    difference
        The true difference: of two tests, or the system minus the readers.
    n_readers, n
        Readers and cases (with the condition and without, at the pilot's mix) that are planned.
    alpha
        Two-sided; a non-inferiority test is one-sided at half of it.
    margin
        For non-inferiority: power to show that the difference lies above ``-margin``.

    Raises
    ------
    InputError
        When there are fewer than 2 readers or 4 cases, or the margin is not above 0.

    Examples
    --------
    >>> pilot = Pilot(between=0.0004, error=0.0008, covariance=0.0002, n=114)
    >>> plans = [power(pilot, difference=0.05, n_readers=r, n=200) for r in (5, 10)]
    >>> [round(plan.power, 2) for plan in plans]
    [0.81, 0.95]
    """
    _require(n_readers, n, margin)
    shrunk = pilot.n / n
    square = pilot.between + shrunk * (pilot.error - pilot.covariance)
    added = n_readers * shrunk * pilot.covariance
    error = float(np.sqrt((square + added) / n_readers))
    df = (n_readers - 1) * (square + added) ** 2 / square**2
    shift = (difference + (margin or 0.0)) / error
    return Plan(n_readers, n, _beyond(shift, float(df), alpha, two_sided=margin is None), error, float(df))


def _beyond(shift: float, df: float, alpha: float, *, two_sided: bool) -> float:
    """Return how often a non-central t lies beyond the edge; far out the square is taken, whose tail the library computes safely."""
    from scipy.special import ncfdtr
    from scipy.stats import nct, t

    edge = float(t.ppf(1 - alpha / 2, df))
    if two_sided or shift > FAR:
        return float(1 - ncfdtr(1, df, shift**2, edge**2))
    return float(nct.sf(edge, df, shift))


def sample_sizes(
    pilot: Pilot, *, difference: float, n_readers: Sequence[int], wanted: float = 0.8, alpha: float = 0.05,
    margin: float | None = None, most: int = 10_000,
) -> tuple[Plan, ...]:  # fmt: skip
    """Return for each number of readers the fewest cases that reach the wanted power.

    A number of readers for whom ``most`` cases are too few stays, with these and the power that they give.

    Parameters
    ----------
    pilot, difference, alpha, margin
        As :func:`power`.
    n_readers
        Numbers of readers to plan for.
    wanted
        Power.
    most
        Cases that could be had.

    Raises
    ------
    InputError
        As :func:`power`, or when the wanted power is not between ``alpha`` and 1.

    Examples
    --------
    >>> pilot = Pilot(between=0.0004, error=0.0008, covariance=0.0002, n=114)
    >>> [(plan.n_readers, plan.n, round(plan.power, 3)) for plan in sample_sizes(pilot, difference=0.05, n_readers=(5, 10))]
    [(5, 191, 0.8), (10, 110, 0.802)]
    """
    if not alpha < wanted < 1:
        raise InputError(f"wanted power is {wanted}: choose more than alpha ({alpha}) and less than 1, such as 0.8")
    return tuple(_fewest(pilot, difference, readers, wanted, alpha, margin, most) for readers in n_readers)


def _fewest(pilot: Pilot, difference: float, readers: int, wanted: float, alpha: float, margin: float | None, most: int) -> Plan:
    """Halve the range of cases until the fewest are found; power rises with cases."""
    low, best = 4, power(pilot, difference=difference, n_readers=readers, n=most, alpha=alpha, margin=margin)
    if best.power < wanted:
        return best
    while low < best.n:
        plan = power(pilot, difference=difference, n_readers=readers, n=(low + best.n) // 2, alpha=alpha, margin=margin)
        low, best = (low, plan) if plan.power >= wanted else (plan.n + 1, best)
    return best


def _require(n_readers: int, n: int, margin: float | None) -> None:
    if n_readers < 2 or n < 4:
        raise InputError(f"planned are {n_readers} readers and {n} cases: plan 2 readers and 4 cases or more")
    if margin is not None and not margin > 0:
        raise InputError(f"margin is {margin}: give the largest loss that would not matter, above 0, such as 0.05")
