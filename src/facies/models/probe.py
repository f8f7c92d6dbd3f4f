"""A small classifier that asks what can be told from some measures at all: cross-fitted, quick enough to be permuted."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.models.classifiers.projection import fit_projection
from facies.types import Floats

MAX_AXES = 20
PENALTY = 0.3
"""On coefficients of axes with variance 1, relative to the total weight."""


def probe_scores(X: ArrayLike, y: ArrayLike, *, folds: ArrayLike, max_axes: int = MAX_AXES) -> Floats:
    """Score people by a penalised linear discriminant of their measures' first principal axes, fitted on the other folds.

    Both classes count alike. Standardising, axes and discriminant are fitted on the other folds' people alone.

    Parameters
    ----------
    X
        Measures, (n, p), one row a person.
    y
        1 or 0, (n,), or (n, m): m sets of labels at once, such as permuted ones.
    folds
        Fold of each person, (n,), or (n_repeats, n); -1 is scored by nobody.

    Returns
    -------
    ndarray
        (n_repeats, n), or (n_repeats, n, m); NaN where a person has no fold.

    Raises
    ------
    InputError
        When a measure is no finite number.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(100) % 2
    >>> scores = probe_scores(rng.normal(size=(100, 3)) + y[:, None], y, folds=rng.integers(0, 5, 100))[0]
    >>> bool(scores[y == 1].mean() > scores[y == 0].mean())
    True
    """
    values, labels = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InputError("a measure is no finite number: leave such people out")
    many = labels.reshape(len(values), -1)
    scores = [_one(values, many, fold, max_axes) for fold in np.atleast_2d(np.asarray(folds))]
    return np.stack(scores).reshape(len(scores), *labels.shape)


def _one(X: Floats, y: Floats, folds: NDArray[np.int64], max_axes: int) -> Floats:
    scores = np.full(y.shape, np.nan)
    for fold in sorted(set(folds.tolist()) - {-1}):
        train, left = (folds != fold) & (folds >= 0), folds == fold
        projection = fit_projection(X[train], np.ones(int(train.sum())))
        Z = projection.apply(X)[:, :max_axes]
        spread = Z[train].std(axis=0)
        Z = Z / np.where(spread > 0, spread, 1.0)
        scores[left] = _discriminant(Z[train], y[train], Z[left])
    return scores


def _discriminant(Z: Floats, y: Floats, new: Floats) -> Floats:
    """Return scores by every set of labels: within-class covariance with a penalty, difference of the means."""
    cases = y.sum(axis=0)
    means = (Z.T @ y) / np.maximum(cases, 1)
    others = (Z.T @ (1 - y)) / np.maximum(len(Z) - cases, 1)
    difference = means - others
    total = Z.T @ Z / len(Z)
    share = cases * (len(Z) - cases) / len(Z) ** 2
    # within = total - share d d': by Sherman and Morrison its inverse turns d by a factor only, which ranks nobody otherwise.
    coefficients = np.linalg.solve(total + PENALTY * np.eye(Z.shape[1]), difference)
    scaled = coefficients / np.maximum(1 - share * (difference * coefficients).sum(axis=0), 0.05)
    return np.asarray((new - 0.0) @ scaled - ((means + others) / 2 * scaled).sum(axis=0))
