"""Two cohorts beside each other."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from facies.evaluation.shift import (
    DISTANCE,
    GIVEN_AGE,
    OUT_OF_RANGE,
    QUALITY,
    CohortSummary,
    Distances,
    describe_shift,
    measure_people,
    summarise_cohort,
)
from facies.records import from_json
from facies.tables import FACES, PARTICIPANT_PREDICTIONS


def cohort(n: int, *, age: float = 60.0, n_photographs: int = 1, prefix: str = "p") -> tuple[pd.DataFrame, ...]:
    """Return participants, photographs, faces and predictions of n people; every second one is a woman."""
    ids = [f"{prefix}{i:03d}" for i in range(n)]
    people = pd.DataFrame({"participant_id": ids, "age": age + np.linspace(-9, 9, n), "sex": ["female", "male"] * (n // 2)})
    photo_ids = [f"{name}_{k}" for name in ids for k in range(n_photographs)]
    photographs = pd.DataFrame({"photo_id": photo_ids, "participant_id": np.repeat(ids, n_photographs)})
    faces = FACES.empty().reindex(range(len(photo_ids)))
    faces = faces.assign(face_id=photo_ids, photo_id=photo_ids, n_faces=1, included=True, exclusion_reason=None, sharpness=100.0)
    faces["sharpness"] = np.tile(100.0 + 20 * np.arange(n_photographs), n) + np.repeat(np.arange(n), n_photographs)
    predictions = PARTICIPANT_PREDICTIONS.empty().reindex(range(n)).assign(
        participant_id=ids, model_id="hog+ridge", target="perceived_age", fold=0, n_photographs=n_photographs, predicted=people.age + 2,
        observed=people.age + 1,
    )  # fmt: skip
    return people, photographs, faces, predictions


def shift_of(validation: tuple[pd.DataFrame, ...], discovery: CohortSummary | None) -> pd.DataFrame:
    people, photographs, faces, predictions = validation
    measured = measure_people(people, photographs, faces)
    return describe_shift(discovery, measured, predictions, {}).set_index("measure")


def test_measure_people__averages_the_photographs_of_each_person_and_leaves_out_excluded_faces():
    people, photographs, faces, _ = cohort(10, n_photographs=2)
    faces.loc[0, ["included", "exclusion_reason"]] = [False, "blurred"]
    faces["included"] = faces.included.astype(bool)
    measured = measure_people(people, photographs, faces)
    assert measured.sharpness.tolist()[:2] == [120.0, 111.0]
    assert measured["photographs a person"].tolist()[:2] == [1.0, 2.0]
    assert measured["share female"].mean() == 0.5


def test_summarise_cohort__holds_no_person_and_is_read_back_from_json():
    summary = summarise_cohort(*cohort(60))
    text = json.dumps(asdict(summary))
    assert from_json(CohortSummary, text) == summary
    assert "p001" not in text
    assert summary.measures["age"].n == 60
    assert summary.measures["age"].low == pytest.approx(np.quantile(60 + np.linspace(-9, 9, 60), 0.025))
    line = summary.age_lines["hog+ridge"]
    assert (line.slope, line.intercept) == (pytest.approx(1), pytest.approx(2))
    assert summary.reference is not None
    assert summary.reference.mean == pytest.approx(61)


def test_summarise_cohort__of_few_people_gives_no_single_persons_value():
    assert summarise_cohort(*cohort(20)).measures["age"].low is None
    assert summarise_cohort(*cohort(8)).measures == {}


def test_describe_shift__an_older_cohort_is_told_in_standard_deviations_and_by_who_lies_outside():
    known = summarise_cohort(*cohort(60))
    shift = shift_of(cohort(40, age=69.0, prefix="v"), known)
    age = shift.loc["age"]
    assert age.standardised_difference == pytest.approx(9 / np.linspace(-9, 9, 60).std(ddof=1))
    assert age.outside == pytest.approx(np.mean(69 + np.linspace(-9, 9, 40) > age.discovery_high))
    assert "standard deviations more: predictions of ages that were rare" in age.warning
    assert shift.loc[GIVEN_AGE].warning is None


def test_describe_shift__the_same_cohort_again_has_no_warning():
    assert shift_of(cohort(60), summarise_cohort(*cohort(60))).warning.isna().all()


def test_describe_shift__a_biased_camera_shows_without_readings_whatever_the_ages():
    discovery, validation = cohort(60), cohort(60, age=70, prefix="v")
    for tables, bias in ((discovery, 0.0), (validation, 5.0)):
        tables[3]["predicted"] = 60 + 0.5 * (tables[0].age - 60) + bias + np.tile([-1.0, 1.0], 30)  # regression to the mean
    beyond = shift_of(validation, summarise_cohort(*discovery)).loc[GIVEN_AGE]
    assert beyond.discovery == pytest.approx(0, abs=1e-9)
    assert beyond.validation == pytest.approx(5, abs=0.1)
    assert "the model may be biased here" in beyond.warning


def test_describe_shift__without_the_discoverys_numbers_every_row_says_so():
    shift = shift_of(cohort(20), None)
    assert shift.loc["age", "validation"] == pytest.approx(60)
    assert shift.warning.eq("the discovery's cohort_summary.json is absent: ask for it").all()
    assert set(QUALITY) - set(shift.index) == set(QUALITY) - {"sharpness"}


def test_describe_shift__counts_the_people_beyond_the_models_limit():
    names = [f"v{i}" for i in range(20)]
    distance = pd.Series(np.repeat([1.0, 3.0], 10), index=names)
    out = pd.Series([True] + [False] * 19, index=names)
    people = pd.DataFrame({"age": 60.0}, index=names)
    shift = describe_shift(None, people, PARTICIPANT_PREDICTIONS.empty(), {"m": Distances(distance, out, 2.0, 500)}).set_index("measure")
    assert shift.loc[DISTANCE, ["n_discovery", "discovery_high", "validation", "outside"]].tolist() == [500, 2.0, 2.0, 0.5]
    assert shift.loc[DISTANCE, "warning"].startswith("50% lie beyond the limit")
    assert shift.loc[OUT_OF_RANGE, "outside"] == 0.05
    assert shift.loc[OUT_OF_RANGE, "warning"] is None
