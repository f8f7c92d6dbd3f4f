"""The risk alleles of MC1R never share a haplotype, and their sum is the count that the participants carry."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from facies.simulation import MC1R_VARIANTS, Cohort, GenotypeSettings, simulate_cohort
from facies.simulation.people import MC1R_FREQUENCY

NAMES = [variant.variant_id for variant in MC1R_VARIANTS]


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return simulate_cohort(
        20_000, random_state=4, n_unlabelled=20_000, genotypes=GenotypeSettings(n_variants=10, missing_rate=0.0), family_share=0.3
    )


@pytest.fixture(scope="module")
def calls(cohort: Cohort) -> pd.DataFrame:
    assert cohort.genotypes is not None
    return cohort.genotypes.dosages(NAMES).set_index("participant_id")


def test_haplotypes__the_unphased_sum_of_risk_alleles_is_mc1r(cohort: Cohort, calls: pd.DataFrame) -> None:
    mc1r = cohort.participants.set_index("participant_id").mc1r
    pd.testing.assert_series_equal(calls.sum(axis=1), mc1r, check_names=False)
    assert set(mc1r) == {0.0, 1.0, 2.0}


def test_haplotypes__hold_one_risk_allele_at_most_and_give_the_calls(cohort: Cohort, calls: pd.DataFrame) -> None:
    table = cohort.haplotypes.table(cohort.participants.participant_id).set_index("participant_id")
    assert set(table.to_numpy().ravel()) == {*NAMES, "wild type"}
    for name in NAMES:
        assert ((table == name).sum(axis=1) == calls[name]).all()


def test_haplotypes__the_four_alleles_have_their_frequencies_and_together_a_quarter(calls: pd.DataFrame) -> None:
    frequencies = np.array([variant.frequency for variant in MC1R_VARIANTS])
    assert frequencies.sum() == pytest.approx(MC1R_FREQUENCY)
    chance = np.sqrt(frequencies * (1 - frequencies) / (2 * len(calls)))
    assert (np.abs(calls.mean() / 2 - frequencies) < 4 * chance).all()


def test_haplotypes__carriers_of_two_different_alleles_exist(calls: pd.DataFrame) -> None:
    compound = (calls == 1).sum(axis=1) == 2
    shares = np.array([variant.frequency for variant in MC1R_VARIANTS])
    expected = shares.sum() ** 2 - (shares**2).sum()
    assert compound.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / len(calls)))


def test_haplotypes__are_in_hardy_weinberg_proportions(cohort: Cohort) -> None:
    alone = cohort.participants[~cohort.relatives.descends].mc1r.astype(int)
    expected = np.array([(1 - MC1R_FREQUENCY) ** 2, 2 * MC1R_FREQUENCY * (1 - MC1R_FREQUENCY), MC1R_FREQUENCY**2]) * len(alone)
    assert chisquare(np.bincount(alone, minlength=3), expected).pvalue > 0.001


def test_haplotypes__positions_fit_the_coding_sequence() -> None:
    """MC1R's coding sequence has no intron: positions differ as the first bases of the codons do, plus the place in the codon."""
    first, *_, last = MC1R_VARIANTS
    codons = {variant.variant_id: int(variant.change[1:-1]) for variant in MC1R_VARIANTS}
    assert last.position - first.position == 3 * (codons["rs1805009"] - codons["rs1805005"])
    assert [variant.position for variant in MC1R_VARIANTS] == [89919436, 89919709, 89919736, 89920138]
    assert "".join(variant.other_allele + variant.effect_allele for variant in MC1R_VARIANTS) == "GTCTCTGC"


def test_haplotypes__another_frequency_is_another_count() -> None:
    mc1r = simulate_cohort(20_000, random_state=4, n_unlabelled=20_000, mc1r_frequency=0.1).participants.mc1r
    assert mc1r.mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.18 / 20_000))
