"""YuNet against OpenCV's own reading of the same network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from facies.errors import WeightsError
from facies.faces import YuNet
from facies.faces.yunet import border_and_shrink


@pytest.fixture(scope="module")
def weights(shared: Path) -> Path:
    return shared / "weights" / "yunet_n_dynamic.onnx"


def pictures(shared: Path) -> list[np.ndarray]:
    files = pd.read_csv(shared / "faces" / "labels.csv").file.sample(8, random_state=5)
    return [np.ascontiguousarray(cv2.imread(str(shared / "faces" / file))[:, :, ::-1]) for file in files]


def test_yunet__finds_what_opencv_finds_with_the_same_network(shared: Path, weights: Path) -> None:
    yunet = YuNet(weights)
    for picture in pictures(shared):
        canvas, scale, border = border_and_shrink(picture)
        oracle = cv2.FaceDetectorYN.create(str(weights), "", canvas.shape[1::-1], 0.5, 0.3, 50)
        (wanted,) = oracle.detect(np.ascontiguousarray(canvas[:, :, ::-1]))[1]
        (face,) = yunet.detect(picture)
        np.testing.assert_allclose(face.points, (wanted[4:14].reshape(5, 2) + 0.5) / scale - 0.5 - border, atol=0.05)
        np.testing.assert_allclose(face.box[2:], wanted[2:4] / scale, atol=0.05)
        assert face.score == pytest.approx(wanted[14], abs=1e-3)


def test_yunet__a_network_for_one_size_finds_the_same(shared: Path, weights: Path) -> None:
    fixed, free = YuNet(shared / "weights" / "yunet_n_640_640.onnx"), YuNet(weights)
    for picture in pictures(shared)[:3]:
        np.testing.assert_allclose(fixed.detect(picture)[0].points, free.detect(picture)[0].points, atol=0.5)


def test_yunet__another_network_is_refused(shared: Path) -> None:
    with pytest.raises(WeightsError, match="is not YuNet"):
        YuNet(shared / "weights" / "landmarks-regression-retail-0009.onnx")


def test_yunet__an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"absent\.onnx is not there"):
        YuNet(tmp_path / "absent.onnx")


@pytest.mark.parametrize("shape", [(400, 300, 3), (3000, 2000, 3), (60, 60, 3)])
def test_border_and_shrink__sides_are_multiples_of_32_and_at_most_640(shape: tuple[int, ...]) -> None:
    canvas, scale, (border, _) = border_and_shrink(np.zeros(shape, np.uint8))
    assert canvas.shape[0] % 32 == canvas.shape[1] % 32 == 0
    assert max(canvas.shape) <= 640
    assert border == 0.25 * max(shape)
    assert scale <= 1
