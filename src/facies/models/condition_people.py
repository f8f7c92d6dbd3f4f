"""Who is in a cross-fit of conditions: diagnoses, weights, families and folds of people, and the faces of their visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Vectors

ONLY_SESSION = "n/a"
"""What stands inside for a session without a name."""


@dataclass(frozen=True, eq=False)
class ConditionPeople:
    """People and their faces, joined by identifier.

    Parameters
    ----------
    table
        By participant_id, sorted: ``diagnosis``, ``weight``, ``group``.
    X
        Vectors, sorted by face_id, (n, p).
    face_ids, sessions
        Of the rows of ``X``.
    owner
        Row of ``table`` for each row of ``X``.
    learnt
        Whether a row of ``X`` belongs to the session that is learnt from.
    folds
        (n_repeats, n_people), -1 in no fold.
    """

    table: pd.DataFrame
    X: Vectors
    face_ids: list[str]
    sessions: list[str]
    owner: NDArray[np.int64]
    learnt: NDArray[np.bool_]
    folds: NDArray[np.int64]

    def repeats(self) -> range:
        """Return the numbers of the repeats."""
        return range(len(self.folds))

    def fold_of_person(self, repeat: int) -> NDArray[np.int64]:
        """Return each person's fold."""
        return np.asarray(self.folds[repeat], dtype=np.int64)

    def training(self, repeat: int | None, without: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows of ``X`` and of ``table`` that a model is fitted on which leaves out one fold (None: nobody)."""
        known = (self.table["diagnosis"].notna() & (self.table["weight"] > 0)).to_numpy()
        fold = self.folds[0 if repeat is None else repeat]
        trains = known & (fold >= 0) if without is None else known & (fold >= 0) & (fold != without)
        rows = np.flatnonzero(self.learnt & trains[self.owner])
        return rows, self.owner[rows]

    def shares(self) -> dict[str, float]:
        """Return the weighted share of each diagnosis among those who are learnt from."""
        people = np.unique(self.training(None, None)[1])
        table = self.table.iloc[people]
        return {str(name): float(value) for name, value in (table.groupby("diagnosis")["weight"].sum() / table["weight"].sum()).items()}

    def visits(self) -> pd.DataFrame:
        """Return whose each face is, at which visit, and whether that is learnt from."""
        sessions = pd.Series([np.nan if session == ONLY_SESSION else session for session in self.sessions], dtype=object)
        people = self.table.index[self.owner]
        return pd.DataFrame({"face_id": self.face_ids, "participant_id": people, "session_id": sessions, "learnt_from": self.learnt})


def gather_condition_people(
    X: Vectors,
    *,
    face_ids: Sequence[str],
    participant_ids: Sequence[str],
    session_ids: Sequence[str | float | None],
    diagnosis: pd.Series,
    learnt_session: pd.Series,
    folds: pd.DataFrame,
    weights: pd.Series | None,
    groups: pd.Series | None,
) -> ConditionPeople:
    """Join what is known of people and faces; see :func:`facies.models.condition_fit.cross_fit_conditions`.

    Raises
    ------
    InputError
        When lengths differ, a face stands twice, a vector is not finite, a person with a diagnosis has no fold, or a family has several.
    """
    _require_faces(X, face_ids, participant_ids, session_ids)
    order = np.argsort(np.asarray(face_ids, dtype=object), kind="stable")
    names = sorted(set(map(str, participant_ids)))
    table = pd.DataFrame(index=pd.Index(names, name="participant_id"))
    table = table.assign(
        diagnosis=diagnosis.reindex(names), weight=(pd.Series(1.0, names) if weights is None else weights.reindex(names).fillna(0.0)),
        group=_groups(groups, names),
    )  # fmt: skip
    place = {name: row for row, name in enumerate(names)}
    owner = np.array([place[str(participant_ids[row])] for row in order], dtype=np.int64)
    sessions = [ONLY_SESSION if pd.isna(session_ids[row]) else str(session_ids[row]) for row in order]
    wanted = learnt_session.reindex(names).fillna(ONLY_SESSION).astype(str).to_numpy()
    learnt = np.array([session == wanted[person] for session, person in zip(sessions, owner, strict=True)], dtype=bool)
    people = ConditionPeople(
        table, np.asarray(X)[order], [face_ids[row] for row in order], sessions, owner, learnt, _fold_array(folds, table)
    )
    _require_folds(people)
    return people


def _require_faces(X: Vectors, face_ids: Sequence[str], participant_ids: Sequence[str], session_ids: Sequence[object]) -> None:
    if np.ndim(X) != 2 or not len(X) == len(face_ids) == len(participant_ids) == len(session_ids):
        raise InputError(
            f"{np.shape(X)} vectors, {len(face_ids)} face_ids, {len(participant_ids)} participant_ids and {len(session_ids)} session_ids: "
            "give one of each a face"
        )
    if len(set(face_ids)) < len(face_ids):
        raise InputError("a face_id stands twice: give each face once")
    if not np.isfinite(X).all():
        raise InputError("a vector holds a value that is not a finite number: embed the faces again")


def _groups(groups: pd.Series | None, names: list[str]) -> list[str]:
    """Return the family, or the person where there is none; the two cannot be mistaken for each other."""
    families = pd.Series(index=names, dtype=object) if groups is None else groups.reindex(names)
    return [f"person {name}" if pd.isna(family) else f"family {family}" for name, family in families.items()]


def _fold_array(folds: pd.DataFrame, table: pd.DataFrame) -> NDArray[np.int64]:
    wide = folds.pivot(index="participant_id", columns="repeat", values="fold").reindex(table.index).sort_index(axis=1)
    return np.asarray(wide.fillna(-1).to_numpy(dtype=np.int64).T)


def _require_folds(people: ConditionPeople) -> None:
    if len(people.folds) == 0 or not (people.folds >= 0).any():
        raise InputError("nobody with a photograph has a fold: check that the participant_ids match")
    for fold in people.folds:
        split = pd.Series(fold[fold >= 0]).groupby(people.table["group"].to_numpy()[fold >= 0]).nunique()
        if (split > 1).any():
            raise InputError(f"{split.index[split > 1][0]} stands in several folds: assign folds by family")
