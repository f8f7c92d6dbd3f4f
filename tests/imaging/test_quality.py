"""Quality measures: symmetric pictures have known answers, and planted faults move the right measure the right way."""

from __future__ import annotations

import io
import itertools
import time

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from facies.errors import InputError
from facies.imaging.pose import HEAD, head_pose
from facies.imaging.quality import compression, measure_quality
from facies.tables import FACES
from facies.types import DetectedFace

MEASURES = [
    "inter_eye_distance", "sharpness", "exposure", "underexposed", "overexposed", "illumination_uniformity",
    "yaw", "pitch", "roll", "background_uniformity", "compression",
]  # fmt: skip
POINTS = HEAD[:, :2] * 1.6 + [200, 190]
FACE = DetectedFace((110.0, 110.0, 180.0, 250.0), POINTS, 0.99)


@pytest.fixture(scope="module")
def portrait():
    """Return a portrait that is its own mirror image: textured skin on a plain ground."""
    random = np.random.default_rng(6)
    half = cv2.GaussianBlur(random.normal(0, 60, (420, 201)), (0, 0), 1.2)
    texture = np.hstack([half, half[:, -2::-1]])
    y, x = np.mgrid[0:420, 0:401]
    skin = ((x - 200) / 140) ** 2 + ((y - 240) / 190) ** 2 <= 1
    grey = np.clip(np.where(skin, 140 + texture, 90), 0, 255)
    return np.repeat(np.rint(grey)[..., None], 3, axis=2).astype(np.uint8)


def rotated(yaw: float, pitch: float, roll: float = 0.0) -> np.ndarray:
    """Project the mean head after turning: subject's left, upwards and clockwise are positive."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return HEAD @ (about_z @ about_y @ about_x).T


def test_measure_quality__gives_exactly_the_quality_columns_of_the_faces_table(portrait):
    measured = measure_quality(portrait, FACE)
    assert list(measured) == MEASURES
    assert set(measured) <= {column.name for column in FACES.columns}
    assert all(type(value) is float for value in measured.values())


def test_measure_quality__gives_symmetric_answers_for_a_symmetric_face(portrait):
    measured = measure_quality(portrait, FACE)
    assert measured["yaw"] == pytest.approx(0, abs=1e-6)
    assert measured["roll"] == pytest.approx(0, abs=1e-6)
    assert measured["illumination_uniformity"] > 0.97
    assert measured["background_uniformity"] > 0.98
    assert measured["inter_eye_distance"] == pytest.approx(63 * 1.6)


def test_measure_quality__states_the_eye_distance_in_full_pixels(portrait):
    assert measure_quality(portrait, FACE, scale=4)["inter_eye_distance"] == pytest.approx(4 * 63 * 1.6)


def test_sharpness__falls_with_each_planted_blur(portrait):
    values = [measure_quality(cv2.GaussianBlur(portrait, (0, 0), s) if s else portrait, FACE)["sharpness"] for s in (0, 0.8, 1.5, 3, 6)]
    assert all(a > 1.5 * b for a, b in itertools.pairwise(values))


def test_sharpness__hardly_depends_on_the_pixels_of_a_picture_that_has_enough(portrait):
    large = cv2.resize(portrait, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    face = DetectedFace((220.0, 220.0, 360.0, 500.0), POINTS * 2 + 0.5, 1.0)
    small, big = measure_quality(portrait, FACE)["sharpness"], measure_quality(large, face)["sharpness"]
    assert big == pytest.approx(small, rel=0.25)


def test_exposure__follows_planted_darkening_and_brightening(portrait):
    darker = [measure_quality((portrait * f).astype(np.uint8), FACE) for f in (1.0, 0.6, 0.3, 0.05)]
    assert [m["exposure"] for m in darker] == sorted((m["exposure"] for m in darker), reverse=True)
    assert darker[1]["exposure"] == pytest.approx(0.6 * darker[0]["exposure"], abs=0.01)
    assert darker[0]["underexposed"] < 0.01 < 0.9 < darker[3]["underexposed"]
    brighter = measure_quality(np.clip(portrait.astype(int) + 130, 0, 255).astype(np.uint8), FACE)
    assert brighter["overexposed"] > 0.6 > 0.1 > darker[0]["overexposed"]


def test_illumination_uniformity__falls_as_one_side_is_darkened(portrait):
    values = []
    for share in (1, 0.8, 0.6, 0.4, 0.2):
        lit = portrait.copy()
        lit[:, :200] = (lit[:, :200] * share).astype(np.uint8)
        values.append(measure_quality(lit, FACE)["illumination_uniformity"])
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.2


def test_background_uniformity__falls_with_planted_structure_behind_the_head(portrait):
    y, x = np.mgrid[0:420, 0:401]
    ground = (portrait[..., 0] == 90) & (((x - 200) / 180) ** 2 + ((y - 190) / 240) ** 2 > 1)
    values = []
    for contrast in (0, 20, 50, 90):
        busy = portrait.copy()
        busy[ground & ((x // 20 + y // 20) % 2 == 0)] = 90 + contrast
        values.append(measure_quality(busy, FACE)["background_uniformity"])
    assert values == sorted(values, reverse=True)
    assert values[0] - values[-1] > 0.2


def test_background_uniformity__is_missing_where_the_picture_shows_none(portrait):
    face = DetectedFace((20.0, 20.0, 180.0, 250.0), POINTS - [85, 130], 0.9)
    assert np.isnan(measure_quality(portrait[130:330, 85:316], face)["background_uniformity"])


def test_compression__grows_as_jpeg_quality_falls(portrait):
    values = [compression(recompressed(portrait, q), FACE.box) for q in (95, 60, 30, 15, 5)]
    assert values == sorted(values)
    assert compression(portrait, FACE.box) < 0.1 < values[2]


@pytest.mark.parametrize("shift", [(0, 0), (3, 5), (7, 1)])
def test_compression__does_not_depend_on_where_the_grid_lies(portrait, shift):
    blocky = recompressed(portrait, 10)
    moved = np.ascontiguousarray(blocky[shift[1] :, shift[0] :])
    box = (FACE.box[0] - shift[0], FACE.box[1] - shift[1], *FACE.box[2:])
    assert compression(moved, box) == pytest.approx(compression(blocky, FACE.box), rel=0.02)
    assert compression(np.ascontiguousarray(blocky[::-1, ::-1]), (111, 60, 180, 250)) == pytest.approx(
        compression(blocky, FACE.box), rel=0.1
    )


def test_compression__is_missing_where_reduced_decoding_left_no_grid(portrait):
    assert np.isnan(compression(portrait, FACE.box, scale=4))


def recompressed(image: np.ndarray, quality: int) -> np.ndarray:
    """Return the picture after JPEG."""
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Pillow.open(buffer))


@pytest.mark.parametrize("yaw", [-40, -25, -10, 0, 10, 25, 40])
@pytest.mark.parametrize("pitch", [-20, 0, 20])
@pytest.mark.parametrize("roll", [-30, 0, 15])
def test_head_pose__recovers_a_turned_template(yaw, pitch, roll):
    points = rotated(yaw, pitch, roll)[:, :2] * 2.3 + [400, 300]
    assert np.allclose(head_pose(points), (yaw, pitch, roll), atol=1e-6)


@pytest.mark.parametrize("yaw", range(-40, 41, 10))
def test_head_pose__recovers_yaw_within_three_degrees_under_a_real_camera(yaw):
    head = rotated(yaw, 0)
    points = head[:, :2] * (1000 / (1000 + head[:, 2:]))
    assert abs(head_pose(points).yaw - yaw) < 3


def test_head_pose__stays_within_a_few_degrees_when_points_are_off_by_two_percent():
    random = np.random.default_rng(9)
    yaws = [head_pose(rotated(20, 5)[:, :2] + random.normal(0, 0.02 * 63, (5, 2))).yaw for _ in range(300)]
    assert abs(np.mean(yaws) - 20) < 1.5
    assert np.std(yaws) < 5


def test_head_pose__changes_sign_when_the_picture_is_mirrored():
    points = rotated(22, -7, 9)[:, :2]
    mirrored = (points * [-1, 1])[[1, 0, 2, 4, 3]]
    assert np.allclose(head_pose(mirrored), np.array(head_pose(points)) * [-1, 1, -1], atol=1e-9)


def test_measure_quality__takes_faces_at_and_beyond_the_edge(portrait):
    for shift in ((-150, 0), (190, 200), (-2000, 0)):
        face = DetectedFace((110.0 + shift[0], 110.0 + shift[1], 180.0, 250.0), POINTS + shift, 0.5)
        measured = measure_quality(portrait, face)
        assert measured["yaw"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(measured["exposure"])
    assert np.isnan(measured["sharpness"])


def test_measure_quality__refuses_points_that_coincide(portrait):
    with pytest.raises(InputError, match="give five different points"):
        measure_quality(portrait, DetectedFace((0.0, 0.0, 10.0, 10.0), np.ones((5, 2)), 1.0))


def test_measure_quality__sees_real_frontal_portraits_as_frontal(shared):
    import pandas as pd

    labels = pd.read_csv(shared / "faces" / "labels.csv")
    names = [f"{point}_{axis}" for point in ("reye", "leye", "nose", "rmouth", "lmouth") for axis in "xy"]
    frontal = labels[(labels.frontal == 1) & labels.file.str.contains("ldn_")]
    poses = np.array([head_pose(points) for points in frontal[names].to_numpy().reshape(-1, 5, 2)])
    assert np.abs(poses.mean(axis=0)).max() < 4


def test_measure_quality__takes_less_than_a_few_milliseconds(portrait):
    times = []
    for _ in range(20):
        start = time.thread_time()
        measure_quality(portrait, FACE)
        times.append(time.thread_time() - start)
    assert min(times) < 8e-3
