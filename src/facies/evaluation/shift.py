"""Two cohorts beside each other: ages, sexes, photographs, computed ages and the distance of faces from those that a model knows.

The discovery enters as a :class:`CohortSummary`, numbers without persons, so that none of its people has to be carried to another site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from facies.tables import FACES, PARTICIPANT_PREDICTIONS, PARTICIPANTS, SHIFTS

QUALITY = (
    "inter_eye_distance",
    "sharpness",
    "exposure",
    "underexposed",
    "overexposed",
    "illumination_uniformity",
    "yaw",
    "pitch",
    "roll",
    "background_uniformity",
    "compression",
    "outside",
)
"""Quality measures of table ``faces``; each person counts by the mean over the faces that are used."""

ALL_MODELS = "all"
GIVEN_AGE = "predicted, given age"
DISTANCE = "embedding distance"
ALIKE = "pairs of photographs that look nearly the same in both"
OUT_OF_RANGE = "predicted outside the training range"

SMALLEST = 10
"""Measures of fewer people are left out of a summary."""

SMALLEST_TAIL = 40
"""The middle 95 % is given from so many people on: with fewer it would be one person's value."""

LARGE = 0.25
"""A difference of means of more standard deviations than this gets a warning (Stuart, Stat Sci 2010;25:1-21)."""

FAR = 0.05
"""A share of people far from the training faces, of whom 1 % are expected, or outside the range of their labels, that gets a warning."""

MEANINGS = {
    "age": "predictions of ages that were rare in the discovery lean towards its mean, and effects may differ by age",
    "share female": "compare effects within women and men",
    "photographs a person": "means over more photographs are less noisy, so effects of computed ages are less attenuated",
    GIVEN_AGE: "the model may be biased here (another camera), or people look otherwise: recalibrate with readings of some photographs",
}
"""What a large difference may mean; for the quality measures :data:`OTHER_PHOTOGRAPHS`."""

OTHER_PHOTOGRAPHS = "the photographs are of another kind than those the model knows: compare its bias and slope here with the discovery's"


@dataclass(frozen=True)
class MeasureSummary:
    """One measure over people: how many, mean (or share), standard deviation, and the ends of the middle 95 % (None: too few people)."""

    n: int
    mean: float
    sd: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class AgeLine:
    """What a model predicts for people of an age: intercept + slope * age, and the scatter about it, in years."""

    intercept: float
    slope: float
    residual: MeasureSummary


@dataclass(frozen=True)
class CohortSummary:
    """A cohort without its persons.

    Parameters
    ----------
    n_participants
        People with a usable face.
    measures
        Of people and photographs, by name.
    age_lines
        What each model, which had not seen the person, predicts by age; by model_id.
    reference
        The labels: panel means, or ages.
    """

    n_participants: int
    measures: Mapping[str, MeasureSummary] = field(default_factory=dict)
    age_lines: Mapping[str, AgeLine] = field(default_factory=dict)
    reference: MeasureSummary | None = None


def summarise_cohort(
    participants: pd.DataFrame, photographs: pd.DataFrame, faces: pd.DataFrame, predictions: pd.DataFrame
) -> CohortSummary:
    """Summarise a discovery, so that a second cohort can be held against it anywhere.

    Parameters
    ----------
    participants, photographs, faces
        Tables of these names; people without a usable face do not count.
    predictions
        Table ``participant_predictions``, cross-fitted, with ``observed`` where there is a reference.

    Examples
    --------
    >>> from facies.tables import FACES
    >>> people = pd.DataFrame({"participant_id": [f"p{i}" for i in range(40)], "age": np.arange(40.0, 80.0)})
    >>> photographs = pd.DataFrame({"photo_id": people.participant_id, "participant_id": people.participant_id})
    >>> faces = FACES.empty().reindex(range(40)).assign(face_id=people.participant_id, photo_id=people.participant_id, n_faces=1,
    ...     sharpness=100.0, included=True, exclusion_reason=None)
    >>> predictions = PARTICIPANT_PREDICTIONS.empty()
    >>> summarise_cohort(people, photographs, faces, predictions).measures["age"].mean
    59.5
    """
    people = measure_people(participants, photographs, faces)
    observed = predictions.groupby("participant_id")["observed"].first()
    return CohortSummary(
        n_participants=len(people),
        measures=_summaries({str(name): people[name] for name in people.columns}),
        age_lines=_age_lines(predictions, participants),
        reference=_summary(observed),
    )


def _summaries(columns: Mapping[str, pd.Series]) -> dict[str, MeasureSummary]:
    found = {name: _summary(values, share=name == "share female") for name, values in columns.items()}
    return {name: summary for name, summary in found.items() if summary is not None}


def _summary(values: pd.Series, *, share: bool = False) -> MeasureSummary | None:
    known = values.dropna().to_numpy(dtype=np.float64)
    if len(known) < SMALLEST:
        return None
    ends = np.quantile(known, [0.025, 0.975]).tolist() if len(known) >= SMALLEST_TAIL and not share else [None, None]
    return MeasureSummary(len(known), float(known.mean()), float(known.std(ddof=1)), *ends)


def measure_people(participants: pd.DataFrame, photographs: pd.DataFrame, faces: pd.DataFrame) -> pd.DataFrame:
    """Return the measures of each person who has a usable face, by participant_id: age, sex, photographs, and their quality."""
    PARTICIPANTS.validate(participants)
    FACES.validate(faces)
    used = faces[faces.included].merge(photographs[["photo_id", "participant_id"]], on="photo_id", validate="many_to_one")
    by_person = used.groupby("participant_id")
    people = participants.set_index("participant_id")
    quality = by_person[list(QUALITY)].mean()
    measures = pd.DataFrame({"age": people.age.reindex(quality.index)})
    if "sex" in people.columns:
        sex = people.sex.reindex(quality.index)
        measures["share female"] = (sex == "female").astype(np.float64).where(sex.notna())
    measures["photographs a person"] = by_person.photo_id.nunique().astype(np.float64)
    return pd.concat([measures, quality], axis=1)


def _age_lines(predictions: pd.DataFrame, participants: pd.DataFrame) -> dict[str, AgeLine]:
    """Fit predicted on age for each model by least squares; models with too few people or ages get no line."""
    PARTICIPANT_PREDICTIONS.validate(predictions)
    aged = predictions.assign(age=predictions.participant_id.map(participants.set_index("participant_id").age)).dropna(subset="age")
    lines = {}
    for model_id, rows in aged.groupby("model_id", sort=False):
        age, predicted = rows.age.to_numpy(dtype=np.float64), rows.predicted.to_numpy(dtype=np.float64)
        if len(rows) < SMALLEST or np.ptp(age) == 0:
            continue
        slope, intercept = np.polyfit(age, predicted, 1)
        residual = _summary(pd.Series(predicted - intercept - slope * age))
        if residual is not None:
            lines[str(model_id)] = AgeLine(float(intercept), float(slope), replace(residual, mean=0.0))
    return lines


@dataclass(frozen=True, eq=False)
class Distances:
    """How far the people's faces lie from those that a model was trained on.

    ``distance`` and ``out_of_range`` are by participant_id: the mean distance of the person's faces, and whether the prediction lies
    outside the range of the training labels. Beyond ``farthest`` lies 1 in 100 of the ``n_discovery`` people that the model knows.
    """

    distance: pd.Series
    out_of_range: pd.Series
    farthest: float
    n_discovery: int


def describe_shift(
    discovery: CohortSummary | None,
    people: pd.DataFrame,
    predictions: pd.DataFrame,
    distances: Mapping[str, Distances],
    *,
    n_alike: int = 0,
) -> pd.DataFrame:
    """Hold a second cohort against the discovery.

    Parameters
    ----------
    discovery
        From :func:`summarise_cohort`; None when it did not travel: the rows then say so.
    people
        :func:`measure_people` of the second cohort.
    predictions
        Its table ``participant_predictions``.
    distances
        By model_id.
    n_alike
        Pairs of photographs, one of each cohort, that look nearly the same.

    Returns
    -------
    Table ``shifts``. ``predicted, given age`` is the prediction less what the discovery's people of that age were given, so that it shows
    a biased model without any reading, whatever the ages here. ``discovery_high`` of the embedding distance is the limit beyond which 1 %
    of the discovery lies.

    Examples
    --------
    >>> known = CohortSummary(400, {"age": MeasureSummary(400, 60.0, 5.0, 51.0, 69.0)})
    >>> people = pd.DataFrame({"age": np.arange(60.0, 80.0)}, index=[f"v{i}" for i in range(20)])
    >>> shift = describe_shift(known, people, PARTICIPANT_PREDICTIONS.empty(), {})
    >>> shift[["measure", "validation", "standardised_difference", "outside"]].values.tolist()
    [['age', 69.5, 1.9, 0.5]]
    """
    rows = [_row(str(name), ALL_MODELS, people[name], _known(discovery, str(name)), discovery is None) for name in people.columns]
    lines = {} if discovery is None else discovery.age_lines
    for model_id, line in lines.items():
        rows.append(_row(GIVEN_AGE, model_id, _beyond(predictions[predictions.model_id == model_id], people, line), line.residual, False))
    for model_id, found in distances.items():
        rows += _distance_rows(model_id, found)
    if n_alike:
        warning = "look at them: nobody may be in both cohorts"
        rows.append({"measure": ALIKE, "model_id": ALL_MODELS, "n_validation": len(people), "validation": n_alike, "warning": warning})
    columns: Sequence[str] = [column.name for column in SHIFTS.columns]
    table = pd.DataFrame([row for row in rows if row is not None], columns=list(columns))
    return SHIFTS.validate(table.astype({"n_discovery": np.float64, "n_validation": np.int64}))


def _beyond(predictions: pd.DataFrame, people: pd.DataFrame, line: AgeLine) -> pd.Series:
    """Return what each person was given more than the discovery's people of that age, in years."""
    return predictions.predicted - line.intercept - line.slope * predictions.participant_id.map(people.age)


def _known(discovery: CohortSummary | None, name: str) -> MeasureSummary | None:
    return None if discovery is None else discovery.measures.get(name)


def _row(measure: str, model_id: str, values: pd.Series, known: MeasureSummary | None, absent: bool) -> dict[str, Any] | None:
    here = values.dropna().to_numpy(dtype=np.float64)
    if len(here) == 0 and known is None:
        return None
    mean = float(here.mean()) if len(here) else np.nan
    row: dict[str, Any] = {"measure": measure, "model_id": model_id, "n_validation": len(here), "validation": mean}
    if known is None:
        why = "the discovery's cohort_summary.json is absent: ask for it" if absent else "the discovery has too few people with it"
        return row | {"warning": why}
    low, high = (np.nan if end is None else end for end in (known.low, known.high))
    difference = (mean - known.mean) / known.sd if known.sd > 1e-9 * max(1.0, abs(known.mean)) else np.nan
    outside = float(np.mean((here < low) | (here > high))) if len(here) and np.isfinite(low) else np.nan
    return row | {
        "n_discovery": known.n,
        "discovery": known.mean,
        "discovery_low": low,
        "discovery_high": high,
        "standardised_difference": difference,
        "outside": outside,
        "warning": _warning(measure, difference),
    }


def _warning(measure: str, difference: float) -> str | None:
    if not abs(difference) > LARGE:
        return None
    return f"{abs(difference):.1f} standard deviations {'more' if difference > 0 else 'less'}: {MEANINGS.get(measure, OTHER_PHOTOGRAPHS)}"


def _distance_rows(model_id: str, found: Distances) -> list[dict[str, Any]]:
    far = float((found.distance > found.farthest).mean())
    out = float(found.out_of_range.mean())
    common = {"model_id": model_id, "n_discovery": found.n_discovery, "n_validation": len(found.distance)}
    return [
        common
        | {
            "measure": DISTANCE,
            "discovery_high": found.farthest,
            "validation": float(found.distance.mean()),
            "outside": far,
            "warning": f"{far:.0%} lie beyond the limit that 1 % are expected to pass: {OTHER_PHOTOGRAPHS}" if far > FAR else None,
        },
        common
        | {
            "measure": OUT_OF_RANGE,
            "validation": out,
            "outside": out,
            "warning": f"{out:.0%} are predicted younger or older than any training label: extrapolations" if out > FAR else None,
        },
    ]
