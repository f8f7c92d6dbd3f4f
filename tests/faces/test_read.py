"""From a file to rows and crops, with a detector that says what the test tells it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from facies.faces import GivenPoints, QualityGate, face_of_points, faces_table, read_photograph
from facies.faces.geometry import move_face
from facies.records import CropContract
from facies.tables import GIVEN_POINTS
from facies.types import DetectedFace, Image

FRONTAL = np.array([[120.0, 140], [180, 140], [150, 175], [130, 205], [170, 205]])
TEMPLATE = ((0.3, 0.35), (0.7, 0.35), (0.5, 0.58), (0.37, 0.78), (0.63, 0.78))
SMOOTH = QualityGate(min_sharpness=None)
"""The pictures drawn here are smooth."""
SMALL, LARGE = CropContract(TEMPLATE, size=64), CropContract(TEMPLATE, size=224)


class TellsFaces:
    """Finds the faces that it was given, in pixels of a picture of 300 px width."""

    name, sha256 = "tells-faces", "0" * 64

    def __init__(self, *faces: DetectedFace) -> None:
        self.faces = faces

    def detect(self, image: Image) -> list[DetectedFace]:
        return [move_face(face, scale=image.shape[1] / 300) for face in self.faces]


def a_picture(width: int, height: int) -> Pillow.Image:
    """A smooth picture that differs on all sides."""
    y, x = np.mgrid[0:height, 0:width]
    colours = np.stack([60 + 150 * x / width, 60 + 150 * y / height, 128 + 60 * np.sin(x * 40 / width)], axis=2)
    return Pillow.fromarray(colours.astype(np.uint8))


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    a_picture(300, 400).save(tmp_path / "p.png")
    return tmp_path / "p.png"


def read(path: Path, *faces: DetectedFace, contracts=(SMALL,), gate=None, **more):
    return read_photograph("p", path, detector=TellsFaces(*faces), contracts=contracts, gate=gate or SMOOTH, **more)


def test_read_photograph__an_ordinary_face_gives_one_included_row_and_a_crop_a_contract(photograph: Path) -> None:
    found = read(photograph, face_of_points(FRONTAL, score=0.9), contracts=[SMALL, LARGE])
    (row,) = found.rows
    assert (found.face_id, row["face_id"], row["included"], row["exclusion_reason"]) == ("p_f1", "p_f1", True, None)
    assert [crop.shape for crop in found.crops] == [(64, 64, 3), (224, 224, 3)]
    assert row["inter_eye_distance"] == pytest.approx(60)
    assert row["outside"] == 0


def test_read_photograph__a_file_that_is_no_picture_is_a_row_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    found = read(tmp_path / "empty.jpg")
    assert [(row["face_id"], row["included"], row["exclusion_reason"]) for row in found.rows] == [("p_f0", False, "empty_file")]
    assert (found.face_id, found.crops) == (None, [])


def test_read_photograph__no_face_is_a_row(photograph: Path) -> None:
    (row,) = read(photograph).rows
    assert (row["n_faces"], row["exclusion_reason"]) == (0, "no_face")


def test_read_photograph__a_smaller_second_face_is_listed_and_not_used(photograph: Path) -> None:
    found = read(photograph, face_of_points(FRONTAL * 0.4, score=0.95), face_of_points(FRONTAL, score=0.9))
    assert found.face_id == "p_f2"
    assert [row["exclusion_reason"] for row in found.rows] == ["another_face_chosen", None]
    assert [row["n_faces"] for row in found.rows] == [2, 2]


def test_read_photograph__two_equal_faces_exclude_the_photograph(photograph: Path) -> None:
    found = read(photograph, face_of_points(FRONTAL, score=0.95), face_of_points(FRONTAL + np.array([0, 150]), score=0.9))
    assert [row["exclusion_reason"] for row in found.rows] == ["several_faces", "several_faces"]
    assert found.crops == []


def test_read_photograph__a_face_that_fails_the_gate_is_measured_but_not_cut(photograph: Path) -> None:
    found = read(photograph, face_of_points(FRONTAL, score=0.9), gate=QualityGate(min_inter_eye_distance=100, min_sharpness=None))
    (row,) = found.rows
    assert (row["included"], row["exclusion_reason"], found.face_id, found.crops) == (False, "eyes_too_close", None, [])
    assert np.isfinite(row["sharpness"])


def test_read_photograph__a_crop_that_leaves_the_picture_is_cut_off(photograph: Path) -> None:
    (row,) = read(photograph, face_of_points(FRONTAL - np.array([130, 0]), score=0.9)).rows
    assert row["exclusion_reason"] == "cut_off"
    assert 0.35 < row["outside"] < 0.7


def test_read_photograph__points_are_in_pixels_of_the_full_picture_however_it_was_decoded(tmp_path: Path) -> None:
    a_picture(3000, 4000).save(tmp_path / "large.jpg", quality=95)
    (row,) = read(tmp_path / "large.jpg", face_of_points(FRONTAL, score=0.9)).rows
    points = np.array([row[name] for name in GIVEN_POINTS]).reshape(5, 2)
    np.testing.assert_allclose(points, (FRONTAL + 0.5) * 10 - 0.5, atol=0.01)
    assert row["inter_eye_distance"] == pytest.approx(600)


def test_read_photograph__a_reduced_picture_gives_the_crop_of_the_full_one(tmp_path: Path) -> None:
    a_picture(3000, 4000).save(tmp_path / "large.jpg", quality=95)
    a_picture(3000, 4000).save(tmp_path / "large.png")
    face = face_of_points(FRONTAL, score=0.9)
    reduced, full = (read(tmp_path / name, face).crops[0].astype(int) for name in ("large.jpg", "large.png"))
    assert np.abs(reduced - full).mean() < 1.5


def test_read_photograph__twelve_megapixels_read_reduced_give_the_points_and_vectors_of_the_full_picture(tmp_path: Path) -> None:
    import cv2

    from facies.embeddings import load_encoder
    from facies.faces import load_detector
    from facies.simulation import simulate_faces

    small = simulate_faces(1, random_state=1, size=400).images[0]
    canvas = np.full((3000, 4000, 3), 150, dtype=np.uint8)
    canvas[300:2700, 800:3200] = cv2.resize(small, (2400, 2400), interpolation=cv2.INTER_CUBIC)
    Pillow.fromarray(canvas).save(tmp_path / "large.jpg", quality=92, progressive=True)
    Pillow.fromarray(canvas).save(tmp_path / "large.png", compress_level=1)
    encoder = load_encoder("hog")
    settings = {"detector": load_detector("facies-finder"), "contracts": [encoder.card.crop], "gate": QualityGate()}
    reduced, full = (read_photograph("p", tmp_path / name, **settings) for name in ("large.jpg", "large.png"))
    apart = np.array([reduced.rows[0][name] - full.rows[0][name] for name in GIVEN_POINTS])
    assert np.abs(apart).max() < 0.02 * full.rows[0]["inter_eye_distance"]
    one, other = (encoder.encode(found.crops[0][None])[0] for found in (reduced, full))
    assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) > 0.999


def test_read_photograph__a_small_face_in_a_large_picture_is_cut_from_the_full_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    Pillow.fromarray(rng.integers(0, 256, (2400, 1800, 3), dtype=np.uint8)).save(tmp_path / "noise.jpg", quality=95)
    small = face_of_points(FRONTAL * 0.2 + 100, score=0.9)
    (crop,) = read(tmp_path / "noise.jpg", small, contracts=[LARGE]).crops
    (row,) = read(tmp_path / "noise.jpg", small, contracts=[LARGE]).rows
    assert row["inter_eye_distance"] == pytest.approx(72)
    assert crop.std() > 20


def test_read_photograph__pictures_turned_by_exif_are_read_upright(tmp_path: Path) -> None:
    picture = a_picture(300, 400)
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    picture.save(tmp_path / "upright.png")
    face = face_of_points(FRONTAL, score=0.9)
    np.testing.assert_array_equal(read(tmp_path / "turned.png", face).crops[0], read(tmp_path / "upright.png", face).crops[0])


def test_read_photograph__given_points_need_no_search(photograph: Path) -> None:
    found = read_photograph("p", photograph, detector=GivenPoints(), contracts=[SMALL], gate=SMOOTH, given_points=FRONTAL)
    (row,) = found.rows
    assert (row["score"], row["n_faces"], row["included"]) == (1.0, 1, True)
    assert [row[name] for name in GIVEN_POINTS] == FRONTAL.ravel().tolist()


@pytest.mark.parametrize("points", [None, np.full((5, 2), np.nan), np.full((5, 2), 7.0), FRONTAL * 1e300, -FRONTAL * 1e9])
def test_read_photograph__given_points_that_are_none_leave_no_face(photograph: Path, points) -> None:
    found = read_photograph("p", photograph, detector=GivenPoints(), contracts=[SMALL], gate=SMOOTH, given_points=points)
    assert found.rows[0]["exclusion_reason"] == "no_face"


def test_read_photograph__a_detector_that_searches_ignores_given_points(photograph: Path) -> None:
    (row,) = read(photograph, face_of_points(FRONTAL, score=0.9), given_points=FRONTAL + 20).rows
    assert row["nose_x"] == 150


def test_faces_table__rows_survive_the_way_through_json(photograph: Path) -> None:
    rows = [*read(photograph, face_of_points(FRONTAL, score=0.9)).rows, {**read(photograph).rows[0], "photo_id": "q", "face_id": "q_f0"}]
    table = faces_table(json.loads(json.dumps(rows)))
    assert table.included.tolist() == [True, False]
    assert table.exclusion_reason.isna().tolist() == [True, False]
    assert table.n_faces.tolist() == [1, 0]
