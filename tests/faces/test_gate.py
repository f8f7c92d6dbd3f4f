"""The quality gate: which measure excludes for which reason."""

from __future__ import annotations

import dataclasses
import math

import pytest

from facies.errors import InputError
from facies.faces import QualityGate, assess_face
from facies.faces.gate import CHECKS
from facies.tables import EXCLUSION_REASONS, FACES

GOOD = {
    "score": 0.95, "inter_eye_distance": 80.0, "sharpness": 300.0, "exposure": 0.5, "underexposed": 0.01, "overexposed": 0.01,
    "illumination_uniformity": 0.8, "yaw": 2.0, "pitch": -3.0, "roll": 1.0, "background_uniformity": 0.9,
    "compression": 0.1, "outside": 0.0,
}  # fmt: skip


def test_assess_face__an_ordinary_portrait_passes() -> None:
    assert assess_face(GOOD, QualityGate()) is None


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("score", 0.2, "low_score"),
        ("inter_eye_distance", 9.0, "eyes_too_close"),
        ("sharpness", 1.0, "blurred"),
        ("exposure", 0.02, "too_dark"),
        ("exposure", 0.99, "too_bright"),
        ("underexposed", 0.9, "too_dark"),
        ("overexposed", 0.9, "too_bright"),
        ("yaw", -60.0, "turned"),
        ("pitch", 60.0, "turned"),
        ("roll", -70.0, "tilted"),
        ("outside", 0.6, "cut_off"),
    ],
)
def test_assess_face__a_bad_measure_gives_its_reason(column: str, value: float, reason: str) -> None:
    assert assess_face({**GOOD, column: value}, QualityGate()) == reason


@pytest.mark.parametrize(
    ("threshold", "limit", "reason"),
    [
        ("min_illumination_uniformity", 0.9, "uneven_light"),
        ("max_compression", 0.05, "compressed"),
        ("min_background_uniformity", 0.95, "uneven_background"),
    ],
)
def test_assess_face__a_study_may_set_what_is_not_checked_by_default(threshold: str, limit: float, reason: str) -> None:
    assert getattr(QualityGate(), threshold) is None
    assert assess_face(GOOD, QualityGate.from_settings({threshold: limit})) == reason


def test_assess_face__a_missing_measure_does_not_exclude() -> None:
    assert assess_face(dict.fromkeys(GOOD, math.nan), QualityGate()) is None


def test_assess_face__a_gate_without_thresholds_lets_everything_through() -> None:
    open_gate = QualityGate(**{field.name: None for field in dataclasses.fields(QualityGate)})
    assert assess_face({**GOOD, "score": 0.0, "outside": 1.0}, open_gate) is None


def test_checks__every_threshold_has_one_check_and_speaks_of_a_column_and_a_reason_that_exist() -> None:
    assert sorted(check[0] for check in CHECKS) == sorted(field.name for field in dataclasses.fields(QualityGate))
    assert {check[1] for check in CHECKS} <= {column.name for column in FACES.columns}
    assert {check[3] for check in CHECKS} <= set(EXCLUSION_REASONS)


def test_quality_gate__refuses_words() -> None:
    with pytest.raises(InputError, match="min_score is 'high': give a number"):
        QualityGate.from_settings({"min_score": "high"})
