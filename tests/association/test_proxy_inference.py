"""Partly read cohorts: three estimators side by side, joined by identifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from facies.association import associate, associate_traits, exposures_from_predictions, proxy_inference
from facies.errors import InputError
from facies.models import cross_fit
from facies.stats.prediction_powered import prediction_powered

ADJUSTMENTS = {"model_1": ["age", "sex"]}
N, READ = 900, 300


@pytest.fixture(scope="module")
def study() -> dict[str, pd.DataFrame]:
    """A cohort of which the first third was read, with predictions by a cross-fitted ridge."""
    rng = np.random.default_rng(21)
    ids = [f"p{i:03d}" for i in range(N)]
    age, mc1r = rng.uniform(52, 88, N), rng.binomial(2, 0.2, N) * 1.0
    sex = np.where(rng.integers(0, 2, N) == 1, "female", "male")
    signs = rng.normal(0, 3, (N, 2))
    human = age + 0.8 * mc1r + signs[:, 0] + rng.normal(0, 2, N)
    X = np.column_stack([age + rng.normal(0, 1, N), signs + 0.4 * mc1r[:, None], rng.normal(size=(N, 8))]).astype(np.float32)
    labels = pd.Series(np.where(np.arange(N) < READ, human, np.nan), index=ids)
    folds = pd.Series(np.where(np.arange(N) < READ, rng.permutation(N) % 5, -1), index=ids)
    fit = cross_fit(
        X, face_ids=ids, participant_ids=ids, y_by_participant=labels, folds=folds, model_id="hog+ridge", target="perceived_age"
    )  # fmt: skip
    linear = 0.1 * (human - age) + 0.03 * (age - 70)
    outcomes = pd.DataFrame({
        "participant_id": ids, "copd": (rng.uniform(size=N) < 1 / (1 + np.exp(0.5 - linear))) * 1.0,
        "cognition": -linear + rng.normal(size=N), "falls": rng.poisson(1.0, N) * 1.0,
    })  # fmt: skip
    outcomes.loc[[1, 500], "copd"] = np.nan
    people = pd.DataFrame({"participant_id": ids, "age": age, "sex": sex})
    return {
        "predictions": fit.participant_predictions, "folds": fit.fold_predictions, "people": people, "outcomes": outcomes,
        "mc1r": pd.DataFrame({"participant_id": ids, "mc1r": mc1r}),
    }  # fmt: skip


def inferred(study: dict[str, pd.DataFrame], **changes: Any) -> pd.DataFrame:
    given: dict[str, Any] = {
        "outcomes": study["outcomes"],
        "outcome_kinds": {"copd": "binary", "cognition": "continuous", "falls": "count"},
        "traits": study["mc1r"],
        "adjustments": ADJUSTMENTS,
        "per": {"perceived_age": 5},
        **changes,
    }
    return proxy_inference(study["predictions"], study["folds"], study["people"], **given)


@pytest.fixture(scope="module")
def table(study) -> pd.DataFrame:
    return inferred(study)


def test_proxy_inference__has_three_estimators_of_each_binary_and_continuous_question(table):
    assert table.groupby(["exposure", "outcome"], sort=False).estimator.apply(list).to_dict() == {
        ("perceived_age[panel]", "copd"): ["labelled_only", "naive", "ppi"],
        ("perceived_age[panel]", "cognition"): ["labelled_only", "naive", "ppi"],
        ("mc1r", "perceived_age[panel]"): ["labelled_only", "naive", "ppi"],
    }
    copd = table[table.outcome == "copd"]
    assert (copd.n_labelled.unique(), copd.n_unlabelled.unique()) == ([READ - 1], [N - READ - 1])


def test_proxy_inference__labelled_only_and_naive_are_plain_associations(study, table):
    exposures = exposures_from_predictions(study["predictions"])
    human, computed = (exposures[["participant_id", f"perceived_age[{source}]"]].dropna() for source in ("panel", "hog+ridge"))
    kinds = {"copd": "binary", "cognition": "continuous"}
    for estimator, ages in (("labelled_only", human), ("naive", computed)):
        rows = table[table.estimator == estimator]
        given = {"outcome_kinds": kinds, "adjustments": ADJUSTMENTS, "per": {"perceived_age": 5}}
        expected = associate(ages, study["outcomes"], study["people"], **given)
        on_age = associate_traits(study["mc1r"], ages, study["people"], adjustments=ADJUSTMENTS)
        columns = ["estimate", "std_error", "ci_low", "ci_high", "p_value"]
        assert rows[columns].to_numpy() == pytest.approx(pd.concat([expected, on_age])[columns].to_numpy(), rel=1e-9)


def test_proxy_inference__ppi_is_the_statistic_on_arrays_put_together_by_hand(study, table):
    predictions = study["predictions"].set_index("participant_id")
    ids = study["people"].participant_id
    by_fold = study["folds"].pivot(index="participant_id", columns="fold", values="predicted").reindex(ids).to_numpy()
    fold, own = predictions.fold[ids].to_numpy(), predictions.predicted[ids].to_numpy()
    by_fold[:READ] = np.where(np.arange(5) == fold[:READ, None], own[:READ, None], np.nan)
    human = predictions.observed[ids].to_numpy()
    covariates = np.column_stack([study["people"].age, study["people"].sex == "male"])
    shares = np.bincount(fold[:READ], minlength=5) / READ
    found = prediction_powered(
        human, np.column_stack([study["mc1r"].mc1r, covariates]), by_fold, np.arange(N) < READ, proxied="outcome", shares=shares
    )  # fmt: skip
    row = table[(table.exposure == "mc1r") & (table.estimator == "ppi")].iloc[0]
    assert (row.estimate, row.std_error, row.tuning) == pytest.approx((found.coef, found.std_error, found.tuning), rel=1e-9)
    assert row.n_effective == pytest.approx(found.n_effective)


def test_proxy_inference__people_without_readings_sharpen_the_estimate(table):
    by = table.set_index(["outcome", "estimator"])
    assert by.std_error["perceived_age[panel]", "ppi"] < 0.95 * by.std_error["perceived_age[panel]", "labelled_only"]
    assert by.n_effective["perceived_age[panel]", "ppi"] > 1.1 * READ
    assert (by.std_error.xs("ppi", level=1) <= 1.02 * by.std_error.xs("labelled_only", level=1)).all()


def test_proxy_inference__direction_turns_the_ratio_round_and_nothing_else(study, table):
    older, turned = (
        inferred(study, direction=direction, per={direction: 5}) for direction in ("years_looking_older", "delta_pa_rotterdam")
    )
    first, second = (part[part.outcome == "copd"] for part in (older, turned))
    assert (first.estimate * second.estimate).to_numpy() == pytest.approx(1)
    assert first.exposure.unique().tolist() == ["years_looking_older[panel]"]
    assert second.std_error.to_numpy() == pytest.approx(first.std_error.to_numpy())
    assert first.estimate.to_numpy() == pytest.approx(table[table.outcome == "copd"].estimate.to_numpy(), rel=1e-6)
    on_age = table[table.exposure == "mc1r"].reset_index(drop=True)
    pd.testing.assert_frame_equal(turned[turned.exposure == "mc1r"].reset_index(drop=True), on_age)


def test_proxy_inference__shuffled_tables_give_the_same(study, table):
    shuffled = {name: frame.sample(frac=1, random_state=6) for name, frame in study.items()}
    pd.testing.assert_frame_equal(inferred(shuffled), table)


def test_proxy_inference__a_cohort_that_was_read_whole_has_no_rows(study):
    read = study["predictions"][study["predictions"].observed.notna()]
    assert inferred({**study, "predictions": read, "folds": study["folds"].iloc[:0]}).empty


def test_proxy_inference__few_people_without_readings_give_no_ppi_but_the_reason(study):
    few = set(study["people"].participant_id[: READ + 12])
    kept = {name: study[name][study[name].participant_id.isin(few)] for name in ("predictions", "folds")}
    found = inferred({**study, **kept})
    powered = found[found.estimator == "ppi"]
    assert powered.estimate.isna().all()
    assert powered.note.str.contains("12 without human readings: fewer than 20").any()
    assert found[found.estimator == "labelled_only"].estimate.notna().all()


def test_proxy_inference__predictions_by_fold_that_are_missing_are_an_error(study):
    with pytest.raises(InputError, match="have no fold_predictions"):
        inferred({**study, "folds": study["folds"].iloc[:0]})


def test_proxy_inference__without_a_question_that_it_can_answer_there_are_no_rows(study):
    assert inferred(study, outcome_kinds={"falls": "count"}, traits=None).empty


def test_proxy_inference__relatives_among_the_unread_have_one_prediction_only(study):
    folds = study["folds"]
    relatives = folds.participant_id.unique()[:50]
    kept = folds[~folds.participant_id.isin(relatives) | (folds.fold == 2)]
    found, whole = inferred({**study, "folds": kept}), inferred(study)
    powered, all_of = (table[table.estimator == "ppi"] for table in (found, whole))
    assert powered.n_unlabelled.tolist() == all_of.n_unlabelled.tolist()
    assert powered.std_error.to_numpy() == pytest.approx(all_of.std_error.to_numpy(), rel=0.05)
    assert (powered.estimate != all_of.estimate).all()


def test_proxy_inference__a_level_that_nobody_with_readings_has_is_left_out_of_their_fit_and_stops_ppi(study):
    people = study["people"].assign(site=np.where(np.arange(N) < READ + 100, "leiden", "utrecht"))
    found = inferred({**study, "people": people}, adjustments={"model_1": ["age", "sex", "site"]}).set_index(["outcome", "estimator"])
    alone, powered = (found.loc[("cognition", estimator)] for estimator in ("labelled_only", "ppi"))
    expected = inferred(study).set_index(["outcome", "estimator"]).loc[("cognition", "labelled_only")]
    assert alone.estimate == pytest.approx(expected.estimate)
    assert "site=utrecht has one value here" in alone.note
    assert np.isnan(powered.estimate)
    assert "site=utrecht has the same value for everybody" in powered.note


def test_proxy_inference__everybody_twice_in_one_family_gives_the_same_intervals(study, table):
    twice = {}
    for name, frame in study.items():
        twice[name] = pd.concat([frame, frame.assign(participant_id=frame.participant_id + "b")], ignore_index=True)
    twice["people"]["family_id"] = twice["people"].participant_id.str[:4]
    found = inferred(twice)
    assert found.estimate.to_numpy() == pytest.approx(table.estimate.to_numpy(), rel=1e-3)
    assert found.std_error.to_numpy() == pytest.approx(table.std_error.to_numpy(), rel=0.03)
