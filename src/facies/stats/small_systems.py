"""Many small symmetric systems at once: one step of the elimination is done for all of them together.

Arrays are (m, m, b): the last axis counts the systems, so that every step works on long runs of memory. Only the lower triangles are read.
A system that cannot be solved is marked; it does not stop the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.types import Floats

SMALLEST_PIVOT = 1e-10
"""A column is determined by those before it when less than this share of its square is its own."""


def eliminate(systems: Floats, k: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return what is left of symmetric matrices, (m - k, m - k, b), when their first k rows and columns are eliminated.

    With sums of squares and products of columns, this is the sums for the last columns given the first k (the Schur complement). The
    second result, (b,), says which systems had k independent first columns; the others hold NaN.

    Examples
    --------
    >>> left, solvable = eliminate(np.array([[[4.0], [2.0]], [[2.0], [3.0]]]), 1)
    >>> left.ravel().tolist(), solvable.tolist()
    ([2.0], [True])
    """
    left, solvable = np.array(systems), np.ones(systems.shape[2], dtype=bool)
    for step in range(k):
        enough = left[step, step] > SMALLEST_PIVOT * systems[step, step]
        solvable &= enough
        column = left[step + 1 :, step]
        scaled = column / np.where(enough, left[step, step], 1.0)
        left[step + 1 :, step + 1 :] -= column[:, None] * scaled[None]
    left = left[k:, k:]
    left[:, :, ~solvable] = np.nan
    return left, solvable


def solve_definite(systems: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Solve positive definite systems, (m, m, b), for r right sides each, (m, r, b).

    Returns
    -------
    The solutions, (m, r, b), and the last pivots, (b,): one over the last diagonal entry of each inverse. Both are NaN where a system is
    not positive definite.

    Examples
    --------
    >>> solution, pivot = solve_definite(np.array([[[4.0], [2.0]], [[2.0], [3.0]]]), np.array([[[2.0]], [[3.0]]]))
    >>> solution.ravel().tolist(), pivot.tolist()
    ([0.0, 1.0], [2.0])
    """
    m = len(systems)
    left, solution, solvable = np.array(systems), np.array(right), np.ones(systems.shape[2], dtype=bool)
    for step in range(m):
        enough = left[step, step] > SMALLEST_PIVOT * systems[step, step]
        solvable &= enough
        scaled = left[step + 1 :, step] / np.where(enough, left[step, step], 1.0)
        left[step + 1 :, step + 1 :] -= left[step + 1 :, step][:, None] * scaled[None]
        solution[step + 1 :] -= scaled[:, None] * solution[step]
    pivots = np.einsum("iib->ib", left)
    solution /= np.where(pivots > 0, pivots, 1.0)[:, None]
    for step in range(m - 2, -1, -1):
        scaled = left[step + 1 :, step] / np.where(solvable, left[step, step], 1.0)
        solution[step] -= np.sum(scaled[:, None] * solution[step + 1 :], axis=0)
    solution[:, :, ~solvable] = np.nan
    return solution, np.where(solvable, pivots[m - 1], np.nan)


def packed_indices(k: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the upper triangle of a (k, k) matrix, in the order in which pairwise products are packed."""
    return np.triu_indices(k)


def pairwise_products(columns: Floats) -> Floats:
    """Return the products of every two columns of (n, k), (n, k (k + 1) / 2): sums of these are packed matrices of sums of products."""
    rows, others = packed_indices(columns.shape[1])
    return np.ascontiguousarray(columns[:, rows] * columns[:, others])


def unpack(packed: Floats, k: int, *, size: int | None = None) -> Floats:
    """Return packed upper triangles, (b, k (k + 1) / 2), as symmetric matrices (size, size, b), zero beyond the first k.

    Examples
    --------
    >>> unpack(np.array([[1.0, 2.0, 3.0]]), 2)[:, :, 0].tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    size = k if size is None else size
    matrices = np.zeros((size, size, len(packed)))
    rows, columns = packed_indices(k)
    matrices[rows, columns] = packed.T
    matrices[columns, rows] = packed.T
    return matrices
