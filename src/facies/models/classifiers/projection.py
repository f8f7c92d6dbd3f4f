"""Standardised columns on their principal axes: what classifiers see of vectors with more columns than there are people.

Where there are more columns than rows, the coordinates of rows that took no part in finding axes are drawn in towards the middle against
those of rows that did (Hellton KH, Thoresen M. Scand J Stat 2017;44:591-611). So the rows that calibrate a score get axes that were
found without them, as those who are predicted do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.models.axes import Scaling, scaling
from facies.types import Floats

MAX_AXES = 256
"""Axes kept at most; with fewer people there are fewer."""

DENSE = 1500
"""Up to this many rows (or columns) a matrix is decomposed exactly, beyond by random projections (Halko N et al. SIAM Rev "
"2011;53:217-288)."""

SMALL = 512
"""Up to this many it is decomposed exactly even where similar axes are known to start from."""

TURNS = 2
"""Multiplications by the matrix that turn known axes into those without some rows."""

SMALLEST = 1e-10
"""Axes with less than this share of the first axis's variance are left out."""


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


@dataclass(frozen=True, eq=False)
class Basis:
    """Training rows with standardised columns, from which axes are found: of all rows, or without some.

    Parameters
    ----------
    columns
        How columns were standardised.
    A
        The rows, (n, p).
    weights
        What each row counts, (n,).
    products
        ``A @ A.T`` where there are more columns than rows, shared by all axes that are found; otherwise None.
    vectors
        Eigenvectors for all rows: of the weighted products where there are any, otherwise of the columns' covariance.
    values
        The eigenvalues.
    """

    columns: Scaling
    A: Floats
    weights: Floats
    products: Floats | None
    values: Floats
    vectors: Floats

    @classmethod
    def of(cls, X: ArrayLike, weights: Floats) -> Basis:
        """Standardise the columns of vectors, (n, p). Columns that do not vary count nothing."""
        vectors = np.asarray(X, dtype=np.float64)
        columns = scaling(vectors, weights)
        A = columns.apply(vectors)
        share = np.sqrt(weights / weights.sum())
        if A.shape[1] > A.shape[0]:
            products = A @ A.T
            return cls(columns, A, weights, products, *_largest(products * np.outer(share, share)))
        weighted = A * share[:, None]
        return cls(columns, A, weights, None, *_largest(weighted.T @ weighted))

    def projection(self) -> Projection:
        """Return the axes of all rows."""
        axes = self.vectors
        if self.products is not None:
            share = np.sqrt(self.weights / self.weights.sum())
            axes = self.A.T @ (share[:, None] * axes / np.sqrt(self.values))
        return Projection(self.columns.mean, self.columns.scale, np.ascontiguousarray(axes))

    def without(self, left_out: NDArray[np.bool_]) -> Floats:
        """Return the coordinates of all rows, (n, k), on axes and about the mean of the rows that are not left out."""
        share = self.weights[~left_out] / self.weights[~left_out].sum()
        if self.products is None:
            centred = self.A - share @ self.A[~left_out]
            weighted = centred[~left_out] * np.sqrt(share)[:, None]
            return np.asarray(centred @ _largest(weighted.T @ weighted, self.vectors)[1])
        K = self.products[:, ~left_out]
        with_mean = K @ share
        centred = K - with_mean[:, None] - with_mean[~left_out] + share @ with_mean[~left_out]
        centred *= np.sqrt(share)
        values, vectors = _largest(centred[~left_out] * np.sqrt(share)[:, None], self.vectors[~left_out])
        return np.asarray(centred @ (vectors / np.sqrt(values)))


def _largest(square: Floats, known: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the largest eigenvalues and vectors of a symmetric matrix without negative ones, the largest first.

    ``known`` are vectors of a similar matrix, (n, k), to start from.
    """
    n = len(square)
    if known is not None and n > SMALL:
        values, vectors = _turned(square, known)
    elif n <= DENSE:
        values, vectors = _exact(square)
    else:
        from sklearn.utils.extmath import randomized_svd

        vectors, values, _ = randomized_svd(square, MAX_AXES, n_oversamples=32, n_iter=4, power_iteration_normalizer="QR", random_state=0)
    kept = values > SMALLEST * max(float(values[0]), 1e-300)
    return values[kept], vectors[:, kept]


def _exact(square: Floats) -> tuple[Floats, Floats]:
    from scipy.linalg import eigh

    values, vectors = eigh(square, subset_by_index=[max(0, len(square) - MAX_AXES), len(square) - 1], check_finite=False)
    return values[::-1], vectors[:, ::-1]


def _turned(square: Floats, known: Floats) -> tuple[Floats, Floats]:
    """Find vectors by subspace iteration."""
    for _ in range(TURNS):
        known = np.linalg.qr(square @ known)[0]
    values, inner = _exact(known.T @ (square @ known))
    return values, known @ inner


def fit_projection(X: ArrayLike, weights: Floats) -> Projection:
    """Find the principal axes of weighted rows, (n, p); no label is seen.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(20, 50))
    >>> projection = fit_projection(X, np.ones(20))
    >>> projection.apply(X).shape
    (20, 19)
    """
    return Basis.of(X, weights).projection()
