"""Adjusted p-values against R and the worked example."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.multiplicity import adjust_p_values

REFERENCE = Path(__file__).parents[1] / "reference"
P = np.array([0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1])


@pytest.mark.parametrize(("method", "rejected"), [("bonferroni", 3), ("holm", 3), ("benjamini_hochberg", 4)])
def test_adjust_p_values__rejects_as_many_as_the_worked_example(method, rejected):
    assert int((adjust_p_values(P, method=method) <= 0.05).sum()) == rejected


@pytest.mark.parametrize(("method", "in_r"), [("bonferroni", "bonferroni"), ("holm", "holm"), ("benjamini_hochberg", "BH")])
def test_adjust_p_values__equal_r(method, in_r):
    table = pd.read_csv(REFERENCE / "regression_expected.tsv", sep="\t")
    wanted = table[table.case == f"p_adjust {in_r}"].value
    np.testing.assert_allclose(adjust_p_values(P, method=method), wanted, rtol=1e-12)


def test_adjust_p_values__missing_ones_are_no_tests():
    with_missing = adjust_p_values(np.array([0.01, np.nan, 0.04, np.nan]))
    np.testing.assert_array_equal(with_missing, [0.02, np.nan, 0.04, np.nan])


def test_adjust_p_values__of_nothing_is_nothing():
    assert adjust_p_values(np.array([])).shape == (0,)
    assert np.isnan(adjust_p_values(np.array([np.nan]))).all()


def test_adjust_p_values__wrong_input_is_refused():
    with pytest.raises(InputError, match="outside 0 to 1"):
        adjust_p_values(np.array([1.2]))
    with pytest.raises(InputError, match="choose one of bonferroni, holm, benjamini_hochberg"):
        adjust_p_values(P, method="fdr")


@pytest.mark.parametrize(("method", "theirs"), [("bonferroni", "bonferroni"), ("holm", "holm"), ("benjamini_hochberg", "fdr_bh")])
def test_adjust_p_values__do_not_depend_on_the_order_and_equal_statsmodels(method, theirs):
    from statsmodels.stats.multitest import multipletests

    p_values = np.random.default_rng(3).permutation(np.r_[P, P[:4]])
    np.testing.assert_allclose(adjust_p_values(p_values, method=method), multipletests(p_values, method=theirs)[1], rtol=1e-12)
