"""Who is related to whom, what relatives inherit, and how alike they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.types import Floats

LOOKS_CORRELATION = 0.3
"""Correlation, between relatives, of the part of looking older that no measured cause explains."""

OUTCOME_CORRELATION = 0.2
"""The same for the chance in outcomes (of its normal score, where the outcome is not continuous)."""

PARENT_SHARE = 0.4
"""Share of a parent and children among families whose oldest is old enough to have a child in the cohort; the others are siblings."""

TRIO_SHARE = 0.3
"""Share of families of three; the others are pairs."""

SIBLING_AGE_SD = 3.5
PARENT_YEARS = (20.0, 38.0)
"""How much older a parent is than a child, in years."""


@dataclass(frozen=True, eq=False)
class Pedigree:
    """How ``n`` people descend from founders.

    Founder ``i`` below ``n`` is person ``i``; those above are parents who are not in the cohort.

    Parameters
    ----------
    relation
        ``unrelated``, ``parent``, ``child`` or ``sibling``, (n,).
    family
        The family's number, -1 for people alone, (n,).
    sources
        The founders that a person's two haplotypes come from, (n, 2): twice the person's own number, or father and mother.
    founder_person
        Whose ancestry a founder has: a row of the people, (n_founders,).
    """

    relation: NDArray[np.object_]
    family: NDArray[np.int64]
    sources: NDArray[np.int64]
    founder_person: NDArray[np.int64]

    @property
    def n_founders(self) -> int:
        """Return how many people have their own two haplotypes, the parents who are not in the cohort among them."""
        return len(self.founder_person)

    @property
    def descends(self) -> NDArray[np.bool_]:
        """Return who has parents among the founders, (n,)."""
        return np.asarray(self.sources[:, 0] != self.sources[:, 1])

    def inherit(self, rng: np.random.Generator, n_blocks: int) -> NDArray[np.int64]:
        """Draw which founder haplotype each person has in each block (gene dropping), (n_blocks, n, 2).

        Haplotype ``2 f + s`` is strand ``s`` of founder ``f``. A block is inherited whole; blocks are inherited independently.
        """
        strands = np.broadcast_to(np.array([0, 1]), (n_blocks, len(self.sources), 2)).copy()
        strands[:, self.descends] = rng.integers(0, 2, (n_blocks, int(self.descends.sum()), 2))
        return np.asarray(2 * self.sources + strands)


def unrelated(n: int) -> Pedigree:
    """Return people of whom no two are related.

    Examples
    --------
    >>> unrelated(2).inherit(np.random.default_rng(1), 1).tolist()
    [[[0, 1], [2, 3]]]
    """
    each = np.arange(n)
    return Pedigree(np.full(n, "unrelated", dtype=object), np.full(n, -1), np.stack([each, each], axis=1), each)


def draw_families(people: pd.DataFrame, family_share: float, rng: np.random.Generator) -> tuple[pd.DataFrame, Pedigree]:
    """Make families of two or three of some people: siblings, or a parent and children.

    Relatives get ages that fit, the same site and a ``family_id``; it is missing for the others.

    Parameters
    ----------
    people
        As drawn by :func:`facies.simulation.people.draw_people`.
    family_share
        Share of people who have a relative in the cohort, 0 to 1.
    """
    pedigree = unrelated(len(people))
    if family_share == 0:
        return people, pedigree
    ages, sites = people.age.to_numpy(dtype=np.float64).copy(), people.site.to_numpy().copy()
    low, high = float(ages.min()), float(ages.max())
    parents: list[int] = []
    for number, members in enumerate(_deal(ages, family_share, rng)):
        pedigree.family[members] = number
        sites[members] = sites[members[0]]
        parents += _relate(pedigree, members, ages, len(people) + len(parents), (low, high), rng)
    names = np.array([f"f{number:05d}" if number >= 0 else np.nan for number in range(-1, pedigree.family.max() + 1)], dtype=object)
    related = people.assign(age=np.round(ages, 2), site=sites, family_id=names[pedigree.family + 1])
    founders = np.concatenate([pedigree.founder_person, np.array(parents, dtype=np.int64)])
    return related, Pedigree(pedigree.relation, pedigree.family, pedigree.sources, founders)


def _deal(ages: Floats, family_share: float, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Deal some people, in random order, into families of two or three; the oldest of a family stands first."""
    chosen = rng.permutation(len(ages))[: round(family_share * len(ages))]
    sizes = np.where(rng.random(len(chosen)) < TRIO_SHARE, 3, 2)
    families = np.split(chosen, np.cumsum(sizes)[: int(np.searchsorted(np.cumsum(sizes), len(chosen), side="right"))])
    return [members[np.argsort(-ages[members], kind="stable")] for members in families if len(members) > 1]


def _relate(
    pedigree: Pedigree, members: NDArray[np.int64], ages: Floats, next_founder: int, age_range: tuple[float, float],
    rng: np.random.Generator,
) -> list[int]:  # fmt: skip
    """Make one family in place, and return whose ancestry each of its parents outside the cohort has."""
    first, room = int(members[0]), ages[members[0]] - age_range[0]
    if room > PARENT_YEARS[0] and rng.random() < PARENT_SHARE:
        children, others = members[1:], [next_founder]
        pedigree.relation[first] = "parent"
        pedigree.relation[children] = "child"
        pedigree.sources[children] = first, next_founder
        ages[children] = ages[first] - rng.uniform(PARENT_YEARS[0], min(PARENT_YEARS[1], room), len(children))
    else:
        others = [next_founder, next_founder + 1]
        pedigree.relation[members] = "sibling"
        pedigree.sources[members] = others
        ages[members[1:]] = np.clip(ages[first] + rng.normal(0, SIBLING_AGE_SD, len(members) - 1), *age_range)
    return [first] * len(others)


@dataclass(frozen=True, eq=False)
class Likeness:
    """Makes relatives' chance alike without changing anybody's own distribution.

    ``family`` is as in :class:`Pedigree`; ``correlation`` is that between two relatives.
    """

    family: NDArray[np.int64]
    correlation: float
    rng: np.random.Generator

    def normal(self, scores: Floats) -> Floats:
        """Return standard normal numbers, (n,), correlated within families; people alone keep theirs."""
        within = self.family >= 0
        if not within.any():
            return scores
        shared = self.rng.standard_normal(int(self.family.max()) + 1)[self.family[within]]
        mixed = scores.copy()
        mixed[within] = np.sqrt(self.correlation) * shared + np.sqrt(1 - self.correlation) * scores[within]
        return mixed

    def uniform(self, numbers: Floats) -> Floats:
        """Return uniform numbers between 0 and 1, (n,), with correlated normal scores within families."""
        from scipy.special import ndtr, ndtri

        within = self.family >= 0
        if not within.any():
            return numbers
        scores = np.zeros(len(numbers))
        scores[within] = ndtri(numbers[within])
        return np.where(within, ndtr(self.normal(scores)), numbers)
