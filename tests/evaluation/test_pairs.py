"""All pairs of models: the same numbers as one pair at a time, intervals that hold, alone and together."""

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.evaluation import compare_models, compare_pairs
from facies.evaluation.pairs import PAIRED


def predictions_of(predicted, observed, model_id):
    return pd.DataFrame({
        "participant_id": [f"p{i:03d}" for i in range(len(predicted))], "model_id": model_id, "target": "perceived_age", "fold": 0,
        "n_photographs": 1, "predicted": predicted, "ci_low": np.nan, "ci_high": np.nan, "observed": observed, "label_weight": 1.0,
    })  # fmt: skip


def three_models(n=120, seed=0, errors=(2.0, 2.1, 5.0)):
    rng = np.random.default_rng(seed)
    observed = rng.uniform(50, 80, n)
    shared = rng.normal(0, 2, n)
    people = pd.DataFrame({"participant_id": [f"p{i:03d}" for i in range(n)], "age": observed})
    tables = [predictions_of(observed + shared + rng.normal(0, sd, n), observed, f"m{k}") for k, sd in enumerate(errors)]
    return pd.concat(tables, ignore_index=True), people


def test_compare_pairs__equals_comparing_each_pair_by_itself_families_included():
    predictions, people = three_models()
    people["family_id"] = [f"f{i // 2}" for i in range(len(people))]
    settings = {"target": "perceived_age", "n_bootstrap": 300, "random_state": 5}
    pairs = compare_pairs(predictions, people, **settings)
    assert len(pairs) == 3 * len(PAIRED)
    for (first, second), rows in pairs.groupby(["model_id", "against"]):
        alone = compare_models(predictions, people, model_id=first, against=second, **settings).set_index("metric")
        for row in rows.itertuples():
            expected = alone.loc[f"{row.metric}_difference", ["value", "ci_low", "ci_high"]].to_numpy(dtype=float)
            assert [row.difference, row.ci_low, row.ci_high] == pytest.approx(expected)


def test_compare_pairs__intervals_for_all_pairs_are_wider_and_the_clear_difference_stays_clear():
    pairs = compare_pairs(*three_models(), target="perceived_age", n_bootstrap=500)
    mae = pairs[pairs.metric == "mae"].set_index(["model_id", "against"])
    assert (mae.simultaneous_high - mae.simultaneous_low > mae.ci_high - mae.ci_low).all()
    assert mae.loc[("m0", "m2"), "simultaneous_high"] < 0
    assert mae.loc[("m0", "m2"), "p_adjusted"] < 0.01
    assert mae.loc[("m0", "m1"), "p_adjusted"] > 0.05


def test_compare_pairs__counts_only_people_whom_every_model_predicted():
    predictions, people = three_models(40)
    fewer = predictions[(predictions.model_id != "m1") | (predictions.participant_id < "p030")]
    assert set(compare_pairs(fewer, people, target="perceived_age", n_bootstrap=50).n) == {30}
    apart = predictions[(predictions.model_id == "m1") == (predictions.participant_id < "p020")]
    with pytest.raises(InputError, match="nobody was predicted by all of"):
        compare_pairs(apart, people, target="perceived_age", n_bootstrap=50)


def test_compare_pairs__has_no_rows_for_one_model():
    predictions, people = three_models(20, errors=(2.0,))
    assert compare_pairs(predictions, people, target="perceived_age", n_bootstrap=50).empty


def test_compare_pairs__intervals_hold_the_true_difference_as_often_as_they_say():
    truth = np.sqrt(2 / np.pi) * (np.sqrt(8) - np.sqrt(29))
    held = 0
    for seed in range(40):
        pairs = compare_pairs(*three_models(80, seed, errors=(2.0, 5.0)), target="perceived_age", n_bootstrap=150, random_state=seed)
        mae = pairs[pairs.metric == "mae"].iloc[0]
        held += mae.ci_low <= truth <= mae.ci_high
    assert held >= 35
