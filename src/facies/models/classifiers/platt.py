"""A score turned into log-odds by a logistic curve.

Platt J. In: Smola A et al. (eds) Advances in large margin classifiers. MIT Press 1999:61-74; Lin HT, Lin CJ, Weng RC. Mach Learn
2007;68:267-276 (targets that keep a separated sample finite).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facies.types import Floats

LEAST_SLOPE = 1e-3
"""A slope below this says that the score ranks people the wrong way round on inner folds: it then counts next to nothing."""


class Platt(NamedTuple):
    """``log-odds = slope * score + intercept``, the slope not below :data:`LEAST_SLOPE`."""

    slope: float
    intercept: float

    def apply(self, scores: Floats) -> Floats:
        """Return log-odds, (n,)."""
        return np.asarray(self.slope * scores + self.intercept)

    def moved(self, by: float) -> Platt:
        """Return the curve with ``by`` added to all log-odds."""
        return Platt(self.slope, self.intercept + by)


def fit_platt(scores: Floats, y: Floats, weights: Floats) -> Platt:
    """Fit the curve to scores and classes (1 case, 0 other) of people with weights, (n,) each.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score = rng.normal(size=4000)
    >>> case = (rng.random(4000) < 1 / (1 + np.exp(-(2 * score - 1)))).astype(float)
    >>> slope, intercept = fit_platt(score, case, np.ones(4000))
    >>> round(slope), round(intercept)
    (2, -1)
    """
    spread = float(np.sqrt(np.average((scores - np.average(scores, weights=weights)) ** 2, weights=weights))) or 1.0
    middle = float(np.average(scores, weights=weights))
    x = (scores - middle) / spread
    positive, negative = weights @ y, weights @ (1 - y)
    target = np.where(y > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))
    a, b = _newton(x, target, weights)
    a = max(a, LEAST_SLOPE)
    return Platt(a / spread, b - a * middle / spread)


def _newton(x: Floats, target: Floats, weights: Floats) -> tuple[float, float]:
    design = np.column_stack([x, np.ones_like(x)])
    mean = float(weights @ target / weights.sum())
    found = np.array([0.0, np.log(mean / (1 - mean))])
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-np.clip(design @ found, -35, 35)))
        information = design.T @ (design * (weights * fitted * (1 - fitted))[:, None]) + 1e-8 * np.eye(2)
        step = np.linalg.solve(information, design.T @ (weights * (target - fitted)))
        found = found + np.clip(step, -4, 4)
        if np.abs(step).max() < 1e-9:
            break
    return float(found[0]), float(found[1])


def log_odds(share: float) -> float:
    """Return the log-odds of a share.

    Examples
    --------
    >>> log_odds(0.5)
    0.0
    """
    return float(np.log(share / (1 - share)))


def log_loss(odds: Floats, y: Floats, weights: Floats) -> float:
    """Return the mean log-loss.

    Examples
    --------
    >>> round(log_loss(np.array([0.0, 0.0]), np.array([0.0, 1.0]), np.ones(2)), 4)
    0.6931
    """
    return float(weights @ np.logaddexp(0, np.where(y > 0, -odds, odds)) / weights.sum())
