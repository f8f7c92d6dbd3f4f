"""Frozen models of conditions on new photographs: scores, calls, doubts, and rows for photographs that cannot be used."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from facies.errors import InputError
from facies.models import cross_fit_conditions, read_bundle, write_condition_bundle
from facies.records import ConditionCard
from facies.store import read_table
from facies.study.config import read_config
from facies.study.faces import make_extractor, read_embeddings
from facies.study.predict import predict_photographs, predict_shards
from facies.tables import FACES, PARTICIPANTS, PHOTOGRAPHS

MODEL = "derived/models/hog+ridge.bundle"


@pytest.fixture(scope="module")
def bundle(finished, tmp_path_factory):
    """Freeze a model that tells the older half of a simulated study from the younger: a condition that shows."""
    study, _ = finished
    config, photographs = read_config(study), read_table(study, PHOTOGRAPHS)
    vectors = read_embeddings(study, config, photographs, make_extractor(study, config))[0]
    faces, people = read_table(study, FACES), read_table(study, PARTICIPANTS).set_index("participant_id")
    owner = photographs.set_index("photo_id").participant_id
    whose = [owner[photo_id] for photo_id in faces.set_index("face_id").photo_id[list(vectors.face_ids)]]
    diagnosis = pd.Series(np.where(people.age > people.age.median(), "old_age", "control"), index=people.index)
    order = diagnosis.sort_values(kind="stable").index
    folds = pd.DataFrame({"participant_id": order, "repeat": 0, "fold": np.arange(len(order)) % 5})
    fit = cross_fit_conditions(
        vectors.vectors, face_ids=list(vectors.face_ids), participant_ids=whose, session_ids=[None] * len(whose), diagnosis=diagnosis,
        learnt_session=pd.Series(index=people.index, dtype=object), folds=folds, target_conditions=["old_age"], model_id="hog+logistic",
        operating_points=["youden", "specificity=0.9"], multiclass=False,
    )  # fmt: skip
    aged = read_bundle(study / MODEL)
    used = faces[faces.included]
    card = ConditionCard(
        "hog+logistic", ("old_age",), "logistic", aged.card.encoder, len(people), len(used), {"old_age": 45},
        {"clinic": len(people)}, (50.0, 90.0), {"sharpness": (0.0, float(used.sharpness.median()))}, ("youden", "specificity=0.9"), 0, "0",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("bundle") / "old.bundle"
    return write_condition_bundle(folder, fit, card, crop=aged.crop, encoder_file=None)


@pytest.fixture
def listed(finished, tmp_path):
    """List ten photographs with source and age, one of them no photograph."""
    study, _ = finished
    photos = sorted((study / "photos").iterdir())[:9]
    (tmp_path / "text.jpg").write_text("no photograph")
    paths = [*map(str, photos), str(tmp_path / "text.jpg")]
    table = pd.DataFrame({"photo_id": [f"x{i}" for i in range(10)], "path": paths, "source": "clinic", "age": 60.0})
    table.loc[0, "source"] = "elsewhere"
    table.loc[1, "source"] = np.nan
    table.loc[2, "age"] = 20.0
    table.loc[3, "age"] = np.nan
    table.to_csv(tmp_path / "list.tsv", sep="\t", index=False)
    return tmp_path / "list.tsv"


def test_predict__gives_a_row_a_photograph_and_condition_with_calls_and_what_it_is_for(finished, bundle, tmp_path):
    study, _ = finished
    made = predict_photographs(bundle, study / "photos", tmp_path / "p.tsv", jobs=2, prevalence=["0.01"])
    table = pd.read_csv(tmp_path / "p.tsv", sep="\t", na_values="n/a")
    assert list(table.columns) == [
        "photo_id", "face_id", "model_id", "target_condition", "score", "probability", "probability_at_prevalence", "positive_youden",
        "positive_specificity=0.9", "warning", "included", "exclusion_reason", "intended_use",
    ]  # fmt: skip
    assert len(table) == made.n_photographs == 90
    assert table.intended_use.eq("research only").all()
    used = table[table.included]
    assert (used.probability_at_prevalence < used.probability).all()
    ages = read_table(study, PARTICIPANTS).set_index("participant_id").age
    photographs = read_table(study, PHOTOGRAPHS)
    owner = {path.split("/")[-1]: person for path, person in zip(photographs.path, photographs.participant_id, strict=True)}
    old = ages[used.photo_id.map(owner)].to_numpy() > ages.median()
    called = used["positive_youden"].astype(str).eq("True").to_numpy()
    assert (called == old).mean() > 0.8
    assert json.dumps(made.as_dict())


def test_predict__doubts_source_age_and_quality_that_the_model_does_not_know(bundle, listed):
    table = predict_photographs(bundle, listed, None).table.set_index("photo_id")
    words = {name: set() if isinstance(text, float) else set(text.split(";")) for name, text in table.warning.items()}
    assert {name for name, found in words.items() if "source_unknown" in found} == {"x0", "x1"}
    assert {name for name, found in words.items() if "age_outside" in found} == {"x2"}
    doubted = sum("quality_outside" in found for found in words.values())
    assert 0 < doubted < 9
    assert np.isnan(table.warning["x9"])
    assert table.exclusion_reason["x9"] == "unknown_format"
    assert np.isnan(table.score["x9"])
    assert table.positive_youden.isna().to_dict() == {name: name == "x9" for name in table.index}


def test_predict__a_folder_says_nothing_of_sources_and_is_not_doubted_for_that(finished, bundle):
    table = predict_photographs(bundle, finished[0] / "photos", None, jobs=2).table
    assert not table.warning.fillna("").str.contains("source_unknown|age_outside").any()


def test_predict__shards_hold_the_same_rows(bundle, listed, tmp_path):
    whole = predict_photographs(bundle, listed, None, prevalence=["old_age=0.2"]).table
    predict_shards(bundle, listed, tmp_path / "shards", shard_size=4, prevalence=["old_age=0.2"])
    parts = pd.concat([pq.read_table(path).to_pandas() for path in sorted((tmp_path / "shards").glob("*.parquet"))], ignore_index=True)
    np.testing.assert_allclose(parts.score.astype(float), whole.score, rtol=1e-6)
    np.testing.assert_allclose(parts.probability_at_prevalence.astype(float), whole.probability_at_prevalence, rtol=1e-6)
    assert parts.warning.fillna("").tolist() == whole.warning.fillna("").tolist()
    assert parts.positive_youden.tolist()[:9] == whole.positive_youden.tolist()[:9]
    with pytest.raises(InputError, match=r"made with prevalence\.old_age 0\.2, now it is 0\.3"):
        predict_shards(bundle, listed, tmp_path / "shards", shard_size=4, prevalence=["old_age=0.3"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("2", "give a share between 0 and 1"),
        ("gout=0.1", "knows old_age, name one of these"),
        ("old_age=x", "give a share between 0 and 1"),
    ],
)
def test_predict__a_prevalence_that_makes_no_sense_is_one_line(bundle, listed, given, words):
    with pytest.raises(InputError, match=words):
        predict_photographs(bundle, listed, None, prevalence=[given])


def test_predict__a_model_of_ages_takes_no_prevalence(finished):
    with pytest.raises(InputError, match="which no prevalence changes: leave --prevalence out"):
        predict_photographs(finished[0] / MODEL, finished[0] / "photos", None, prevalence=["0.1"])


def test_predict__an_age_in_the_list_that_is_no_number_is_named_with_its_row(bundle, listed):
    listed.write_text(listed.read_text().replace("20.0", "young"))
    with pytest.raises(InputError, match=r"line 4.*age"):
        predict_photographs(bundle, listed, None)
