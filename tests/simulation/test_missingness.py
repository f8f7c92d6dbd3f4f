"""Values go missing at the rates asked for, by chance or by what is observed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from facies.errors import InputError
from facies.simulation import Cohort, simulate_cohort, with_lost_rows, with_missing
from facies.tables import PARTICIPANTS, READINGS


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return simulate_cohort(6000, random_state=1, n_readers=3)


def test_with_missing__holds_the_rates_by_chance_alone(cohort: Cohort) -> None:
    people = cohort.participants
    found = with_missing(people, {"bmi": 0.2, "smoking": 0.1, "sun_exposure": 0.0}, random_state=1)
    PARTICIPANTS.validate(found)
    assert found.bmi.isna().mean() == pytest.approx(0.2, abs=0.02)
    assert found.smoking.isna().mean() == pytest.approx(0.1, abs=0.02)
    assert found.sun_exposure.notna().all()
    assert abs(people.age[found.bmi.isna()].mean() - people.age.mean()) < 4 * people.age.std() / np.sqrt(1200)
    kept = found.bmi.notna()
    pd.testing.assert_series_equal(found.bmi[kept], people.bmi[kept])
    both = (found.bmi.isna() & found.smoking.isna()).mean()
    assert both == pytest.approx(0.02, abs=0.008)


def test_with_missing__at_random_given_a_column_has_the_stated_log_odds_and_rate(cohort: Cohort) -> None:
    found = with_missing(cohort.participants, {"bmi": 0.3}, depends_on="age", steepness=0.8, random_state=1)
    lost = found.bmi.isna().astype(float)
    assert lost.mean() == pytest.approx(0.3, abs=0.025)
    age = cohort.participants.age
    fit = sm.Logit(lost, sm.add_constant((age - age.mean()) / age.std())).fit(disp=0)
    assert abs(fit.params["age"] - 0.8) < 3.5 * fit.bse["age"]
    assert fit.bse["age"] < 0.1


def test_with_missing__may_depend_on_a_text_column(cohort: Cohort) -> None:
    lost = with_missing(cohort.participants, {"bmi": 0.2}, depends_on="sex", random_state=1).bmi.isna()
    by_sex = lost.groupby(cohort.participants.sex).mean()
    assert by_sex["male"] > 1.8 * by_sex["female"]


def test_with_missing__one_columns_gaps_do_not_depend_on_the_others_and_the_table_is_left_alone(cohort: Cohort) -> None:
    before = cohort.participants.copy()
    one = with_missing(cohort.participants, {"bmi": 0.2}, random_state=1)
    two = with_missing(cohort.participants, {"mc1r": 0.5, "bmi": 0.2}, random_state=1)
    pd.testing.assert_series_equal(one.bmi, two.bmi)
    assert not with_missing(cohort.participants, {"bmi": 0.2}, random_state=2).bmi.equals(one.bmi)
    pd.testing.assert_frame_equal(cohort.participants, before)


def test_with_missing__integers_become_numbers_that_can_be_missing() -> None:
    found = with_missing(pd.DataFrame({"level": np.arange(100), "on": np.ones(100, dtype=bool)}), {"level": 0.5, "on": 0.5}, random_state=1)
    assert found.level.isna().any()
    assert found.on.isna().any()


def test_with_lost_rows__a_photograph_loses_all_its_readings_or_none(cohort: Cohort) -> None:
    left = with_lost_rows(cohort.readings, 0.25, by="photo_id", random_state=1)
    READINGS.validate(left)
    counts = left.groupby("photo_id").size()
    assert (counts == 3).all()
    assert len(counts) / 6000 == pytest.approx(0.75, abs=0.025)


def test_with_lost_rows__may_depend_on_a_column(cohort: Cohort) -> None:
    person = cohort.photographs[["photo_id", "participant_id"]].merge(cohort.participants[["participant_id", "age"]])
    readings = cohort.readings.merge(person[["photo_id", "age"]])
    left = with_lost_rows(readings, 0.5, by="photo_id", depends_on="age", steepness=2.0, random_state=1)
    assert left.photo_id.nunique() / 6000 == pytest.approx(0.5, abs=0.03)
    assert left.age.mean() < readings.age.mean() - 3
    assert with_lost_rows(readings, 0.5, random_state=1).groupby("photo_id").size().nunique() == 3


@pytest.mark.parametrize(
    ("rates", "depends_on", "message"),
    [
        ({"bmi": 1.0}, None, "the rate of bmi is 1.0: choose 0 to less than 1"),
        ({"weight": 0.1}, None, "the table has no column 'weight'"),
        ({"bmi": 0.1}, "bmi", "bmi cannot depend on itself"),
        ({"bmi": 0.1}, "height", "the table has no column 'height'"),
    ],
)
def test_with_missing__refuses_what_makes_no_sense(rates: dict[str, float], depends_on: str | None, message: str, cohort: Cohort) -> None:
    with pytest.raises(InputError, match=message):
        with_missing(cohort.participants, rates, depends_on=depends_on, random_state=1)


def test_with_missing__depends_only_on_a_complete_column(cohort: Cohort) -> None:
    gaps = with_missing(cohort.participants, {"age": 0.1}, random_state=1)
    with pytest.raises(InputError, match="age has missing values: choose a complete column"):
        with_missing(gaps, {"bmi": 0.1}, depends_on="age", random_state=1)
