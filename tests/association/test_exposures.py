"""Exposures by source and the direction of differences."""

import numpy as np
import pandas as pd
import pytest

from facies.association import DIRECTIONS, age_gap, exposures_from_predictions, years_looking_older
from facies.errors import InputError


@pytest.fixture
def predictions():
    return pd.DataFrame({
        "participant_id": ["b", "a", "b"], "model_id": ["hog+ridge", "hog+ridge", "net+ridge"], "target": "perceived_age",
        "fold": [0, -1, 0], "n_photographs": 1, "predicted": [60.0, 52.0, 61.0], "ci_low": np.nan, "ci_high": np.nan,
        "observed": [62.0, np.nan, 62.0], "label_weight": [1.0, np.nan, 1.0],
    })  # fmt: skip


def test_years_looking_older__is_positive_when_the_face_looks_older():
    assert years_looking_older(np.array([66.0]), np.array([60.0])) == 6


def test_age_gap__the_rotterdam_sign_is_the_opposite_and_says_so():
    assert age_gap(np.array([66.0]), np.array([60.0]), direction="delta_pa_rotterdam") == -6
    assert "Rotterdam" in DIRECTIONS["delta_pa_rotterdam"][1]
    with pytest.raises(InputError, match="choose years_looking_older or delta_pa_rotterdam"):
        age_gap(np.array([66.0]), np.array([60.0]), direction="delta")


def test_exposures_from_predictions__has_a_column_a_source(predictions):
    table = exposures_from_predictions(predictions)
    assert table.columns.tolist() == ["participant_id", "perceived_age[panel]", "perceived_age[hog+ridge]", "perceived_age[net+ridge]"]
    assert table.participant_id.tolist() == ["a", "b"]
    assert table.iloc[1, 1:].tolist() == [62, 60, 61]
    assert table.iloc[0, 1:].isna().tolist() == [True, False, True]


def test_exposures_from_predictions__names_a_difference_by_its_direction(predictions):
    people = pd.DataFrame({"participant_id": ["a", "b"], "age": [50.0, 65.0]})
    older = exposures_from_predictions(predictions, participants=people, direction="years_looking_older")
    younger = exposures_from_predictions(predictions, participants=people, direction="delta_pa_rotterdam")
    assert older["years_looking_older[hog+ridge]"].tolist() == [2, -5]
    assert younger["delta_pa_rotterdam[hog+ridge]"].tolist() == [-2, 5]


def test_exposures_from_predictions__wrong_input_is_refused(predictions):
    with pytest.raises(InputError, match="no predictions of 'age' \\(targets: perceived_age\\)"):
        exposures_from_predictions(predictions, target="age")
    with pytest.raises(InputError, match="needs the age: give participants"):
        exposures_from_predictions(predictions, direction="years_looking_older")


def test_exposures_from_predictions__takes_the_sources_that_are_named_in_their_order(predictions):
    people = pd.DataFrame({"participant_id": ["a", "b", "c"], "age": [50.0, 65.0, 70.0], "ssl": [51.0, float("nan"), 71.0]})
    table = exposures_from_predictions(predictions, participants=people, sources=["column:ssl", "panel"])
    assert table.columns.tolist() == ["participant_id", "perceived_age[ssl]", "perceived_age[panel]"]
    assert table.participant_id.tolist() == ["a", "b", "c"]
    assert table["perceived_age[ssl]"].fillna(0).tolist() == [51, 0, 71]
    assert table["perceived_age[panel]"].fillna(0).tolist() == [0, 62, 0]
    older = exposures_from_predictions(predictions, participants=people, sources=["column:ssl"], direction="years_looking_older")
    assert older["years_looking_older[ssl]"].fillna(0).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("other", "source 'other' is neither panel, hog\\+ridge, net\\+ridge nor column:NAME"),
        ("column:ssl", "'column:ssl' is no column of the participants or outcomes"),
        ("column:sex", "must hold perceived ages of 0 to 120 years"),
        ("column:hog+ridge", "has the name of a model of this study"),
    ],
)
def test_exposures_from_predictions__a_source_that_is_not_there_is_refused(predictions, source, message):
    people = pd.DataFrame({"participant_id": ["a", "b"], "age": [50.0, 65.0], "sex": ["female", "male"], "hog+ridge": [1.0, 2.0]})
    with pytest.raises(InputError, match=message):
        exposures_from_predictions(predictions, participants=people, sources=[source])
