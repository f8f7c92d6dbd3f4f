"""Scores by visit: the faces of a visit, and changes between visits of one person, like with like."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.tables import CONTROL
from facies.types import Floats

MODEL_KEYS = ["model_id", "target_condition"]
NO_VIEW = "unknown"
"""The view of photographs that name none: taken for alike."""


class VisitValues(NamedTuple):
    """What people who are taken for unchanged scored, one row a visit: mean over the views that all their visits have."""

    means: Floats
    repeats: Floats
    people: list[str]


def number_visits(visits: pd.DataFrame) -> pd.DataFrame:
    """Return the visits with a number, the number of the person's first visit and the days since that.

    Parameters
    ----------
    visits
        ``participant_id session_id taken_on``, the earliest of each person first.

    Examples
    --------
    >>> visits = pd.DataFrame({"participant_id": ["p1", "p1"], "session_id": ["a", "b"], "taken_on": ["2020-01-01", "2020-03-01"]})
    >>> number_visits(visits)[["visit", "first", "days"]].iloc[1].to_dict()
    {'visit': 1.0, 'first': 0.0, 'days': 60.0}
    """
    taken = pd.to_datetime(visits["taken_on"]).reset_index(drop=True)
    found = visits[["participant_id", "session_id"]].reset_index(drop=True).assign(taken_on=taken, visit=np.arange(len(visits)))
    found["first"] = found.groupby("participant_id")["visit"].transform("min")
    return found.assign(days=_days(taken - taken.iloc[found["first"]].reset_index(drop=True)))


def days_from_treatment(visits: pd.DataFrame, diagnoses: pd.DataFrame, condition: str) -> pd.Series:
    """Return the days from a person's first treatment of a condition to each visit, negative before it.

    Parameters
    ----------
    visits
        As :func:`number_visits` returns them.
    diagnoses
        Table :data:`facies.tables.DIAGNOSES`. The day counts for people who have the condition in any row; it may stand in that row or in a
        later one as control.

    Returns
    -------
    Series
        Like the visits; missing for people without the condition, without a treatment or without dates.

    Examples
    --------
    >>> visits = number_visits(pd.DataFrame({"participant_id": ["p1"], "session_id": ["a"], "taken_on": ["2020-03-01"]}))
    >>> given = pd.DataFrame({"participant_id": ["p1"], "diagnosis": ["cushing"], "treated_on": ["2020-01-11"]})
    >>> days_from_treatment(visits, given, "cushing").tolist(), days_from_treatment(visits, given, "acromegaly").tolist()
    ([50.0], [nan])
    """
    if "treated_on" not in diagnoses.columns:
        return pd.Series(np.nan, visits.index)
    with_condition = set(diagnoses.loc[diagnoses["diagnosis"] == condition, "participant_id"])
    own = diagnoses[diagnoses["participant_id"].isin(with_condition) & diagnoses["diagnosis"].isin([condition, CONTROL])]
    treated = pd.to_datetime(own["treated_on"]).groupby(own["participant_id"]).min()
    return _days(visits["taken_on"] - pd.to_datetime(visits["participant_id"].map(treated)))


def _days(spans: pd.Series) -> pd.Series:
    days: pd.Series = spans.dt.total_seconds() / 86_400
    return days


def score_faces(face_scores: pd.DataFrame, faces: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score of each face over the repeats, with its visit, view and group of repeat photographs.

    Parameters
    ----------
    face_scores
        Table :data:`facies.tables.CONDITION_FACE_SCORES`; faces that are not in ``faces`` are left out.
    faces
        ``face_id participant_id session_id`` and perhaps ``view`` and ``taken_on``, one row a used face.
    visits
        As :func:`number_visits` returns them.

    Returns
    -------
    DataFrame
        ``model_id target_condition participant_id visit view group face_id score``. Photographs of one ``group`` are repeats: one visit,
        one view, and where visits have no name, one day.

    Raises
    ------
    InputError
        When faces of one person were scored by models of different folds, or not in all repeats: their difference would be one of models.
    """
    known = _with_group(
        faces.merge(visits[["participant_id", "session_id", "visit"]], on=["participant_id", "session_id"], validate="many_to_one")
    )
    joined = face_scores.merge(known, on="face_id", validate="many_to_one")
    _require_same_models(joined)
    keys = [*MODEL_KEYS, "participant_id", "visit", "view", "group", "face_id"]
    return joined.groupby(keys, sort=True)["score"].mean().reset_index()


def _with_group(faces: pd.DataFrame) -> pd.DataFrame:
    """Name the view and the group of repeat photographs of each face."""
    absent = pd.Series(np.nan, faces.index, dtype=object)
    view = faces.get("view", absent).fillna(NO_VIEW).astype(str)
    day = faces.get("taken_on", absent).where(faces["session_id"].isna()).fillna("").astype(str)
    group = faces["visit"].astype(str) + "|" + view + "|" + day
    return faces[["face_id", "participant_id", "visit"]].assign(view=view, group=group)


def _require_same_models(joined: pd.DataFrame) -> None:
    folds = joined.groupby([*MODEL_KEYS, "repeat", "participant_id"], sort=False)["fold"].nunique()
    several = folds[folds > 1]
    if len(several):
        raise InputError(
            f"participant {several.index[0][-1]} was scored by models of {several.iloc[0]} folds in one repeat, so that visits cannot be "
            "compared: delete derived/models and run again"
        )
    n = joined.groupby([*MODEL_KEYS, "participant_id", "face_id"], sort=False)["repeat"].nunique()
    uneven = n.groupby(level=[*MODEL_KEYS, "participant_id"], sort=False).nunique() > 1
    if uneven.any():
        raise InputError(
            f"faces of participant {uneven.index[uneven.to_numpy()][0][-1]} were scored in different numbers of repeats, so that visits "
            "cannot be compared: delete derived/models and run again"
        )


def by_visit_and_view(scored: pd.DataFrame) -> pd.DataFrame:
    """Return mean and number of photographs of each view of each visit, of one model and condition."""
    grouped = scored.groupby(["participant_id", "visit", "view"], sort=True)["score"]
    return grouped.agg(mean="mean", n="size").reset_index()


def changes_between(views: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return what changed between two visits, in the views that both have.

    Each view's difference counts by its precision: with n and m photographs, 1 / (1/n + 1/m). What a view adds to the score cancels.

    Parameters
    ----------
    views
        As :func:`by_visit_and_view` returns them.
    pairs
        ``first`` and ``second``: numbers of visits.

    Returns
    -------
    DataFrame
        ``first second change units``; ``units`` is the change's variance in variances of one photograph. Pairs without a common view are
        left out.

    Examples
    --------
    >>> views = pd.DataFrame({"visit": [0, 0, 1], "view": ["frontal", "left", "frontal"], "mean": [2.0, 9.0, 1.0], "n": [2, 1, 2]})
    >>> changes_between(views, pd.DataFrame({"first": [0], "second": [1]}))
       first  second  change  units
    0      0       1    -1.0    1.0
    """
    columns = ["visit", "view", "mean", "n"]
    first = pairs.merge(views[columns], left_on="first", right_on="visit")
    both = first.merge(views[columns], left_on=["second", "view"], right_on=["visit", "view"], suffixes=("_first", "_second"))
    precision = 1 / (1 / both["n_first"] + 1 / both["n_second"])
    weighted = both[["first", "second"]].assign(precision=precision, moved=precision * (both["mean_second"] - both["mean_first"]))
    sums = weighted.groupby(["first", "second"], sort=True).sum().reset_index()
    return pd.DataFrame({
        "first": sums["first"], "second": sums["second"], "change": sums["moved"] / sums["precision"], "units": 1 / sums["precision"]
    })  # fmt: skip


def unchanged_visits(views: pd.DataFrame, people: set[str]) -> VisitValues:
    """Return these people's score at each visit, over the views that all visits of the person have; people with one visit are left out."""
    own = views[views["participant_id"].isin(people)]
    n_visits = own.groupby("participant_id")["visit"].transform("nunique")
    with_view = own.groupby(["participant_id", "view"])["visit"].transform("nunique")
    shared = own[(with_view == n_visits) & (n_visits > 1)]
    grouped = shared.assign(inverse=1 / shared["n"]).groupby(["participant_id", "visit"], sort=True)
    found = grouped.agg(mean=("mean", "mean"), inverse=("inverse", "sum"), n_views=("view", "size")).reset_index()
    repeats = (found["n_views"] ** 2 / found["inverse"]).to_numpy(dtype=np.float64)
    return VisitValues(found["mean"].to_numpy(dtype=np.float64), repeats, found["participant_id"].tolist())
