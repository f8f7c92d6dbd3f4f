"""Readers' marked regions: coverage, agreement and consensus with known answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError, TableError
from facies.imaging.atlas import region_labels
from facies.readers import (
    FACE_REGIONS,
    Brush,
    consensus_as_marks,
    consensus_map,
    consensus_regions,
    mark_regions,
    mean_marks,
    pairwise_dice,
    region_agreement,
    region_coverage,
)
from facies.records import CropContract
from facies.saliency.overlap import region_overlap
from facies.tables import REGION_MARKS, REGIONS

CROP = CropContract(((0.34, 0.42), (0.66, 0.42), (0.5, 0.577), (0.369, 0.737), (0.631, 0.737)), size=90)
LABELS = region_labels(CROP)
SIGN = "acromegaly"


def painted(*regions):
    return np.isin(LABELS, [REGIONS.index(name) for name in regions])


def brush(reader, photo, *regions, repeat=0):
    return Brush(reader, photo, SIGN, repeat, painted(*regions))


def simulated_marks(n_photographs, readers, *, seed=0):
    """Return marks by readers with given sensitivity and specificity, and the true regions, (n_photographs, 9)."""
    rng = np.random.default_rng(seed)
    truth = rng.random((n_photographs, len(FACE_REGIONS))) < np.linspace(0.1, 0.6, len(FACE_REGIONS))
    rows = []
    for reader, (sensitivity, specificity) in readers.items():
        said = np.where(truth, rng.random(truth.shape) < sensitivity, rng.random(truth.shape) > specificity)
        rows += [
            (reader, f"f{i:03d}", SIGN, 0, region, float(said[i, j])) for i in range(n_photographs) for j, region in enumerate(FACE_REGIONS)
        ]
    return pd.DataFrame(rows, columns=[column.name for column in REGION_MARKS.columns]), truth


def test_region_coverage__a_painted_region_is_covered_and_half_of_it_half():
    shares = dict(zip(REGIONS, region_coverage(painted("nose", "chin"), LABELS).tolist(), strict=True))
    assert [name for name, share in shares.items() if share > 0] == ["nose", "chin"]
    assert shares["nose"] == 1
    upper = painted("nose") & (np.arange(90)[:, None] < 50)
    half = region_coverage(upper, LABELS)[REGIONS.index("nose")]
    assert half == upper.sum() / painted("nose").sum()
    assert 0.3 < half < 0.9


def test_region_coverage__left_and_right_are_not_swapped_for_up_and_down():
    left = np.zeros((90, 90), dtype=bool)
    left[:, :45] = True
    top = left.T.copy()
    across, down = region_coverage(left, LABELS), region_coverage(top, LABELS)
    assert across[REGIONS.index("forehead")] == pytest.approx(0.5, abs=0.03)
    assert down[REGIONS.index("forehead")] == 1
    assert down[REGIONS.index("chin")] == 0


def test_mark_regions__nothing_painted_is_an_answer_and_points_move_the_atlas():
    marks = mark_regions([brush("r1", "a", "nose"), Brush("r2", "a", SIGN, 0, np.zeros((90, 90), dtype=bool))], CROP)
    assert marks.groupby("reader_id").marked.sum().to_dict() == {"r1": 1.0, "r2": 0.0}
    lower = {"a": CROP.points() + np.array([0, 12])}
    moved = mark_regions([brush("r1", "a", "nose")], CROP, points=lower).set_index("region").marked
    assert moved["nose"] < 0.8
    assert moved["glabella"] + moved["periorbital"] > 0.1


def test_mark_regions__refuses_other_sizes_missing_points_and_doubles():
    with pytest.raises(InputError, match=r"the mask has the shape \(80, 80\) and the crop \(90, 90\): paint on the aligned crop"):
        mark_regions([Brush("r1", "a", SIGN, 0, np.zeros((80, 80), dtype=bool))], CROP)
    with pytest.raises(InputError, match="give booleans"):
        mark_regions([Brush("r1", "a", SIGN, 0, np.zeros((90, 90)))], CROP)
    with pytest.raises(InputError, match="photograph 'a' has no points"):
        mark_regions([brush("r1", "a")], CROP, points={})
    with pytest.raises(TableError, match="stands twice"):
        mark_regions([brush("r1", "a"), brush("r1", "a")], CROP)
    with pytest.raises(InputError, match="there is no brush"):
        mark_regions([], CROP)


def test_pairwise_dice__known_answers():
    a, b, empty = painted("nose", "chin"), painted("chin"), painted()
    dice = pairwise_dice(np.stack([a, b, empty, empty]))
    chin, both = b.sum(), a.sum()
    assert dice[0, 1] == pytest.approx(2 * chin / (both + chin))
    assert dice[0, 1] == dice[1, 0]
    assert dice[0, 2] == 0
    assert np.isnan(dice[2, 3])


def test_region_agreement__kappa_is_that_of_statsmodels_where_all_readers_saw_all():
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    marks, _ = simulated_marks(60, {"r1": (0.9, 0.8), "r2": (0.7, 0.9), "r3": (0.8, 0.7), "r4": (0.6, 0.9)}, seed=1)
    table = region_agreement(marks, target_condition=SIGN, n_bootstrap=200)
    for region in FACE_REGIONS:
        said = marks[marks.region == region].pivot(index="photo_id", columns="reader_id", values="marked").to_numpy().astype(int)
        row = table[(table.measure == "fleiss_kappa") & (table.region == region)].iloc[0]
        assert row.value == pytest.approx(fleiss_kappa(aggregate_raters(said)[0]))
        assert row.ci_low < row.value < row.ci_high
        assert (row.n, row.n_readers) == (60, 4)


def test_region_agreement__dice_of_sets_is_averaged_over_pairs():
    brushes = [brush("r1", "a", "nose", "chin"), brush("r2", "a", "chin"), brush("r1", "b", "nose"), brush("r2", "b", "nose")]
    table = region_agreement(mark_regions(brushes, CROP), target_condition=SIGN, n_bootstrap=100)
    row = table[table.measure == "dice"].iloc[0]
    assert row.value == pytest.approx((2 / 3 + 1) / 2)
    assert table[(table.measure == "marked") & (table.region == "nose")].value.item() == 0.75
    never = table[(table.measure == "fleiss_kappa") & (table.region == "jawline")].iloc[0]
    assert np.isnan(never.value)


def test_region_agreement__repeating_a_persons_photographs_does_not_narrow_the_interval():
    marks, _ = simulated_marks(30, {"r1": (0.9, 0.8), "r2": (0.7, 0.9), "r3": (0.8, 0.7)}, seed=2)
    again = pd.concat([marks, marks.assign(photo_id=marks.photo_id + "_2")])
    photographs = pd.DataFrame({"photo_id": sorted(again.photo_id.unique())})
    photographs["participant_id"] = photographs.photo_id.str.removesuffix("_2")
    once = region_agreement(marks, target_condition=SIGN, n_bootstrap=300)
    twice = region_agreement(again, target_condition=SIGN, photographs=photographs, n_bootstrap=300)
    kappa = once.measure == "fleiss_kappa"
    assert twice.n.unique().tolist() == [30]
    widths = [(table.ci_high - table.ci_low)[kappa].to_numpy() for table in (once, twice)]
    assert widths[1] == pytest.approx(widths[0])


def test_region_agreement__readers_by_chance_have_a_kappa_of_about_zero():
    rng = np.random.default_rng(3)
    marks, _ = simulated_marks(400, {f"r{i}": (0.3, 0.7) for i in range(5)}, seed=3)
    marks["marked"] = rng.random(len(marks)) < 0.3
    table = region_agreement(marks.astype({"marked": float}), target_condition=SIGN, n_bootstrap=100)
    assert table[table.measure == "fleiss_kappa"].value.abs().max() < 0.06


def test_consensus_map__the_sign_is_found_again_under_careless_readers():
    rng = np.random.default_rng(4)
    truth = painted("nose", "chin")
    quality = [(0.95, 0.98), (0.8, 0.95), (0.7, 0.9), (0.5, 0.6), (0.5, 0.5)]
    masks = np.stack([np.where(truth, rng.random(truth.shape) < p, rng.random(truth.shape) > q) for p, q in quality])
    found = consensus_map(masks, prior="estimated")
    assert found.staple.converged
    assert found.staple.sensitivity == pytest.approx([p for p, _ in quality], abs=0.06)
    dice = pairwise_dice(np.stack([truth, found.probability > 0.5, found.majority]))[0]
    assert dice[1] > 0.9
    assert dice[1] > dice[2] + 0.05


def test_consensus_regions__weighs_good_readers_and_says_how_good_they_are():
    quality = {"r1": (0.95, 0.97), "r2": (0.9, 0.95), "r3": (0.6, 0.7), "r4": (0.55, 0.6), "r5": (0.6, 0.6)}
    marks, truth = simulated_marks(150, quality, seed=5)
    found = consensus_regions(marks, target_condition=SIGN)
    assert found.converged
    right = truth.ravel()
    assert np.mean((found.table.staple > 0.5) == right) > np.mean(found.table.majority == right) + 0.03
    assert found.readers.sensitivity.to_numpy() == pytest.approx([p for p, _ in quality.values()], abs=0.07)
    assert found.table.n_readers.unique().tolist() == [5]


def test_consensus_regions__readers_may_see_different_photographs():
    marks, truth = simulated_marks(200, {f"r{i}": (0.85, 0.9) for i in range(6)}, seed=6)
    number, reader = marks.photo_id.str[1:].astype(int), marks.reader_id.str[1:].astype(int)
    part = marks[(number + reader) % 2 == 0]
    found = consensus_regions(part, target_condition=SIGN)
    assert found.table.n_readers.unique().tolist() == [3]
    assert np.mean((found.table.staple > 0.5) == truth.ravel()) > 0.93
    assert found.readers.specificity.to_numpy() == pytest.approx([0.9] * 6, abs=0.06)


def test_mean_marks__repeats_of_a_reader_are_one_reading():
    marks = mark_regions([brush("r1", "a", "nose"), brush("r1", "a", repeat=1), brush("r2", "a", "nose")], CROP)
    means = dict(zip(FACE_REGIONS, mean_marks(marks, target_condition=SIGN), strict=True))
    assert means["nose"] == 0.75
    assert means["chin"] == 0


def test_consensus__can_be_compared_with_a_model():
    marks, _ = simulated_marks(80, {f"r{i}": (0.9, 0.9) for i in range(4)}, seed=7)
    consensus = consensus_regions(marks, target_condition=SIGN).table
    for by in ("staple", "majority"):
        theirs = mean_marks(consensus_as_marks(consensus, by=by), target_condition=SIGN)
        overlap = {found.measure: found.value for found in region_overlap(np.arange(9.0), theirs, n_permutations=50)}
        assert overlap["rank_correlation"] > 0.8
    with pytest.raises(InputError, match="choose staple or majority"):
        consensus_as_marks(consensus, by="mean")


def test_region_agreement__refuses_what_cannot_be_compared():
    marks, _ = simulated_marks(5, {"r1": (0.9, 0.9)})
    with pytest.raises(InputError, match="no photograph has markings of 'acromegaly' by two readers"):
        region_agreement(marks, target_condition=SIGN)
    with pytest.raises(InputError, match=r"nobody marked 'cushing' \(conditions: acromegaly\)"):
        region_agreement(marks, target_condition="cushing")
    with pytest.raises(InputError, match="at_least is 0"):
        consensus_regions(marks, target_condition=SIGN, at_least=0)
