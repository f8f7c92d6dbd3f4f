"""Scores of people side by side: one column a person, one row a repeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.types import Floats


@dataclass(frozen=True, eq=False)
class JudgedPeople:
    """People whose diagnosis is known and who were scored by models that never saw them.

    Parameters
    ----------
    people
        Table :data:`facies.tables.CONDITION_PEOPLE` of these people, by participant_id, with the columns of subgroups.
    scores
        Log-odds, (n_repeats, n_people).
    y
        1 with the condition, (n_people,).
    calls
        By rule: whether each person is called positive, (n_repeats, n_people).
    """

    people: pd.DataFrame
    scores: Floats
    y: NDArray[np.int64]
    calls: dict[str, NDArray[np.bool_]]

    def of(self, which: NDArray[np.bool_]) -> JudgedPeople:
        """Return some of the people."""
        calls = {rule: table[:, which] for rule, table in self.calls.items()}
        return JudgedPeople(self.people[which], self.scores[:, which], self.y[which], calls)

    def counts(self) -> tuple[int, int]:
        """Return how many people there are, and how many with the condition."""
        return len(self.y), int(self.y.sum())


def judged_people(
    scores: pd.DataFrame, operating_points: pd.DataFrame, people: pd.DataFrame, *, model_id: str, condition: str
) -> JudgedPeople:
    """Gather one model's scores of one condition, at the session that is learnt from, of people in folds.

    Parameters
    ----------
    scores, operating_points
        Tables :data:`facies.tables.CONDITION_SCORES` and ``OPERATING_POINTS``.
    people
        By participant_id.
    """
    own = scores[(scores.model_id == model_id) & (scores.target_condition == condition)]
    own = own[own.learnt_from & own.observed.notna() & (own.fold >= 0) & own.participant_id.isin(people.index)]
    wide = own.pivot(index="repeat", columns="participant_id", values="score").dropna(axis=1)
    y = own.drop_duplicates("participant_id").set_index("participant_id").observed.reindex(wide.columns)
    points = operating_points[(operating_points.model_id == model_id) & (operating_points.target_condition == condition)]
    calls = {}
    for rule, part in points.groupby("rule", sort=False):
        joined = own.merge(part[["repeat", "fold", "threshold"]], on=["repeat", "fold"], validate="many_to_one")
        positive = joined.assign(positive=joined.score >= joined.threshold)
        table = positive.pivot(index="repeat", columns="participant_id", values="positive").reindex(columns=wide.columns)
        calls[str(rule)] = table.to_numpy(dtype=bool)
    return JudgedPeople(people.reindex(wide.columns), wide.to_numpy(dtype=float), y.to_numpy(dtype=np.int64), calls)


def comparisons(judged: JudgedPeople) -> dict[str, NDArray[np.bool_]]:
    """Return whom cases are compared with: all, others from the cases' source, public negatives, each source.

    ``same_source`` holds the sources that have both cases and others: a case from elsewhere shares its camera with none of the others.
    """
    source, case = judged.people["source"].to_numpy(dtype=object), judged.y > 0
    found = {"all": np.ones(len(case), dtype=bool)}
    same = np.isin(source, list(set(source[case]) & set(source[~case])))
    if same.any():
        found["same_source"] = same
    public = (judged.people["role"] == "public_negative").to_numpy()
    if public.any():
        found["public"] = public | case
    for name in sorted(set(source[~case])):
        found[f"source={name}"] = case | (source == name)
    return found
