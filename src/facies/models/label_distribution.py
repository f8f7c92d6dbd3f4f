"""A head that predicts a distribution over ages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, RegressorMixin

from facies.errors import InputError
from facies.models.axes import principal_axes, scaling
from facies.models.inner import inner_errors, inner_fold_number
from facies.models.rows import TrainingRows, new_vectors, training_rows
from facies.stats.threads import single_thread
from facies.types import Floats

RELATIVE_PENALTIES: Floats = np.logspace(-0.5, -3, 6)
"""The penalties tried, relative to the sum of the weights, the strongest first."""
ROUGH, FINE = 1e-6, 1e-9
"""Relative decrease of the loss at which L-BFGS stops, when a penalty is chosen and when the model is fitted."""
MAX_STEPS = 2000
"""Steps of L-BFGS at most; usually 50 to 300 are taken."""


class Bins(NamedTuple):
    """Centres of the bins, (k,), and the standard deviation of the bell around a label, in the label's unit."""

    centres: Floats
    spread: float

    def soften(self, y: Floats) -> Floats:
        """Return the distribution over the bins for each label, (n, k)."""
        return np.asarray(softmax(-0.5 * ((y[:, None] - self.centres) / self.spread) ** 2, axis=1), dtype=np.float64)


class SoftmaxPath(NamedTuple):
    """Fitted heads: weights (n_penalties, p, k) on the given vectors and intercepts (n_penalties, k)."""

    weights: Floats
    intercepts: Floats


class LabelDistributionAge(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Softmax regression on a bell of age bins around each label; the prediction is the mean of the predicted distribution.

    The label-distribution learning of Geng, Yin & Zhou (2013, IEEE TPAMI 35:2401-2412) with a linear head, a squared penalty on
    standardised columns, and L-BFGS. Convex: there is one solution.

    Parameters
    ----------
    alpha
        Penalty on the squared weights of standardised columns. None: chosen by grouped inner folds.
    n_inner_folds
        Inner folds to choose the penalty with; 3 when left out.
    n_bins
        Bins between the lowest and the highest label.
    spread
        Standard deviation of the bell, in bins.
    random_state
        Deals the groups to inner folds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> model = LabelDistributionAge(alpha=0.01).fit(X, 50 + 5 * X[:, 0])
    >>> [round(float(value)) for value in model.predict([[0.0, 0, 0], [1, 0, 0]])]
    [50, 55]
    """

    def __init__(
        self,
        *,
        alpha: float | None = None,
        n_inner_folds: int | None = None,
        n_bins: int = 8,
        spread: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.alpha = alpha
        self.n_inner_folds = n_inner_folds
        self.n_bins = n_bins
        self.spread = spread
        self.random_state = random_state

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> LabelDistributionAge:
        """Fit to vectors (n, p) and labels (n,); ``groups`` are kept together in the inner folds.

        Raises
        ------
        InputError
            When a setting is wrong or has no effect, all labels are equal, or there are too few groups to choose a penalty.
        """
        n_folds = inner_fold_number(self.n_inner_folds, fixed=self.alpha is not None, penalty="alpha", default=3)
        self._check_settings()
        rows = training_rows(self, X, y, sample_weight, groups)
        bins = make_bins(rows.y, n_bins=self.n_bins, spread=self.spread)
        with single_thread():
            alpha, self.chosen_ = self._choose(rows, bins, n_folds) if self.alpha is None else (self.alpha, {"alpha": float(self.alpha)})
            path = softmax_path(rows, bins, np.array([alpha / rows.weights.sum()]), tolerance=FINE)
        self.alpha_, self.centres_ = float(alpha), bins.centres
        self.coef_, self.intercept_ = path.weights[0], path.intercepts[0]
        return self

    def _check_settings(self) -> None:
        if self.alpha is not None and not self.alpha > 0:
            raise InputError(f"alpha is {self.alpha}: give a penalty above 0")
        if self.n_bins < 3:
            raise InputError(f"n_bins is {self.n_bins}: choose 3 or more")
        if not 0.5 <= self.spread <= self.n_bins:
            raise InputError(f"spread is {self.spread} bins: choose 0.5 to {self.n_bins}")

    def _choose(self, rows: TrainingRows, bins: Bins, n_folds: int) -> tuple[float, dict[str, float]]:
        def predict(train: TrainingRows, X: Floats) -> Floats:
            path = softmax_path(train, bins, RELATIVE_PENALTIES, tolerance=ROUGH)
            pairs = zip(path.weights, path.intercepts, strict=True)
            return np.column_stack([expectation(X, weights, intercepts, bins.centres) for weights, intercepts in pairs])

        errors = inner_errors(rows, predict, n_folds=n_folds, random_state=self.random_state)
        best = int(errors.argmin())
        alpha = float(RELATIVE_PENALTIES[best] * rows.weights.sum())
        return alpha, {"alpha": alpha, "inner_rmse": float(np.sqrt(errors[best]))}

    def predict(self, X: ArrayLike) -> Floats:
        """Return the mean of the predicted distribution for each vector, (n,)."""
        vectors = new_vectors(self, X)
        with single_thread():
            return expectation(vectors, self.coef_, self.intercept_, self.centres_)

    def predict_distribution(self, X: ArrayLike) -> Floats:
        """Return the predicted distribution over the bins ``centres_`` for each vector, (n, k)."""
        vectors = new_vectors(self, X)
        with single_thread():
            return np.asarray(softmax(vectors @ self.coef_ + self.intercept_, axis=1), dtype=np.float64)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that :meth:`predict` needs."""
        return {"coef": self.coef_, "intercept": self.intercept_, "centres": self.centres_}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> LabelDistributionAge:
        """Return a fitted regressor from :meth:`to_arrays`."""
        made = cls(**settings)
        made.coef_, made.intercept_, made.centres_ = arrays["coef"], arrays["intercept"], arrays["centres"]
        made.n_features_in_ = len(made.coef_)
        return made


def make_bins(y: Floats, *, n_bins: int, spread: float) -> Bins:
    """Lay bins over the labels, and beyond them so far that the bell around the outermost label is whole.

    Raises
    ------
    InputError
        When all labels are equal.

    Examples
    --------
    >>> make_bins(np.array([20.0, 60.0]), n_bins=5, spread=1.0).centres
    array([-10.,   0.,  10.,  20.,  30.,  40.,  50.,  60.,  70.,  80.,  90.])
    """
    lowest, highest = float(y.min()), float(y.max())
    if not highest > lowest:
        raise InputError(f"all labels are {lowest:g}: there is nothing to learn; check the column")
    width = (highest - lowest) / (n_bins - 1)
    beyond = int(np.ceil(3 * spread))
    centres = lowest + width * np.arange(-beyond, n_bins + beyond)
    return Bins(centres.astype(np.float64), spread * width)


def expectation(X: Floats, weights: Floats, intercepts: Floats, centres: Floats) -> Floats:
    """Return the mean of the softmax distribution over the centres, (n,)."""
    return np.asarray(softmax(X @ weights + intercepts, axis=1) @ centres, dtype=np.float64)


def softmax_path(rows: TrainingRows, bins: Bins, penalties: Floats, *, tolerance: float) -> SoftmaxPath:
    """Fit the head for every penalty (relative to the sum of the weights), each starting from the one before."""
    columns = scaling(rows.X, rows.weights)
    Z = columns.apply(rows.X)
    axes = principal_axes(Z, rows.weights)
    problem = _problem(Z @ axes.directions, axes.variances, rows, bins)
    start = np.vstack([np.log(problem.share @ problem.targets + 1e-12), np.zeros((len(axes.variances), len(bins.centres)))])
    weights, intercepts = [], []
    for penalty in penalties:
        start = problem.solve(float(penalty), start, tolerance=tolerance)
        on_columns = axes.directions @ start[1:] / columns.scale[:, None]
        weights.append(on_columns)
        intercepts.append(start[0] - columns.mean @ on_columns)
    return SoftmaxPath(np.array(weights), np.array(intercepts))


class _Problem(NamedTuple):
    """Penalised softmax regression in the coordinates in which it is nearly round.

    The second derivative is about the product of the columns' covariance with that of the bins' indicators. Along the principal axes of
    both it is diagonal, and dividing each coordinate by the root of its curvature leaves L-BFGS fewer steps to do.
    """

    design: Floats
    variances: Floats
    targets: Floats
    share: Floats
    modes: Floats
    curvatures: Floats

    def solve(self, penalty: float, start: Floats, *, tolerance: float) -> Floats:
        """Minimise the weighted cross-entropy plus ``penalty / 2`` times the squared weights; returns (1 + p, k), intercepts first."""
        squared = np.full(start.shape, penalty)
        squared[0] = 0.0
        scale = 1 / np.sqrt(np.outer(self.variances, self.curvatures) + penalty)

        def loss(flat: Floats) -> tuple[float, Floats]:
            here = flat.reshape(start.shape) * scale
            logs = log_softmax(self.design @ here @ self.modes.T, axis=1)
            residual = (np.exp(logs) - self.targets) * self.share[:, None]
            slope = (self.design.T @ residual @ self.modes + squared * here) * scale
            value = -self.share @ (self.targets * logs).sum(axis=1) + 0.5 * (squared * here**2).sum()
            return float(value), slope.ravel()

        first = (start @ self.modes / scale).ravel()
        found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": MAX_STEPS, "gtol": 1e-7, "ftol": tolerance})
        return np.asarray((found.x.reshape(start.shape) * scale) @ self.modes.T, dtype=np.float64)


def _problem(Z: Floats, variances: Floats, rows: TrainingRows, bins: Bins) -> _Problem:
    share = rows.weights / rows.weights.sum()
    wide = Bins(bins.centres, 2 * bins.spread).soften(rows.y)
    curvatures, modes = eigh(np.diag(share @ wide) - wide.T @ (wide * share[:, None]))
    design = np.column_stack([np.ones(len(Z)), Z])
    return _Problem(design, np.r_[1.0, variances], bins.soften(rows.y), share, modes, np.maximum(curvatures, 1e-6))
