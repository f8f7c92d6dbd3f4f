"""The winner's curse and the power of a replication, against simulated truth and a direct maximisation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from facies.errors import InputError
from facies.stats.replication import conditional_mean, correct_winners_curse, one_sided_p, replication_power, z_of_p

THRESHOLD = z_of_p(0.05)


@pytest.mark.parametrize("mean", [-2.0, 0.0, 0.7, 2.5, 6.0])
def test_conditional_mean__equals_numerical_integration(mean):
    def tail(weight):
        return sum(quad(lambda z: weight(z) * norm.pdf(z - mean), *ends)[0] for ends in ((-15, -THRESHOLD), (THRESHOLD, 20)))

    assert conditional_mean(mean, THRESHOLD) == pytest.approx(tail(lambda z: z) / tail(lambda z: 1.0), abs=1e-7)


@pytest.mark.parametrize("z", [1.97, 2.3, -2.8, 3.6, 8.0, 45.0])
def test_correct_winners_curse__maximises_the_likelihood_given_significance(z):
    def loss(mean):
        return -(norm.logpdf(z - mean) - np.logaddexp(norm.logsf(THRESHOLD - mean), norm.logcdf(-THRESHOLD - mean)))

    best = minimize_scalar(loss, bounds=(min(0.0, z), max(0.0, z)), method="bounded", options={"xatol": 1e-10})
    assert correct_winners_curse(z * 0.2, 0.2) / 0.2 == pytest.approx(best.x, abs=2e-5)


def test_correct_winners_curse__shrinks_by_the_p_value_that_singled_the_effect_out():
    wald = correct_winners_curse(0.5, 0.2)
    assert correct_winners_curse(0.5, 0.2, p_value=2 * norm.sf(2.5)) == pytest.approx(wald)
    assert correct_winners_curse(0.5, 0.2, p_value=0.04) < wald < correct_winners_curse(0.5, 0.2, p_value=1e-4) < 0.5
    assert correct_winners_curse(0.5, 0.2, p_value=0.0) == 0.5


def test_correct_winners_curse__refuses_what_was_not_significant():
    with pytest.raises(InputError, match=r"was not significant at 0\.05"):
        correct_winners_curse(0.1, 0.1)


def discoveries(rng, mean, *, n=60_000):
    """Return the true means, in standard errors, and the z of those studies that were significant."""
    z = mean + rng.normal(size=n)
    kept = np.abs(z) > THRESHOLD
    return np.broadcast_to(mean, n)[kept], z[kept]


def corrected(z):
    grid = np.linspace(THRESHOLD + 1e-6, 14, 3000)
    return np.sign(z) * np.interp(np.abs(z), grid, [correct_winners_curse(one, 1.0) for one in grid])


@pytest.mark.parametrize("mean", [0.5, 1.0, 1.5, 2.0, 2.5])
def test_correct_winners_curse__is_less_biased_than_the_estimate_itself(mean):
    truth, z = discoveries(np.random.default_rng(3), mean)
    assert abs(np.mean(corrected(z) - truth)) < 0.6 * abs(np.mean(z - truth))


@pytest.mark.parametrize("spread", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("relative_error", [1.0, 1.5])
def test_replication_power__after_the_correction_is_near_the_share_that_replicates(spread, relative_error):
    rng = np.random.default_rng(9)
    truth, z = discoveries(rng, rng.normal(0, spread, 60_000))
    again = truth + relative_error * rng.normal(size=len(truth))
    replicated = np.mean(np.sign(z) * again / relative_error > norm.isf(0.05))
    expected = np.mean([replication_power(one, relative_error) for one in corrected(z[:8000])])
    naive = np.mean([replication_power(one, relative_error) for one in z[:8000]])
    assert abs(expected - replicated) < 0.1
    assert abs(expected - replicated) < abs(naive - replicated)


def test_replication_power__equals_the_share_of_simulated_cohorts_that_reach_significance():
    rng = np.random.default_rng(1)
    reached = np.mean(norm.sf((-0.3 + 0.12 * rng.normal(size=200_000)) / -0.12) < 0.05)
    assert replication_power(-0.3, 0.12) == pytest.approx(reached, abs=0.004)


def test_one_sided_p__of_both_directions_adds_up_to_one():
    assert one_sided_p(-0.2, 0.3, direction=-0.5) + one_sided_p(-0.2, 0.3, direction=0.5) == pytest.approx(1)
    assert one_sided_p(-0.2, 0.3, direction=-0.5) == 0.15
