"""AUCs: published values, a second implementation by pairs, and simulated truth."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.auc import auc, auc_interval, compare_aucs

GOLDEN = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[3] / "shared")) / "golden"
RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def stroke():
    """Scores of 113 people after a bleeding of the brain, 41 with a poor outcome (pROC's example)."""
    path = GOLDEN / "aSAH.csv"
    if not path.exists():
        pytest.skip("the published example is absent")
    frame = pd.read_csv(path)
    return frame.assign(wfns=frame.wfns.astype(str).str.extract(r"(\d)")[0].astype(float), poor=(frame.outcome == "Poor").astype(int))


def test_auc_interval__equals_the_published_values(stroke):
    for name, value, low, high in (
        ("wfns", 0.8236788618, 0.7485348878, 0.8988228358),
        ("s100b", 0.7313685637, 0.6301182118, 0.8326189156),
        ("ndka", 0.6119579946, 0.5012449993, 0.7226709899),
    ):
        found = auc_interval(stroke[name], stroke.poor, method="wald")
        assert found.value == pytest.approx(value, abs=1e-8)
        assert (found.ci_low, found.ci_high) == (pytest.approx(low, abs=1e-8), pytest.approx(high, abs=1e-8))
        assert (found.n, found.n_cases) == (113, 41)


def test_compare_aucs__equals_the_published_tests(stroke):
    for first, second, z, p in (
        ("wfns", "s100b", 2.20898359144, 0.02717578223), ("wfns", "ndka", 2.79777591869, 0.00514557971),
        ("ndka", "s100b", -1.39077002574, 0.16429517522),
    ):  # fmt: skip
        found = compare_aucs(stroke[first], stroke[second], stroke.poor)
        assert found.z == pytest.approx(z, abs=1e-8)
        assert found.p_value == pytest.approx(p, abs=1e-8)


def by_pairs(scores, y):
    """Return the AUC by counting pairs."""
    pairs = [(a > b) + 0.5 * (a == b) for a, b in product(scores[y == 1], scores[y == 0])]
    return float(np.mean(pairs))


def obuchowski_by_pairs(scores, y, people):
    """Return the clustered variance straight from Obuchowski's formulas, with loops."""
    cases, others = scores[y == 1], scores[y == 0]
    m, n = len(cases), len(others)
    theta = by_pairs(scores, y)
    v10 = np.array([np.mean((x > others) + 0.5 * (x == others)) for x in cases])
    v01 = np.array([np.mean((cases > x) + 0.5 * (cases == x)) for x in others])
    names = np.unique(people)
    a = {k: (v10[people[y == 1] == k].sum() - theta * (people[y == 1] == k).sum()) for k in names}
    b = {k: (v01[people[y == 0] == k].sum() - theta * (people[y == 0] == k).sum()) for k in names}
    with_cases, with_others = len(set(people[y == 1])), len(set(people[y == 0]))
    s10 = with_cases / ((with_cases - 1) * m) * sum(value**2 for value in a.values())
    s01 = with_others / ((with_others - 1) * n) * sum(value**2 for value in b.values())
    s11 = len(names) / (len(names) - 1) * sum(a[k] * b[k] for k in names)
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def clustered(n=30, seed=1):
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(n), rng.integers(1, 5, n))
    y = ((people % 3 == 0) | ((people % 7 == 0) & (rng.random(len(people)) < 0.5))).astype(int)
    return np.round(rng.normal(size=len(people)) + y + rng.normal(size=n)[people], 1), y, people


def test_auc_interval__clustered_variance_equals_the_formulas_counted_by_pairs():
    scores, y, people = clustered()
    found = auc_interval(scores, y, clusters=people)
    assert found.value == pytest.approx(by_pairs(scores, y), abs=1e-12)
    assert found.std_error**2 == pytest.approx(obuchowski_by_pairs(scores, y, people), abs=1e-12)
    assert found.n == 30


def test_auc_interval__one_photograph_a_person_is_delong():
    scores, y = RNG.normal(size=80), (np.arange(80) < 30).astype(int)
    plain, named = auc_interval(scores, y), auc_interval(scores, y, clusters=[f"p{i}" for i in range(80)])
    assert named.std_error == pytest.approx(plain.std_error, abs=1e-12)


def test_auc_interval__repeating_each_photograph_does_not_narrow_the_interval():
    scores, y = RNG.normal(size=60) + (np.arange(60) < 20), (np.arange(60) < 20).astype(int)
    once = auc_interval(scores, y)
    four = auc_interval(np.repeat(scores, 4), np.repeat(y, 4), clusters=np.repeat(np.arange(60), 4))
    assert four.value == pytest.approx(once.value)
    assert four.std_error == pytest.approx(once.std_error)
    assert four.ci_low <= once.ci_low


def test_auc_interval__repeats_of_cross_fitting_add_no_people():
    scores, y = RNG.normal(size=60) + (np.arange(60) < 20), (np.arange(60) < 20).astype(int)
    once, thrice = auc_interval(scores, y), auc_interval(np.stack([scores] * 3), y)
    assert thrice == once


def test_auc__weights_count_as_copies():
    scores, y, weights = np.array([1.0, 2.0, 3.0, 2.0]), np.array([0, 1, 1, 0]), np.array([1, 2, 3, 2])
    copies = np.repeat(np.arange(4), weights)
    assert auc(scores, y, weights=weights) == pytest.approx(by_pairs(scores[copies], y[copies]))


def test_auc_interval__complete_separation_has_an_exact_interval():
    found = auc_interval([1.0, 2, 3, 4, 5, 6], [0, 0, 0, 1, 1, 1])
    assert (found.value, found.ci_high, found.method) == (1.0, 1.0, "exact, at the edge")
    assert found.ci_low == pytest.approx(0.025 ** (1 / 3))


def test_auc_interval__one_class_has_no_auc():
    found = auc_interval([1.0, 2.0], [1, 1])
    assert np.isnan(found.value)
    assert found.method == "one class only"


@pytest.mark.parametrize(("scores", "y", "why"), [
    ([1.0, np.nan], [0, 1], "score 1 is no finite number"), ([1.0, 2.0], [0, 2], "y holds other values"), ([1.0], [0, 1], "give one score"),
])  # fmt: skip
def test_auc__refuses_what_it_cannot_count(scores, y, why):
    with pytest.raises(InputError, match=why):
        auc(scores, y)


def test_auc_interval__covers_the_truth_with_several_photographs_a_person_where_delong_over_photographs_does_not():
    rng = np.random.default_rng(2)
    true, inside = 0.8, np.zeros(2)
    shift = np.sqrt(2) * 0.8416212335729143
    case = np.arange(80) < 32
    people = np.repeat(np.arange(80), 4)
    for _ in range(400):
        scores = np.sqrt(0.7) * rng.normal(size=80)[people] + np.sqrt(0.3) * rng.normal(size=320) + shift * case[people]
        for k, clusters in enumerate((people, None)):
            found = auc_interval(scores, case[people].astype(int), clusters=clusters)
            inside[k] += found.ci_low <= true <= found.ci_high
    assert 0.92 < inside[0] / 400 < 0.98
    assert inside[1] / 400 < 0.85
