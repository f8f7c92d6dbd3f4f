"""Views of a crop: what is drawn is what is done, and nothing is done that was not asked for."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from facies.embeddings.pretrain.augment import Augmentation, View, apply_view, movement
from facies.simulation import simulate_faces

SIDE = 48


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    """Return a painted face with a bright bar on its left, so that the sides differ."""
    face = np.array(cv2.resize(simulate_faces(1, random_state=1, size=96).images[0], (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    face[:, :6] = [250, 120, 20]
    return face


def test_none__every_view_is_the_crop_itself(crop):
    view = Augmentation.none().draw(np.random.default_rng(5))
    assert np.array_equal(apply_view(crop, view), crop)


def test_apply_view__leaves_its_crop_as_it_was(crop):
    before = crop.copy()
    apply_view(crop, View(mirrored=True, gamma=2.0, noise=20, blur=0.03, jpeg_quality=20))
    apply_view(crop, View())[:] = 0
    assert np.array_equal(crop, before)


def test_mirror__twice_gives_the_crop_and_once_exchanges_the_sides(crop):
    mirrored = apply_view(crop, View(mirrored=True))
    assert np.array_equal(mirrored, crop[:, ::-1])
    assert not np.array_equal(mirrored, crop)
    assert np.array_equal(apply_view(mirrored, View(mirrored=True)), crop)


def test_draw__equal_generators_give_equal_views_and_others_do_not():
    augmentation = Augmentation()
    first, second, other = (augmentation.draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_draw__another_strength_leaves_what_the_others_draw():
    usual = Augmentation().draw(np.random.default_rng(3))
    changed = Augmentation(rotation=45).draw(np.random.default_rng(3))
    assert dataclasses.replace(changed, rotation=usual.rotation) == usual


def test_draw__keeps_to_the_settings_and_reaches_their_ends():
    augmentation = Augmentation()
    rng = np.random.default_rng(0)
    views = [augmentation.draw(rng) for _ in range(2000)]
    scales = [view.scale for view in views]
    assert augmentation.scale[0] <= min(scales) < 0.91
    assert 1.19 < max(scales) <= augmentation.scale[1]
    assert max(abs(view.rotation) for view in views) == pytest.approx(augmentation.rotation, abs=0.1)
    assert max(view.blur for view in views) <= augmentation.blur
    for share, used in (
        (augmentation.mirror, [view.mirrored for view in views]),
        (augmentation.grey, [view.saturation == 0 for view in views]),
        (augmentation.noise_probability, [view.noise > 0 for view in views]),
        (augmentation.jpeg_probability, [view.jpeg_quality > 0 for view in views]),
    ):
        assert np.mean(used) == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("shift", [(5, 0), (0, 5)])
def test_shift__moves_the_picture_right_and_down(crop, shift):
    x, y = shift
    moved = apply_view(crop, View(shift_x=x / SIDE, shift_y=y / SIDE))
    assert np.array_equal(moved[y:, x:], crop[: SIDE - y, : SIDE - x])


def test_rotation__turns_clockwise_about_the_centre():
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[:4, 22:26] = 255  # above
    turned = apply_view(picture, View(rotation=90))
    assert turned[22:26, -4:].mean() > 250  # now on the right


def test_scale__enlarges_about_the_centre():
    matrix = movement(View(scale=2.0), SIDE)
    centre = np.array([(SIDE - 1) / 2, (SIDE - 1) / 2, 1])
    assert matrix @ centre == pytest.approx(centre[:2])


def test_light__brightness_gamma_and_tint_go_the_way_that_they_say(crop):
    assert apply_view(crop, View(brightness=1.3)).mean() > crop.mean()
    assert apply_view(crop, View(gamma=1.5)).mean() < crop.mean()
    assert apply_view(crop, View(contrast=0.5)).std() < crop.std()
    redder = apply_view(crop, View(red=1.3, blue=0.8))
    assert redder[..., 0].mean() > crop[..., 0].mean()
    assert redder[..., 2].mean() < crop[..., 2].mean()
    assert np.array_equal(redder[..., 1], crop[..., 1])


def test_saturation__none_leaves_grey_of_the_same_lightness(crop):
    grey = apply_view(crop, View(saturation=0.0))
    assert np.ptp(grey, axis=2).max() == 0
    assert grey[..., 0] == pytest.approx(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), abs=1)


def test_blur_noise_and_jpeg__change_fine_detail_and_not_colours(crop):
    plain = crop[8:, 10:].astype(float)
    for view in (View(blur=0.03), View(noise=8, noise_seed=4), View(jpeg_quality=40)):
        changed = apply_view(crop, view)[8:, 10:].astype(float)
        assert not np.array_equal(changed, plain)
        assert changed.mean(axis=(0, 1)) == pytest.approx(plain.mean(axis=(0, 1)), abs=1.5)


def test_noise__its_seed_repeats_it(crop):
    view = View(noise=8, noise_seed=4)
    assert np.array_equal(apply_view(crop, view), apply_view(crop, view))
    assert not np.array_equal(apply_view(crop, view), apply_view(crop, dataclasses.replace(view, noise_seed=5)))


def test_draw_and_apply__gives_uint8_of_the_same_size_at_the_strongest(crop):
    strongest = Augmentation(
        mirror=1, scale=(0.2, 5), shift=0.5, rotation=180, brightness=2, contrast=2, gamma=2, tint=2, saturation=2, grey=0.5, blur=0.1,
        blur_probability=1, noise=64, noise_probability=1, jpeg=(1, 100), jpeg_probability=1,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for _ in range(20):
        changed = strongest.draw_and_apply(crop, rng)
        assert (changed.shape, changed.dtype) == (crop.shape, crop.dtype)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"blur": 0.0}, "blur and blur_probability"),
        ({"noise_probability": 0.0}, "noise and noise_probability"),
        ({"scale": (1.2, 0.9)}, "scale is not a range"),
        ({"jpeg": (0, 95)}, "jpeg is not a range"),
        ({"zoom": 2}, "Extra inputs"),
    ],
)
def test_settings__that_are_wrong_or_without_effect_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        Augmentation(**settings)


def test_mild__changes_less_than_the_usual_settings(crop):
    def change(augmentation: Augmentation) -> float:
        still = augmentation.model_copy(update={"mirror": 0})
        views = [still.draw_and_apply(crop, np.random.default_rng(seed)).astype(float) for seed in range(40)]
        return float(np.mean([np.abs(view - crop).mean() for view in views]))

    assert 0 < change(Augmentation.mild()) < 0.7 * change(Augmentation())
