"""A simulated study of the size of the second one: patients and controls of a clinic, and public negatives with other cameras.

Wei R et al. Neuroendocrinology 2020;110:328-337 gave the numbers of patients; ages, sexes and the rest are round figures of the literature
on acromegaly and Cushing's syndrome. Nobody in it is real.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.simulation.face_parameters import draw_face_parameters
from facies.simulation.painting import paint_jpeg
from facies.simulation.rows import rows_of
from facies.store import write_whole

RNG = np.random.Generator


class Group(NamedTuple):
    """People of one kind: how many, mean and spread of age in years, share female, mean BMI."""

    n: int
    age: float
    age_sd: float
    female: float
    bmi: float


CLINIC = {
    "acromegaly": Group(160, 47, 12, 0.52, 28.5),
    "cushing": Group(55, 42, 12, 0.76, 30.5),
    "control": Group(150, 45, 13, 0.60, 28.5),
}
"""The clinic's people; controls were suspected of one of the diseases and have neither."""

PUBLIC = {
    "studio": (Group(160, 29, 8, 0.5, 24.5), {"cameras": "clinic", "size": 320, "jpeg_quality": 95}),
    "web": (Group(160, 37, 14, 0.5, 26.0), {"cameras": "anywhere", "size": 192}),
    "official": (Group(160, 57, 10, 0.3, 27.0), {"cameras": "clinic", "size": 256, "jpeg_quality": 80}),
    "students": (Group(160, 22, 3, 0.6, 23.0), {"cameras": "clinic", "size": 224, "jpeg_quality": 70}),
    "archive": (Group(160, 50, 14, 0.45, 26.5), {"cameras": "anywhere", "size": 256, "jpeg_quality": 60}),
}  # fmt: skip
"""Public sources and what their photographs are like."""

FIRST_DAY = np.datetime64("2019-01-07")
TREATED_AFTER = 30
"""Days from the first visit to the treatment."""

LATER = ((210, 0.65), (570, 0.45))
"""Later visits of treated people: days after the first one, and what is left of the severity."""


@dataclass(frozen=True, eq=False)
class SecondStudy:
    """Tables of a simulated study and what its pictures are drawn from.

    Parameters
    ----------
    participants, photographs, diagnoses
        The clinic's tables, as in :mod:`facies.tables`.
    negatives
        By source: one row a picture with path, age and sex.
    pictures
        One row a picture of all, with where it goes (``file``), its ``size`` in pixels and the parameters to paint it from.
    truth
        One row a clinic visit: the severity of both diseases, 0 to 1.
    """

    participants: pd.DataFrame
    photographs: pd.DataFrame
    diagnoses: pd.DataFrame
    negatives: dict[str, pd.DataFrame]
    pictures: pd.DataFrame
    truth: pd.DataFrame


def simulate_second_study(
    *,
    scale: float = 1.0,
    random_state: int = 1,
    signs: bool = True,
    cases_own_camera: bool = False,
    follow_up: bool = True,
    size: int = 256,
) -> SecondStudy:  # fmt: skip
    """Draw the study; :func:`write_pictures` paints it.

    Parameters
    ----------
    scale
        Share of the people.
    signs
        Whether patients show their disease at all.
    cases_own_camera
        Whether patients were photographed by another camera than the clinic's controls.
    follow_up
        Whether some people have repeat photographs and later visits.
    size
        Side of the clinic's pictures in pixels.

    Raises
    ------
    InputError
        When the scale is out of range.

    Examples
    --------
    >>> study = simulate_second_study(scale=0.1, random_state=1)
    >>> study.diagnoses.drop_duplicates("participant_id").diagnosis.value_counts().to_dict()
    {'acromegaly': 16, 'control': 15, 'cushing': 6}
    """
    if not 0.03 <= scale <= 20:
        raise InputError(f"scale is {scale:g}: choose 0.03 to 20")
    rng = np.random.default_rng(np.random.SeedSequence([random_state, 271]))
    people = _clinic_people(scale, rng)
    visits = _visits(people, rng, follow_up=follow_up)
    photographs, faces = _clinic_photographs(people, visits, rng, signs, cases_own_camera, follow_up)
    pictures = [_pictures(faces, random_state, {"cameras": "clinic", "size": size})]
    negatives = {}
    for source, (group, look) in PUBLIC.items():
        table, theirs = _public(source, group, scale, rng)
        negatives[source] = table
        pictures.append(_pictures(theirs, random_state, look))
    columns = ["participant_id", "age", "sex", "site", "consent_scope", "bmi"]
    return SecondStudy(
        people[columns], photographs, _diagnoses(people, visits), negatives, pd.concat(pictures, ignore_index=True),
        visits[["participant_id", "session_id", "acromegaly", "cushing"]],
    )  # fmt: skip


def write_pictures(study: SecondStudy, folder: Path) -> Iterator[Path]:
    """Paint and write one picture after the other below ``folder``, and yield each file once it is there whole."""
    for row in rows_of(study.pictures):
        path = folder / row["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, paint_jpeg(row, size=int(row["size"])))
        yield path


def _draw(group: Group, n: int, rng: RNG) -> dict[str, Any]:
    return {
        "age": np.round(np.clip(rng.normal(group.age, group.age_sd, n), 18, 88), 1),
        "sex": np.where(rng.random(n) < group.female, "female", "male").astype(object),
        "bmi": np.round(np.clip(rng.normal(group.bmi, 4, n), 17, 48), 1),
        "skin_tone": np.round(np.clip(rng.normal(38, 16, n), -45, 70), 1),
        "years_looking_older": np.clip(rng.normal(0, 4, n), -10, 10),
    }


def _clinic_people(scale: float, rng: RNG) -> pd.DataFrame:
    parts = []
    for name, group in CLINIC.items():
        n = round(group.n * scale)
        drawn = pd.DataFrame(_draw(group, n, rng))
        parts.append(drawn.assign(diagnosis=name, severity=rng.uniform(0.3, 1.0, n) if name != "control" else 0.0))
    people = pd.concat(parts, ignore_index=True)
    order = rng.permutation(len(people))
    people = people.iloc[order].reset_index(drop=True)
    width = max(4, len(str(len(people))))
    return people.assign(
        participant_id=[f"c{i:0{width}d}" for i in range(1, len(people) + 1)], site="clinic", consent_scope="analysis",
        day=FIRST_DAY + rng.integers(0, 1000, len(people)).astype("timedelta64[D]"), luck=rng.random(len(people)),
    )  # fmt: skip


def _visits(people: pd.DataFrame, rng: RNG, *, follow_up: bool) -> pd.DataFrame:
    """Return one row a visit; of the patients two in five are treated and come again, of the controls one in five comes again."""
    rows = []
    for person in rows_of(people):
        ill = person["diagnosis"] != "control"
        later = (LATER if ill and person["luck"] < 0.4 else ((365, 1.0),) if person["luck"] < 0.2 else ()) if follow_up else ()
        for number, (days, left) in enumerate(((0, 1.0), *later)):
            severity = person["severity"] * left
            shift = int(rng.integers(-20, 21)) if number else 0
            rows.append(
                {
                    "participant_id": person["participant_id"], "session_id": f"s{number + 1}",
                    "taken_on": str(person["day"] + np.timedelta64(days + shift, "D"))[:10],
                    "treated_on": str(person["day"] + np.timedelta64(TREATED_AFTER, "D"))[:10] if ill and later else np.nan,
                    "acromegaly": severity if person["diagnosis"] == "acromegaly" else 0.0,
                    "cushing": severity if person["diagnosis"] == "cushing" else 0.0,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _clinic_photographs(
    people: pd.DataFrame, visits: pd.DataFrame, rng: RNG, signs: bool, cases_own_camera: bool, follow_up: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    joined = visits.merge(people.drop(columns=["severity"]), on="participant_id", validate="many_to_one")
    repeats = np.where(rng.random(len(joined)) < 0.5, 2, 1) if follow_up else np.ones(len(joined), dtype=int)
    faces = joined.loc[joined.index.repeat(repeats)].reset_index(drop=True)
    number = faces.groupby(["participant_id", "session_id"]).cumcount() + 1
    faces["photo_id"] = faces.participant_id + "_" + faces.session_id + "_" + number.astype(str)
    ill = faces.diagnosis != "control"
    faces["device"] = np.where(cases_own_camera & ill, "camera-patients", "camera-clinic").astype(object)
    faces["file"] = "photos/" + faces.photo_id + ".jpg"
    if not signs:
        faces[["acromegaly", "cushing"]] = 0.0
    photographs = faces[["photo_id", "participant_id", "session_id", "taken_on", "device"]].assign(
        path=faces["file"], view="frontal", source="clinic", licence="CC0-1.0"
    )
    return photographs, faces


def _public(source: str, group: Group, scale: float, rng: RNG) -> tuple[pd.DataFrame, pd.DataFrame]:
    n = max(6, round(group.n * scale))
    drawn = pd.DataFrame(_draw(group, n, rng))
    width = max(3, len(str(n)))
    names = [f"{source}{i:0{width}d}" for i in range(1, n + 1)]
    faces = drawn.assign(participant_id=names, photo_id=names, device=f"camera-{source}", acromegaly=0.0, cushing=0.0)
    faces["file"] = f"negatives/{source}/" + faces.photo_id + ".jpg"
    return pd.DataFrame({"path": [f"{name}.jpg" for name in names], "age": drawn.age, "sex": drawn.sex}), faces


def _pictures(faces: pd.DataFrame, random_state: int, look: dict[str, Any]) -> pd.DataFrame:
    drawn = draw_face_parameters(faces, random_state=random_state, cameras=look["cameras"])
    given = {name: value for name, value in look.items() if name in drawn.columns}
    return drawn.assign(**given, file=faces["file"].to_numpy(), size=look["size"])


def _diagnoses(people: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Return the diagnosis of every visit, with a grade of 1 to 3 where the disease shows."""
    joined = visits.merge(people[["participant_id", "diagnosis"]], on="participant_id", validate="many_to_one")
    shown = joined[["acromegaly", "cushing"]].max(axis=1)
    grade = np.where(shown > 0, 1.0 + (shown > 0.5) + (shown > 0.75), 0.0)
    return joined[["participant_id", "session_id", "diagnosis"]].assign(severity=grade, reference="simulated", treated_on=joined.treated_on)
