"""Cross-fitted ridge predictions by models that were fitted on part of the people, or on labels of fewer readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import eigh

from facies.errors import InputError
from facies.models.axes import Scaling, scaling
from facies.models.inner import DEFAULT_INNER_FOLDS, inner_folds
from facies.models.people import People, gather_people
from facies.models.ridge import RELATIVE_PENALTIES
from facies.models.rows import TrainingRows
from facies.stats.threads import single_thread
from facies.types import Floats, Vectors

FEWEST = 10
"""A model is fitted on at least so many people."""


class SubsetPredictions(NamedTuple):
    """Out-of-fold predictions of labelled people, (n_participants, n_sizes, n_repeats), in years; participants in sorted order."""

    participant_ids: list[str]
    predicted: Floats


class _Rows(NamedTuple):
    """What one model is fitted on: rows of the vectors, several labels of each, (n, m), weights (n,) and groups (n,)."""

    X: Floats
    labels: Floats
    weights: Floats
    groups: NDArray[np.object_]

    def take(self, which: NDArray[np.bool_]) -> _Rows:
        return _Rows(self.X[which], self.labels[which], self.weights[which], self.groups[which])


def predict_by_subsets(
    X: Vectors,
    *,
    face_ids: Sequence[str],
    participant_ids: Sequence[str],
    y_by_participant: pd.Series,
    folds: pd.Series,
    sizes: Sequence[int],
    n_repeats: int = 5,
    weight_by_participant: pd.Series | None = None,
    groups: pd.Series | None = None,
    random_state: int = 0,
) -> SubsetPredictions:
    """Predict everybody by ridge regression fitted on ``size`` random people of the other folds.

    Of one repeat the smaller subsets lie within the larger ones. People who are predicted are in no subset, nor are their relatives where
    folds keep these together. A size beyond what a fold has takes all of them; where that is so in every fold, one fit serves all repeats
    and the predictions are those of :func:`facies.models.cross_fit` with ``ridge``. Everything is joined by identifier.

    Parameters
    ----------
    X
        Vectors, (n, p), one a face; the other arguments are those of :func:`facies.models.cross_fit`.
    sizes
        Numbers of labelled people to fit on.
    n_repeats
        Random orders of the people.

    Raises
    ------
    InputError
        As :func:`facies.models.cross_fit`, and when a size is below 10.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> names = [f"p{i:02d}" for i in range(60)]
    >>> X = rng.normal(size=(60, 3)).astype(np.float32)
    >>> y = pd.Series(50 + 5 * X[:, 0] + rng.normal(size=60), index=names)
    >>> found = predict_by_subsets(X, face_ids=names, participant_ids=names, y_by_participant=y,
    ...     folds=pd.Series(np.arange(60) % 5, index=names), sizes=[12, 48], n_repeats=2)
    >>> found.predicted.shape
    (60, 2, 2)
    """
    if min(sizes, default=0) < FEWEST:
        raise InputError(f"a subset has {min(sizes, default=0)} people: choose {FEWEST} or more")
    people = gather_people(
        X, face_ids=face_ids, participant_ids=participant_ids, labels=y_by_participant, weights=weight_by_participant, folds=folds,
        groups=groups,
    )  # fmt: skip
    orders = [np.random.default_rng([random_state, repeat]).permutation(len(people.table)) for repeat in range(n_repeats)]
    return _each_fold(people, lambda fold: _by_size(people, fold, sizes, orders, random_state), (len(sizes), n_repeats))


def predict_by_labels(
    X: Vectors,
    *,
    face_ids: Sequence[str],
    participant_ids: Sequence[str],
    y_by_participant: pd.Series,
    folds: pd.Series,
    labels: Mapping[int, pd.DataFrame],
    weights: Mapping[int, pd.Series],
    groups: pd.Series | None = None,
    random_state: int = 0,
) -> SubsetPredictions:
    """Predict everybody by ridge regression fitted on other labels of the people of the other folds, such as means of fewer readers.

    Parameters
    ----------
    y_by_participant
        The full reference by participant_id: who has one is fitted on and predicted.
    labels
        Size (such as the number of readers) to labels, one row a participant, one column a repeat.
    weights
        Size to the readings behind the label, by participant_id.

    Raises
    ------
    InputError
        As :func:`facies.models.cross_fit`, and when somebody has no label or weight of a size.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> names = [f"p{i:02d}" for i in range(60)]
    >>> X = rng.normal(size=(60, 3)).astype(np.float32)
    >>> y = pd.Series(50 + 5 * X[:, 0], index=names)
    >>> found = predict_by_labels(X, face_ids=names, participant_ids=names, y_by_participant=y,
    ...     folds=pd.Series(np.arange(60) % 5, index=names), labels={4: pd.DataFrame({0: y})}, weights={4: y * 0 + 4})
    >>> bool(np.abs(found.predicted[:, 0, 0] - y.to_numpy()).max() < 0.1)
    True
    """
    people = gather_people(
        X, face_ids=face_ids, participant_ids=participant_ids, labels=y_by_participant, weights=None, folds=folds, groups=groups
    )  # fmt: skip
    trains = people.table.index[people.table.trains]
    for size in labels:
        if not (np.isfinite(labels[size].reindex(trains)).all(axis=None) and (weights[size].reindex(trains) > 0).all()):
            raise InputError(f"somebody has no label or weight of size {size}: give one to everybody with a reference")
    n_repeats = max(frame.shape[1] for frame in labels.values())
    return _each_fold(people, lambda fold: _by_label(people, fold, labels, weights, random_state), (len(labels), n_repeats))


def _each_fold(people: People, predict: Callable[[int], Floats], shape: tuple[int, int]) -> SubsetPredictions:
    """Average each person's photographs, fold by fold; ``predict`` gives (n_faces, n_sizes, n_repeats) of the faces of a fold."""
    known = people.table.trains.to_numpy()
    total = np.zeros((len(people.table), *shape))
    with single_thread():
        for fold in people.fold_numbers():
            if fold >= 0:
                rows = _faces_of(people, fold)
                np.add.at(total, people.owner[rows], predict(fold))
    means = total / people.table.n_photographs.to_numpy()[:, None, None]
    return SubsetPredictions([str(name) for name in people.table.index[known]], means[known])


def _faces_of(people: People, fold: int) -> NDArray[np.intp]:
    inside = (people.table.trains & (people.table.fold == fold)).to_numpy()
    return np.flatnonzero(inside[people.owner])


def _by_size(people: People, fold: int, sizes: Sequence[int], orders: Sequence[NDArray[np.int64]], random_state: int) -> Floats:
    new = people.X[_faces_of(people, fold)].astype(np.float64)
    predicted = np.empty((len(new), len(sizes), len(orders)))
    trains = (people.table.trains & (people.table.fold != fold)).to_numpy()
    for k, size in enumerate(sizes):
        everybody = size >= trains.sum()
        for repeat, order in enumerate(orders[:1] if everybody else orders):
            chosen = _first(trains, order, size)
            fitted = _predict(_rows_of(people, chosen, people.table[["observed"]], people.table.label_weight), new, random_state)[:, 0]
            predicted[:, k, slice(None) if everybody else repeat] = fitted[:, None] if everybody else fitted
    return predicted


def _first(trains: NDArray[np.bool_], order: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """Mark the first ``size`` people in an order who train."""
    chosen = np.zeros(len(trains), dtype=bool)
    chosen[order[trains[order]][:size]] = True
    return chosen


def _by_label(people: People, fold: int, labels: Mapping[int, pd.DataFrame], weights: Mapping[int, pd.Series], random_state: int) -> Floats:
    new = people.X[_faces_of(people, fold)].astype(np.float64)
    trains = (people.table.trains & (people.table.fold != fold)).to_numpy()
    names = people.table.index
    fits = [
        _predict(_rows_of(people, trains, labels[size].reindex(names), weights[size].reindex(names)), new, random_state) for size in labels
    ]
    return np.stack(fits, axis=1)


def _rows_of(people: People, chosen: NDArray[np.bool_], labels: pd.DataFrame, weights: pd.Series) -> _Rows:
    """Return the photographs of the chosen people; these share the person's weight, whose mean over the chosen is 1."""
    rows = np.flatnonzero(chosen[people.owner])
    owner = people.owner[rows]
    relative = weights.to_numpy(dtype=np.float64) / weights.to_numpy(dtype=np.float64)[chosen].mean()
    shared = relative[owner] / people.table.n_photographs.to_numpy()[owner]
    return _Rows(people.X[rows].astype(np.float64), labels.to_numpy(dtype=np.float64)[owner], shared, people.table.group.to_numpy()[owner])


def _predict(rows: _Rows, new: Floats, random_state: int) -> Floats:
    """Fit each label with a penalty of its own, chosen by inner folds, and predict new vectors: (n_new, m)."""
    mean = TrainingRows(rows.X, rows.labels.mean(axis=1), rows.weights, rows.groups)
    folds = inner_folds(mean, n_folds=DEFAULT_INNER_FOLDS, random_state=random_state)
    errors = sum(_errors(rows.take(folds != fold), rows.take(folds == fold)) for fold in range(int(folds.max()) + 1))
    chosen = RELATIVE_PENALTIES[np.asarray(errors).argmin(axis=1)] * rows.weights.sum() * rows.X.shape[1]
    return _decompose(rows).predict(new, chosen[:, None])[..., 0]


def _errors(train: _Rows, valid: _Rows) -> Floats:
    """Return the weighted squared error of each label by each penalty, (m, n_penalties)."""
    penalties = RELATIVE_PENALTIES * train.weights.sum() * train.X.shape[1]
    predicted = _decompose(train).predict(valid.X, np.broadcast_to(penalties, (train.labels.shape[1], len(penalties))))
    squared: Floats = np.tensordot(valid.weights, (predicted - valid.labels[:, :, None]) ** 2, axes=1)
    return squared


class _Decomposed(NamedTuple):
    """Ridge regression of several labels on one set of rows, from one decomposition of the smaller product matrix."""

    columns: Scaling
    basis: Floats
    values: Floats
    projected: Floats
    centre: Floats

    def predict(self, X: Floats, alphas: Floats) -> Floats:
        """Return predictions by penalties of each label, (m, a): (n, m, a)."""
        shrunk = self.projected[:, :, None] / (np.maximum(self.values, 0.0)[:, None, None] + alphas)
        scores = self.columns.apply(X) @ self.basis
        return self.centre[:, None] + (scores @ shrunk.reshape(len(shrunk), -1)).reshape(len(X), *alphas.shape)


def _decompose(rows: _Rows) -> _Decomposed:
    columns = scaling(rows.X, rows.weights)
    root = np.sqrt(rows.weights)[:, None]
    centre = rows.weights @ rows.labels / rows.weights.sum()
    A = columns.apply(rows.X)
    A *= root
    b = root * (rows.labels - centre)
    wide = A.shape[1] > A.shape[0]
    values, vectors = eigh(A @ A.T if wide else A.T @ A)
    basis = A.T @ vectors if wide else vectors
    return _Decomposed(columns, basis, values, vectors.T @ (b if wide else A.T @ b), centre)
