"""Regressions of every further family recover planted ratios, and their intervals cover them."""

import numpy as np
import pytest

from facies.stats.counts import fit_count
from facies.stats.mixed import fit_mixed
from facies.stats.ordinal import fit_ordinal
from facies.stats.survival import fit_cox

TRUTH, NAMES = 0.06, ("gap", "age")


def cox(rng, X, linear):
    time, end = rng.exponential(10 * np.exp(-linear)), rng.uniform(2, 12, len(X))
    return fit_cox(np.minimum(time, end), (time < end) * 1.0, X, names=NAMES)


def cox_on_age(rng, X, linear):
    """The hazard grows with age (Gompertz); people come under observation at their age."""
    age = X[:, 1] + 68
    start = np.exp(0.1 * (age - 60))
    time = np.log1p(0.1 * rng.exponential(size=len(X)) / (0.05 * np.exp(TRUTH * X[:, 0]) * start)) / 0.1
    end = rng.uniform(2, 12, len(X))
    return fit_cox(age + np.minimum(time, end), (time < end) * 1.0, X[:, :1], names=NAMES[:1], entry=age)


def count(rng, X, linear):
    years = rng.uniform(1, 5, len(X))
    counts = rng.poisson(years * np.exp(linear - 0.5) * rng.gamma(2, 0.5, len(X)))
    return fit_count(counts * 1.0, X, names=NAMES, time=years)


def poisson_of_overdispersed_counts(rng, X, linear):
    counts = rng.poisson(np.exp(linear + 0.5) * rng.gamma(1, 1, len(X)))
    return fit_count(counts * 1.0, X, names=NAMES, model="poisson")


def ordinal(rng, X, linear):
    return fit_ordinal(np.digitize(linear + rng.logistic(size=len(X)), [-1, 0.5, 2]) * 1.0, X, names=NAMES)


def mixed(rng, X, linear):
    families = np.arange(len(X)) // 3
    return fit_mixed(linear + rng.normal(size=len(X))[families] + rng.normal(size=len(X)), X, names=NAMES, clusters=families)


@pytest.mark.parametrize("study", [cox, cox_on_age, count, poisson_of_overdispersed_counts, ordinal, mixed])
def test_intervals__cover_the_planted_effect(study):
    rng, fits = np.random.default_rng(5), []
    for _ in range(60):
        X = np.column_stack([rng.normal(0, 4, 240), rng.uniform(-17, 17, 240)])
        fits.append(study(rng, X, TRUTH * X[:, 0] + 0.03 * X[:, 1]))
    covered = np.mean([fit.ci_low[0] <= TRUTH <= fit.ci_high[0] for fit in fits])
    estimates = np.array([fit.coef[0] for fit in fits])
    assert 0.87 <= covered <= 1
    assert estimates.mean() == pytest.approx(TRUTH, abs=4 * estimates.std() / np.sqrt(len(fits)))
