"""The Obuchowski-Rockette analysis: published values, symmetries and simulated truth."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.mrmc.anova import compare_tests, mean_of_readers
from facies.stats.mrmc.merits import Merits, auc_merits, mean_merits

GOLDEN = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[4] / "shared")) / "golden"
TESTS = np.repeat(["1", "2"], 5)
READERS = np.tile([str(reader) for reader in range(1, 6)], 2)


@pytest.fixture(scope="module")
def dissection():
    """Ratings of 114 people by 5 readers with 2 tests, (10, 114), and who has a dissection (Van Dyke 1993)."""
    path = GOLDEN / "vandyke.csv"
    if not path.exists():
        pytest.skip("the published example is absent")
    frame = pd.read_csv(path)
    wide = frame.pivot(index=["treatment", "reader"], columns="case", values="rating")
    return wide.to_numpy(dtype=float), frame.drop_duplicates("case").sort_values("case").truth.to_numpy()


def nested(ratings, y, by):
    """Return ratings as if each reader, or each test, had cases of its own: NaN for those of the others."""
    groups = np.unique(by)
    wide = np.full((len(ratings), ratings.shape[1] * len(groups)), np.nan)
    for row, name in enumerate(by):
        start = int(np.flatnonzero(groups == name)[0]) * ratings.shape[1]
        wide[row, start : start + ratings.shape[1]] = ratings[row]
    return wide, np.tile(y, len(groups))


def test_auc_merits__equals_the_published_aucs(dissection):
    found = auc_merits(*dissection)
    published = [
        0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066, 0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169,
    ]  # fmt: skip
    assert found.values == pytest.approx(published, abs=5e-9)
    assert (found.n, found.n_cases) == (114, 45)


def test_compare_tests__random_readers_and_cases_equals_the_published_analysis(dissection):
    found = compare_tests(auc_merits(*dissection), TESTS, READERS)
    assert found.design == "crossed"
    assert [mean.value for mean in found.means] == pytest.approx([0.89703704, 0.94083736], abs=5e-9)
    c = found.components
    assert (c.error, c.cov1, c.cov2, c.cov3) == pytest.approx((0.00080229, 0.00034661, 0.00034407, 0.00023903), abs=5e-9)
    assert (c.reader, c.test_reader) == pytest.approx((0.0015349993, 0.0002004025), abs=5e-11)
    assert (found.ms_test, found.ms_test_reader) == pytest.approx((0.004796171, 0.0005510306), abs=5e-10)
    assert found.global_test.statistic == pytest.approx(4.4563, abs=5e-5)
    assert found.global_test.df2 == pytest.approx(15.26, abs=5e-3)
    assert found.global_test.p_value == pytest.approx(0.0517, abs=5e-5)
    (difference,) = found.differences
    assert difference.estimate == pytest.approx(-0.04380032, abs=5e-9)
    assert difference.std_error == pytest.approx(0.02075, abs=5e-6)
    assert (difference.ci_low, difference.ci_high) == pytest.approx((-0.08796, 0.00036), abs=5e-6)
    assert difference.p_value == pytest.approx(found.global_test.p_value, abs=1e-12)


def test_compare_tests__fixed_readers_equals_the_published_analysis(dissection):
    found = compare_tests(auc_merits(*dissection), TESTS, READERS, generalise="cases")
    assert found.global_test.statistic == pytest.approx(5.475953, abs=5e-7)
    assert found.global_test.p_value == pytest.approx(0.01927984, abs=5e-9)
    (difference,) = found.differences
    assert difference.std_error == pytest.approx(0.01871748, abs=5e-9)
    assert (difference.ci_low, difference.ci_high) == pytest.approx((-0.08048591, -0.00711473), abs=5e-9)
    assert [mean.std_error for mean in found.means] == pytest.approx([0.02428971, 0.01677632], abs=5e-9)
    assert [mean.ci_high for mean in found.means] == pytest.approx([0.9446440, 0.9737183], abs=5e-8)


def test_compare_tests__fixed_cases_equals_the_published_analysis(dissection):
    found = compare_tests(auc_merits(*dissection), TESTS, READERS, generalise="readers")
    assert found.global_test.statistic == pytest.approx(8.704, abs=5e-4)
    assert (found.global_test.df1, found.global_test.df2) == (1, 4)
    assert found.global_test.p_value == pytest.approx(0.04195875, abs=5e-9)
    assert found.differences[0].std_error == pytest.approx(0.01484629, abs=5e-9)
    assert [mean.std_error for mean in found.means] == pytest.approx([0.02482994, 0.01615303], abs=5e-9)


def test_compare_tests__delong_covariances_equal_the_published_analysis(dissection):
    found = compare_tests(auc_merits(*dissection, covariance="delong"), TESTS, READERS)
    assert found.global_test.statistic == pytest.approx(4.484854, abs=5e-7)
    assert found.global_test.df2 == pytest.approx(15.06611, abs=5e-6)
    assert found.global_test.p_value == pytest.approx(0.05123303, abs=5e-9)
    c = found.components
    assert (c.error, c.cov1, c.cov2, c.cov3) == pytest.approx((0.0007921325, 0.0003420090, 0.0003395265, 0.0002358497), abs=5e-11)
    assert [mean.std_error for mean in found.means] == pytest.approx([0.03307642, 0.02150464], abs=5e-9)
    assert [mean.df for mean in found.means] == pytest.approx([12.59597, 12.56530], abs=5e-6)
    assert [mean.ci_low for mean in found.means] == pytest.approx([0.8253461, 0.8942155], abs=5e-8)


def test_compare_tests__cases_nested_in_readers_equals_the_published_analysis(dissection):
    scores, y = nested(*dissection, READERS)
    found = compare_tests(auc_merits(scores, y), TESTS, READERS)
    assert found.design == "cases nested in readers"
    assert found.global_test.statistic == pytest.approx(8.704, abs=5e-4)
    assert found.global_test.p_value == pytest.approx(0.04195875, abs=5e-9)
    c = found.components
    assert (c.error, c.cov1, c.cov2, c.cov3) == pytest.approx((8.079682e-4, 3.490676e-4, 0, 0), abs=5e-11)


def test_compare_tests__cases_nested_in_tests_equals_the_published_analysis(dissection):
    scores, y = nested(*dissection, TESTS)
    found = compare_tests(auc_merits(scores, y), TESTS, READERS)
    assert found.design == "crossed, cases nested in tests"
    assert found.global_test.statistic == pytest.approx(2.104491, abs=5e-7)
    assert found.global_test.df2 == pytest.approx(68.42325, abs=5e-6)
    assert found.global_test.p_value == pytest.approx(0.1514363, abs=5e-8)
    assert found.components.cov2 == pytest.approx(3.455973e-4, abs=5e-11)
    assert found.means[0].std_error == pytest.approx(0.03320586, abs=5e-9)


def test_compare_tests__sensitivities_equal_the_published_analysis(dissection):
    ratings, y = dissection
    found = compare_tests(mean_merits((ratings >= 3)[:, y == 1]), TESTS, READERS)
    assert [mean.value for mean in found.means] == pytest.approx([0.8222222, 0.92], abs=5e-8)
    c = found.components
    assert (c.error, c.cov1, c.cov2, c.cov3) == pytest.approx((0.0023681257, 0.0009943883, 0.0010145903, 0.0006604938), abs=5e-11)
    assert found.global_test.statistic == pytest.approx(6.689493, abs=5e-7)
    assert found.global_test.p_value == pytest.approx(0.02008822, abs=5e-9)
    assert (found.means[1].ci_low, found.means[1].ci_high) == (pytest.approx(0.8328691, abs=5e-8), 1.0)


def test_auc_merits__bootstrap_comes_near_the_jackknife(dissection):
    drawn, left_out = (auc_merits(*dissection, covariance=name).covariance for name in ("bootstrap", "jackknife"))
    assert np.diag(drawn) == pytest.approx(np.diag(left_out), rel=0.15, abs=1e-6)
    assert drawn.mean() == pytest.approx(left_out.mean(), rel=0.1)


@pytest.mark.parametrize("covariance", ["jackknife", "delong", "bootstrap"])
def test_auc_merits__repeating_each_photograph_adds_no_information(dissection, covariance):
    ratings, y = dissection
    once = auc_merits(ratings, y, covariance=covariance)
    twice = auc_merits(np.hstack([ratings] * 2), np.tile(y, 2), clusters=np.tile(np.arange(len(y)), 2), covariance=covariance)
    assert twice.covariance == pytest.approx(once.covariance, rel=1e-9, abs=1e-15)
    assert (twice.n, twice.n_cases) == (once.n, once.n_cases)


def test_auc_merits__the_jackknife_with_mixed_families_equals_leaving_each_out():
    rng = np.random.default_rng(3)
    families, y = np.repeat(np.arange(12), 3), rng.integers(0, 2, 36)
    scores = rng.integers(0, 5, (2, 36)) + y
    found = auc_merits(scores, y, clusters=families)
    left = np.array([auc_merits(scores[:, families != k], y[families != k]).values for k in range(12)])
    assert found.covariance == pytest.approx(np.cov(left, rowvar=False) * 11 * 11 / 12, rel=1e-9)


def split_plot(groups, readers, cases, rng):
    """Return AUC merits of groups of readers who each read their own cases with both tests; no difference between tests."""
    n = groups * cases
    y = np.tile(np.arange(cases) % 2, groups)
    scores = np.full((2 * groups * readers, n), np.nan)
    case = rng.normal(size=n)
    for reader in range(groups * readers):
        own = np.flatnonzero(np.arange(n) // cases == reader // readers)
        skill = 1.5 + 0.3 * rng.normal()
        for test in range(2):
            scores[test * groups * readers + reader, own] = skill * y[own] + case[own] + rng.normal(size=cases)
    names = [f"r{reader}" for reader in range(groups * readers)]
    return auc_merits(scores, y), np.repeat(["a", "b"], len(names)), np.tile(names, 2)


def test_compare_tests__readers_and_cases_in_groups_keep_the_size_of_the_test():
    rng = np.random.default_rng(11)
    p = []
    for _ in range(300):
        found = compare_tests(*split_plot(3, 3, 40, rng))
        p.append(found.global_test.p_value)
    assert found.design == "readers and cases nested in groups"
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.035)


def test_compare_tests__readers_nested_in_tests_share_the_variance_of_their_cases(dissection):
    merits = auc_merits(*dissection)
    found = compare_tests(merits, TESTS, np.arange(10).astype(str))
    assert found.design == "readers nested in tests"
    square = np.mean([merits.values[:5].var(ddof=1), merits.values[5:].var(ddof=1)])
    cov = found.components
    assert found.ms_test_reader == pytest.approx(square)
    assert found.differences[0].std_error ** 2 == pytest.approx(2 / 5 * (square + 5 * (cov.cov2 - cov.cov3)))
    assert cov.cov3 == pytest.approx(merits.covariance[:5, 5:].mean())


def test_mean_of_readers__on_the_logit_scale_the_interval_stays_within_0_and_1(dissection):
    merits = auc_merits(*dissection).of(np.arange(5, 10))
    plain, logit = (mean_of_readers(merits, on_logit=scale) for scale in (False, True))
    assert (logit.value, logit.std_error, logit.df) == (plain.value, plain.std_error, plain.df)
    odds = [np.log(end / (1 - end)) for end in (logit.ci_low, logit.value, logit.ci_high)]
    assert odds[2] - odds[1] == pytest.approx(odds[1] - odds[0])
    assert logit.ci_high < plain.ci_high < 1


def test_auc_merits__a_reader_who_saw_part_of_the_people_has_the_figures_of_these(dissection):
    ratings, y = dissection
    part = np.where(np.arange(114) % 3 == 0, np.nan, ratings)
    both = auc_merits(np.vstack([ratings[:1], part[:1]]), y, covariance="delong")
    alone = auc_merits(ratings[:1, np.arange(114) % 3 > 0], y[np.arange(114) % 3 > 0], covariance="delong")
    assert both.values[1] == pytest.approx(alone.values[0])
    assert both.covariance[1, 1] == pytest.approx(alone.covariance[0, 0])
    assert both.shared.tolist() == [[114, 76], [76, 76]]


@pytest.mark.parametrize("readers", [READERS, np.arange(10).astype(str)])
def test_compare_tests__with_fixed_readers_the_variance_is_that_of_the_contrast(dissection, readers):
    merits = auc_merits(*dissection)
    found = compare_tests(merits, TESTS, readers, generalise="cases")
    contrast = np.repeat([0.2, -0.2], 5)
    assert found.differences[0].std_error ** 2 == pytest.approx(contrast @ merits.covariance @ contrast)
    assert found.global_test.statistic == pytest.approx(found.differences[0].statistic ** 2)


def test_compare_tests__swapping_the_tests_turns_the_sign_only(dissection):
    merits = auc_merits(*dissection)
    (one,) = compare_tests(merits, TESTS, READERS).differences
    order = np.r_[5:10, 0:5]
    (other,) = compare_tests(merits.of(order), TESTS[order], READERS[order]).differences
    assert (one.estimate, one.ci_low, one.p_value) == pytest.approx((-other.estimate, -other.ci_high, other.p_value))


def test_compare_tests__refuses_designs_that_are_neither_crossed_nor_nested():
    merits = Merits(np.array([0.8, 0.9, 0.85, 0.7]), np.eye(4), np.full((4, 4), 9), 9, 4)
    with pytest.raises(InputError, match="reader a reads with some tests"):
        compare_tests(merits, ["1", "1", "2", "2"], ["a", "b", "a", "c"])
    with pytest.raises(InputError, match="one test"):
        compare_tests(merits, ["1"] * 4, list("abcd"))
    with pytest.raises(InputError, match="stands twice"):
        compare_tests(merits, ["1", "1", "2", "2"], ["a", "a", "a", "b"])
    with pytest.raises(InputError, match="one reader"):
        mean_of_readers(merits.of([0]))
    with pytest.raises(InputError, match="rater 0 read 1 people with the condition"):
        auc_merits([[1.0, 2.0, 3.0]], [0, 0, 1])
