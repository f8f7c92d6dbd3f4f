"""The classical descriptor: what its blocks must say about pictures whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facies.embeddings import load_encoder
from facies.embeddings.hog import ORIENTATIONS, _orientations, bands, colours, contours, fold, patterns


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


@pytest.mark.parametrize("radius", [1, 2])
def test_patterns__count_each_pixel_where_it_belongs(crop, radius):
    grey = crop[..., 0]
    shares = patterns(grey, cells=8, radius=radius) ** 2
    padded = np.pad(grey, radius, mode="edge").astype(int)
    ring = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    counts = np.zeros((8, 8, 10))
    for row in range(160):
        for column in range(160):
            around = [padded[row + radius * y, column + radius * x] >= grey[row, column] for y, x in ring]
            changes = sum(around[k] != around[k - 1] for k in range(8))
            counts[row // 20, column // 20, sum(around) if changes <= 2 else 9] += 1
    assert shares == pytest.approx(counts / 400, abs=1e-6)


def test_patterns__are_the_same_of_whole_levels_and_of_numbers(crop):
    grey = crop[..., 0]
    assert np.array_equal(patterns(grey, cells=8, radius=2), patterns(grey.astype(np.float32), cells=8, radius=2))


def test_contours__share_a_gradient_out_between_the_two_nearest_orientations():
    """A ramp whose gradient points 45 degrees down: between the second and the third of six bins, half way."""
    y, x = np.mgrid[0:160, 0:160].astype(np.float32)
    raw = _orientations(x + y, cells=16)[4, 4]
    assert raw / raw.sum() == pytest.approx([0, 0.5, 0.5, 0, 0, 0], abs=1e-3)
    back = _orientations(-x - y, cells=16)[4, 4]
    assert back == pytest.approx(raw, abs=1e-3)
