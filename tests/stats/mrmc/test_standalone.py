"""A system against a panel: published values, other ways to the same number, and simulated truth."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.auc import auc, compare_aucs
from facies.stats.mrmc.anova import compare_tests
from facies.stats.mrmc.merits import auc_merits
from facies.stats.mrmc.roe_metz import STRUCTURES, simulate_roe_metz
from facies.stats.mrmc.standalone import (
    auc_differences,
    compare_with_panel,
    compare_with_reader,
    mcnemar,
    mean_differences,
    some_readers,
)

GOLDEN = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[4] / "shared")) / "golden"


@pytest.fixture(scope="module")
def dissection():
    """Ratings of 114 people by 5 readers with the first test, (5, 114), and who has a dissection (Van Dyke 1993)."""
    path = GOLDEN / "vandyke.csv"
    if not path.exists():
        pytest.skip("the published example is absent")
    frame = pd.read_csv(path)
    wide = frame[frame.treatment == 1].pivot(index="reader", columns="case", values="rating")
    return wide.to_numpy(dtype=float), frame.drop_duplicates("case").sort_values("case").truth.to_numpy()


def simulated(seed, *, n_readers=5, n=60):
    return simulate_roe_metz(
        STRUCTURES["HL"], aucs=[0.8], n_readers=n_readers, n_cases=n // 2, n_others=n - n // 2, system_auc=0.8, random_state=seed
    )


def test_compare_with_panel__a_perfect_system_has_the_published_interval_of_the_readers_alone(dissection):
    ratings, y = dissection
    found = compare_with_panel(auc_differences(y, ratings, y, covariance="delong"))
    assert (found.system, found.readers) == (1.0, pytest.approx(0.8970370, abs=5e-8))
    assert (found.std_error, found.df) == (pytest.approx(0.03307642, abs=5e-9), pytest.approx(12.59597, abs=5e-6))
    assert (found.ci_low, found.ci_high) == pytest.approx((1 - 0.9687280, 1 - 0.8253461), abs=1e-7)
    alone = compare_with_panel(auc_differences(y, ratings, y), generalise="readers")
    assert (alone.std_error, alone.df) == (pytest.approx(0.02482994, abs=5e-9), 4)


def test_compare_with_panel__a_system_that_always_calls_rightly_has_the_published_variance_of_sensitivities(dissection):
    ratings, y = dissection
    cases = ratings[:, y == 1] >= 3
    found = compare_with_panel(mean_differences(np.ones(45), cases))
    assert (found.estimate, found.std_error) == (pytest.approx(1 - 0.8222222, abs=5e-8), pytest.approx(0.05893747, abs=5e-9))
    assert found.df == pytest.approx(14.456811, abs=5e-7)


def test_compare_with_panel__the_readers_only_test_is_the_t_test_of_the_readers():
    from scipy.stats import ttest_1samp

    data = simulated(1)
    found = compare_with_panel(auc_differences(data.system, data.readers[0], data.y), generalise="readers")
    known = ttest_1samp([auc(row, data.y) for row in data.readers[0]], auc(data.system, data.y))
    assert (found.statistic, found.p_value) == (pytest.approx(-known.statistic), pytest.approx(known.pvalue))


def test_compare_with_panel__equals_two_tests_where_the_system_is_repeated_for_each_reader():
    data = simulated(2)
    one = compare_with_panel(auc_differences(data.system, data.readers[0], data.y))
    rows = np.vstack([np.tile(data.system, (5, 1)), data.readers[0]])
    two = compare_tests(auc_merits(rows, data.y), ["system"] * 5 + ["panel"] * 5, [*"abcde"] * 2)
    assert one.estimate == pytest.approx(two.differences[0].estimate)
    assert one.std_error == pytest.approx(two.differences[0].std_error)
    assert one.df == pytest.approx(two.differences[0].df)


def test_compare_with_reader__is_delongs_paired_test():
    data = simulated(3)
    found = compare_with_reader(auc_differences(data.system, data.readers[0], data.y, covariance="delong"), 2)
    known = compare_aucs(data.system, data.readers[0, 2], data.y)
    assert (found.estimate, found.statistic, found.p_value) == pytest.approx((known.difference, known.z, known.p_value))


def test_compare_with_panel__copies_of_one_reader_are_that_reader():
    data = simulated(8)
    one = compare_with_reader(auc_differences(data.system, data.readers[0][:1], data.y), 0)
    copies = compare_with_panel(auc_differences(data.system, np.tile(data.readers[0][:1], (4, 1)), data.y))
    assert (copies.estimate, copies.std_error, copies.p_value) == pytest.approx((one.estimate, one.std_error, one.p_value))


def test_compare_with_panel__a_system_like_all_readers_differs_by_nothing():
    data = simulated(9)
    found = compare_with_panel(auc_differences(data.system, np.tile(data.system, (4, 1)), data.y))
    assert (found.estimate, found.ci_low, found.ci_high) == pytest.approx((0, 0, 0), abs=1e-12)
    assert np.isnan(found.p_value)


def test_auc_differences__readers_of_part_of_the_cases_meet_the_system_in_their_cases():
    data = simulated(4, n=80)
    readers = data.readers[0].copy()
    readers[0, ::3] = np.nan
    found = auc_differences(data.system, readers, data.y)
    kept = ~np.isnan(readers[0])
    assert found.system[0] == pytest.approx(auc(data.system[kept], data.y[kept]))
    assert found.system[1] == pytest.approx(auc(data.system, data.y))
    assert found.differences.values == pytest.approx(found.system - found.readers)


def test_auc_differences__the_same_scores_twice_are_two_repeats_that_change_nothing():
    data = simulated(5)
    both = [auc_differences(scores, data.readers[0], data.y) for scores in (data.system, np.tile(data.system, (2, 1)))]
    one, two = (compare_with_panel(found, margin=0.05) for found in both)
    assert one[1:] == pytest.approx(two[1:])


def test_compare_with_panel__non_inferiority_is_the_interval_against_the_margin():
    data = simulated(6)
    differences = auc_differences(data.system, data.readers[0], data.y)
    found = compare_with_panel(differences)
    at_the_edge = compare_with_panel(differences, margin=-found.ci_low) if found.ci_low < 0 else None
    assert at_the_edge is not None
    assert at_the_edge.p_non_inferior == pytest.approx(0.025)
    assert np.isnan(found.p_non_inferior)
    with pytest.raises(InputError, match=r"margin is -0\.05"):
        compare_with_panel(differences, margin=-0.05)


def test_compare_with_panel__keeps_its_size_where_the_readers_only_test_does_not():
    p = np.array(
        [
            [compare_with_panel(found, generalise=name).p_value for name in ("readers and cases", "readers")]
            for found in (
                auc_differences(data.system, data.readers[0], data.y) for data in (simulated(seed, n_readers=8) for seed in range(400))
            )
        ]
    )
    size, naive = (p < 0.05).mean(axis=0)
    assert size == pytest.approx(0.05, abs=0.03)
    assert naive > 0.2


def test_some_readers__leaves_the_level_that_was_asked_for():
    data = simulated(7)
    found = auc_differences(data.system, data.readers[0], data.y)
    expert = np.array([True, False, True, True, False])
    part = compare_with_panel(some_readers(found, expert))
    alone = compare_with_panel(auc_differences(data.system, data.readers[0][expert], data.y))
    assert (part.estimate, part.std_error, part.n_readers) == (pytest.approx(alone.estimate), pytest.approx(alone.std_error), 3)


def test_mcnemar__equals_the_published_exact_test():
    system = np.repeat([1, 1, 0, 0], [20, 5, 12, 3])
    reader = np.repeat([1, 0, 1, 0], [20, 5, 12, 3])
    found = mcnemar(system, reader)
    assert (found.only_system, found.only_reader) == (5, 12)
    assert found.p_value == pytest.approx(0.1434631348)  # R 4.2.2: binom.test(5, 17)$p.value
    assert mcnemar([1, 1], [1, 1]).p_value == 1.0


def test_auc_differences__refuses_what_does_not_belong_together():
    with pytest.raises(InputError, match="3 cases and the readers 2"):
        auc_differences([1, 2, 3], [[1, 2]], [0, 1, 1])
    with pytest.raises(InputError, match="no value of a case"):
        auc_differences([1, np.nan, 3, 4], [[1, 2, 3, 4]], [0, 1, 1, 0])
