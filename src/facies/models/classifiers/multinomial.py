"""One model of all conditions and controls against each other: multinomial logistic regression by scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.models.classifiers.fitting import Training
from facies.models.inner import inner_folds
from facies.models.rows import TrainingRows
from facies.types import Floats

PENALTIES = (1e-1, 1e-2, 1e-3)
"""Relative to the total variance times the total weight."""

INNER_FOLDS = 3


@dataclass(frozen=True, eq=False)
class Multinomial:
    """Coefficients (classes, k), intercepts and what undoes the class weights, (classes,)."""

    names: tuple[str, ...]
    coef: Floats
    intercept: Floats

    def probabilities(self, Z: Floats) -> Floats:
        """Return the probability of each class for coordinates (n, k), (n, classes)."""
        odds = Z @ self.coef.T + self.intercept
        raised = np.exp(odds - odds.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def fit_multinomial(training: Training, diagnosis: NDArray[Any], *, class_weights: bool, random_state: int) -> Multinomial:
    """Fit the model of people with these diagnoses (n_people,); the penalty is chosen by log-loss on inner folds of people."""
    names = tuple(sorted(set(map(str, diagnosis))))
    y = np.searchsorted(names, diagnosis.astype(str))[training.person]
    shares = training.shares()
    rows = TrainingRows(
        np.zeros((len(diagnosis), 1)), np.searchsorted(names, diagnosis.astype(str)).astype(float), training.weights, training.groups
    )
    inner = inner_folds(rows, n_folds=INNER_FOLDS, random_state=random_state)[training.person]
    losses = np.zeros(len(PENALTIES))
    for fold in range(int(inner.max()) + 1):
        kept, left = inner != fold, inner == fold
        if len(np.unique(y[kept])) < len(names):
            continue
        for number, fit in enumerate(_path(training.Z[kept], y[kept], shares[kept], names, class_weights)):
            chance = fit.probabilities(training.Z[left])[np.arange(int(left.sum())), y[left]]
            losses[number] -= shares[left] @ np.log(np.maximum(chance, 1e-12))
    return _path(training.Z, y, shares, names, class_weights)[int(np.argmin(losses))]


def _path(Z: Floats, y: NDArray[np.int64], shares: Floats, names: tuple[str, ...], class_weights: bool) -> list[Multinomial]:
    from sklearn.linear_model import LogisticRegression

    sums = np.bincount(y, shares, minlength=len(names))
    factor = shares.sum() / (len(names) * sums) if class_weights else np.ones(len(names))
    weights = shares * factor[y]
    total = float((weights[:, None] * Z**2).sum())
    fits = []
    made = LogisticRegression(warm_start=True, max_iter=300, tol=1e-3)
    for penalty in PENALTIES:
        made.set_params(C=1 / (penalty * total)).fit(Z, y, sample_weight=weights)
        coef, intercept = made.coef_, made.intercept_
        if len(names) == 2:
            coef, intercept = np.vstack([-coef / 2, coef / 2]), np.concatenate([-intercept / 2, intercept / 2])
        fits.append(Multinomial(names, coef.copy(), intercept - np.log(factor)))
    return fits
