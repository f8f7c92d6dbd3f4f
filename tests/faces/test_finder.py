"""The packaged finder: what it is, what it finds, and what it does not take for a face."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from facies.errors import WeightsError
from facies.faces import FaciesFinder
from facies.faces.finder import TEMPLATE, invert, read_network, sigmoid, upright
from facies.simulation import draw_face_parameters, iterate_faces, paint_backgrounds
from facies.types import Image, Points

LABELS = [f"{name}_{axis}" for name in ("reye", "leye", "nose", "rmouth", "lmouth") for axis in "xy"]
SWAPPED = [1, 0, 2, 4, 3]
Portrait = tuple[str, Image, Points]


@pytest.fixture(scope="module")
def finder() -> FaciesFinder:
    return FaciesFinder()


@pytest.fixture(scope="module")
def portraits(shared: Path) -> list[Portrait]:
    """Return prefix, picture and labelled points of 30 synthetic people, on whom the finder was never trained, and 30 others."""
    labels = pd.read_csv(shared / "faces" / "labels.csv")
    labels["prefix"] = labels.file.str.extract(r"/([a-z]+)_")[0]
    chosen = pd.concat([labels[labels.prefix == p].sample(n, random_state=3) for p, n in (("omi", 30), ("usc", 20), ("ldn", 10))])
    points = chosen[LABELS].to_numpy().reshape(-1, 5, 2)
    pictures = [np.ascontiguousarray(cv2.imread(str(shared / "faces" / file))[:, :, ::-1]) for file in chosen.file]
    return list(zip(chosen.prefix, pictures, points, strict=True))


def eyes(points: Points) -> float:
    return float(np.linalg.norm(points[1] - points[0]))


def point_error(first: Points, second: Points) -> float:
    """Return the mean distance between the points in eye distances of the second."""
    return float(np.linalg.norm(first - second, axis=1).mean() / eyes(second))


def test_network__is_small_and_is_the_one_on_its_card() -> None:
    data, card = read_network()
    assert len(data) <= 1_000_000
    assert card["licence"] == "Apache-2.0"
    assert {"trained_on", "training_list_sha256", "recipe", "fails_on"} <= set(card)


def test_network__an_altered_file_is_refused(tmp_path: Path) -> None:
    data, card = read_network()
    (tmp_path / "facies_finder.onnx").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (tmp_path / "facies_finder.json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="install facies again"):
        read_network(tmp_path)


def test_upright__brings_a_turned_template_back() -> None:
    turned = (TEMPLATE @ np.array([[0.6, -0.8], [0.8, 0.6]])) * 3 + 11
    matrix = upright(turned)
    assert matrix is not None
    np.testing.assert_allclose(turned @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-9)
    np.testing.assert_allclose(invert(matrix, TEMPLATE), turned, atol=1e-9)


def test_upright__points_that_coincide_make_no_face() -> None:
    assert upright(np.full((5, 2), 3.0)) is None


def test_sigmoid__is_half_at_nought() -> None:
    assert sigmoid(0.0) == 0.5


def test_finder__finds_nobody_in_drawn_backgrounds(finder: FaciesFinder) -> None:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[0:200, 0:260]
    backgrounds = [
        np.full((200, 260), 90),
        x % 200,
        128 + 100 * np.sin(x / 9),
        128 + 100 * np.sin((x + 2 * y) / 25),
        255 * ((x // 20 + y // 20) % 2),
    ]
    for cells in (3, 6, 12, 25, 50):
        backgrounds += [
            cv2.resize(rng.uniform(0, 255, (cells, cells)), (260, 200), interpolation=cv2.INTER_CUBIC).clip(0, 255) for _ in range(8)
        ]
    finds = [finder.detect(np.dstack([background.astype(np.uint8)] * 3)) for background in backgrounds]
    assert sum(map(bool, finds)) == 0


@pytest.fixture(scope="module")
def simulated() -> pd.DataFrame:
    """Return parameters of 60 simulated people, whom the finder never saw."""
    names = [f"p{i}" for i in range(60)]
    people = pd.DataFrame({"photo_id": names, "participant_id": names, "age": np.linspace(18, 90, 60), "sex": ["female", "male"] * 30})
    return draw_face_parameters(people, random_state=2)


def test_finder__finds_simulated_people_where_they_are(finder: FaciesFinder, simulated: pd.DataFrame) -> None:
    errors = []
    for image, points in iterate_faces(simulated):
        (face,) = finder.detect(image)
        errors.append(point_error(face.points, points))
    assert np.mean(errors) < 0.1
    assert max(errors) < 0.25


def test_finder__finds_nobody_in_the_same_pictures_without_the_people(finder: FaciesFinder, simulated: pd.DataFrame) -> None:
    assert not any(finder.detect(background) for background in paint_backgrounds(simulated))


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 900, 3), (48, 48, 3), (2000, 60, 3)])
def test_finder__odd_pictures_are_searched_without_fail(finder: FaciesFinder, shape: tuple[int, ...]) -> None:
    assert finder.detect(np.zeros(shape, np.uint8)) == []


def test_finder__finds_everybody_with_small_point_error(finder: FaciesFinder, portraits: list[Portrait]) -> None:
    errors = {prefix: [] for prefix in ("omi", "usc", "ldn")}
    for prefix, picture, points in portraits:
        faces = finder.detect(picture)
        assert faces
        errors[prefix].append(point_error(max(faces, key=lambda face: face.box[2]).points, points))
    assert max(np.mean(values) for values in errors.values()) < 0.06


def test_finder__a_mirrored_picture_has_mirrored_points_with_sides_swapped(finder: FaciesFinder, portraits: list[Portrait]) -> None:
    errors = []
    for _, picture, _ in portraits[:20]:
        mirrored = finder.detect(np.ascontiguousarray(picture[:, ::-1]))[0].points[SWAPPED]
        mirrored[:, 0] = picture.shape[1] - 1 - mirrored[:, 0]
        errors.append(point_error(mirrored, finder.detect(picture)[0].points))
    assert np.mean(errors) < 0.05


@pytest.mark.parametrize("border", [0.3, 1.0])
def test_finder__a_border_around_the_picture_moves_points_little(finder: FaciesFinder, portraits: list[Portrait], border: float) -> None:
    errors = []
    for _, picture, _ in portraits[:20]:
        width = int(border * max(picture.shape))
        wide = cv2.copyMakeBorder(picture, width, width, width, width, cv2.BORDER_CONSTANT, value=(70, 90, 120))
        errors.append(point_error(finder.detect(wide)[0].points - width, finder.detect(picture)[0].points))
    assert np.mean(errors) < 0.03


def test_finder__a_crop_that_the_face_fills_is_found(finder: FaciesFinder, portraits: list[Portrait]) -> None:
    found = []
    for _, picture, points in portraits:
        reach = np.array([1.05, 1.3]) * eyes(points)
        left, top = np.maximum(points.mean(axis=0) - reach, 0).astype(int)
        right, low = (points.mean(axis=0) + reach).astype(int)
        faces = finder.detect(np.ascontiguousarray(picture[top:low, left:right]))
        found.append(bool(faces) and point_error(faces[0].points + np.array([left, top]), points) < 0.15)
    assert np.mean(found) >= 0.95


def test_finder__a_tilted_head_is_found_with_its_tilt(finder: FaciesFinder, portraits: list[Portrait]) -> None:
    for _, picture, points in portraits[:20]:
        matrix = cv2.getRotationMatrix2D(tuple(points.mean(axis=0)), 30, 1.0)
        tilted = cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        (face, *_) = finder.detect(tilted)
        assert point_error(face.points, points @ matrix[:, :2].T + matrix[:, 2]) < 0.2


def test_finder__threads_give_what_one_thread_gives(finder: FaciesFinder, portraits: list[Portrait]) -> None:
    pictures = [picture for _, picture, _ in portraits[:24]]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(finder.detect, pictures))
    for faces, picture in zip(together, pictures, strict=True):
        np.testing.assert_array_equal(faces[0].points, finder.detect(picture)[0].points)
