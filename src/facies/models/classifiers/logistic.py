"""Logistic regression with a squared penalty, along a path of penalties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from facies.types import Floats

ITERATIONS = 40
"""Steps at most for one penalty."""

REFRESH = 5
"""Steps between two computations of the curvature."""

GAIN = 1e-6
"""A step that lowers the loss by a smaller share ends the search."""


@dataclass(frozen=True, eq=False)
class Logistic:
    """Coefficients of the axes, (k,), and an intercept; Newton's method, each penalty started from the next larger one's fit."""

    coef: Floats
    intercept: float

    candidates: ClassVar[tuple[float, ...]] = tuple(float(value) for value in np.logspace(-0.5, -5, 7))
    """Penalties relative to the total variance times the total weight, the largest first."""

    linear: ClassVar[bool] = True

    @classmethod
    def fit_path(cls, Z: Floats, y: Floats, weights: Floats) -> list[Logistic]:
        """Fit every candidate to coordinates (n, k), classes and weights (n,)."""
        total = float((weights[:, None] * Z**2).sum())
        design = np.column_stack([Z, np.ones(len(Z))])
        start, fits = np.zeros(design.shape[1]), []
        mean = float(weights @ y / weights.sum())
        start[-1] = np.log(mean / (1 - mean))
        for penalty in cls.candidates:
            start = _newton(design, y, weights, penalty * total, start)
            fits.append(cls(start[:-1].copy(), float(start[-1])))
        return fits

    def decision(self, Z: Floats) -> Floats:
        """Return the score of coordinates, (n,)."""
        return np.asarray(Z @ self.coef + self.intercept)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the parts as arrays."""
        return {"coef": self.coef, "intercept": np.array([self.intercept])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Logistic:
        """Return what :meth:`to_arrays` gave."""
        return cls(arrays["coef"], float(arrays["intercept"][0]))


def _newton(design: Floats, y: Floats, weights: Floats, penalty: float, start: Floats) -> Floats:
    """Minimise the penalised loss; the curvature is computed anew only now and then, for a step costs far less than it."""
    from scipy.linalg import cho_factor, cho_solve

    ridge = np.full(design.shape[1], penalty)
    ridge[-1] = 1e-9 * float(weights.sum())
    found, odds = start.copy(), design @ start
    loss = _loss(odds, y, weights, ridge, found)
    for number in range(ITERATIONS):
        fitted = 1 / (1 + np.exp(-np.clip(odds, -35, 35)))
        gradient = design.T @ (weights * (fitted - y)) + ridge * found
        if number % REFRESH == 0:
            curvature = (design * (weights * np.maximum(fitted * (1 - fitted), 1e-9))[:, None]).T @ design
            curvature[np.diag_indices_from(curvature)] += ridge
            factor = cho_factor(curvature, overwrite_a=True, check_finite=False)
        step = cho_solve(factor, gradient, check_finite=False)
        along, size = design @ step, 1.0
        while (new := _loss(odds - size * along, y, weights, ridge, found - size * step)) > loss + 1e-12 and size > 1e-4:
            size /= 2
        gained = loss - new
        found, odds, loss = found - size * step, odds - size * along, new
        if gained < GAIN * loss:
            break
    return found


def _loss(odds: Floats, y: Floats, weights: Floats, ridge: Floats, at: Floats) -> float:
    return float(weights @ (np.logaddexp(0, odds) - y * odds) + 0.5 * ridge @ at**2)
