"""How far a model's regions are those that readers marked.

Rank correlation of mean shares over the regions of the face, and Dice's coefficient of the model's first k regions with the readers' k most
marked ones. p: of no more likeness when the regions' names are permuted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facies.errors import InputError
from facies.saliency.checks import likeness
from facies.types import Floats


class Overlap(NamedTuple):
    """One measure with its p-value."""

    measure: str
    value: float
    p_value: float


def dice(first: Floats, second: Floats, *, k: int) -> float:
    """Return Dice's coefficient of the k largest of each.

    Examples
    --------
    >>> dice(np.array([0.5, 0.3, 0.2]), np.array([0.6, 0.1, 0.3]), k=2)
    0.5
    """
    a, b = (set(np.argsort(-values, kind="stable")[:k].tolist()) for values in (first, second))
    return len(a & b) / k


def region_overlap(shares: Floats, marks: Floats, *, k: int = 3, n_permutations: int = 2000, random_state: int = 0) -> list[Overlap]:
    """Compare the model's shares over area with the readers' marks, one value a region of the face, (n_regions,) each.

    Raises
    ------
    InputError
        When lengths differ or fewer than ``k + 1`` regions are given.
    """
    if len(shares) != len(marks) or len(shares) <= k:
        raise InputError(f"{len(shares)} regions of the model and {len(marks)} of the readers: give the same ones, more than {k}")
    rng = np.random.default_rng(random_state)
    orders = [rng.permutation(len(marks)) for _ in range(n_permutations)]
    found = []
    for name, measure in (("rank_correlation", likeness), ("dice", lambda a, b: dice(a, b, k=k))):
        value = measure(shares, marks)
        chance = np.array([measure(shares, marks[order]) for order in orders])
        found.append(Overlap(name, value, float((1 + (chance >= value - 1e-12).sum()) / (1 + n_permutations))))
    return found
