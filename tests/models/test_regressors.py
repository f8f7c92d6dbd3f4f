"""The regressors are scikit-learn estimators and can be stored as arrays."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

from facies.models import REGRESSORS, make_regressor
from facies.models.regressors import regressor_class

QUICK = {"ridge": {}, "svr": {"cost": 1.0, "width": 0.5}, "label_distribution": {"alpha": 1.0, "n_bins": 8}}
"""Settings with which the many fits of the checks are quick."""
EXPECTED = {
    "svr": {"check_sample_weight_equivalence_on_dense_data": "LIBSVM stops at a tolerance of 0.001"},
    "label_distribution": {"check_sample_weight_equivalence_on_dense_data": "L-BFGS stops at a relative decrease of 1e-9"},
}
"""Checks that a solver with a tolerance cannot meet to the last digits."""


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressor__keeps_to_scikit_learns_contract(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(make_regressor(name, QUICK[name]), expected_failed_checks=EXPECTED.get(name, {}), on_fail=None)
    failed = [(result["check_name"], str(result["exception"])) for result in results if result["status"] == "failed"]
    assert failed == []
    assert len([result for result in results if result["status"] == "passed"]) > 40


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressor__from_arrays_predicts_the_same(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5)).astype(np.float32)
    fitted = make_regressor(name, QUICK[name]).fit(X, 50 + 5 * X[:, 0])
    settings = json.loads(json.dumps(fitted.get_params()))
    again = regressor_class(name).from_arrays(fitted.to_arrays(), settings)
    assert np.array_equal(again.predict(X), fitted.predict(X))
    assert again.get_params() == fitted.get_params()


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressor__two_fits_are_bit_identical(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    y = 50 + 5 * X[:, 0] + rng.normal(size=60)
    first = make_regressor(name)
    second = clone(first)
    assert np.array_equal(first.fit(X, y).predict(X), second.fit(X, y).predict(X))
    assert first.chosen_ == second.chosen_


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressor__is_bit_identical_whatever_the_number_of_threads(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 200))
    y = 50 + 5 * X[:, 0] + rng.normal(size=300)
    predicted = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            predicted.append(make_regressor(name, QUICK[name]).fit(X, y).predict(X))
    assert np.array_equal(*predicted)
