"""Alignment: the transform is known, so the crop is known."""

from __future__ import annotations

import time

import numpy as np
import pytest

from facies.errors import InputError
from facies.imaging.alignment import align_face, outside_share, similarity_transform, transform_points, warp
from facies.records import CropContract

TEMPLATE = ((0.31, 0.4), (0.69, 0.4), (0.5, 0.58), (0.36, 0.74), (0.64, 0.74))


def placed(contract: CropContract, *, scale: float, angle: float, shift: tuple[float, float]) -> np.ndarray:
    """Return the template's points scaled, turned by ``angle`` degrees and shifted."""
    turn = np.radians(angle)
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return contract.points() @ rotation.T + shift


@pytest.mark.parametrize("angle", [-170, -30, 0, 12.5, 90])
@pytest.mark.parametrize("scale", [0.2, 1, 7.3])
def test_similarity_transform__recovers_a_known_transform(scale, angle):
    contract = CropContract(TEMPLATE, size=128)
    points = placed(contract, scale=scale, angle=angle, shift=(123.4, -5.6))
    found = transform_points(points, similarity_transform(points, contract.points()))
    assert np.abs(found - contract.points()).max() < 1e-9


def test_similarity_transform__equals_umeyamas_solution_by_singular_values():
    random = np.random.default_rng(5)
    for _ in range(50):
        points, template = random.normal(size=(5, 2)) * 40, random.normal(size=(5, 2)) * 40
        assert np.allclose(similarity_transform(points, template), umeyama(points, template), atol=1e-9)


def umeyama(points: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Return equations 38 to 43 of Umeyama 1991, written out."""
    p, q = points - points.mean(axis=0), template - template.mean(axis=0)
    u, d, vt = np.linalg.svd(q.T @ p / len(p))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(sign) @ vt
    scale = (d * sign).sum() / (p**2).sum() * len(p)
    return np.column_stack([scale * rotation, template.mean(axis=0) - scale * rotation @ points.mean(axis=0)])


def test_similarity_transform__does_not_mirror():
    contract = CropContract(TEMPLATE, size=100)
    mirrored = contract.points() * [-1, 1]
    assert np.linalg.det(similarity_transform(mirrored, contract.points())[:, :2]) > 0


@pytest.mark.parametrize("points", [np.ones((5, 2)), np.full((5, 2), np.nan), np.full((5, 2), np.inf)])
def test_similarity_transform__refuses_points_that_fix_nothing(points):
    with pytest.raises(InputError, match="give five different points"):
        similarity_transform(points, CropContract(TEMPLATE, size=64).points())


@pytest.mark.parametrize("angle", [0, 17, -33])
@pytest.mark.parametrize("scale", [0.6, 1.0, 1.37, 2.2, 2.99, 4.6, 9.5])
def test_align_face__puts_a_spot_where_the_transform_says_within_a_twentieth_pixel(scale, angle):
    contract = CropContract(TEMPLATE, size=96)
    points = placed(contract, scale=scale, angle=angle, shift=(0, 0))
    points += (434.3, 464.8) - points.mean(axis=0)
    matrix = similarity_transform(points, contract.points())
    for spot in ((38.3, 31.2), (60.9, 55.4)):
        where = transform_points(np.array([spot]), inverse(matrix))[0]
        y, x = np.mgrid[0:930, 0:870]
        width = 3.0 * max(scale, 1)
        bump = 255 * np.exp(-((x - where[0]) ** 2 + (y - where[1]) ** 2) / (2 * width**2))
        crop = align_face(np.repeat(np.rint(bump)[..., None], 3, axis=2).astype(np.uint8), points, contract)
        assert np.abs(centre(crop[..., 1]) - spot).max() < 0.05


def inverse(matrix: np.ndarray) -> np.ndarray:
    """Return the matrix of the way back."""
    return np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]


def centre(grey: np.ndarray) -> np.ndarray:
    """Return the centre of brightness as x, y."""
    weights = grey.astype(float)
    y, x = np.mgrid[0 : grey.shape[0], 0 : grey.shape[1]]
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


def test_align_face__cuts_out_the_very_pixels_when_nothing_is_scaled():
    image = np.random.default_rng(2).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    contract = CropContract(TEMPLATE, size=40)
    assert np.array_equal(align_face(image, contract.points() + np.array([50, 30]), contract), image[30:70, 50:90])


@pytest.mark.parametrize("factor", [2, 4, 6])
def test_align_face__averages_fine_texture_instead_of_aliasing(factor):
    checks = (np.indices((128 * factor, 128 * factor)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image, contract = np.dstack([checks] * 3), CropContract(TEMPLATE, size=64)
    points = (contract.points() + 0.5) * factor - 0.5 + [30.3, 20.7]
    crop = align_face(image, points, contract)[4:-4, 4:-4].astype(float)
    sampled = align_face(image, points, CropContract(TEMPLATE, size=64, resize_filter="linear"))[4:-4, 4:-4].astype(float)
    assert abs(crop.mean() - 127.5) < 2
    assert crop.std() < 12
    assert abs(sampled.mean() - 127.5) > 5 or sampled.std() > crop.std()


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_align_face__keeps_the_mean_brightness(factor):
    y, x = np.mgrid[0 : 80 * factor, 0 : 100 * factor]
    image = np.repeat(((x / factor) + (y / factor))[..., None], 3, axis=2).astype(np.uint8)
    contract = CropContract(TEMPLATE, size=32)
    points = (contract.points() + 0.5 + [20, 10]) * factor - 0.5
    expected = np.add.outer(np.arange(10, 42), np.arange(20, 52))
    assert np.abs(align_face(image, points, contract)[..., 0] - expected).mean() < 0.8


def test_align_face__does_not_depend_on_what_lies_far_from_the_face():
    random = np.random.default_rng(8)
    image = random.integers(0, 256, (700, 900, 3), dtype=np.uint8)
    contract = CropContract(TEMPLATE, size=48)
    points = placed(contract, scale=4.3, angle=8, shift=(300, 250))
    crop = align_face(image, points, contract)
    image[:200], image[620:] = 0, 255
    image[:, :220], image[:, 700:] = 9, 77
    assert np.array_equal(align_face(image, points, contract), crop)


def test_align_face__gives_red_green_blue_whatever_the_network_wants():
    image = np.zeros((80, 80, 3), np.uint8)
    image[..., 0] = 200
    crop = align_face(image, CropContract(TEMPLATE, size=32).points() + 20, CropContract(TEMPLATE, size=32, colour_order="BGR"))
    assert crop[16, 16].tolist() == [200, 0, 0]


def test_align_face__repeats_the_edge_beyond_the_picture():
    image = np.full((40, 40, 3), 90, np.uint8)
    contract = CropContract(TEMPLATE, size=64)
    for scale in (0.7, 1.4, 5):
        assert np.unique(align_face(image, placed(contract, scale=scale, angle=20, shift=(-20, -20)), contract)).tolist() == [90]


def test_align_face__takes_a_face_that_lies_wholly_beyond_the_picture():
    image = np.full((40, 50, 3), 33, np.uint8)
    contract = CropContract(TEMPLATE, size=64)
    points = placed(contract, scale=4, angle=0, shift=(2000, -3000))
    assert np.unique(align_face(image, points, contract)).tolist() == [33]
    assert outside_share(points, contract, image.shape) == 1


def test_align_face__shows_more_with_a_larger_margin():
    image = np.zeros((200, 200, 3), np.uint8)
    image[60:140, 60:140] = 255
    contract = CropContract(TEMPLATE, size=80)
    points = contract.points() + 60
    shares = [(align_face(image, points, CropContract(TEMPLATE, size=80, margin=m)) > 127).mean() for m in (0, 0.25, 0.5)]
    assert shares == pytest.approx([1, 1 / 1.25**2, 1 / 1.5**2], abs=0.03)


def test_align_face__refuses_an_unknown_filter():
    contract = CropContract(TEMPLATE, size=32, resize_filter="cubic")
    with pytest.raises(InputError, match="choose area or linear"):
        align_face(np.zeros((50, 50, 3), np.uint8), contract.points(), contract)


def test_outside_share__equals_a_count_of_pixels():
    contract = CropContract(TEMPLATE, size=200)
    random = np.random.default_rng(4)
    for _ in range(30):
        points = placed(contract, scale=random.uniform(0.4, 1.5), angle=random.uniform(-180, 180), shift=random.uniform(-120, 180, 2))
        inside = warp_inside(points, contract, (150, 170))
        assert outside_share(points, contract, (150, 170, 3)) == pytest.approx(1 - inside, abs=0.012)


def warp_inside(points: np.ndarray, contract: CropContract, shape: tuple[int, int]) -> float:
    """Return the share of crop pixels whose centre lies in the picture."""
    back = inverse(similarity_transform(points, contract.points()))
    grid = np.stack(np.meshgrid(np.arange(contract.size), np.arange(contract.size)), axis=-1).reshape(-1, 2)
    x, y = transform_points(grid, back).T
    return float(((x >= -0.5) & (x < shape[1] - 0.5) & (y >= -0.5) & (y < shape[0] - 0.5)).mean())


def test_warp__is_continuous_where_the_way_of_averaging_changes():
    y, x = np.mgrid[0:600, 0:600]
    wave = (127.5 + 100 * np.sin(x / 9) * np.cos(y / 11)).astype(np.uint8)
    for shrink in (1.0, 3.0, 6.0):
        crops = [warp(wave, np.array([[1 / s, 0, -5], [0, 1 / s, -5]]), (80, 80)) for s in (shrink - 1e-4, shrink + 1e-4)]
        assert np.abs(crops[0].astype(int) - crops[1]).mean() < 1.5


def test_align_face__takes_less_than_a_few_milliseconds():
    image = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    contract = CropContract(TEMPLATE, size=128)
    points = placed(contract, scale=2.2, angle=4, shift=(40, 40))
    times = []
    for _ in range(30):
        start = time.thread_time()
        align_face(image, points, contract)
        times.append(time.thread_time() - start)
    assert min(times) < 3e-3


@pytest.mark.parametrize("scale", [0.4, 1.3, 2.9, 5.0])
@pytest.mark.parametrize("shift", [(60.0, 40.0), (-50.0, 10.0), (400.0, 400.0)])
@pytest.mark.parametrize("small", [0, 1 << 20])
def test_warp__gives_colours_the_bits_of_three_channels_sampled_together(scale, shift, small, monkeypatch):
    """Colours are sampled with a fourth channel; nothing of it shows, nor of the memory about the face that is never filled."""
    image = np.random.default_rng(7).integers(0, 256, (300, 260, 3), dtype=np.uint8)
    monkeypatch.setattr("facies.imaging.alignment._SMALL", small)
    contract = CropContract(TEMPLATE, size=64)
    matrix = similarity_transform(placed(contract, scale=scale, angle=17, shift=shift), contract.points())
    crops = [warp(image, matrix, (64, 64), antialias=antialias) for antialias in (True, False)]
    monkeypatch.setattr("facies.imaging.alignment._four_channels", lambda image, *_: image)
    plain = [warp(image, matrix, (64, 64), antialias=antialias) for antialias in (True, False)]
    assert all(np.array_equal(crop, expected) and crop.shape == (64, 64, 3) for crop, expected in zip(crops, plain, strict=True))
