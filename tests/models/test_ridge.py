"""Ridge regression against scikit-learn and against what must hold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from facies.errors import InputError
from facies.models import RidgeAge


def simulate(n: int, p: int, *, noise: float = 3.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of unequal scale whose first columns carry a label with this noise."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n, p))
    y = 50 + latent[:, :4] @ [6.0, -4.0, 3.0, 2.0] + rng.normal(scale=noise, size=n)
    return latent * rng.uniform(0.1, 20, p) + rng.normal(size=p), y


@pytest.mark.parametrize(("n", "p"), [(120, 30), (40, 90)])
def test_ridge__equals_scikit_learn_with_the_chosen_penalty(n, p):
    X, y = simulate(n, p)
    ours = RidgeAge().fit(X, y)
    scaler = StandardScaler().fit(X)
    theirs = Ridge(alpha=ours.alpha_, solver="cholesky").fit(scaler.transform(X), y)
    assert ours.predict(X) == pytest.approx(theirs.predict(scaler.transform(X)), abs=1e-8)
    assert ours.coef_ * scaler.scale_ == pytest.approx(theirs.coef_, abs=1e-8)


@pytest.mark.parametrize(("n", "p"), [(120, 30), (40, 90)])
def test_ridge__equals_scikit_learn_with_weights(n, p):
    X, y = simulate(n, p)
    weights = np.random.default_rng(1).uniform(0.2, 3, n)
    ours = RidgeAge(alpha=7.0).fit(X, y, sample_weight=weights)
    scaler = StandardScaler().fit(X, sample_weight=weights)
    theirs = Ridge(alpha=7.0, solver="cholesky").fit(scaler.transform(X), y, sample_weight=weights)
    assert ours.predict(X) == pytest.approx(theirs.predict(scaler.transform(X)), abs=1e-8)


def test_ridge__chooses_a_penalty_near_the_best_one_for_new_people():
    X, y = simulate(300, 200, noise=6)
    X_new, y_new = simulate(3000, 200, noise=6, seed=0)
    X, y, X_new, y_new = X_new[:300], y_new[:300], X_new[300:], y_new[300:]
    chosen = RidgeAge().fit(X, y)
    errors = [np.mean((RidgeAge(alpha=alpha).fit(X, y).predict(X_new) - y_new) ** 2) for alpha in np.logspace(-1, 5, 25)]
    assert np.mean((chosen.predict(X_new) - y_new) ** 2) < 1.03 * min(errors)


def test_ridge__a_row_twice_counts_as_a_row_of_weight_two():
    X, y = simulate(80, 20)
    twice = np.r_[np.arange(80), np.arange(30)]
    weights = np.r_[np.full(30, 2.0), np.ones(50)]
    repeated = RidgeAge().fit(X[twice], y[twice], groups=twice)
    weighted = RidgeAge().fit(X, y, sample_weight=weights, groups=np.arange(80))
    assert repeated.alpha_ == pytest.approx(weighted.alpha_, rel=1e-12)
    assert repeated.predict(X) == pytest.approx(weighted.predict(X), abs=1e-9)


def test_ridge__a_row_of_weight_zero_is_not_there():
    X, y = simulate(80, 20)
    weights = np.r_[np.zeros(10), np.ones(70)]
    with_zero = RidgeAge().fit(X, y, sample_weight=weights)
    assert with_zero.predict(X) == pytest.approx(RidgeAge().fit(X[10:], y[10:]).predict(X), abs=1e-12)


def test_ridge__does_not_depend_on_the_scale_of_vectors_or_weights():
    X, y = simulate(90, 25)
    plain = RidgeAge().fit(X, y, groups=np.arange(90)).predict(X)
    rescaled = X * 1000 - 7
    assert RidgeAge().fit(rescaled, y, groups=np.arange(90)).predict(rescaled) == pytest.approx(plain, abs=1e-7)
    assert RidgeAge().fit(X, y, sample_weight=np.full(90, 4.0), groups=np.arange(90)).predict(X) == pytest.approx(plain, abs=1e-8)


def test_ridge__months_instead_of_years_give_twelve_times_the_prediction():
    X, y = simulate(90, 25)
    assert RidgeAge().fit(X, 12 * y).predict(X) == pytest.approx(12 * RidgeAge().fit(X, y).predict(X), rel=1e-9)


def test_ridge__a_constant_column_has_no_influence():
    X, y = simulate(90, 25)
    constant = np.c_[X, np.full(90, 0.1)]
    far = np.c_[X, np.full(90, 1e6)]
    model = RidgeAge(alpha=5.0).fit(constant, y)
    assert model.predict(far) == pytest.approx(RidgeAge(alpha=5.0).fit(X, y).predict(X), abs=1e-8)


def test_ridge__inner_folds_keep_groups_together():
    rng = np.random.default_rng(0)
    families = np.repeat(np.arange(60), 4)
    X = rng.normal(size=(60, 80))[families] + rng.normal(scale=0.01, size=(240, 80))
    y = rng.normal(size=60)[families]
    grouped = RidgeAge().fit(X, y, groups=families)
    split = RidgeAge().fit(X, y, groups=np.arange(240))
    assert grouped.alpha_ > 100 * split.alpha_
    assert grouped.chosen_["inner_rmse"] > 0.9
    assert split.chosen_["inner_rmse"] < 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 1.0, "n_inner_folds": 4}, "n_inner_folds has no effect when alpha is given"),
        ({"alpha": 0.0}, "alpha is 0.0: give a penalty above 0"),
        ({"n_inner_folds": 1}, "n_inner_folds is 1: choose 2 or more"),
    ],
)
def test_ridge__refuses_settings_without_sense(settings, message):
    with pytest.raises(InputError, match=message):
        RidgeAge(**settings).fit(*simulate(20, 4))


def test_ridge__refuses_wrong_weights_and_groups():
    X, y = simulate(20, 4)
    with pytest.raises(InputError, match="negative or missing"):
        RidgeAge().fit(X, y, sample_weight=np.r_[-1.0, np.ones(19)])
    with pytest.raises(InputError, match="groups has shape"):
        RidgeAge().fit(X, y, groups=np.zeros(19))
    with pytest.raises(InputError, match="1 group"):
        RidgeAge().fit(X, y, groups=np.zeros(20))
