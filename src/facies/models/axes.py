"""Standardised columns and principal axes, with weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from facies.types import Floats


class Scaling(NamedTuple):
    """Weighted mean and standard deviation of each column, (p,); a constant column has an infinite one and so becomes zero."""

    mean: Floats
    scale: Floats

    def apply(self, X: Floats) -> Floats:
        """Return the standardised columns, (n, p)."""
        return (X - self.mean) / self.scale


def scaling(X: Floats, weights: Floats) -> Scaling:
    """Measure the weighted mean and standard deviation of each column.

    Examples
    --------
    >>> scaling(np.array([[1.0, 5.0], [3.0, 5.0]]), np.ones(2))
    Scaling(mean=array([2., 5.]), scale=array([ 1., inf]))
    """
    share = weights / weights.sum()
    mean = share @ X
    deviation = np.sqrt(share @ (X - mean) ** 2)
    return Scaling(mean, np.where(deviation > 1e-10 * np.abs(X).max(axis=0, initial=0.0), deviation, np.inf))


class PrincipalAxes(NamedTuple):
    """Directions (p, k), orthonormal, and the variance along each, (k,), the largest first."""

    directions: Floats
    variances: Floats


def principal_axes(Z: Floats, weights: Floats) -> PrincipalAxes:
    """Find the principal axes of centred columns that carry variance.

    The smaller of the two product matrices is decomposed, so that 1,000 rows of 25,000 columns are as quick as the reverse. The sign of
    an axis is such that its largest component is positive.
    """
    A = Z * np.sqrt(weights / weights.sum())[:, None]
    wide = A.shape[1] > A.shape[0]
    values, vectors = eigh(A @ A.T if wide else A.T @ A)
    keep = values > max(values[-1], 0.0) * 1e-12
    values, vectors = values[keep][::-1], vectors[:, keep][:, ::-1]
    directions = A.T @ (vectors / np.sqrt(values)) if wide else vectors
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    return PrincipalAxes(np.ascontiguousarray(directions * np.where(largest < 0, -1.0, 1.0)), values)
