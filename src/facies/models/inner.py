"""Inner folds: how a penalty is chosen on the training rows alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.models.rows import TrainingRows
from facies.types import Floats

DEFAULT_INNER_FOLDS = 5
"""Inner folds when nothing else is asked for."""


def inner_folds(rows: TrainingRows, *, n_folds: int, random_state: int) -> NDArray[np.int64]:
    """Assign every row to an inner fold, (n,); a group is never split and every fold spans the range of labels.

    Groups are ordered by their mean label and dealt out in blocks, each block in random order. The result does not depend on the order
    of the rows, nor on how often a row stands within its group.

    Raises
    ------
    InputError
        When there is only one group.

    Examples
    --------
    >>> y = np.array([20.0, 20.0, 70.0, 72.0])
    >>> rows = TrainingRows(np.zeros((4, 1)), y, np.ones(4), np.array(["a", "a", "b", "c"]))
    >>> folds = inner_folds(rows, n_folds=2, random_state=0)
    >>> bool(folds[0] == folds[1])
    True
    """
    names, group = np.unique(rows.groups, return_inverse=True)
    if len(names) < 2:
        raise InputError("the penalty cannot be chosen from 1 sample or 1 group: give more participants, or give the penalty itself")
    means = np.bincount(group, rows.weights * rows.y) / np.bincount(group, rows.weights)
    order = np.lexsort((np.arange(len(names)), np.round(means, 9)))
    dealt = _deal(len(names), min(n_folds, len(names)), np.random.default_rng(random_state))
    fold_of_group = np.empty(len(names), dtype=np.int64)
    fold_of_group[order] = dealt
    return fold_of_group[group.ravel()]


def _deal(n: int, n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    blocks = [rng.permutation(n_folds) for _ in range(-(-n // n_folds))]
    return np.concatenate(blocks)[:n]


def inner_splits(rows: TrainingRows, *, n_folds: int, random_state: int) -> Iterator[tuple[TrainingRows, TrainingRows]]:
    """Yield training and validation rows of every inner fold."""
    folds = inner_folds(rows, n_folds=n_folds, random_state=random_state)
    for fold in range(int(folds.max()) + 1):
        yield rows.take(folds != fold), rows.take(folds == fold)


def inner_errors(
    rows: TrainingRows,
    predict: Callable[[TrainingRows, Floats], Floats],
    *,
    n_folds: int,
    random_state: int,
) -> Floats:
    """Return the weighted mean squared error of every candidate over the inner folds, (n_candidates,).

    Parameters
    ----------
    predict
        From training rows and validation vectors (m, p) to predictions by each candidate, (m, n_candidates).
    """
    total: Floats | None = None
    for train, valid in inner_splits(rows, n_folds=n_folds, random_state=random_state):
        squared = (predict(train, valid.X) - valid.y[:, None]) ** 2
        error = valid.weights @ squared
        total = error if total is None else total + error
    if total is None:
        raise InputError("there is no inner fold: give at least two participants")
    return np.asarray(total / rows.weights.sum(), dtype=np.float64)


def inner_fold_number(given: int | None, *, fixed: bool, penalty: str, default: int = DEFAULT_INNER_FOLDS) -> int:
    """Return the number of inner folds, or refuse one that would have no effect.

    Raises
    ------
    InputError
        When the penalty is given as well, or the number is less than 2.
    """
    if fixed and given is not None:
        raise InputError(f"n_inner_folds has no effect when {penalty} is given: leave one of them out")
    if given is not None and given < 2:
        raise InputError(f"n_inner_folds is {given}: choose 2 or more")
    return default if given is None else given
