"""Attribution: planted regions are found, random ones are not, and checks say which is which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.embeddings.templates import face_template
from facies.errors import InputError
from facies.imaging.atlas import region_labels, region_parts
from facies.records import CropContract
from facies.saliency.average import average_map
from facies.saliency.checks import Check, check_rows, curve_area, likeness
from facies.saliency.occlusion import Part, cumulative_log_odds, occlusion_drops, occlusion_vectors, prepare_covers
from facies.saliency.outline import both_sides, with_outline
from facies.saliency.overlap import dice, region_overlap
from facies.saliency.regions import region_rows, region_shares, region_table, share_means
from facies.tables import REGIONS

CROP = CropContract(face_template(eye_distance=0.32, eye_height=0.42), size=96)
PARTS = [Part(*part) for part in region_parts(region_labels(CROP), CROP)]
NOSE = region_labels(CROP) == REGIONS.index("nose")


def redness_of_the_nose(crops):
    """Stand for an encoder: the mean of red in the nose, and noise from the rest that a decision may ignore."""
    return np.stack([[crop[NOSE][:, 0].mean(), crop[~NOSE][:, 1].mean()] for crop in crops.astype(float)])


def face(red=0.0, seed=0):
    rng = np.random.default_rng(seed)
    crop = np.full((96, 96, 3), 120.0) + rng.normal(0, 6, (96, 96, 3))
    crop[NOSE, 0] += red
    return np.clip(crop, 0, 255).astype(np.uint8)


FILLING = np.mean([face(seed=i).astype(float) for i in range(20)], axis=0)


def drops_of(crop, decide=lambda vectors: vectors[:, 0]):
    return occlusion_drops(decide(occlusion_vectors(crop, prepare_covers(PARTS, FILLING), redness_of_the_nose)))


def test_occlusion__finds_the_region_that_the_model_looks_at():
    shares, areas = region_shares(drops_of(face(red=60)), PARTS)
    assert REGIONS[int(shares.argmax())] == "nose"
    assert shares.max() > 0.8
    assert areas.sum() == pytest.approx(1.0)
    assert shares.sum() == pytest.approx(1.0)


def test_occlusion__a_face_without_the_sign_gives_next_to_nothing():
    assert np.abs(drops_of(face())).max() < 0.05 * drops_of(face(red=60)).max()


def test_cover__takes_the_colour_around_it_so_that_a_darker_picture_is_no_sign():
    covers = prepare_covers(PARTS, FILLING)
    dark = (face(seed=3) * 0.6).astype(np.uint8)
    nose = [i for i, part in enumerate(PARTS) if part.region == "nose"]
    assert abs(covers.cover(dark, nose)[NOSE].mean() - dark[NOSE].mean()) < 4


EYES = 0.32 * 96
WITH_OUTLINE = with_outline(PARTS, eye_distance=EYES)


def mask_of(parts, name):
    return np.any([part.mask for part in parts if part.region == name], axis=0)


def test_outline__every_pixel_stays_in_one_part_and_no_face_part_loses_any():
    assert (np.sum([part.mask for part in WITH_OUTLINE], axis=0) == 1).all()
    for before, after in zip(PARTS, WITH_OUTLINE, strict=True):
        assert before[:2] == after[:2]
        assert before.region == "background" or (after.mask >= before.mask).all()
    grown = {after.region for before, after in zip(PARTS, WITH_OUTLINE, strict=True) if after.mask.sum() > before.mask.sum()}
    assert grown == {"malar", "jawline", "chin"}


def test_outline__left_and_right_stay_mirror_images():
    left, right = (next(part.mask for part in WITH_OUTLINE if part[:2] == ("jawline", side)) for side in ("left", "right"))
    assert left.sum() == pytest.approx(right.sum(), rel=0.06)


@pytest.mark.parametrize(("painted", "first"), [("jawline", "jawline"), ("hair", "background")])
def test_outline__what_lies_along_the_jaw_is_the_jaws_and_the_hair_is_not(painted, first):
    beside = mask_of(WITH_OUTLINE, "jawline") & mask_of(PARTS, "background")
    above = np.zeros_like(beside)
    above[:6] = mask_of(PARTS, "background")[:6]
    where = {"jawline": beside, "hair": above}[painted]
    crop = face()
    crop[where, 0] += 60

    def redness(crops):
        return crops[:, where, 0].astype(float).mean(axis=1, keepdims=True)

    drops = {}
    for name, parts in (("inside alone", PARTS), ("with outline", WITH_OUTLINE)):
        vectors = occlusion_vectors(crop, prepare_covers(parts, FILLING), redness)
        drops[name] = dict(zip(REGIONS, region_shares(occlusion_drops(vectors[:, 0]), parts)[0], strict=True))
    assert max(drops["inside alone"], key=drops["inside alone"].get) == "background"
    assert max(drops["with outline"], key=drops["with outline"].get) == first


def test_both_sides__a_sign_that_either_cheek_can_tell_is_found_only_when_both_are_covered():
    malar = [part.mask for part in PARTS if part.region == "malar"]
    crop = face()
    crop[np.any(malar, axis=0), 0] += 60

    def redder_cheek(crops):
        return np.stack([[max(crop[mask][:, 0].mean() for mask in malar)] for crop in crops.astype(float)])

    drops = {}
    for name, parts in (("one", PARTS), ("both", both_sides(PARTS))):
        vectors = occlusion_vectors(crop, prepare_covers(parts, FILLING), redder_cheek)
        drops[name] = max(occlusion_drops(vectors[:, 0])[[part.region == "malar" for part in parts]])
    assert drops["one"] < 5 < 40 < drops["both"]
    assert [part.region for part in both_sides(PARTS)] == list(REGIONS)


def test_outline__refuses_parts_without_background_and_a_negative_width():
    with pytest.raises(InputError, match="no background among the parts"):
        with_outline([part for part in PARTS if part.region != "background"], eye_distance=EYES)
    with pytest.raises(InputError, match="choose 0 or more"):
        with_outline(PARTS, eye_distance=EYES, band=-1)


def test_deletion_and_insertion__fall_and_rise_faster_in_the_order_of_the_map():
    crop, covers = face(red=60), prepare_covers(PARTS, FILLING)
    order = np.argsort(-drops_of(crop), kind="stable").tolist()
    worst = order[::-1]
    areas = {}
    for name, chosen in (("own", order), ("worst", worst)):
        deleted, inserted = cumulative_log_odds(crop, covers, redness_of_the_nose, lambda vectors: vectors[:, 0], chosen)
        areas[name] = (curve_area(deleted), curve_area(inserted))
        assert inserted[-1] == deleted[0]
    assert areas["own"][0] < 0.2 < 0.8 < areas["worst"][0]
    assert areas["own"][1] > 0.8 > 0.2 > areas["worst"][1]


def test_share_means__intervals_resample_people_not_faces():
    rng = np.random.default_rng(1)
    rows, owner, groups = [], {}, {}
    for number in range(40):
        shares = rng.dirichlet(np.ones(len(REGIONS)))
        for copy in range(3):
            name = f"f{number}_{copy}"
            rows += region_rows(name, "m", "x", "occlusion", shares, np.full(len(REGIONS), 0.1))
            owner[name], groups[name] = f"p{number}", number < 20
    table = region_table(rows)
    member = pd.DataFrame(
        {"cases": pd.Series(groups), "others": ~pd.Series(groups), "cases_found": False, "cases_missed": False, "false_alarms": False}
    )
    found = share_means(table, {"x": member}, pd.Series(owner), n_bootstrap=400)
    single = table[table.face_id.str.endswith("_0")]
    once = share_means(single, {"x": member}, pd.Series(owner), n_bootstrap=400)
    assert set(found.people) == {"cases", "others"}
    assert found.n.unique().tolist() == [20]
    assert (found.ci_high - found.ci_low).to_numpy() == pytest.approx((once.ci_high - once.ci_low).to_numpy(), abs=1e-12)


def test_check_rows__raise_alarms_and_count_people():
    table = check_rows(
        "m", "x", "occlusion", [Check("background", np.array([0.5, 0.6, np.nan]), True), Check("randomised", np.array([0.9]), True, "3")]
    )
    assert table.n.tolist() == [2, 1]
    assert table.alarm.all()
    assert likeness(np.array([0.1, 0.2, 0.7]), np.array([0.2, 0.3, 0.5])) == pytest.approx(1.0)


def test_region_overlap__a_perfect_match_is_unlikely_by_chance_and_noise_is_not():
    marks = np.array([0.9, 0.8, 0.7, 0.2, 0.1, 0.05, 0.0, 0.02, 0.03])
    perfect = {found.measure: found for found in region_overlap(marks, marks)}
    assert perfect["dice"].value == 1.0
    assert perfect["rank_correlation"].p_value < 0.01
    p_values = [
        region_overlap(np.random.default_rng(seed).random(9), marks, n_permutations=300, random_state=seed)[0].p_value for seed in range(60)
    ]
    assert 0.3 < np.mean(p_values) < 0.7
    assert dice(marks, -marks, k=3) == 0.0
    with pytest.raises(InputError, match="give the same ones"):
        region_overlap(marks[:3], marks[:3])


def test_average_map__shows_nobody():
    crops = [face(red=60, seed=i) for i in range(12)]
    drops = np.stack([drops_of(crop) for crop in crops])
    shown = average_map(crops, drops, PARTS)
    reddest = shown[..., 0].astype(int) - shown[..., 2]
    assert reddest[NOSE].mean() > reddest[~NOSE].mean() + 20
    with pytest.raises(InputError, match="10 are needed"):
        average_map(crops[:9], drops[:9], PARTS)


def test_prepare_covers__refuses_what_does_not_fit():
    with pytest.raises(InputError, match="there is no part to cover"):
        prepare_covers([], FILLING)
    with pytest.raises(InputError, match="different sizes"):
        prepare_covers(PARTS, FILLING[:50])


def test_gradients__find_the_pixels_that_a_network_uses():
    torch = pytest.importorskip("torch")
    pytest.importorskip("captum")
    from facies.saliency.gradients import grad_cam, integrated_gradients

    torch.manual_seed(0)
    layer = torch.nn.Conv2d(3, 4, 3, padding=1)
    torch.nn.init.constant_(layer.weight, 0.2)

    class OfTheCorner(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return torch.relu(self.layer(x))[:, :, :8, :8].mean((1, 2, 3))

    module = OfTheCorner().eval()
    crops = torch.rand(2, 3, 32, 32)
    found = integrated_gradients(module, crops, torch.zeros(1, 3, 32, 32))
    assert found.shape == (2, 32, 32)
    assert np.abs(found[:, :9, :9]).sum() > 0.99 * np.abs(found).sum()
    total = (module(crops) - module(torch.zeros(1, 3, 32, 32))).detach().numpy()
    assert found.sum(axis=(1, 2)) == pytest.approx(total, rel=0.05)
    assert grad_cam(module, layer, crops).shape == (2, 32, 32)
