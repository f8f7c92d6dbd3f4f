"""Multiple imputation: only observed values, the same for the same seed, unbiased where complete cases are not; Rubin's rules against R."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.imputation import impute, pool
from facies.stats.linear import fit_linear

REFERENCE = Path(__file__).parents[1] / "reference"


def with_gaps(rng, n=600):
    """Covariate c confounds x and y (true effect of x: 0.5), and is missing more often where y is high."""
    c = rng.normal(size=n)
    x = c + rng.normal(size=n)
    y = 0.5 * x + c + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "c": np.where(rng.uniform(size=n) < 1 / (1 + np.exp(-1.5 * y)), np.nan, c)})


def effect(table):
    fit = fit_linear(table.y.to_numpy(), table[["x", "c"]].to_numpy(), names=("x", "c"))
    return fit.coef[0], fit.std_error[0]


def test_impute__takes_the_bias_that_complete_cases_have():
    table = with_gaps(np.random.default_rng(1), n=6000)
    estimates, errors = np.transpose([effect(done) for done in impute(table, n_imputations=5, random_state=1)])
    assert effect(table.dropna())[0] < 0.44
    assert pool(estimates, errors, freedom=5997).estimate == pytest.approx(0.5, abs=0.035)


def test_impute__fills_gaps_with_observed_values_and_leaves_the_rest():
    table = with_gaps(np.random.default_rng(2), n=200).assign(sex=np.tile([0.0, 1.0], 100))
    table.loc[::7, "sex"] = np.nan
    for done in impute(table, n_imputations=3, random_state=2):
        assert not done.isna().to_numpy().any()
        for name in ("c", "sex"):
            assert set(done[name]) <= set(table[name].dropna())
            known = table[name].notna()
            assert (done[name][known] == table[name][known]).all()


def test_impute__depends_on_the_seed_alone():
    table = with_gaps(np.random.default_rng(3), n=100)
    once, again, other = (impute(table, n_imputations=2, random_state=seed) for seed in (5, 5, 6))
    for first, second in zip(once, again, strict=True):
        pd.testing.assert_frame_equal(first, second)
    assert not once[0].equals(other[0])
    assert not once[0].equals(once[1])


def test_impute__without_gaps_returns_the_table():
    table = pd.DataFrame({"a": [1.0, 2], "b": [3.0, 4]})
    assert all(done.equals(table) for done in impute(table, n_imputations=3))


def test_impute__a_column_with_one_value_is_filled_with_it():
    table = pd.DataFrame({"a": np.arange(30.0), "b": [2.0] * 29 + [np.nan]})
    assert impute(table, n_imputations=2)[0].b.tolist() == [2.0] * 30


def test_impute__collinear_columns_do_no_harm():
    table = with_gaps(np.random.default_rng(4), n=200)
    table = table.assign(months=12 * table.x, twice=2 * table.c)
    for done in impute(table, n_imputations=2, random_state=4):
        assert not done.isna().to_numpy().any()
        assert np.abs(done.twice - 2 * done.c).max() < 0.5


def test_impute__too_little_to_draw_from_is_refused():
    with pytest.raises(InputError, match="bmi has 3 values: more than 5 are needed"):
        impute(pd.DataFrame({"age": np.arange(9.0), "bmi": [1.0, 2, 3, *[np.nan] * 6]}))
    with pytest.raises(InputError, match="n_imputations is 1"):
        impute(pd.DataFrame({"age": [1.0]}), n_imputations=1)


def test_pool__equals_r():
    table = pd.read_csv(REFERENCE / "effects_expected.tsv", sep="\t", keep_default_na=False)
    expected = {row.statistic: float(row.value) for row in table[table.case == "rubin"].itertuples()}
    found = pool(np.array([0.42, 0.51, 0.37, 0.46, 0.55]), np.array([0.11, 0.12, 0.10, 0.13, 0.11]), freedom=232)
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-12)


def test_pool__the_same_estimate_everywhere_is_that_of_a_complete_table():
    found = pool(np.full(5, 1.5), np.full(5, 0.2), freedom=1e9)
    assert (found.estimate, found.missing_information) == (1.5, 0.0)
    assert found.std_error == pytest.approx(0.2)
    assert found.freedom == pytest.approx(1e9, rel=1e-6)
