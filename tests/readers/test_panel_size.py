"""How many readers a panel needs, against closed forms and simulated studies."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.readers import ReaderVariances, icc_precision, panel_sizes, readers_for_floor, readers_for_icc, readers_for_std_error


def test_panel_sizes__are_the_printed_floors_of_six_years():
    table = panel_sizes(ReaderVariances(50.0, 0.0, 36.0), [4, 10, 27])
    assert table.label_noise_floor.round(2).tolist() == [2.39, 1.51, 0.92]


@pytest.mark.parametrize("k", [1, 2, 5, 10, 27])
def test_readers_needed__are_the_number_whose_precision_is_asked_for(k):
    variances = ReaderVariances(50.0, 4.0, 32.0)
    row = panel_sizes(variances, [k]).iloc[0]
    assert readers_for_std_error(6.0, row.std_error) == k
    assert readers_for_floor(6.0, row.label_noise_floor) == k
    assert readers_for_icc(variances.icc, row.icc) == k


def test_readers_for_icc__is_the_spearman_brown_answer_of_the_shrout_and_fleiss_example():
    assert readers_for_icc(0.289764, 0.620051 - 1e-5) == 4


def test_icc_precision__without_reader_offsets_is_bonetts_width():
    from scipy.stats import norm

    n, k = 200, 5
    variances = ReaderVariances(60.0, 0.0, 40.0)
    icc = variances.icc
    bonett = np.sqrt(8 * norm.ppf(0.975) ** 2 * (1 - icc) ** 2 * (1 + (k - 1) * icc) ** 2 / (k * (k - 1) * (n - 1)))
    assert icc_precision(variances, n, k).width[0] == pytest.approx(bonett, rel=0.03)


def test_icc_precision__is_the_spread_of_simulated_studies():
    variances, n, k = ReaderVariances(60.0, 9.0, 36.0), 30, 6
    rng = np.random.default_rng(3)
    found = []
    for _ in range(1500):
        y = rng.normal(0, 60**0.5, (n, 1)) + rng.normal(0, 3, (1, k)) + rng.normal(0, 6, (n, k))
        rows, columns = k * y.mean(axis=1).var(ddof=1), n * y.mean(axis=0).var(ddof=1)
        error = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
        error = (error**2).sum() / ((n - 1) * (k - 1))
        found.append((rows - error) / (rows + (k - 1) * error + k * (columns - error) / n))
    expected = icc_precision(variances, n, k).iloc[0]
    assert np.mean(found) == pytest.approx(expected["mean"], abs=0.01)
    assert np.std(found) == pytest.approx(expected.std_error, rel=0.08)


def test_icc_precision__many_photographs_do_not_make_up_for_few_readers():
    variances = ReaderVariances(50.0, 20.0, 30.0)
    few = icc_precision(variances, [100, 10_000], [3])
    assert few.std_error[1] > 0.5 * few.std_error[0]
    assert icc_precision(variances, 100, 30).std_error[0] < few.std_error[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: readers_for_std_error(6.0, 0.0), "std_error is 0.0: give a number above 0"),
        (lambda: readers_for_icc(0.5, 1.0), "wanted is 1.0: choose a number between 0 and 1"),
        (lambda: panel_sizes(ReaderVariances(0.0, 1.0, 1.0), [3]), "the photograph variance is 0.0: give a number above 0"),
        (lambda: icc_precision(ReaderVariances(1.0, 1.0, 1.0), 1, 3), "1 photographs and 3 readers: agreement needs 2"),
    ],
)
def test_refusals__say_in_one_line_what_to_do(call, message):
    with pytest.raises(InputError, match=message):
        call()
