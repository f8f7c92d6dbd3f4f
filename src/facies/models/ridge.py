"""Ridge regression whose penalty is chosen within the fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh
from sklearn.base import BaseEstimator, RegressorMixin

from facies.errors import InputError
from facies.models.axes import scaling
from facies.models.inner import inner_errors, inner_fold_number
from facies.models.rows import TrainingRows, new_vectors, training_rows
from facies.stats.threads import single_thread
from facies.types import Floats

RELATIVE_PENALTIES: Floats = np.logspace(-7, 1, 33)
"""The penalties tried, relative to the total variance of the standardised columns (sum of weights times columns)."""


class LinearPath(NamedTuple):
    """Coefficients (p, n_penalties) and intercepts (n_penalties,) on the scale of the given vectors."""

    coefs: Floats
    intercepts: Floats

    def predict(self, X: Floats) -> Floats:
        """Return predictions by every penalty, (n, n_penalties)."""
        return X @ self.coefs + self.intercepts


class RidgeAge(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression on standardised columns.

    The penalty is chosen by grouped inner folds on the training rows: columns are standardised within each inner fold, one
    eigendecomposition of the smaller product matrix serves all penalties, and the least weighted squared error wins (Hoerl & Kennard
    1970; the dual form as in Saunders et al. 1998).

    Parameters
    ----------
    alpha
        Penalty on the squared coefficients of standardised columns, in the sense of :class:`sklearn.linear_model.Ridge`. None: chosen.
    n_inner_folds
        Inner folds to choose the penalty with; 5 when left out.
    random_state
        Deals the groups to inner folds.

    Attributes
    ----------
    coef_, intercept_
        On the scale of the given vectors.
    alpha_
        The penalty used.
    chosen_
        What was chosen and its inner root mean squared error, for the record.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> y = 50 + X @ [4.0, 0, 0, 0, 0] + rng.normal(size=200)
    >>> [round(float(value)) for value in RidgeAge().fit(X, y).predict([[0.0, 0, 0, 0, 0], [1, 0, 0, 0, 0]])]
    [50, 54]
    """

    def __init__(self, *, alpha: float | None = None, n_inner_folds: int | None = None, random_state: int = 0) -> None:
        self.alpha = alpha
        self.n_inner_folds = n_inner_folds
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, groups: ArrayLike | None = None) -> RidgeAge:
        """Fit to vectors (n, p) and labels (n,); ``groups`` are kept together in the inner folds.

        Raises
        ------
        InputError
            When a setting is wrong or has no effect, or there are too few groups to choose a penalty.
        """
        n_folds = inner_fold_number(self.n_inner_folds, fixed=self.alpha is not None, penalty="alpha")
        if self.alpha is not None and not self.alpha > 0:
            raise InputError(f"alpha is {self.alpha}: give a penalty above 0")
        rows = training_rows(self, X, y, sample_weight, groups)
        with single_thread():
            self.alpha_, self.chosen_ = self._choose(rows, n_folds) if self.alpha is None else (float(self.alpha), {"alpha": self.alpha})
            path = linear_path(rows, np.array([self.alpha_]))
        self.coef_, self.intercept_ = path.coefs[:, 0], float(path.intercepts[0])
        return self

    def _choose(self, rows: TrainingRows, n_folds: int) -> tuple[float, dict[str, float]]:
        def predict(train: TrainingRows, X: Floats) -> Floats:
            return linear_path(train, RELATIVE_PENALTIES * train.weights.sum() * train.X.shape[1]).predict(X)

        errors = inner_errors(rows, predict, n_folds=n_folds, random_state=self.random_state)
        best = int(errors.argmin())
        alpha = float(RELATIVE_PENALTIES[best] * rows.weights.sum() * rows.X.shape[1])
        return alpha, {"alpha": alpha, "inner_rmse": float(np.sqrt(errors[best]))}

    def predict(self, X: ArrayLike) -> Floats:
        """Return one number a vector, (n,)."""
        vectors = new_vectors(self, X)
        with single_thread():
            return np.asarray(vectors @ self.coef_ + self.intercept_, dtype=np.float64)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that :meth:`predict` needs."""
        return {"coef": self.coef_, "intercept": np.array([self.intercept_])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> RidgeAge:
        """Return a fitted regressor from :meth:`to_arrays`."""
        made = cls(**settings)
        made.coef_, made.intercept_ = arrays["coef"], float(arrays["intercept"][0])
        made.n_features_in_ = len(made.coef_)
        return made


def linear_path(rows: TrainingRows, alphas: Floats) -> LinearPath:
    """Fit ridge regression for every penalty from one eigendecomposition."""
    columns = scaling(rows.X, rows.weights)
    centre = float(rows.weights @ rows.y / rows.weights.sum())
    root = np.sqrt(rows.weights)
    A = columns.apply(rows.X)
    A *= root[:, None]
    coefs = _standardised_path(A, root * (rows.y - centre), alphas) / columns.scale[:, None]
    return LinearPath(coefs, centre - columns.mean @ coefs)


def _standardised_path(A: Floats, b: Floats, alphas: Floats) -> Floats:
    """Return (p, n_penalties) minimisers of ``|A c - b|² + alpha |c|²``, by rows or by columns, whichever are fewer."""
    wide = A.shape[1] > A.shape[0]
    values, vectors = eigh(A @ A.T if wide else A.T @ A)
    projected = vectors.T @ (b if wide else A.T @ b)
    shrunk = projected[:, None] / (np.maximum(values, 0.0)[:, None] + alphas)
    solved: Floats = vectors @ shrunk
    return A.T @ solved if wide else solved
