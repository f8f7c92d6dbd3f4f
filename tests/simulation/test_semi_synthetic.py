"""Signs painted onto portraits, and the simulated study of conditions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.embeddings.templates import face_template
from facies.errors import InputError
from facies.imaging.atlas import region_labels, region_parts
from facies.records import CropContract
from facies.saliency.occlusion import Part
from facies.saliency.outline import with_outline
from facies.simulation import draw_face_parameters, paint_faces
from facies.simulation.second_study import simulate_second_study, write_pictures
from facies.simulation.semi_synthetic import PAINTED_REGIONS, paint_condition
from facies.tables import DIAGNOSES, PARTICIPANTS, PHOTOGRAPHS, REGIONS


@pytest.fixture(scope="module")
def portrait():
    people = pd.DataFrame({"photo_id": ["a"], "participant_id": ["a"], "age": [45.0], "sex": ["male"]})
    painted = paint_faces(draw_face_parameters(people, random_state=4), size=256)
    return painted.images[0], painted.points[0]


def test_paint_condition__without_severity_only_the_shared_wobble_is_left(portrait):
    image, points = portrait
    control, mild = (
        paint_condition(image, points, None, 0.0, random_state=1),
        paint_condition(image, points, "acromegaly", 0.0, random_state=1),
    )
    assert (control.image == mild.image).all()
    assert not control.changed.any()
    assert control.regions == ()
    assert 0 < np.abs(control.image.astype(int) - image).mean() < 4


@pytest.mark.parametrize("condition", ["acromegaly", "cushing"])
def test_painted_regions__no_region_that_is_not_named_changes_more_than_one_that_is(condition):
    contract = CropContract(face_template(eye_distance=0.32, eye_height=0.42), size=180)
    five = contract.points()
    painted = paint_condition(np.full((180, 180, 3), 150, np.uint8), five, condition, 1.0)
    parts = [Part(*part) for part in region_parts(region_labels(contract), contract)]
    whole = with_outline(parts, eye_distance=five[1, 0] - five[0, 0])
    masks = {name: np.any([part.mask for part in whole if part.region == name], axis=0) for name in REGIONS}
    share = {name: painted.changed[mask].mean() for name, mask in masks.items()}
    named = [share.pop(name) for name in PAINTED_REGIONS[condition]]
    assert min(named) >= max(share.values()) - 0.01


@pytest.mark.parametrize("condition", ["acromegaly", "cushing"])
def test_paint_condition__changes_more_with_severity_and_where_it_says(portrait, condition):
    image, points = portrait
    plain = paint_condition(image, points, None, 0.0, random_state=1).image.astype(int)
    changes = [np.abs(paint_condition(image, points, condition, s, random_state=1).image - plain).mean() for s in (0.25, 0.5, 0.75, 1.0)]
    assert changes == sorted(changes)
    painted = paint_condition(image, points, condition, 1.0, random_state=1)
    contract = CropContract(face_template(eye_distance=0.3, eye_height=0.4), size=256)
    labels = region_labels(contract, points=points)
    share = {name: painted.changed[labels == number].mean() for number, name in enumerate(REGIONS)}
    changed = [share[name] for name in PAINTED_REGIONS[condition]]
    spared = [share[name] for name in ("forehead", "background")]
    assert min(changed) > max(spared)


def test_paint_condition__a_grey_portrait_stays_grey(portrait):
    image, points = portrait
    grey = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    painted = paint_condition(grey, points, "cushing", 1.0).image.astype(int)
    assert (painted.max(axis=2) - painted.min(axis=2)).mean() < 2


@pytest.mark.parametrize(("condition", "severity", "why"), [("flu", 0.5, "'flu' is not known"), ("cushing", 1.5, "severity is 1.5")])
def test_paint_condition__refuses(portrait, condition, severity, why):
    with pytest.raises(InputError, match=why):
        paint_condition(*portrait, condition, severity)


def test_second_study__keeps_to_the_schemas_and_to_its_seed():
    study, again = simulate_second_study(scale=0.1, random_state=3), simulate_second_study(scale=0.1, random_state=3)
    for table, frame in ((PARTICIPANTS, study.participants), (PHOTOGRAPHS, study.photographs), (DIAGNOSES, study.diagnoses)):
        table.validate(frame)
    pd.testing.assert_frame_equal(study.pictures, again.pictures)
    assert len(study.pictures) == len(study.photographs) + sum(map(len, study.negatives.values()))
    assert study.pictures.file.is_unique


def test_second_study__treated_people_come_again_with_fewer_signs():
    study = simulate_second_study(scale=0.3, random_state=1)
    truth = study.truth.assign(severity=study.truth.acromegaly + study.truth.cushing)
    several = truth.groupby("participant_id").filter(lambda rows: len(rows) == 3)
    wide = several.pivot(index="participant_id", columns="session_id", values="severity")
    assert len(wide) > 10
    assert (wide.s1 > wide.s2).all()
    assert (wide.s2 > wide.s3).all()
    treated = study.diagnoses[study.diagnoses.treated_on.notna()].participant_id.unique()
    assert set(wide.index) == set(treated)


def test_second_study__without_signs_and_with_another_camera_patients_differ_in_the_camera_alone(tmp_path):
    study = simulate_second_study(scale=0.05, random_state=1, signs=False, cases_own_camera=True, follow_up=False, size=64)
    assert not study.pictures[["acromegaly", "cushing"]].to_numpy().any()
    device = study.photographs.merge(study.diagnoses, on="participant_id").groupby("device").diagnosis.unique()
    assert set(device["camera-clinic"]) == {"control"}
    assert len(list(write_pictures(study, tmp_path))) == len(study.pictures)
    with pytest.raises(InputError, match="scale is 99"):
        simulate_second_study(scale=99)
