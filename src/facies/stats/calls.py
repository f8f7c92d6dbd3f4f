"""Allele counts of a block of variants, with the places of the missing calls kept apart, so that sums over people are quick."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.types import Floats


@dataclass(frozen=True, eq=False)
class Calls:
    """Allele counts of b variants in n people.

    ``counts``, (b, n), holds 0 where a call is missing. ``variant`` and ``person`` are the places of the missing calls, by variant.
    """

    counts: Floats
    variant: NDArray[np.intp]
    person: NDArray[np.intp]

    def n_called(self) -> NDArray[np.intp]:
        """Return the people with a call, (b,)."""
        b, n = self.counts.shape
        return np.asarray(n - np.bincount(self.variant, minlength=b), dtype=np.intp)

    def frequency(self) -> Floats:
        """Return the share of the counted allele among those called, (b,)."""
        n = self.counts.shape[1]
        return np.asarray(self.counts @ np.ones(n) / np.maximum(2 * self.n_called(), 1))

    def take(self, variants: NDArray[np.intp]) -> Calls:
        """Return some of the variants, given in increasing order."""
        if len(variants) == len(self.counts):
            return self
        place = np.full(len(self.counts), -1, dtype=np.intp)
        place[variants] = np.arange(len(variants))
        kept = place[self.variant] >= 0
        return Calls(self.counts[variants], place[self.variant[kept]], self.person[kept])

    def chunks(self, size: int) -> Iterator[tuple[slice, Calls]]:
        """Yield at most ``size`` variants at a time, with their places; nothing is copied."""
        for start in range(0, len(self.counts), size):
            rows = slice(start, min(start + size, len(self.counts)))
            first, last = np.searchsorted(self.variant, (rows.start, rows.stop))
            yield rows, Calls(self.counts[rows], self.variant[first:last] - start, self.person[first:last])

    def sum_missing(self, columns: Floats) -> Floats:
        """Return, for each variant, the sums of (n, q) ``columns`` over the people without a call, (b, q)."""
        from scipy.sparse import csr_array

        b, n = self.counts.shape
        starts = np.searchsorted(self.variant, np.arange(b + 1))
        return np.asarray(csr_array((np.ones(len(self.person)), self.person, starts), shape=(b, n)) @ columns)


def read_counts(values: NDArray[Any], out: Floats | None = None) -> Calls:
    """Take allele counts, (b, n), with NaN or a negative number where a call is missing.

    ``out`` is memory for at least b variants to write the counts to.

    Examples
    --------
    >>> calls = read_counts(np.array([[0.0, 2.0, np.nan], [1.0, 1.0, 0.0]]))
    >>> calls.counts.tolist(), calls.n_called().tolist()
    ([[0.0, 2.0, 0.0], [1.0, 1.0, 0.0]], [2, 3])
    """
    variant, person = np.divmod(_missing_places(values), max(values.shape[1], 1))
    counts = np.empty(values.shape) if out is None else out[: len(values)]
    np.copyto(counts, values)
    counts[variant, person] = 0.0
    return Calls(counts, variant, person)


def _missing_places(values: NDArray[Any]) -> NDArray[np.intp]:
    if values.size == 0 or values.min() >= 0:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(~(values >= 0))


def row_products(first: Floats, second: Floats) -> Floats:
    """Return the sums of products of matching rows of two (b, n) arrays, (b,)."""
    return np.asarray(np.matmul(first[:, None, :], second[:, :, None])[:, 0, 0])
