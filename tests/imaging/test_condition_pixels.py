"""Pixels of studies of conditions: harmonising, nuisance measures, skin tone, the atlas."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from facies.embeddings.templates import face_template
from facies.errors import CropContractError, InputError
from facies.imaging import align_face
from facies.imaging.atlas import region_labels, region_parts
from facies.imaging.harmonise import STEPS, harmonise_crop, measure_colour, restore_colour
from facies.imaging.nuisance import nuisance_measures, wide_crop
from facies.imaging.skin_tone import skin_tone_angle, skin_tone_group
from facies.records import CropContract, from_json
from facies.simulation import draw_face_parameters, paint_faces, region_masks
from facies.tables import REGIONS

CROP = CropContract(face_template(eye_distance=0.32, eye_height=0.42), size=128)


@pytest.fixture(scope="module")
def faces():
    """Paint six people, each healthy and with marked signs of both diseases."""
    people = pd.DataFrame({
        "photo_id": [str(i) for _ in "hac" for i in range(6)], "participant_id": [str(i) for _ in "hac" for i in range(6)],
        "age": 50.0, "sex": ["female", "male"] * 9, "acromegaly": [0.0] * 6 + [1.0] * 6 + [0.0] * 6, "cushing": [0.0] * 12 + [1.0] * 6,
        "skin_tone": [60.0, 45.0, 30.0, 15.0, 0.0, -30.0] * 3, "device": "camera",
    })  # fmt: skip
    parameters = draw_face_parameters(people, random_state=3)
    return parameters, paint_faces(parameters, size=192)


def test_harmonise__colour_can_be_undone(faces):
    crop = align_face(faces[1].images[0], faces[1].points[0], CROP)
    contract = dataclasses.replace(CROP, harmonise=("colour",))
    before = measure_colour(crop, contract)
    made = harmonise_crop(crop, contract)
    assert np.abs(made.astype(int) - crop).mean() > 3
    assert np.abs(restore_colour(made, before).astype(int) - crop).mean() < 1.5


def test_harmonise__two_cameras_become_alike(faces):
    crop = align_face(faces[1].images[0], faces[1].points[0], CROP).astype(float)
    other = np.clip(crop * [0.8, 0.95, 1.1] + 12, 0, 255).astype(np.uint8)
    contract = dataclasses.replace(CROP, harmonise=("colour", "background"))
    first, second = harmonise_crop(crop.astype(np.uint8), contract), harmonise_crop(other, contract)
    assert np.abs(first.astype(int) - second).mean() < 0.35 * np.abs(crop - other).mean()


def test_harmonise__is_part_of_the_crop_contract_and_old_contracts_stay_readable(faces):
    plain = align_face(faces[1].images[0], faces[1].points[0], CROP)
    asked = dataclasses.replace(CROP, harmonise=STEPS)
    made = align_face(faces[1].images[0], faces[1].points[0], asked)
    assert (made != plain).mean() > 0.5
    assert (harmonise_crop(plain, CROP) == plain).all()
    with pytest.raises(CropContractError, match="harmonise"):
        asked.require(CROP)
    old = from_json(CropContract, '{"template": [[0.3,0.4],[0.7,0.4],[0.5,0.6],[0.35,0.8],[0.65,0.8]], "size": 64}')
    assert old.harmonise == ()
    with pytest.raises(InputError, match="harmonise names 'sharpen'"):
        harmonise_crop(plain, dataclasses.replace(CROP, harmonise=("sharpen",)))


def test_nuisance__background_and_border_do_not_see_the_disease(faces):
    """The same people, photographs and camera with and without signs: what lies around the head barely changes; the blur does."""
    _, painted = faces
    measured = [
        nuisance_measures(image, points, align_face(image, points, CROP), kind="JPEG", width=192, height=192, n_bytes=9000)
        for image, points in zip(painted.images, painted.points, strict=True)
    ]
    for kind in ("background", "border", "metadata"):
        values = np.stack([each[kind] for each in measured])
        spread = values[:6].std(axis=0) + 1.0
        for ill in (values[6:12], values[12:]):
            assert np.abs((ill - values[:6]) / spread).mean() < 0.1


def test_nuisance__sees_another_background(faces):
    _, painted = faces
    image, points = painted.images[0].copy(), painted.points[0]
    first = nuisance_measures(image, points, align_face(image, points, CROP), kind="JPEG", width=192, height=192, n_bytes=9000)
    image[:30] = 250
    second = nuisance_measures(image, points, align_face(image, points, CROP), kind="PNG", width=192, height=192, n_bytes=90000)
    assert np.abs(first["background"] - second["background"]).max() > 10
    assert np.abs(first["border"] - second["border"]).max() > 10
    assert first["metadata"][0] == second["metadata"][1] == 1
    assert (wide_crop(image, points)[48, 48] == 128).all()


def test_skin_tone__follows_the_planted_tone_and_grey_pictures_have_none(faces):
    _, painted = faces
    angles = [skin_tone_angle(image, points) for image, points in zip(painted.images[:6], painted.points[:6], strict=True)]
    assert np.corrcoef(angles, [60, 45, 30, 15, 0, -30])[0, 1] > 0.9
    grey = np.repeat(painted.images[0].mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert np.isnan(skin_tone_angle(grey, painted.points[0]))
    assert skin_tone_group(float("nan")) is None
    assert skin_tone_angle(painted.images[0], painted.points[0] + 500) != skin_tone_angle(painted.images[0], painted.points[0])


def test_atlas__lies_where_the_painted_regions_are_and_is_symmetric(faces):
    parameters, painted = faces
    masks = region_masks(parameters.head(6), size=192)
    wide = dataclasses.replace(CROP, size=192)
    overlap = {name: [] for name in ("nose", "periorbital", "glabella", "perioral", "chin", "forehead", "background")}
    for i in range(6):
        labels = region_labels(wide, points=painted.points[i])
        for name, found in overlap.items():
            own, truth = labels == REGIONS.index(name), masks[name][i]
            found.append(2 * (own & truth).sum() / (own.sum() + truth.sum()))
    assert min(np.mean(values) for values in overlap.values()) > 0.65
    labels = region_labels(wide)
    assert (labels == labels[:, ::-1]).mean() > 0.98
    parts = region_parts(labels, wide)
    assert np.sum([mask for _, _, mask in parts], axis=0).min() == np.sum([mask for _, _, mask in parts], axis=0).max() == 1
