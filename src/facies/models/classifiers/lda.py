"""Linear discriminant analysis with a covariance shrunken towards equal variances.

Friedman JH. J Am Stat Assoc 1989;84:165-175.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from facies.types import Floats


@dataclass(frozen=True, eq=False)
class Lda:
    """Coefficients of the axes, (k,), and an intercept."""

    coef: Floats
    intercept: float

    candidates: ClassVar[tuple[float, ...]] = (0.9, 0.6, 0.3, 0.1, 0.03)
    """Shares of the equal variance in the covariance, the largest first."""

    linear: ClassVar[bool] = True

    @classmethod
    def fit_path(cls, Z: Floats, y: Floats, weights: Floats) -> list[Lda]:
        """Fit every candidate to coordinates (n, k), classes and weights (n,)."""
        case, other = weights * y, weights * (1 - y)
        means = [(part @ Z) / part.sum() for part in (other, case)]
        residual = Z - np.where(y[:, None] > 0, means[1], means[0])
        within = (residual * weights[:, None]).T @ residual / weights.sum()
        values, vectors = np.linalg.eigh(within)
        equal = float(values.mean()) or 1.0
        difference = vectors.T @ (means[1] - means[0])
        middle = (means[0] + means[1]) / 2
        fits = []
        for share in cls.candidates:
            coef = vectors @ (difference / ((1 - share) * np.maximum(values, 0) + share * equal))
            fits.append(cls(coef, -float(middle @ coef)))
        return fits

    def decision(self, Z: Floats) -> Floats:
        """Return the score of coordinates, (n,)."""
        return np.asarray(Z @ self.coef + self.intercept)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the parts as arrays."""
        return {"coef": self.coef, "intercept": np.array([self.intercept])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Lda:
        """Return what :meth:`to_arrays` gave."""
        return cls(arrays["coef"], float(arrays["intercept"][0]))
