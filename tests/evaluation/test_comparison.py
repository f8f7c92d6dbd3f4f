"""Limits of agreement, error by age and differences between models."""

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.evaluation import age_bands, bland_altman, compare_models, error_by_age
from facies.stats.agreement import limits_of_agreement


def predictions_of(predicted, observed, model_id="m"):
    return pd.DataFrame({
        "participant_id": [f"p{i:03d}" for i in range(len(predicted))], "model_id": model_id, "target": "perceived_age", "fold": 0,
        "n_photographs": 1, "predicted": predicted, "ci_low": np.nan, "ci_high": np.nan, "observed": observed, "label_weight": 1.0,
    })  # fmt: skip


@pytest.fixture
def simulated():
    rng = np.random.default_rng(0)
    observed = rng.uniform(50, 80, 200)
    people = pd.DataFrame({"participant_id": [f"p{i:03d}" for i in range(200)], "age": observed + rng.normal(0, 3, 200)})
    good = predictions_of(observed + rng.normal(0, 2, 200), observed, "good")
    bad = predictions_of(observed + rng.normal(1, 5, 200), observed, "bad")
    return pd.concat([good, bad], ignore_index=True), people


def test_bland_altman__is_the_limits_of_each_model(simulated):
    predictions, _ = simulated
    table = bland_altman(predictions, target="perceived_age").set_index(["system", "metric"])
    good = predictions[predictions.model_id == "good"]
    limits = limits_of_agreement((good.predicted - good.observed).to_numpy())
    assert tuple(table.loc[("good", "limit_low"), ["value", "ci_low", "ci_high"]]) == pytest.approx(limits.low)
    assert table.loc[("bad", "mean_difference"), "value"] == pytest.approx(1, abs=0.8)
    assert (table.n == 200).all()


def test_bland_altman__people_without_a_reference_do_not_count_and_tiny_models_get_no_rows():
    table = bland_altman(predictions_of([50.0, 61.0, 70.0, 55.0], [51.0, 60.0, 72.0, np.nan]), target="perceived_age")
    assert set(table.n) == {3}
    assert bland_altman(predictions_of([50.0, 61.0], [51.0, 60.0]), target="perceived_age").empty


def test_compare_models__finds_the_better_one_and_is_antisymmetric(simulated):
    one = compare_models(*simulated, target="perceived_age", model_id="good", against="bad", n_bootstrap=300).set_index("metric")
    other = compare_models(*simulated, target="perceived_age", model_id="bad", against="good", n_bootstrap=300).set_index("metric")
    assert one.loc["mae_difference", "ci_high"] < 0
    assert one.loc["mae_difference", "value"] == pytest.approx(-other.loc["mae_difference", "value"])
    assert one.loc["mae_difference", "ci_low"] == pytest.approx(-other.loc["mae_difference", "ci_high"])
    assert one.loc["mae_difference", "system"] == "good minus bad"


def test_compare_models__pairing_makes_the_interval_of_like_models_narrow(simulated):
    predictions, people = simulated
    good = predictions[predictions.model_id == "good"]
    like = good.assign(model_id="like", predicted=good.predicted + 0.01)
    table = compare_models(pd.concat([good, like]), people, target="perceived_age", model_id="like", against="good", n_bootstrap=200)
    row = table.set_index("metric").loc["mae_difference"]
    assert row.ci_high - row.ci_low < 0.01


def test_compare_models__only_common_people_count(simulated):
    predictions, people = simulated
    table = compare_models(predictions[20:], people, target="perceived_age", model_id="good", against="bad", n_bootstrap=20)
    assert set(table.n) == {180}


def test_compare_models__wrong_models_are_refused(simulated):
    with pytest.raises(InputError, match="model 'ugly' has no predictions: choose from good, bad"):
        compare_models(*simulated, target="perceived_age", model_id="good", against="ugly")
    with pytest.raises(InputError, match="cannot be compared with itself"):
        compare_models(*simulated, target="perceived_age", model_id="good", against="good")
    predictions, people = simulated
    apart = predictions[(predictions.model_id == "good") ^ (predictions.index % 200 < 100)]
    with pytest.raises(InputError, match="predicted nobody in common"):
        compare_models(apart, people, target="perceived_age", model_id="good", against="bad")


def test_error_by_age__bands_are_in_order_and_add_up(simulated):
    table = error_by_age(*simulated, target="perceived_age", n_bootstrap=50)
    mae = table[(table.system == "good") & (table.metric == "mae")]
    assert mae.n.sum() == 200
    lower = [int(name.split("=")[1].split("-")[0]) for name in mae.subgroup]
    assert lower == sorted(lower)


def test_error_by_age__along_the_reference_shows_regression_to_the_mean():
    observed = np.repeat([52.0, 58.0, 72.0, 78.0], 20)
    people = pd.DataFrame({"participant_id": [f"p{i:03d}" for i in range(80)], "age": observed})
    shrunken = predictions_of(65 + 0.5 * (observed - 65), observed)
    table = error_by_age(shrunken, people, target="perceived_age", along="observed", n_bootstrap=20)
    bias = table[table.metric == "bias"].set_index("subgroup").value
    assert bias.tolist() == [6.5, 3.5, -3.5, -6.5]
    with pytest.raises(InputError, match="along is 'sex'"):
        error_by_age(shrunken, people, target="perceived_age", along="sex")


def test_age_bands__of_missing_ages_are_missing():
    assert age_bands(pd.Series([np.nan, 71.0])).isna().tolist() == [True, False]


def test_error_by_age__where_no_age_is_known_there_are_no_bands(simulated):
    predictions, people = simulated
    assert error_by_age(predictions, people.assign(age=np.nan), target="perceived_age", n_bootstrap=10).empty
