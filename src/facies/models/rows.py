"""What a regressor is fitted on: checked vectors, labels, weights and groups."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from facies.errors import InputError
from facies.types import Floats


class TrainingRows(NamedTuple):
    """Rows of positive weight: vectors (n, p), labels (n,), weights (n,) and the groups that inner folds keep together (n,)."""

    X: Floats
    y: Floats
    weights: Floats
    groups: NDArray[Any]

    def take(self, which: NDArray[np.bool_]) -> TrainingRows:
        """Return some of the rows."""
        return TrainingRows(self.X[which], self.y[which], self.weights[which], self.groups[which])


def training_rows(estimator: Any, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, groups: ArrayLike | None) -> TrainingRows:
    """Check what a regressor is fitted on; rows of weight zero are left out.

    Without ``groups``, rows with the same vector form a group: copies of one photograph never help to predict each other.

    Raises
    ------
    InputError
        When a weight is negative or missing, or lengths differ.
    ValueError
        From scikit-learn, when vectors or labels are no finite numbers.
    """
    checked: tuple[Floats, Floats] = validate_data(estimator, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
    vectors, numbers = checked
    weights = _weights(sample_weight, len(vectors))
    labels = _vector_names(vectors) if groups is None else np.asarray(groups)
    if labels.shape != (len(vectors),):
        raise InputError(f"groups has shape {labels.shape}: give one group a row, {len(vectors)}")
    rows = TrainingRows(vectors, numbers.astype(np.float64), weights, labels)
    return rows if (weights > 0).all() else rows.take(weights > 0)


def new_vectors(estimator: Any, X: ArrayLike) -> Floats:
    """Check vectors that a fitted regressor is to predict from."""
    check_is_fitted(estimator)
    checked: Floats = validate_data(estimator, X, dtype=np.float64, reset=False)
    return checked


def _weights(sample_weight: ArrayLike | None, n: int) -> Floats:
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(n, float(weights))
    if weights.shape != (n,):
        raise InputError(f"sample_weight has shape {weights.shape}: give one weight a row, {n}")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise InputError("sample_weight holds a negative or missing weight, or only zeros: give weights of zero or more")
    return weights


def _vector_names(X: Floats) -> NDArray[Any]:
    return np.array([hashlib.blake2b(row.tobytes(), digest_size=12).hexdigest() for row in np.ascontiguousarray(X)])
