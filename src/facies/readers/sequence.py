"""The order in which one reader sees the photographs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError

Order = NDArray[np.intp]
"""Photographs by number, in the order of reading."""

RESTARTS = 60
TRIES = 400
"""Exchanges for each restart, besides three for each reading."""

LEVELLING = 60
"""Exchanges that are tried for each reading to level which face comes before which."""


def reading_order(participants: NDArray[np.intp], rng: np.random.Generator, *, n_repeats: int = 0, gap: int = 1) -> Order:
    """Return a random order of the photographs, ``n_repeats`` of which come back.

    A repeat comes at least ``gap`` places after the first reading, and no participant twice in a row. Orders are random otherwise, so
    that every face is equally often the one before another (Clifford et al. 2018: the previous face pulls a reading).

    Parameters
    ----------
    participants
        Whose each photograph is, as numbers, (n,).

    Returns
    -------
    (n + n_repeats,)

    Raises
    ------
    InputError
        When there are more repeats than photographs, the gap is longer than the photographs allow, or no such order was found.

    Examples
    --------
    >>> order = reading_order(np.arange(6), np.random.default_rng(1), n_repeats=2, gap=4)
    >>> len(order), sorted(set(order.tolist())) == list(range(6))
    (8, True)
    """
    n = len(participants)
    _require_repeats(n, n_repeats, gap)
    for _ in range(RESTARTS):
        order = _repaired(_with_repeats(rng.permutation(n), n_repeats, gap, rng), participants, gap, 0, rng)
        if order is not None:
            return order
    raise InputError(_no_order(participants, n_repeats, gap))


def second_order(first: Order, participants: NDArray[np.intp], rng: np.random.Generator, *, gap: int = 1) -> Order:
    """Return a new random order of the same photographs, each at least ``gap`` places after its place in the first.

    Raises
    ------
    InputError
        As :func:`reading_order`.

    Examples
    --------
    >>> second_order(np.array([0, 1, 2]), np.arange(3), np.random.default_rng(0), gap=3).tolist()
    [0, 1, 2]
    """
    _require_repeats(len(first), len(first), gap)
    for restart in range(RESTARTS):
        start = first if restart % 2 else rng.permutation(first)
        order = _repaired(np.concatenate([first, start]), participants, gap, len(first), rng)
        if order is not None:
            return order[len(first) :]
    raise InputError(_no_order(participants, len(first), gap))


def level_previous(
    order: Order, before: NDArray[np.int64], participants: NDArray[np.intp], rng: np.random.Generator, *, gap: int = 1, n_fixed: int = 0
) -> Order:  # fmt: skip
    """Return an order, by the same rules, in which faces follow faces that they followed rarely in the orders of other readers.

    Places are exchanged as long as that lowers the sum of ``before`` over neighbours. With as many readers as photographs the best that
    can be had is a Williams design, in which each face follows each other once (Williams, Aust J Sci Res A 1949;2:149-168).

    Parameters
    ----------
    order
        From :func:`reading_order` or :func:`second_order`.
    before
        How often photograph i came just before photograph j, (n, n).
    n_fixed
        Places at the beginning that stay as they are.

    Examples
    --------
    >>> before = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    >>> order = level_previous(np.array([0, 1, 2]), before, np.arange(3), np.random.default_rng(0))
    >>> int(before[order[:-1], order[1:]].sum())
    0
    """
    order = order.copy()
    cost = int(before[order[:-1], order[1:]].sum())
    for _ in range(LEVELLING * len(order)):
        if cost == 0:
            break
        here, there = rng.integers(n_fixed, len(order), 2)
        order[[here, there]] = order[[there, here]]
        changed = int(before[order[:-1], order[1:]].sum())
        if changed <= cost and not _faults(order, participants, gap).any():
            cost = changed
        else:
            order[[here, there]] = order[[there, here]]
    return order


def _require_repeats(n: int, n_repeats: int, gap: int) -> None:
    if n < 1:
        raise InputError("there is no photograph to read: give at least one")
    if n_repeats > n:
        raise InputError(f"{n_repeats} repeats are asked for, but a reader has {n} photographs: repeat fewer")
    if gap < 1:
        raise InputError(f"gap is {gap}: choose 1 or more places")
    if n_repeats and gap > n:
        raise InputError(f"gap is {gap}, but a reader has {n} photographs: a repeat can come at most {n} places later")


def _no_order(participants: NDArray[np.intp], n_repeats: int, gap: int) -> str:
    most = int(np.bincount(participants).max())
    return (
        f"no order was found of {len(participants)} photographs and {n_repeats} repeats at least {gap} places later in which no "
        f"participant comes twice in a row (one participant has {most} photographs): lower the gap or the repeats, or add participants"
    )


def _with_repeats(firsts: Order, n_repeats: int, gap: int, rng: np.random.Generator) -> Order:
    """Draw places for repeats, and for each place one of the photographs that were read long enough before."""
    n, total = len(firsts), len(firsts) + n_repeats
    if n_repeats == 0:
        return firsts
    for _ in range(20):
        slots = np.sort(rng.choice(np.arange(gap, total), n_repeats, replace=False))
        if _enough_before(slots, gap):
            break
    else:
        slots = np.arange(n, total)
    order = np.full(total, -1, dtype=np.intp)
    is_first = np.ones(total, dtype=bool)
    is_first[slots] = False
    order[is_first] = firsts
    waiting: list[int] = []
    reached = 0
    for slot in slots:
        fresh = slice(reached, slot - gap + 1)
        waiting += order[fresh][is_first[fresh]].tolist()
        reached = slot - gap + 1
        order[slot] = waiting.pop(int(rng.integers(len(waiting))))
    return order


def _enough_before(slots: NDArray[np.intp], gap: int) -> bool:
    """Return whether each repeat has a photograph of its own, first read at least ``gap`` places before."""
    firsts = slots - gap + 1 - np.searchsorted(slots, slots - gap, side="right")
    return bool((firsts >= np.arange(1, len(slots) + 1)).all())


def _repaired(order: Order, participants: NDArray[np.intp], gap: int, n_fixed: int, rng: np.random.Generator) -> Order | None:
    """Exchange places from ``n_fixed`` on until nothing is against the rules; None when that does not succeed."""
    order = order.copy()
    wrong = _faults(order, participants, gap)
    for _ in range(TRIES + 3 * len(order)):
        at = np.flatnonzero(wrong[n_fixed:])
        if not wrong.any():
            return order
        if len(at) == 0:
            return None
        here, there = n_fixed + int(rng.choice(at)), int(rng.integers(n_fixed, len(order)))
        order[[here, there]] = order[[there, here]]
        changed = _faults(order, participants, gap)
        if changed.sum() <= wrong.sum():
            wrong = changed
        else:
            order[[here, there]] = order[[there, here]]
    return None


def _faults(order: Order, participants: NDArray[np.intp], gap: int) -> NDArray[np.bool_]:
    """Return which places hold a participant who was just seen, or a repeat that comes too early."""
    owner = participants[order]
    wrong = np.concatenate([[False], owner[1:] == owner[:-1]])
    by_photo = np.argsort(order, kind="stable")
    again = order[by_photo[1:]] == order[by_photo[:-1]]
    early = again & (np.diff(by_photo) < gap)
    wrong[by_photo[1:][early]] = True
    return wrong
