"""The classical descriptor: what its blocks must say about pictures whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facies.embeddings import load_encoder
from facies.embeddings.hog import ORIENTATIONS, bands, colours, contours, fold, patterns


def stripes(period, *, upright):
    wave = 128 + 100 * np.sin(2 * np.pi * np.arange(160) / period)
    rows = np.tile(wave.astype(np.float32), (160, 1))
    return rows if upright else np.ascontiguousarray(rows.T)


@pytest.fixture(scope="module")
def crop():
    noise = np.random.default_rng(3).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    return cv2.resize(noise, (160, 160), interpolation=cv2.INTER_CUBIC)


def test_mirrored_face__has_the_same_vector(crop):
    encoder = load_encoder("hog")
    pair = np.stack([crop, crop[:, ::-1]])
    first, second = encoder.encode(pair)
    assert np.abs(first - second).max() < 0.01
    assert first.std() > 0.1


def test_upright_and_lying_stripes__fall_into_the_bins_of_their_gradients():
    upright = contours(stripes(16, upright=True), cells=16).reshape(-1, ORIENTATIONS)
    lying = contours(stripes(16, upright=False), cells=16).reshape(-1, ORIENTATIONS)
    assert (upright.argmax(axis=1) == 0).all()
    assert (lying.argmax(axis=1) == ORIENTATIONS // 2).all()


def test_contours__do_not_depend_on_contrast(crop):
    grey = crop[..., 1].astype(np.float32)
    assert np.abs(contours(grey, cells=16) - contours(0.5 * grey + 20, cells=16)).max() < 0.01


def test_patterns__are_shares_that_sum_to_one(crop):
    shares = patterns(crop[..., 0].astype(np.float32), cells=8, radius=2) ** 2
    assert shares.sum(axis=-1) == pytest.approx(np.ones((8, 8)), abs=1e-5)


def test_patterns_of_an_even_picture__are_all_the_eighth():
    shares = patterns(np.full((80, 80), 9.0, dtype=np.float32), cells=8, radius=1)
    assert (shares[..., 8] == 1).all()


def test_finer_stripes__have_their_energy_in_finer_bands():
    fine = bands(stripes(3, upright=True), cells=8).mean(axis=(0, 1))
    coarse = bands(stripes(24, upright=True), cells=8).mean(axis=(0, 1))
    assert fine.argmax() < coarse.argmax()


def test_colours__are_cie_lab_of_the_cells():
    red = np.zeros((160, 160, 3), dtype=np.uint8)
    red[..., 0] = 255
    lightness, a, b = colours(red, cells=8)[0, 0, :3]
    assert (lightness, a, b) == pytest.approx((53.24, 80.09, 67.20), abs=0.3)


def test_fold__averages_a_column_with_its_mirror_image():
    grid = np.arange(4, dtype=np.float32).reshape(1, 4, 1)
    assert fold(grid).tolist() == [1.5, 1.5]
