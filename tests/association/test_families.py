"""Every kind of outcome through associate: against R, with missing values, covariates and families; and which regression is chosen."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.association import OutcomeSpec, associate
from facies.stats.firth import fit_firth

REFERENCE = Path(__file__).parents[1] / "reference"
MODEL = {"model_2": ["age", "sex", "bmi", "site"]}
FRACTURE = OutcomeSpec("fracture", "time_to_event", duration="fracture_years")
SPECS = {
    "cox": FRACTURE,
    "cox_age": OutcomeSpec("fracture", "time_to_event", duration="fracture_years", time_scale="age"),
    "poisson": OutcomeSpec("falls", "count", person_time="falls_years", count_model="poisson"),
    "negative_binomial": OutcomeSpec("falls", "count", person_time="falls_years"),
    "ordinal": OutcomeSpec("frailty", "ordinal"),
    "firth": OutcomeSpec("rare", "binary"),
    "linear_mixed": OutcomeSpec("cognition", "continuous"),
}
SCALES = {
    "cox": "hazard_ratio", "cox_age": "hazard_ratio", "poisson": "rate_ratio", "negative_binomial": "rate_ratio", "ordinal": "odds_ratio",
    "firth": "odds_ratio", "linear_mixed": "difference",
}  # fmt: skip


@pytest.fixture(scope="module")
def expected():
    table = pd.read_csv(REFERENCE / "families_expected.tsv", sep="\t", keep_default_na=False)
    return {(row.case, row.term, row.statistic): float(row.value) for row in table.itertuples()}


@pytest.fixture(scope="module")
def tables():
    people = pd.read_csv(REFERENCE / "cohort.tsv", sep="\t", na_values="n/a")
    outcomes = pd.read_csv(REFERENCE / "families.tsv", sep="\t", na_values="n/a").merge(people[["participant_id", "copd", "cognition"]])
    exposures = people[["participant_id"]].assign(**{"perceived_age[panel]": people.perceived_age})
    return exposures, outcomes, people[["participant_id", "family_id", "age", "sex", "bmi", "site"]]


def one(tables, spec, **settings):
    table = associate(*tables, outcome_kinds={spec.name: spec}, adjustments=MODEL, per={"perceived_age": 5}, **settings)
    return table.iloc[0]


CASES = [
    (family, cluster_by)
    for family in SPECS
    for cluster_by in (None, "family_id")
    if (family, cluster_by) not in {("cox_age", None), ("linear_mixed", None), ("firth", "family_id")}
]


@pytest.mark.parametrize(("family", "cluster_by"), CASES)
def test_associate__equals_r_for_every_family_per_5_years(tables, expected, family, cluster_by):
    row = one(tables, SPECS[family], cluster_by=cluster_by, clustering="mixed" if family == "linear_mixed" else "robust")
    case = family if cluster_by is None or family in {"cox_age", "linear_mixed"} else f"{family}_cluster"
    undo = float if row.scale == "difference" else np.log
    wanted = 5 * expected[case, "perceived_age", "coef"]
    assert undo(row.estimate) == pytest.approx(wanted, rel=1e-6, abs=1e-6 * row.std_error)
    assert row.std_error == pytest.approx(5 * expected[case, "perceived_age", "std_error"], rel=1e-6)
    assert (row.family, row.scale) == (family.removesuffix("_age"), SCALES[family])
    if family != "firth":
        critical = (undo(row.ci_high) - undo(row.ci_low)) / 2 / row.std_error
        assert critical == pytest.approx(1.959963984540054, rel=1e-6)


def test_associate__firth_p_value_and_interval_are_by_the_penalised_likelihood(tables, expected):
    row = one(tables, SPECS["firth"], cluster_by=None)
    assert row.p_value == pytest.approx(expected["firth", "perceived_age", "p_value"], rel=1e-5)
    assert np.log(row.ci_low) == pytest.approx(5 * expected["firth", "perceived_age", "ci_low"], rel=1e-5)
    assert np.log(row.ci_high) == pytest.approx(5 * expected["firth", "perceived_age", "ci_high"], rel=1e-5)


def test_associate__the_switch_to_firth_is_said(tables):
    row = one(tables, SPECS["firth"])
    assert row.family == "firth"
    assert "fewer than 10 with (or without) the outcome a coefficient: Firth's regression, people taken as independent" in row.note
    assert "standard errors by" not in row.note
    assert one(tables, OutcomeSpec("copd", "binary")).family == "logistic"


def test_associate__separated_data_are_given_to_firth(tables):
    exposures, outcomes, covariates = tables
    old = (exposures["perceived_age[panel]"] > exposures["perceived_age[panel]"].median()) * 1
    table = associate(exposures, outcomes.assign(copd=old), covariates, outcome_kinds={"copd": "binary"}, adjustments={"m": ["age"]})
    row = table.iloc[0]
    assert row.family == "firth"
    assert row.note.startswith("perceived_age[panel] with age separates those with the outcome from those without: Firth's regression")
    x = exposures["perceived_age[panel]"].to_numpy()
    plain = fit_firth(old.to_numpy(float), np.column_stack([x, covariates.age]), names=("x", "age"))
    assert np.log(row.estimate) == pytest.approx(plain.coef[0], rel=1e-9)
    assert 1 < row.ci_low < row.estimate < row.ci_high


def test_associate__times_of_0_are_lost_and_counted(tables):
    exposures, outcomes, covariates = tables
    outcomes = outcomes.assign(fracture_years=outcomes.fracture_years.where(outcomes.index >= 4, 0.0))
    row = one((exposures, outcomes, covariates), FRACTURE)
    before = one(tables, FRACTURE)
    known = tables[1].dropna(subset=["fracture", "fracture_years"]).index.intersection(range(4))
    assert before.n - row.n == len(known)
    assert "4 with a fracture_years of 0 count as without outcome" in row.note


def test_associate__age_as_time_scale_is_no_covariate_too(tables):
    row = one(tables, SPECS["cox_age"])
    assert "age is the time scale, so no covariate" in row.note
    assert row.covariates == "age+sex+bmi+site"


def test_associate__a_person_without_age_is_no_complete_case_on_the_age_scale(tables):
    exposures, outcomes, covariates = tables
    young = covariates.assign(age=covariates.age.where(covariates.index >= 10))
    known = outcomes.merge(covariates).dropna(subset=["fracture", "fracture_years", "bmi"]).index
    assert one((exposures, outcomes, young), SPECS["cox_age"]).n == len(known[known >= 10])


def test_associate__site_may_be_the_cluster(tables):
    row = one(tables, OutcomeSpec("cognition", "continuous"), cluster_by="site")
    assert "standard errors by site (3), too few for robust ones" in row.note


def test_associate__mixed_is_for_continuous_outcomes_and_others_stay_robust(tables):
    mixed, robust = (one(tables, OutcomeSpec("copd", "binary"), clustering=clustering) for clustering in ("mixed", "robust"))
    assert (mixed.estimate, mixed.std_error) == (robust.estimate, robust.std_error)
    assert "a random intercept is for continuous outcomes" in mixed.note
    continuous = one(tables, OutcomeSpec("cognition", "continuous"), clustering="mixed")
    assert continuous.family == "linear_mixed"
    assert "random intercept by family_id (80)" in continuous.note


def test_associate__e_values_are_an_option(tables):
    outcome = {"copd": "binary", "cognition": "continuous"}
    plain = associate(*tables, outcome_kinds=outcome, adjustments=MODEL)
    assert "e_value" not in plain
    table = associate(*tables, outcome_kinds=outcome, adjustments=MODEL, per={"perceived_age": 5}, e_values=True)
    copd, cognition = table.iloc[0], table.iloc[1]
    root = np.sqrt(max(copd.estimate, 1 / copd.estimate))  # 27 % have copd: common
    assert copd.e_value == pytest.approx(root + np.sqrt(root * (root - 1)))
    sd = tables[1].merge(tables[2]).dropna(subset=["cognition", "bmi"]).cognition.std()
    ratio = np.exp(0.91 * abs(cognition.estimate) / sd)
    assert cognition.e_value == pytest.approx(ratio + np.sqrt(ratio * (ratio - 1)))
    assert (table.e_value_limit <= table.e_value).all()
