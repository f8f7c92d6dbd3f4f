"""A frozen model in a second cohort: errors, calibration and recalibration."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.evaluation import evaluate_predictions
from facies.evaluation.recalibration import DISCOVERY_MEAN, RECALIBRATED, evaluate_replication, leave_one_out_line


def simulate(n: int = 200, *, random_state: int = 1, slope: float = 0.6, bias: float = 4.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(random_state)
    names = [f"v{i:03d}" for i in range(n)]
    age = rng.uniform(50, 80, n)
    observed = age + rng.normal(0, 4, n)
    predicted = 65 + slope * (observed - 65) + bias + rng.normal(0, 2, n)
    predictions = pd.DataFrame({
        "participant_id": names, "model_id": "m", "target": "perceived_age", "fold": -1, "n_photographs": 1, "predicted": predicted,
        "ci_low": predicted - 9, "ci_high": predicted + 9, "observed": observed, "label_weight": 1.0,
    })  # fmt: skip
    return predictions, pd.DataFrame({"participant_id": names, "age": age, "family_id": [f"f{i // 2}" for i in range(n)]})


def values(metrics: pd.DataFrame, system: str) -> pd.Series:
    return metrics[metrics.system == system].set_index("metric").value


def test_leave_one_out_line__equals_refitting_without_each_family():
    predictions, people = simulate(20)
    observed, predicted, families = predictions.observed.to_numpy(), predictions.predicted.to_numpy(), people.family_id.to_numpy()
    expected = []
    for i in range(20):
        others = families != families[i]
        expected.append(np.polyval(np.polyfit(predicted[others], observed[others], 1), predicted[i]))
    np.testing.assert_allclose(leave_one_out_line(observed, predicted, clusters=families), expected, rtol=1e-10)


def test_evaluate_replication__gives_the_uncorrected_figures_unchanged():
    predictions, people = simulate()
    metrics = evaluate_replication(predictions, people, target="perceived_age", n_bootstrap=200)
    plain = evaluate_predictions(predictions, people, target="perceived_age", subgroups=(), n_bootstrap=200)
    own = metrics[(metrics.system == "m") & (metrics.metric != "calibration_intercept")].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, plain[plain.system == "m"].reset_index(drop=True))


def test_evaluate_replication__recalibration_removes_bias_and_restores_the_calibration_slope():
    predictions, people = simulate(2000)
    metrics = evaluate_replication(predictions, people, target="perceived_age", n_bootstrap=100)
    before, after = values(metrics, "m"), values(metrics, f"m{RECALIBRATED}")
    assert before["bias"] == pytest.approx(4, abs=0.4)
    assert after["bias"] == pytest.approx(0, abs=0.05)
    assert after["slope_observed_on_predicted"] == pytest.approx(1, abs=0.02)
    assert after["mae"] < before["mae"]


def test_leave_one_out_line__does_not_flatter_a_model_that_knows_nothing():
    """Fitted on everybody, the line would err less than the mean of the others; left out, it errs more."""
    better = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        observed, predicted = rng.normal(60, 5, 12), rng.normal(60, 5, 12)
        moved = leave_one_out_line(observed, predicted, clusters=np.arange(12))
        others = (observed.sum() - observed) / 11
        better.append(np.abs(moved - observed).mean() - np.abs(others - observed).mean())
    assert np.mean(better) > 0.05


def test_evaluate_replication__the_intercept_and_slope_draw_the_calibration_line():
    predictions, people = simulate()
    own = values(evaluate_replication(predictions, people, target="perceived_age", n_bootstrap=200), "m")
    slope, intercept = np.polyfit(predictions.predicted, predictions.observed, 1)
    assert own["calibration_intercept"] == pytest.approx(intercept)
    assert own["slope_observed_on_predicted"] == pytest.approx(slope)


def test_evaluate_replication__the_discoverys_mean_is_a_system_with_an_interval():
    predictions, people = simulate()
    metrics = evaluate_replication(predictions, people, target="perceived_age", discovery_mean=58.0, n_bootstrap=200)
    row = metrics[metrics.system == DISCOVERY_MEAN].iloc[0]
    assert row.value == pytest.approx((predictions.observed - 58).abs().mean())
    assert row.ci_low < row.value < row.ci_high
    assert row.n == 200


def test_evaluate_replication__few_people_get_values_without_intervals_and_no_recalibration():
    predictions, people = simulate(6)
    metrics = evaluate_replication(predictions, people, target="perceived_age", discovery_mean=58.0, n_bootstrap=50)
    assert not metrics.system.str.endswith(RECALIBRATED).any()
    assert metrics.ci_low[metrics.metric != "interval_coverage"].isna().all()  # a coverage of 1 has an exact interval


def test_evaluate_replication__without_readings_there_are_no_rows():
    predictions, people = simulate(20)
    assert evaluate_replication(predictions.assign(observed=np.nan), people, target="perceived_age").empty
