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

    candidates: ClassVar[tuple[float, ...]] = (0.3, 1.0, 3.0, 10.0)
    """Costs C; gamma is 1 over the sum of the variances of the coordinates."""

    linear: ClassVar[bool] = False

    @classmethod
    def fit_path(cls, Z: Floats, y: Floats, weights: Floats) -> list[Svm]:
        """Fit every candidate to coordinates (n, k), classes and weights (n,)."""
        from sklearn.svm import SVC

        gamma = 1 / max(float(Z.var(axis=0).sum()), 1e-12)
        fits = []
        for cost in cls.candidates:
            made = SVC(C=cost, gamma=gamma, cache_size=CACHE_MB).fit(Z, y > 0, sample_weight=weights / weights.mean())
            fits.append(cls(made.support_vectors_, made.dual_coef_[0], float(made.intercept_[0]), gamma))
        return fits

    def decision(self, Z: Floats) -> Floats:
        """Return the score of coordinates, (n,)."""
        squares = (Z**2).sum(axis=1)[:, None] + (self.vectors**2).sum(axis=1)[None] - 2 * Z @ self.vectors.T
        return np.asarray(np.exp(-self.gamma * np.maximum(squares, 0)) @ self.coef + self.intercept)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the parts as arrays."""
        return {"vectors": self.vectors, "coef": self.coef, "intercept": np.array([self.intercept]), "gamma": np.array([self.gamma])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Svm:
        """Return what :meth:`to_arrays` gave."""
        return cls(arrays["vectors"], arrays["coef"], float(arrays["intercept"][0]), float(arrays["gamma"][0]))
