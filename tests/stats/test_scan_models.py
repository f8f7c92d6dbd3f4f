"""Scans of arrays: each variant equals the model that statsmodels fits to it alone."""

import numpy as np
import pytest
import statsmodels.api as sm

from facies.stats.calls import read_counts
from facies.stats.scan_firth import firth_variant
from facies.stats.scan_linear import prepare_linear, scan_linear
from facies.stats.scan_logistic import prepare_logistic, scan_logistic
from facies.stats.small_systems import eliminate, solve_definite


def draw_counts(rng, b, n, missing):
    counts = rng.binomial(2, rng.uniform(0.05, 0.9, (b, 1)), (b, n)).astype(float)
    counts[rng.random((b, n)) < missing] = np.nan
    return counts


def draw_covariates(rng, n):
    return np.column_stack([rng.normal(65, 8, n), rng.integers(0, 2, n), rng.normal(0, 0.01, n)])


def null_log_odds(y, X):
    X = sm.add_constant(X)
    return X @ sm.GLM(y, X, family=sm.families.Binomial()).fit(tol=1e-12, tol_criterion="params").params


def newton(y, X):
    """Fit logistic regression to convergence; return the last column's estimate and standard error."""
    X = np.column_stack([np.ones(len(y)), X])
    X[:, 1:-1] = (X[:, 1:-1] - X[:, 1:-1].mean(axis=0)) / X[:, 1:-1].std(axis=0)
    coef = np.zeros(X.shape[1])
    for _ in range(40):
        fitted = 1 / (1 + np.exp(-X @ coef))
        inverse = np.linalg.inv((X * (fitted * (1 - fitted))[:, None]).T @ X)
        coef = coef + inverse @ X.T @ (y - fitted)
    return coef[-1], np.sqrt(inverse[-1, -1])


@pytest.mark.parametrize("missing", [0.0, 0.01, 0.2])
def test_scan_linear__equals_ols_of_each_variant_in_its_own_people(missing):
    rng = np.random.default_rng(1)
    counts, covariates = draw_counts(rng, 25, 300, missing), draw_covariates(rng, 300)
    traits = rng.normal(60, 5, (300, 3)) + 0.3 * covariates[:, :1]
    fits = scan_linear(read_counts(counts), prepare_linear(traits, covariates))
    for row, alleles in enumerate(counts):
        called = ~np.isnan(alleles)
        X = sm.add_constant(np.column_stack([alleles, covariates]))[called]
        for trait in range(3):
            known = sm.OLS(traits[called, trait], X).fit()
            found = fits.beta[row, trait], fits.std_error[row, trait], fits.p_value[row, trait]
            np.testing.assert_allclose(found, (known.params[1], known.bse[1], known.pvalues[1]), rtol=1e-9)


def test_scan_linear__p_values_hold_far_out_in_the_tail():
    from scipy.stats import t

    rng = np.random.default_rng(2)
    counts = draw_counts(rng, 1, 2000, 0.01)
    trait = np.nan_to_num(counts.T) + 0.9 * rng.normal(size=(2000, 1))
    fits = scan_linear(read_counts(counts), prepare_linear(trait, np.empty((2000, 0))))
    freedom = np.isfinite(counts).sum() - 2
    log_p = np.log(2) + t.logsf(fits.beta[0, 0] / fits.std_error[0, 0], freedom)
    assert -700 < log_p < -300
    assert np.log(fits.p_value[0, 0]) == pytest.approx(log_p, rel=1e-8)


def test_scan_linear__a_variant_that_the_covariates_determine_has_no_estimate():
    rng = np.random.default_rng(3)
    counts = draw_counts(rng, 3, 200, 0.0)
    counts[2, 5] = np.nan
    fits = scan_linear(read_counts(counts), prepare_linear(rng.normal(size=(200, 1)), np.column_stack([counts[0] + counts[1], counts[1]])))
    assert np.isnan(fits.beta[:, 0]).tolist() == [True, True, False]


def test_scan_linear__covariates_that_only_the_uncalled_vary_in_give_no_estimate_for_that_variant_alone():
    rng = np.random.default_rng(4)
    counts, covariate = draw_counts(rng, 2, 100, 0.0), np.zeros((100, 1))
    covariate[:3] = 1
    counts[0, :3] = np.nan
    fits = scan_linear(read_counts(counts), prepare_linear(rng.normal(size=(100, 1)), covariate))
    assert np.isnan(fits.p_value[:, 0]).tolist() == [True, False]


def test_scan_linear__whole_numbers_and_floats_are_the_same():
    rng = np.random.default_rng(5)
    counts = draw_counts(rng, 20, 200, 0.05)
    whole = np.where(np.isnan(counts), -127, counts).astype(np.int8)
    model = prepare_linear(rng.normal(size=(200, 2)), draw_covariates(rng, 200))
    np.testing.assert_array_equal(scan_linear(read_counts(counts), model).beta, scan_linear(read_counts(whole), model).beta)


@pytest.mark.parametrize("missing", [0.0, 0.02])
def test_scan_logistic__equals_maximum_likelihood_of_each_variant_in_its_own_people(missing):
    rng = np.random.default_rng(6)
    counts, covariates = draw_counts(rng, 30, 900, missing), draw_covariates(rng, 900)
    log_odds = -1.7 + 0.04 * (covariates[:, 0] - 65) + 0.9 * np.nan_to_num(counts[0])
    y = (rng.random(900) < 1 / (1 + np.exp(-log_odds))).astype(float)
    fits = scan_logistic(read_counts(counts), prepare_logistic(y, covariates, null_log_odds(y, covariates)))
    assert fits.exact.all()
    for row, alleles in enumerate(counts):
        called = ~np.isnan(alleles)
        known = newton(y[called], np.column_stack([covariates, alleles])[called])
        np.testing.assert_allclose((fits.beta[row], fits.std_error[row]), known, rtol=1e-6)
        result = sm.Logit(y[called], sm.add_constant(np.column_stack([covariates, alleles]))[called]).fit(disp=0, method="newton")
        assert fits.p_value[row] == pytest.approx(result.pvalues[-1], rel=1e-5)


def test_scan_logistic__the_score_test_without_missing_calls_is_raos():
    rng = np.random.default_rng(7)
    counts, covariates = draw_counts(rng, 10, 800, 0.0), draw_covariates(rng, 800)
    y = (rng.random(800) < 0.2).astype(float)
    fits = scan_logistic(read_counts(counts), prepare_logistic(y, covariates, null_log_odds(y, covariates)), exact_below=0.0)
    assert not fits.exact.any()
    X = sm.add_constant(covariates)
    null = sm.GLM(y, X, family=sm.families.Binomial()).fit(tol=1e-12, tol_criterion="params")
    for row in range(10):
        known = null.score_test(exog_extra=counts[row][:, None])
        assert fits.p_value[row] == pytest.approx(np.ravel(known[1])[0], rel=1e-6)


def test_scan_logistic__only_small_p_values_of_the_score_test_are_fitted():
    rng = np.random.default_rng(8)
    counts, y = draw_counts(rng, 200, 500, 0.01), (rng.random(500) < 0.3).astype(float)
    model = prepare_logistic(y, np.empty((500, 0)), np.full(500, np.log(y.mean() / (1 - y.mean()))))
    some, everything = (scan_logistic(read_counts(counts), model, exact_below=below) for below in (0.1, 1.0))
    assert 0 < some.exact.sum() < 60
    np.testing.assert_allclose(some.beta[some.exact], everything.beta[some.exact], rtol=1e-7)
    np.testing.assert_allclose(some.p_value[~some.exact], everything.p_value[~some.exact], rtol=0.15)


def test_scan_logistic__a_separated_variant_has_no_estimate():
    rng = np.random.default_rng(9)
    y = np.repeat([0.0, 1.0], [300, 60])
    counts = np.vstack([np.where(y == 1, 0, rng.binomial(2, 0.1, 360)), rng.binomial(2, 0.3, 360)]).astype(float)
    covariates = rng.normal(size=(360, 2))
    fits = scan_logistic(read_counts(counts), prepare_logistic(y, covariates, null_log_odds(y, covariates)))
    assert np.isnan(fits.beta).tolist() == [True, False]
    assert fits.independent.all()
    assert fits.exact.all()


def test_firth_variant__equals_the_house_regression():
    from facies.stats.firth import fit_firth

    rng = np.random.default_rng(10)
    y = np.repeat([0.0, 1.0], [300, 60])
    alleles, covariates = np.where(y == 1, 0, rng.binomial(2, 0.1, 360)).astype(float), rng.normal(size=(360, 2))
    known = fit_firth(y, np.column_stack([alleles, covariates]), names=("variant", "a", "b"))
    np.testing.assert_allclose(firth_variant(y, alleles, covariates), (known.coef[0], known.std_error[0], known.p_value[0]), rtol=1e-4)


def test_small_systems__equal_numpy_and_mark_what_cannot_be_solved():
    rng = np.random.default_rng(11)
    roots = rng.normal(size=(30, 9, 6))
    roots[4, :, 3] = roots[4, :, 1]
    systems = np.einsum("bni,bnj->ijb", roots, roots)
    right = rng.normal(size=(6, 30))
    solution, pivots = solve_definite(systems, np.stack([right, 2 * right], axis=1))
    left, solvable = eliminate(systems, 4)
    good = np.arange(30) != 4
    assert solvable.tolist() == good.tolist() == np.isfinite(pivots).tolist()
    for system in np.flatnonzero(good):
        matrix = systems[:, :, system]
        np.testing.assert_allclose(solution[:, 1, system] / 2, np.linalg.solve(matrix, right[:, system]), rtol=1e-7)
        assert pivots[system] == pytest.approx(1 / np.linalg.inv(matrix)[-1, -1], rel=1e-8)
        expected = matrix[4:, 4:] - matrix[4:, :4] @ np.linalg.solve(matrix[:4, :4], matrix[:4, 4:])
        np.testing.assert_allclose(left[:, :, system], expected, rtol=1e-6)
