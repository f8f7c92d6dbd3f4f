"""The shipped encoder: what it holds, and that its parts are what the card says."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from facies.embeddings import load_encoder
from facies.embeddings.facies_s import CROP, MAGNIFICATION, WINDOW, FaciesS, describe_classically
from facies.embeddings.hog import describe, structures
from facies.errors import InputError, WeightsError
from facies.imaging import align_face
from facies.simulation import simulate_faces

PACKAGE = Path(str(files("facies.embeddings")))
NAMES = ("facies_s.onnx", "facies_s.onnx.json", "facies_s.json", "facies_s_scores.safetensors")


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("facies-s")


@pytest.fixture(scope="module")
def painted():
    ages = np.linspace(20, 85, 24)
    people = pd.DataFrame({"photo_id": [f"p{i}" for i in range(24)], "age": ages, "sex": ["female", "male"] * 12})
    return ages, simulate_faces(people.assign(participant_id=people.photo_id), random_state=4, size=256)


def test_facies_s__classical_block_is_hog_of_the_same_face(encoder, painted):
    hog = load_encoder("hog")
    own, other = (
        encoder_.encode(np.stack([align_face(image, points, encoder_.card.crop) for image, points in zip(*painted[1], strict=True)]))
        for encoder_ in (encoder, hog)
    )
    assert own.shape == (24, 2956)
    likeness = [np.corrcoef(a, b)[0, 1] for a, b in zip(own[:, :2380], other, strict=True)]
    assert min(likeness) > 0.99


def test_facies_s__structures_of_the_classical_block_are_the_mean_of_two_magnifications(painted):
    image, points = next(zip(*painted[1], strict=True))
    crop = align_face(image, points, CROP)
    middle = (CROP.size - 1) / 2
    enlarged = cv2.warpAffine(crop, cv2.getRotationMatrix2D((middle, middle), 0, MAGNIFICATION), (CROP.size, CROP.size))
    near, closer = (describe(np.ascontiguousarray(image[WINDOW])) for image in (crop, enlarged))
    block = describe_classically(crop)
    n = len(structures(np.zeros((160, 160), dtype=np.uint8)))
    assert n == 2028
    assert np.array_equal(block[n:], near[n:])
    expected = (near[:n] + closer[:n]) / 2
    assert np.abs(block[:n] - expected).mean() < 0.005 < np.abs(block[:n] - near[:n]).mean()


def test_facies_s__scores_rise_with_the_looked_age_of_painted_faces(encoder, painted):
    ages, faces = painted
    vectors = encoder.encode(np.stack([align_face(image, points, CROP) for image, points in zip(*faces, strict=True)]))
    assert np.corrcoef(vectors[:, -32:].mean(axis=1), ages)[0, 1] > 0.6


def test_facies_s__network_file_and_training_weights_are_one_network(encoder):
    torch = pytest.importorskip("torch")
    from facies.embeddings.pretrain.backbones import make_backbone

    network = make_backbone("facies-s", size=112, weights=PACKAGE / "facies_s.safetensors").eval()
    crop = np.random.default_rng(0).integers(0, 256, (180, 180, 3), dtype=np.uint8)
    small = cv2.resize(crop, (112, 112), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        expected = network(torch.from_numpy(small).permute(2, 0, 1)[None].float() / 127.5 - 1)[0].numpy()
    found = encoder.encode(crop[None])[0, 2380:-32]
    assert (
        np.abs(found - expected).max() < 3e-3 * np.abs(expected).max()
    )  # convolutions and norms are joined, then stored in half precision


def test_facies_s__a_vector_does_not_depend_on_its_batch(encoder):
    crops = np.random.default_rng(1).integers(0, 256, (3, 180, 180, 3), dtype=np.uint8)
    assert np.array_equal(encoder.encode(crops)[1], encoder.encode(crops[1:2])[0])


def test_facies_s__takes_no_more_than_12_megabytes_and_a_card_that_says_what_it_learnt_from():
    own = [path for path in PACKAGE.glob("facies_s*") if path.suffix != ".py"]
    assert sum(path.stat().st_size for path in own) < 12e6
    card = json.loads((PACKAGE / "facies_s.json").read_text())
    assert "portraits" in card["trained_on"]
    assert len(card["fails_on"]) >= 4


def test_facies_s__altered_scores_are_refused(tmp_path):
    for name in NAMES:
        shutil.copyfile(PACKAGE / name, tmp_path / name)
    path = tmp_path / "facies_s_scores.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00\x01")
    with pytest.raises(WeightsError, match=r"facies_s_scores\.safetensors is not the file that facies_s\.json names"):
        FaciesS(tmp_path)


def test_facies_s__takes_no_weights_of_others(tmp_path):
    with pytest.raises(InputError, match="facies-s brings its own weights"):
        load_encoder("facies-s", weights=tmp_path / "other.onnx")
