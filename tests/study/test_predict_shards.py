"""A frozen model on many photographs: predictions in shards, or one table, by either engine."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from facies.cli.app import run
from facies.errors import InputError
from facies.study.cluster.engines import EngineSettings, run_local
from facies.study.cluster.gathering import read_product
from facies.study.cluster.products import vector_columns
from facies.study.cluster.shards import plan_shards
from facies.study.extraction import extract_in_order
from facies.study.predict import list_photographs, open_model, predict_photographs, predict_shards

MODEL = "derived/models/hog+ridge.bundle"


def test_predict_shards__hold_the_rows_of_the_table_and_are_taken_up_again(finished, tmp_path):
    study, _ = finished
    made = predict_shards(study / MODEL, study / "photos", tmp_path / "out", shard_size=40, jobs=2)
    assert (made.n_photographs, made.n_shards, made.n_kept) == (90, 3, 0)
    shards = pd.concat([pq.read_table(path).to_pandas() for path in sorted((tmp_path / "out").glob("*.parquet"))], ignore_index=True)
    table = predict_photographs(study / MODEL, study / "photos", None, jobs=2).table
    assert list(shards.columns) == list(table.columns)
    assert shards.photo_id.tolist() == table.photo_id.tolist()
    np.testing.assert_allclose(shards.predicted, table.predicted, rtol=1e-12)
    assert predict_shards(study / MODEL, study / "photos", tmp_path / "out", shard_size=40).n_kept == 3
    with pytest.raises(InputError, match=r"encoders\.0\.name hog, now it is pixels"):
        predict_shards(study / MODEL.replace("hog", "pixels"), study / "photos", tmp_path / "out", shard_size=40)


def test_gathering__takes_a_shard_apart_into_what_it_was_made_from(finished):
    study, _ = finished
    manifest = list_photographs(study / "photos")
    job = open_model(study / MODEL, study / "photos", manifest, None, None, None)
    vectors = type(job)(type(job.job)(job.job.recipe), job.extractor)
    shard = plan_shards(manifest.photographs[:6], manifest.paths[:6], size=6)[0]
    done = next(run_local(vectors, [shard], EngineSettings(), lambda _: None))
    tasks = [(photograph.photo_id, photograph.place) for photograph in shard.photographs]
    again = read_product(done.product, shard.photographs, list(vector_columns(job.extractor)))
    assert [result.rows[0]["photo_id"] for result in again] == [photo_id for photo_id, _ in tasks]
    from facies.study.cluster.photographs import as_task, get_source

    direct = extract_in_order([as_task(one, get_source(one)) for one in shard.photographs], job.extractor, 1)
    for mine, theirs in zip(again, direct, strict=True):
        assert mine.face_id == theirs.face_id
        assert all(np.array_equal(a, b) for a, b in zip(mine.vectors, theirs.vectors, strict=True))
        assert [str(row.get("sharpness")) for row in mine.rows] == [str(row["sharpness"]) for row in theirs.rows]


def test_command__writes_a_table_or_shards_by_what_the_output_is(finished, tmp_path, capsys):
    study, _ = finished
    photo = str(sorted((study / "photos").iterdir())[0])
    assert run(["predict", str(study / MODEL), photo, "-o", f"{tmp_path}/out/", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_shards"] == 1
    assert (tmp_path / "out" / "predictions-00000.parquet").exists()
    assert run(["predict", str(study / MODEL), photo, "-o", f"{tmp_path}/out.tsv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_photographs"] == 1
    assert run(["predict", str(study / MODEL), photo, "-o", f"{tmp_path}/two.tsv", "--address", "auto"]) == 2
    assert "an address has no effect on the local engine" in capsys.readouterr().err
