"""Repeated cross-fitting of conditions: no leakage, joined by identifier, thresholds fixed elsewhere than they are judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.models import cross_fit_conditions, cross_fit_severity
from facies.stats.auc import auc

RULES = ("youden", "sensitivity=0.9")


def study(
    n: int = 120, p: int = 8, *, photographs: int = 1, signal: float = 2.5, seed: int = 0, repeats: int = 1, noise: float = 0.3,
) -> dict[str, Any]:  # fmt: skip
    """Arguments of a cross-fit: one in five has acromegaly, one in ten Cushing's syndrome, seen in the first and second column."""
    rng = np.random.default_rng(seed)
    names = [f"p{i:03d}" for i in range(n)]
    kinds = ["acromegaly", "acromegaly", "cushing", *["control"] * 7]
    diagnosis = pd.Series([kinds[i % 10] for i in range(n)], index=names)
    latent = rng.normal(size=(n, p))
    for column, name in enumerate(("acromegaly", "cushing")):
        latent[:, column] += signal * (diagnosis == name).to_numpy()
    owner = np.repeat(np.arange(n), photographs)
    folds = []
    for repeat in range(repeats):
        dealt = np.empty(n, dtype=int)
        for kind in sorted(set(diagnosis)):
            rows = rng.permutation(np.flatnonzero(diagnosis == kind))
            dealt[rows] = np.arange(len(rows)) % 5
        folds.append(pd.DataFrame({"participant_id": names, "repeat": repeat, "fold": dealt}))
    return {
        "X": (latent[owner] + rng.normal(scale=noise, size=(len(owner), p))).astype(np.float32),
        "face_ids": [f"{names[i]}_{k:04d}" for k, i in enumerate(owner)],
        "participant_ids": [names[i] for i in owner],
        "session_ids": [None] * len(owner),
        "diagnosis": diagnosis,
        "learnt_session": pd.Series(index=names, dtype=object),
        "folds": pd.concat(folds, ignore_index=True),
        "target_conditions": ["acromegaly", "cushing"],
        "model_id": "demo",
        "operating_points": RULES,
        "multiclass": False,
    }


def area(fit: Any, condition: str = "acromegaly") -> float:
    own = fit.scores[fit.scores.target_condition == condition]
    return float(np.mean([auc(part.score, part.observed) for _, part in own.groupby("repeat")]))


def scores_of(fit: Any) -> pd.DataFrame:
    return fit.face_scores.set_index(["face_id", "target_condition", "repeat"]).sort_index()


def test_planted_signal__is_found_for_each_condition_against_all_others():
    fit = cross_fit_conditions(**study(300, repeats=2))
    true = 0.961  # of two normal classes 2.5 / (1 + 0.3²)**0.5 standard deviations apart
    assert area(fit) == pytest.approx(true, abs=0.03)
    assert area(fit, "cushing") == pytest.approx(true, abs=0.04)
    with_the_other = fit.scores[(fit.scores.target_condition == "acromegaly") & fit.scores.participant_id.str.endswith("2")]
    assert with_the_other.observed.eq(0).all()


@pytest.mark.parametrize("classifier", ["logistic", "lda", "svm"])
def test_random_labels__give_an_area_about_one_half(classifier):
    found = [
        area(cross_fit_conditions(**study(100, 20, signal=0.0, seed=seed) | {"target_conditions": ["acromegaly"]}, classifier=classifier))
        for seed in range(12)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=3 * np.std(found) / np.sqrt(len(found)))


def test_random_labels__near_identical_photographs_of_a_person_do_not_help():
    found = [
        area(
            cross_fit_conditions(**study(100, 60, photographs=2, signal=0.0, noise=1e-3, seed=seed) | {"target_conditions": ["acromegaly"]})
        )
        for seed in range(12)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_repeating_a_photograph__changes_nothing():
    once = study(100, seed=1)
    twice = once | {
        "X": np.concatenate([once["X"], once["X"]]),
        "face_ids": [*once["face_ids"], *(f"{name}_again" for name in once["face_ids"])],
        "participant_ids": once["participant_ids"] * 2,
        "session_ids": once["session_ids"] * 2,
    }
    before, after = (cross_fit_conditions(**given).scores for given in (once, twice))
    np.testing.assert_allclose(after.score, before.score, atol=1e-4)
    assert after.n_photographs.eq(2).all()


def test_order_of_rows__changes_nothing():
    given = study(80, photographs=2, seed=2) | {"multiclass": True}
    order = np.random.default_rng(0).permutation(len(given["X"]))
    shuffled = given | {"X": given["X"][order], "folds": given["folds"].sample(frac=1, random_state=0)}
    shuffled |= {name: [given[name][row] for row in order] for name in ("face_ids", "participant_ids", "session_ids")}
    first, second = cross_fit_conditions(**given), cross_fit_conditions(**shuffled)
    pd.testing.assert_frame_equal(first.scores, second.scores)
    pd.testing.assert_frame_equal(first.classes, second.classes)
    pd.testing.assert_frame_equal(first.operating_points, second.operating_points)


def test_fold__neither_its_model_nor_its_threshold_knows_its_people():
    """Diagnoses are exchanged, and vectors changed, within fold 0 alone: all that was fitted without it stays to the last bit."""
    given = study(120, seed=3) | {"multiclass": True}
    fold = given["folds"].set_index("participant_id").fold
    own = [name for name in given["diagnosis"].index if fold[name] == 0]
    changed = given["diagnosis"].copy()
    changed[own] = np.roll(changed[own].to_numpy(), 1)
    moved = given["X"] + np.array([[5.0 if fold[name] == 0 else 0.0] for name in given["participant_ids"]], dtype=np.float32)
    before, after = cross_fit_conditions(**given), cross_fit_conditions(**given | {"diagnosis": changed, "X": moved})
    first, second = (fit.operating_points[fit.operating_points.fold == 0].reset_index(drop=True) for fit in (before, after))
    pd.testing.assert_frame_equal(first, second)
    for name in given["target_conditions"]:
        np.testing.assert_array_equal(
            before.fold_models[name, 0, 0].decision(given["X"]), after.fold_models[name, 0, 0].decision(given["X"])
        )
    others = (fit.operating_points[fit.operating_points.fold == 1].threshold.to_numpy() for fit in (before, after))
    assert not np.array_equal(*others)


def test_log_odds__do_not_depend_on_how_many_cases_a_fold_has():
    """Without signal a fold with more cases leaves fewer to learn from; all people still get the study's share."""
    given = study(100, signal=0.0, seed=4) | {"target_conditions": ["acromegaly"], "class_weights": False}
    cases = given["diagnosis"].index[given["diagnosis"] == "acromegaly"]
    folds = given["folds"].set_index("participant_id")
    folds.loc[cases, "fold"] = [0] * 8 + [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3
    fit = cross_fit_conditions(**given | {"folds": folds.reset_index()})
    by_fold = fit.scores.groupby("fold").probability.mean()
    assert by_fold.to_numpy() == pytest.approx(0.2, abs=0.05)


def test_probability__adds_up_to_the_number_of_cases_with_class_weights_or_without():
    for class_weights in (True, False):
        fit = cross_fit_conditions(**study(300, seed=5, signal=1.5), class_weights=class_weights)
        own = fit.scores[fit.scores.target_condition == "acromegaly"]
        assert own.probability.mean() == pytest.approx(0.2, abs=0.03)


def test_other_sessions__are_scored_by_the_model_that_never_saw_the_person_and_are_not_learnt_from():
    given = study(100, photographs=2, seed=6)
    later = [k % 2 == 1 for k in range(len(given["X"]))]
    given |= {
        "session_ids": ["s2" if is_later else "s1" for is_later in later],
        "learnt_session": pd.Series("s1", index=given["diagnosis"].index),
    }
    moved = given["X"] + 3 * np.array(later, dtype=np.float32)[:, None]
    before, after = cross_fit_conditions(**given), cross_fit_conditions(**given | {"X": moved})
    first, second = (fit.scores[fit.scores.learnt_from] for fit in (before, after))
    np.testing.assert_array_equal(first.score, second.score)
    others = before.scores[~before.scores.learnt_from]
    assert set(others.session_id) == {"s2"}
    assert others.observed.isna().all()
    row = others.iloc[0]
    face = given["face_ids"][given["participant_ids"].index(row.participant_id) + 1]
    vector = given["X"][given["face_ids"].index(face)][None]
    assert before.fold_models[row.target_condition, 0, row.fold].decision(vector)[0] == pytest.approx(row.score)


def test_people_in_no_fold__are_scored_by_the_mean_over_all_folds_models():
    given = study(100, seed=7)
    given["folds"] = given["folds"].assign(fold=given["folds"].fold.mask(given["folds"].participant_id == "p009", -1))
    fit = cross_fit_conditions(**given)
    models = [model for (name, repeat, _), model in fit.fold_models.items() if name == "acromegaly" and repeat == 0]
    vector = given["X"][given["participant_ids"].index("p009")][None]
    row = fit.scores[(fit.scores.participant_id == "p009") & (fit.scores.target_condition == "acromegaly")].iloc[0]
    assert row.fold == -1
    assert row.score == pytest.approx(np.mean([model.decision(vector)[0] for model in models]))


def test_weight_nought__leaves_a_person_out_of_every_model():
    given = study(100, seed=8)
    weights = pd.Series(1.0, index=given["diagnosis"].index)
    weights["p009"] = 0.0
    folds = given["folds"].assign(fold=given["folds"].fold.mask(given["folds"].participant_id == "p009", -1))
    moved = given["X"].copy()
    moved[given["participant_ids"].index("p009")] += 50
    first, second = (cross_fit_conditions(**given | {"folds": folds, "X": X}, weights=weights).scores for X in (given["X"], moved))
    others = first.participant_id != "p009"
    np.testing.assert_array_equal(first[others].score, second[others].score)


def test_repeats__have_folds_and_thresholds_of_their_own_and_the_frozen_model_their_medians():
    fit = cross_fit_conditions(**study(120, repeats=3, seed=9))
    assert fit.operating_points.groupby(["target_condition", "rule"]).size().eq(15).all()
    points = fit.operating_points[fit.operating_points.target_condition == "cushing"]
    frozen = fit.frozen["cushing"].thresholds
    assert frozen == pytest.approx(points.groupby("rule").threshold.median().to_dict())
    assert set(frozen) == set(RULES)
    assert {repeat for _, repeat, _ in fit.fold_models} == {0, 1, 2}
    wide = fit.scores.pivot_table(index=["participant_id", "target_condition"], columns="repeat", values="score")
    assert (wide[0] - wide[1]).abs().mean() > 0.01


def test_classes__of_one_model_add_up_and_find_the_planted_ones():
    fit = cross_fit_conditions(**study(200, seed=10, signal=4.0) | {"multiclass": True})
    wide = fit.classes.pivot_table(index="participant_id", columns="diagnosis", values="probability")
    np.testing.assert_allclose(wide.sum(axis=1), 1)
    observed = fit.classes.drop_duplicates("participant_id").set_index("participant_id").observed.reindex(wide.index)
    assert (wide.idxmax(axis=1) == observed).mean() > 0.9


def test_family__in_two_folds_is_refused():
    given = study(100)
    groups = pd.Series(np.repeat([f"f{i}" for i in range(50)], 2), index=given["diagnosis"].index)
    with pytest.raises(InputError, match="stands in several folds: assign folds by family"):
        cross_fit_conditions(**given, groups=groups)


def test_bad_studies__are_one_line_that_says_what_to_do():
    given = study(60)
    with pytest.raises(InputError, match="gigantism: cases and others are both needed"):
        cross_fit_conditions(**given | {"target_conditions": ["gigantism"]})
    few = given["diagnosis"].replace("cushing", "control")
    few[:4] = "cushing"
    with pytest.raises(InputError, match=r"cushing, without fold \d: logistic was left \d cases to learn from and needs 5"):
        cross_fit_conditions(**given | {"diagnosis": few})
    with pytest.raises(InputError, match="a vector holds a value that is not a finite number"):
        cross_fit_conditions(**given | {"X": np.full_like(given["X"], np.nan)})
    with pytest.raises(InputError, match="nobody with a photograph has a fold"):
        cross_fit_conditions(**given | {"folds": given["folds"].assign(participant_id=[f"q{i}" for i in range(60)])})
    with pytest.raises(InputError, match="a face_id stands twice"):
        cross_fit_conditions(**given | {"face_ids": ["same"] * 60})


def graded(n: int = 150, *, effect: float = 1.5, seed: int = 0) -> dict[str, Any]:
    """Arguments of a cross-fit of severity: all have the disease, three grades, seen in the first column."""
    given = study(n, signal=0.0, seed=seed)
    names = given["diagnosis"].index
    grade = pd.Series((np.arange(n) // 10 % 3).astype(float), index=names)
    given["X"][:, 0] += effect * grade[given["participant_ids"]].to_numpy()
    kept = ("X", "face_ids", "participant_ids", "session_ids", "learnt_session", "folds", "model_id")
    return {name: given[name] for name in kept} | {"diagnosis": pd.Series("x", index=names), "severity": grade, "condition": "x"}


def test_severity__is_found_where_it_shows_and_not_where_it_does_not():
    found = cross_fit_severity(**graded()).participant_predictions
    assert found.predicted.corr(found.observed, method="spearman") > 0.6
    assert found.predicted.between(0, 2).all()
    assert ((found.ci_low <= found.observed) & (found.observed <= found.ci_high)).mean() > 0.9
    nothing = [cross_fit_severity(**graded(effect=0.0, seed=seed)).participant_predictions for seed in range(6)]
    assert np.mean([table.predicted.corr(table.observed) for table in nothing]) == pytest.approx(0, abs=0.12)


def test_severity__of_somebody_without_a_grade_is_predicted_but_of_others_not():
    given = graded()
    given["severity"] = given["severity"].drop("p003")
    given["diagnosis"] = given["diagnosis"].copy()
    given["diagnosis"]["p004"] = "control"
    table = cross_fit_severity(**given).participant_predictions.set_index("participant_id")
    assert np.isnan(table.observed["p003"])
    assert "p004" not in table.index
    assert table.target.eq("severity:x").all()


def test_severity__with_too_few_people_or_one_grade_is_left_out_and_says_why():
    few = cross_fit_severity(**graded(20))
    assert few.participant_predictions.empty
    assert few.note == "x: severity was not learnt, 15 people with a grade to learn from and 20 needed"
    one = graded()
    assert "all people to learn from have one grade" in cross_fit_severity(**one | {"severity": one["severity"] * 0}).note
