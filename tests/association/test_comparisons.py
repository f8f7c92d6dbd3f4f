"""Human against computed perceived age: same people, signs, attenuation, verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from facies.association import OutcomeSpec, associate, associate_traits, compare_sources, compare_sources_on_traits, proxy_slopes
from facies.errors import InputError

N = 600
ADJUSTMENTS = {"model_1": ["age", "sex"]}
FAST = {"n_bootstrap": 200, "random_state": 3}


@pytest.fixture(scope="module")
def study() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(8)
    ids = [f"p{i:03d}" for i in range(N)]
    age = rng.uniform(52, 88, N)
    mc1r = rng.binomial(2, 0.2, N) * 1.0
    truth = age + 0.8 * mc1r + rng.normal(0, 4, N)
    human = truth + rng.normal(0, 1.5, N)
    sources = {
        "perceived_age[panel]": human,
        "perceived_age[dft]": age + 0.6 * (human - age) + rng.normal(0, 2, N),
        "perceived_age[ssl]": age + 0.8 * (human - age) + rng.normal(0, 1, N),
    }
    linear = 0.08 * (truth - age) + 0.03 * (age - 70)
    outcomes = {
        "copd": (rng.uniform(size=N) < 1 / (1 + np.exp(0.5 - linear))) * 1.0,
        "cognition": -linear + rng.normal(size=N),
        "falls": rng.poisson(np.exp(linear) * rng.gamma(2, 0.5, N)) * 1.0,
        "frailty": np.digitize(linear + rng.logistic(size=N), [-1, 0, 1]) * 1.0,
        "fracture": rng.binomial(1, 0.4, N) * 1.0,
        "years": np.round(rng.exponential(6 / np.exp(linear)) + 0.1, 1),
    }
    sex = np.where(rng.integers(0, 2, N) == 1, "female", "male")
    people = pd.DataFrame({"participant_id": ids, "age": age, "sex": sex})
    exposures = pd.DataFrame({"participant_id": ids, **sources})
    exposures.loc[5, "perceived_age[ssl]"] = np.nan
    noise = pd.DataFrame({
        "participant_id": ids, "target": "perceived_age", "n_photographs": 1, "sum_squares": 26 * 1.5**2 * 27.0,
        "degrees_of_freedom": 26.0, "noise_factor": 27**-0.5, "reader_error_sum": np.nan, "n_reader_errors": 0.0,
    })  # fmt: skip
    return {
        "people": people, "exposures": exposures, "outcomes": pd.DataFrame({"participant_id": ids, **outcomes}), "noise": noise,
        "mc1r": pd.DataFrame({"participant_id": ids, "mc1r": mc1r}),
    }  # fmt: skip


KINDS: dict[str, str | OutcomeSpec] = {
    "copd": "binary",
    "cognition": "continuous",
    "falls": "count",
    "frailty": "ordinal",
    "fracture": OutcomeSpec("fracture", "time_to_event", duration="years"),
}


def compared(study: dict[str, pd.DataFrame], **changes: Any) -> pd.DataFrame:
    given: dict[str, Any] = {
        "exposures": study["exposures"],
        "outcomes": study["outcomes"],
        "covariates": study["people"],
        "outcome_kinds": KINDS,
        "adjustments": ADJUSTMENTS,
        "per": {"perceived_age": 5},
        "noise": study["noise"],
        **FAST,
        **changes,
    }
    return compare_sources(given.pop("exposures"), given.pop("outcomes"), given.pop("covariates"), **given)


@pytest.fixture(scope="module")
def table(study) -> pd.DataFrame:
    return compared(study)


def test_compare_sources__coefficients_are_those_of_the_associations(study, table):
    given = {"outcome_kinds": KINDS, "adjustments": ADJUSTMENTS, "per": {"perceived_age": 5}}
    found = associate(study["exposures"], study["outcomes"], study["people"], **given).set_index(["outcome", "exposure"])
    for row in table.itertuples():
        for source, coef in (("panel", row.coef_human), (row.computed, row.coef_computed)):
            other = found.loc[(row.variable, f"perceived_age[{source}]")]
            value = other.estimate if other.scale == "difference" else np.log(other.estimate)
            assert coef == pytest.approx(value, rel=1e-9)
            assert row.n == other.n == N - 1
            assert (row.family, row.scale) == (other.family, other.scale)
    assert (table.difference == table.coef_computed - table.coef_human).all()


def test_compare_sources__drawing_people_and_stacked_equations_agree(table):
    assert len(table) == 10
    assert table.bootstrap_std_error.to_numpy() == pytest.approx(table.std_error.to_numpy(), rel=0.2)
    assert ((table.bootstrap_low < table.difference) & (table.difference < table.bootstrap_high)).all()


def test_compare_sources__slopes_are_those_of_proxy_slopes(study, table):
    exposures = study["exposures"].dropna()
    slopes = proxy_slopes(exposures, study["people"], adjustments=ADJUSTMENTS).set_index(["exposure", "outcome"]).estimate
    row = table[(table.variable == "cognition") & (table.computed == "dft")].iloc[0]
    assert row.slope_computed_on_human == pytest.approx(slopes["perceived_age[panel]", "perceived_age[dft]"], rel=1e-9)
    assert row.slope_human_on_computed == pytest.approx(slopes["perceived_age[dft]", "perceived_age[panel]"], rel=1e-9)
    assert row.expected == pytest.approx(row.coef_human * row.slope_human_on_computed)
    assert row.corrected_computed == pytest.approx(row.coef_computed / row.slope_human_on_computed)
    assert row.corrected_computed_low < row.corrected_computed < row.corrected_computed_high


def test_compare_sources__reliability_is_one_less_the_share_of_reading_noise(study, table):
    panel, age = study["exposures"].dropna()["perceived_age[panel]"], study["people"].drop(index=5)
    X = np.column_stack([np.ones(N - 1), age.age, age.sex == "male"])
    rest = panel - X @ np.linalg.lstsq(X, panel, rcond=None)[0]
    assert table.reliability.unique() == pytest.approx([1 - 1.5**2 / (rest @ rest / (N - 1 - 3))])
    assert table.corrected_human.to_numpy() == pytest.approx((table.coef_human / table.reliability).to_numpy())
    assert table.note.str.contains("is expected when reading noise is taken into account").all()


def test_compare_sources__direction_flips_coefficients_and_leaves_slopes(study, table):
    flipped = study["exposures"].rename(columns=lambda name: name.replace("perceived_age", "delta_pa_rotterdam"))
    for name in flipped.columns[1:]:
        flipped[name] = study["people"].age - flipped[name]
    found = compared(study, exposures=flipped, per={"delta_pa_rotterdam": 5})
    same = ["slope_computed_on_human", "slope_human_on_computed", "ratio", "ratio_low", "ratio_high", "reliability", "std_error", "p_value"]
    assert found[same].to_numpy() == pytest.approx(table[same].to_numpy(), rel=1e-6, nan_ok=True)
    turned = ["coef_human", "coef_computed", "difference", "expected", "difference_from_expected", "corrected_human", "corrected_computed"]
    assert found[turned].to_numpy() == pytest.approx(-table[turned].to_numpy(), rel=1e-6)
    assert found.bootstrap_low.to_numpy() == pytest.approx(-table.bootstrap_high.to_numpy(), rel=1e-4, abs=1e-6)
    assert found.computed.tolist() == table.computed.tolist()


def test_compare_sources__shuffled_rows_give_the_same(study, table):
    shuffled = {name: frame.sample(frac=1, random_state=4) for name, frame in study.items()}
    pd.testing.assert_frame_equal(compared(shuffled), table, rtol=1e-4)


def test_compare_sources__the_same_numbers_are_equivalent_and_nothing_is_different(study):
    exposures = study["exposures"].assign(**{"perceived_age[copy]": study["exposures"]["perceived_age[panel]"]})
    exposures = exposures[["participant_id", "perceived_age[panel]", "perceived_age[copy]"]]
    kinds = {"cognition": "continuous", "copd": "binary"}
    found = compared(study, exposures=exposures, outcome_kinds=kinds, margins={"cognition": 0.01, "copd": 0.01}, noise=None)
    assert (found.verdict == "equivalent").all()
    assert found[["difference", "std_error", "p_equivalence"]].to_numpy() == pytest.approx(0, abs=1e-9)
    assert found.ratio.to_numpy() == pytest.approx(1)
    assert found.reliability.isna().all()


def test_compare_sources__relatives_are_drawn_together(study):
    once = {name: frame.drop(index=5) for name, frame in study.items()}
    doubled = {}
    for name, frame in once.items():
        twin = frame.assign(participant_id=frame.participant_id + "b")
        doubled[name] = pd.concat([frame, twin], ignore_index=True)
    doubled["people"]["family_id"] = doubled["people"].participant_id.str[:4]
    kinds = {"cognition": "continuous", "copd": "binary"}
    one, two = compared(once, outcome_kinds=kinds), compared(doubled, outcome_kinds=kinds)
    for column in ("difference", "std_error", "bootstrap_std_error"):
        assert two[column].to_numpy() == pytest.approx(one[column].to_numpy(), rel=0.02)


def test_compare_sources__an_outcome_that_is_too_rare_gives_a_row_that_says_so(study):
    outcomes = study["outcomes"].assign(rare=(np.arange(N) < 4) * 1.0)
    found = compared(study, outcomes=outcomes, outcome_kinds={"rare": "binary"})
    assert (found.verdict == "no estimate").all()
    assert found.difference.isna().all()
    assert found.note.str.contains("fewer than 10").all()


def test_compare_sources__firth_stays_firth_in_the_draws(study):
    outcomes = study["outcomes"].assign(rare=(np.random.default_rng(5).permutation(N) < 14) * 1.0)
    found = compared(study, outcomes=outcomes, outcome_kinds={"rare": "binary"})
    assert (found.family == "firth").all()
    assert found.bootstrap_std_error.notna().all()
    assert found.bootstrap_std_error.to_numpy() == pytest.approx(found.std_error.to_numpy(), rel=0.5)


def test_compare_sources_on_traits__coefficients_are_those_of_associate_traits(study):
    given = (study["mc1r"], study["exposures"], study["people"])
    found = compare_sources_on_traits(*given, adjustments=ADJUSTMENTS, noise=study["noise"], margins={"mc1r": 0.5}, **FAST)
    expected = associate_traits(*given, adjustments=ADJUSTMENTS).set_index("outcome").estimate
    assert found.coef_human.to_numpy() == pytest.approx(expected["perceived_age[panel]"])
    assert found.coef_computed.tolist() == pytest.approx([expected["perceived_age[dft]"], expected["perceived_age[ssl]"]])
    assert found.expected.to_numpy() == pytest.approx((found.coef_human * found.slope_computed_on_human).to_numpy())
    assert (found.corrected_human == found.coef_human).all()
    assert (found.role == "outcome").all()
    assert found.margin.eq(0.5).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margins": {"asthma": 0.1}}, "margins names 'asthma'"),
        ({"margins": {"copd": -1.0}}, "above 0"),
        ({"human": "perceived_age[us]"}, "correct the name"),
        ({"n_bootstrap": 1}, "at least 2"),
        ({"outcome_kinds": {}}, "nothing to compare"),
    ],
)
def test_compare_sources__wrong_settings_are_refused(study, changes, message):
    with pytest.raises(InputError, match=message):
        compared(study, **changes)


def test_compare_sources__a_panel_alone_is_refused(study):
    with pytest.raises(InputError, match="no computed perceived age"):
        compared(study, exposures=study["exposures"][["participant_id", "perceived_age[panel]"]])


def test_compare_sources__an_outcome_that_nobody_has_gives_a_row_that_says_so(study):
    outcomes = study["outcomes"].assign(lost=np.nan)
    found = compared(study, outcomes=outcomes, outcome_kinds={"lost": "binary"})
    assert found.n.eq(0).all()
    assert (found.verdict == "no estimate").all()
    assert found.note.str.contains("without outcome").all()


def test_compare_sources__both_corrections_reach_the_effect_without_reading_noise():
    rng = np.random.default_rng(12)
    n, effect, per_allele, noise_sd = 20_000, 0.1, 0.8, 2.0
    people = pd.DataFrame({"participant_id": [f"p{i:05d}" for i in range(n)], "age": rng.uniform(50, 80, n)})
    mc1r = people[["participant_id"]].assign(mc1r=rng.binomial(2, 0.25, n) * 1.0)
    truth = people.age + per_allele * mc1r.mc1r + rng.normal(0, 3, n)
    ages = people[["participant_id"]].assign(**{
        "perceived_age[panel]": truth + rng.normal(0, noise_sd, n),
        "perceived_age[m]": people.age + 0.6 * (truth - people.age) + rng.normal(0, 1, n),
    })  # fmt: skip
    outcomes = people[["participant_id"]].assign(cognition=effect * truth + rng.normal(0, 0.3, n))
    noise = pd.DataFrame({
        "participant_id": people.participant_id, "target": "perceived_age", "n_photographs": 1, "sum_squares": 9 * 10 * noise_sd**2,
        "degrees_of_freedom": 9.0, "noise_factor": 10**-0.5, "reader_error_sum": np.nan, "n_reader_errors": 0.0,
    })  # fmt: skip
    given = {"adjustments": {"model_1": ["age"]}, "noise": noise, "n_bootstrap": 100}
    on_outcome = compare_sources(ages, outcomes, people, outcome_kinds={"cognition": "continuous"}, **given).iloc[0]
    on_age = compare_sources_on_traits(mc1r, ages, people, **given).iloc[0]
    share = 9 + 2 * 0.25 * 0.75 * per_allele**2
    assert on_outcome.reliability == pytest.approx(share / (share + noise_sd**2), rel=0.02)
    assert on_outcome.coef_human == pytest.approx(effect * on_outcome.reliability, rel=0.03)
    assert [on_outcome.corrected_human, on_outcome.corrected_computed] == pytest.approx([effect, effect], rel=0.03)
    assert on_outcome.coef_computed == pytest.approx(on_outcome.expected / on_outcome.reliability, rel=0.03)
    assert on_age.corrected_human == on_age.coef_human == pytest.approx(per_allele, abs=4 * 0.06)
    assert on_age.corrected_computed * on_age.reliability == pytest.approx(on_age.coef_human, rel=0.1)
    assert on_age.coef_computed == pytest.approx(0.6 * on_age.coef_human, rel=0.1)
