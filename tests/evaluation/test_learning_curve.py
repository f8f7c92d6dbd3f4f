"""Learning curves: a known law is found again, forecasts hold, and repeated rows add nothing."""

import numpy as np
import pytest

from facies.errors import InputError
from facies.evaluation import learning_curve, log_sizes
from facies.evaluation.learning_curve import fit_power_law

SIZES = [25, 50, 100, 200, 400]


def errors_of(law, n=400, repeats=3, seed=0):
    """Return predictions of 0 whose mean absolute error follows a law."""
    rng = np.random.default_rng(seed)
    spread = law(np.array(SIZES, dtype=float)) / np.sqrt(2 / np.pi)
    return rng.normal(size=(n, len(SIZES), repeats)) * spread[:, None]


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_fit_power_law__finds_a_known_law_again(exponent):
    law = fit_power_law(SIZES, 3 + 40 * np.array(SIZES, dtype=float) ** -exponent)
    assert float(law.at(1600)) == pytest.approx(3 + 40 * 1600.0**-exponent, abs=0.02)


def test_fit_power_law__never_rises_and_never_falls_below_nothing():
    rising = fit_power_law(SIZES, np.array([3.0, 3.1, 3.2, 3.3, 3.4]))
    steep = fit_power_law(SIZES, 5 - np.array(SIZES) / 90)
    assert float(rising.at(800)) == pytest.approx(float(rising.at(25)))
    assert float(steep.at(1e6)) >= 0


def test_fit_power_law__fits_many_rows_as_it_fits_each():
    rows = np.random.default_rng(0).uniform(3, 6, (4, len(SIZES)))
    together = fit_power_law(SIZES, rows)
    alone = [float(fit_power_law(SIZES, row).at(800)) for row in rows]
    assert together.at(800) == pytest.approx(alone)


def test_learning_curve__forecast_holds_the_truth_of_a_known_law():
    def law(size):
        return 4 + 60 / size

    curve = learning_curve(errors_of(law), np.zeros(400), sizes=SIZES, n_bootstrap=200)
    forecast = curve.forecast(500, 1000)
    assert forecast.mae[1] < law(1000) < forecast.mae[2]
    assert forecast.gain[1] < law(500) - law(1000) < forecast.gain[2]
    assert curve.mae == pytest.approx(law(np.array(SIZES)), rel=0.08)


def test_learning_curve__the_same_person_twice_narrows_no_interval():
    errors, people = errors_of(lambda size: 4 + 60 / size, n=100), np.arange(100)
    once = learning_curve(errors, np.zeros(100), sizes=SIZES, clusters=people, n_bootstrap=200)
    twice = learning_curve(np.repeat(errors, 2, axis=0), np.zeros(200), sizes=SIZES, clusters=np.repeat(people, 2), n_bootstrap=200)
    assert twice.ci_high - twice.ci_low == pytest.approx(once.ci_high - once.ci_low)


def test_learning_curve__interval_of_a_forecast_is_widened_by_what_the_curve_missed():
    errors = errors_of(lambda size: np.where(size < 300, 4 + 60 / size, 9.0))
    curve = learning_curve(errors, np.zeros(400), sizes=SIZES, n_bootstrap=100)
    assert curve.miss < -4
    assert curve.forecast(400, 800).mae[2] - curve.forecast(400, 800).mae[0] > 4


def test_learning_curve__few_sizes_are_refused_in_one_line():
    with pytest.raises(InputError, match="3 sizes or more"):
        learning_curve(np.zeros((10, 2, 1)), np.zeros(10), sizes=[10, 20])


def test_log_sizes__are_even_on_a_logarithmic_axis_and_none_where_there_is_no_room():
    assert log_sizes(1, 27, n=4) == [1, 3, 9, 27]
    assert log_sizes(20, 15, n=6) == []
