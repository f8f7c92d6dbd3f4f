"""Firth, Cox, count, ordinal and mixed regressions against R (families.R), published figures and simulated truth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.counts import fit_count
from facies.stats.firth import fit_firth, is_rare
from facies.stats.linear import fit_linear
from facies.stats.logistic import fit_logistic
from facies.stats.mixed import fit_mixed
from facies.stats.ordinal import fit_ordinal
from facies.stats.survival import fit_cox, hazards_p_value, score_residuals

REFERENCE = Path(__file__).parents[1] / "reference"
IN_R = {"male": "sexmale", "rotterdam": "siterotterdam", "utrecht": "siteutrecht", "intercept": "(Intercept)"}
NAMES = ("perceived_age", "age", "male", "bmi", "rotterdam", "utrecht")


@pytest.fixture(scope="module")
def expected():
    table = pd.read_csv(REFERENCE / "families_expected.tsv", sep="\t", keep_default_na=False)
    return {(row.case, row.term, row.statistic): float(row.value) for row in table.itertuples()}


@pytest.fixture(scope="module")
def cohort():
    people = pd.read_csv(REFERENCE / "cohort.tsv", sep="\t", na_values="n/a")
    further = pd.read_csv(REFERENCE / "families.tsv", sep="\t", na_values="n/a")
    table = people.merge(further, on="participant_id", validate="one_to_one")
    male, site = (table.sex == "male") * 1.0, table.site
    return table.assign(male=male, rotterdam=(site == "rotterdam") * 1.0, utrecht=(site == "utrecht") * 1.0)


def complete(cohort, *columns, names=NAMES):
    rows = cohort.dropna(subset=[*columns, *names])
    return rows, rows[list(names)].to_numpy()


def compare(fit, case, expected, *, rel=1e-6):
    for position, name in enumerate(fit.names):
        term = IN_R.get(name, name)
        scale = expected[case, term, "std_error"]
        assert fit.coef[position] == pytest.approx(expected[case, term, "coef"], rel=rel, abs=rel * scale)
        assert fit.std_error[position] == pytest.approx(scale, rel=rel)


@pytest.mark.parametrize("clustered", [False, True])
def test_fit_cox__equals_r(cohort, expected, clustered):
    rows, X = complete(cohort, "fracture", "fracture_years")
    clusters = rows.family_id.to_numpy() if clustered else None
    fit = fit_cox(rows.fracture_years.to_numpy(), rows.fracture.to_numpy(), X, names=NAMES, clusters=clusters)
    compare(fit, "cox_cluster" if clustered else "cox", expected)
    assert (fit.n, fit.n_events) == (expected["cox", "", "n"], rows.fracture.sum())


def test_fit_cox__with_age_as_time_scale_equals_r(cohort, expected):
    names = tuple(name for name in NAMES if name != "age")
    rows, X = complete(cohort, "fracture", "fracture_years", "age", names=names)
    entry = rows.age.to_numpy()
    leaving = entry + rows.fracture_years.to_numpy()
    fit = fit_cox(leaving, rows.fracture.to_numpy(), X, names=names, entry=entry, clusters=rows.family_id.to_numpy())
    compare(fit, "cox_age", expected)


def test_fit_cox__equals_published_recidivism_figures():
    from lifelines.datasets import load_rossi

    rossi = load_rossi()
    names = ("fin", "age", "race", "wexp", "mar", "paro", "prio")
    fit = fit_cox(rossi.week.to_numpy(float), rossi.arrest.to_numpy(float), rossi[list(names)].to_numpy(float), names=names)
    found = {name: (coef, error) for name, coef, error in zip(fit.names, fit.coef.round(6), fit.std_error.round(6), strict=True)}
    assert found["fin"] == (-0.379422, 0.191379)
    assert found["age"] == (-0.057438, 0.021999)
    assert found["prio"] == (0.091497, 0.028649)


def test_score_residuals__add_up_to_nothing_at_the_maximum(cohort):
    rows, X = complete(cohort, "fracture", "fracture_years")
    X = X - X.mean(axis=0)
    fit = fit_cox(rows.fracture_years.to_numpy(), rows.fracture.to_numpy(), X, names=NAMES)
    residuals = score_residuals(rows.fracture_years.to_numpy(), rows.fracture.to_numpy(), X, fit.coef)
    assert np.abs(residuals.sum(axis=0)).max() < 1e-8 * len(rows)


def test_hazards_p_value__equals_lifelines():
    from lifelines import CoxPHFitter
    from lifelines.statistics import proportional_hazard_test

    rng = np.random.default_rng(6)
    X = rng.normal(size=(300, 2))
    time = rng.weibull(1.0 + 0.3 * (X[:, 0] > 0)) * np.exp(-0.4 * X[:, 0] - 0.2 * X[:, 1])
    event = (rng.uniform(size=300) < 0.7) * 1.0
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "time": time, "event": event})
    theirs = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-12, "r_precision": 1e-14})
    p_value = proportional_hazard_test(theirs, frame, time_transform="rank").p_value[0]
    coef, bread = theirs.params_.to_numpy(), theirs.variance_matrix_.to_numpy()
    assert hazards_p_value(time, event, X, coef, bread) == pytest.approx(p_value, rel=1e-6)


def test_fit_cox__with_late_entry_keeps_the_size_of_its_test_of_proportional_hazards():
    rng, notes = np.random.default_rng(7), []
    for _ in range(30):
        x, age = rng.normal(size=200), rng.uniform(50, 80, 200)
        time = rng.exponential(10 * np.exp(-0.4 * x))
        notes.append(fit_cox(age + np.minimum(time, 15), (time < 15) * 1.0, x[:, None], names=("x",), entry=age).note)
    assert sum("not proportional" in note for note in notes) <= 5


def test_fit_cox__says_when_hazards_are_not_proportional():
    rng = np.random.default_rng(4)
    x = np.repeat([0.0, 1.0], 400)
    time = np.where(x == 1, rng.weibull(0.5, 800), rng.weibull(2.0, 800))
    assert "hazards of x are not proportional" in fit_cox(time, np.ones(800), x[:, None], names=("x",)).note
    time = rng.exponential(np.exp(-0.4 * x))
    assert fit_cox(time, np.ones(800), x[:, None], names=("x",)).note == ""


@pytest.mark.parametrize("model", ["poisson", "negative_binomial"])
@pytest.mark.parametrize("clustered", [False, True])
def test_fit_count__equals_r(cohort, expected, model, clustered):
    rows, X = complete(cohort, "falls", "falls_years")
    clusters = rows.family_id.to_numpy() if clustered else None
    fit = fit_count(rows.falls.to_numpy(), X, names=NAMES, time=rows.falls_years.to_numpy(), model=model, clusters=clusters)
    compare(fit, f"{model}{'_cluster' if clustered else ''}", expected)
    assert fit.family == model


def test_fit_count__without_overdispersion_is_poisson_and_says_so():
    x = np.linspace(-1, 1, 200)
    y = np.round(np.exp(1 + 0.3 * x))
    fit = fit_count(y, x[:, None], names=("x",))
    assert fit.family == "poisson"
    assert fit.note == "counts scatter no more than Poisson counts: Poisson regression"
    assert fit.coef[0] == fit_count(y, x[:, None], names=("x",), model="poisson").coef[0]


@pytest.mark.parametrize("clustered", [False, True])
def test_fit_ordinal__equals_r(cohort, expected, clustered):
    rows, X = complete(cohort, "frailty")
    fit = fit_ordinal(rows.frailty.to_numpy(), X, names=NAMES, clusters=rows.family_id.to_numpy() if clustered else None)
    compare(fit, "ordinal_cluster" if clustered else "ordinal", expected)


def test_fit_ordinal__separated_levels_give_a_note():
    x = np.arange(90.0)
    fit = fit_ordinal(np.repeat([0.0, 1.0, 2.0], 30), x[:, None], names=("x",))
    assert np.isnan(fit.coef).all()
    assert fit.note == "the fit did not converge: a level may be separated"


def test_fit_mixed__equals_lme4_and_statsmodels(cohort, expected):
    from statsmodels.regression.mixed_linear_model import MixedLM

    rows, X = complete(cohort, "cognition")
    fit = fit_mixed(rows.cognition.to_numpy(), X, names=NAMES, clusters=rows.family_id.to_numpy())
    compare(fit, "linear_mixed", expected)
    theirs = MixedLM(rows.cognition.to_numpy(), np.column_stack([X, np.ones(len(X))]), groups=rows.family_id.to_numpy()).fit(method="bfgs")
    assert fit.coef == pytest.approx(theirs.params[: len(fit.coef)], rel=1e-4)


def test_fit_mixed__without_variance_between_clusters_is_least_squares():
    rng = np.random.default_rng(9)
    x, groups = rng.normal(size=120), np.tile(np.arange(40), 3)
    y = x + rng.normal(size=120)
    y = y - pd.Series(y - x).groupby(groups).transform("mean").to_numpy()
    fit = fit_mixed(y, x[:, None], names=("x",), clusters=groups)
    assert fit.note == "no variance between clusters: the random intercept is zero"
    assert fit.coef[0] == pytest.approx(fit_linear(y, x[:, None], names=("x",)).coef[0], rel=1e-12)


def test_fit_firth__equals_brglm2(cohort, expected):
    rows, X = complete(cohort, "rare")
    fit = fit_firth(rows.rare.to_numpy(float), X, names=NAMES)
    compare(fit, "firth", expected)
    assert fit.p_value[0] == pytest.approx(expected["firth", "perceived_age", "p_value"], rel=1e-5)
    assert fit.ci_low[0] == pytest.approx(expected["firth", "perceived_age", "ci_low"], rel=1e-5)
    assert fit.ci_high[0] == pytest.approx(expected["firth", "perceived_age", "ci_high"], rel=1e-5)
    assert fit.n_events == expected["firth", "", "n_events"]


def test_fit_firth__steep_separation_converges_at_what_rounding_allows(cohort):
    x = cohort.perceived_age.to_numpy()
    fit = fit_firth((x > np.median(x)) * 1.0, np.column_stack([x, cohort.age]), names=("x", "age"))
    assert np.isfinite(fit.coef).all()
    assert 0 < fit.ci_low[0] < fit.coef[0] < fit.ci_high[0]
    assert fit.note == ""


def test_fit_firth__is_finite_where_data_are_separated():
    x = np.sort(np.random.default_rng(0).normal(size=60))
    fit = fit_firth((x > 0) * 1.0, x[:, None], names=("x",))
    assert np.isfinite(fit.coef).all()
    assert fit.ci_low[0] > 0


def test_fit_firth__is_less_biased_than_maximum_likelihood_with_few_events():
    rng = np.random.default_rng(11)
    firth, plain = [], []
    for _ in range(100):
        x = rng.normal(size=100)
        y = (rng.uniform(size=100) < 1 / (1 + np.exp(2.6 - x))) * 1.0
        firth.append(fit_firth(y, x[:, None], names=("x",), min_events=3).coef[0])
        plain.append(fit_logistic(y, x[:, None], names=("x",), min_events=3).coef[0])
    assert abs(np.nanmean(firth) - 1) < 0.5 * abs(np.nanmean(plain) - 1)


def test_is_rare__counts_the_rarer_side_per_coefficient():
    y = np.r_[np.ones(970), np.zeros(30)]
    assert is_rare(y, 4)
    assert not is_rare(y, 3)


FITS = {
    "cox": lambda rows, X, groups: fit_cox(rows.fracture_years.to_numpy(), rows.fracture.to_numpy(), X, names=NAMES, clusters=groups),
    "negative_binomial": lambda rows, X, groups: fit_count(rows.falls.to_numpy(), X, names=NAMES, clusters=groups),
    "ordinal": lambda rows, X, groups: fit_ordinal(rows.frailty.to_numpy(), X, names=NAMES, clusters=groups),
    "logistic": lambda rows, X, groups: fit_logistic(rows.copd.to_numpy(), X, names=NAMES, clusters=groups),
    "linear": lambda rows, X, groups: fit_linear(rows.cognition.to_numpy(), X, names=NAMES, clusters=groups),
}


@pytest.mark.parametrize("family", list(FITS))
def test_influence__summed_by_family_gives_the_clustered_standard_error(cohort, family):
    rows, X = complete(cohort, "fracture", "falls", "frailty", "copd", "cognition")
    groups = rows.family_id.to_numpy()
    fit = FITS[family](rows, X, groups)
    sums = pd.Series(fit.influence).groupby(groups).sum().to_numpy()
    n, G, k = len(rows), len(np.unique(groups)), len(fit.names) + (len(np.unique(rows.frailty)) - 1 if family == "ordinal" else 0)
    factor = 1.0 if family == "cox" else G / (G - 1) * (n - 1) / (n - k)
    assert np.sqrt(factor * np.sum(sums**2)) == pytest.approx(fit.std_error[0], rel=1e-8)


@pytest.mark.parametrize("family", list(FITS))
def test_influence__says_what_leaving_one_person_out_changes(cohort, family):
    rows, X = complete(cohort, "fracture", "falls", "frailty", "copd", "cognition")
    whole = FITS[family](rows, X, None)
    left_out = [FITS[family](rows.drop(rows.index[i]), np.delete(X, i, axis=0), None).coef[0] for i in range(40)]
    changes = whole.coef[0] - np.array(left_out)
    assert np.corrcoef(changes, whole.influence[:40])[0, 1] > 0.97


def test_fits__wrong_input_is_refused():
    x = np.arange(30.0)[:, None]
    with pytest.raises(InputError, match="negative or no whole number"):
        fit_count(np.full(30, 0.5), x, names=("x",))
    with pytest.raises(InputError, match="time at risk is not above 0"):
        fit_count(np.ones(30), x, names=("x",), time=np.zeros(30))
    with pytest.raises(InputError, match="a duration is not above 0"):
        fit_cox(np.zeros(30), np.ones(30), x, names=("x",))
    with pytest.raises(InputError, match="has 2 levels"):
        fit_ordinal(np.arange(30) % 2 * 1.0, x, names=("x",))
    with pytest.raises(InputError, match="something else than 0 and 1"):
        fit_firth(np.arange(30.0), x, names=("x",))
