"""Paired differences against R, against one stacked regression, and against what was simulated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.linear import fit_linear
from facies.stats.logistic import fit_logistic
from facies.stats.paired import Difference, Pair, coefficient_ratio, equivalence_p_value, pair_coefficients, paired_difference
from facies.stats.regression import Fit
from facies.stats.survival import fit_cox

REFERENCE = Path(__file__).parents[1] / "reference"
COVARIATES = ["age", "sex", "bmi", "site"]
SOURCES = ["perceived_age", "predicted_age"]


@pytest.fixture(scope="module")
def cohort() -> pd.DataFrame:
    first, second = (pd.read_csv(REFERENCE / name, sep="\t", na_values="n/a") for name in ("cohort.tsv", "families.tsv"))
    return first.merge(second, on="participant_id")


def designs(cohort: pd.DataFrame, *outcomes: str) -> tuple[pd.DataFrame, list[np.ndarray]]:
    rows = cohort.dropna(subset=[*outcomes, *SOURCES, *COVARIATES])
    covariates = pd.get_dummies(rows[COVARIATES], drop_first=True).to_numpy(dtype=float)
    return rows, [np.column_stack([rows[source], covariates]) for source in SOURCES]


def names_of(X: np.ndarray) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(X.shape[1]))


def fits(cohort: pd.DataFrame, case: str) -> tuple[list[Fit], Any]:
    kind, _, clustered = case.partition("_")
    outcomes = {"linear": ["cognition"], "logistic": ["copd"], "cox": ["fracture", "fracture_years"]}[kind]
    rows, pair = designs(cohort, *outcomes)
    clusters = rows.family_id.to_numpy(dtype=str) if clustered else None
    y = rows[outcomes[0]].to_numpy(dtype=float)
    if kind == "cox":
        time = rows.fracture_years.to_numpy(dtype=float)
        return [fit_cox(time, y, X, names=names_of(X), clusters=clusters) for X in pair], clusters
    fit = fit_linear if kind == "linear" else fit_logistic
    return [fit(y, X, names=names_of(X), clusters=clusters) for X in pair], clusters


@pytest.mark.parametrize("case", ["linear", "linear_cluster", "logistic", "logistic_cluster", "cox_cluster"])
def test_paired_difference__its_equivalence_and_fieller_equal_r(cohort, case):
    expected = pd.read_csv(REFERENCE / "paired_expected.tsv", sep="\t").query("case == @case").set_index("statistic").value
    (first, second), clusters = fits(cohort, case)
    pair = pair_coefficients(first, second, clusters=clusters)
    difference, ratio = paired_difference(pair), coefficient_ratio(pair)
    margin = 0.02 if case.startswith("linear") else 0.05
    found = {
        "difference": difference.value,
        **{name: getattr(difference, name) for name in ("std_error", "ci_low", "ci_high", "p_value")},
        "p_equivalence": equivalence_p_value(difference, margin, freedom=pair.freedom),
        "ratio": ratio.value,
        "ratio_low": ratio.ci_low,
        "ratio_high": ratio.ci_high,
    }
    for statistic, value in found.items():
        if statistic in expected:
            assert value == pytest.approx(expected[statistic], rel=1e-6), statistic
        else:
            assert np.isnan(value), statistic


@pytest.mark.parametrize("clustered", [False, True])
def test_paired_difference__equals_one_regression_of_both_stacked(cohort, clustered):
    import statsmodels.api as sm

    (first, second), clusters = fits(cohort, "logistic_cluster" if clustered else "logistic")
    rows, pair = designs(cohort, "copd")
    n, k = pair[0].shape[0], pair[0].shape[1] + 1
    blocks = [sm.add_constant((X - X.mean(axis=0)) / X.std(axis=0)) for X in pair]
    nothing = np.zeros((n, k))
    stacked = np.vstack([np.hstack([blocks[0], nothing]), np.hstack([nothing, blocks[1]])])
    who = np.tile(np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1], 2)
    order = np.argsort(who, kind="stable")
    y = np.tile(rows.copd.to_numpy(dtype=float), 2)
    model = sm.GEE(y[order], stacked[order], groups=who[order], family=sm.families.Binomial(), cov_struct=sm.cov_struct.Independence())
    result = model.fit(ctol=1e-12, maxiter=200)
    contrast = np.zeros(2 * k)
    contrast[1], contrast[k + 1] = -1 / pair[0][:, 0].std(), 1 / pair[1][:, 0].std()
    n_clusters = len(np.unique(who))
    factor = n_clusters / (n_clusters - 1) * (n - 1) / (n - k)
    found = paired_difference(pair_coefficients(first, second, clusters=clusters))
    assert found.value == pytest.approx(contrast @ result.params, rel=1e-6)
    assert found.std_error == pytest.approx(np.sqrt(factor * contrast @ result.cov_params() @ contrast), rel=1e-6)


def test_paired_difference__is_known_better_than_two_separate_intervals_say(cohort):
    (first, second), _ = fits(cohort, "linear")
    apart = np.hypot(first.std_error[0], second.std_error[0])
    assert paired_difference(pair_coefficients(first, second)).std_error < 0.8 * apart


def test_paired_difference__a_step_scales_everything_but_p_values(cohort):
    (first, second), _ = fits(cohort, "linear")
    one, five = (paired_difference(pair_coefficients(first, second, per=per)) for per in (1.0, 5.0))
    assert np.array(five[:4]) == pytest.approx(5 * np.array(one[:4]))
    assert five.p_value == pytest.approx(one.p_value)


def test_equivalence__below_5_per_cent_exactly_when_the_90_per_cent_interval_lies_within_the_margin():
    from scipy.stats import t

    for value in np.linspace(-1, 1, 41):
        difference = Difference(float(value), 0.3, np.nan, np.nan, np.nan)
        half = t(50).ppf(0.95) * 0.3
        inside = abs(value) + half < 0.9
        assert (equivalence_p_value(difference, 0.9, freedom=50) < 0.05) == inside


def test_equivalence__without_a_margin_above_0_is_refused():
    with pytest.raises(InputError, match="above 0"):
        equivalence_p_value(Difference(0, 1, -2, 2, 1), 0.0)


def test_fieller__ends_are_the_ratios_that_are_just_refused():
    pair = Pair(np.array([2.0, 1.5]), np.array([[0.1, 0.06], [0.06, 0.12]]), freedom=30)
    ratio = coefficient_ratio(pair)
    for end in (ratio.ci_low, ratio.ci_high):
        against = np.array([-end, 1.0])
        statistic = (against @ pair.coef) / np.sqrt(against @ pair.covariance @ against)
        assert abs(statistic) == pytest.approx(2.042272456301238)


def test_pair__a_regression_without_estimate_is_refused(cohort):
    (first, _), _ = fits(cohort, "linear")
    lost = fit_linear(np.zeros(first.n), np.zeros((first.n, 1)), names=("x",))
    with pytest.raises(InputError, match="without estimate"):
        pair_coefficients(first, lost)


@pytest.mark.parametrize("kind", ["classical", "berkson"])
def test_paired_difference__covers_the_true_difference_and_tost_keeps_its_size_at_the_margin(kind):
    rng = np.random.default_rng(11)
    n, studies, effect = 300, 400, 0.3
    covered, equivalent = 0, 0
    for _ in range(studies):
        age = rng.normal(size=n)
        if kind == "classical":
            human = 0.7 * age + rng.normal(size=n)
            computed, slope = human + rng.normal(scale=0.6, size=n), 1 / (1 + 0.36)
        else:
            computed = 0.7 * age + rng.normal(scale=0.8, size=n)
            human, slope = computed + rng.normal(scale=0.6, size=n), 1.0
        y = effect * human + 0.5 * age + rng.normal(size=n)
        pair = pair_coefficients(*(fit_linear(y, np.column_stack([x, age]), names=("x", "age")) for x in (human, computed)))
        difference = paired_difference(pair)
        truth = effect * (slope - 1)
        covered += difference.ci_low <= truth <= difference.ci_high
        shifted = Difference(difference.value - truth + 0.2, difference.std_error, np.nan, np.nan, np.nan)
        equivalent += equivalence_p_value(shifted, 0.2, freedom=pair.freedom) < 0.05
    assert covered / studies == pytest.approx(0.95, abs=0.035)
    assert equivalent / studies == pytest.approx(0.05, abs=0.035)
