"""Predicted grades against recorded ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from facies.evaluation.severity import evaluate_severity
from facies.tables import PARTICIPANT_PREDICTIONS


def graded(n: int, noise: float, seed: int = 0) -> pd.DataFrame:
    """Return n people with grades 0 to 3 and predictions that miss by normal noise."""
    rng = np.random.default_rng(seed)
    grade = rng.integers(4, size=n).astype(float)
    return pd.DataFrame({
        "participant_id": [f"p{i:04d}" for i in range(n)], "model_id": "m", "target": "severity:x", "fold": 0, "n_photographs": 1,
        "predicted": grade + rng.normal(scale=noise, size=n), "ci_low": 0.0, "ci_high": 3.0, "observed": grade, "label_weight": np.nan,
    })  # fmt: skip


def test_severity__correlation_and_error_are_those_of_scipy_and_of_a_normal_error():
    people = graded(4000, noise=0.5)
    found = evaluate_severity(people, n_bootstrap=200).set_index("metric").value
    assert found["severity_rank_correlation"] == pytest.approx(spearmanr(people.predicted, people.observed).statistic, abs=1e-12)
    assert found["severity_mae"] == pytest.approx(0.5 * np.sqrt(2 / np.pi), abs=0.02)


def test_severity__the_interval_covers_the_error_that_was_planted():
    truth = 0.5 * np.sqrt(2 / np.pi)
    covered = 0
    for seed in range(120):
        row = evaluate_severity(graded(80, 0.5, seed), n_bootstrap=200, random_state=seed).set_index("metric").loc["severity_mae"]
        covered += row.ci_low <= truth <= row.ci_high
    assert 105 <= covered <= 120  # 95 % of 120 is 114; below 105 has probability 3e-4


def test_severity__people_without_a_grade_and_other_targets_do_not_count():
    people = graded(50, 0.2)
    people.loc[:9, "observed"] = np.nan
    others = people.assign(target="perceived_age")
    found = evaluate_severity(PARTICIPANT_PREDICTIONS.validate(pd.concat([people, others], ignore_index=True)), n_bootstrap=50)
    assert found.n.tolist() == [40] * 3


def test_severity__where_all_grades_are_alike_there_is_no_correlation():
    people = graded(30, 0.2).assign(observed=1.0)
    found = evaluate_severity(people, n_bootstrap=50).set_index("metric")
    assert np.isnan(found.value["severity_rank_correlation"])
    assert found.value["severity_mae_of_median"] == 0
