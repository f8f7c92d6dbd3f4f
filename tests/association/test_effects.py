"""Curves, effects by sex and steps: against R, and against what was planted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.association import OutcomeSpec, associate, association_curves, association_steps
from facies.errors import InputError

REFERENCE = Path(__file__).parents[1] / "reference"
MODEL = {"model_1": ["age", "sex"]}
OUTCOMES = {
    "linear": OutcomeSpec("cognition", "continuous"),
    "logistic": OutcomeSpec("copd", "binary"),
    "cox": OutcomeSpec("fracture", "time_to_event", duration="fracture_years"),
}


@pytest.fixture(scope="module")
def expected():
    table = pd.read_csv(REFERENCE / "effects_expected.tsv", sep="\t", keep_default_na=False)
    return {(row.case, row.term, row.statistic): float(row.value) for row in table.itertuples()}


@pytest.fixture(scope="module")
def tables():
    people = pd.read_csv(REFERENCE / "cohort.tsv", sep="\t", na_values="n/a")
    outcomes = pd.read_csv(REFERENCE / "families.tsv", sep="\t", na_values="n/a").merge(people[["participant_id", "copd", "cognition"]])
    exposures = people[["participant_id"]].assign(**{"perceived_age[panel]": people.perceived_age})
    return exposures, outcomes, people[["participant_id", "family_id", "age", "sex", "bmi", "site"]]


@pytest.mark.parametrize("family", list(OUTCOMES))
def test_association_curves__equal_r(tables, expected, family):
    spec = OUTCOMES[family]
    curve = association_curves(*tables, outcome_kinds={spec.name: spec}, adjustments=MODEL, cluster_by=None, n_points=5)
    case = f"curve_{family}"
    undo = float if family == "linear" else np.log
    for i, point in enumerate(curve.itertuples(), start=1):
        error = expected[case, str(i), "std_error"]
        assert point.at == pytest.approx(expected[case, str(i), "at"], rel=1e-12)
        assert undo(point.estimate) == pytest.approx(expected[case, str(i), "estimate"], rel=1e-6, abs=1e-6 * error)
        half = (undo(point.ci_high) - undo(point.ci_low)) / 2
        assert half / error == pytest.approx(1.96, abs=0.02)
    assert curve.p_nonlinear.iloc[0] == pytest.approx(expected[case, "", "p_nonlinear"], rel=1e-5)


def test_association_curves__at_the_reference_there_is_no_difference_and_no_interval(tables):
    exposures, outcomes, covariates = tables
    even = exposures.assign(**{"perceived_age[panel]": np.linspace(-1, 1, len(exposures))})
    curve = association_curves(even, outcomes, covariates, outcome_kinds={"copd": "binary"}, adjustments=MODEL, n_points=25)
    nearest = curve.iloc[(curve["at"] - curve.reference).abs().argmin()]
    assert nearest.estimate == pytest.approx(1, abs=0.05)
    assert len(curve) == 25
    assert curve.reference.nunique() == 1


def bent(rng, curvature, n=500):
    x = rng.normal(0, 1, n)
    ids = [f"p{i}" for i in range(n)]
    outcomes = pd.DataFrame({"participant_id": ids, "y": 0.5 * x + curvature * x**2 + rng.normal(size=n)})
    return pd.DataFrame({"participant_id": ids, "gap": x}), outcomes, pd.DataFrame({"participant_id": ids, "age": rng.normal(size=n)})


def test_association_curves__find_a_bend_and_call_a_line_a_line():
    rng = np.random.default_rng(1)
    settings = {"outcome_kinds": {"y": "continuous"}, "adjustments": {"m": ["age"]}, "n_points": 2}
    straight = [association_curves(*bent(rng, 0.0, 200), **settings).p_nonlinear[0] for _ in range(100)]
    assert 0.01 <= np.mean(np.array(straight) < 0.05) <= 0.12
    assert association_curves(*bent(rng, 0.3), **settings).p_nonlinear[0] < 1e-6


def test_association_curves__recover_the_planted_curve():
    curve = association_curves(
        *bent(np.random.default_rng(2), 0.3, 4000), outcome_kinds={"y": "continuous"}, adjustments={"m": ["age"]}, n_points=9
    )
    truth = 0.5 * (curve["at"] - curve.reference) + 0.3 * (curve["at"] ** 2 - curve.reference**2)
    assert np.abs(curve.estimate - truth).max() < 0.2


def test_association_curves__too_few_values_give_one_row_with_the_reason(tables):
    exposures, outcomes, covariates = tables
    coarse = exposures.assign(**{"perceived_age[panel]": np.arange(len(exposures)) % 2})
    curve = association_curves(coarse, outcomes, covariates, outcome_kinds={"copd": "binary"}, adjustments=MODEL)
    assert len(curve) == 1
    assert curve.note[0].startswith("two of 4 knots coincide")
    assert np.isnan(curve.estimate[0])
    rare = outcomes.assign(copd=(np.arange(len(outcomes)) < 3) * 1)
    curve = association_curves(exposures, rare, covariates, outcome_kinds={"copd": "binary"}, adjustments=MODEL)
    assert curve.note[0].startswith("3 of 240 participants have the outcome")
    with pytest.raises(InputError, match="n_points is 1"):
        association_curves(*tables, outcome_kinds={"copd": "binary"}, adjustments=MODEL, n_points=1)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_associate__effects_by_sex_equal_r(tables, expected, family):
    spec = OUTCOMES[family]
    table = associate(*tables, outcome_kinds={spec.name: spec}, adjustments=MODEL, cluster_by=None, sex_interaction=True)
    undo = float if family == "linear" else np.log
    for level, analysis in (("female", "sex=female"), ("male", "sex=male"), ("interaction", "sex_interaction")):
        row = table.set_index("analysis").loc[analysis]
        wanted = {name: expected[f"sex_{family}", level, name] for name in ("estimate", "std_error", "p_value")}
        assert undo(row.estimate) == pytest.approx(wanted["estimate"], rel=1e-6, abs=1e-6 * wanted["std_error"])
        assert row.std_error == pytest.approx(wanted["std_error"], rel=1e-6)
        assert row.p_value == pytest.approx(wanted["p_value"], rel=1e-5)


def test_associate__effects_by_sex_say_their_direction_and_count_their_people(tables):
    _, outcomes, covariates = tables
    table = associate(*tables, outcome_kinds={"copd": "binary", "cognition": "continuous"}, adjustments=MODEL, sex_interaction=True)
    copd = table[table.outcome == "copd"].set_index("analysis")
    women = outcomes.merge(covariates).query("sex == 'female'").copd.dropna()
    assert (copd.n["sex=female"], copd.n_events["sex=female"]) == (len(women), women.sum())
    assert copd.n["sex=female"] + copd.n["sex=male"] == copd.n["sex_interaction"] == copd.n["complete_case"]
    assert copd.note["sex_interaction"].startswith("ratio of men's to women's")
    assert table[table.outcome == "cognition"].set_index("analysis").note["sex_interaction"].startswith("men minus women")
    assert copd.estimate["sex_interaction"] == pytest.approx(copd.estimate["sex=male"] / copd.estimate["sex=female"], rel=1e-8)


def test_associate__sex_is_added_to_a_set_that_lacks_it_and_needs_two_levels(tables):
    exposures, outcomes, covariates = tables
    settings = {"outcome_kinds": {"cognition": "continuous"}, "adjustments": {"m": ["age"]}, "sex_interaction": True}
    table = associate(exposures, outcomes, covariates, **settings)
    assert table.note[1].startswith("sex added to the covariates")
    other = covariates.assign(sex=covariates.sex.where(covariates.index > 9, "other"))
    with_other = associate(exposures, outcomes, other, **settings).set_index("analysis")
    assert with_other.n["complete_case"] - with_other.n["sex_interaction"] == outcomes.cognition[:10].notna().sum()
    one_sex = associate(exposures, outcomes, covariates.assign(sex="male"), **settings).set_index("analysis")
    assert one_sex.estimate.drop("complete_case").isna().all()
    with pytest.raises(InputError, match="sex_interaction needs a column sex"):
        associate(exposures, outcomes, covariates.drop(columns="sex"), **settings)


def test_associate__too_few_events_in_one_sex_leave_that_effect_out(tables):
    exposures, outcomes, covariates = tables
    women = (covariates.sex == "female").to_numpy()
    fewer = outcomes.assign(copd=np.where(women & (np.cumsum(outcomes.copd.fillna(0) * women) > 4), 0, outcomes.copd))
    table = associate(exposures, fewer, covariates, outcome_kinds={"copd": "binary"}, adjustments={"m": []}, sex_interaction=True)
    found = table.set_index("analysis")
    assert np.isnan(found.estimate["sex=female"])
    assert found.note["sex=female"].startswith("4 of ")
    assert np.isfinite(found.estimate["sex=male"])
    assert np.isnan(found.estimate["sex_interaction"])


def test_association_steps__count_who_is_left_at_each_step(tables):
    exposures, outcomes, covariates = tables
    kinds = {"copd": "binary", "fracture": OUTCOMES["cox"], "cognition": "continuous"}
    adjustments = {"model_2": ["age", "sex", "bmi", "site"]}
    steps = association_steps(
        exposures.iloc[20:], outcomes, covariates, outcome_kinds=kinds, adjustments=adjustments, multiple_imputation=True
    ).set_index(["outcome", "step"])
    known = outcomes.copd.notna()
    seen, complete = known & (outcomes.index >= 20), known & (outcomes.index >= 20) & covariates.bmi.notna()
    wanted = {"given": known | True, "with outcome": known, "with exposure": seen, "complete cases": complete, "after imputation": seen}
    for step, people in wanted.items():
        assert steps.n["copd", step] == people.sum()
        assert steps.n_events["copd", step] == outcomes.copd[people].sum()
    assert steps.n_events["cognition"].isna().all()
    table = associate(exposures.iloc[20:], outcomes, covariates, outcome_kinds=kinds, adjustments=adjustments)
    for row in table.itertuples():
        assert row.n == steps.n[row.outcome, "complete cases"]
        assert np.isnan(row.n_events) or row.n_events == steps.n_events[row.outcome, "complete cases"]
