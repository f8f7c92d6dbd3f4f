"""Times, counts and levels follow the laws that they are said to follow, by programs that know nothing of the simulation."""

from __future__ import annotations

import lifelines
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.miscmodels.ordinal_model import OrderedModel

from facies.simulation import Cohort, simulate_cohort
from facies.simulation.further_outcomes import FRAILTY_THRESHOLDS, FURTHER_LAWS, OVERDISPERSION
from facies.tables import OUTCOMES


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return simulate_cohort(12_000, random_state=5, n_unlabelled=12_000, further_outcomes=True)


@pytest.fixture(scope="module")
def design(cohort: Cohort) -> pd.DataFrame:
    people = cohort.participants
    columns = {"older": cohort.truth.years_looking_older, "age": people.age - 67, "male": (people.sex == "male").astype(float)}
    smoking = pd.get_dummies(people.smoking, dtype=float)[["former", "current"]]
    return pd.DataFrame({**columns, "bmi": people.bmi - 27}).join(smoking)


def expect(found: pd.Series, errors: pd.Series, outcome: str) -> None:
    law = FURTHER_LAWS[outcome]
    planted = {"older": law.perceived_age, "age": law.age, "male": law.male, "bmi": law.bmi, "former": law.former, "current": law.current}
    for name, value in planted.items():
        if name in found.index:
            assert abs(found[name] - value) < 3.5 * errors[name], name
    assert errors["older"] < 0.25 * law.perceived_age


def test_fracture__a_cox_model_finds_the_planted_hazard_ratios(cohort: Cohort, design: pd.DataFrame) -> None:
    table = design.assign(years=cohort.outcomes.fracture_years, event=cohort.outcomes.fracture)
    fit = lifelines.CoxPHFitter().fit(table, "years", "event")
    expect(fit.params_, fit.standard_errors_, "fracture")


def test_fracture__a_cox_model_over_age_finds_the_same(cohort: Cohort, design: pd.DataFrame) -> None:
    age = cohort.participants.age
    table = design.drop(columns="age").assign(entry=age, exit=age + cohort.outcomes.fracture_years, event=cohort.outcomes.fracture)
    fit = lifelines.CoxPHFitter().fit(table, "exit", "event", entry_col="entry")
    expect(fit.params_, fit.standard_errors_, "fracture")


def test_falls__a_negative_binomial_regression_finds_the_planted_rates_and_overdispersion(cohort: Cohort, design: pd.DataFrame) -> None:
    model = sm.NegativeBinomial(cohort.outcomes.falls, sm.add_constant(design), offset=np.log(cohort.outcomes.falls_years))
    fit = model.fit(disp=0, maxiter=200)
    expect(fit.params, fit.bse, "falls")
    assert abs(fit.params["alpha"] - OVERDISPERSION) < 3.5 * fit.bse["alpha"]
    assert abs(fit.params["const"] - FURTHER_LAWS["falls"].level) < 3.5 * fit.bse["const"]


def test_frailty__a_proportional_odds_model_finds_the_planted_odds_and_thresholds(cohort: Cohort, design: pd.DataFrame) -> None:
    fit = OrderedModel(cohort.outcomes.frailty.astype(int), design, distr="logit").fit(method="bfgs", disp=0, maxiter=300)
    expect(fit.params, fit.bse, "frailty")
    thresholds = fit.model.transform_threshold_params(fit.params)[1:-1]
    np.testing.assert_allclose(thresholds, FRAILTY_THRESHOLDS, atol=0.12)


def test_further_outcomes__are_planted_by_family_and_keep_to_the_vocabulary(cohort: Cohort) -> None:
    OUTCOMES.validate(cohort.outcomes)
    families = {name: cohort.planted[f"perceived_age -> {name}"].family for name in FURTHER_LAWS}
    assert families == {"fracture": "cox", "falls": "negative_binomial", "frailty": "ordinal"}
    assert cohort.planted["perceived_age -> fracture"].odds_ratio(per=5) == pytest.approx(1.25)
    outcomes = cohort.outcomes
    assert (outcomes.fracture_years > 0).all()
    assert outcomes.fracture_years.max() <= 12
    assert 0.05 < outcomes.fracture.mean() < 0.3
    assert outcomes.frailty.value_counts(normalize=True).min() > 0.02


def test_further_outcomes__stand_beside_the_others_without_changing_them() -> None:
    plain, more = simulate_cohort(200, random_state=3), simulate_cohort(200, random_state=3, further_outcomes=True)
    pd.testing.assert_frame_equal(more.outcomes[list(plain.outcomes.columns)], plain.outcomes)
    assert set(plain.planted) < set(more.planted)
