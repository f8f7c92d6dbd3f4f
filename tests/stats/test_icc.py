"""Intraclass correlations, kappa and alpha: published examples, R, other implementations, and coverage of the intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.icc import mean_squares, shrout_fleiss, spearman_brown
from facies.stats.kappa import agreement_table, fleiss_kappa, weighted_kappa
from facies.stats.krippendorff import krippendorff_alpha
from facies.stats.test_retest import intraclass_correlation

REFERENCE = Path(__file__).parents[1] / "reference"
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
COHEN = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
FLEISS_COHEN_EVERITT = np.array([[106, 10, 4], [22, 28, 10], [2, 12, 6]])
OWN_WEIGHTS = np.array([[1, 0, 0.4444], [0, 1, 0.6667], [0.4444, 0.6667, 1]])
FLEISS = np.array([
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
])  # fmt: skip
NAN = np.nan
KRIPPENDORFF = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]).T  # fmt: skip


@pytest.fixture(scope="module")
def expected():
    table = pd.read_csv(REFERENCE / "kappa_expected.tsv", sep="\t")
    return table.set_index(["case", "statistic"]).value


def test_shrout_fleiss__gives_the_published_values():
    found = shrout_fleiss(SHROUT_FLEISS)
    values = [each.value for each in found.values()]
    assert values == pytest.approx([0.165742, 0.289764, 0.714841, 0.442797, 0.620051, 0.909316], abs=5e-7)
    assert [round(found["ICC(2,1)"].ci_low, 2), round(found["ICC(2,1)"].ci_high, 2)] == [0.02, 0.76]
    assert [round(found["ICC(2,k)"].ci_low, 2), round(found["ICC(2,k)"].ci_high, 2)] == [0.07, 0.93]
    assert (found["ICC(3,k)"].n, found["ICC(3,k)"].n_readers) == (6, 4)


def test_shrout_fleiss__and_its_intervals_equal_r(expected):
    for name, found in shrout_fleiss(SHROUT_FLEISS).items():
        wanted = [expected[name, statistic] for statistic in ("value", "ci_low", "ci_high")]
        assert found[:3] == pytest.approx(wanted, rel=1e-9)


def test_shrout_fleiss__of_one_way_is_that_of_test_retest():
    one = shrout_fleiss(SHROUT_FLEISS)["ICC(1,1)"]
    other = intraclass_correlation(SHROUT_FLEISS.ravel(), np.repeat(np.arange(6), 4))
    assert one[:3] == pytest.approx(other[:3], rel=1e-12)


def test_shrout_fleiss__biases_of_readers_count_in_case_2_only():
    shifted = shrout_fleiss(SHROUT_FLEISS + np.array([0.0, 5.0, 2.0, -1.0]))
    plain = shrout_fleiss(SHROUT_FLEISS)
    assert shifted["ICC(3,1)"] == pytest.approx(plain["ICC(3,1)"])
    assert shifted["ICC(2,1)"].value != pytest.approx(plain["ICC(2,1)"].value, abs=0.01)


def test_shrout_fleiss__its_intervals_cover_the_planted_reliability():
    rng = np.random.default_rng(0)
    truth = {"ICC(2,1)": 9 / 14, "ICC(3,1)": 9 / 13, "ICC(2,k)": 9 / (9 + 5 / 5), "ICC(3,k)": 9 / (9 + 4 / 5)}
    held, n = dict.fromkeys(truth, 0), 400
    for _ in range(n):
        table = rng.normal(0, 3, (30, 1)) + rng.normal(0, 1, 5) + rng.normal(0, 2, (30, 5))
        found = shrout_fleiss(table)
        for name, value in truth.items():
            held[name] += found[name].ci_low <= value <= found[name].ci_high
    assert all(0.92 <= each / n <= 0.985 for each in held.values())


def test_shrout_fleiss__of_readers_in_full_agreement_is_one_and_of_equal_readings_unknown():
    same = shrout_fleiss(np.repeat([[1.0], [2.0], [4.0]], 3, axis=1))
    assert [each.value for each in same.values()] == [1.0] * 6
    flat = shrout_fleiss(np.full((4, 3), 7.0))
    assert np.isnan([each.value for each in flat.values()]).all()


def test_spearman_brown__of_one_reader_changes_nothing():
    assert spearman_brown(0.4, 1) == 0.4
    assert spearman_brown(-0.5, 3) == float("-inf")


@pytest.mark.parametrize(
    ("case", "counts", "weights"),
    [
        ("cohen none", COHEN, "none"), ("cohen linear", COHEN, "linear"), ("cohen quadratic", COHEN, "quadratic"),
        ("fleiss none", FLEISS_COHEN_EVERITT, "none"), ("fleiss own", FLEISS_COHEN_EVERITT, OWN_WEIGHTS),
    ],
)  # fmt: skip
def test_weighted_kappa__and_its_standard_error_equal_r(case, counts, weights, expected):
    found = weighted_kappa(counts, weights=weights)
    assert found.value == pytest.approx(expected[case, "value"], rel=1e-10)
    if (case, "std_error") in expected.index:
        assert found.std_error == pytest.approx(expected[case, "std_error"], rel=1e-8)


@pytest.mark.parametrize(("counts", "weights"), [(COHEN, "none"), (COHEN, "quadratic"), (FLEISS_COHEN_EVERITT, OWN_WEIGHTS)])
def test_weighted_kappa__its_standard_error_is_that_of_the_numerical_delta_method(counts, weights):
    n, share = counts.sum(), counts / counts.sum()
    moves = 1e-6 * np.eye(9).reshape(9, 3, 3)
    slope = np.array([
        (weighted_kappa(share + move, weights=weights).value - weighted_kappa(share - move, weights=weights).value) / 2e-6 for move in moves
    ])  # fmt: skip
    p = share.ravel()
    variance = (p @ slope**2 - (p @ slope) ** 2) / n
    assert weighted_kappa(counts, weights=weights).std_error == pytest.approx(np.sqrt(variance), rel=1e-5)


def test_weighted_kappa__of_cohens_example_is_as_published():
    disagreement = np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]])
    assert round(weighted_kappa(COHEN, weights="none").value, 3) == 0.492
    assert round(weighted_kappa(COHEN, weights=1 - disagreement / 6).value, 3) == 0.348


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_weighted_kappa__equals_statsmodels(weights):
    from statsmodels.stats.inter_rater import cohens_kappa

    rng = np.random.default_rng(1)
    counts = rng.integers(0, 30, (4, 4)) + 40 * np.eye(4, dtype=int)
    other = cohens_kappa(counts, wt=None if weights == "none" else weights)
    found = weighted_kappa(counts, weights=weights)
    assert (found.value, found.std_error) == pytest.approx((other.kappa, other.std_kappa), rel=1e-10)


def test_weighted_kappa__does_not_depend_on_who_is_first_or_which_end_is_first():
    found = weighted_kappa(COHEN, weights="linear")
    assert weighted_kappa(COHEN.T, weights="linear") == pytest.approx(found)
    assert weighted_kappa(COHEN[::-1, ::-1], weights="linear") == pytest.approx(found)


def test_weighted_kappa__its_interval_covers_the_true_kappa():
    rng = np.random.default_rng(2)
    share = COHEN / COHEN.sum()
    truth = weighted_kappa(COHEN, weights="linear").value
    tables = [rng.multinomial(150, share.ravel()).reshape(3, 3) for _ in range(500)]
    found = [weighted_kappa(table, weights="linear") for table in tables]
    assert 0.92 <= np.mean([each.ci_low <= truth <= each.ci_high for each in found]) <= 0.98


def test_weighted_kappa__of_one_category_is_unknown_and_of_full_agreement_one():
    assert np.isnan(weighted_kappa([[5, 0], [0, 0]]).value)
    assert weighted_kappa([[5, 0], [0, 3]])[:3] == (1.0, 0.0, 1.0)


def test_agreement_table__counts_in_the_order_of_the_categories():
    counts, names = agreement_table(["mild", "none", "none"], ["mild", "mild", "none"], categories=["none", "mild", "severe"])
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert names.tolist() == ["none", "mild", "severe"]


def test_fleiss_kappa__of_the_published_example_and_of_statsmodels():
    from statsmodels.stats.inter_rater import fleiss_kappa as other

    found = fleiss_kappa(FLEISS, n_bootstrap=500)
    assert (round(found.value, 3), round(found.observed, 3), round(found.expected, 3)) == (0.210, 0.378, 0.213)
    assert found.value == pytest.approx(other(FLEISS), rel=1e-12)
    assert found.ci_low < found.value < found.ci_high


def test_fleiss_kappa__its_error_under_chance_is_what_readers_by_chance_show():
    rng = np.random.default_rng(3)
    share = np.array([0.5, 0.3, 0.2])
    found = [fleiss_kappa(rng.multinomial(5, share, size=40), n_bootstrap=2) for _ in range(400)]
    assert np.std([each.value for each in found]) == pytest.approx(np.mean([each.std_error for each in found]), rel=0.1)
    assert np.mean([each.value for each in found]) == pytest.approx(0, abs=0.02)


def test_krippendorff_alpha__of_the_published_example():
    found = {scale: krippendorff_alpha(KRIPPENDORFF, scale=scale, n_bootstrap=300) for scale in ("nominal", "ordinal", "interval")}
    assert {scale: round(each.value, 3) for scale, each in found.items()} == {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849}
    assert all(each.ci_low < each.value < each.ci_high for each in found.values())
    assert (found["nominal"].n, found["nominal"].n_readings) == (11, 40)


def test_krippendorff_alpha__of_two_readers_is_nearly_scotts_pi_and_of_intervals_nearly_the_icc():
    rng = np.random.default_rng(4)
    values = rng.normal(0, 3, (2000, 1)) + rng.normal(0, 2, (2000, 4))
    assert krippendorff_alpha(values, n_bootstrap=20).value == pytest.approx(shrout_fleiss(values)["ICC(1,1)"].value, abs=1e-3)
    categories = (values > 0).astype(float)
    counts = np.column_stack([4 - categories.sum(axis=1), categories.sum(axis=1)])
    alpha = krippendorff_alpha(categories, scale="nominal", n_bootstrap=20)
    assert alpha.value == pytest.approx(fleiss_kappa(counts, n_bootstrap=20).value, abs=1e-3)


def test_krippendorff_alpha__its_interval_covers_the_planted_agreement():
    rng = np.random.default_rng(5)
    held, n = 0, 200
    for _ in range(n):
        values = rng.normal(0, 3, (80, 1)) + rng.normal(0, 2, (80, 4))
        values[rng.random(values.shape) < 0.2] = np.nan
        found = krippendorff_alpha(values, n_bootstrap=300)
        held += found.ci_low <= 9 / 13 <= found.ci_high
    assert 0.9 <= held / n <= 0.98


def test_krippendorff_alpha__does_not_depend_on_units_read_once_or_the_unit_of_measurement():
    plain = krippendorff_alpha(KRIPPENDORFF, n_bootstrap=100)
    assert krippendorff_alpha(10 * KRIPPENDORFF[:-1] + 3, n_bootstrap=100) == pytest.approx(plain)
    assert np.isnan(krippendorff_alpha(np.ones((5, 3)), scale="nominal", n_bootstrap=10).value)


def test_agreement__wrong_input_is_refused():
    with pytest.raises(InputError, match="two cases or more by two readers"):
        shrout_fleiss(np.ones((1, 3)))
    with pytest.raises(InputError, match="fit the crossed model"):
        mean_squares(np.array([[1.0, NAN], [2.0, 3.0]]))
    with pytest.raises(InputError, match="level is 1"):
        shrout_fleiss(SHROUT_FLEISS, level=1)
    with pytest.raises(InputError, match="as many rows as columns"):
        weighted_kappa([[1, 2, 3], [1, 2, 3]])
    with pytest.raises(InputError, match="hold no case"):
        weighted_kappa(np.zeros((2, 2)))
    with pytest.raises(InputError, match="choose one of none, linear, quadratic"):
        weighted_kappa(COHEN, weights="cubic")
    with pytest.raises(InputError, match="1 on the diagonal"):
        weighted_kappa(COHEN, weights=np.zeros((3, 3)))
    with pytest.raises(InputError, match="level is 0"):
        weighted_kappa(COHEN, level=0)
    with pytest.raises(InputError, match="one category a case to both"):
        agreement_table(["a"], ["a", "b"])
    with pytest.raises(InputError, match="category 'b' is not among"):
        agreement_table(["a"], ["b"], categories=["a"])
    with pytest.raises(InputError, match="cases have 2 to 3 readers"):
        fleiss_kappa([[1, 1], [1, 2]])
    with pytest.raises(InputError, match="a row a case and a column a category"):
        fleiss_kappa([[1, 2]])
    with pytest.raises(InputError, match="choose one of nominal, ordinal, interval"):
        krippendorff_alpha(KRIPPENDORFF, scale="ratio")
    with pytest.raises(InputError, match="no unit has two readings"):
        krippendorff_alpha(np.array([[1.0, NAN]]))
    with pytest.raises(InputError, match="100 different values"):
        krippendorff_alpha(np.arange(100.0).reshape(50, 2), scale="ordinal")
    with pytest.raises(InputError, match="a row a unit"):
        krippendorff_alpha(np.arange(4.0))
