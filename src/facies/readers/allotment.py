"""Which readers see which photographs, when nobody sees all of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError

Incidence = NDArray[np.bool_]
"""Whether a reader reads a photograph, (n_photographs, n_readers)."""

RESTARTS = 12
SMALL = 100
"""Photographs up to which a plan is begun anew when pairs of readers meet unevenly."""


def allot_readers(n_photographs: int, n_readers: int, per_photograph: int, rng: np.random.Generator) -> Incidence:
    """Give each photograph ``per_photograph`` readers, with equal loads and pairs of readers that meet about equally often.

    A balanced incomplete block design as far as the numbers allow it (Cochran & Cox, Experimental Designs, 2nd ed. 1957, chapter 11):
    loads differ by at most 1 always. Pairs are levelled by a greedy choice and then by exchanges that lower the sum of squared
    meetings (as in Nguyen, Technometrics 1994;36:300-307), until meetings differ by at most 1 or no exchange is left to try.

    Raises
    ------
    InputError
        When ``per_photograph`` is not between 1 and ``n_readers``.

    Examples
    --------
    >>> plan = allot_readers(7, 7, 3, np.random.default_rng(0))
    >>> sorted(set(plan.sum(axis=0).tolist())), sorted(set(meetings(plan)[np.triu_indices(7, 1)].tolist()))
    ([3], [1])
    """
    if not 1 <= per_photograph <= n_readers:
        raise InputError(f"readers_per_photograph is {per_photograph}: choose 1 to {n_readers}, the number of readers")
    best = _levelled(n_photographs, n_readers, per_photograph, rng)
    for _ in range(RESTARTS if n_photographs <= SMALL else 0):
        if _spread(meetings(best)) <= 1:
            break
        best = min(best, _levelled(n_photographs, n_readers, per_photograph, rng), key=_unevenness)
    return best


def meetings(plan: Incidence) -> NDArray[np.int64]:
    """Return how many photographs each two readers both read, (n_readers, n_readers); a reader's load on the diagonal.

    Examples
    --------
    >>> meetings(np.array([[True, True, False], [True, True, True]])).tolist()
    [[2, 2, 1], [2, 2, 1], [1, 1, 1]]
    """
    counts = plan.astype(np.float64)
    return np.rint(counts.T @ counts).astype(np.int64)


def halve(photographs: NDArray[np.intp], readers: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Split readings into two halves that differ by at most 1 within every photograph and within every reader.

    Readings are paired twice, within readers and within photographs; along the chains that pairs form, halves alternate. A chain that
    closes has an even length, since the two kinds of pairs take turns.

    Parameters
    ----------
    photographs, readers
        Of each reading, as numbers from 0, (n,).

    Examples
    --------
    >>> first = halve(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.random.default_rng(0))
    >>> bool(first[0] != first[1]), bool(first[0] != first[2]), int(first.sum())
    (True, True, 2)
    """
    partners = (_partners(readers, rng), _partners(photographs, rng))
    half = np.full(len(readers), -1, dtype=np.int8)
    for start in rng.permutation(len(readers)):
        if half[start] < 0:
            half[start] = rng.integers(2)
            for kind in (0, 1):
                _follow(int(start), kind, partners, half)
    return np.asarray(half == 1)


def _partners(groups: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return each row's partner within its group, -1 for the odd one out."""
    partner = np.full(len(groups), -1, dtype=np.intp)
    order = np.lexsort((rng.random(len(groups)), groups))
    bounds = np.flatnonzero(np.diff(groups[order], prepend=-1, append=-1))
    for begin, end in pairwise(bounds):
        even = order[begin : begin + (end - begin) // 2 * 2]
        partner[even[::2]], partner[even[1::2]] = even[1::2], even[::2]
    return partner


def _follow(start: int, kind: int, partners: tuple[NDArray[np.intp], NDArray[np.intp]], half: NDArray[np.int8]) -> None:
    here = start
    while (after := int(partners[kind][here])) >= 0 and half[after] < 0:
        half[after] = 1 - half[here]
        here, kind = after, 1 - kind


def _levelled(n_photographs: int, n_readers: int, k: int, rng: np.random.Generator) -> Incidence:
    plan = _greedy(n_photographs, n_readers, k, rng)
    if 1 < k < n_readers and n_photographs > 1:
        _exchange(plan, min(40_000, 100 * n_photographs), rng)
    return plan


def _greedy(n_photographs: int, n_readers: int, k: int, rng: np.random.Generator) -> Incidence:
    plan = np.zeros((n_photographs, n_readers), dtype=bool)
    loads, met = np.zeros(n_readers), np.zeros((n_readers, n_readers))
    for photograph in range(n_photographs):
        chosen = _choose(loads, met, k, rng)
        plan[photograph, chosen] = True
        loads[chosen] += 1
        met[np.ix_(chosen, chosen)] += 1
    return plan


def _choose(loads: NDArray[np.float64], met: NDArray[np.float64], k: int, rng: np.random.Generator) -> list[int]:
    """Return the k least loaded readers; among equals those who have met the chosen ones least."""
    n = len(loads)
    urgency = loads * (met.sum() + 1.0) + rng.random(n) * 0.5
    chosen: list[int] = []
    for _ in range(k):
        reader = int(np.argmin(urgency))
        chosen.append(reader)
        urgency += met[reader]
        urgency[reader] = np.inf
    return chosen


def _exchange(plan: Incidence, n_tries: int, rng: np.random.Generator) -> None:
    """Exchange readers between photographs in place where that makes meetings more even; loads stay."""
    met = meetings(plan)
    np.fill_diagonal(met, 0)
    for turn in range(n_tries):
        if turn % 100 == 0 and _spread(met) <= 1:
            return
        first, second = (plan[i] for i in rng.choice(len(plan), 2, replace=False))
        only_first, only_second = np.flatnonzero(first & ~second), np.flatnonzero(second & ~first)
        if len(only_first) == 0:
            continue
        out, into = int(rng.choice(only_first)), int(rng.choice(only_second))
        left, right = only_first[only_first != out], only_second[only_second != into]
        change = (met[into, left] - met[out, left]).sum() + (met[out, right] - met[into, right]).sum() + len(left) + len(right)
        if change <= 0:
            first[[out, into]], second[[out, into]] = (False, True), (True, False)
            _move(met, out, into, left, -1)
            _move(met, out, into, right, 1)


def _move(met: NDArray[np.int64], out: int, into: int, others: NDArray[np.intp], step: int) -> None:
    met[out, others] += step
    met[others, out] += step
    met[into, others] -= step
    met[others, into] -= step


def _spread(met: NDArray[np.int64]) -> int:
    pairs = met[np.triu_indices(len(met), 1)]
    return int(np.ptp(pairs)) if len(pairs) else 0


def _unevenness(plan: Incidence) -> tuple[int, int]:
    met = meetings(plan)
    return _spread(met), int((met[np.triu_indices(len(met), 1)] ** 2).sum())
