"""The simulated cohort carries the effects that it says it carries."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from facies.errors import InputError
from facies.simulation import Cohort, ReaderPool, simulate_cohort
from facies.simulation.morbidity import OUTCOME_LAWS
from facies.tables import OUTCOMES, PARTICIPANTS, PHOTOGRAPHS, READINGS

BINARY = [name for name, law in OUTCOME_LAWS.items() if law.family == "logistic"]
CONTINUOUS = [name for name, law in OUTCOME_LAWS.items() if law.family == "linear"]


@pytest.fixture(scope="module")
def many() -> Cohort:
    return simulate_cohort(80_000, random_state=5, n_unlabelled=80_000)


def design(cohort: Cohort, exposure: np.ndarray) -> pd.DataFrame:
    people = cohort.participants
    smoking = pd.get_dummies(people.smoking, dtype=float)[["former", "current"]]
    columns = {"exposure": exposure, "age": people.age, "male": (people.sex == "male").astype(float), "bmi": people.bmi}
    return sm.add_constant(pd.DataFrame({**columns, "sun": people.sun_exposure}).join(smoking))


@pytest.mark.parametrize("outcome", BINARY)
def test_outcomes__a_logistic_regression_finds_the_planted_odds_ratio(many: Cohort, outcome: str) -> None:
    X = design(many, many.truth.perceived_age.to_numpy())
    fit = sm.GLM(many.outcomes[outcome], X, family=sm.families.Binomial()).fit()
    planted = many.planted[f"perceived_age -> {outcome}"].coefficient
    assert abs(fit.params["exposure"] - planted) < 3.3 * fit.bse["exposure"]
    assert fit.bse["exposure"] < 0.25 * planted


@pytest.mark.parametrize("outcome", CONTINUOUS)
def test_outcomes__a_linear_regression_finds_the_planted_difference(many: Cohort, outcome: str) -> None:
    fit = sm.OLS(many.outcomes[outcome], design(many, many.truth.perceived_age.to_numpy())).fit()
    planted = many.planted[f"perceived_age -> {outcome}"].coefficient
    assert abs(fit.params["exposure"] - planted) < 3.3 * fit.bse["exposure"]
    assert fit.bse["exposure"] < 0.1 * abs(planted)


def test_genes__each_mc1r_allele_adds_its_years_to_the_perceived_age(many: Cohort) -> None:
    fit = sm.OLS(many.truth.perceived_age, design(many, many.participants.mc1r.to_numpy())).fit()
    assert fit.params["exposure"] == pytest.approx(0.79, abs=3.3 * fit.bse["exposure"])
    assert set(many.participants.mc1r.unique()) == {0.0, 1.0, 2.0}


@pytest.mark.parametrize(("outcome", "published"), [("osteoporosis", 0.76), ("copd", 0.85), ("cataract", 0.84)])
def test_planted__looking_five_years_younger_has_the_published_odds_ratio(many: Cohort, outcome: str, published: float) -> None:
    assert many.planted[f"perceived_age -> {outcome}"].odds_ratio(per=-5) == pytest.approx(published)


def test_planted__looking_younger_goes_with_less_hearing_loss_and_better_cognition(many: Cohort) -> None:
    assert many.planted["perceived_age -> hearing_loss"].coefficient > 0
    assert many.planted["perceived_age -> cognition"].coefficient < 0


def test_planted__the_panel_mean_gives_the_attenuated_coefficient() -> None:
    cohort = simulate_cohort(30_000, random_state=8, readers=ReaderPool(n_readers=4, n_pool=12, reader_sd=3.0, shrinkage=0.1))
    panel = cohort.readings.groupby("photo_id").reading.mean()
    by_person = cohort.photographs.set_index("photo_id").participant_id
    means = panel.groupby(by_person).mean().reindex(cohort.participants.participant_id).to_numpy()
    fit = sm.OLS(cohort.outcomes.hearing_loss, design(cohort, means)).fit()
    effect = cohort.planted["perceived_age -> hearing_loss"]
    assert fit.params["exposure"] == pytest.approx(effect.expected, abs=3.3 * fit.bse["exposure"])
    assert abs(effect.expected - effect.coefficient) > 5 * fit.bse["exposure"]


def test_cohort__has_the_shape_of_the_published_one(many: Cohort) -> None:
    assert many.participants.age.between(51.5, 87.8).all()
    assert 4.0 < many.truth.years_looking_older.std() < 5.0
    assert abs(many.truth.years_looking_older.mean()) < 0.1
    assert many.outcomes[BINARY].mean().between(0.05, 0.35).all()
    osteoporosis = many.outcomes.osteoporosis.groupby(many.participants.sex).mean()
    assert osteoporosis["female"] > 1.5 * osteoporosis["male"]


def test_cohort__its_tables_keep_to_the_vocabulary() -> None:
    cohort = simulate_cohort(40, random_state=1, n_photographs_per_participant=2, n_sessions=2, conditions={"cushing": 0.2})
    PARTICIPANTS.validate(cohort.participants)
    PHOTOGRAPHS.validate(cohort.photographs)
    READINGS.validate(cohort.readings)
    OUTCOMES.validate(cohort.outcomes)
    assert len(cohort.photographs) == 160
    assert ((cohort.truth.cushing > 0) == (cohort.outcomes.cushing == 1)).all()


def test_cohort__the_same_seed_gives_the_same_people_whatever_the_panel() -> None:
    one, two = simulate_cohort(50, random_state=3), simulate_cohort(50, random_state=3, n_readers=5, n_sessions=2)
    for name in ("participants", "outcomes", "truth"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
    assert not simulate_cohort(50, random_state=4).participants.age.equals(one.participants.age)


def test_readings__each_photograph_is_read_by_different_readers_each_in_a_random_order() -> None:
    readings = simulate_cohort(60, random_state=2, n_readers=7).readings
    assert (readings.groupby("photo_id").reader_id.nunique() == 7).all()
    for _, own in readings.groupby("reader_id"):
        assert sorted(own.position) == list(range(1, len(own) + 1))
    assert readings.position.corr(pd.Series(readings.photo_id.factorize()[0])) < 0.5


def test_readings__may_be_binned_in_five_years() -> None:
    readings = simulate_cohort(30, random_state=2, readers=ReaderPool(bin_years=5.0)).readings
    assert (readings.reading % 5 == 0).all()


def test_readings__without_bias_noise_and_rounding_are_the_truth() -> None:
    pool = ReaderPool(n_readers=3, reader_sd=0, reading_sd=0, bin_years=0)
    cohort = simulate_cohort(30, random_state=2, readers=pool)
    person = cohort.photographs.set_index("photo_id").participant_id
    truth = cohort.truth.set_index("participant_id").perceived_age
    np.testing.assert_allclose(cohort.readings.reading, truth[person[cohort.readings.photo_id]])
    assert all(effect.expected == effect.coefficient for effect in cohort.planted.values())


def test_readings__the_last_people_may_have_none() -> None:
    cohort = simulate_cohort(30, random_state=2, n_unlabelled=10)
    read = cohort.photographs[cohort.photographs.photo_id.isin(cohort.readings.photo_id)].participant_id
    assert set(read) == set(cohort.participants.participant_id[:20])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_participants": 0}, "n_participants is 0: give at least 1"),
        ({"n_unlabelled": 11}, "n_unlabelled is 11: choose 0 to 10"),
        ({"age_range": (70, 60)}, "age_range is"),
        ({"conditions": {"gout": 0.1}}, "condition 'gout' is not known"),
        ({"conditions": {"cushing": 0.7, "acromegaly": 0.6}}, "sum to at most 1"),
    ],
)
def test_cohort__refuses_settings_that_make_no_sense(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        simulate_cohort(**{"n_participants": 10, "random_state": 1, **settings})  # type: ignore[arg-type]


def test_pool__refuses_more_readings_than_readers() -> None:
    with pytest.raises(InputError, match="n_readers is 70: choose 1 to 60"):
        ReaderPool(n_readers=70)


def test_planted__cannot_be_changed_by_accident() -> None:
    effect = simulate_cohort(5, random_state=1).planted["mc1r -> perceived_age"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        effect.coefficient = 1.0  # type: ignore[misc]
