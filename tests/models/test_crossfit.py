"""Cross-fitting: no leakage, joined by identifier, people counted once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.models import cross_fit


def cohort(n: int = 100, p: int = 8, *, photographs: int = 1, noise: float = 3.0, seed: int = 0) -> dict[str, Any]:
    """Arguments of a cross-fit over people whose vectors are a latent position with a little noise a photograph."""
    rng = np.random.default_rng(seed)
    names = [f"p{i:03d}" for i in range(n)]
    latent = rng.normal(size=(n, p))
    labels = 50 + latent[:, 0] * 6 + latent[:, 1] * 6 + rng.normal(scale=noise, size=n)
    owner = np.repeat(np.arange(n), photographs)
    X = (latent[owner] + rng.normal(scale=0.1, size=(len(owner), p))).astype(np.float32)
    return {
        "X": X,
        "face_ids": [f"{names[i]}_{k}_f1" for k, i in enumerate(owner)],
        "participant_ids": [names[i] for i in owner],
        "y_by_participant": pd.Series(labels, index=names),
        "folds": pd.Series(rng.permutation(n) % 5, index=names),
        "model_id": "demo",
        "target": "perceived_age",
    }


def correlation(table: pd.DataFrame) -> float:
    return float(np.corrcoef(table.predicted, table.observed)[0, 1])


def test_cross_fit__recovers_the_known_share_of_explained_variance():
    table = cross_fit(**cohort(1500, noise=6.0)).participant_predictions
    explained = 1 - ((table.observed - table.predicted) ** 2).sum() / ((table.observed - table.observed.mean()) ** 2).sum()
    assert explained == pytest.approx(72 / (72 + 36), abs=0.04)


def test_cross_fit__equals_a_plain_loop_over_the_folds():
    from facies.models import RidgeAge

    given = cohort(60, photographs=2)
    table = cross_fit(**given, settings={"alpha": 3.0}).predictions.set_index("face_id")
    owner = np.array(given["participant_ids"])
    fold = given["folds"][owner].to_numpy()
    y = given["y_by_participant"][owner].to_numpy()
    for k in range(5):
        loop = RidgeAge(alpha=3.0).fit(given["X"][fold != k], y[fold != k], sample_weight=np.full((fold != k).sum(), 0.5))
        here = np.array(given["face_ids"])[fold == k]
        assert table.predicted[here].to_numpy() == pytest.approx(loop.predict(given["X"][fold == k]), abs=1e-9)
        assert (table.fold[here] == k).all()


def test_cross_fit__random_labels_of_relatives_are_not_learnt_when_families_are_kept_together():
    rng = np.random.default_rng(3)
    given = cohort(200, 60)
    family = np.arange(200) // 4
    given["X"] = rng.normal(size=(50, 60))[family].astype(np.float32) + 0.01 * given["X"]
    given["y_by_participant"] = pd.Series(rng.normal(50, 10, size=50)[family], index=given["y_by_participant"].index)
    families = pd.Series([f"f{k}" for k in family], index=given["y_by_participant"].index)
    together = cross_fit(**{**given, "folds": pd.Series(family % 5, index=families.index)}, groups=families)
    apart = cross_fit(**given)
    assert abs(correlation(together.participant_predictions)) < 0.3
    assert correlation(apart.participant_predictions) > 0.9


def test_cross_fit__shuffled_rows_give_identical_tables():
    given = cohort(60, photographs=2)
    order = np.random.default_rng(5).permutation(120)
    shuffled = {
        **given,
        "X": given["X"][order],
        "face_ids": [given["face_ids"][i] for i in order],
        "participant_ids": [given["participant_ids"][i] for i in order],
        "y_by_participant": given["y_by_participant"].sample(frac=1, random_state=1),
        "folds": given["folds"].sample(frac=1, random_state=2),
    }
    first, second = cross_fit(**given), cross_fit(**shuffled)
    pd.testing.assert_frame_equal(first.predictions, second.predictions, check_exact=True)
    pd.testing.assert_frame_equal(first.participant_predictions, second.participant_predictions, check_exact=True)
    pd.testing.assert_frame_equal(first.chosen, second.chosen, check_exact=True)


def test_cross_fit__repeating_every_photograph_changes_nothing_for_the_person():
    given = cohort(60)
    repeated = {
        **given,
        "X": np.r_[given["X"], given["X"]],
        "face_ids": given["face_ids"] + [f"{name}_again" for name in given["face_ids"]],
        "participant_ids": given["participant_ids"] * 2,
    }
    once, twice = cross_fit(**given).participant_predictions, cross_fit(**repeated).participant_predictions
    for column in ("predicted", "ci_low", "ci_high"):
        assert twice[column].to_numpy() == pytest.approx(once[column].to_numpy(), abs=1e-8)
    assert (twice.n_photographs == 2).all()


def test_cross_fit__a_person_is_the_mean_of_the_photographs():
    given = cohort(40, photographs=3)
    fit = cross_fit(**given)
    owner = dict(zip(given["face_ids"], given["participant_ids"], strict=True))
    means = fit.predictions.groupby(fit.predictions.face_id.map(owner)).predicted.mean()
    assert fit.participant_predictions.set_index("participant_id").predicted.to_numpy() == pytest.approx(means.to_numpy())


def test_cross_fit__readings_weigh_a_label_relative_to_the_mean():
    given = cohort(60)
    names = given["y_by_participant"].index
    readings = pd.Series(np.arange(1, 61, dtype=float), index=names)
    table = cross_fit(**given, weight_by_participant=readings).participant_predictions
    assert table.label_weight.mean() == pytest.approx(1)
    assert table.label_weight.iloc[-1] / table.label_weight.iloc[0] == pytest.approx(60)
    tenfold = cross_fit(**given, weight_by_participant=10 * readings).participant_predictions
    assert tenfold.predicted.to_numpy() == pytest.approx(table.predicted.to_numpy(), abs=1e-9)


def test_cross_fit__people_without_label_are_predicted_by_the_model_fitted_on_all():
    given = cohort(60)
    given["y_by_participant"] = given["y_by_participant"].copy()
    given["y_by_participant"].iloc[:5] = np.nan
    fit = cross_fit(**given)
    unlabelled = fit.predictions.iloc[:5]
    assert (unlabelled.fold == -1).all()
    frozen = fit.frozen.predict_vectors(given["X"][:5])
    for column in ("predicted", "ci_low", "ci_high"):
        assert unlabelled[column].to_numpy() == pytest.approx(frozen[column].to_numpy(), abs=1e-10)
    assert fit.participant_predictions.observed.isna().sum() == 5
    assert fit.frozen.training.n_participants == 55


def test_cross_fit__a_person_without_label_is_predicted_without_the_relatives():
    given = cohort(60)
    names = given["y_by_participant"].index
    given["y_by_participant"] = given["y_by_participant"].where(names != "p000")
    families = pd.Series(np.nan, index=names, dtype=object)
    families[["p000", "p001"]] = "f1"
    table = cross_fit(**given, groups=families).participant_predictions.set_index("participant_id")
    assert table.fold["p000"] == given["folds"]["p001"]


def test_cross_fit__labelled_people_in_no_fold_are_held_out():
    given = cohort(60)
    given["folds"] = given["folds"].where(given["folds"] > 0, -1)
    changed = {**given, "y_by_participant": given["y_by_participant"].where(given["folds"] >= 0, 999.0)}
    first, second = cross_fit(**given).participant_predictions, cross_fit(**changed).participant_predictions
    assert first.predicted.equals(second.predicted)
    assert second.observed[second.fold == -1].eq(999.0).all()


def test_cross_fit__a_label_moves_no_prediction_of_its_own_fold_and_not_the_own_interval():
    given = cohort(60)
    labels = given["y_by_participant"].copy()
    labels["p010"] += 40
    first = cross_fit(**given, settings={"alpha": 5.0}).participant_predictions.set_index("participant_id")
    second = cross_fit(**{**given, "y_by_participant": labels}, settings={"alpha": 5.0}).participant_predictions.set_index("participant_id")
    own_fold = first.fold == first.fold["p010"]
    assert first.predicted[own_fold].equals(second.predicted[own_fold])
    assert not first.predicted[~own_fold].equals(second.predicted[~own_fold])


def wrong(change: str) -> dict[str, Any]:
    given = cohort(20)
    names = given["y_by_participant"].index
    families = pd.Series(["f1"] * 6 + [f"g{i}" for i in range(14)], index=names)
    changes: dict[str, dict[str, Any]] = {
        "family": {"groups": families},
        "one fold": {"folds": given["folds"] * 0},
        "folds": {"folds": pd.Series(range(20), index=names), "y_by_participant": given["y_by_participant"].iloc[:7]},
        "equal": {"y_by_participant": given["y_by_participant"] * 0 + 40},
        "nan": {"X": np.where(np.arange(20)[:, None] == 3, np.nan, given["X"])},
        "no y": {"y_by_participant": given["y_by_participant"] * np.nan},
        "no fold": {"folds": given["folds"].iloc[1:]},
        "weight": {"weight_by_participant": pd.Series(0.0, index=names)},
        "twice": {"face_ids": ["a"] * 20},
        "y twice": {"y_by_participant": pd.concat([given["y_by_participant"]] * 2)},
        "lengths": {"face_ids": given["face_ids"][1:]},
        "regressor": {"regressor": "forest"},
        "setting": {"settings": {"gamma": 1}},
    }
    return {**given, **changes[change]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("family", "family f1 stands in . folds: assign folds by family"),
        ("one fold", "all labelled people are in one fold"),
        ("folds", "7 labelled people or families for 20 folds: choose at most 7"),
        ("equal", "all labels are 40: there is nothing to learn"),
        ("nan", "1 vectors hold a value that is not a finite number, the first of p003_3_f1"),
        ("no y", "nobody with a photograph has both a label and a fold"),
        ("no fold", "1 people with a label have no fold, the first is p000"),
        ("weight", "the label of participant p000 has the weight 0.0"),
        ("twice", "face_id a stands twice"),
        ("y twice", "labels name participant p000 twice"),
        ("lengths", "give one of each a face"),
        ("regressor", "there is no regressor 'forest': choose ridge, svr, label_distribution"),
        ("setting", "ridge has no setting 'gamma': choose alpha, n_inner_folds"),
    ],
)
def test_cross_fit__refuses_what_cannot_be_right(change, message):
    with pytest.raises(InputError, match=message):
        cross_fit(**wrong(change))


def test_fold_predictions__are_those_of_a_plain_loop_for_people_on_whom_no_model_is_fitted():
    from facies.models import RidgeAge

    given = cohort(60, photographs=2)
    given["y_by_participant"].iloc[50:] = np.nan
    given["folds"].iloc[55:] = -1
    found = cross_fit(**given, settings={"alpha": 3.0}).fold_predictions
    assert found.groupby("participant_id").fold.apply(list).to_dict() == {f"p{i:03d}": [0, 1, 2, 3, 4] for i in range(50, 60)}
    owner = np.array(given["participant_ids"])
    fold = given["folds"][owner].to_numpy()
    y = given["y_by_participant"][owner].to_numpy()
    for k in range(5):
        rows = (fold != k) & np.isfinite(y)
        loop = RidgeAge(alpha=3.0).fit(given["X"][rows], y[rows], sample_weight=np.full(rows.sum(), 0.5))
        here = found[found.fold == k].set_index("participant_id").predicted
        for person in here.index:
            assert here[person] == pytest.approx(loop.predict(given["X"][owner == person]).mean(), abs=1e-9)


def test_fold_predictions__a_relative_of_someone_who_trains_is_predicted_by_the_fold_without_the_relative_only():
    given = cohort(60)
    given["y_by_participant"].iloc[59] = np.nan
    families = pd.Series(np.nan, index=given["y_by_participant"].index, dtype=object)
    families.iloc[[3, 59]] = "f1"
    found = cross_fit(**given, groups=families)
    assert found.fold_predictions.fold.tolist() == [given["folds"]["p003"]]
    own = found.participant_predictions.set_index("participant_id").predicted["p059"]
    assert found.fold_predictions.predicted[0] == pytest.approx(own)


def test_fold_predictions__are_empty_when_everybody_trains():
    assert cross_fit(**cohort(60)).fold_predictions.empty


def fitted_elsewhere(given: dict[str, Any]) -> dict[int, Any]:
    from facies.models import FittedFold, RidgeAge, training_faces

    who = {name: given[name] for name in given if name not in ("X", "model_id", "target")}
    return {
        fold: FittedFold(
            given["X"], RidgeAge(alpha=3.0).fit(given["X"][faces.rows], faces.y, sample_weight=faces.weights, groups=faces.groups)
        )
        for fold, faces in training_faces(**who).items()
    }


def test_cross_fit_fitted__models_fitted_elsewhere_on_the_named_faces_give_the_same_tables():
    from facies.models import cross_fit_fitted

    given = cohort(60, photographs=2)
    given["y_by_participant"].iloc[50:] = np.nan
    given["weight_by_participant"] = pd.Series(np.arange(1.0, 61), index=given["y_by_participant"].index)
    shuffled = np.random.default_rng(5).permutation(120)
    given |= {"X": given["X"][shuffled]} | {name: [given[name][i] for i in shuffled] for name in ("face_ids", "participant_ids")}
    whole = cross_fit(**given, settings={"alpha": 3.0})
    who = {name: value for name, value in given.items() if name != "X"}
    apart = cross_fit_fitted(fitted_elsewhere(given), **who, regressor="ridge")
    for name in ("predictions", "participant_predictions", "fold_predictions", "chosen"):
        pd.testing.assert_frame_equal(getattr(apart, name), getattr(whole, name), rtol=1e-9)
    assert apart.frozen.calibration.participant == pytest.approx(whole.frozen.calibration.participant)


def test_cross_fit_fitted__every_fold_needs_its_model():
    from facies.models import cross_fit_fitted

    given = cohort(20)
    fitted = fitted_elsewhere(given)
    who = {name: value for name, value in given.items() if name != "X"}
    with pytest.raises(InputError, match=r"models of the folds \[-1, 1, 2, 3, 4\], the people have \[-1, 0, 1, 2, 3, 4\]"):
        cross_fit_fitted({fold: each for fold, each in fitted.items() if fold != 0}, **who, regressor="ridge")
    with pytest.raises(InputError, match="no model was fitted on all people"):
        cross_fit_fitted({fold: each for fold, each in fitted.items() if fold != -1}, **who, regressor="ridge")
