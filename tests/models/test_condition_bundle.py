"""Bundles of conditions: what is read is what was written, it says what it is for, and it doubts what it does not know."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError, WeightsError
from facies.models import ConditionBundle, ConditionFit, cross_fit_conditions, read_any_bundle, read_bundle, write_condition_bundle
from facies.models.bundle import bundle_kind
from facies.models.classifiers import CLASSIFIERS
from facies.models.condition_bundle import WARNINGS, read_condition_bundle
from facies.records import ConditionCard, CropContract, EncoderCard
from facies.store import read_arrays

CROP = CropContract(((0.31, 0.46), (0.68, 0.46), (0.5, 0.64), (0.35, 0.82), (0.65, 0.82)), size=16, detector="facies-finder")
ENCODER = EncoderCard("six-numbers", 6, CROP, licence="Apache-2.0")
CARD = ConditionCard(
    model_id="six-numbers+logistic", target_conditions=("acromegaly", "cushing's / other"), classifier="logistic", encoder=ENCODER,
    n_participants=150, n_photographs=150, n_cases={"acromegaly": 30, "cushing's / other": 15}, sources={"clinic": 90, "web": 60},
    ages=(30.0, 70.0), quality={"sharpness": (10.0, 90.0)}, operating_points=("youden",), random_state=0, facies_version="0",
    licences=("CC0-1.0",),
)  # fmt: skip


def vectors(n: int = 150, seed: int = 0) -> tuple[np.ndarray, pd.Series]:
    names = [f"somebody-{i:03d}" for i in range(n)]
    kinds = ["acromegaly", "cushing's / other", *["control"] * 3, "acromegaly", *["control"] * 4]
    diagnosis = pd.Series([kinds[i % 10] for i in range(n)], index=names)
    X = np.random.default_rng(seed).normal(size=(n, 6))
    X[:, 0] += 2 * (diagnosis == "acromegaly").to_numpy()
    X[:, 1] += 2 * (diagnosis == "cushing's / other").to_numpy()
    return X.astype(np.float32), diagnosis


def fitted(classifier: str = "logistic") -> ConditionFit:
    X, diagnosis = vectors()
    names = list(diagnosis.index)
    folds = pd.DataFrame({"participant_id": names, "repeat": 0, "fold": np.arange(len(names)) // 10 % 5})
    return cross_fit_conditions(
        X, face_ids=names, participant_ids=names, session_ids=[None] * len(names), diagnosis=diagnosis,
        learnt_session=pd.Series(index=names, dtype=object), folds=folds, target_conditions=CARD.target_conditions, classifier=classifier,
        model_id=CARD.model_id, multiclass=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def fit() -> ConditionFit:
    return fitted()


@pytest.fixture
def folder(fit: ConditionFit, tmp_path: Path) -> Path:
    return write_condition_bundle(tmp_path / "b.bundle", fit, CARD, crop=CROP, encoder_file=None)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_bundle__what_is_read_predicts_as_what_was_written(classifier, tmp_path):
    fit = fitted(classifier)
    bundle = read_any_bundle(write_condition_bundle(tmp_path / "b.bundle", fit, CARD, crop=CROP, encoder_file=None))
    assert isinstance(bundle, ConditionBundle)
    assert (bundle.card, bundle.crop) == (CARD, CROP)
    X, _ = vectors(40, seed=1)
    table = bundle.predict_vectors(X)
    assert len(table) == 80
    for name, frozen in fit.frozen.items():
        own = table[table.target_condition == name]
        np.testing.assert_allclose(own.score, frozen.model.decision(X), rtol=1e-12)
        assert (own.positive_youden == (own.score >= frozen.thresholds["youden"])).all()
        np.testing.assert_allclose(own.probability, 1 / (1 + np.exp(-own.score)))


def test_bundle__prevalence_moves_log_odds_by_the_difference_between_the_mixes(folder):
    bundle = read_condition_bundle(folder)
    table = bundle.predict_vectors(vectors(10)[0], prevalence={"acromegaly": 0.001})
    own = table[table.target_condition == "acromegaly"]
    moved = np.log(own.probability_at_prevalence / (1 - own.probability_at_prevalence))
    np.testing.assert_allclose(moved - own.score, np.log(0.001 / 0.999) - np.log(0.2 / 0.8), rtol=1e-9)
    assert table[table.target_condition != "acromegaly"].probability_at_prevalence.isna().all()


def test_bundle__a_part_that_was_altered_or_lost_is_named(folder):
    part = folder / "condition_1.safetensors"
    part.write_bytes(part.read_bytes()[:-1] + b"\x01")
    with pytest.raises(WeightsError, match=r"condition_1\.safetensors"):
        read_condition_bundle(folder)
    part.unlink()
    with pytest.raises(WeightsError, match=r"condition_1\.safetensors is absent"):
        read_condition_bundle(folder)


def test_bundle__is_not_read_as_one_of_ages(folder):
    assert bundle_kind(folder) == "condition"
    with pytest.raises(InputError, match="predicts conditions, not age"):
        read_bundle(folder)


def test_bundle__says_that_it_is_for_research_only_and_whom_it_was_trained_on(folder):
    text = (folder / "MODEL_CARD.md").read_text()
    for words in ("Not a medical device", "acromegaly: 30 people with it, 120 others", "30 to 70 years", "web: 60 people", *WARNINGS):
        assert words in text


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_bundle__says_whether_it_holds_vectors_of_single_people(classifier, tmp_path):
    card = dataclasses.replace(CARD, classifier=classifier)
    folder = write_condition_bundle(tmp_path / "b.bundle", fitted(classifier), card, crop=CROP, encoder_file=None)
    rows = max(array.shape[0] for array in read_arrays(folder / "condition_0.safetensors")[0].values() if array.ndim == 2)
    holds = "do not hand it on" in (folder / "MODEL_CARD.md").read_text()
    assert holds == (classifier in {"svm", "gallery"}) == (rows > 6)


def test_bundle__names_nobody(folder):
    assert not any(b"somebody" in path.read_bytes() for path in folder.iterdir())


def test_bundle__a_face_unlike_all_others_is_marked(folder):
    bundle = read_condition_bundle(folder)
    X = np.concatenate([vectors(100)[0], np.full((1, 6), 40, np.float32)])
    unlike = bundle.predict_vectors(X).drop_duplicates("row").unlike_training
    assert unlike.iloc[-1]
    assert unlike.iloc[:-1].mean() < 0.05


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ""),
        ({"unlike": True}, "unlike_training"),
        ({"quality": {"sharpness": 5.0}}, "quality_outside"),
        ({"quality": {"sharpness": np.nan}}, ""),
        ({"age": 20.0}, "age_outside"),
        ({"age": None}, ""),
        ({"source": "elsewhere"}, "source_unknown"),
        ({"source": ""}, "source_unknown"),
        ({"source": None}, ""),
        ({"unlike": True, "age": 90.0, "source": "elsewhere"}, "unlike_training;age_outside;source_unknown"),
    ],
)
def test_warn__names_all_that_speaks_against_a_prediction(folder, given, words):
    ordinary = {"unlike": False, "quality": {"sharpness": 50.0}, "age": 50.0, "source": "clinic"}
    assert read_condition_bundle(folder).warn(**ordinary | given) == words
