"""Thresholds, shares, predictive values, decision curves and calibration."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from facies.errors import InputError
from facies.stats.calibration_binary import calibrate, calibration_curve, recalibrate
from facies.stats.decision_curves import decision_curve, net_benefit
from facies.stats.diagnostic import Share, clopper_pearson, per_people, predictive_values, share, wilson
from facies.stats.operating_points import choose_threshold
from facies.stats.precision_recall import average_precision, average_precision_interval

GOLDEN = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[3] / "shared")) / "golden"


def test_decision_curve__equals_the_published_values():
    path = GOLDEN / "dca.csv"
    if not path.exists():
        pytest.skip("the published example is absent")
    frame = pd.read_csv(path)
    value, _, _, everybody = decision_curve(frame.cancerpredmarker, frame.cancer, [0.10, 0.20, 0.25], n_bootstrap=10)
    assert value == pytest.approx([0.0874074, 0.0673333, 0.0640000], abs=1e-6)
    assert everybody == pytest.approx([0.0444444, -0.0750000, -0.1466667], abs=1e-6)


def test_decision_curve__at_another_prevalence_is_that_of_a_sample_with_that_prevalence():
    rng = np.random.default_rng(0)
    case = np.arange(4000) < 2000
    log_odds = rng.normal(size=4000) + np.where(case, 0.75, -0.75)
    rare = np.r_[np.arange(200), np.arange(2000, 4000)]
    probability = expit(recalibrate(log_odds, sample_prevalence=0.5, prevalence=1 / 11))
    weighed = decision_curve(probability, case, [0.1, 0.2], prevalence=1 / 11, n_bootstrap=10)[0]
    drawn = decision_curve(probability[rare], case[rare], [0.1, 0.2], n_bootstrap=10)[0]
    assert weighed == pytest.approx(drawn, abs=0.012)


def test_net_benefit__of_nobody_is_nothing():
    assert float(net_benefit(0.0, 1.0, 0.3, 0.2)) == 0.0


@pytest.mark.parametrize(("rule", "expected"), [
    ("youden", 2.5), ("sensitivity=1.0", 1.5), ("specificity=1.0", 4.5), ("cost=100", 1.5), ("cost=0.01", 4.5),
])  # fmt: skip
def test_choose_threshold__does_what_the_rule_says(rule, expected):
    scores, y = [1.0, 2.0, 3.0, 4.0, 5.0], [0, 1, 1, 0, 1]
    chosen = choose_threshold(scores, y, rule)
    called = np.array(scores) >= chosen
    if rule == "youden":
        best = max(choose(scores, y, cut) for cut in (0.5, 1.5, 2.5, 3.5, 4.5, 5.5))
        assert choose(scores, y, chosen) == best
    else:
        assert chosen == expected
    assert called.any()


def choose(scores, y, cut):
    called, case = np.array(scores) >= cut, np.array(y) > 0
    return called[case].mean() - called[~case].mean()


def test_choose_threshold__needs_both_classes():
    with pytest.raises(InputError, match="one class is absent"):
        choose_threshold([1.0, 2.0], [1, 1], "youden")
    with pytest.raises(InputError, match="is not known: write youden"):
        choose_threshold([1.0, 2.0], [0, 1], "sensitivity 0.9")


def test_share__is_wilsons_for_one_photograph_a_person_and_repeats_add_nobody():
    called = np.arange(40) < 30
    low, high = wilson(30, 40)
    for values in (called, np.stack([called] * 5)):
        found = share(values)
        assert (found.value, found.ci_low, found.ci_high, found.n) == (0.75, pytest.approx(low), pytest.approx(high), 40)


def test_share__several_photographs_that_agree_count_as_one():
    called = np.arange(40) < 30
    four = share(np.repeat(called, 4), clusters=np.repeat(np.arange(40), 4))
    assert four == share(called)


def test_intervals_of_shares__are_the_published_ones():
    """Newcombe 1998, Stat Med 17:857-872, table I: 81 of 263."""
    assert wilson(81, 263) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))
    assert clopper_pearson(81, 263) == (pytest.approx(0.2527, abs=5e-5), pytest.approx(0.3676, abs=5e-5))


def test_predictive_values__follow_bayes_and_their_intervals_cover():
    rng = np.random.default_rng(3)
    inside = 0
    true = 0.05 * 0.85 / (0.05 * 0.85 + 0.95 * 0.1)
    for _ in range(600):
        sensitivity, specificity = share(rng.random(80) < 0.85), share(rng.random(200) < 0.9)
        found = predictive_values(sensitivity, specificity, 0.05)
        inside += found.ppv_low <= true <= found.ppv_high
    assert 0.93 < inside / 600 < 0.975
    exact = predictive_values(Share(0.85, 0.04, 0, 1, 80), Share(0.9, 0.02, 0, 1, 200), 0.05)
    assert exact.ppv == pytest.approx(true)


def test_predictive_values__a_perfect_sample_does_not_promise_certainty():
    found = predictive_values(Share(1.0, 0.0, 0.8, 1, 20), Share(1.0, 0.0, 0.9, 1, 50), 0.01)
    assert (found.ppv, found.npv) == (1.0, 1.0)
    assert found.ppv_low < 0.6
    assert sum(per_people(1.0, 1.0, 0.01).values()) == pytest.approx(1000)


def test_average_precision__equals_scikit_learns():
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(4)
    scores, y = np.round(rng.normal(size=300), 1), rng.random(300) < 0.2
    assert average_precision(scores, y)[0] == pytest.approx(average_precision_score(y, scores), abs=1e-12)
    value, low, high = average_precision_interval(scores, y, n_bootstrap=200)
    assert low < value < high


def test_calibrate__finds_what_was_planted_and_equals_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    true = rng.normal(size=3000)
    y = (rng.random(3000) < expit(0.5 * true - 1)).astype(int)
    found = calibrate(true, y)
    fit = sm.GLM(y, sm.add_constant(true), family=sm.families.Binomial()).fit()
    alone = sm.GLM(y, np.ones(3000), family=sm.families.Binomial(), offset=true).fit()
    assert found.slope == pytest.approx(fit.params[1], abs=1e-6)
    assert found.intercept == pytest.approx(alone.params[0], abs=1e-6)
    assert abs(found.slope - 0.5) < 3 * found.slope_error


def test_calibrate__repeated_rows_do_not_narrow_the_errors():
    rng = np.random.default_rng(6)
    x = rng.normal(size=400)
    y = (rng.random(400) < expit(x)).astype(int)
    once, thrice = calibrate(x, y), calibrate(np.tile(x, 3), np.tile(y, 3), clusters=np.tile(np.arange(400), 3))
    assert thrice.slope_error == pytest.approx(once.slope_error, rel=1e-6)


def test_calibration_curve__bins_hold_equal_numbers():
    bins = calibration_curve(np.linspace(0, 1, 100), np.arange(100) % 2, n_bins=5)
    assert [each.n for each in bins] == [20] * 5
    with pytest.raises(InputError, match="prevalence is 1"):
        recalibrate([0.0], sample_prevalence=0.5, prevalence=1.0)
