"""Patients and controls seen again and again, with the change that is true and the errors that hide it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.tables import CONDITION_FACE_SCORES, CONTROL, DIAGNOSES
from facies.types import Floats

FIRST_DAY = np.datetime64("2015-01-05")


@dataclass(frozen=True)
class FollowUpSettings:
    """What is planted.

    Parameters
    ----------
    n_patients, n_controls
        People, all seen ``n_visits`` times.
    n_photographs
        Of each view at each visit.
    n_visits
        The first is before treatment.
    days_between
        Between visits.
    views
        What each view adds to the score, by its name.
    score_patients, score_controls, sd_people
        Mean log-odds of both before treatment, and the standard deviation of people about it.
    effect
        What treatment does to the score of somebody in full remission.
    share_remission
        Of patients who go into remission; the others do not change.
    half_time
        Days until half of the effect is there.
    sd_visits, sd_photographs
        Standard deviations of a visit (light, camera, make-up) and of a photograph.
    sd_varies
        By how much the standard deviation of photographs differs between people: standard deviation of its logarithm.
    n_repeats, sd_models
        Repeats of cross-fitting, and the standard deviation of what one repeat's models add to all photographs of a person.
    drift
        Added to everybody's score with each visit after the first, such as by a new camera.
    condition
        The disease.
    """

    n_patients: int = 40
    n_controls: int = 40
    n_photographs: int = 3
    n_visits: int = 3
    days_between: int = 180
    views: tuple[tuple[str, float], ...] = (("frontal", 0.0),)
    score_patients: float = 2.0
    score_controls: float = -2.0
    sd_people: float = 1.0
    effect: float = -3.0
    share_remission: float = 0.5
    half_time: float = 30.0
    sd_visits: float = 0.0
    sd_photographs: float = 0.5
    sd_varies: float = 0.0
    n_repeats: int = 2
    sd_models: float = 0.3
    drift: float = 0.0
    condition: str = "cushing"


@dataclass(frozen=True, eq=False)
class SimulatedFollowUp:
    """What a study would have, and what is true.

    Parameters
    ----------
    face_scores, diagnoses
        Tables :data:`facies.tables.CONDITION_FACE_SCORES` and ``DIAGNOSES``.
    faces
        ``face_id participant_id session_id taken_on view``.
    visits
        ``participant_id session_id taken_on``, the earliest first.
    truth
        ``participant_id session_id change remission``: the true change of the score since the first visit, without drift.
    """

    face_scores: pd.DataFrame
    faces: pd.DataFrame
    visits: pd.DataFrame
    diagnoses: pd.DataFrame
    truth: pd.DataFrame


def simulate_follow_up(settings: FollowUpSettings | None = None, *, random_state: int = 0) -> SimulatedFollowUp:
    """Simulate scores of photographs over time.

    Raises
    ------
    InputError
        When there is nobody, or fewer than one visit or photograph.

    Examples
    --------
    >>> made = simulate_follow_up(FollowUpSettings(n_patients=2, n_controls=1, n_visits=3, half_time=1e-9))
    >>> made.truth[made.truth.participant_id == "p0001"].change.tolist()
    [0.0, -3.0, -3.0]
    """
    settings = settings or FollowUpSettings()
    n = settings.n_patients + settings.n_controls
    if min(n, settings.n_visits, settings.n_photographs, settings.n_repeats, len(settings.views)) < 1:
        raise InputError("a simulated follow-up needs at least one person, visit, photograph, view and repeat")
    generator = np.random.default_rng(random_state)
    visits = _visits(settings, n)
    change = _true_changes(settings, visits)
    level = np.where(visits["patient"], settings.score_patients, settings.score_controls)
    own = generator.normal(0, settings.sd_people, n)[visits["person"]]
    of_visit = generator.normal(0, settings.sd_visits, len(visits)) if settings.sd_visits else np.zeros(len(visits))
    latent = level + own + change + of_visit + settings.drift * (visits["number"].to_numpy() > 0)
    faces, score = _faces(settings, visits, latent, generator)
    truth = visits[["participant_id", "session_id"]].assign(change=change, remission=visits["remission"])
    return SimulatedFollowUp(
        face_scores=_face_scores(settings, faces, score, generator),
        faces=faces.drop(columns="person"),
        visits=visits[["participant_id", "session_id", "taken_on"]],
        diagnoses=_diagnoses(settings, visits),
        truth=truth,
    )


def _visits(settings: FollowUpSettings, n: int) -> pd.DataFrame:
    person, number = (values.ravel() for values in np.divmod(np.arange(n * settings.n_visits), settings.n_visits))
    patient = person < settings.n_patients
    days = (number * settings.days_between).astype("timedelta64[D]")
    return pd.DataFrame({
        "participant_id": [f"p{one + 1:04d}" for one in person], "session_id": [f"s{one + 1}" for one in number],
        "taken_on": (FIRST_DAY + days).astype(str), "person": person, "number": number, "patient": patient,
        "remission": person < round(settings.share_remission * settings.n_patients),
    })  # fmt: skip


def _true_changes(settings: FollowUpSettings, visits: pd.DataFrame) -> Floats:
    """Return what remission has done by each visit; treatment is on the day of the first."""
    days = visits["number"].to_numpy() * float(settings.days_between)
    return np.asarray(np.where(visits["remission"], settings.effect * (1 - 0.5 ** (days / settings.half_time)), 0.0) + 0.0)


def _faces(
    settings: FollowUpSettings, visits: pd.DataFrame, latent: Floats, generator: np.random.Generator
) -> tuple[pd.DataFrame, Floats]:  # fmt: skip
    per_visit = settings.n_photographs * len(settings.views)
    row = np.repeat(np.arange(len(visits)), per_visit)
    view = np.tile(np.repeat(np.arange(len(settings.views)), settings.n_photographs), len(visits))
    added = np.array([value for _, value in settings.views])
    person = visits["person"].to_numpy()[row]
    spread = settings.sd_photographs * np.exp(generator.normal(0, settings.sd_varies, int(person.max()) + 1))[person]
    score = latent[row] + added[view] + spread * generator.normal(0, 1, len(row))
    faces = visits[["participant_id", "session_id", "taken_on", "person"]].iloc[row].reset_index(drop=True)
    names = np.array([name for name, _ in settings.views], dtype=object)
    return faces.assign(face_id=[f"f{one + 1:06d}" for one in range(len(row))], view=names[view]), score


def _face_scores(settings: FollowUpSettings, faces: pd.DataFrame, score: Floats, generator: np.random.Generator) -> pd.DataFrame:
    person = faces["person"].to_numpy()
    parts = []
    for repeat in range(settings.n_repeats):
        of_model = generator.normal(0, settings.sd_models, int(person.max()) + 1)[person]
        given = score + of_model
        parts.append(pd.DataFrame({
            "face_id": faces["face_id"], "model_id": "simulated", "target_condition": settings.condition, "repeat": repeat,
            "fold": person % 5, "score": given, "probability": 1 / (1 + np.exp(-given)),
        }))  # fmt: skip
    return CONDITION_FACE_SCORES.validate(pd.concat(parts, ignore_index=True))


def _diagnoses(settings: FollowUpSettings, visits: pd.DataFrame) -> pd.DataFrame:
    first = visits[visits["number"] == 0]
    treated = first["taken_on"].where(first["patient"]).astype(object)
    return DIAGNOSES.validate(pd.DataFrame({
        "participant_id": first["participant_id"], "diagnosis": np.where(first["patient"], settings.condition, CONTROL),
        "treated_on": treated.where(treated.notna(), np.nan),
    }))  # fmt: skip
