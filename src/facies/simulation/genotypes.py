"""Draws a genotype matrix: allele frequencies, ancestral groups, linkage, relatives, missing calls and planted effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.simulation.genotype_settings import GROUPS, GenotypeSettings
from facies.simulation.haplotypes import MC1R_VARIANTS, Mc1rHaplotypes, draw_haplotypes
from facies.simulation.linkage import CHUNK, fill_blocks
from facies.simulation.people import MC1R_FREQUENCY
from facies.simulation.relatives import Pedigree, unrelated
from facies.simulation.variants import MC1R_NEIGHBOURS, N_FIXED, group_frequencies, lay_out_variants
from facies.types import Floats

MISSING_CALL = -127
"""What stands in :attr:`SimulatedGenotypes.calls` for a missing call, as in bed-reader."""


@dataclass(frozen=True, eq=False)
class SimulatedGenotypes:
    """Genotypes whose truth is known.

    Parameters
    ----------
    calls
        Effect alleles, 0, 1, 2 or :data:`MISSING_CALL`, (n, m), int8; a variant's calls lie side by side in memory.
    variants
        One row a column of ``calls``: variant_id, chromosome, position, effect_allele, other_allele; in genomic order (GRCh38).
    samples
        One row a row of ``calls``: participant_id, sex, family_id (missing for people alone), group, and the share of each group.
    truth
        One row a variant: block (-1 for MC1R), frequency before drift and in each group, the years an effect allele adds, missing_rate.
    years
        What the planted effects add to each person's perceived age, (n,), about zero in the mean.
    """

    calls: NDArray[np.int8]
    variants: pd.DataFrame
    samples: pd.DataFrame
    truth: pd.DataFrame
    years: Floats

    def dosages(self, variant_ids: list[str] | None = None) -> pd.DataFrame:
        """Return calls as numbers, NaN where missing: participant_id and one column a variant (all, or those named).

        All variants as numbers take eight times the memory of the calls.

        Raises
        ------
        InputError
            When a variant is not there.
        """
        names = self.variants.variant_id.tolist() if variant_ids is None else variant_ids
        places = pd.Index(self.variants.variant_id).get_indexer(pd.Index(names))
        if (places < 0).any():
            raise InputError(f"the genotypes have no variant '{names[int(np.argmin(places))]}': correct the name")
        calls = self.calls[:, places]
        numbers = np.where(calls == MISSING_CALL, np.nan, calls)
        return pd.concat([self.samples[["participant_id"]], pd.DataFrame(numbers, columns=names)], axis=1)


def simulate_genotypes(
    participants: pd.DataFrame,
    *,
    random_state: int,
    settings: GenotypeSettings | None = None,
    relatives: Pedigree | None = None,
    haplotypes: Mc1rHaplotypes | None = None,
) -> SimulatedGenotypes:
    """Draw genotypes for people.

    Every founder has two haplotypes. Along a block a haplotype keeps a uniform number, or with chance ``1 - linkage`` draws a new one;
    it carries an allele of frequency p where the number is among the p lowest (or, for half of the variants, highest). Hence
    frequencies and Hardy-Weinberg proportions within groups are exact, and neighbours are correlated. Relatives inherit blocks.

    Parameters
    ----------
    participants
        ``participant_id``, ``sex`` and, where given, ``mc1r``: the risk alleles that the genotypes will agree with, and ``family_id``.
    random_state
        Seed.
    settings
        What the genotypes are like.
    relatives, haplotypes
        Of a simulated cohort with families (:attr:`Cohort.relatives`, :attr:`Cohort.haplotypes`); left out, nobody is related.

    Raises
    ------
    InputError
        When an effect is planted on a variant that is not simulated, mc1r is missing or no count of alleles, or relatives and
        haplotypes are not of these people.

    Examples
    --------
    >>> from facies.simulation import simulate_cohort
    >>> people = simulate_cohort(50, random_state=1).participants
    >>> genotypes = simulate_genotypes(people, random_state=1, settings=GenotypeSettings(n_variants=30, missing_rate=0.0))
    >>> genotypes.calls.shape
    (50, 30)
    >>> score = genotypes.dosages(["rs1805005", "rs1805007", "rs1805008", "rs1805009"]).iloc[:, 1:].sum(axis=1)
    >>> bool((score == people.mc1r).all())
    True
    """
    rng = np.random.default_rng(random_state)
    pedigree = relatives or unrelated(len(participants))
    if haplotypes is None:
        if pedigree.descends.any():
            raise InputError("relatives have inherited MC1R: give the cohort's haplotypes too")
        haplotypes = draw_haplotypes(_risk_alleles(participants, rng), pedigree, MC1R_FREQUENCY, rng)
    if not len(pedigree.sources) == len(haplotypes.inherited) == len(participants):
        raise InputError(f"relatives or haplotypes are not of these {len(participants)} people: give those of the same cohort")
    return draw_genotypes(participants, pedigree, haplotypes, settings or GenotypeSettings(), rng)


def _risk_alleles(participants: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.int64]:
    if "mc1r" not in participants:
        return rng.binomial(2, MC1R_FREQUENCY, len(participants))
    wrong = ~participants.mc1r.isin((0, 1, 2))
    if wrong.any():
        raise InputError(f"mc1r of {participants.participant_id[wrong].iloc[0]} is {participants.mc1r[wrong].iloc[0]}: give 0, 1 or 2")
    return participants.mc1r.to_numpy(dtype=np.int64)


def draw_genotypes(
    people: pd.DataFrame, pedigree: Pedigree, haplotypes: Mc1rHaplotypes, settings: GenotypeSettings, rng: np.random.Generator
) -> SimulatedGenotypes:
    """Draw genotypes for people whose families and MC1R haplotypes are known; see :func:`simulate_genotypes`."""
    variants, truth, frequencies = _draw_variants(settings, haplotypes.frequency, rng)
    samples, shares = _draw_samples(people, pedigree, settings, rng)
    calls = np.empty((settings.n_variants, len(people)), dtype=np.int8)
    fixed = truth.block.to_numpy() < 0
    calls[fixed] = _mc1r_calls(haplotypes, rng)
    fill_blocks(calls, np.flatnonzero(~fixed), frequencies, pedigree, shares, settings, rng)
    years = _planted_years(calls, truth, samples, settings)
    _remove_calls(calls, truth.missing_rate.to_numpy(), rng)
    return SimulatedGenotypes(calls.T, variants, samples, truth, years)


def _draw_variants(
    settings: GenotypeSettings, mc1r_frequency: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, Floats]:
    """Return variants and their truth in genomic order, and the group frequencies of the simulated ones, (n_groups, n_simulated)."""
    table = lay_out_variants(settings.n_variants, settings.block_size, mc1r_frequency, rng)
    n_simulated = settings.n_variants - N_FIXED
    before = settings.min_frequency * (0.5 / settings.min_frequency) ** rng.random(n_simulated)
    frequencies = group_frequencies(before, settings.f_st, len(settings.group_shares), rng)
    truth = table[["variant_id", "block"]].copy()
    simulated = (table.block >= 0).to_numpy()
    truth["frequency"] = table.frequency
    truth.loc[simulated, "frequency"] = before
    for name, own in zip(GROUPS, frequencies, strict=False):
        truth[f"frequency_{name}"] = truth.frequency
        truth.loc[simulated, f"frequency_{name}"] = own
    unknown = set(settings.years) - set(truth.variant_id[simulated])
    if unknown:
        raise InputError(f"years names '{min(unknown)}': name one of sim1 to sim{n_simulated}, the simulated variants")
    truth["years"] = truth.variant_id.map(dict(settings.years)).fillna(0.0).astype(np.float64)
    truth["missing_rate"] = np.minimum(settings.missing_rate * rng.exponential(1.0, len(truth)), 0.5)
    return table.drop(columns=["block", "frequency"]), truth, frequencies


def _draw_samples(
    people: pd.DataFrame, pedigree: Pedigree, settings: GenotypeSettings, rng: np.random.Generator
) -> tuple[pd.DataFrame, Floats]:
    """Return the people with their ancestry, and each founder's shares of the groups, (n_founders, n_groups).

    A family is of one group: that of its first member.
    """
    n, n_groups = len(people), len(settings.group_shares)
    groups = rng.choice(n_groups, n, p=settings.group_shares)
    other = 2 * settings.admixture * rng.random(n)
    head = pedigree.founder_person[pedigree.sources[:, 0]]
    groups, other = groups[head], other[head]
    own = np.arange(n_groups) == groups[:, None]
    shares = np.where(own, 1 - other[:, None], other[:, None] / max(n_groups - 1, 1))
    samples = pd.DataFrame(
        {
            "participant_id": people.participant_id.to_numpy(),
            **{name: people[name].to_numpy() if name in people else np.full(n, np.nan, dtype=object) for name in ("sex", "family_id")},
            "group": np.array(list(GROUPS), dtype=object)[groups],
            **{f"share_{name}": shares[:, place] for place, name in enumerate(GROUPS[:n_groups])},
        }
    )
    return samples, shares[pedigree.founder_person]


def _mc1r_calls(haplotypes: Mc1rHaplotypes, rng: np.random.Generator) -> NDArray[np.int8]:
    """Return the calls of MC1R and its neighbours in the order of :func:`lay_out_variants`, (N_FIXED, n)."""
    risk = haplotypes.founders.ravel()
    linked = [
        (neighbour.position, rng.random(len(risk)) < np.where(risk > 0, neighbour.with_risk, neighbour.without_risk))
        for neighbour in MC1R_NEIGHBOURS
    ]
    own = [(variant.position, risk == code) for code, variant in enumerate(MC1R_VARIANTS, start=1)]
    alleles = np.stack([carries for _, carries in sorted([*own, *linked], key=lambda pair: pair[0])])
    return np.asarray(alleles[:, haplotypes.inherited].sum(axis=2), dtype=np.int8)


def _planted_years(calls: NDArray[np.int8], truth: pd.DataFrame, samples: pd.DataFrame, settings: GenotypeSettings) -> Floats:
    years = np.zeros(calls.shape[1])
    for place in np.flatnonzero(truth.years.to_numpy()):
        years += truth.years.iloc[place] * (calls[place] - 2 * truth.frequency.iloc[place])
    if settings.group_years:
        by_group = dict(zip(GROUPS, settings.group_years, strict=False))
        mean = float(np.dot(settings.group_years, settings.group_shares))
        years += samples.group.map(by_group).to_numpy(dtype=np.float64) - mean
    return years


def _remove_calls(calls: NDArray[np.int8], rates: Floats, rng: np.random.Generator) -> None:
    """Make calls missing in place."""
    for start in range(0, len(calls), CHUNK):
        part = calls[start : start + CHUNK]
        part[rng.random(part.shape, dtype=np.float32) < rates[start : start + CHUNK, None]] = MISSING_CALL
