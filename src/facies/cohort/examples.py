"""Example tables for a new study, made from the vocabulary so that they cannot drift from it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from facies.errors import InputError
from facies.store import sidecar
from facies.tables import DIAGNOSES, OUTCOMES, PARTICIPANTS, PHOTOGRAPHS, READINGS, Table


class ExampleTable(NamedTuple):
    """A table and its JSON sidecar."""

    frame: pd.DataFrame
    sidecar: dict[str, dict[str, Any]]


_PEOPLE: dict[str, list[Any]] = {
    "participant_id": ["p001", "p002", "p003"],
    "age": [54.2, 61.8, 70.5],
    "sex": ["female", "male", "female"],
    "site": ["A", "A", "B"],
    "family_id": ["f1", "f1", None],
    "consent_scope": ["analysis", "publication", "analysis"],
}
_PHOTOGRAPHS: dict[str, list[Any]] = {
    "photo_id": ["p001_1", "p001_2", "p002_1", "p003_1"],
    "participant_id": ["p001", "p001", "p002", "p003"],
    "session_id": ["visit1", "visit1", "visit1", "visit1"],
    "path": ["p001_1.jpg", "p001_2.jpg", "p002_1.jpg", "p003_1.jpg"],
    "taken_on": ["2024-03-01", "2024-03-01", "2024-03-08", "2024-04-12"],
    "view": ["frontal"] * 4,
    "device": ["camera 1"] * 4,
}
_READINGS: dict[str, list[Any]] = {
    "reader_id": ["r1", "r2", "r1", "r2", "r1", "r2"],
    "photo_id": ["p001_1", "p001_1", "p002_1", "p002_1", "p003_1", "p003_1"],
    "target": ["perceived_age"] * 6,
    "repeat": [0] * 6,
    "reading": [52.0, 57.0, 62.0, 67.0, 67.0, 72.0],
    "position": [1, 3, 2, 1, 3, 2],
}
_OUTCOMES: dict[str, list[Any]] = {"participant_id": ["p001", "p002", "p003"], "copd": [0, 1, 0], "bone_density": [0.91, 0.84, 0.79]}

_DIAGNOSES: dict[str, list[Any]] = {
    "participant_id": ["p001", "p002", "p003"],
    "diagnosis": ["acromegaly", "control", "cushing"],
    "severity": [2.0, 0.0, 1.0],
    "reference": ["IGF-1 and glucose load", "neither found", "cortisol after dexamethasone"],
    "treated_on": ["2024-05-02", None, None],
}

_FURTHER: dict[str, dict[str, dict[str, Any]]] = {
    "participants": {
        "bmi": {"Description": "body mass index, an example of a covariate", "Units": "kg/m2"},
        "smoking": {"Description": "an example of a coded covariate", "Levels": {"0": "never", "1": "former", "2": "current"}},
    },
    "outcomes": {
        "copd": {"Description": "an example of a binary outcome", "Levels": {"0": "no", "1": "yes"}},
        "bone_density": {"Description": "an example of a continuous outcome", "Units": "g/cm2"},
    },
}


def example_tables(*, target: str = "perceived_age") -> dict[str, ExampleTable]:
    """Return small valid tables of every kind that a user gives, with their sidecars, by name.

    Parameters
    ----------
    target
        ``facies`` gives diagnoses instead of readings and outcomes.

    Examples
    --------
    >>> tables = example_tables()
    >>> sorted(tables), tables["participants"].sidecar["age"]["Units"]
    (['outcomes', 'participants', 'photographs', 'readings'], 'years')
    """
    people = _PEOPLE | {"bmi": [24.1, 27.9, 22.5], "smoking": [0, 2, 1]}
    given: dict[Table, dict[str, list[Any]]] = {PARTICIPANTS: people, PHOTOGRAPHS: _PHOTOGRAPHS}
    given |= {DIAGNOSES: _DIAGNOSES} if target == "facies" else {READINGS: _READINGS, OUTCOMES: _OUTCOMES}
    return {table.name: _example(table, values) for table, values in given.items()}


def _example(table: Table, values: dict[str, list[Any]]) -> ExampleTable:
    further = _FURTHER.get(table.name, {})
    strange = [name for name in values if name not in {column.name for column in table.columns} | set(further)]
    if strange:
        raise InputError(f"the example of {table.name} has a column '{strange[0]}' that the vocabulary lacks: mend facies.cohort.examples")
    return ExampleTable(table.validate(pd.DataFrame(values)), sidecar(table, list(values)) | further)
