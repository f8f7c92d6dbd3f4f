"""Support vectors with a Gaussian kernel, by scikit-learn; kept as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from facies.types import Floats

CACHE_MB = 200


@dataclass(frozen=True, eq=False)
class Svm:
    """Support vectors (s, k), their coefficients (s,), an intercept and the kernel's gamma."""

    vectors: Floats
    coef: Floats
    intercept: float
    gamma: float

    candidates: ClassVar[tuple[float, ...]] = (0.3, 1.0, 3.0, 10.0, 30.0)
    """Costs C; gamma is 1 over the sum of the variances of the coordinates."""

    linear: ClassVar[bool] = False

    @classmethod
    def fit_path(cls, Z: Floats, y: Floats, weights: Floats) -> list[Svm]:
        """Fit every candidate to coordinates (n, k), classes and weights (n,)."""
        from sklearn.svm import SVC

        gamma = 1 / max(float(Z.var(axis=0).sum()), 1e-12)
        likeness = _kernel(Z, Z, gamma)
        fits = []
        for cost in cls.candidates:
            made = SVC(C=cost, kernel="precomputed", cache_size=CACHE_MB).fit(likeness, y > 0, sample_weight=weights / weights.mean())
            fits.append(cls(Z[made.support_], made.dual_coef_[0], float(made.intercept_[0]), gamma))
        return fits

    def decision(self, Z: Floats) -> Floats:
        """Return the score of coordinates, (n,)."""
        return np.asarray(_kernel(Z, self.vectors, self.gamma) @ self.coef + self.intercept)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the parts as arrays."""
        return {"vectors": self.vectors, "coef": self.coef, "intercept": np.array([self.intercept]), "gamma": np.array([self.gamma])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Svm:
        """Return what :meth:`to_arrays` gave."""
        return cls(arrays["vectors"], arrays["coef"], float(arrays["intercept"][0]), float(arrays["gamma"][0]))


def _kernel(Z: Floats, others: Floats, gamma: float) -> Floats:
    squares = (Z**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None] - 2 * Z @ others.T
    return np.asarray(np.exp(-gamma * np.maximum(squares, 0)))
