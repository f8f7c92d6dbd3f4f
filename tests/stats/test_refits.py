"""Refits on drawn people equal honest refits on the drawn rows."""

from __future__ import annotations

import numpy as np
import pytest

from facies.stats.counts import fit_count
from facies.stats.firth import fit_firth
from facies.stats.linear import fit_linear
from facies.stats.logistic import fit_logistic
from facies.stats.ordinal import fit_ordinal
from facies.stats.refits import count_refit, firth_refit, linear_refit, logistic_refit, residual_moments
from facies.stats.refits_cox import cox_refit
from facies.stats.refits_ordinal import ordinal_refit
from facies.stats.regression import Fit
from facies.stats.resampling import draw_weights
from facies.stats.survival import fit_cox
from facies.types import Floats

N, DRAWS = 240, 12
NAMES = ("perceived_age", "age", "sex")


@pytest.fixture(scope="module")
def X() -> Floats:
    rng = np.random.default_rng(4)
    age = rng.uniform(50, 85, N)
    return np.column_stack([age + rng.normal(0, 5, N), age, rng.integers(0, 2, N)])


@pytest.fixture(scope="module")
def weights() -> Floats:
    return np.vstack(list(draw_weights(N, n_bootstrap=DRAWS, random_state=9)))


def rows_of(draw: Floats) -> np.ndarray:
    return np.repeat(np.arange(N), draw.astype(int))


def linear_predictor(X: Floats) -> Floats:
    return 0.1 * (X[:, 0] - X[:, 1]) + 0.02 * (X[:, 1] - 67)


def test_linear_refit__equals_least_squares_on_the_drawn_rows(X, weights):
    y = linear_predictor(X) + np.random.default_rng(1).normal(size=N)
    honest = [fit_linear(y[rows_of(draw)], X[rows_of(draw)], names=NAMES).coef[0] for draw in weights]
    assert linear_refit(y, X)(weights) == pytest.approx(honest, rel=1e-8)


def test_linear_refit__survives_a_draw_without_one_level_and_gives_nan_without_exposure(X):
    level = np.zeros(N)
    level[:2] = 1
    exposed = np.zeros(N)
    exposed[2:4] = 1
    y = np.random.default_rng(1).normal(size=N) + exposed
    without_level, without_exposed = np.ones(N), np.ones(N)
    without_level[:2] = 0
    without_exposed[2:4] = 0
    found = linear_refit(y, np.column_stack([exposed, level, X[:, 1]]))(np.vstack([without_level, without_exposed]))
    kept = rows_of(without_level)
    assert found[0] == pytest.approx(fit_linear(y[kept], np.column_stack([exposed, X[:, 1]])[kept], names=("x", "age")).coef[0])
    assert np.isnan(found[1])


def test_logistic_refit__equals_maximum_likelihood_on_the_drawn_rows(X, weights):
    y = (np.random.default_rng(2).uniform(size=N) < 1 / (1 + np.exp(-linear_predictor(X)))) * 1.0
    refit = logistic_refit(y, X, fit_logistic(y, X, names=NAMES))
    honest = [fit_logistic(y[rows_of(draw)], X[rows_of(draw)], names=NAMES).coef[0] for draw in weights]
    assert refit(weights) == pytest.approx(honest, rel=1e-6)


def test_logistic_refit__a_separated_draw_gives_nan():
    x = np.arange(20.0)
    y = (x >= 10) * 1.0
    y[[9, 10]] = [1, 0]
    fit = fit_logistic(y, x[:, None], names=("x",), min_events=1)
    separated = np.ones(20)
    separated[[9, 10]] = 0
    found = logistic_refit(y, x[:, None], fit)(np.vstack([separated, np.ones(20)]))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(fit.coef[0])


def test_firth_refit__equals_firth_on_the_drawn_rows(X, weights):
    y = (np.random.default_rng(3).uniform(size=N) < 0.12) * 1.0
    refit = firth_refit(y, X, fit_firth(y, X, names=NAMES))
    honest = [fit_firth(y[rows_of(draw)], X[rows_of(draw)], names=NAMES, min_events=1).coef[0] for draw in weights]
    assert refit(weights) == pytest.approx(honest, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("model", ["poisson", "negative_binomial"])
def test_count_refit__equals_the_count_regression_on_the_drawn_rows(X, weights, model):
    rng = np.random.default_rng(5)
    time = rng.uniform(1, 4, N)
    y = rng.poisson(time * np.exp(linear_predictor(X)) * rng.gamma(2, 0.5, N)) * 1.0
    fit = fit_count(y, X, names=NAMES, time=time, model=model)
    refit = count_refit(y, X, fit, person_time=time)
    assert refit(np.ones((1, N)))[0] == pytest.approx(fit.coef[0], rel=1e-6)
    honest = [
        fit_count(y[kept], X[kept], names=NAMES, time=time[kept], model=model).coef[0]
        for kept in map(rows_of, weights)
    ]  # fmt: skip
    close = {"rel": 1e-6} if model == "poisson" else {"abs": 0.15 * fit.std_error[0]}
    assert refit(weights) == pytest.approx(honest, **close)


@pytest.mark.parametrize("late", [False, True])
def test_cox_refit__equals_lifelines_with_weights(X, weights, late):
    from lifelines import CoxPHFitter

    rng = np.random.default_rng(6)
    entry = np.round(rng.uniform(0, 2, N), 1)
    follow = np.round(rng.exponential(4 / np.exp(linear_predictor(X))), 1) + 0.1
    event = (follow < 5) * 1.0
    duration = np.minimum(follow, 5) + entry * late
    fit = fit_cox(duration, event, X, names=NAMES, entry=entry if late else None)
    refit = cox_refit(duration, event, X, fit, entry=entry if late else None)
    assert refit(np.ones((1, N)))[0] == pytest.approx(fit.coef[0], rel=1e-6)
    import pandas as pd

    data = pd.DataFrame({"duration": duration, "event": event, "x": X[:, 0], "age": X[:, 1] - 67, "sex": X[:, 2], "entry": entry * late})
    found = refit(weights)
    for draw, value in zip(weights[:4], found[:4], strict=True):
        here = data.assign(weight=draw)[draw > 0].sample(frac=1, random_state=1)
        options = {"precision": 1e-12, "r_precision": 1e-14}
        columns = ["x", "age", "sex", "duration", "event", "weight", *(["entry"] if late else [])]
        kept = here[columns]
        honest = CoxPHFitter().fit(
            kept, "duration", "event", weights_col="weight", entry_col="entry" if late else None, robust=True, fit_options=options
        )  # fmt: skip
        assert value == pytest.approx(honest.params_["x"], rel=1e-5)


def test_ordinal_refit__equals_proportional_odds_on_the_drawn_rows(X, weights):
    rng = np.random.default_rng(7)
    y = np.digitize(linear_predictor(X) + rng.logistic(size=N), [-2, 0, 2]) * 1.0
    honest = [fit_ordinal(y[rows_of(draw)], X[rows_of(draw)], names=NAMES).coef[0] for draw in weights]
    assert ordinal_refit(y, X)(weights) == pytest.approx(honest, rel=1e-6)


def test_ordinal_refit__a_draw_that_lacks_a_level_is_fitted_on_the_others(X):
    rng = np.random.default_rng(8)
    y = np.digitize(linear_predictor(X) + rng.logistic(size=N), [-2, 0, 2]) * 1.0
    for level in (0, 1, 3):
        draw = (y != level) * 1.0
        kept = rows_of(draw)
        honest = fit_ordinal(y[kept], X[kept], names=NAMES).coef[0]
        assert ordinal_refit(y, X)(draw[None])[0] == pytest.approx(honest, rel=1e-6)


def test_residual_moments__give_the_slopes_of_regressions_in_each_draw(X, weights):
    V, Z = X[:, :2] + np.random.default_rng(1).normal(size=(N, 2)), X[:, 2:]
    found = residual_moments(V, Z, weights)
    for draw, S in zip(weights, found, strict=True):
        kept = rows_of(draw)
        slope: Fit = fit_linear(V[kept, 1], np.column_stack([V[kept, 0], Z[kept]]), names=("x", "z"))
        assert S[0, 1] / S[0, 0] == pytest.approx(slope.coef[0], rel=1e-8)
