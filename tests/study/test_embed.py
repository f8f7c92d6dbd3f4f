"""Vectors of many photographs: the same bytes whoever computes them, and an earlier run taken up where it stopped."""

from __future__ import annotations

import errno
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from facies.cli.app import run
from facies.errors import InputError, StoreError, TableError
from facies.simulation import simulate_faces
from facies.store import read_table
from facies.study.cluster import photographs as sources
from facies.study.cluster.photographs import Photograph, get_source
from facies.study.cluster.places import open_folder
from facies.study.cluster.reading import read_shards
from facies.study.config import read_config
from facies.study.embed import embed_photographs
from facies.study.faces import make_extractor, read_embeddings
from facies.tables import PHOTOGRAPHS

fsspec = pytest.importorskip("fsspec")

SETTINGS = {"faces": {"gate": {"min_sharpness": float("nan")}}, "embeddings": {"encoders": ["pixels"]}}
SIZE = 4
N = 14


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of 14 photographs: 11 faces, one cut short, one without a face, one that is absent."""
    folder = tmp_path_factory.mktemp("cohort")
    people = pd.DataFrame({"photo_id": [f"p{i}" for i in range(11)], "participant_id": "a", "age": 50.0, "sex": "male"})
    (folder / "photos").mkdir()
    for i, image in enumerate(simulate_faces(people, random_state=1, size=200).images):
        Image.fromarray(image).save(folder / "photos" / f"{i}.jpg", quality=92)
    (folder / "photos" / "11.jpg").write_bytes((folder / "photos" / "0.jpg").read_bytes()[:3000])
    Image.fromarray(np.full((150, 200, 3), 90, np.uint8)).save(folder / "photos" / "12.jpg")
    table(range(N)).to_csv(folder / "manifest.tsv", sep="\t", index=False)
    return folder / "manifest.tsv"


def table(numbers, base: str = "photos") -> pd.DataFrame:
    rows = list(numbers)
    return pd.DataFrame({"photo_id": [f"p{i:02d}" for i in rows], "path": [f"{base}/{i}.jpg" for i in rows], "participant_id": "a"})


def bytes_in(folder: Path) -> dict[str, bytes]:
    """Return all files of an output but the record of who computed it, and when."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "run.json"}


def embed(manifest, output, **options):
    return embed_photographs(manifest, output, **{"settings": SETTINGS, "shard_size": SIZE, **options})


@pytest.fixture(scope="module")
def written(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what one thread writes; do not write in it."""
    output = tmp_path_factory.mktemp("written") / "vectors"
    embed(cohort, output)
    return output


def test_embed__gives_a_vector_a_face_and_a_reason_for_every_other_photograph(written):
    faces, (embeddings,) = read_shards(written)
    assert faces.photo_id.tolist() == [f"p{i:02d}" for i in range(N)]
    assert faces.exclusion_reason[11:].tolist() == ["truncated", "no_face", "missing_file"]
    assert embeddings.face_ids == tuple(faces.face_id[faces.included])
    shard = pq.read_table(written / "vectors-00001.parquet")
    assert shard.column_names == ["photo_id", "face_id", "participant_id", "vector"]
    assert str(shard.schema.field("vector").type) == "fixed_size_list<element: float>[1024]"
    manifest = json.loads((written / "manifest.json").read_text())
    assert manifest["complete"]
    assert manifest["excluded"] == {"missing_file": 1, "no_face": 1, "truncated": 1}
    assert (
        manifest["shards"][1]["files"]["vectors-00001.parquet"]
        == hashlib.sha256((written / "vectors-00001.parquet").read_bytes()).hexdigest()
    )


def test_embed__two_processes_give_the_same_bytes(cohort, written, tmp_path, monkeypatch):
    monkeypatch.setattr("facies.study.extraction.WORTH_PROCESSES", 1)
    embed(cohort, tmp_path / "out", jobs=2)
    assert bytes_in(tmp_path / "out") == bytes_in(written)


def test_embed__interrupted_anywhere_goes_on_to_the_same_bytes(cohort, written, tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(cohort, tmp_path / "out", progress=interrupt)
    assert not json.loads((tmp_path / "out" / "manifest.json").read_text())["complete"]
    assert embed(cohort, tmp_path / "out").n_kept == 2
    assert bytes_in(tmp_path / "out") == bytes_in(written)


def test_embed__a_damaged_a_foreign_and_an_absent_shard_are_made_anew(cohort, written, tmp_path):
    output = tmp_path / "out"
    embed(cohort, output)
    (output / "vectors-00000.parquet").write_bytes(b"PAR1")
    (output / "faces-00001.parquet").write_bytes((output / "faces-00002.parquet").read_bytes())
    (output / "records" / "00002.json").unlink()
    assert embed(cohort, output).n_kept == 1
    assert bytes_in(output) == bytes_in(written)


def test_embed__other_settings_are_not_mixed_in_and_the_message_names_one(cohort, written):
    with pytest.raises(InputError, match="made with shard_size 4, now it is 5: name a new folder"):
        embed(cohort, written, shard_size=5)
    with pytest.raises(InputError, match=r"encoders\.0\."):
        embed(cohort, written, settings={**SETTINGS, "embeddings": {"encoders": ["hog"]}})


def test_embed__a_folder_with_other_things_is_left_alone(cohort, tmp_path):
    (tmp_path / "letter.txt").write_text("dear doctor")
    with pytest.raises(InputError, match=r"holds other files and no manifest\.json"):
        embed(cohort, tmp_path)
    with pytest.raises(InputError, match="is a file"):
        embed(cohort, tmp_path / "letter.txt")


def test_embed__people_who_leave_the_manifest_leave_the_shards(cohort, tmp_path):
    manifest, output = cohort.with_name("fewer.tsv"), tmp_path / "out"
    embed(cohort, output)
    table(range(7)).to_csv(manifest, sep="\t", index=False)
    assert embed(manifest, output).n_kept == 1
    assert [path.name for path in sorted(output.glob("*.parquet"))] == [
        f"{k}-0000{i}.parquet" for k in ("faces", "vectors") for i in (0, 1)
    ]
    assert read_shards(output)[0].photo_id.tolist() == [f"p{i:02d}" for i in range(7)]


def test_embed__urls_in_and_out_give_the_same_bytes_and_a_stated_hash_is_held_to(cohort, written, tmp_path):
    storage = fsspec.filesystem("memory")
    for path in (cohort.parent / "photos").iterdir():
        storage.pipe_file(f"/bucket/photos/{path.name}", path.read_bytes())
    storage.pipe_file("/bucket/manifest.tsv", cohort.read_bytes())
    made = embed("memory://bucket/manifest.tsv", "memory://bucket/out", jobs=2)
    folder = open_folder("memory://bucket/out")
    assert {name: folder.read(name) for name in folder.names() if name != "run.json"} == bytes_in(written)
    assert embed("memory://bucket/manifest.tsv", "memory://bucket/out").n_kept == made.n_shards
    table(range(3), f"file://{cohort.parent}/photos").assign(sha256="0" * 64).to_csv(tmp_path / "m.csv", index=False)
    assert embed(tmp_path / "m.csv", tmp_path / "out").excluded == {"altered": 3}


def test_workers__take_bytes_that_were_fetched_elsewhere(cohort, written, tmp_path, monkeypatch):
    monkeypatch.setattr("facies.study.extraction.WORTH_PROCESSES", 1)
    storage = fsspec.filesystem("memory")
    for i in range(4):
        storage.pipe_file(f"/b/photos/{i}.jpg", (cohort.parent / "photos" / f"{i}.jpg").read_bytes())
    table(range(4), "memory://b/photos").to_csv(tmp_path / "m.tsv", sep="\t", index=False)
    embed(tmp_path / "m.tsv", tmp_path / "out", jobs=2)
    assert (tmp_path / "out" / "vectors-00000.parquet").read_bytes() == (written / "vectors-00000.parquet").read_bytes()


class Silent:
    """A storage that fails in one way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def cat_file(self, path: str) -> bytes:
        raise self.error


def test_storage__that_does_not_answer_stops_the_run_and_names_no_photograph(monkeypatch):
    monkeypatch.setattr(sources, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(sources, "open_storage", lambda url: (Silent(TimeoutError("no answer")), url))
    with pytest.raises(StoreError, match=r"s3://bucket did not answer 3 times \(TimeoutError\)") as caught:
        get_source(Photograph("p1", "s3://bucket/anna.jpg"))
    assert "anna" not in str(caught.value)


def test_storage__that_lets_nobody_in_is_an_error_and_not_many_bad_photographs(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "open_storage", lambda url: (Silent(PermissionError(13, "forbidden")), url))
    table(range(3), "s3://bucket").to_csv(tmp_path / "m.tsv", sep="\t", index=False)
    with pytest.raises(StoreError, match="none of 3 photographs in s3://bucket may be read: give the credentials"):
        embed(tmp_path / "m.tsv", tmp_path / "out")


def test_storage__without_a_driver_says_what_to_install(tmp_path):
    with pytest.raises(InputError, match=r"nosuch://bucket cannot be opened \(ValueError\)|needs a driver"):
        embed("nosuch://bucket/m.tsv", tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop(columns="path"), "line 1: column 'path' is missing"),
        (lambda rows: rows.assign(photo_id="p1"), "line 3: photo_id p1 stands twice"),
        (lambda rows: rows.head(0), "names no photograph"),
    ],
)
def test_manifest__that_is_wrong_is_one_line(tmp_path, change, message):
    change(table(range(3))).to_csv(tmp_path / "m.tsv", sep="\t", index=False)
    with pytest.raises((TableError, InputError), match=message):
        embed(tmp_path / "m.tsv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_embed__a_full_disk_is_one_line_and_what_was_finished_is_kept(cohort, tmp_path, monkeypatch):
    written = []

    def full(self, name, data):
        written.append(name)
        if len(written) == 6:
            raise StoreError("the disk is full") from OSError(errno.ENOSPC, "No space left on device")
        write(self, name, data)

    write = type(open_folder(tmp_path / "out")).write
    monkeypatch.setattr(type(open_folder(tmp_path / "out")), "write", full)
    with pytest.raises(StoreError, match="the disk is full"):
        embed(cohort, tmp_path / "out")
    assert embed(cohort, tmp_path / "out").n_kept == 1


def test_embed__of_a_study_gives_the_vectors_that_the_study_has(finished, tmp_path):
    study, _ = finished
    embed_photographs(study, tmp_path / "out", jobs=2)
    _, shards = read_shards(tmp_path / "out")
    config = read_config(study)
    own = read_embeddings(study, config, read_table(study, PHOTOGRAPHS), make_extractor(study, config))
    for mine, theirs in zip(shards, own, strict=True):
        np.testing.assert_array_equal(mine.rows_of(list(theirs.face_ids)), theirs.vectors)
    with pytest.raises(InputError, match="is a study and has settings of its own"):
        embed_photographs(study, tmp_path / "other", settings=SETTINGS)


def test_embed__a_folder_of_photographs_needs_no_table_and_no_link_leads_out_of_it(cohort, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes((cohort.parent / "photos" / "0.jpg").read_bytes())
    (folder / "b.jpg").symlink_to(cohort.parent / "photos" / "1.jpg")
    assert embed(folder, tmp_path / "out").excluded == {"outside_folder": 1}


def test_command__tells_counts_as_json_and_a_dry_run_writes_nothing(cohort, tmp_path, capsys):
    arguments = ["embed", str(cohort), "-o", str(tmp_path / "out"), "--encoder", "pixels", "--shard-size", "4", "--json"]
    assert run([*arguments, "--dry-run"]) == 0
    assert not (tmp_path / "out").exists()
    assert json.loads(capsys.readouterr().out)["n_shards"] == 4
    assert run(["embed", str(cohort), "-o", str(tmp_path / "out"), "--engine", "spark"]) == 2
    assert capsys.readouterr().err == "facies: no engine 'spark': choose local or ray\n"


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("facies.study.cluster.ray_program", ["numpy", "ray"]), ("facies.study.cluster.products", ["sklearn", "scipy", "torch", "ray"])],
)
def test_engines__load_no_more_than_they_need_before_they_start(module, heavy):
    code = f"import sys, {module}; print(*(name for name in {heavy!r} if name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
