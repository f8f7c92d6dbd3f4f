"""One model of all conditions and controls against each other: multinomial logistic regression by scikit-learn.

Its scores are calibrated as those of one condition are: by one slope and an intercept for each class, fitted to people whom inner folds
left out (Guo C et al. ICML 2017;70:1321-1330, with intercepts). That also undoes class weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.models.classifiers.platt import LEAST_SLOPE
from facies.models.classifiers.training import Training
from facies.types import Floats

PENALTIES = (1e-1, 1e-2, 1e-3)
"""Relative to the total variance times the total weight."""


@dataclass(frozen=True, eq=False)
class Multinomial:
    """Coefficients (classes, k) and intercepts, the slope and (classes,) further intercepts that calibrate them."""

    names: tuple[str, ...]
    coef: Floats
    intercept: Floats
    slope: float
    offset: Floats

    def decision(self, Z: Floats) -> Floats:
        """Return the logarithm of each class's probability, but for a number common to all, for coordinates (n, k), (n, classes)."""
        return np.asarray(self.slope * (Z @ self.coef.T + self.intercept) + self.offset)


def softmax(odds: Floats) -> Floats:
    """Return probabilities that add up to 1 over the last axis.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    raised = np.exp(odds - odds.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def fit_multinomial(
    training: Training, diagnosis: NDArray[Any], *, class_weights: bool, shares_of_study: Mapping[str, float]
) -> Multinomial:  # fmt: skip
    """Fit the model of people with these diagnoses (n_people,); the penalty is chosen by log-loss on inner folds of people.

    Probabilities are brought from the mix of those who are fitted on to that of the study, ``shares_of_study`` by diagnosis.
    """
    names = tuple(sorted(set(map(str, diagnosis))))
    code = np.searchsorted(names, diagnosis.astype(str))
    y, shares = code[training.person], training.shares()
    odds = np.full((len(PENALTIES), len(code), len(names)), np.nan)
    for fold in training.inner:
        kept = ~fold.rows
        if len(np.unique(y[kept])) < len(names):
            continue
        for number, (coef, intercept) in enumerate(_path(fold.Z[kept], y[kept], shares[kept], len(names), class_weights)):
            odds[number, fold.people] = training.mean(fold.Z @ coef.T + intercept)[fold.people]
    known = np.isfinite(odds[0, :, 0])
    curves = [_calibrate(part[known], code[known], training.weights[known]) for part in odds]
    best = int(np.argmin([loss for _, _, loss in curves]))
    coef, intercept = _path(training.Z, y, shares, len(names), class_weights)[best]
    here = np.bincount(code[known], training.weights[known], minlength=len(names)) / training.weights[known].sum()
    moved = np.log(np.array([shares_of_study[name] for name in names])) - np.log(here)
    return Multinomial(names, coef, intercept, curves[best][0], curves[best][1] + moved)


def _path(Z: Floats, y: NDArray[np.int64], shares: Floats, n: int, class_weights: bool) -> list[tuple[Floats, Floats]]:
    from sklearn.linear_model import LogisticRegression

    sums = np.bincount(y, shares, minlength=n)
    factor = shares.sum() / (n * sums) if class_weights else np.ones(n)
    weights = shares * factor[y]
    total = float((weights[:, None] * Z**2).sum())
    fits = []
    made = LogisticRegression(warm_start=True, max_iter=1000, tol=1e-3)
    for penalty in PENALTIES:
        made.set_params(C=1 / (penalty * total)).fit(Z, y, sample_weight=weights)
        coef, intercept = made.coef_, made.intercept_
        if n == 2:
            coef, intercept = np.vstack([-coef / 2, coef / 2]), np.concatenate([-intercept / 2, intercept / 2])
        fits.append((coef.copy(), intercept.copy()))
    return fits


def _calibrate(odds: Floats, code: NDArray[np.int64], weights: Floats) -> tuple[float, Floats, float]:
    """Return slope, intercepts and the log-loss of people with scores (n, classes); targets keep separated classes finite."""
    from scipy.optimize import minimize

    n = odds.shape[1]
    counts = np.bincount(code, weights, minlength=n)
    spread = float(odds.std()) or 1.0
    target = np.repeat((1 / (counts[code] + 2) / (n - 1))[:, None], n, axis=1)
    target[np.arange(len(code)), code] = (counts[code] + 1) / (counts[code] + 2)

    def loss(at: Floats) -> tuple[float, Floats]:
        slope, offset = at[0], at[1:]
        chance = softmax(slope * odds / spread + offset)
        change = weights[:, None] * (chance - target) / weights.sum()
        value = -float((weights[:, None] * target * np.log(np.maximum(chance, 1e-300))).sum() / weights.sum())
        return value + 5e-7 * float(offset @ offset), np.concatenate([[(change * odds).sum() / spread], change.sum(axis=0) + 1e-6 * offset])

    start = np.concatenate([[1.0], np.log((counts + 1) / (counts.sum() + n))])
    bounds = [(LEAST_SLOPE, None), *[(None, None)] * n]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    chance = softmax(found[0] * odds / spread + found[1:])[np.arange(len(code)), code]
    return float(found[0]) / spread, found[1:], -float(weights @ np.log(np.maximum(chance, 1e-12)) / weights.sum())
