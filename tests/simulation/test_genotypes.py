"""The genotype matrix has the frequencies, groups, linkage and effects that it says it has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from facies.errors import InputError
from facies.simulation import Cohort, GenotypeSettings, ReaderPool, SimulatedGenotypes, simulate_cohort, simulate_genotypes
from facies.simulation.genotypes import MISSING_CALL

N = 8000


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return simulate_cohort(N, random_state=6, n_unlabelled=N).participants


@pytest.fixture(scope="module")
def genotypes(people: pd.DataFrame) -> SimulatedGenotypes:
    settings = GenotypeSettings(n_variants=1500, group_shares=(0.6, 0.4), f_st=0.05, missing_rate=0.02, min_frequency=0.05)
    return simulate_genotypes(people, random_state=2, settings=settings)


@pytest.fixture(scope="module")
def numbers(genotypes: SimulatedGenotypes) -> np.ndarray:
    return genotypes.dosages().drop(columns="participant_id").to_numpy()


def own_group(genotypes: SimulatedGenotypes, name: str) -> np.ndarray:
    return (genotypes.samples.group == name).to_numpy()


def test_genotypes__have_the_frequencies_of_their_group(genotypes: SimulatedGenotypes, numbers: np.ndarray) -> None:
    for name in "AB":
        found = np.nanmean(numbers[own_group(genotypes, name)], axis=0) / 2
        planted = genotypes.truth[f"frequency_{name}"].to_numpy()
        chance = np.sqrt(planted * (1 - planted) / (2 * 0.95 * own_group(genotypes, name).sum()))
        z = (found - planted)[chance > 0] / chance[chance > 0]
        assert np.abs(z).max() < 5
        assert np.std(z) == pytest.approx(1, abs=0.1)


def homozygous_excess(calls: np.ndarray) -> np.ndarray:
    """Return each variant's inbreeding coefficient over its standard error under Hardy-Weinberg proportions."""
    called = ~np.isnan(calls)
    p = np.nanmean(calls, axis=0) / 2
    heterozygous = (calls == 1).sum(axis=0) / called.sum(axis=0)
    return (1 - heterozygous / (2 * p * (1 - p))) * np.sqrt(called.sum(axis=0))


def test_genotypes__are_in_hardy_weinberg_proportions_within_groups_not_across(genotypes: SimulatedGenotypes, numbers: np.ndarray) -> None:
    truth = genotypes.truth
    common = (truth[["frequency_A", "frequency_B"]].min(axis=1).gt(0.05) & truth.block.ge(0)).to_numpy()
    for name in "AB":
        z = homozygous_excess(numbers[own_group(genotypes, name)][:, common])
        assert np.std(z) == pytest.approx(1, abs=0.1)
        assert abs(np.mean(z)) < 0.2
    assert np.mean(homozygous_excess(numbers[:, common])) > 0.5


def test_genotypes__the_groups_have_drifted_apart_as_far_as_asked(genotypes: SimulatedGenotypes, numbers: np.ndarray) -> None:
    """Hudson's estimator of F_ST, a ratio of means over variants, knows nothing of the simulation's truth."""
    simulated = (genotypes.truth.block >= 0).to_numpy()
    a, b = (np.nanmean(numbers[own_group(genotypes, name)][:, simulated], axis=0) / 2 for name in "AB")
    n_a, n_b = (2 * own_group(genotypes, name).sum() for name in "AB")
    between = (a - b) ** 2 - a * (1 - a) / (n_a - 1) - b * (1 - b) / (n_b - 1)
    assert between.sum() / (a * (1 - b) + b * (1 - a)).sum() == pytest.approx(0.05, abs=0.01)


def test_genotypes__without_drift_groups_do_not_differ(people: pd.DataFrame) -> None:
    drawn = simulate_genotypes(people, random_state=2, settings=GenotypeSettings(n_variants=60, f_st=0.0))
    assert (drawn.truth.frequency_A == drawn.truth.frequency_B).all()


def test_genotypes__neighbours_in_a_block_are_linked_and_blocks_are_not(people: pd.DataFrame) -> None:
    settings = GenotypeSettings(n_variants=410, group_shares=(1.0,), f_st=0.0, missing_rate=0.0, linkage=0.8, min_frequency=0.2)
    drawn = simulate_genotypes(people, random_state=3, settings=settings)
    simulated = drawn.truth[drawn.truth.block >= 0]
    calls = drawn.dosages(simulated.variant_id.tolist()).drop(columns="participant_id").to_numpy()
    r = np.abs(np.corrcoef(calls, rowvar=False))
    neighbours = np.arange(399), np.arange(1, 400)
    same = (simulated.block.to_numpy()[1:] == simulated.block.to_numpy()[:-1]) & (np.diff(simulated.index) == 1)
    assert np.median(r[neighbours][same]) > 0.45
    assert np.median(r[neighbours][~same]) < 0.03
    p = simulated.frequency.to_numpy()
    p = np.where(p > 0.5, 1 - p, p)
    pair = int(np.argmin(np.where(same, np.abs(np.diff(p)), 9)))
    low, high = sorted(p[[pair, pair + 1]])
    coupled = 0.8 * np.sqrt(low * (1 - high) / (high * (1 - low)))
    opposed = 0.8 * np.sqrt(low * high / ((1 - low) * (1 - high)))
    assert min(abs(r[pair, pair + 1] - coupled), abs(r[pair, pair + 1] - opposed)) < 0.05


def test_genotypes__neighbours_of_mc1r_mark_its_risk_haplotypes(people: pd.DataFrame) -> None:
    drawn = simulate_genotypes(people, random_state=3, settings=GenotypeSettings(n_variants=12, missing_rate=0.0))
    near = [f"mc1r_near{number}" for number in range(1, 7)]
    r = drawn.dosages(near)[near].corrwith(people.mc1r)
    assert r["mc1r_near3"] == r.max() > 0.85
    assert 0.2 < r["mc1r_near6"] == r.min()
    found = drawn.dosages(near)[near].mean() / 2
    planted = drawn.truth.set_index("variant_id").frequency[near]
    np.testing.assert_allclose(found, planted, atol=4 * np.sqrt(0.25 / (2 * N)))


def test_genotypes__calls_are_missing_at_each_variants_rate(genotypes: SimulatedGenotypes) -> None:
    missing = (genotypes.calls == MISSING_CALL).mean(axis=0)
    rates = genotypes.truth.missing_rate.to_numpy()
    assert rates.mean() == pytest.approx(0.02, rel=0.1)
    assert np.std((missing - rates) / np.sqrt(rates * (1 - rates) / N)) == pytest.approx(1, abs=0.1)
    assert set(np.unique(genotypes.calls)) == {MISSING_CALL, 0, 1, 2}


def test_genotypes__frequencies_follow_the_spectrum(people: pd.DataFrame) -> None:
    drawn = simulate_genotypes(people.head(10), random_state=5, settings=GenotypeSettings(n_variants=20_010, min_frequency=0.01))
    before = drawn.truth.frequency[drawn.truth.block >= 0]
    assert before.between(0.01, 0.5).all()
    assert (before < 0.05).mean() == pytest.approx(np.log(5) / np.log(50), abs=0.02)


def test_genotypes__variants_lie_in_genomic_order_with_two_alleles(genotypes: SimulatedGenotypes) -> None:
    variants = genotypes.variants
    places = pd.MultiIndex.from_arrays([variants.chromosome.astype(int), variants.position])
    assert places.is_monotonic_increasing
    assert not places.duplicated().any()
    assert (variants.effect_allele != variants.other_allele).all()
    assert set(variants.chromosome.astype(int)) == set(range(1, 23))
    assert variants.variant_id.is_unique
    assert list(genotypes.truth.variant_id) == list(variants.variant_id)


def test_genotypes__planted_effects_are_found_again_in_the_latent_perceived_age() -> None:
    years = {"sim5": 0.8, "sim44": -0.5}
    settings = GenotypeSettings(n_variants=100, years=years, group_years=(0.0, 1.5), f_st=0.05, missing_rate=0.0, min_frequency=0.2)
    cohort = simulate_cohort(20_000, random_state=9, n_unlabelled=20_000, genotypes=settings)
    assert cohort.genotypes is not None
    found = cohort.genotypes.dosages(["sim5", "sim44", "sim70"]).drop(columns="participant_id")
    design = found.assign(mc1r=cohort.participants.mc1r, b=(cohort.participants.ancestry == "B").astype(float))
    fit = sm.OLS(cohort.truth.years_looking_older, sm.add_constant(design)).fit()
    for name, planted in {**years, "sim70": 0.0, "mc1r": 0.79, "b": 1.5}.items():
        assert abs(fit.params[name] - planted) < 3.5 * fit.bse[name]
        assert fit.bse[name] < 0.1
    assert cohort.planted["sim5 -> perceived_age"].coefficient == 0.8
    assert abs(cohort.truth.years_looking_older.mean()) < 0.15


def test_genotypes__that_make_looks_vary_more_attenuate_the_panel_mean_less() -> None:
    pool = ReaderPool(n_readers=3, n_pool=12, bin_years=0.0)
    settings = GenotypeSettings(n_variants=30, group_shares=(0.5, 0.5), group_years=(-6.0, 6.0))
    cohort = simulate_cohort(15_000, random_state=8, readers=pool, genotypes=settings)
    effect, plain = (c.planted["perceived_age -> hearing_loss"] for c in (cohort, simulate_cohort(5, random_state=8, readers=pool)))
    panel = cohort.readings.groupby("photo_id").reading.mean()
    means = panel.groupby(cohort.photographs.set_index("photo_id").participant_id).mean().reindex(cohort.participants.participant_id)
    people = cohort.participants
    smoking = pd.get_dummies(people.smoking, dtype=float)[["former", "current"]]
    columns = {"panel": means.to_numpy(), "age": people.age, "male": (people.sex == "male") * 1.0, "bmi": people.bmi}
    design = sm.add_constant(pd.DataFrame({**columns, "sun": people.sun_exposure}).join(smoking))
    fit = sm.OLS(cohort.outcomes.hearing_loss, design).fit()
    assert abs(fit.params["panel"] - effect.expected) < 3.5 * fit.bse["panel"]
    assert effect.expected - plain.expected > 2 * fit.bse["panel"]


def test_genotypes__do_not_change_the_people_of_a_seed() -> None:
    plain = simulate_cohort(300, random_state=3)
    drawn = simulate_cohort(300, random_state=3, genotypes=GenotypeSettings(n_variants=50))
    pd.testing.assert_frame_equal(drawn.participants.drop(columns="ancestry"), plain.participants)
    for name in ("outcomes", "truth", "readings", "photographs"):
        pd.testing.assert_frame_equal(getattr(drawn, name), getattr(plain, name))


def test_genotypes__are_the_same_for_the_same_seed(people: pd.DataFrame) -> None:
    settings = GenotypeSettings(n_variants=200)
    one, two, other = (simulate_genotypes(people.head(50), random_state=seed, settings=settings) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.calls, two.calls)
    assert (one.calls != other.calls).mean() > 0.1


def test_genotypes__admixture_gives_genomes_of_several_groups(people: pd.DataFrame) -> None:
    settings = GenotypeSettings(n_variants=3010, f_st=0.3, admixture=0.2, missing_rate=0.0, group_shares=(0.5, 0.3, 0.2))
    drawn = simulate_genotypes(people.head(600), random_state=1, settings=settings)
    shares = drawn.samples[["share_A", "share_B", "share_C"]]
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert 1 - shares.max(axis=1).mean() == pytest.approx(0.2, abs=0.02)
    truth = drawn.truth
    informative = (truth.frequency_A - truth.frequency_B).to_numpy()
    score = drawn.calls.astype(float) @ informative
    by_share = sm.OLS(score, sm.add_constant(shares[["share_A", "share_B"]])).fit()
    frequencies = truth[["frequency_A", "frequency_B", "frequency_C"]].to_numpy()
    expected = 2 * informative @ (frequencies[:, :2] - frequencies[:, 2:])
    assert (np.abs(by_share.params[["share_A", "share_B"]] - expected) < 4 * by_share.bse[["share_A", "share_B"]]).all()
    assert by_share.rsquared > 0.8


def test_genotypes__a_named_variant_must_be_there(genotypes: SimulatedGenotypes) -> None:
    with pytest.raises(InputError, match="no variant 'rs1'"):
        genotypes.dosages(["sim1", "rs1"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_variants": 9}, "n_variants is 9: give at least 10"),
        ({"f_st": 1.0}, "f_st is 1.0: choose 0 to 0.99"),
        ({"group_shares": (1.0,)}, "f_st and admixture need two groups"),
        ({"group_shares": (0.5, 0.4)}, "sum to 1"),
        ({"min_frequency": 0.5}, "min_frequency is 0.5"),
        ({"group_years": (1.0,)}, "give 2, one a group"),
        ({"block_size": 0}, "block_size is 0"),
        ({"missing_rate": 0.6}, "missing_rate is 0.6"),
    ],
)
def test_settings__that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GenotypeSettings(**settings)  # type: ignore[arg-type]


def test_settings__an_effect_needs_a_simulated_variant(people: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="years names 'rs1805007': name one of sim1 to sim20"):
        simulate_genotypes(people, random_state=1, settings=GenotypeSettings(n_variants=30, years={"rs1805007": 1.0}))


def test_simulate_genotypes__of_relatives_needs_their_haplotypes() -> None:
    cohort = simulate_cohort(60, random_state=1, family_share=0.5)
    settings = GenotypeSettings(n_variants=12)
    with pytest.raises(InputError, match="give the cohort's haplotypes too"):
        simulate_genotypes(cohort.participants, random_state=1, relatives=cohort.relatives)
    with pytest.raises(InputError, match="not of these 59 people"):
        simulate_genotypes(cohort.participants.head(59), random_state=1, relatives=cohort.relatives, haplotypes=cohort.haplotypes)
    drawn = simulate_genotypes(
        cohort.participants, random_state=1, relatives=cohort.relatives, haplotypes=cohort.haplotypes, settings=settings
    )
    assert list(drawn.samples.family_id.dropna()) == list(cohort.participants.family_id.dropna())


def test_simulate_genotypes__takes_people_without_sex_and_mc1r_but_no_wrong_counts(people: pd.DataFrame) -> None:
    drawn = simulate_genotypes(people[["participant_id"]].head(20), random_state=1, settings=GenotypeSettings(n_variants=12))
    assert drawn.samples.sex.isna().all()
    with pytest.raises(InputError, match=r"mc1r of p0001 is nan: give 0, 1 or 2"):
        simulate_genotypes(people.head(3).assign(mc1r=np.nan), random_state=1)


def test_cohort__has_genotypes_of_the_people_in_the_order_of_the_participants() -> None:
    cohort: Cohort = simulate_cohort(40, random_state=1, genotypes=GenotypeSettings(n_variants=20))
    assert cohort.genotypes is not None
    assert list(cohort.genotypes.samples.participant_id) == list(cohort.participants.participant_id)
    assert list(cohort.participants.ancestry) == list(cohort.genotypes.samples.group)
