"""How far a face lies from those that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.models.axes import Scaling, principal_axes, scaling
from facies.stats.threads import single_thread
from facies.types import Floats

MAX_AXES = 64
"""Principal axes kept at most; there are never more than a fifth of the people."""


@dataclass(frozen=True, eq=False)
class Unlikeness:
    """A Gaussian around the training faces: principal axes, and one variance for all directions outside them.

    The distance is Mahalanobis' under probabilistic principal components (Tipping & Bishop 1999, J R Stat Soc B 61:611-622), divided by
    the number of columns that vary, so that an ordinary face has about 1. It grows with distance along the axes and away from them.

    Parameters
    ----------
    mean, scale
        Of each column, (p,).
    directions
        Principal axes of the standardised columns, (p, k).
    variances
        Along the axes, (k,).
    rest
        Variance in every other direction.
    """

    mean: Floats
    scale: Floats
    directions: Floats
    variances: Floats
    rest: float

    def distances(self, X: ArrayLike) -> Floats:
        """Return the distance of each vector, (n,)."""
        with single_thread():
            Z = (np.asarray(X, dtype=np.float64) - self.mean) / self.scale
            along = Z @ self.directions
            away = np.maximum((Z**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
            squared = (along**2 / self.variances).sum(axis=1) + away / self.rest
        return np.asarray(np.sqrt(squared / max(int(np.isfinite(self.scale).sum()), 1)), dtype=np.float64)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the parts as arrays."""
        return {
            "mean": self.mean,
            "scale": self.scale,
            "directions": self.directions,
            "variances": self.variances,
            "rest": np.array([self.rest]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Unlikeness:
        """Return the reference from :meth:`to_arrays`."""
        return cls(arrays["mean"], arrays["scale"], arrays["directions"], arrays["variances"], float(arrays["rest"][0]))


def fit_unlikeness(X: ArrayLike, shares: ArrayLike) -> Unlikeness:
    """Describe the training faces.

    Parameters
    ----------
    X
        Vectors, (n, p).
    shares
        What each counts, (n,): a person's photographs together 1.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(400, 6))
    >>> known = fit_unlikeness(X, np.ones(400))
    >>> bool(known.distances(X).mean() < 1.1), bool(known.distances(X + 40).min() > 30)
    (True, True)
    """
    vectors, weights = np.asarray(X, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    with single_thread():
        columns = scaling(vectors, weights)
        axes = principal_axes(columns.apply(vectors), weights)
    kept = min(MAX_AXES, max(int(weights.sum() // 5), 1), len(axes.variances))
    directions, variances = np.ascontiguousarray(axes.directions[:, :kept]), axes.variances[:kept]
    return Unlikeness(columns.mean, columns.scale, directions, variances, _rest(columns, variances))


def _rest(columns: Scaling, variances: Floats) -> float:
    """Share the variance that the kept axes leave among the other directions; never nothing."""
    n_columns = int(np.isfinite(columns.scale).sum())
    left_over = (n_columns - variances.sum()) / max(n_columns - len(variances), 1)
    return float(max(left_over, 1e-6 * variances.max(initial=1e-6)))
