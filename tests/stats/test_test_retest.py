"""Test-retest error against lme4, against what was simulated, and at its edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.test_retest import (
    MeanSquare,
    MeasurementError,
    VisitScatter,
    intraclass_correlation,
    power_to_detect,
    repeats_needed,
    scatter_between_visits,
    scatter_within_groups,
    standard_deviation,
)

REFERENCE = Path(__file__).parents[1] / "reference"


def given(case: str) -> tuple[pd.DataFrame, pd.Series]:
    frame = pd.read_csv(REFERENCE / "test_retest.tsv", sep="\t")
    expected = pd.read_csv(REFERENCE / "test_retest_expected.tsv", sep="\t")
    return frame[frame.case == case], expected[expected.case == case].set_index("statistic").value


def error_of(frame: pd.DataFrame) -> MeasurementError:
    visits = frame.groupby(["participant_id", "session_id"]).score.agg(["mean", "size"]).reset_index()
    repeats = scatter_within_groups(frame.score.to_numpy(), (frame.participant_id + frame.session_id).to_numpy(dtype=str))
    return MeasurementError(repeats, scatter_between_visits(visits["mean"].to_numpy(), visits["size"], visits.participant_id.tolist()))


@pytest.mark.parametrize("case", ["balanced", "unbalanced"])
def test_scatter_within_groups__and_its_interval_equal_r(case):
    frame, expected = given(case)
    repeats = error_of(frame).repeats
    assert repeats.value == pytest.approx(expected.mean_square_photographs, rel=1e-12)
    assert repeats.degrees_of_freedom == expected.df_photographs
    assert standard_deviation(repeats)[1:] == pytest.approx((expected.sd_low, expected.sd_high), rel=1e-12)


def test_measurement_error__with_one_number_of_photographs_equals_lme4():
    frame, expected = given("balanced")
    error = error_of(frame)
    assert error.sd_repeats == pytest.approx(expected.sd_photographs, rel=1e-6)
    assert error.sd_visits == pytest.approx(expected.sd_visits, rel=1e-6)
    first = frame[frame.session_id == "s1"]
    icc = intraclass_correlation(first.score.to_numpy(), first.participant_id.tolist())
    assert icc.value == pytest.approx(expected.icc_first_visit, rel=1e-6)


def test_measurement_error__with_different_numbers_of_photographs_is_near_lme4():
    frame, expected = given("unbalanced")
    error = error_of(frame)
    assert error.sd_repeats == pytest.approx(expected.sd_photographs, rel=0.02)
    assert error.sd_visits == pytest.approx(expected.sd_visits, rel=0.15)


def test_intraclass_correlation__equals_shrout_and_fleiss():
    rows = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
    found = intraclass_correlation(rows.ravel(), np.repeat(np.arange(6), 4))
    assert found.value == pytest.approx(0.165742, abs=5e-7)
    assert (found.ci_low, found.ci_high) == pytest.approx((-0.1329, 0.7226), abs=5e-4)
    assert (found.n_groups, found.n) == (6, 24)


def test_intraclass_correlation__of_equal_repeats_is_one_and_of_one_group_is_unknown():
    assert intraclass_correlation(np.array([1.0, 1.0, 2.0, 2.0]), ["a", "a", "b", "b"])[:3] == (1.0, 1.0, 1.0)
    assert np.isnan(intraclass_correlation(np.array([1.0, 2.0]), ["a", "a"]).value)
    assert np.isnan(intraclass_correlation(np.array([1.0, 2.0]), ["a", "b"]).value)
    assert np.isnan(intraclass_correlation(np.full(4, 3.0), ["a", "a", "b", "b"]).value)


def test_intraclass_correlation__its_interval_covers_the_planted_share():
    generator = np.random.default_rng(4)
    held = 0
    for _ in range(400):
        values = generator.normal(0, 1, 15)[:, None] + generator.normal(0, 0.5, (15, 3))
        found = intraclass_correlation(values.ravel(), np.repeat(np.arange(15), 3))
        held += found.ci_low <= 0.8 <= found.ci_high
    assert 0.92 <= held / 400 <= 0.98


def test_scatter__does_not_depend_on_what_people_and_visits_are_like():
    generator = np.random.default_rng(5)
    errors, groups = generator.normal(size=60), np.repeat(np.arange(20), 3)
    levels = generator.normal(0, 50, 20)
    assert scatter_within_groups(errors + levels[groups], groups).value == pytest.approx(scatter_within_groups(errors, groups).value)
    people = np.repeat(np.arange(10), 2)
    means, repeats = generator.normal(size=20), np.full(20, 3.0)
    shifted = scatter_between_visits(means + 100 * people, repeats, people)
    assert shifted.mean_square.value == pytest.approx(scatter_between_visits(means, repeats, people).mean_square.value)


def test_scatter_between_visits__leaves_out_people_seen_once():
    once = scatter_between_visits(np.array([1.0, 3.0, 50.0]), np.array([2.0, 2.0, 1.0]), ["a", "a", "b"])
    assert once == VisitScatter(MeanSquare(2.0, 1), 0.5, 1)
    assert scatter_between_visits(np.array([1.0]), np.array([2.0]), ["a"]).n_people == 0


@pytest.mark.parametrize("sd_visits", [0.0, 0.5, 1.0])
def test_change__of_unchanged_people_lies_within_its_interval_in_95_of_100(sd_visits):
    from scipy.stats import t

    generator = np.random.default_rng(6)
    n, people, shown = 1200, 10, []
    for _ in range(n):
        photographs = generator.normal(0, sd_visits, (people, 2, 1)) + generator.normal(0, 1, (people, 2, 2))
        values, visits = photographs.ravel(), np.repeat(np.arange(2 * people), 2)
        scatter = scatter_between_visits(photographs.mean(axis=2).ravel(), np.full(2 * people, 2.0), np.repeat(np.arange(people), 2))
        std_error, freedom = MeasurementError(scatter_within_groups(values, visits), scatter).of_change(1.0)
        change = generator.normal(0, np.sqrt(2 * sd_visits**2 + 1))
        shown.append(abs(change) <= t.ppf(0.975, freedom) * std_error)
    assert 0.93 <= np.mean(shown) <= 0.97


def test_of_change__is_never_less_with_fewer_photographs_and_never_below_repeats_where_more():
    error = MeasurementError(MeanSquare(1.0, 50), VisitScatter(MeanSquare(0.7, 20), 0.5, 20))
    errors = [error.of_change(2 / n)[0] for n in range(1, 12)]
    assert errors == sorted(errors, reverse=True)
    quiet = MeasurementError(MeanSquare(1.0, 50), VisitScatter(MeanSquare(0.2, 20), 0.5, 20))
    assert quiet.sd_visits == 0
    assert quiet.of_change(0.4) == (pytest.approx(np.sqrt(0.4)), 50.0)


def test_of_change__without_repeats_uses_people_seen_twice_and_claims_nothing_for_fewer_photographs():
    seen_twice = MeasurementError(MeanSquare(np.nan, 0), VisitScatter(MeanSquare(0.5, 20), 0.5, 20))
    assert seen_twice.of_change(1.0) == (1.0, 20.0)
    assert seen_twice.of_change(0.5) == (1.0, 20.0)
    assert np.isnan(seen_twice.of_change(2.0)[0])
    assert np.isnan(seen_twice.sd_repeats)
    assert np.isnan(seen_twice.sd_visits)


def test_of_change__of_few_controls_is_that_of_repeats_alone():
    few = MeasurementError(MeanSquare(1.0, 50), VisitScatter(MeanSquare(9.0, 4), 0.5, 4))
    assert few.of_change(2.0) == (pytest.approx(np.sqrt(2)), 50.0)
    assert np.isnan(few.sd_visits)


def test_measurement_error__without_anything_is_unknown():
    nothing = MeasurementError(scatter_within_groups(np.array([]), []))
    assert np.isnan(
        [*nothing.of_visit(2), *nothing.of_change(1.0), nothing.smallest_detectable(), *standard_deviation(nothing.repeats)]
    ).all()
    assert np.isnan(power_to_detect(-1.0, nothing, 2, 2))


def test_power_to_detect__is_what_simulated_changes_show():
    from scipy.stats import t

    generator = np.random.default_rng(8)
    error = MeasurementError(MeanSquare(1.0, 12))
    spread = np.sqrt(generator.chisquare(12, 40_000) / 12)
    change = generator.normal(-2.5, 1.0, 40_000)
    found = np.mean(change + t.ppf(0.975, 12) * spread < 0)
    assert power_to_detect(-2.5, error, 2, 2) == pytest.approx(found, abs=0.01)
    assert power_to_detect(0.0, error, 2, 2) == pytest.approx(0.025)
    assert repeats_needed(-2.5, error, power=0.9) == next(n for n in range(1, 9) if power_to_detect(-2.5, error, n, n) >= 0.9)


def test_scatter__refuses_missing_values_and_wrong_lengths():
    with pytest.raises(InputError, match="a value is missing: leave it out first"):
        scatter_within_groups(np.array([1.0, np.nan]), ["a", "a"])
    with pytest.raises(InputError, match="give one group to each value"):
        scatter_within_groups(np.array([1.0, 2.0]), ["a"])
