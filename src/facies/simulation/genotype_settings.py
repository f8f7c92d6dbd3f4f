"""What simulated genotypes are like: the settings, and that they make sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from facies.errors import InputError
from facies.simulation.variants import N_FIXED

GROUPS = "ABC"
"""Names of the ancestral groups."""


@dataclass(frozen=True)
class GenotypeSettings:
    """What the genotypes are like.

    Parameters
    ----------
    n_variants
        Variants in all: the four of MC1R, six neighbours that are linked with them, and simulated ones named ``sim1``, ``sim2``, ...
    group_shares
        Share of people in each ancestral group, one to three groups.
    f_st
        How far the groups' frequencies have drifted apart (Balding & Nichols 1995), 0 to less than 1.
    admixture
        Mean share of a person's genome that is of the other groups, 0 to 0.5.
    block_size
        Neighbouring variants that are linked; blocks are independent.
    linkage
        Chance that a haplotype does not recombine between two neighbours in a block: their correlation, where both alleles are equally
        frequent and lie on the same haplotypes; smaller otherwise.
    min_frequency
        Smallest frequency of the effect allele before drift; frequencies p up to 0.5 are drawn with density 1/p.
    missing_rate
        Mean share of missing calls. The rate differs between variants (exponential, at most 0.5); calls are missing completely at random.
    years
        Years of perceived age that an effect allele adds, by variant_id.
    group_years
        Years that people of each group look older: makes ancestry a confounder.

    Raises
    ------
    InputError
        When a setting is out of its range, or would have no effect.
    """

    n_variants: int = 1000
    group_shares: tuple[float, ...] = (0.7, 0.3)
    f_st: float = 0.01
    admixture: float = 0.0
    block_size: int = 10
    linkage: float = 0.8
    min_frequency: float = 0.01
    missing_rate: float = 0.005
    years: Mapping[str, float] = field(default_factory=dict)
    group_years: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        self._check_ranges()
        self._check_groups()

    def _check_ranges(self) -> None:
        for name, low, high in (("f_st", 0, 0.99), ("admixture", 0, 0.5), ("linkage", 0, 1), ("missing_rate", 0, 0.5)):
            if not low <= getattr(self, name) <= high:
                raise InputError(f"{name} is {getattr(self, name)}: choose {low} to {high}")
        if not 0 < self.min_frequency < 0.5:
            raise InputError(f"min_frequency is {self.min_frequency}: choose a number above 0 and below 0.5")
        if self.n_variants < N_FIXED:
            raise InputError(f"n_variants is {self.n_variants}: give at least {N_FIXED}, those of MC1R and its neighbours")
        if self.block_size < 1:
            raise InputError(f"block_size is {self.block_size}: give at least 1")

    def _check_groups(self) -> None:
        n = len(self.group_shares)
        if not 1 <= n <= len(GROUPS) or min(self.group_shares) <= 0 or abs(sum(self.group_shares) - 1) > 1e-9:
            raise InputError(f"group_shares are {self.group_shares}: give one to three shares above 0 that sum to 1")
        if n == 1 and (self.f_st > 0 or self.admixture > 0):
            raise InputError("f_st and admixture need two groups: set both to 0, or give group_shares of two")
        if self.group_years and len(self.group_years) != n:
            raise InputError(f"group_years are {self.group_years}: give {n}, one a group")
