"""The label-distribution head: bells, expectation, optimum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from facies.errors import InputError
from facies.models import LabelDistributionAge
from facies.models.label_distribution import make_bins


def simulate(n: int = 200, p: int = 6, noise: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X * 3 + 1, 50 + 7 * X[:, 0] + 4 * X[:, 1] + rng.normal(scale=noise, size=n)


def test_bins__the_mean_of_a_softened_label_is_the_label():
    y = np.linspace(18, 90, 500)
    bins = make_bins(y, n_bins=16, spread=1.0)
    assert bins.soften(y) @ bins.centres == pytest.approx(y, abs=0.05)
    assert bins.soften(y[50:450]) @ bins.centres == pytest.approx(y[50:450], abs=1e-3)


def test_label_distribution__nothing_near_the_solution_is_better():
    X, y = simulate(80, 3)
    model = LabelDistributionAge(alpha=2.0).fit(X, y)
    Z, scale = (X - X.mean(axis=0)) / X.std(axis=0), X.std(axis=0)[:, None]
    targets = make_bins(y, n_bins=8, spread=1.0).soften(y)

    def loss(coef: np.ndarray, intercept: np.ndarray) -> float:
        return float(-(targets * log_softmax(Z @ coef + intercept, axis=1)).sum() + (coef**2).sum())

    coef = model.coef_ * scale
    intercept = model.intercept_ + X.mean(axis=0) @ model.coef_
    best = loss(coef, intercept)
    rng = np.random.default_rng(1)
    for _ in range(50):
        assert loss(coef + rng.normal(scale=0.02, size=coef.shape), intercept + rng.normal(scale=0.02, size=intercept.shape)) > best


def test_label_distribution__recovers_the_known_error():
    X, y = simulate(1200, noise=3.0)
    error = LabelDistributionAge().fit(X[:800], y[:800]).predict(X[800:]) - y[800:]
    assert np.sqrt(np.mean(error**2)) == pytest.approx(3.0, abs=0.35)


def test_label_distribution__the_prediction_is_the_mean_of_the_distribution():
    X, y = simulate()
    model = LabelDistributionAge(alpha=1.0).fit(X, y)
    distribution = model.predict_distribution(X)
    assert distribution.sum(axis=1) == pytest.approx(1)
    assert distribution @ model.centres_ == pytest.approx(model.predict(X))


def test_label_distribution__a_row_twice_counts_as_a_row_of_weight_two():
    X, y = simulate(80)
    twice = np.r_[np.arange(80), np.arange(30)]
    weights = np.r_[np.full(30, 2.0), np.ones(50)]
    repeated = LabelDistributionAge().fit(X[twice], y[twice], groups=twice)
    weighted = LabelDistributionAge().fit(X, y, sample_weight=weights, groups=np.arange(80))
    assert repeated.predict(X) == pytest.approx(weighted.predict(X), abs=0.02)


def test_label_distribution__months_instead_of_years_give_twelve_times_the_prediction():
    X, y = simulate(100)
    years, months = LabelDistributionAge(alpha=1.0).fit(X, y), LabelDistributionAge(alpha=1.0).fit(X, 12 * y)
    assert months.predict(X) == pytest.approx(12 * years.predict(X), rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 1.0, "n_inner_folds": 3}, "n_inner_folds has no effect"),
        ({"alpha": -1.0}, "alpha is -1.0"),
        ({"n_bins": 2}, "n_bins is 2: choose 3 or more"),
        ({"spread": 0.1}, "spread is 0.1 bins: choose 0.5 to 8"),
    ],
)
def test_label_distribution__refuses_settings_without_sense(settings, message):
    with pytest.raises(InputError, match=message):
        LabelDistributionAge(**settings).fit(*simulate(20))


def test_label_distribution__refuses_equal_labels():
    with pytest.raises(InputError, match="all labels are 40"):
        LabelDistributionAge().fit(np.eye(5), np.full(5, 40.0))
