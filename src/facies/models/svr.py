"""Support vector regression whose settings are chosen within the fit."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.svm import SVR

from facies.errors import InputError
from facies.models.axes import Scaling, scaling
from facies.models.inner import inner_errors, inner_fold_number
from facies.models.rows import TrainingRows, new_vectors, training_rows
from facies.stats.threads import single_thread
from facies.types import Floats

MAX_ROWS = 8_000
"""Photographs at most: time and memory grow with their square."""
COSTS = (0.3, 1.0, 3.0, 10.0)
"""The costs tried, on labels of standard deviation 1."""
WIDTHS = (0.25, 0.5)
"""The values of gamma tried, times the number of columns."""
_BLOCK = 2_048


class Candidate(NamedTuple):
    """One set of settings: cost and tube on labels of standard deviation 1, gamma times the columns (0 for the linear kernel)."""

    cost: float
    tube: float
    width: float


class Support(NamedTuple):
    """A fitted machine: standardised support vectors (m, p), dual coefficients (m,) and intercept, in the label's unit."""

    vectors: Floats
    dual: Floats
    intercept: float
    gamma: float

    def predict(self, Z: Floats) -> Floats:
        """Return predictions for standardised vectors, (n,), in blocks that bound the memory."""
        blocks = [_kernel(Z[start : start + _BLOCK], self.vectors, self.gamma) @ self.dual for start in range(0, len(Z), _BLOCK)]
        return np.concatenate(blocks) + self.intercept if blocks else np.empty(0)


class SVRAge(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Support vector regression on standardised columns and labels (Smola & Schölkopf 2004, Stat Comput 14:199-222; LIBSVM).

    Cost and kernel width are chosen by grouped inner folds on the training rows; one matrix of distances serves all of them.

    Parameters
    ----------
    kernel
        ``"rbf"`` (Gaussian) or ``"linear"`` (products divided by the number of columns that vary).
    cost
        Penalty on errors beyond the tube, the labels having standard deviation 1. None: chosen.
    epsilon
        Half width of the tube without penalty, in standard deviations of the labels.
    width
        ``gamma`` of the Gaussian kernel times the number of columns that vary. None: chosen. Refused for the linear kernel.
    n_inner_folds
        Inner folds to choose with; 5 when left out.
    random_state
        Deals the groups to inner folds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> model = SVRAge().fit(X, 50 + 5 * X[:, 0])
    >>> [round(float(value)) for value in model.predict([[0.0, 0, 0], [1, 0, 0]])]
    [50, 55]
    """

    def __init__(
        self,
        *,
        kernel: str = "rbf",
        cost: float | None = None,
        epsilon: float = 0.1,
        width: float | None = None,
        n_inner_folds: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.kernel = kernel
        self.cost = cost
        self.epsilon = epsilon
        self.width = width
        self.n_inner_folds = n_inner_folds
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, groups: ArrayLike | None = None) -> SVRAge:
        """Fit to vectors (n, p) and labels (n,); ``groups`` are kept together in the inner folds.

        Raises
        ------
        InputError
            When a setting is wrong or has no effect, there are too few groups to choose from or too many photographs.
        """
        n_folds = self._check_settings()
        rows = training_rows(self, X, y, sample_weight, groups)
        if len(rows.y) > MAX_ROWS:
            raise InputError(f"svr is for at most {MAX_ROWS} photographs, these are {len(rows.y)}: choose ridge or label_distribution")
        candidates = self._candidates()
        with single_thread():
            best, self.chosen_ = self._choose(rows, candidates, n_folds) if len(candidates) > 1 else (candidates[0], {})
            columns = scaling(rows.X, rows.weights)
            (support,) = _fit_all(columns.apply(rows.X), rows, [best])
        self.chosen_ = {"cost": best.cost, **({"width": best.width} if best.width else {}), **self.chosen_}
        self.mean_, self.scale_ = columns
        self.support_vectors_, self.dual_coef_, self.intercept_, self.gamma_ = support
        return self

    def _check_settings(self) -> int:
        if self.kernel not in ("rbf", "linear"):
            raise InputError(f"kernel is '{self.kernel}': choose rbf or linear")
        if self.kernel == "linear" and self.width is not None:
            raise InputError("width has no effect with the linear kernel: leave it out")
        for name, value in (("cost", self.cost), ("width", self.width)):
            if value is not None and not value > 0:
                raise InputError(f"{name} is {value}: give a number above 0")
        if not self.epsilon >= 0:
            raise InputError(f"epsilon is {self.epsilon}: give a number of 0 or more")
        return inner_fold_number(self.n_inner_folds, fixed=len(self._candidates()) == 1, penalty="every other setting")

    def _candidates(self) -> list[Candidate]:
        widths = (0.0,) if self.kernel == "linear" else WIDTHS if self.width is None else (self.width,)
        costs = COSTS if self.cost is None else (self.cost,)
        return [Candidate(cost, self.epsilon, width) for cost, width in itertools.product(costs, widths)]

    def _choose(self, rows: TrainingRows, candidates: list[Candidate], n_folds: int) -> tuple[Candidate, dict[str, float]]:
        def predict(train: TrainingRows, X: Floats) -> Floats:
            columns = scaling(train.X, train.weights)
            Z = columns.apply(X)
            return np.column_stack([support.predict(Z) for support in _fit_all(columns.apply(train.X), train, candidates)])

        errors = inner_errors(rows, predict, n_folds=n_folds, random_state=self.random_state)
        best = int(errors.argmin())
        return candidates[best], {"inner_rmse": float(np.sqrt(errors[best]))}

    def predict(self, X: ArrayLike) -> Floats:
        """Return one number a vector, (n,)."""
        vectors = new_vectors(self, X)
        support = Support(self.support_vectors_, self.dual_coef_, self.intercept_, self.gamma_)
        with single_thread():
            return support.predict(Scaling(self.mean_, self.scale_).apply(vectors))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that :meth:`predict` needs."""
        return {
            "mean": self.mean_,
            "scale": self.scale_,
            "support_vectors": self.support_vectors_,
            "dual_coef": self.dual_coef_,
            "intercept_gamma": np.array([self.intercept_, self.gamma_]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> SVRAge:
        """Return a fitted regressor from :meth:`to_arrays`."""
        made = cls(**settings)
        made.mean_, made.scale_ = arrays["mean"], arrays["scale"]
        made.support_vectors_, made.dual_coef_ = arrays["support_vectors"], arrays["dual_coef"]
        made.intercept_, made.gamma_ = (float(value) for value in arrays["intercept_gamma"])
        made.n_features_in_ = len(made.mean_)
        return made


def _fit_all(Z: Floats, rows: TrainingRows, candidates: list[Candidate]) -> list[Support]:
    """Fit every candidate to standardised vectors; kernels of one width are computed once."""
    share = rows.weights / rows.weights.sum()
    centre = float(share @ rows.y)
    spread = float(np.sqrt(share @ (rows.y - centre) ** 2)) or 1.0
    target, weights = (rows.y - centre) / spread, rows.weights
    n_columns = max(int((Z != 0).any(axis=0).sum()), 1)
    fitted: dict[Candidate, Support] = {}
    for width in sorted({candidate.width for candidate in candidates}):
        gamma, factor = width / n_columns, 1.0 if width else 1 / n_columns
        kernel = _kernel(Z, Z, gamma) * factor
        for candidate in (each for each in candidates if each.width == width):
            machine = SVR(kernel="precomputed", C=candidate.cost, epsilon=candidate.tube, cache_size=500)
            machine.fit(kernel, target, sample_weight=weights)
            dual, intercept = machine.dual_coef_[0] * (spread * factor), centre + spread * float(machine.intercept_[0])
            fitted[candidate] = Support(np.ascontiguousarray(Z[machine.support_]), dual, intercept, gamma)
    return [fitted[candidate] for candidate in candidates]


def _kernel(A: Floats, B: Floats, gamma: float) -> Floats:
    """Return the Gaussian kernel between rows, (n, m), or their products when gamma is 0."""
    products: Floats = A @ B.T
    if gamma == 0:
        return products
    squared = np.maximum((A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1) - 2 * products, 0.0)
    return np.asarray(np.exp(-gamma * squared), dtype=np.float64)
