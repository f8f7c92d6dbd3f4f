"""How far points and crops move when the finder or the photograph changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from facies.faces import FaciesFinder, QualityGate, YuNet, faces_table, read_photograph
from facies.imaging import similarity_transform, transform_points
from facies.records import CropContract
from facies.types import Image, Points

TEMPLATE = ((0.3156, 0.4616), (0.6826, 0.4598), (0.5003, 0.6405), (0.3495, 0.8247), (0.6534, 0.8233))
CONTRACT = CropContract(TEMPLATE, size=128)


@pytest.fixture(scope="module")
def paths(shared: Path) -> list[Path]:
    labels = pd.read_csv(shared / "faces" / "labels.csv")
    labels["prefix"] = labels.file.str.extract(r"/([a-z]+)_")[0]
    files = pd.concat([labels[labels.prefix == p].sample(20, random_state=6) for p in ("omi", "usc", "ldn")]).file
    return [shared / "faces" / file for file in files]


@pytest.fixture(scope="module")
def pictures(paths: list[Path]) -> list[Image]:
    return [np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1]) for path in paths]


def largest(detector: FaciesFinder | YuNet, picture: Image) -> Points:
    return max(detector.detect(picture), key=lambda face: face.box[2]).points


def crop_shift(first: Points, second: Points) -> float:
    """Return how far the crop's corners move on average, as a share of its side."""
    corners = np.array([[0.0, 0], [127, 0], [127, 127], [0, 127]])
    to_first, to_second = (similarity_transform(points, CONTRACT.points()) for points in (first, second))
    back = np.linalg.solve(to_first[:, :2], (corners - to_first[:, 2]).T).T
    return float(np.linalg.norm(transform_points(back, to_second) - corners, axis=1).mean() / CONTRACT.size)


def test_crops__those_of_the_finder_lie_within_5_percent_of_those_of_yunet(shared: Path, pictures: list[Image]) -> None:
    finder, yunet = FaciesFinder(), YuNet(shared / "weights" / "yunet_n_dynamic.onnx")
    shifts = [crop_shift(largest(finder, picture), largest(yunet, picture)) for picture in pictures]
    assert np.mean(shifts) < 0.05


CHANGES: dict[str, tuple[Callable[[Image], Image], float]] = {
    "compressed to JPEG quality 40": (lambda p: cv2.imdecode(cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1), 0.010),
    "darker by a third": (lambda p: (p * 0.67).astype(np.uint8), 0.010),
    "monochrome": (lambda p: np.dstack([cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)] * 3), 0.001),
    "blurred": (lambda p: cv2.GaussianBlur(p, (0, 0), 0.01 * p.shape[1] / 2), 0.015),
    "enlarged three times": (lambda p: cv2.resize(p, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), 0.010),
}


@pytest.mark.parametrize("change", CHANGES)
def test_crops__a_changed_photograph_of_the_same_face_moves_them_little(pictures: list[Image], change: str) -> None:
    finder, (apply, limit) = FaciesFinder(), CHANGES[change]
    shifts = []
    for picture in pictures:
        changed = apply(picture)
        points = (largest(finder, changed) + 0.5) * picture.shape[1] / changed.shape[1] - 0.5
        shifts.append(crop_shift(largest(finder, picture), points))
    assert np.mean(shifts) < limit


def test_gate__keeps_ordinary_portraits(paths: list[Path]) -> None:
    finder, gate = FaciesFinder(), QualityGate()
    rows = [row for path in paths for row in read_photograph(path.stem, path, detector=finder, contracts=[CONTRACT], gate=gate).rows]
    assert faces_table(rows).groupby("photo_id").included.any().mean() >= 0.97
