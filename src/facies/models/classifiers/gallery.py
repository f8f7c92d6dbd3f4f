"""Cosine similarity to known cases, for conditions with too few cases to train on.

The idea is GestaltMatcher's (Hsieh TC et al. Nat Genet 2022;54:349-357): a face is as suspicious as its nearest neighbours among the
cases, here set against its nearest neighbours among the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from facies.types import Floats


@dataclass(frozen=True, eq=False)
class Gallery:
    """Unit vectors of cases and others, (n, k) each, and how many neighbours are averaged."""

    cases: Floats
    others: Floats
    neighbours: int

    candidates: ClassVar[tuple[float, ...]] = (1.0, 3.0, 10.0, 30.0)
    """Neighbours; a face that is itself in the gallery is never asked about."""

    linear: ClassVar[bool] = False

    @classmethod
    def fit_path(cls, Z: Floats, y: Floats, weights: Floats) -> list[Gallery]:  # noqa: ARG003
        """Keep coordinates (n, k) of both classes."""
        unit = _unit(Z)
        return [cls(unit[y > 0], unit[y <= 0], int(number)) for number in cls.candidates]

    def decision(self, Z: Floats) -> Floats:
        """Return mean similarity to the nearest cases less that to the nearest others, (n,)."""
        unit = _unit(Z)
        return np.asarray(_nearest(unit @ self.cases.T, self.neighbours) - _nearest(unit @ self.others.T, self.neighbours))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the parts as arrays."""
        return {"cases": self.cases, "others": self.others, "neighbours": np.array([self.neighbours])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Gallery:
        """Return what :meth:`to_arrays` gave."""
        return cls(arrays["cases"], arrays["others"], int(arrays["neighbours"][0]))


def _unit(Z: Floats) -> Floats:
    return np.asarray(Z / np.maximum(np.linalg.norm(Z, axis=1, keepdims=True), 1e-12))


def _nearest(similarity: Floats, number: int) -> Floats:
    kept = min(number, similarity.shape[1])
    return np.asarray(np.partition(similarity, -kept, axis=1)[:, -kept:].mean(axis=1))
