"""The same photograph twice: the same bytes, or nearly the same picture under two people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.cohort.consent import exclude
from facies.errors import InputError

Hashes = NDArray[np.uint64]
"""One 64-bit perceptual hash a photograph, (n,)."""

N_BITS = 64
PAIR_COLUMNS = ["photo_id", "other_photo_id", "participant_id", "other_participant_id", "distance"]


def exclude_exact_duplicates(photographs: pd.DataFrame) -> pd.DataFrame:
    """Exclude photographs whose bytes stand in the table more than once.

    Under one participant the first stays. Under two participants none stays, since it is unknown whose face it is. Rows without a
    ``sha256`` and rows excluded before are left as they are.

    Examples
    --------
    >>> rows = pd.DataFrame({"photo_id": list("abcd"), "participant_id": ["p1", "p1", "p2", "p3"], "path": list("abcd"),
    ...     "sha256": ["x", "x", "y", "y"], "included": True, "exclusion_reason": None})
    >>> exclude_exact_duplicates(rows).included.tolist()
    [True, False, False, False]
    """
    comparable = photographs[photographs["included"] & photographs["sha256"].notna()]
    people = comparable.groupby("sha256")["participant_id"].transform("nunique")
    repeated = comparable.duplicated("sha256", keep="first") | (people > 1)
    which = pd.Series(photographs.index.isin(comparable.index[repeated]), index=photographs.index)
    return exclude(photographs, which, "exact_duplicate")


def hamming_distance(one: Hashes | np.uint64, other: Hashes | np.uint64) -> NDArray[np.uint8]:
    """Return how many bits differ, elementwise (counted in parallel within the word).

    Examples
    --------
    >>> hamming_distance(np.array([0, 255], dtype=np.uint64), np.array([7, 255], dtype=np.uint64)).tolist()
    [3, 0]
    """
    bits = np.bitwise_xor(one, other)
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    with np.errstate(over="ignore"):
        return np.asarray((bits * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.uint8)


def find_near_duplicates(
    hashes: Hashes,
    *,
    photo_ids: Sequence[str],
    participant_ids: Sequence[str],
    max_distance: int = 2,
    max_pairs: int = 100_000,
) -> pd.DataFrame:
    """Find pairs of photographs of different participants that look the same.

    Two hashes that differ in at most ``max_distance`` bits agree in at least one of ``max_distance + 1`` bands of bits (Norouzi 2012,
    multi-index hashing), so only photographs that agree in a band are compared.

    Parameters
    ----------
    hashes
        One hash a photograph, (n,).
    photo_ids, participant_ids
        Whose they are, n each.
    max_distance
        Bits that may differ, 0 to 16; always an even number does. 2 finds pictures that were compressed again, scaled, turned grey or
        slightly brightened. From 4 on, different people in front of the same studio background begin to look the same.
    max_pairs
        The search ends when it has found so many.

    Returns
    -------
    DataFrame
        ``photo_id``, ``other_photo_id``, ``participant_id``, ``other_participant_id``, ``distance``; the nearest first.

    Raises
    ------
    InputError
        When lengths differ or ``max_distance`` is out of range.
    """
    if not len(hashes) == len(photo_ids) == len(participant_ids):
        raise InputError(
            f"{len(hashes)} hashes, {len(photo_ids)} photo_ids and {len(participant_ids)} participant_ids: give as many of each"
        )
    if not 0 <= max_distance <= 16:
        raise InputError(f"max_distance is {max_distance}: choose 0 to 16 of {N_BITS} bits")
    people, _ = pd.factorize(np.asarray(participant_ids, dtype=object))
    first, second = _near_pairs(np.asarray(hashes, dtype=np.uint64), people, max_distance, max_pairs)
    photos, names = np.asarray(photo_ids, dtype=object), np.asarray(participant_ids, dtype=object)
    distance = hamming_distance(hashes[first], hashes[second]).astype(np.int64)
    pairs = pd.DataFrame(dict(zip(PAIR_COLUMNS, (photos[first], photos[second], names[first], names[second], distance), strict=True)))
    return pairs.sort_values(["distance", "photo_id", "other_photo_id"], ignore_index=True)


def _near_pairs(
    hashes: Hashes, people: NDArray[np.int64], max_distance: int, max_pairs: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return positions i < j of near pairs of different people; a pair is kept by the first band in which it agrees."""
    bands = _bands(hashes, max_distance + 1)
    found: list[NDArray[np.int64]] = []
    n_found = 0
    for number, band in enumerate(bands):
        for i, j in _equal_pairs(band):
            near = (people[i] != people[j]) & (hamming_distance(hashes[i], hashes[j]) <= max_distance)
            i, j = i[near], j[near]
            fresh = np.ones(len(i), dtype=bool)
            for earlier in bands[:number]:
                fresh &= earlier[i] != earlier[j]
            found.append(np.stack([np.minimum(i, j)[fresh], np.maximum(i, j)[fresh]]))
            n_found += int(fresh.sum())
            if n_found >= max_pairs:
                break
        if n_found >= max_pairs:
            break
    pairs = np.concatenate(found, axis=1)[:, :max_pairs] if found else np.empty((2, 0), dtype=np.int64)
    return pairs[0], pairs[1]


def _bands(hashes: Hashes, n: int) -> list[Hashes]:
    """Cut the 64 bits into n runs of nearly equal length."""
    edges = np.linspace(0, N_BITS, n + 1).round().astype(int)
    masks = [((1 << int(high - low)) - 1) << int(low) for low, high in pairwise(edges)]
    return [hashes & np.uint64(mask) for mask in masks]


def _equal_pairs(keys: Hashes) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield all pairs of positions with equal keys, in batches of at most n: neighbours in sorted order, then the next but one, ..."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    starts, step = np.arange(len(keys) - 1), 1
    while len(starts := starts[starts + step < len(keys)]):
        starts = starts[ranked[starts] == ranked[starts + step]]
        if len(starts):
            yield order[starts], order[starts + step]
        step += 1
