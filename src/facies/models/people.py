"""Who is in a cross-fit: every person's label, weight, fold and family, and the photographs in the order of their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats, Vectors


class TrainingFaces(NamedTuple):
    """The faces that one fold's model is fitted on.

    Parameters
    ----------
    rows
        Which faces, (n,).
    y
        Each person's label, (n,).
    weights
        The readings behind the label relative to the mean, shared by the person's photographs, (n,).
    shares
        What each face counts of its person, (n,): a person's faces together 1.
    groups
        Who must be kept together: the family, or the person, (n,).
    participants
        Whose face it is: the row of the people's table, (n,).
    """

    rows: NDArray[np.int64]
    y: Floats
    weights: Floats
    shares: Floats
    groups: NDArray[Any]
    participants: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class People:
    """People and their photographs, joined by identifier.

    Parameters
    ----------
    table
        By participant_id, sorted: ``observed``, ``label_weight``, ``group``, ``n_photographs``, ``fold`` (whose model predicts the
        person; -1 the model fitted on all) and ``trains`` (whether other folds' models are fitted on the person).
    X
        Vectors, sorted by face_id, (n, p).
    face_ids
        Of the rows of ``X``.
    owner
        Row of ``table`` for each row of ``X``.
    order
        Which of the given rows each row of ``X`` was.
    """

    table: pd.DataFrame
    X: Vectors
    face_ids: list[str]
    owner: NDArray[np.int64]
    order: NDArray[np.int64]

    def fold_numbers(self) -> list[int]:
        """Return the folds in which people train, then -1."""
        return [*sorted(int(fold) for fold in self.table.fold[self.table.trains].unique()), -1]

    def training_faces(self, *, without: int) -> TrainingFaces:
        """Return the rows of ``X`` that a model is fitted on which leaves out one fold, and with what."""
        trains = (self.table.trains & (self.table.fold != without)).to_numpy()
        rows = np.flatnonzero(trains[self.owner])
        person = self.table.iloc[self.owner[rows]]
        shares = 1 / person.n_photographs.to_numpy()
        weights = person.label_weight.to_numpy() * shares
        return TrainingFaces(rows, person.observed.to_numpy(), weights, shares, person.group.to_numpy(), self.owner[rows])


def gather_people(
    X: Vectors,
    *,
    face_ids: Sequence[str],
    participant_ids: Sequence[str],
    labels: pd.Series,
    weights: pd.Series | None,
    folds: pd.Series,
    groups: pd.Series | None,
) -> People:
    """Join all by identifier and check it.

    Raises
    ------
    InputError
        Naming the first thing that is wrong and what to do.
    """
    _check_rows(X, face_ids, participant_ids)
    order = np.argsort(np.asarray(face_ids, dtype=object))
    names, owner = np.unique(np.asarray(participant_ids, dtype=object)[order].astype(str), return_inverse=True)
    table = pd.DataFrame(index=pd.Index(names, name="participant_id", dtype=object))
    table["n_photographs"] = np.bincount(owner, minlength=len(names))
    table["observed"] = _by_person(labels, "labels", names).astype("float64")
    table["group"] = _group_names(groups, names)
    table["fold"] = _fold_numbers(folds, table)
    table["trains"] = table.observed.notna() & (table.fold >= 0)
    table["label_weight"] = _relative_weights(weights, table)
    _check_training(table, int(folds[folds >= 0].nunique()))
    table["fold"] = _predicting_fold(table)
    return People(table, np.asarray(X)[order], [str(face_ids[i]) for i in order], owner, order)


def training_faces(
    *,
    face_ids: Sequence[str],
    participant_ids: Sequence[str],
    y_by_participant: pd.Series,
    folds: pd.Series,
    weight_by_participant: pd.Series | None = None,
    groups: pd.Series | None = None,
) -> dict[int, TrainingFaces]:
    """Return, by fold, the faces that a model which leaves the fold out is to be fitted on; fold -1 leaves out none.

    For models that are fitted elsewhere and then given to :func:`facies.models.cross_fit_fitted`. ``rows`` count ``face_ids``; they are in
    the order of the face_ids' names. The arguments are those of :func:`facies.models.cross_fit`.

    Raises
    ------
    InputError
        As :func:`facies.models.cross_fit`.

    Examples
    --------
    >>> people = ["p1", "p2", "p3"]
    >>> faces = training_faces(face_ids=["a", "b", "c"], participant_ids=people, y_by_participant=pd.Series([40.0, 50, 60], index=people),
    ...     folds=pd.Series([0, 1, 0], index=people))
    >>> {fold: each.rows.tolist() for fold, each in faces.items()}
    {0: [1], 1: [0, 2], -1: [0, 1, 2]}
    """
    people = gather_people(
        np.zeros((len(face_ids), 1), dtype=np.float32),
        face_ids=face_ids,
        participant_ids=participant_ids,
        labels=y_by_participant,
        weights=weight_by_participant,
        folds=folds,
        groups=groups,
    )
    by_fold = {fold: people.training_faces(without=fold) for fold in people.fold_numbers()}
    return {fold: faces._replace(rows=people.order[faces.rows]) for fold, faces in by_fold.items()}


def _check_rows(X: Vectors, face_ids: Sequence[str], participant_ids: Sequence[str]) -> None:
    if np.ndim(X) != 2 or not len(X) == len(face_ids) == len(participant_ids):
        raise InputError(
            f"{np.shape(X)} vectors, {len(face_ids)} face_ids and {len(participant_ids)} participant_ids: give one of each a face"
        )
    seen: set[str] = set()
    for face_id in face_ids:
        if face_id in seen:
            raise InputError(f"face_id {face_id} stands twice: give each face once")
        seen.add(face_id)
    finite = np.isfinite(X).all(axis=1)
    if not finite.all():
        first = face_ids[int(np.flatnonzero(~finite)[0])]
        raise InputError(
            f"{int((~finite).sum())} vectors hold a value that is not a finite number, the first of {first}: embed the faces again"
        )


def _by_person(values: pd.Series, what: str, names: NDArray[np.str_]) -> pd.Series:
    repeated = values.index[values.index.duplicated()]
    if len(repeated):
        raise InputError(f"{what} name participant {repeated[0]} twice: give one value a person")
    return values.set_axis(values.index.astype(str)).reindex(names)


def _group_names(groups: pd.Series | None, names: NDArray[np.str_]) -> list[str]:
    """Return the family, or the person where there is none; the two cannot be mistaken for each other."""
    families = pd.Series(index=names, dtype=object) if groups is None else _by_person(groups, "groups", names)
    return [f"person {name}" if pd.isna(family) else f"family {family}" for name, family in families.items()]


def _fold_numbers(folds: pd.Series, table: pd.DataFrame) -> pd.Series:
    found = _by_person(folds, "folds", table.index.to_numpy())
    astray = table.index[found.isna() & table.observed.notna()]
    if len(astray):
        raise InputError(f"{len(astray)} people with a label have no fold, the first is {astray[0]}: assign folds to all, or -1")
    return found.fillna(-1).astype("int64")


def _relative_weights(weights: pd.Series | None, table: pd.DataFrame) -> pd.Series:
    """Return weights whose mean over the people who train is 1; missing where there is no label."""
    labelled = table.observed.notna()
    if weights is None:
        return pd.Series(1.0, index=table.index).where(labelled)
    found = _by_person(weights, "weights", table.index.to_numpy()).astype("float64").where(labelled)
    wrong = table.index[labelled & ~(np.isfinite(found) & (found > 0))]
    if len(wrong):
        raise InputError(f"the label of participant {wrong[0]} has the weight {found[wrong[0]]}: give the number of readings, above 0")
    return found / found[table.trains].mean()


def _check_training(table: pd.DataFrame, n_folds: int) -> None:
    training = table[table.trains]
    if training.empty:
        raise InputError("nobody with a photograph has both a label and a fold: check that the labels' participant_ids match")
    if not np.isfinite(training.observed).all():
        raise InputError(f"the label of participant {training.index[~np.isfinite(training.observed)][0]} is infinite: correct it")
    split = training.groupby("group").fold.nunique()
    if (split > 1).any():
        raise InputError(f"{split.index[split > 1][0]} stands in {int(split.max())} folds: assign folds by family")
    if n_folds < 2 or training.fold.nunique() < 2:
        raise InputError("all labelled people are in one fold: assign at least 2 folds")
    if training.group.nunique() < n_folds:
        raise InputError(
            f"{training.group.nunique()} labelled people or families for {n_folds} folds: choose at most {training.group.nunique()} folds"
        )
    if training.observed.nunique() == 1:
        raise InputError(f"all labels are {training.observed.iloc[0]:g}: there is nothing to learn; check the column")


def _predicting_fold(table: pd.DataFrame) -> pd.Series:
    """Return whose model predicts each person: the own fold; for others the fold of a relative who trains, else -1."""
    of_group = table[table.trains].groupby("group").fold.first()
    others = table.group.map(of_group).fillna(-1).astype("int64")
    return table.fold.where(table.trains, others)
