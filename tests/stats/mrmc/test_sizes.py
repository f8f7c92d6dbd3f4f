"""Readers and cases that a comparison needs: published numbers, and simulated power."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.mrmc.anova import compare_tests
from facies.stats.mrmc.merits import auc_merits
from facies.stats.mrmc.roe_metz import STRUCTURES, simulate_roe_metz
from facies.stats.mrmc.sizes import Pilot, pilot_of_system, pilot_of_tests, power, sample_sizes
from facies.stats.mrmc.standalone import auc_differences, compare_with_panel

GOLDEN = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[4] / "shared")) / "golden"


@pytest.fixture(scope="module")
def pilot():
    """The pilot that Van Dyke's 5 readers of 114 people with 2 tests give."""
    path = GOLDEN / "vandyke.csv"
    if not path.exists():
        pytest.skip("the published example is absent")
    frame = pd.read_csv(path)
    wide = frame.pivot(index=["treatment", "reader"], columns="case", values="rating")
    y = frame.drop_duplicates("case").sort_values("case").truth
    merits = auc_merits(wide.to_numpy(dtype=float), y)
    return pilot_of_tests(compare_tests(merits, np.repeat(["1", "2"], 5), np.tile(np.arange(5), 2)).components, 114)


def test_power__equals_the_published_number(pilot):
    """RJafroc 1.3.1, vignette on sample size: 6 readers, 251 cases, effect as observed; ncp 8.91, ddf 16.1, power 0.8005403."""
    found = power(pilot, difference=-0.04380032, n_readers=6, n=251)
    assert found.power == pytest.approx(0.8005403, abs=5e-7)
    assert (found.df, (0.04380032 / found.std_error) ** 2) == (pytest.approx(16.1, abs=0.05), pytest.approx(8.91, abs=0.005))


def test_sample_sizes__equal_the_published_table(pilot):
    """The same vignette's table of readers and cases."""
    published = {4: 1089, 5: 344, 6: 251, 7: 211, 8: 188, 9: 173, 10: 163, 12: 149, 15: 137, 20: 126, 30: 116, 50: 109}
    found = sample_sizes(pilot, difference=0.04380032, n_readers=list(published))
    assert {plan.n_readers: plan.n for plan in found} == published
    few = sample_sizes(pilot, difference=0.04380032, n_readers=[3], most=2000)[0]
    assert (few.n, few.power < 0.8) == (2000, True)


def test_power__of_a_system_against_a_panel_is_what_simulated_studies_find():
    planned = {"n_readers": 6, "n_cases": 50, "n_others": 50}
    big = simulate_roe_metz(STRUCTURES["HL"], aucs=[0.8], n_readers=60, n_cases=500, n_others=500, system_auc=0.88, random_state=0)
    pilot = pilot_of_system(auc_differences(big.system, big.readers[0], big.y).differences)
    expected = power(pilot, difference=0.08, n_readers=6, n=100).power
    significant = [
        compare_with_panel(auc_differences(data.system, data.readers[0], data.y)).p_value < 0.05
        for data in (
            simulate_roe_metz(STRUCTURES["HL"], aucs=[0.8], system_auc=0.88, random_state=seed, **planned) for seed in range(1, 401)
        )
    ]
    assert np.mean(significant) == pytest.approx(expected, abs=0.07)


def test_power__without_a_difference_is_the_size_of_the_test():
    pilot = Pilot(between=0.0004, error=0.0008, covariance=0.0002, n=114)
    assert power(pilot, difference=0.0, n_readers=8, n=100).power == pytest.approx(0.05)
    at_the_margin = power(pilot, difference=-0.05, n_readers=8, n=100, margin=0.05)
    assert at_the_margin.power == pytest.approx(0.025)
    many, few = (power(pilot, difference=0.0, n_readers=readers, n=100, margin=0.05).power for readers in (8, 4))
    assert many > few


def test_sample_sizes__refuse_plans_that_say_nothing():
    pilot = Pilot(between=0.0004, error=0.0008, covariance=0.0002, n=114)
    for wrong, words in (
        ({"n_readers": [1]}, "plan 2 readers"), ({"n_readers": [5], "wanted": 1.2}, "wanted power"),
        ({"n_readers": [5], "margin": -0.1}, "largest loss"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            sample_sizes(pilot, difference=0.05, **wrong)
