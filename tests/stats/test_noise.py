"""Reading noise: the worked examples and simulated panels."""

import numpy as np
import pytest

from facies.errors import InputError
from facies.stats.noise import errors_against_others, label_noise_floor, pooled_sd, reader_errors, scatter_within


@pytest.mark.parametrize(("k", "floor"), [(4, 2.39), (10, 1.51), (27, 0.92)])
def test_label_noise_floor__matches_the_worked_examples(k, floor):
    assert round(label_noise_floor(6, k), 2) == floor


def test_label_noise_floor__with_varying_k_is_the_mae_of_a_perfect_model():
    rng = np.random.default_rng(1)
    k = rng.integers(3, 40, 20_000)
    labels = rng.normal(0, 6 / np.sqrt(k))
    assert np.abs(labels).mean() == pytest.approx(label_noise_floor(6, k), rel=0.02)


def test_label_noise_floor__no_readers_are_refused():
    with pytest.raises(InputError, match="below 1"):
        label_noise_floor(6, [10, 0])


def test_pooled_sd__recovers_the_simulated_one_with_few_and_varying_readers():
    rng = np.random.default_rng(2)
    photographs = np.repeat(np.arange(3000), rng.integers(2, 6, 3000))
    readings = rng.normal(60, 9, 3000)[photographs] + rng.normal(0, 6, len(photographs))
    scatter = scatter_within(readings, photographs)
    assert pooled_sd(scatter.sum_squares, scatter.degrees_of_freedom) == pytest.approx(6, rel=0.02)


def test_pooled_sd__of_single_readings_is_unknown():
    scatter = scatter_within(np.array([50.0, 60.0]), ["a", "b"])
    assert np.isnan(pooled_sd(scatter.sum_squares, scatter.degrees_of_freedom))


def test_errors_against_others__of_two_readers_are_opposite():
    np.testing.assert_array_equal(errors_against_others(np.array([50.0, 54.0]), ["a", "a"]), [-4, 4])


def test_errors_against_others__have_the_variance_of_a_reader_and_a_mean_of_others():
    rng = np.random.default_rng(3)
    k = 10
    errors = errors_against_others(rng.normal(0, 6, 20_000 * k), np.repeat(np.arange(20_000), k))
    assert np.abs(errors).mean() == pytest.approx(0.797885 * 6 * np.sqrt(1 + 1 / (k - 1)), rel=0.01)


def test_reader_errors__n_weighted_mean_is_the_mean_over_readings():
    rng = np.random.default_rng(4)
    photographs, readers = rng.integers(0, 40, 300), rng.integers(0, 9, 300)
    pairs = np.unique(np.column_stack([photographs, readers]), axis=0)
    readings = rng.normal(60, 6, len(pairs))
    result = reader_errors(readings, pairs[:, 0], pairs[:, 1])
    errors = errors_against_others(readings, pairs[:, 0])
    assert np.average(result["mae"], weights=result["n"]) == pytest.approx(np.nanmean(np.abs(errors)))


def test_reader_errors__a_reader_who_says_5_too_much_has_that_bias():
    photographs, readers = np.repeat(np.arange(20), 3), np.tile(["r1", "r2", "r3"], 20)
    result = reader_errors(np.where(readers == "r2", 65.0, 60.0), photographs, readers)
    assert result["bias"].tolist() == [-2.5, 5.0, -2.5]


def test_reader_errors__a_reader_who_is_always_alone_has_none():
    result = reader_errors(np.array([50.0, 52.0, 60.0]), ["a", "a", "b"], ["r1", "r2", "r3"])
    assert result["n"].tolist() == [1, 1, 0]
    assert np.isnan(result["mae"][2])


def test_scatter_within__missing_readings_are_refused():
    with pytest.raises(InputError, match="a reading is missing"):
        scatter_within(np.array([1.0, np.nan]), ["a", "a"])
