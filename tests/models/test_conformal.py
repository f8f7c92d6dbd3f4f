"""Prediction intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facies.errors import InputError
from facies.models import conformal_half_width, cross_conformal, cross_fit
from facies.models.conformal import quantile_by_share

SCORES = st.lists(st.floats(0, 100), min_size=1, max_size=40)


@given(scores=SCORES, level=st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_half_width__is_the_rounded_up_quantile_with_the_new_person_counted(scores, level):
    place = int(np.ceil(level * (len(scores) + 1) - 1e-9))
    expected = sorted(scores)[place - 1] if place <= len(scores) else np.inf
    assert conformal_half_width(scores, level=level) == expected


@given(scores=SCORES, data=st.data())
def test_cross_conformal__equals_leaving_each_group_out(scores, data):
    groups = data.draw(st.lists(st.integers(0, 8), min_size=len(scores), max_size=len(scores)))
    shares = data.draw(st.lists(st.sampled_from([0.25, 0.5, 1.0]), min_size=len(scores), max_size=len(scores)))
    widths = cross_conformal(scores, groups, level=0.8, shares=shares)
    table = pd.DataFrame({"score": scores, "group": groups, "share": shares})
    for i, group in enumerate(groups):
        others = table[table.group != group]
        assert widths[i] == conformal_half_width(others.score, level=0.8, shares=others.share)


def test_cross_conformal__covers_at_least_the_level_of_the_cohort():
    scores = np.random.default_rng(0).exponential(size=317)
    covered = scores <= cross_conformal(scores, np.arange(317), level=0.9)
    assert 0.9 <= covered.mean() < 0.905


def test_half_width__repeating_every_photograph_changes_nothing():
    scores = np.random.default_rng(0).exponential(size=100)
    thrice = conformal_half_width(np.repeat(scores, 3), level=0.9, shares=np.full(300, 1 / 3))
    assert thrice == conformal_half_width(scores, level=0.9)


def test_half_width__refuses_a_level_that_is_a_percentage():
    with pytest.raises(InputError, match="level is 90: choose a number between 0 and 1"):
        conformal_half_width([1.0], level=90)


def test_quantile_by_share__all_below_one_is_the_largest_needed():
    assert quantile_by_share([3.0, 1.0, 2.0, 4.0], np.ones(4), level=0.75) == 3.0


def simulated(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(n, 4))
    return X.astype(np.float32), 50 + 5 * X[:, 0] + rng.standard_t(4, size=n) * 3


def test_intervals__of_new_people_hold_the_reference_nine_times_in_ten():
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(25):
        X, y = simulated(rng, 100)
        names = [f"p{i}" for i in range(100)]
        fit = cross_fit(
            X,
            face_ids=names,
            participant_ids=names,
            y_by_participant=pd.Series(y, index=names),
            folds=pd.Series(np.arange(100) % 5, index=names),
            settings={"alpha": 2.0},
            model_id="m",
            target="t",
        )
        X_new, y_new = simulated(rng, 500)
        new = fit.frozen.predict_vectors(X_new)
        covered.append(((y_new >= new.ci_low) & (y_new <= new.ci_high)).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.02)
