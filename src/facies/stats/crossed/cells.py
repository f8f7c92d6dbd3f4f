"""Readings of photographs by readers, gathered by cell: one cell a photograph and reader.

A reader's repeats of one photograph share their cell, so that all that the model needs of them is the cell's mean, its number of readings
and the scatter about the mean. This holds for any variance ratios, and makes the size of the problem the number of cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.types import Floats

Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Cells:
    """What a crossed model needs of its readings.

    Parameters
    ----------
    photographs, readers
        Names in sorted order, (n_photographs,) and (n_readers,).
    photograph, reader
        Number of each cell's photograph and reader, (n_cells,), cells in the order of photographs, then readers.
    size
        Readings in each cell, (n_cells,).
    means
        Mean of the columns of the design and, last, of the readings, (n_cells, k + 1); standardised.
    scatter
        Sums of squares and products about the cell means, (k + 1, k + 1); standardised.
    centre, scale
        What the columns of the design and the readings were centred on and divided by, (k + 1,). The constant column stays as it is,
        readings are only centred.
    n
        Readings.
    cell
        Number of each reading's cell, (n,).
    values
        The columns of the design and, last, of each reading, (n, k + 1); standardised.
    """

    photographs: NDArray[Any]
    readers: NDArray[Any]
    photograph: Codes
    reader: Codes
    size: Floats
    means: Floats
    scatter: Floats
    centre: Floats
    scale: Floats
    n: int
    cell: Codes
    values: Floats

    @property
    def has_repeats(self) -> bool:
        """Whether a reader read a photograph twice."""
        return bool((self.size > 1).any())


def gather(y: Floats, X: Floats, photographs: ArrayLike, readers: ArrayLike, *, constant: bool) -> Cells:
    """Gather readings by photograph and reader.

    Parameters
    ----------
    y
        Readings, (n,).
    X
        Covariates of each reading, without a constant, (n, k); no column is constant.
    photographs, readers
        Whose face and whose reading each is, (n,).
    constant
        Whether a column of ones leads the design.

    Raises
    ------
    InputError
        When a value is missing, the lengths differ, or a covariate does not vary.

    Examples
    --------
    >>> cells = gather(np.array([50.0, 54.0, 40.0]), np.empty((3, 0)), ["a", "a", "b"], ["r", "r", "s"], constant=True)
    >>> cells.size, cells.means[:, -1] + cells.centre[-1], cells.scatter[-1, -1]
    (array([2., 1.]), array([52., 40.]), np.float64(8.0))
    """
    names_p, photograph = np.unique(np.asarray(photographs), return_inverse=True)
    names_r, reader = np.unique(np.asarray(readers), return_inverse=True)
    _require(y, X, photograph, reader)
    values, centre, scale = _standardised(y, X, constant)
    pairs, cell = np.unique(photograph.astype(np.intp) * len(names_r) + reader, return_inverse=True)
    cell = cell.reshape(-1)
    size = np.bincount(cell).astype(np.float64)
    means = _sums(values, cell, len(pairs)) / size[:, None]
    within = values - means[cell]
    return Cells(
        names_p, names_r, pairs // len(names_r), pairs % len(names_r), size, means, within.T @ within, centre, scale, len(y), cell,
        values,
    )  # fmt: skip


def _standardised(y: Floats, X: Floats, constant: bool) -> tuple[Floats, Floats, Floats]:
    spread = X.std(axis=0)
    if (spread <= 1e-12 * np.abs(X).max(axis=0, initial=0)).any():
        raise InputError(f"covariate {int(np.argmin(spread)) + 1} is the same in all readings: leave it out")
    ones = np.ones((len(y), int(constant)))
    centre = np.r_[np.zeros(int(constant)), X.mean(axis=0), y.mean()]
    scale = np.r_[np.ones(int(constant)), spread, 1.0]
    return (np.column_stack([ones, X, y]) - centre) / scale, centre, scale


def _require(y: Floats, X: Floats, photograph: Codes, reader: Codes) -> None:
    if not (len(y) == len(X) == len(photograph) == len(reader)):
        raise InputError(
            f"{len(y)} readings, {len(X)} rows of covariates, {len(photograph)} photographs and {len(reader)} readers: "
            "give one of each for every reading"
        )
    if len(y) == 0:
        raise InputError("there are no readings: give at least one row")
    if not (np.isfinite(y).all() and np.isfinite(X).all()):
        raise InputError("a reading or a covariate is missing: leave these readings out first")


def _sums(values: Floats, codes: Codes, n: int) -> Floats:
    return np.column_stack([np.bincount(codes, column, minlength=n) for column in values.T])
