"""STAPLE against the Insight Toolkit, the likelihood it maximises, and simulated readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.staple import MISSING, majority, staple

REFERENCE = Path(__file__).parents[1] / "reference"


def simulated(n_items, quality, *, prior=0.3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(n_items) < prior
    return truth, np.stack([np.where(truth, rng.random(n_items) < p, rng.random(n_items) > q) for p, q in quality]).astype(np.int8)


def test_staple__is_what_the_insight_toolkit_gives():
    masks = pd.read_csv(REFERENCE / "staple.tsv", sep="\t").drop(columns="truth").to_numpy().T
    expected = pd.read_csv(REFERENCE / "staple_expected.tsv", sep="\t").groupby("quantity").value
    found = staple(masks)
    assert found.converged
    assert found.sensitivity == pytest.approx(expected.get_group("sensitivity").to_numpy(), abs=1e-6)
    assert found.specificity == pytest.approx(expected.get_group("specificity").to_numpy(), abs=1e-6)
    assert found.probability == pytest.approx(expected.get_group("probability").to_numpy(), abs=1e-6)


def test_staple__recovers_how_good_simulated_readers_are():
    quality = [(0.9, 0.95), (0.7, 0.9), (0.8, 0.8), (0.95, 0.99), (0.6, 0.85)]
    truth, decisions = simulated(40_000, quality, seed=1)
    found = staple(decisions, prior=0.3)
    assert found.sensitivity == pytest.approx([p for p, _ in quality], abs=0.015)
    assert found.specificity == pytest.approx([q for _, q in quality], abs=0.015)
    assert np.mean((found.probability > 0.5) == truth) > np.mean(majority(decisions) == truth) > 0.95


def test_staple__no_other_sensitivities_and_specificities_are_more_likely():
    _, decisions = simulated(400, [(0.9, 0.9), (0.7, 0.8), (0.8, 0.95)], seed=2)
    found = staple(decisions)

    def log_likelihood(p, q):
        yes = found.prior * np.prod(np.where(decisions == 1, p[:, None], 1 - p[:, None]), axis=0)
        no = (1 - found.prior) * np.prod(np.where(decisions == 0, q[:, None], 1 - q[:, None]), axis=0)
        return np.log(yes + no).sum()

    best = log_likelihood(found.sensitivity, found.specificity)
    assert found.log_likelihood == pytest.approx(best)
    for number in range(3):
        for step in (-0.002, 0.002):
            moved = np.eye(3)[number] * step
            assert log_likelihood(np.clip(found.sensitivity + moved, 0, 1), found.specificity) < best
            assert log_likelihood(found.sensitivity, np.clip(found.specificity + moved, 0, 1)) < best


def test_staple__each_iteration_is_at_least_as_likely_as_the_one_before():
    _, decisions = simulated(300, [(0.8, 0.9), (0.7, 0.8), (0.9, 0.7)], seed=3)
    steps = [staple(decisions, max_iterations=n).log_likelihood for n in range(1, 30)]
    assert (np.diff(steps) >= -1e-9).all()


def test_staple__readers_who_agree_are_right():
    mask = np.array([[1, 1, 0, 0, 0, 0]] * 3)
    found = staple(mask)
    assert found.probability.round(6).tolist() == mask[0].tolist()
    assert found.sensitivity.round(6).tolist() == [1, 1, 1]
    assert found.converged


def test_staple__a_reader_who_marks_the_opposite_is_seen_through():
    truth, decisions = simulated(2000, [(0.9, 0.9)] * 4, seed=4)
    found = staple(np.vstack([decisions, 1 - truth]))
    assert found.sensitivity[4] < 0.1
    assert np.mean((found.probability > 0.5) == truth) > np.mean(majority(np.vstack([decisions, 1 - truth])) == truth)


def test_staple__does_not_depend_on_the_order_of_readers_and_items():
    _, decisions = simulated(500, [(0.9, 0.9), (0.7, 0.8), (0.8, 0.95)], seed=5)
    items, readers = np.random.default_rng(0).permutation(500), np.array([2, 0, 1])
    one, other = staple(decisions), staple(decisions[readers][:, items])
    assert other.probability == pytest.approx(one.probability[items], abs=1e-9)
    assert other.sensitivity == pytest.approx(one.sensitivity[readers], abs=1e-9)


def test_staple__decisions_not_taken_at_random_do_not_bias():
    quality = [(0.9, 0.95), (0.7, 0.9), (0.8, 0.8), (0.85, 0.9)]
    _, decisions = simulated(40_000, quality, seed=6)
    decisions[np.random.default_rng(66).random(decisions.shape) < 0.3] = MISSING
    found = staple(decisions, prior=0.3)
    assert found.sensitivity == pytest.approx([p for p, _ in quality], abs=0.03)
    assert found.specificity == pytest.approx([q for _, q in quality], abs=0.03)


def test_staple__an_estimated_prior_stands_readers_who_say_yes_too_often():
    quality = [(0.95, 0.98), (0.8, 0.95), (0.7, 0.9), (0.5, 0.6), (0.5, 0.5)]
    truth, decisions = simulated(20_000, quality, prior=0.08, seed=8)
    mean, estimated = staple(decisions), staple(decisions, prior="estimated")
    assert estimated.converged
    assert estimated.prior == pytest.approx(0.08, abs=0.01)
    assert estimated.sensitivity == pytest.approx([p for p, _ in quality], abs=0.04)
    assert estimated.log_likelihood > mean.log_likelihood
    assert np.mean((estimated.probability > 0.5) == truth) > np.mean((mean.probability > 0.5) == truth) + 0.05


def test_staple__says_that_it_has_not_converged():
    _, decisions = simulated(300, [(0.6, 0.6)] * 3, seed=7)
    found = staple(decisions, max_iterations=2)
    assert not found.converged
    assert found.n_iterations == 2


def test_staple__where_nobody_marks_anything_there_is_nothing_and_no_sensitivity():
    found = staple(np.zeros((3, 5), dtype=int))
    assert found.probability.tolist() == [0] * 5
    assert np.isnan(found.sensitivity).all()
    assert found.specificity.tolist() == [1, 1, 1]
    everything = staple(np.ones((3, 5), dtype=bool))
    assert everything.probability.tolist() == [1] * 5
    assert np.isnan(everything.specificity).all()


@pytest.mark.parametrize(
    ("decisions", "settings", "message"),
    [
        (np.zeros(5), {}, r"the shape \(5,\)"),
        (np.full((2, 3), 2), {}, "neither 0, 1 nor -1"),
        (np.array([[1, 0], [-1, -1]]), {}, "reader 2 of 2 took no decision"),
        (np.eye(2, dtype=int), {"prior": 1.5}, "prior is 1.5"),
        (np.eye(2, dtype=int), {"prior": "guess"}, "prior is 'guess': choose 0 to 1, 'mean' or 'estimated'"),
        (np.eye(2, dtype=int), {"prior": "estimated"}, "there are 2 readers: an estimated prior needs three"),
        (np.eye(2, dtype=int), {"tolerance": 0}, "tolerance is 0"),
    ],
)
def test_staple__refuses_what_it_cannot_use(decisions, settings, message):
    with pytest.raises(InputError, match=message):
        staple(decisions, **settings)
