"""Haplotypes of MC1R: four risk alleles of which no haplotype carries two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.simulation.relatives import Pedigree


@dataclass(frozen=True)
class RiskVariant:
    """One variant of MC1R on chromosome 16: position in GRCh38, alleles on the forward strand as in dbSNP."""

    variant_id: str
    change: str
    position: int
    effect_allele: str
    other_allele: str
    frequency: float


MC1R_VARIANTS = (
    RiskVariant("rs1805005", "V60L", 89_919_436, "T", "G", 0.105),
    RiskVariant("rs1805007", "R151C", 89_919_709, "T", "C", 0.070),
    RiskVariant("rs1805008", "R160W", 89_919_736, "T", "C", 0.060),
    RiskVariant("rs1805009", "D294H", 89_920_138, "C", "G", 0.015),
)
"""The risk variants of Liu et al. 2016 (Curr Biol 26:1213).

Frequencies are round numbers in the order that dbSNP gives for Europeans; together they are
:data:`facies.simulation.people.MC1R_FREQUENCY`.
"""


@dataclass(frozen=True, eq=False)
class Mc1rHaplotypes:
    """What the haplotypes of founders carry, and which of them each person has.

    Parameters
    ----------
    founders
        0 for the wild type, or 1 to 4 for the risk allele of that place in :data:`MC1R_VARIANTS`, (n_founders, 2).
    inherited
        Each person's two founder haplotypes, numbered as by :meth:`Pedigree.inherit`, (n, 2).
    frequency
        Of all four risk alleles together, in the population.
    """

    founders: NDArray[np.int64]
    inherited: NDArray[np.int64]
    frequency: float

    @property
    def carried(self) -> NDArray[np.int64]:
        """Return what each person's two haplotypes carry, (n, 2), coded as ``founders``."""
        return np.asarray(self.founders.ravel()[self.inherited])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return each person's risk alleles, 0 to 2, (n,)."""
        return np.asarray((self.carried > 0).sum(axis=1))

    def table(self, participant_ids: pd.Series) -> pd.DataFrame:
        """Return one row a person: ``haplotype_1`` and ``haplotype_2``, each a variant_id or ``wild type``."""
        names = np.array(["wild type", *(variant.variant_id for variant in MC1R_VARIANTS)], dtype=object)[self.carried]
        return pd.DataFrame({"participant_id": participant_ids.to_numpy(), "haplotype_1": names[:, 0], "haplotype_2": names[:, 1]})


def draw_haplotypes(counts: NDArray[np.int64], pedigree: Pedigree, frequency: float, rng: np.random.Generator) -> Mc1rHaplotypes:
    """Draw which risk alleles people have, given how many.

    Parameters
    ----------
    counts
        Risk alleles, 0 to 2, (n,). People who descend from founders do not keep theirs: they inherit.
    pedigree
        Who descends from whom.
    frequency
        Of all four risk alleles together, for parents who are not in the cohort.

    Examples
    --------
    >>> from facies.simulation.relatives import unrelated
    >>> drawn = draw_haplotypes(np.array([0, 1, 2]), unrelated(3), 0.25, np.random.default_rng(1))
    >>> drawn.counts.tolist()
    [0, 1, 2]
    """
    outside = rng.binomial(2, frequency, pedigree.n_founders - len(counts))
    carriers = np.concatenate([counts, outside])[:, None]
    first = rng.integers(0, 2, (pedigree.n_founders, 1))
    risk = (carriers == 2) | ((carriers == 1) & (np.arange(2) == first))
    shares = np.array([variant.frequency for variant in MC1R_VARIANTS])
    which = rng.choice(len(shares), risk.shape, p=shares / shares.sum()) + 1
    return Mc1rHaplotypes(np.where(risk, which, 0), pedigree.inherit(rng, 1)[0], frequency)
