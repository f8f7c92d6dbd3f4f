"""Agreement: against R, identities and simulated truth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.agreement import (
    agreement,
    agreement_components,
    agreement_from_sums,
    limits_of_agreement,
    proportion_interval,
    proportional_bias,
)

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="module")
def expected():
    table = pd.read_csv(REFERENCE / "regression_expected.tsv", sep="\t", keep_default_na=False)
    return {(row.case, row.term, row.statistic): float(row.value) for row in table.itertuples()}


@pytest.fixture(scope="module")
def pairs():
    cohort = pd.read_csv(REFERENCE / "cohort.tsv", sep="\t", na_values="n/a")
    return cohort.perceived_age.to_numpy(), cohort.predicted_age.to_numpy()


def test_agreement__equals_r(pairs, expected):
    for name, value in agreement(*pairs).items():
        assert value == pytest.approx(expected["agreement", "", name], rel=1e-10)


def test_agreement__of_a_thing_with_itself_is_perfect():
    ages = np.array([20.0, 30.0, 47.0])
    assert agreement(ages, ages) == {"mae": 0, "rmse": 0, "r": 1, "slope": 1, "slope_observed_on_predicted": 1, "bias": 0}


def test_agreement__bias_is_predicted_minus_observed():
    assert agreement(np.array([20.0, 30.0]), np.array([22.0, 32.0]))["bias"] == 2


def test_agreement__of_predicting_one_number_has_no_r_and_a_slope_of_0():
    values = agreement(np.array([20.0, 30.0, 47.0]), np.full(3, 33.0))
    assert np.isnan(values["r"])
    assert np.isnan(values["slope_observed_on_predicted"])
    assert values["slope"] == pytest.approx(0)


def test_agreement__far_from_zero_loses_no_digits():
    rng = np.random.default_rng(0)
    observed = rng.normal(size=50)
    predicted = observed + rng.normal(size=50)
    near, far = agreement(observed, predicted), agreement(observed + 1e6, predicted + 1e6)
    assert far["r"] == pytest.approx(near["r"], rel=1e-8)


def test_agreement_from_sums__of_nobody_is_missing():
    assert np.isnan(agreement_from_sums(np.zeros((2, 7)))).all()


def test_limits_of_agreement__equal_r(pairs, expected):
    observed, predicted = pairs
    limits = limits_of_agreement(predicted - observed)
    for part in ("bias", "low", "high"):
        wanted = [expected["bland_altman", part, end] for end in ("value", "ci_low", "ci_high")]
        assert getattr(limits, part) == pytest.approx(wanted, rel=1e-6)


def test_limits_of_agreement__closed_form_is_near_the_exact_one(pairs):
    differences = pairs[1] - pairs[0]
    exact, mover = limits_of_agreement(differences), limits_of_agreement(differences, method="mover")
    assert mover.high == pytest.approx(exact.high, abs=0.02 * exact.sd)
    assert mover.low == pytest.approx(exact.low, abs=0.02 * exact.sd)


@pytest.mark.parametrize("method", ["exact", "mover"])
def test_limits_of_agreement__intervals_cover_the_true_limit(method):
    rng = np.random.default_rng(3)
    intervals = [limits_of_agreement(rng.normal(1, 4, 20), method=method).high for _ in range(600)]
    covered = np.mean([low <= 1 + 1.959964 * 4 <= high for _, low, high in intervals])
    assert 0.93 <= covered <= 0.97


def test_limits_of_agreement__few_or_equal_differences_are_refused():
    with pytest.raises(InputError, match="3 or more differences that vary"):
        limits_of_agreement(np.array([1.0, 2.0]))
    with pytest.raises(InputError, match="3 or more differences that vary"):
        limits_of_agreement(np.ones(9))
    with pytest.raises(InputError, match="choose one of exact, mover"):
        limits_of_agreement(np.arange(9.0), method="bootstrap")


def test_proportional_bias__equals_r(pairs, expected):
    wanted = [expected["proportional_bias", "", end] for end in ("value", "ci_low", "ci_high")]
    assert proportional_bias(*pairs) == pytest.approx(wanted, rel=1e-9)


def test_proportional_bias__is_negative_for_predictions_that_regress_to_the_mean():
    observed = np.linspace(20, 80, 30)
    slope, _, high = proportional_bias(observed, 50 + 0.5 * (observed - 50))
    assert slope == pytest.approx(-2 / 3)
    assert high < 0


@pytest.mark.parametrize("n_true", [0, 18, 20])
def test_proportion_interval__equals_r(n_true, expected):
    wanted = [expected["proportion", str(n_true), end] for end in ("ci_low", "ci_high")]
    assert proportion_interval(n_true, 20) == pytest.approx(wanted, rel=1e-10)


def test_proportion_interval__impossible_counts_are_refused():
    with pytest.raises(InputError, match="3 of 2 is no proportion"):
        proportion_interval(3, 2)


def test_agreement_components__missing_values_and_unequal_lengths_are_refused():
    with pytest.raises(InputError, match="missing values"):
        agreement_components(np.array([1.0, np.nan]), np.array([1.0, 2.0]))
    with pytest.raises(InputError, match="one number a person to both"):
        agreement_components(np.array([1.0]), np.array([1.0, 2.0]))
