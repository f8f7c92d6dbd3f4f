"""Models of part of the people: the whole is the cross-fit, nobody predicts themselves, errors fall as theory says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.models import cross_fit
from facies.models.subsets import predict_by_labels, predict_by_subsets


def cohort(n: int = 60, p: int = 6, *, photographs: int = 1, noise: float = 3.0, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    names = [f"p{i:03d}" for i in range(n)]
    latent = rng.normal(size=(n, p))
    owner = np.repeat(np.arange(n), photographs)
    X = (latent[owner] + rng.normal(scale=0.1 * (photographs > 1), size=(len(owner), p))).astype(np.float32)
    return {
        "X": X,
        "face_ids": [f"{names[i]}_{k:03d}" for k, i in enumerate(owner)],
        "participant_ids": [names[i] for i in owner],
        "y_by_participant": pd.Series(50 + latent @ np.full(p, 6 / np.sqrt(p)) + rng.normal(scale=noise, size=n), index=names),
        "folds": pd.Series(rng.permutation(n) % 5, index=names),
    }


@pytest.mark.parametrize(("p", "photographs"), [(6, 2), (80, 1)])
def test_subsets__of_all_people_are_the_cross_fit(p, photographs):
    given = cohort(p=p, photographs=photographs)
    weights = pd.Series(np.arange(60) % 4 + 1.0, index=given["y_by_participant"].index)
    found = predict_by_subsets(**given, weight_by_participant=weights, sizes=[20, 48], n_repeats=2)
    table = cross_fit(**given, weight_by_participant=weights, model_id="m", target="perceived_age").participant_predictions
    assert found.participant_ids == table.participant_id.tolist()
    assert found.predicted[:, 1, 0] == pytest.approx(table.predicted.to_numpy(), abs=1e-8)
    assert (found.predicted[:, 1, 0] == found.predicted[:, 1, 1]).all()
    assert not np.allclose(found.predicted[:, 0, 0], found.predicted[:, 0, 1])


def test_subsets__nobody_is_predicted_from_their_own_label():
    given = cohort()
    given["X"] = np.eye(60, dtype=np.float32)
    moved = given | {"y_by_participant": given["y_by_participant"].copy()}
    moved["y_by_participant"].iloc[7] += 100
    fold = given["folds"].iloc[7]
    mates = (given["folds"] == fold).to_numpy()
    before, after = (predict_by_subsets(**each, sizes=[20, 48], n_repeats=2).predicted for each in (given, moved))
    assert after[mates] == pytest.approx(before[mates])


def test_subsets__do_not_depend_on_the_order_of_the_rows():
    given = cohort()
    order = np.random.default_rng(1).permutation(60)
    shuffled = given | {name: [given[name][i] for i in order] for name in ("face_ids", "participant_ids")} | {"X": given["X"][order]}
    one, other = (predict_by_subsets(**each, sizes=[20], n_repeats=1) for each in (given, shuffled))
    assert one.predicted == pytest.approx(other.predicted)


def test_subsets__excess_error_of_linear_gaussian_data_is_that_of_least_squares():
    p, noise, sizes = 12, 3.0, [30, 60, 120, 240]
    squares = []
    for seed in range(3):
        given = cohort(300, p, noise=noise, seed=seed)
        found = predict_by_subsets(**given, sizes=sizes, n_repeats=2, random_state=seed)
        squares.append(((found.predicted - given["y_by_participant"].to_numpy()[:, None, None]) ** 2).mean(axis=(0, 2)))
    error = np.mean(squares, axis=0)
    assert (np.diff(error) < 0).all()
    excess = error[:-1] - error[-1]
    room = np.array(sizes) - p - 2  # least squares with an intercept and p random columns
    theory = noise**2 * p * (1 / room[:-1] - 1 / room[-1])
    assert excess == pytest.approx(theory, rel=0.35)


def test_labels__equal_labels_give_what_all_people_give_and_noise_costs():
    given = cohort()
    y = given["y_by_participant"]
    rng = np.random.default_rng(0)
    ones = pd.Series(1.0, index=y.index)
    labels = {1: pd.DataFrame({k: y + rng.normal(scale=12, size=60) for k in range(2)}), 30: pd.DataFrame({0: y, 1: y})}
    found = predict_by_labels(**given, labels=labels, weights={1: ones, 30: ones}).predicted
    whole = predict_by_subsets(**given, sizes=[48], n_repeats=1).predicted[:, 0, 0]
    assert found[:, 1, 0] == pytest.approx(whole, abs=1e-8)
    errors = np.abs(found - y.to_numpy()[:, None, None]).mean(axis=(0, 2))
    assert errors[0] > errors[1] + 0.5


def test_subsets__bad_input_is_refused_in_one_line():
    given = cohort()
    with pytest.raises(InputError, match="choose 10 or more"):
        predict_by_subsets(**given, sizes=[5])
    y = given["y_by_participant"]
    with pytest.raises(InputError, match="no label or weight of size 3"):
        predict_by_labels(**given, labels={3: pd.DataFrame({0: y.iloc[:-1]})}, weights={3: y})
