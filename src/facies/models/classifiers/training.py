"""The faces that models of one fold are fitted on: coordinates of all, and of everybody left out by inner folds of people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.models.classifiers.projection import Basis, Projection
from facies.models.inner import inner_folds
from facies.models.rows import TrainingRows
from facies.types import Floats

INNER_FOLDS = 5


class InnerFold(NamedTuple):
    """One inner fold.

    Parameters
    ----------
    people
        Who is left out, (n_people,).
    rows
        Whose faces those are, (n,).
    Z
        Coordinates of all faces, (n, k), on axes that were found without the left-out ones.
    """

    people: NDArray[np.bool_]
    rows: NDArray[np.bool_]
    Z: Floats


class Training(NamedTuple):
    """Faces that models are fitted on.

    Parameters
    ----------
    projection
        The axes of all of them.
    Z
        Coordinates on those axes, (n, k).
    person
        Whose face it is, 0 to n_people - 1, (n,).
    weights
        What each person counts, (n_people,).
    groups
        Family, or the person, (n_people,).
    inner
        Inner folds of families, alike in diagnoses.
    """

    projection: Projection
    Z: Floats
    person: NDArray[np.int64]
    weights: Floats
    groups: NDArray[Any]
    inner: tuple[InnerFold, ...]

    def shares(self) -> Floats:
        """Return the weight of each face: a person's faces share the person's."""
        return _shares(self.person, self.weights)

    def mean(self, values: Floats) -> Floats:
        """Return the mean over each person's faces of values (n, ...), (n_people, ...)."""
        total = np.zeros((len(self.weights), *values.shape[1:]))
        np.add.at(total, self.person, values)
        number = np.bincount(self.person, minlength=len(self.weights))
        return np.asarray(total / number.reshape(-1, *[1] * (values.ndim - 1)))


def _shares(person: NDArray[np.int64], weights: Floats) -> Floats:
    return np.asarray((weights / np.bincount(person, minlength=len(weights)))[person])


def prepare_training(
    X: ArrayLike, *, person: NDArray[np.int64], weights: Floats, groups: NDArray[Any], diagnosis: NDArray[Any], random_state: int
) -> Training:
    """Find axes and inner folds, which all classifiers and conditions share.

    Parameters
    ----------
    X
        Vectors, (n, p).
    person
        Whose they are, 0 to n_people - 1, (n,).
    weights, groups, diagnosis
        Of each person, (n_people,); diagnoses only make the folds alike.
    """
    basis = Basis.of(X, _shares(person, weights))
    projection = basis.projection()
    Z = np.asarray(basis.A @ projection.axes)
    codes = np.unique(diagnosis.astype(str), return_inverse=True)[1].ravel().astype(np.float64)
    rows = TrainingRows(np.zeros((len(codes), 1)), codes, weights, groups)
    fold = inner_folds(rows, n_folds=INNER_FOLDS, random_state=random_state)
    return Training(projection, Z, person, weights, groups, tuple(_inner(basis, Z, fold, person)))


def _inner(basis: Basis, Z: Floats, fold: NDArray[np.int64], person: NDArray[np.int64]) -> Iterator[InnerFold]:
    """Yield the folds. Where all axes are kept and no column is lost the same coordinates serve all: only the basis would turn."""
    turned = Z.shape[1] == basis.A.shape[1]
    for number in range(int(fold.max()) + 1):
        people = fold == number
        rows = people[person]
        yield InnerFold(people, rows, Z if turned else basis.without(rows))
