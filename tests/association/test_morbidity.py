"""Associations: against R, simulated truth, and with bad input."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.association import OutcomeSpec, age_gap, associate
from facies.errors import InputError
from facies.stats.multiplicity import adjust_p_values

REFERENCE = Path(__file__).parents[1] / "reference"
ADJUSTMENTS = {"model_1": ["age", "sex"], "model_2": ["age", "sex", "bmi", "site"]}
KINDS = {"copd": "binary", "cognition": "continuous"}
SOURCES = {"perceived_age[panel]": "perceived_age", "perceived_age[hog+ridge]": "predicted_age"}


@pytest.fixture(scope="module")
def expected():
    table = pd.read_csv(REFERENCE / "regression_expected.tsv", sep="\t", keep_default_na=False)
    return {(row.case, row.term, row.statistic): float(row.value) for row in table.itertuples()}


@pytest.fixture(scope="module")
def tables():
    cohort = pd.read_csv(REFERENCE / "cohort.tsv", sep="\t", na_values="n/a")
    exposures = cohort[["participant_id"]].assign(**{name: cohort[column] for name, column in SOURCES.items()})
    outcomes = cohort[["participant_id", "copd", "cognition"]]
    return exposures, outcomes, cohort[["participant_id", "family_id", "age", "sex", "bmi", "site"]]


def row_of(table, exposure="perceived_age[panel]", outcome="copd", adjustment="model_1", analysis="complete_case"):
    return table.set_index(["exposure", "outcome", "adjustment", "analysis"]).loc[(exposure, outcome, adjustment, analysis)]


@pytest.mark.parametrize("cluster_by", [None, "family_id"])
def test_associate__equals_r_per_5_years(tables, expected, cluster_by):
    table = associate(*tables, outcome_kinds=KINDS, adjustments=ADJUSTMENTS, per={"perceived_age": 5}, cluster_by=cluster_by)
    assert len(table) == 8
    for row in table.itertuples():
        kind = "logistic" if row.outcome == "copd" else "linear_hc3"
        case = kind if cluster_by is None else {"logistic": "logistic_cr1", "linear_hc3": "linear_cr1"}[kind]
        wanted = {
            name: expected[f"{case} {row.adjustment} {SOURCES[row.exposure]}", SOURCES[row.exposure], name]
            for name in ("coef", "std_error", "ci_low", "ci_high", "p_value")
        }
        undo = np.log if row.scale == "odds_ratio" else float
        assert undo(row.estimate) == pytest.approx(5 * wanted["coef"], rel=1e-6)
        close = {"rel": 1e-6, "abs": 1e-6 * row.std_error}
        assert undo(row.ci_low) == pytest.approx(5 * wanted["ci_low"], **close)
        assert undo(row.ci_high) == pytest.approx(5 * wanted["ci_high"], **close)
        assert row.std_error == pytest.approx(5 * wanted["std_error"], rel=1e-6)
        assert row.p_value == pytest.approx(wanted["p_value"], rel=1e-6)
        assert row.n == expected[f"{case} {row.adjustment} {SOURCES[row.exposure]}", "", "n"]
        assert row.per == 5


def test_associate__human_and_computed_stand_on_the_same_people(tables):
    exposures, outcomes, covariates = tables
    partly = exposures.copy()
    partly.loc[:49, "perceived_age[panel]"] = np.nan
    same = associate(partly, outcomes, covariates, outcome_kinds=KINDS, adjustments=ADJUSTMENTS)
    assert same.groupby(["outcome", "adjustment"]).n.nunique().eq(1).all()
    own = associate(partly, outcomes, covariates, outcome_kinds=KINDS, adjustments=ADJUSTMENTS, same_participants=False)
    assert row_of(own, "perceived_age[hog+ridge]").n == 238
    assert row_of(own).n == row_of(same).n == 189


def test_associate__says_who_was_left_out_and_why(tables):
    exposures, outcomes, covariates = tables
    partly = exposures.iloc[10:]
    table = associate(partly, outcomes, covariates, outcome_kinds=KINDS, adjustments=ADJUSTMENTS)
    assert row_of(table, adjustment="model_2").note.startswith(
        "14 of 240 left out: 2 without outcome, 10 without exposure, 2 without covariates"
    )
    assert row_of(table, adjustment="model_2").n == 226


@pytest.mark.parametrize("outcome", ["copd", "cognition"])
def test_associate__with_age_adjusted_years_looking_older_and_perceived_age_have_one_coefficient(tables, outcome):
    exposures, outcomes, covariates = tables
    pa, age = exposures["perceived_age[panel]"].to_numpy(), covariates.age.to_numpy()
    gaps = exposures[["participant_id"]].assign(
        perceived_age=pa,
        years_looking_older=age_gap(pa, age, direction="years_looking_older"),
        delta_pa_rotterdam=age_gap(pa, age, direction="delta_pa_rotterdam"),
        corrected=pa - 0.8 * age,
    )
    table = associate(gaps, outcomes, covariates, outcome_kinds={outcome: KINDS[outcome]}, adjustments={"model_1": ["age", "sex"]})
    coefficient = {row.exposure: np.log(row.estimate) if outcome == "copd" else row.estimate for row in table.itertuples()}
    assert coefficient["years_looking_older"] == pytest.approx(coefficient["perceived_age"], rel=1e-8)
    assert coefficient["corrected"] == pytest.approx(coefficient["perceived_age"], rel=1e-8)
    assert coefficient["delta_pa_rotterdam"] == pytest.approx(-coefficient["perceived_age"], rel=1e-8)


def many_outcomes(outcomes, n=4):
    rng = np.random.default_rng(0)
    names = [f"y{i}" for i in range(n)]
    return outcomes.assign(**{name: rng.normal(size=len(outcomes)) for name in names}), {**KINDS, **dict.fromkeys(names, "continuous")}


def test_associate__p_values_are_adjusted_within_one_exposure_and_adjustment(tables):
    exposures, outcomes, covariates = tables
    more, kinds = many_outcomes(outcomes)
    table = associate(exposures, more, covariates, outcome_kinds=kinds, adjustments=ADJUSTMENTS)
    assert set(table.test_family) == {f"outcomes, {name}, {adjustment}" for name in SOURCES for adjustment in ADJUSTMENTS}
    for _, part in table.groupby(["exposure", "adjustment"]):
        assert len(part) == 6
        assert part.test_family.nunique() == 1
        p_values = part.p_value.to_numpy()
        np.testing.assert_allclose(part.q_value, adjust_p_values(p_values))
        np.testing.assert_allclose(part.p_holm, adjust_p_values(p_values, method="holm"))
        np.testing.assert_allclose(part.p_bonferroni, np.minimum(6 * p_values, 1))


def test_associate__outcomes_may_be_declared_another_family_of_tests(tables):
    exposures, outcomes, covariates = tables
    more, kinds = many_outcomes(outcomes)
    kinds |= {name: OutcomeSpec(name, "continuous", test_family="exploratory") for name in ("y0", "y1")}
    table = associate(exposures, more, covariates, outcome_kinds=kinds, adjustments={"m": ["age"]})
    sizes = table.groupby("test_family").size()
    assert sizes["exploratory, perceived_age[panel], m"] == 2
    assert sizes["outcomes, perceived_age[panel], m"] == 4
    explored = table[table.test_family == "exploratory, perceived_age[panel], m"]
    np.testing.assert_allclose(explored.p_bonferroni, np.minimum(2 * explored.p_value, 1))


def test_associate__only_complete_case_rows_are_tests(tables):
    exposures, outcomes, covariates = tables
    settings = {"outcome_kinds": KINDS, "adjustments": ADJUSTMENTS}
    plain = associate(exposures, outcomes, covariates, **settings)
    more = associate(exposures, outcomes, covariates, **settings, sex_interaction=True, multiple_imputation=True, n_imputations=2)
    assert set(more.analysis) == {"complete_case", "multiple_imputation", "sex=female", "sex=male", "sex_interaction"}
    tests = more[more.analysis == "complete_case"].reset_index(drop=True)
    pd.testing.assert_frame_equal(tests, plain)
    others = more[more.analysis != "complete_case"]
    assert others[["q_value", "p_holm", "p_bonferroni", "test_family"]].isna().all(axis=None)
    assert others.p_value.notna().all()


def simulate(rng, n=500, log_odds=0.06, difference=-0.05):
    age = rng.uniform(50, 85, n)
    older = rng.normal(0, 4, n)
    ids = [f"p{i}" for i in range(n)]
    risk = 1 / (1 + np.exp(1 - log_odds * older - 0.03 * (age - 68)))
    outcomes = {"participant_id": ids, "copd": (rng.uniform(size=n) < risk) * 1, "cognition": difference * older + rng.normal(0, 1, n)}
    return (
        pd.DataFrame({"participant_id": ids, "perceived_age[panel]": age + older}),
        pd.DataFrame(outcomes),
        pd.DataFrame({"participant_id": ids, "age": age}),
    )


def test_associate__intervals_cover_the_planted_effects():
    rng = np.random.default_rng(1)
    covered = {"copd": 0, "cognition": 0}
    for _ in range(60):
        table = associate(*simulate(rng), outcome_kinds=KINDS, adjustments={"m": ["age"]}, per={"perceived_age": 5})
        for row in table.itertuples():
            truth = np.exp(0.3) if row.outcome == "copd" else -0.25
            covered[row.outcome] += bool(row.ci_low <= truth <= row.ci_high)
    assert all(0.86 <= count / 60 <= 1 for count in covered.values()), covered


def test_associate__nothing_planted_is_found_in_about_1_of_20_studies():
    rng = np.random.default_rng(2)
    p_values = [associate(*simulate(rng, 300, 0, 0), outcome_kinds=KINDS, adjustments={"m": ["age"]}).p_value for _ in range(60)]
    found = np.mean(np.array(p_values) < 0.05)
    assert 0.005 <= found <= 0.11


def test_associate__too_few_events_give_a_row_with_a_note(tables):
    exposures, outcomes, covariates = tables
    rare = outcomes.assign(copd=(np.arange(len(outcomes)) < 6) * 1)
    row = row_of(associate(exposures, rare, covariates, outcome_kinds={"copd": "binary"}, adjustments=ADJUSTMENTS))
    assert row.note.startswith("6 of 240 participants have the outcome: fewer than 10")
    assert row.n_events == 6
    assert np.isnan([row.estimate, row.std_error, row.ci_low, row.p_value, row.q_value]).all()


def test_associate__a_covariate_with_one_value_is_left_out_and_noted(tables):
    exposures, outcomes, covariates = tables
    men = covariates.assign(sex="male")
    table = associate(exposures, outcomes, men, outcome_kinds=KINDS, adjustments=ADJUSTMENTS)
    without = associate(exposures, outcomes, men, outcome_kinds=KINDS, adjustments={"model_1": ["age"]})
    assert "sex has one value here and was left out" in row_of(table).note
    assert row_of(table).estimate == pytest.approx(row_of(without).estimate)


def test_associate__collinear_covariates_give_a_row_with_a_note(tables):
    exposures, outcomes, covariates = tables
    twice = covariates.assign(months=12 * covariates.age, gap=exposures["perceived_age[panel]"] - covariates.age)
    table = associate(exposures, outcomes, twice, outcome_kinds=KINDS, adjustments={"a": ["age", "months"], "b": ["age", "gap"]})
    assert row_of(table, adjustment="a").note.startswith("age is determined by the covariates (collinear)")
    assert row_of(table, adjustment="b").note.startswith("perceived_age[panel] is determined by the covariates (collinear)")
    assert np.isfinite(row_of(table, "perceived_age[hog+ridge]", adjustment="b").estimate)


def test_associate__nobody_with_all_values_gives_rows_of_n_0(tables):
    exposures, outcomes, covariates = tables
    strangers = exposures.assign(participant_id="x" + exposures.participant_id)
    table = associate(strangers, outcomes, covariates, outcome_kinds=KINDS, adjustments=ADJUSTMENTS)
    assert (table.n == 0).all()
    assert table.estimate.isna().all()


def test_associate__families_of_one_are_independent_people(tables):
    exposures, outcomes, covariates = tables
    alone = covariates.assign(family_id=covariates.participant_id)
    with_families = associate(exposures, outcomes, alone, outcome_kinds=KINDS, adjustments=ADJUSTMENTS)
    without = associate(exposures, outcomes, alone, outcome_kinds=KINDS, adjustments=ADJUSTMENTS, cluster_by=None)
    pd.testing.assert_frame_equal(with_families, without)


def test_associate__a_crude_model_has_no_covariates(tables):
    table = associate(*tables, outcome_kinds=KINDS, adjustments={"crude": []})
    assert table.covariates.isna().all()
    assert table.estimate.notna().all()


def test_associate__does_not_depend_on_the_order_of_rows(tables):
    exposures, outcomes, covariates = tables
    straight = associate(exposures, outcomes, covariates, outcome_kinds=KINDS, adjustments=ADJUSTMENTS)
    shuffled = associate(exposures[::-1], outcomes.sample(frac=1, random_state=0), covariates, outcome_kinds=KINDS, adjustments=ADJUSTMENTS)
    pd.testing.assert_frame_equal(straight, shuffled)


BAD = [
    ({"outcomes": {"copd": lambda y: y + 1}}, {}, "binary outcome 'copd' is coded 1 and 2: recode it as 0 \\(without\\) and 1 \\(with\\)"),
    ({"outcomes": {"copd": lambda y: y.map({0: "no", 1: "yes"})}}, {}, "binary outcome 'copd' is coded 'no' and 'yes': recode"),
    ({"outcomes": {"copd": lambda y: np.arange(len(y)) % 3}}, {}, "binary outcome 'copd' has 3 values \\(0, 1, 2\\)"),
    ({"outcomes": {"cognition": lambda y: "low"}}, {}, "continuous outcome 'cognition' holds 'low': it must be a number"),
    ({"outcomes": {"cognition": lambda y: np.arange(len(y)) % 2}}, {}, "outcome 'cognition' has two values only: call it binary"),
    ({"exposures": {"perceived_age[panel]": lambda x: "old"}}, {}, "exposure 'perceived_age\\[panel\\]' holds 'old'"),
    ({"exposures": {"participant_id": lambda x: "p000"}}, {}, "exposures name participant p000 twice"),
    ({"covariates": {"site": lambda x: [f"s{i}" for i in range(len(x))]}}, {}, "covariate 'site' has 240 levels of text"),
    ({"covariates": {"bmi": lambda x: [f"{v:.2f}" if i > 9 else f"unknown {i}" for i, v in enumerate(x)]}}, {},
     "covariate 'bmi' holds 'unknown 0' among numbers: write a number, or n/a"),
    ({"covariates": {"bmi": lambda x: x.replace(x.max(), np.inf)}}, {}, "covariate 'bmi' holds an infinite number"),
    ({}, {"outcome_kinds": {"cataract": "binary"}}, "outcome 'cataract' is no column of outcomes"),
    ({}, {"outcome_kinds": {"copd": "ordinal"}}, "ordinal outcome 'copd' has 2 levels: 3 are needed"),
    ({}, {"outcome_kinds": {"copd": "yes/no"}}, "outcome 'copd' is called yes/no: choose binary or continuous or time_to_event"),
    ({}, {"outcome_kinds": {"copd": "time_to_event"}}, "outcome 'copd' is time_to_event: a duration belongs to"),
    ({}, {"outcome_kinds": {"copd": OutcomeSpec("cognition", "continuous")}}, "outcome 'copd' is specified as 'cognition': use one name"),
    ({}, {"outcome_kinds": {"copd": OutcomeSpec("copd", "time_to_event", duration="years")}}, "time of outcome 'copd' 'years' is no col"),
    ({"outcomes": {"cognition": lambda y: -np.abs(y)}},
     {"outcome_kinds": {"copd": OutcomeSpec("copd", "time_to_event", duration="cognition")}}, "time 'cognition' is negative for 239 part"),
    ({"outcomes": {"copd": lambda y: y + 1}},
     {"outcome_kinds": {"copd": OutcomeSpec("copd", "time_to_event", duration="cognition")}}, "event 'copd' is coded 1 and 2: recode"),
    ({"outcomes": {"cognition": lambda y: np.arange(len(y)) % 3}}, {},
     "continuous outcome 'cognition' has 3 values only \\(0, 1, 2\\): call it ordinal, or count"),
    ({}, {"outcome_kinds": {"cognition": "count"}}, "count outcome 'cognition' holds .*: counts are 0, 1, 2"),
    ({"outcomes": {"copd": lambda y: -1.0}}, {"outcome_kinds": {"copd": "count"}}, "count outcome 'copd' holds -1: counts are 0, 1, 2"),
    ({}, {"outcome_kinds": {"cognition": "ordinal"}}, "ordinal outcome 'cognition' has .* levels: merge some, or call it continuous"),
    ({}, {"clustering": "sandwich"}, "clustering is 'sandwich': choose robust or mixed"),
    ({"covariates": {"sex": lambda x: "f"}}, {"multiple_imputation": True, "n_imputations": 1}, "n_imputations is 1: choose at least 2"),
    ({}, {"adjustments": {"m": ["smoking"]}}, "covariate of m 'smoking' is no column of the covariates"),
    ({}, {"adjustments": {"m": ["age", "sex", "sex"]}}, "covariate 'sex' stands twice in m: name it once"),
    ({}, {"adjustments": {}}, "nothing to associate"),
    ({}, {"per": {"grip": 5}}, "per names 'grip', which is no exposure: choose from perceived_age"),
    ({}, {"per": {"perceived_age": 0}}, "per perceived_age is 0: choose a positive number"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "settings", "message"), BAD)
def test_associate__bad_input_is_one_clear_line(tables, changes, settings, message):
    frames = dict(zip(("exposures", "outcomes", "covariates"), tables, strict=True))
    for name, columns in changes.items():
        frames[name] = frames[name].assign(**{column: change(frames[name][column]) for column, change in columns.items()})
    with pytest.raises(InputError, match=message) as error:
        associate(**frames, **{"outcome_kinds": KINDS, "adjustments": ADJUSTMENTS, **settings})
    assert "\n" not in str(error.value)


def test_associate__a_table_without_participants_is_refused(tables):
    exposures, outcomes, covariates = tables
    with pytest.raises(InputError, match="outcomes have no column participant_id"):
        associate(exposures, outcomes.drop(columns="participant_id"), covariates, outcome_kinds=KINDS, adjustments=ADJUSTMENTS)
