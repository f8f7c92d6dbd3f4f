"""Support vectors: the stored form predicts what LIBSVM predicts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from facies.errors import InputError
from facies.models import SVRAge
from facies.models import svr as module


def simulate(n: int = 150, p: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A label that bends with the first column."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X * 5 + 3, 50 + 8 * np.tanh(X[:, 0]) + 5 * X[:, 1] + rng.normal(size=n)


@pytest.mark.parametrize(("kernel", "settings"), [("rbf", {"width": 0.4}), ("linear", {})])
def test_svr__equals_scikit_learn(kernel, settings):
    X, y = simulate()
    ours = SVRAge(kernel=kernel, cost=2.0, epsilon=0.1, **settings).fit(X, y)
    Z, spread = StandardScaler().fit_transform(X), y.std()
    gamma, cost = (0.4 / 12, 2.0) if kernel == "rbf" else (1.0, 2.0 / 12)
    theirs = SVR(kernel=kernel, C=cost, epsilon=0.1, gamma=gamma, tol=1e-10).fit(Z, (y - y.mean()) / spread)
    assert ours.predict(X) == pytest.approx(theirs.predict(Z) * spread + y.mean(), abs=0.05)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_svr__the_stored_form_equals_scikit_learns_decision_function(kernel):
    X, y = simulate()
    ours = SVRAge(kernel=kernel, cost=1.0, **({"width": 0.5} if kernel == "rbf" else {})).fit(X, y)
    Z, spread = StandardScaler().fit_transform(X), y.std()
    distances = ((Z[:, None] - Z[None]) ** 2).sum(axis=2)
    gram = np.exp(-0.5 / 12 * distances) if kernel == "rbf" else Z @ Z.T / 12
    theirs = SVR(kernel="precomputed", C=1.0, epsilon=0.1).fit(gram, (y - y.mean()) / spread)
    assert ours.predict(X) == pytest.approx(theirs.predict(gram) * spread + y.mean(), abs=1e-10)


def test_svr__bends_where_ridge_cannot():
    from facies.models import RidgeAge

    X, y = simulate(400)
    bent = y + 8 * ((X[:, 2] - 3) / 5) ** 2
    new, truth = X[300:], bent[300:]
    curved = np.abs(SVRAge().fit(X[:300], bent[:300]).predict(new) - truth).mean()
    straight = np.abs(RidgeAge().fit(X[:300], bent[:300]).predict(new) - truth).mean()
    assert curved < 0.8 * straight


def test_svr__a_row_twice_counts_about_as_a_row_of_weight_two():
    X, y = simulate(80)
    twice = np.r_[np.arange(80), np.arange(30)]
    weights = np.r_[np.full(30, 2.0), np.ones(50)]
    settings = {"cost": 1.0, "width": 0.5}
    repeated = SVRAge(**settings).fit(X[twice], y[twice])
    assert repeated.predict(X) == pytest.approx(SVRAge(**settings).fit(X, y, sample_weight=weights).predict(X), abs=0.05)


def test_svr__predictions_do_not_depend_on_the_blocks(monkeypatch):
    X, y = simulate()
    model = SVRAge(cost=1.0, width=0.5).fit(X, y)
    whole = model.predict(X)
    monkeypatch.setattr(module, "_BLOCK", 7)
    assert model.predict(X) == pytest.approx(whole, abs=1e-10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel": "linear", "width": 0.5}, "width has no effect with the linear kernel"),
        ({"kernel": "poly"}, "kernel is 'poly': choose rbf or linear"),
        ({"cost": 1.0, "width": 0.5, "n_inner_folds": 3}, "n_inner_folds has no effect"),
        ({"cost": -1.0}, "cost is -1.0: give a number above 0"),
        ({"epsilon": -0.1}, "epsilon is -0.1"),
    ],
)
def test_svr__refuses_settings_without_sense(settings, message):
    with pytest.raises(InputError, match=message):
        SVRAge(**settings).fit(*simulate(20))


def test_svr__refuses_more_photographs_than_it_can_take(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 19)
    with pytest.raises(InputError, match="at most 19 photographs, these are 20: choose ridge"):
        SVRAge().fit(*simulate(20))
