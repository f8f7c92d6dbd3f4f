"""A fitted classifier of one condition: from vectors to log-odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.models.classifiers.platt import Platt
from facies.models.classifiers.projection import Projection
from facies.models.classifiers.table import classifier_class
from facies.stats.threads import single_thread
from facies.types import Floats


@dataclass(frozen=True, eq=False)
class ConditionModel:
    """Axes, a classifier on them, and the curve that makes log-odds of its score.

    Parameters
    ----------
    classifier
        Name in :data:`facies.models.classifiers.CLASSIFIERS`.
    part
        The fitted classifier.
    """

    classifier: str
    projection: Projection
    part: Any
    platt: Platt

    @property
    def n_features_in_(self) -> int:
        """Columns of the vectors."""
        return len(self.projection.mean)

    def decision(self, X: ArrayLike) -> Floats:
        """Return the log-odds of the condition for vectors (n, p), at the mix of people that the model was fitted on.

        Raises
        ------
        InputError
            When the vectors have another number of columns or hold a value that is no finite number.
        """
        vectors = np.asarray(X, dtype=np.float64)
        if vectors.ndim != 2 or vectors.shape[1] != self.n_features_in_:
            raise InputError(f"the vectors have shape {vectors.shape}: the model expects (n, {self.n_features_in_})")
        if not np.isfinite(vectors).all():
            raise InputError("a vector holds a value that is not a finite number: embed the faces again")
        with single_thread():
            return self.platt.apply(self.part.decision(self.projection.apply(vectors)))

    def coefficients(self) -> tuple[Floats, float] | None:
        """Return coefficients of the columns (p,) and an intercept where the log-odds are linear in the vectors, otherwise None."""
        if not self.part.linear:
            return None
        of_columns, offset = self.projection.back(self.part.coef)
        return self.platt.slope * of_columns, self.platt.slope * (self.part.intercept + offset) + self.platt.intercept

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the parts as arrays."""
        parts = {f"projection.{name}": array for name, array in self.projection.to_arrays().items()}
        parts |= {f"part.{name}": np.asarray(array) for name, array in self.part.to_arrays().items()}
        return parts | {"platt": np.array(self.platt)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], classifier: str) -> ConditionModel:
        """Return what :meth:`to_arrays` gave."""

        def below(prefix: str) -> dict[str, NDArray[Any]]:
            return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

        part = classifier_class(classifier).from_arrays(below("part."))
        slope, intercept = arrays["platt"]
        return cls(classifier, Projection.from_arrays(below("projection.")), part, Platt(float(slope), float(intercept)))
