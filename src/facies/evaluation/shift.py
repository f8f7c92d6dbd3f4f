"""Two cohorts beside each other: ages, sexes, photographs, computed ages and the distance of faces from those that a model knows.

The discovery enters as a :class:`CohortSummary`, numbers without persons, so that none of its people has to be carried to another site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
GAP = "predicted minus age"
DISTANCE = "embedding distance"
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
    GAP: "the model may be biased here (another camera, other people): recalibrate with readings of some of these photographs",
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
class CohortSummary:
    """A cohort without its persons.

    Parameters
    ----------
    n_participants
        People with a usable face.
    measures
        Of people and photographs, by name.
    gaps
        Predicted (by a model that had not seen the person) minus age in years, by model_id.
    reference
        The labels: panel means, or ages.
    """

    n_participants: int
    measures: Mapping[str, MeasureSummary] = field(default_factory=dict)
    gaps: Mapping[str, MeasureSummary] = field(default_factory=dict)
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
    gaps = gaps_by_model(predictions, participants)
    observed = predictions.groupby("participant_id")["observed"].first()
    return CohortSummary(
        n_participants=len(people),
        measures=_summaries({str(name): people[name] for name in people.columns}),
        gaps=_summaries({str(name): gaps[name] for name in gaps.columns}),
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


def gaps_by_model(predictions: pd.DataFrame, participants: pd.DataFrame) -> pd.DataFrame:
    """Return predicted minus age in years, one column a model, by participant_id."""
    PARTICIPANT_PREDICTIONS.validate(predictions)
    age = participants.set_index("participant_id").age
    gap = predictions.assign(gap=predictions.predicted - predictions.participant_id.map(age))
    table = gap.pivot(index="participant_id", columns="model_id", values="gap")
    return table[list(dict.fromkeys(predictions.model_id))]


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
    discovery: CohortSummary | None, people: pd.DataFrame, gaps: pd.DataFrame, distances: Mapping[str, Distances]
) -> pd.DataFrame:
    """Hold a second cohort against the discovery.

    Parameters
    ----------
    discovery
        From :func:`summarise_cohort`; None when it did not travel: the rows then say so.
    people, gaps
        :func:`measure_people` and :func:`gaps_by_model` of the second cohort.
    distances
        By model_id.

    Returns
    -------
    Table ``shifts``. ``discovery_high`` of the embedding distance is the limit beyond which 1 % of the discovery lies.

    Examples
    --------
    >>> known = CohortSummary(400, {"age": MeasureSummary(400, 60.0, 5.0, 51.0, 69.0)})
    >>> people = pd.DataFrame({"age": np.arange(60.0, 80.0)}, index=[f"v{i}" for i in range(20)])
    >>> shift = describe_shift(known, people, pd.DataFrame(index=people.index), {})
    >>> shift[["measure", "validation", "standardised_difference", "outside"]].values.tolist()
    [['age', 69.5, 1.9, 0.5]]
    """
    rows = [_row(str(name), ALL_MODELS, people[name], _known(discovery, str(name)), discovery is None) for name in people.columns]
    for name in gaps.columns:
        summary = None if discovery is None else discovery.gaps.get(str(name))
        rows.append(_row(GAP, str(name), gaps[name], summary, discovery is None))
    for model_id, found in distances.items():
        rows += _distance_rows(model_id, found)
    columns: Sequence[str] = [column.name for column in SHIFTS.columns]
    table = pd.DataFrame([row for row in rows if row is not None], columns=list(columns))
    return SHIFTS.validate(table.astype({"n_discovery": np.float64, "n_validation": np.int64}))


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
    difference = (mean - known.mean) / known.sd if known.sd > 0 else np.nan
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
