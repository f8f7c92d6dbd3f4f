"""The second cohort consists of other people, seen elsewhere, under the same laws."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from facies.errors import InputError
from facies.simulation import GenotypeSettings, simulate_cohort, simulate_validation


def test_validation__is_of_other_people_than_a_cohort_of_the_same_seed() -> None:
    first, second = simulate_cohort(100, random_state=1), simulate_validation(100, random_state=1)
    assert not set(first.participants.participant_id) & set(second.participants.participant_id)
    assert not set(first.photographs.photo_id) & set(second.photographs.photo_id)
    assert abs(np.corrcoef(first.truth.years_looking_older, second.truth.years_looking_older)[0, 1]) < 0.4
    assert first.random_state != second.random_state


def test_validation__is_shifted() -> None:
    first, second = (draw(4000, random_state=1, n_unlabelled=4000) for draw in (simulate_cohort, simulate_validation))
    assert second.participants.age.min() < 47
    assert second.participants.age.mean() < first.participants.age.mean() - 4
    assert (second.participants.sex == "female").mean() == pytest.approx(0.48, abs=0.035)
    assert second.participants.mc1r.mean() / 2 == pytest.approx(0.22, abs=0.02)
    assert not set(first.photographs.device) & set(second.photographs.device)


def test_validation__carries_the_same_effects() -> None:
    first = simulate_cohort(10, random_state=1)
    second = simulate_validation(30_000, random_state=1, readings=False)
    assert {name: effect.coefficient for name, effect in first.planted.items()} == {
        name: effect.coefficient for name, effect in second.planted.items()
    }
    people = second.participants
    X = sm.add_constant(people[["mc1r", "bmi", "sun_exposure"]].assign(current=(people.smoking == "current") * 1.0))
    fit = sm.OLS(second.truth.years_looking_older, X).fit()
    assert abs(fit.params["mc1r"] - 0.79) < 3.5 * fit.bse["mc1r"]


def test_validation__has_readings_or_none() -> None:
    assert len(simulate_validation(20, random_state=1, n_readers=5).readings) == 100
    assert len(simulate_validation(20, random_state=1, readings=False).readings) == 0
    with pytest.raises(InputError, match="n_unlabelled has no effect without readings"):
        simulate_validation(20, random_state=1, readings=False, n_unlabelled=5)


def test_validation__settings_replace_those_of_the_shift() -> None:
    cohort = simulate_validation(50, random_state=1, sites=("west",), age_range=(20.0, 30.0), genotypes=GenotypeSettings(n_variants=12))
    assert set(cohort.participants.site) == {"west"}
    assert cohort.participants.age.max() <= 30
    assert cohort.genotypes is not None
    assert cohort.genotypes.truth.set_index("variant_id").frequency["rs1805007"] == pytest.approx(0.07 * 0.22 / 0.25)
