"""Standardised columns on their principal axes: what classifiers see of vectors with more columns than there are people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.models.axes import scaling
from facies.types import Floats

MAX_AXES = 256
"""Axes kept at most; with fewer people there are fewer."""


@dataclass(frozen=True, eq=False)
class Projection:
    """Mean and scale of each column, (p,), and the axes, (p, k)."""

    mean: Floats
    scale: Floats
    axes: Floats

    def apply(self, X: ArrayLike) -> Floats:
        """Return the coordinates of vectors, (n, k)."""
        return np.asarray(((np.asarray(X, dtype=np.float64) - self.mean) / self.scale) @ self.axes)

    def back(self, coefficients: Floats) -> tuple[Floats, float]:
        """Return coefficients of the columns (p,), and what to add, for coefficients of the axes (k,)."""
        of_columns = (self.axes @ coefficients) / self.scale
        return of_columns, -float(self.mean @ of_columns)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the parts as arrays."""
        return {"mean": self.mean, "scale": self.scale, "axes": self.axes}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Projection:
        """Return what :meth:`to_arrays` gave."""
        return cls(arrays["mean"], arrays["scale"], arrays["axes"])


def fit_projection(X: Floats, weights: Floats) -> Projection:
    """Find the principal axes of weighted rows, (n, p); no label is seen. Columns that do not vary count nothing.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(20, 50))
    >>> projection = fit_projection(X, np.ones(20))
    >>> projection.apply(X).shape
    (20, 19)
    """
    from scipy.linalg import eigh

    columns = scaling(X, weights)
    A = columns.apply(X) * np.sqrt(weights / weights.sum())[:, None]
    wide = A.shape[1] > A.shape[0]
    values, vectors = eigh(A @ A.T if wide else A.T @ A)
    kept = values > 1e-10 * max(float(values[-1]), 1e-300)
    values, vectors = values[kept][::-1][:MAX_AXES], vectors[:, kept][:, ::-1][:, :MAX_AXES]
    axes = A.T @ vectors / np.sqrt(values) if wide else vectors
    return Projection(columns.mean, columns.scale, np.asarray(axes))
