"""Regressions against R, statsmodels and simulated truth; and that nonsense is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.linear import fit_linear
from facies.stats.logistic import fit_logistic, separating_columns
from facies.stats.regression import design_problem

REFERENCE = Path(__file__).parents[1] / "reference"
COLUMNS = {
    "model_1": {"age": "age", "male": "sexmale"},
    "model_2": {"age": "age", "male": "sexmale", "bmi": "bmi", "rotterdam": "siterotterdam", "utrecht": "siteutrecht"},
}


@pytest.fixture(scope="module")
def expected():
    table = pd.read_csv(REFERENCE / "regression_expected.tsv", sep="\t", keep_default_na=False)
    return {(row.case, row.term, row.statistic): float(row.value) for row in table.itertuples()}


@pytest.fixture(scope="module")
def cohort():
    table = pd.read_csv(REFERENCE / "cohort.tsv", sep="\t", na_values="n/a")
    male, site = (table.sex == "male").astype(float), table.site
    return table.assign(male=male, rotterdam=(site == "rotterdam") * 1.0, utrecht=(site == "utrecht") * 1.0)


def compare_with_r(fit, case, in_r, expected):
    for position, name in enumerate(fit.names):
        term = {"intercept": "(Intercept)"}.get(name, in_r.get(name, name))
        near = 1e-7 * expected[case, term, "std_error"]  # R takes the weights of its last but one iteration for the information
        for statistic in ("coef", "std_error", "ci_low", "ci_high"):
            assert getattr(fit, statistic)[position] == pytest.approx(expected[case, term, statistic], rel=1e-7, abs=near)
        assert fit.p_value[position] == pytest.approx(expected[case, term, "p_value"], rel=1e-6)
    assert fit.n == expected[case, "", "n"]


@pytest.mark.parametrize("exposure", ["perceived_age", "predicted_age"])
@pytest.mark.parametrize("adjustment", ["model_1", "model_2"])
@pytest.mark.parametrize("clustered", [False, True])
def test_fit_linear__equals_r(cohort, expected, exposure, adjustment, clustered):
    names = (exposure, *COLUMNS[adjustment])
    rows = cohort.dropna(subset=["cognition", *names])
    fit = fit_linear(rows.cognition.to_numpy(), rows[list(names)].to_numpy(), names=names, clusters=rows.family_id if clustered else None)
    case = f"linear_{'cr1' if clustered else 'hc3'} {adjustment} {exposure}"
    compare_with_r(fit, case, COLUMNS[adjustment], expected)


@pytest.mark.parametrize("exposure", ["perceived_age", "predicted_age"])
@pytest.mark.parametrize("adjustment", ["model_1", "model_2"])
@pytest.mark.parametrize("clustered", [False, True])
def test_fit_logistic__equals_r(cohort, expected, exposure, adjustment, clustered):
    names = (exposure, *COLUMNS[adjustment])
    rows = cohort.dropna(subset=["copd", *names])
    fit = fit_logistic(rows.copd.to_numpy(), rows[list(names)].to_numpy(), names=names, clusters=rows.family_id if clustered else None)
    case = f"logistic{'_cr1' if clustered else ''} {adjustment} {exposure}"
    compare_with_r(fit, case, COLUMNS[adjustment], expected)
    assert fit.n_events == rows.copd.sum()


def test_fit_linear__equals_statsmodels(cohort):
    import statsmodels.formula.api as smf

    fit = fit_linear(cohort.bmi.fillna(26).to_numpy(), cohort[["perceived_age", "age"]].to_numpy(), names=("perceived_age", "age"))
    theirs = smf.ols("bmi ~ perceived_age + age", cohort.fillna({"bmi": 26})).fit(cov_type="HC3", use_t=True)
    assert fit.coef[0] == pytest.approx(theirs.params["perceived_age"], rel=1e-9)
    assert fit.std_error[0] == pytest.approx(theirs.bse["perceived_age"], rel=1e-9)
    assert fit.p_value[0] == pytest.approx(theirs.pvalues["perceived_age"], rel=1e-7)


def test_fit_logistic__equals_statsmodels(cohort):
    import statsmodels.formula.api as smf

    rows = cohort.dropna(subset=["copd"])
    fit = fit_logistic(rows.copd.to_numpy(), rows[["perceived_age", "age"]].to_numpy(), names=("perceived_age", "age"))
    theirs = smf.logit("copd ~ perceived_age + age", rows).fit(disp=0)
    assert fit.coef[0] == pytest.approx(theirs.params["perceived_age"], rel=1e-7)
    assert fit.std_error[0] == pytest.approx(theirs.bse["perceived_age"], rel=1e-6)


def test_fit_linear__does_not_depend_on_the_unit_of_a_covariate(cohort):
    y, X = cohort.perceived_age.to_numpy(), cohort[["predicted_age", "age"]].to_numpy()
    plain = fit_linear(y, X, names=("a", "b"))
    scaled = fit_linear(y, X * np.array([1, 1e9]), names=("a", "b"))
    assert scaled.coef[0] == pytest.approx(plain.coef[0], rel=1e-9)
    assert scaled.coef[1] == pytest.approx(plain.coef[1] / 1e9, rel=1e-9)


def test_fit_linear__hc3_keeps_its_size_when_the_spread_grows_with_the_exposure():
    rng = np.random.default_rng(6)
    p_values = []
    for _ in range(500):
        x = rng.normal(0, 1, 80)
        p_values.append(fit_linear(rng.normal(0, 1, 80) * (0.2 + np.abs(x)), x[:, None], names=("x",)).p_value[0])
    assert 0.03 <= np.mean(np.array(p_values) < 0.05) <= 0.075


def test_fit_logistic__recovers_the_simulated_odds_ratio_and_keeps_its_coverage():
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(300):
        x = rng.normal(0, 5, 400)
        y = (rng.uniform(size=400) < 1 / (1 + np.exp(1 - 0.05 * x))) * 1.0
        fit = fit_logistic(y, x[:, None], names=("x",))
        covered.append(fit.ci_low[0] <= 0.05 <= fit.ci_high[0])
    assert 0.925 <= np.mean(covered) <= 0.975


def test_fit_linear__repeating_each_person_in_a_family_does_not_narrow_the_interval():
    rng = np.random.default_rng(8)
    x, people = rng.normal(size=100), np.arange(100)
    y = x + rng.normal(size=100)
    once = fit_linear(y, x[:, None], names=("x",), clusters=people)
    twice = fit_linear(np.repeat(y, 2), np.repeat(x, 2)[:, None], names=("x",), clusters=np.repeat(people, 2))
    assert twice.std_error[0] == pytest.approx(once.std_error[0], rel=0.01)


def separated(rng):
    x = np.sort(rng.normal(size=60))
    return x, (x > 0) * 1.0


def test_fit_logistic__complete_separation_gives_a_note_instead_of_a_huge_odds_ratio():
    x, y = separated(np.random.default_rng(0))
    fit = fit_logistic(y, x[:, None], names=("perceived_age",))
    assert fit.note == "perceived_age separates those with the outcome from those without: no finite odds ratio"
    assert np.isnan(fit.coef).all()
    assert fit.n_events == y.sum()


def test_fit_logistic__a_site_without_cases_is_quasi_separation_and_named():
    rng = np.random.default_rng(1)
    site = (np.arange(200) < 30) * 1.0
    y = (rng.uniform(size=200) < 0.3) * (1 - site)
    fit = fit_logistic(y, np.column_stack([rng.normal(size=200), site]), names=("perceived_age", "site=utrecht"))
    assert fit.note.startswith("site=utrecht separates")


def test_separating_columns__are_none_for_one_person_on_the_wrong_side():
    x, y = separated(np.random.default_rng(0))
    y[[5, 50]] = 1 - y[[5, 50]]
    assert len(separating_columns(y, x[:, None])) == 0
    assert np.isfinite(fit_logistic(y, x[:, None], names=("x",)).coef).all()


def test_fit_logistic__few_events_give_a_note():
    y = np.zeros(100)
    y[:7] = 1
    x = np.random.default_rng(0).normal(size=(100, 1))
    assert fit_logistic(y, x, names=("x",)).note == "7 of 100 participants have the outcome: fewer than 10"
    assert fit_logistic(1 - y, x, names=("x",)).note == "7 of 100 participants are without the outcome: fewer than 10"
    assert fit_logistic(y, x, names=("x",), min_events=5).note == ""


def test_design_problem__names_what_cannot_be_estimated():
    rng = np.random.default_rng(0)
    age, pa = rng.normal(size=20), rng.normal(size=20)
    assert design_problem(np.column_stack([pa, age]), ("pa", "age")) == ""
    assert design_problem(np.column_stack([pa, np.ones(20)]), ("pa", "site")) == "site has the same value for everybody"
    assert design_problem(np.column_stack([pa, age, pa - age]), ("pa", "age", "gap")) == "pa is determined by the covariates (collinear)"
    assert design_problem(np.column_stack([pa, age, 2 * age]), ("pa", "a", "b")) == "a is determined by the covariates (collinear)"
    assert design_problem(np.ones((2, 1)), ("pa",)) == "2 participants are too few for 2 coefficients"


def test_design_problem__strong_but_imperfect_correlation_is_no_problem():
    rng = np.random.default_rng(0)
    age = rng.uniform(50, 80, 200)
    assert design_problem(np.column_stack([age + rng.normal(0, 0.01, 200), age]), ("pa", "age")) == ""


def test_fit_linear__a_level_with_one_person_gives_a_note_instead_of_an_infinite_error():
    rng = np.random.default_rng(0)
    alone = (np.arange(30) == 4) * 1.0
    fit = fit_linear(rng.normal(size=30), np.column_stack([rng.normal(size=30), alone]), names=("x", "site=b"))
    assert fit.note == "site=b rests on one participant: merge this level with another"


@pytest.mark.parametrize(
    ("outcome", "note"),
    [
        (lambda x, age: np.full(30, 20.5), "the outcome has the same value for everybody"),
        (lambda x, age: 3 - 2 * age, "the outcome is determined by the exposure and the covariates"),
    ],
)
def test_fit_linear__an_outcome_without_residual_gives_a_note_instead_of_a_p_value_of_rounding_noise(outcome, note):
    x, age = np.random.default_rng(0).normal(size=(2, 30))
    fit = fit_linear(outcome(x, age), np.column_stack([x, age]), names=("x", "age"))
    assert fit.note == note
    assert np.isnan(fit.p_value).all()


def test_fits__one_family_gives_a_note():
    x = np.random.default_rng(0).normal(size=(40, 1))
    y = np.arange(40) % 2 * 1.0
    for fit in (fit_linear(x[:, 0] + y, x, names=("x",), clusters=np.zeros(40)), fit_logistic(y, x, names=("x",), clusters=np.zeros(40))):
        assert fit.note == "all participants are in one family: standard errors by family need at least 2"


def test_fits__wrong_input_is_refused():
    x = np.arange(6.0)[:, None]
    with pytest.raises(InputError, match="something else than 0 and 1"):
        fit_logistic(np.array([1, 2, 1, 2, 1, 2.0]), x, names=("x",))
    with pytest.raises(InputError, match="missing values"):
        fit_linear(np.array([1, 2, 1, 2, 1, np.nan]), x, names=("x",))
    with pytest.raises(InputError, match="give \\(n,\\), \\(n, k\\) and k"):
        fit_linear(np.arange(5.0), x, names=("x",))
