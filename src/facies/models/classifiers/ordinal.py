"""Grades by proportional odds with a squared penalty on the coefficients, along a path of penalties.

McCullagh P. J R Stat Soc B 1980;42:109-142. The grades may be many: each but the lowest has its own threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facies.types import Floats

PENALTIES = tuple(float(value) for value in np.logspace(-0.5, -3.5, 5))
"""Relative to the total variance times the total weight, the largest first."""

CLOSE = 1e-12


@dataclass(frozen=True, eq=False)
class Ordinal:
    """Grades in rising order, coefficients (k,), the thresholds between grades, (n_grades - 1,), and the ratio to another mix of grades."""

    grades: Floats
    coef: Floats
    thresholds: Floats
    ratio: Floats

    def brought_to(self, shares: Mapping[float, float], here: Mapping[float, float]) -> Ordinal:
        """Return the model at the mix of grades ``shares`` instead of ``here``, both by grade."""
        ratio = np.array([shares[grade] / here[grade] for grade in self.grades.tolist()])
        return replace(self, ratio=ratio)

    def decision(self, Z: Floats) -> Floats:
        """Return how far coordinates (n, k) point to a high grade, in log-odds, (n,)."""
        return np.asarray(Z @ self.coef)

    def probabilities(self, odds: Floats) -> Floats:
        """Return the probability of each grade for values of :meth:`decision`, (n, n_grades)."""
        chance = np.diff(_at_most(self.thresholds, odds), axis=1) * self.ratio
        return np.asarray(chance / np.maximum(chance.sum(axis=1, keepdims=True), 1e-300))

    def expected(self, odds: Floats) -> Floats:
        """Return the mean grade, (n,)."""
        return np.asarray(self.probabilities(odds) @ self.grades)

    def bounds(self, odds: Floats, *, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return the grades between which a person's lies with at least this probability by the model, (n,) each."""
        at_most = np.cumsum(self.probabilities(odds), axis=1)
        low, high = ((at_most >= tail - CLOSE).argmax(axis=1) for tail in ((1 - level) / 2, (1 + level) / 2))
        return self.grades[low], self.grades[high]


def fit_ordinal_path(Z: Floats, grade: Floats, weights: Floats) -> list[Ordinal]:
    """Fit every penalty to coordinates (n, k), grades and weights (n,).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> Z = rng.normal(size=(2000, 1))
    >>> grade = np.digitize(2 * Z[:, 0] + rng.logistic(size=2000), [-1.0, 1.0]).astype(float)
    >>> fit = fit_ordinal_path(Z, grade, np.ones(2000))[-1]
    >>> fit.coef.round().tolist(), fit.thresholds.round().tolist()
    ([2.0], [-1.0, 1.0])
    """
    from scipy.optimize import minimize

    grades, code = np.unique(grade, return_inverse=True)
    below = np.cumsum(np.bincount(code, weights))[:-1] / weights.sum()
    cuts = np.log(below / (1 - below))
    start = np.concatenate([np.zeros(Z.shape[1]), cuts[:1], np.log(np.maximum(np.diff(cuts), 1e-6))])
    total, fits = float((weights[:, None] * Z**2).sum()), []
    for penalty in PENALTIES:
        ridge = penalty * total
        start = minimize(_loss, start, args=(Z, code, weights, ridge), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
        fits.append(Ordinal(grades, start[: Z.shape[1]].copy(), _thresholds(start[Z.shape[1] :]), np.ones(len(grades))))
    return fits


def ordinal_loss(fit: Ordinal, odds: Floats, grade: Floats, weights: Floats) -> float:
    """Return the weighted sum of log-losses; a grade that the model does not know counts as the nearest that it knows."""
    code = np.abs(grade[:, None] - fit.grades[None]).argmin(axis=1)
    chance = fit.probabilities(odds)[np.arange(len(code)), code]
    return -float(weights @ np.log(np.maximum(chance, 1e-12)))


def _thresholds(free: Floats) -> Floats:
    """Return rising thresholds for the first and the logarithms of the gaps."""
    return np.cumsum(np.concatenate([free[:1], np.exp(free[1:])]))


def _at_most(thresholds: Floats, odds: Floats) -> Floats:
    """Return the probability of at most each grade, and of none before them, (n, n_grades + 1)."""
    from scipy.special import expit

    inner = expit(thresholds[None] - odds[:, None])
    return np.column_stack([np.zeros(len(odds)), inner, np.ones(len(odds))])


def _loss(at: Floats, Z: Floats, code: NDArray[np.int64], weights: Floats, ridge: float) -> tuple[float, Floats]:
    k = Z.shape[1]
    cumulative = _at_most(_thresholds(at[k:]), Z @ at[:k])
    rows = np.arange(len(code))
    upper, lower = cumulative[rows, code + 1], cumulative[rows, code]
    chance = np.maximum(upper - lower, 1e-300)
    by_upper, by_lower = weights * upper * (1 - upper) / chance, weights * lower * (1 - lower) / chance
    n_cuts = cumulative.shape[1] - 2
    by_cut = np.bincount(code + 1, by_upper, minlength=n_cuts + 2) - np.bincount(code, by_lower, minlength=n_cuts + 2)
    later = np.cumsum(by_cut[1:-1][::-1])[::-1]  # a gap moves its own threshold and all after it
    by_free = later * np.concatenate([[1.0], np.exp(at[k + 1 :])])
    by_coef = -(Z.T @ (by_upper - by_lower))
    value = -float(weights @ np.log(chance)) + 0.5 * ridge * float(at[:k] @ at[:k])
    return value, np.concatenate([-by_coef + ridge * at[:k], -by_free])
