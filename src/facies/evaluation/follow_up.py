"""Follow-up: what a person scored at each visit, whether it changed by more than error, and what happened after treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from facies.evaluation.retest_notes import retest_notes
from facies.evaluation.visits import (
    MODEL_KEYS,
    by_visit_and_view,
    changes_between,
    days_from_treatment,
    number_visits,
    score_faces,
    unchanged_visits,
)
from facies.stats.test_retest import (
    MeanSquare,
    MeasurementError,
    intraclass_correlation,
    scatter_between_visits,
    scatter_within_groups,
    standard_deviation,
)
from facies.tables import CONTROL, SCORE_CHANGES, SESSION_SCORES, TEST_RETEST, TRAJECTORIES
from facies.tables.conditions import TRAJECTORY_EDGES
from facies.types import Floats


@dataclass(frozen=True, eq=False)
class FollowUp:
    """Tables :data:`facies.tables.SESSION_SCORES`, ``SCORE_CHANGES``, ``TEST_RETEST`` and ``TRAJECTORIES``."""

    session_scores: pd.DataFrame
    score_changes: pd.DataFrame
    test_retest: pd.DataFrame
    trajectories: pd.DataFrame


def follow_up(
    face_scores: pd.DataFrame, faces: pd.DataFrame, visits: pd.DataFrame, diagnoses: pd.DataFrame, *, level: float = 0.95
) -> FollowUp:  # fmt: skip
    """Say what each person scored at each visit, what changed, how large the error is, and what followed a treatment.

    A score is the mean over the repeats of log-odds by models that never saw the person, the same at all visits. The error between
    photographs comes from repeats: photographs of one view in one visit. What visits add to it comes from people who are controls at all
    their visits. Changes compare views that both visits have.

    Parameters
    ----------
    face_scores
        Table :data:`facies.tables.CONDITION_FACE_SCORES`.
    faces
        Used faces of people who are followed: ``face_id participant_id session_id`` and perhaps ``taken_on view device
        perceptual_hash``. Leave out public sets, whose pictures of one person may be years apart.
    visits
        ``participant_id session_id taken_on``, one row a visit, the earliest of each person first.
    diagnoses
        Table :data:`facies.tables.DIAGNOSES`. A visit on the day of treatment counts as before it.
    level
        Of intervals.

    Raises
    ------
    InputError
        When faces of one person were scored by different models.
    """
    numbered = number_visits(visits)
    scored = score_faces(face_scores, faces, numbered)
    parts = [_One(model, part, numbered, faces, diagnoses, level) for model, part in scored.groupby(MODEL_KEYS, sort=False)]
    return FollowUp(
        session_scores=SESSION_SCORES.validate(_stacked([part.session_scores() for part in parts], SESSION_SCORES)),
        score_changes=SCORE_CHANGES.validate(_stacked([part.score_changes() for part in parts], SCORE_CHANGES)),
        test_retest=TEST_RETEST.validate(_stacked([part.test_retest() for part in parts], TEST_RETEST)),
        trajectories=TRAJECTORIES.validate(_stacked([part.trajectory() for part in parts], TRAJECTORIES)),
    )


def _stacked(parts: list[pd.DataFrame], table: Any) -> pd.DataFrame:
    names = [column.name for column in table.columns]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True)[names] if filled else table.empty()


class _One:
    """One model and condition."""

    def __init__(
        self, model: Any, scored: pd.DataFrame, visits: pd.DataFrame, faces: pd.DataFrame, diagnoses: pd.DataFrame, level: float
    ) -> None:
        self.model, self.scored, self.faces, self.level = model, scored, faces, level
        since = days_from_treatment(visits, diagnoses, model[1])
        self.visits = visits.assign(days_from_treatment=since)[visits["visit"].isin(scored["visit"])]
        self.views = by_visit_and_view(scored)
        self.stable = people_without_change(diagnoses)
        self.error = estimate_error(scored, self.views, self.stable)
        self.changes = self._changes()

    def session_scores(self) -> pd.DataFrame:
        by_visit = self.scored.groupby("visit")["score"].agg(score="mean", n_photographs="size").reset_index()
        found = self.visits.merge(by_visit, on="visit", validate="one_to_one")
        std_error, freedom = _each(self.error.of_visit, found["n_photographs"])
        return self._with_interval(found, found["score"], std_error, freedom)

    def score_changes(self) -> pd.DataFrame:
        return self._named(self.changes)

    def _changes(self) -> pd.DataFrame:
        """Return the change of each later visit from the person's first, with interval and verdict."""
        later = self.visits[self.visits["visit"] != self.visits["first"]]
        moved = changes_between(self.views, later[["first"]].assign(second=later["visit"]))
        found = moved.merge(self.visits.drop(columns="first"), left_on="second", right_on="visit", validate="one_to_one")
        std_error, freedom = _each(self.error.of_change, found["units"])
        made = self._with_interval(found, found["change"], std_error, freedom)
        verdict = np.select(
            [made["std_error"].isna(), made["ci_high"] < 0, made["ci_low"] > 0], ["no error known", "lower", "higher"], "within error"
        )
        return made.assign(smallest_detectable=_normal(self.level) * std_error, verdict=verdict)

    def test_retest(self) -> pd.DataFrame:
        repeats = _repeats(self.scored)
        sd, low, high = standard_deviation(self.error.repeats, level=self.level)
        icc = _icc(repeats, self.level)
        notes = retest_notes(
            repeats, self.error, self.changes, faces=self.faces, visits=self.visits, stable=self.stable, level=self.level
        )  # fmt: skip
        row = {
            "n_sessions": repeats["visit"].nunique(), "n_photographs": len(repeats), "n": repeats["participant_id"].nunique(),
            "sd_within": sd, "sd_within_low": low, "sd_within_high": high, "sd_visits": self.error.sd_visits,
            "smallest_detectable": self.error.smallest_detectable(level=self.level),
            "icc": icc.value, "icc_low": icc.ci_low, "icc_high": icc.ci_high, "note": "; ".join(notes) or None,
        }  # fmt: skip
        return self._named(pd.DataFrame([row]))

    def trajectory(self) -> pd.DataFrame:
        """Return the patients' mean change since the last visit before treatment, by intervals of time."""
        moved = changes_since_treatment(self.views, self.visits[self.visits["days_from_treatment"].notna()])
        upper = np.searchsorted(TRAJECTORY_EDGES, moved["days_from_treatment"])
        middles = np.append((np.array(TRAJECTORY_EDGES[:-1]) + np.array(TRAJECTORY_EDGES[1:])) / 2, np.nan)
        by_person = moved.assign(middle=middles[upper - 1]).groupby(["middle", "participant_id"])["change"].mean()
        rows = [
            {"days_from_treatment": middle, **mean_of_people(values.to_numpy(), level=self.level)}
            for middle, values in by_person.groupby(level="middle")
        ]
        return self._named(pd.DataFrame(rows))

    def _with_interval(self, found: pd.DataFrame, value: pd.Series, std_error: Floats, freedom: Floats) -> pd.DataFrame:
        from scipy.stats import t

        half = t.ppf((1 + self.level) / 2, freedom) * std_error
        return self._named(found.assign(std_error=std_error, ci_low=value - half, ci_high=value + half))

    def _named(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(model_id=self.model[0], target_condition=self.model[1])


def people_without_change(diagnoses: pd.DataFrame) -> set[str]:
    """Return who is a control wherever there is a diagnosis."""
    always = (diagnoses["diagnosis"] == CONTROL).groupby(diagnoses["participant_id"]).all()
    return set(always.index[always.to_numpy(dtype=bool)])


def estimate_error(scored: pd.DataFrame, views: pd.DataFrame, stable: set[str]) -> MeasurementError:
    """Return what one model's score of one condition varies by, without any change of the person.

    Repeats whose scores are all equal are copies of one photograph and tell nothing.
    """
    repeats = scatter_within_groups(scored["score"].to_numpy(dtype=np.float64), scored["group"].to_numpy(dtype=str))
    same = unchanged_visits(views, stable)
    visits = scatter_between_visits(same.means, same.repeats, same.people)
    return MeasurementError(MeanSquare(float("nan"), 0) if repeats.value == 0 else repeats, visits)


def changes_since_treatment(views: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Return the change of each visit after treatment from the person's last visit before it or on the same day.

    Parameters
    ----------
    views
        As :func:`facies.evaluation.visits.by_visit_and_view` returns them.
    visits
        ``participant_id visit days_from_treatment``.

    Returns
    -------
    DataFrame
        ``participant_id days_from_treatment change``; people without a visit before, or without a view in common, are left out.
    """
    before = (
        visits[visits["days_from_treatment"] <= 0].sort_values(["days_from_treatment", "visit"]).groupby("participant_id")["visit"].last()
    )
    after = visits[visits["days_from_treatment"] > 0]
    after = after[after["participant_id"].isin(before.index)]
    pairs = pd.DataFrame({"first": after["participant_id"].map(before).astype("int64"), "second": after["visit"]})
    moved = changes_between(views, pairs)
    about = visits[["visit", "participant_id", "days_from_treatment"]]
    return moved.merge(about, left_on="second", right_on="visit")[["participant_id", "days_from_treatment", "change"]]


def mean_of_people(values: Floats, *, level: float = 0.95) -> dict[str, float]:
    """Return the mean of one number a person with its interval by the t distribution, and ``n``.

    With the few patients of a trajectory a percentile bootstrap is too narrow: of 8 people it holds the mean in 88 to 91 of 100 studies,
    this one in 94 to 95 (benchmarks/bench_follow_up.py).

    Examples
    --------
    >>> {name: round(number, 2) for name, number in mean_of_people(np.array([-1.0, -2.0, -3.0])).items()}
    {'mean': -2.0, 'ci_low': -4.48, 'ci_high': 0.48, 'n': 3}
    """
    from scipy.stats import t

    n, mean = len(values), float(np.mean(values))
    half = float(t.ppf((1 + level) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return {"mean": mean, "ci_low": mean - half, "ci_high": mean + half, "n": n}


def _repeats(scored: pd.DataFrame) -> pd.DataFrame:
    return scored[scored.groupby("group")["score"].transform("size") > 1]


def _icc(repeats: pd.DataFrame, level: float) -> Any:
    """Return the intraclass correlation of the view with most repeats, one visit a person: the first with repeats."""
    if repeats.empty:
        return intraclass_correlation(np.array([]), [], level=level)
    view = repeats.groupby("view")["participant_id"].nunique().idxmax()
    own = repeats[repeats["view"] == view].sort_values("visit")
    first = own[own["group"] == own.groupby("participant_id")["group"].transform("first")]
    return intraclass_correlation(first["score"].to_numpy(dtype=np.float64), first["participant_id"].to_numpy(dtype=str), level=level)


def _each(function: Any, values: pd.Series) -> tuple[Floats, Floats]:
    """Return standard error and degrees of freedom of each; most values are alike, so each is worked out once."""
    known = {value: function(value) for value in values.unique()}
    pairs = np.array([known[value] for value in values], dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _normal(level: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf((1 + level) / 2))
