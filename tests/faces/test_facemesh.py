"""BlazeFace and the face mesh; what needs their files or ai-edge-litert is skipped where these are absent."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from facies.embeddings import weights_dir
from facies.errors import MissingExtraError, WeightsError
from facies.faces import FaceMesh
from facies.faces.facemesh import BLAZEFACE_FILE, anchors


@pytest.fixture(scope="module")
def mesh() -> FaceMesh:
    pytest.importorskip("ai_edge_litert", reason="the extra `mesh` is not installed")
    folder = Path(os.environ.get("FACIES_MESH", weights_dir()))
    if not (folder / "face_landmark.tflite").exists():
        pytest.skip("the face mesh was not fetched (facies weights fetch face-mesh)")
    return FaceMesh(folder / "face_landmark.tflite")


def test_anchors__lie_symmetrically_in_the_picture() -> None:
    middles = anchors()
    assert middles.shape == (896, 2)
    np.testing.assert_allclose(middles.mean(axis=0), 0.5)
    assert sorted(middles[:, 0]) == sorted(middles[:, 1])


def test_face_mesh__an_absent_file_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="facies weights fetch face-mesh"):
        FaceMesh(tmp_path / "face_landmark.tflite")
    (tmp_path / "face_landmark.tflite").touch()
    with pytest.raises(WeightsError, match="facies weights fetch blazeface"):
        FaceMesh(tmp_path / "face_landmark.tflite")


def test_face_mesh__files_that_are_no_networks_are_refused(tmp_path: Path) -> None:
    for name in ("face_landmark.tflite", BLAZEFACE_FILE):
        (tmp_path / name).write_bytes(b"no network")
    with pytest.raises((WeightsError, MissingExtraError), match=r"no TensorFlow Lite networks|pip install"):
        FaceMesh(tmp_path / "face_landmark.tflite")


def test_face_mesh__finds_everybody_near_the_labels(shared: Path, mesh: FaceMesh) -> None:
    labels = pd.read_csv(shared / "faces" / "labels.csv").sample(20, random_state=8)
    columns = [f"{name}_{axis}" for name in ("reye", "leye", "nose", "rmouth", "lmouth") for axis in "xy"]
    pictures = [np.ascontiguousarray(cv2.imread(str(shared / "faces" / file))[:, :, ::-1]) for file in labels.file]
    with ThreadPoolExecutor(2) as pool:
        found = [faces[0].points for faces in pool.map(mesh.detect, pictures)]
    errors = np.linalg.norm(np.array(found) - labels[columns].to_numpy().reshape(-1, 5, 2), axis=2).mean(axis=1) / labels.iod_px
    assert errors.mean() < 0.1
    assert errors.max() < 0.2
