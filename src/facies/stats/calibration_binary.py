"""Whether probabilities are right: intercept, slope, curve; and what they become at another prevalence.

Cox DR. Biometrika 1958;45:562-565 (intercept and slope); Van Calster B et al. BMC Med 2019;17:230; Saerens M, Latinne P, Decaestecker C.
Neural Comput 2002;14:21-41 (another prevalence).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.stats.diagnostic import wilson
from facies.stats.resampling import cluster_codes
from facies.types import Floats

MOST = 30.0
"""Log-odds beyond this are drawn in: the probability is 1 to thirteen places."""


class Calibration(NamedTuple):
    """Intercept (with slope 1) and slope of the observed log-odds on the predicted, with standard errors."""

    intercept: float
    intercept_error: float
    slope: float
    slope_error: float


class Bin(NamedTuple):
    """People with similar predicted probabilities."""

    predicted: float
    observed: float
    ci_low: float
    ci_high: float
    n: int


def calibrate(log_odds: ArrayLike, y: ArrayLike, *, clusters: ArrayLike | None = None) -> Calibration:
    """Estimate calibration intercept and slope; right probabilities have 0 and 1.

    Parameters
    ----------
    log_odds, y
        Predicted log-odds and class (1 case, 0 other) of each row, (n,).
    clusters
        The person of each row; standard errors are robust to rows of one person (sandwich).

    Raises
    ------
    InputError
        When one class is absent.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> true = rng.normal(size=4000)
    >>> found = calibrate(2 * true + 1, rng.random(4000) < 1 / (1 + np.exp(-true)))
    >>> round(found.slope, 1)
    0.5
    """
    x, case = np.clip(np.asarray(log_odds, dtype=np.float64), -MOST, MOST), np.asarray(y, dtype=np.float64)
    if not 0 < case.mean() < 1:
        raise InputError("calibration needs cases and others: one class is absent")
    groups = np.arange(len(x)) if clusters is None else cluster_codes(clusters)[0].astype(np.int64)
    ones = np.ones((len(x), 1))
    (intercept,), (intercept_error,) = _logistic(ones, case, x, groups)
    coefficients, errors = _logistic(np.column_stack([ones, x]), case, np.zeros(len(x)), groups)
    return Calibration(float(intercept), float(intercept_error), float(coefficients[1]), float(errors[1]))


def _logistic(design: Floats, y: Floats, offset: Floats, groups: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Fit by Newton's method; standard errors are robust to groups."""
    from scipy.special import expit

    coefficients = np.zeros(design.shape[1])
    for _ in range(60):
        fitted = expit(design @ coefficients + offset)
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design + 1e-10 * np.eye(design.shape[1])
        step = np.linalg.solve(information, design.T @ (y - fitted))
        coefficients += np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    scores = np.zeros((int(groups.max()) + 1, design.shape[1]))
    np.add.at(scores, groups, design * (y - fitted)[:, None])
    bread = np.linalg.inv(information)
    return coefficients, np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread))


def calibration_curve(probability: ArrayLike, y: ArrayLike, *, n_bins: int = 10, level: float = 0.95) -> list[Bin]:
    """Return the observed share of cases in bins of people with equal numbers, from the lowest predicted probability.

    Examples
    --------
    >>> [bin.observed for bin in calibration_curve([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], n_bins=2)]
    [0.0, 1.0]
    """
    values, case = np.asarray(probability, dtype=np.float64), np.asarray(y, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    bins = []
    for rows in np.array_split(order, min(n_bins, len(order))):
        low, high = wilson(float(case[rows].sum()), len(rows), level=level)
        bins.append(Bin(float(values[rows].mean()), float(case[rows].mean()), low, high, len(rows)))
    return bins


def recalibrate(log_odds: ArrayLike, *, sample_prevalence: float, prevalence: float) -> Floats:
    """Bring log-odds of one mix of people to another prevalence, in which cases look like these cases and others like these others.

    Raises
    ------
    InputError
        When a prevalence is not between 0 and 1.

    Examples
    --------
    >>> recalibrate([0.0], sample_prevalence=0.5, prevalence=0.01).round(4).tolist()
    [-4.5951]
    """
    for name, value in (("sample_prevalence", sample_prevalence), ("prevalence", prevalence)):
        if not 0 < value < 1:
            raise InputError(f"{name} is {value:g}: give a share between 0 and 1")
    shift = np.log(prevalence / (1 - prevalence)) - np.log(sample_prevalence / (1 - sample_prevalence))
    return np.asarray(np.asarray(log_odds, dtype=np.float64) + shift)
