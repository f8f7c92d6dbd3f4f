"""A frozen model on new photographs: the same numbers, without torch, and never on faces that were cut in another way."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from facies.errors import CropContractError, FaciesError, InputError
from facies.models import read_bundle, write_bundle
from facies.store import read_json, read_table, write_json
from facies.study.predict import list_photographs, predict_photographs
from facies.tables import FACES, GIVEN_POINTS, PARTICIPANTS

MODEL = "derived/models/hog+ridge.bundle"


def test_predict__gives_one_row_a_photograph_and_says_what_it_is_for(finished, tmp_path):
    study, _ = finished
    made = predict_photographs(study / MODEL, study / "photos", tmp_path / "predictions.tsv", jobs=2)
    table = pd.read_csv(tmp_path / "predictions.tsv", sep="\t")
    assert len(table) == made.n_photographs == 90
    assert table.predicted.between(20, 110).all()
    assert (table.ci_low < table.predicted).all()
    assert table.intended_use.eq("research only").all()
    assert json.dumps(made.as_dict())


def test_predict__photographs_that_cannot_be_used_are_rows_with_their_reason(finished, tmp_path):
    study, _ = finished
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "text.jpg").write_text("no photograph")
    (folder / "face.jpg").write_bytes(next(iter(sorted((study / "photos").iterdir()))).read_bytes())
    table = predict_photographs(study / MODEL, folder, None).table.set_index("photo_id")
    assert table.loc["text.jpg", "exclusion_reason"] == "unknown_format"
    assert np.isnan(table.loc["text.jpg", "predicted"])
    assert np.isfinite(table.loc["face.jpg", "predicted"])


def test_predict__does_not_depend_on_the_other_photographs(finished, tmp_path):
    study, _ = finished
    table = pd.DataFrame({"photo_id": ["x"], "path": [str(sorted((study / "photos").iterdir())[5])]})
    table.to_csv(tmp_path / "one.tsv", sep="\t", index=False)
    alone = predict_photographs(study / MODEL, tmp_path / "one.tsv", None).table.predicted[0]
    every = predict_photographs(study / MODEL, study / "photos", None, jobs=2).table
    assert alone == pytest.approx(every.predicted[5], rel=1e-12)


def test_predict__another_margin_in_the_bundle_is_refused_or_honoured_but_never_mixed(copied):
    """The crop of a bundle is protected by its manifest: editing it by hand is found."""
    crop = copied / MODEL / "crop.json"
    edited = read_json(crop) | {"margin": 0.2}
    write_json(crop, edited)
    with pytest.raises(FaciesError, match=r"crop\.json"):
        predict_photographs(copied / MODEL, copied / "photos", None)


def test_bundle__refuses_faces_of_another_margin_detector_or_template_and_names_it(finished):
    bundle = read_bundle(finished[0] / MODEL)
    from facies.embeddings import load_encoder

    crops = np.zeros((1, bundle.crop.size, bundle.crop.size, 3), np.uint8)
    for change in ({"margin": 0.2}, {"detector": "yunet"}, {"template": tuple((x + 0.01, y) for x, y in bundle.crop.template)}):
        with pytest.raises(CropContractError, match=next(iter(change))):
            bundle.predict(crops, crop_contract=replace(bundle.crop, **change), encoder=load_encoder("hog"))


def test_predict__no_photographs_is_one_line(finished, tmp_path):
    with pytest.raises(InputError, match="holds no photographs"):
        predict_photographs(finished[0] / MODEL, tmp_path, None)
    with pytest.raises(InputError, match="is absent"):
        predict_photographs(finished[0] / MODEL, tmp_path / "nothing", None)


def test_bundle__names_nobody_and_no_file(finished):
    study, _ = finished
    people = read_table(study, PARTICIPANTS).participant_id
    held = b"".join(path.read_bytes() for path in sorted((study / MODEL).iterdir()))
    assert not [name for name in people if name.encode() in held]
    assert str(study).encode() not in held


def test_predict__a_folder_as_people_have_it_gives_one_row_a_file(finished, tmp_path):
    study, _ = finished
    face = sorted((study / "photos").iterdir())[0].read_bytes()
    folder = tmp_path / "photos"
    for name in ("a.jpg", "visits/2024/b.jpg", " lead.jpg", "new\nline.jpg", "back\\nslash.jpg", ".hidden.jpg", ".thumbnails/c.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(face)
    with open(os.fsencode(folder) + b"/latin-\xe9.jpg", "wb") as file:
        file.write(face)
    (tmp_path / "outside.jpg").write_bytes(face)
    (folder / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (folder / "gone.jpg").symlink_to(tmp_path / "gone.jpg")
    os.mkfifo(folder / "pipe.jpg")
    predict_photographs(study / MODEL, folder, tmp_path / "predictions.tsv")
    reasons = pd.read_csv(tmp_path / "predictions.tsv", sep="\t").set_index("photo_id").exclusion_reason
    excluded = {"link.jpg": "outside_folder", "gone.jpg": "missing_file", "pipe.jpg": "not_a_file"}
    assert reasons.dropna().to_dict() == excluded
    used = ["\\x20lead.jpg", "a.jpg", "back\\\\nslash.jpg", "latin-\\udce9.jpg", "new\\nline.jpg", "visits/2024/b.jpg"]
    assert sorted(reasons.index[reasons.isna()]) == used


def test_predict__one_photograph_may_be_named(finished):
    study, _ = finished
    photo = sorted((study / "photos").iterdir())[0]
    assert predict_photographs(study / MODEL, photo, None).table.photo_id.tolist() == [photo.name]


def test_predict__a_folder_that_may_not_be_read_is_one_line(finished, monkeypatch):
    study, _ = finished

    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", closed)
    with pytest.raises(InputError, match=r"photos cannot be read \(Permission denied\)"):
        list_photographs(study / "photos")


def test_predict__a_model_of_given_points_takes_them_from_the_table_and_asks_for_them(finished, tmp_path):
    study, _ = finished
    faces = read_table(study, FACES)
    points = faces[faces.included].head(3)[["photo_id", *GIVEN_POINTS]]
    points.assign(path=[str(study / "photos" / f"{name}.jpg") for name in points.photo_id]).to_csv(
        tmp_path / "p.tsv", sep="\t", index=False
    )
    bundle = read_bundle(study / MODEL)
    given = replace(bundle.crop, detector="given", detector_sha256="")
    write_bundle(tmp_path / "given.bundle", frozen=bundle.frozen, card=bundle.card, crop=given)
    made = predict_photographs(tmp_path / "given.bundle", tmp_path / "p.tsv", None).table
    searched = predict_photographs(study / MODEL, study / "photos", None).table.set_index("photo_id")
    np.testing.assert_allclose(made.predicted, searched.loc[[f"{name}.jpg" for name in made.photo_id], "predicted"], atol=0.01)
    with pytest.raises(InputError, match="name a table with photo_id, path and right_eye_x to left_mouth_y"):
        predict_photographs(tmp_path / "given.bundle", study / "photos", None)
