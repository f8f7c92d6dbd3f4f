"""Limits of agreement and interchangeability with readers: other ways to the same number, and simulated truth."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from facies.errors import InputError
from facies.stats.mrmc.interchangeability import interchangeability
from facies.stats.mrmc.limits import limits_between_readers, limits_with_readers


def readings(seed, *, n=60, r=8, sd_case=3.0, sd_reader=2.0, sd_residual=4.0, bias=1.5, shown=1.0):
    """Return a system's ages and readers': the system misjudges cases by ``sd_case``, readers by their level and by chance."""
    rng = np.random.default_rng(seed)
    true = rng.normal(60, 8, n)
    system = true + bias + sd_case * rng.normal(size=n)
    readers = true + sd_reader * rng.normal(size=(r, 1)) + sd_residual * rng.normal(size=(r, n))
    return system, np.where(rng.random((r, n)) < shown, readers, np.nan)


def two_way(values):
    """Return the variances of case, reader and residual of a complete table by the textbook's analysis of variance."""
    r, n = values.shape
    rest = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    residual = (rest**2).sum() / ((r - 1) * (n - 1))
    return (r * values.mean(axis=0).var(ddof=1) - residual) / r, (n * values.mean(axis=1).var(ddof=1) - residual) / n, residual


def test_limits_with_readers__complete_readings_have_the_components_of_the_analysis_of_variance():
    system, readers = readings(1)
    found = limits_with_readers(system, readers)
    known = two_way(system - readers)
    assert (found.sd_cases**2, found.sd_readers**2, found.sd_residual**2) == pytest.approx(known)
    assert found.sd[0] == pytest.approx(np.sqrt(sum(known)))
    assert found.bias[0] == pytest.approx((system - readers).mean())
    assert (found.n, found.n_readers, found.n_readings) == (60, 8, 480)


def test_limits_with_readers__incomplete_readings_find_the_truth():
    found = limits_with_readers(*readings(2, n=3000, r=200, shown=0.1))
    assert (found.sd_cases, found.sd_readers, found.sd_residual) == pytest.approx((3.0, 2.0, 4.0), rel=0.12)
    assert found.bias[0] == pytest.approx(1.5, abs=0.5)


@pytest.mark.parametrize("shown", [1.0, 0.6])
def test_limits_with_readers__intervals_hold_the_truth(shown):
    true_sd = np.sqrt(9 + 4 + 16)
    inside = np.zeros(3)
    for seed in range(400):
        found = limits_with_readers(*readings(seed, n=40, r=6, shown=shown))
        truths = (1.5, 1.5 + 1.959964 * true_sd, true_sd)
        inside += [low <= truth <= high for truth, (_, low, high) in zip(truths, (found.bias, found.high, found.sd), strict=True)]
    assert inside / 400 == pytest.approx(np.full(3, 0.95), abs=0.035)


def test_limits_between_readers__are_those_of_two_new_readers():
    _, readers = readings(3, n=2000, r=60)
    found = limits_between_readers(readers)
    assert found.high[0] == pytest.approx(1.959964 * np.sqrt(2 * (4 + 16)), rel=0.06)
    assert found.low[0] == -found.high[0]
    assert limits_between_readers(readers + 7).sd[0] == pytest.approx(found.sd[0])


def test_limits_with_readers__a_shift_of_the_system_moves_bias_and_limits_alone():
    system, readers = readings(4)
    one, two = limits_with_readers(system, readers), limits_with_readers(system + 5, readers)
    assert np.array(two.high) - np.array(one.high) == pytest.approx(np.full(3, 5.0))
    assert two.sd == pytest.approx(one.sd)


def test_limits_with_readers__refuses_what_has_no_spread_between_readers():
    with pytest.raises(InputError, match="2 readers and 3 people"):
        limits_with_readers([1.0, 2, 3], [[1.0, 2, 3]])
    with pytest.raises(InputError, match="no person was read twice"):
        limits_with_readers([1.0, 2, 3, 4], [[1.0, 2, np.nan, np.nan], [np.nan, np.nan, 3, 4]])


def test_interchangeability__equals_the_definition_by_pairs():
    system, readers = readings(5, n=20, r=4, shown=0.8)
    found = interchangeability(system, readers)
    gains = []
    for k in range(20):
        own = readers[:, k][~np.isnan(readers[:, k])]
        if len(own) >= 2:
            gains.append(np.mean((system[k] - own) ** 2) - np.mean([(a - b) ** 2 for a, b in combinations(own, 2)]))
    assert found.value == pytest.approx(np.mean(gains))
    cases = interchangeability(system, readers, generalise="cases")
    assert cases.std_error == pytest.approx(np.std(gains, ddof=1) / np.sqrt(len(gains)))
    assert found.std_error > cases.std_error


def test_interchangeability__calls_count_disagreements():
    readers = np.array([[1, 1, 0, 0, 1], [1, 0, 0, 0, 1], [1, 1, 0, 1, 1.0]])
    found = interchangeability([1, 0, 0, 0, 1.0], readers, generalise="cases")
    assert found.with_system == pytest.approx((2 / 3 + 1 / 3) / 5)
    assert found.between_readers == pytest.approx((2 / 3 + 2 / 3) / 5)


def test_interchangeability__intervals_hold_the_truth_of_a_system_that_is_a_reader():
    true = 1.5**2 + 9 + 4 + 16 - 2 * (4 + 16)
    inside = [
        found.ci_low <= true <= found.ci_high
        for found in (interchangeability(*readings(seed, n=50, r=8)) for seed in range(400))
    ]  # fmt: skip
    assert np.mean(inside) == pytest.approx(0.95, abs=0.04)


def test_interchangeability__photographs_of_one_person_add_no_information():
    system, readers = readings(6, n=30)
    one = interchangeability(system, readers)
    two = interchangeability(np.tile(system, 2), np.tile(readers, (1, 2)), clusters=np.tile(np.arange(30), 2))
    assert (two.value, two.std_error, two.n) == (pytest.approx(one.value), pytest.approx(one.std_error), 30)


def test_interchangeability__needs_a_margin_above_0_and_three_readers():
    system, readers = readings(7, r=2)
    with pytest.raises(InputError, match="3 or more here"):
        interchangeability(system, readers)
    with pytest.raises(InputError, match="margin above 0"):
        interchangeability(system, readers, margin=0)
    found = interchangeability(system, readers, generalise="cases", margin=1000)
    assert found.p_value < 0.001
