"""One condition learnt from training faces: candidates chosen, log-odds calibrated and thresholds fixed on inner folds of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.models.classifiers.model import ConditionModel
from facies.models.classifiers.platt import fit_platt, log_loss
from facies.models.classifiers.projection import Projection
from facies.models.classifiers.table import classifier_class, classifier_entry
from facies.models.inner import inner_folds
from facies.models.rows import TrainingRows
from facies.stats.operating_points import choose_threshold
from facies.types import Floats

INNER_FOLDS = 5


class Training(NamedTuple):
    """Faces that a model is fitted on.

    Parameters
    ----------
    Z
        Coordinates on the axes, (n, k).
    person
        Whose face it is, 0 to n_people - 1, (n,).
    weights
        What each person counts, (n_people,).
    groups
        Family, or the person, (n_people,).
    """

    Z: Floats
    person: NDArray[np.int64]
    weights: Floats
    groups: NDArray[Any]

    def shares(self) -> Floats:
        """Return the weight of each face: a person's faces share the person's."""
        return np.asarray((self.weights / np.bincount(self.person, minlength=len(self.weights)))[self.person])


@dataclass(frozen=True, eq=False)
class FittedCondition:
    """A model, the thresholds by rule, and for the record what was chosen."""

    model: ConditionModel
    thresholds: dict[str, float]
    chosen: dict[str, float]


def fit_condition(
    training: Training, y: Floats, projection: Projection, *, classifier: str, rules: Sequence[str], class_weights: bool, random_state: int
) -> FittedCondition:  # fmt: skip
    """Fit a classifier of people with class ``y`` (n_people,), 1 with the condition.

    Every candidate is fitted without each inner fold in turn; the one whose calibrated scores of left-out people have the least
    log-loss wins, and those same scores calibrate it and fix the thresholds. The axes come from all training faces, without labels.

    Raises
    ------
    InputError
        When there are too few cases or others.
    """
    _require_people(y, training.weights, classifier)
    kind = classifier_class(classifier)
    rows = TrainingRows(np.zeros((len(y), 1)), y, training.weights, training.groups)
    n_folds = int(min(INNER_FOLDS, _n_groups(training.groups, y > 0), _n_groups(training.groups, y <= 0)))
    inner = inner_folds(rows, n_folds=max(2, n_folds), random_state=random_state)
    scores = np.full((len(kind.candidates), len(y)), np.nan)
    for fold in range(int(inner.max()) + 1):
        _score_left_out(training, y, inner == fold, kind, class_weights, scores)
    known = np.isfinite(scores[0])
    curves = [fit_platt(row[known], y[known], training.weights[known]) for row in scores]
    losses = [log_loss(curve.apply(row[known]), y[known], training.weights[known]) for curve, row in zip(curves, scores, strict=True)]
    best = int(np.argmin(losses))
    part = kind.fit_path(training.Z, y[training.person], _balanced(training.shares(), y[training.person], class_weights))[best]
    left_out = curves[best].apply(scores[best][known])
    thresholds = {rule: choose_threshold(left_out, y[known], rule, weights=training.weights[known]) for rule in rules}
    chosen = {"candidate": kind.candidates[best], "inner_log_loss": losses[best]}
    return FittedCondition(ConditionModel(classifier, projection, part, curves[best]), thresholds, chosen)


def _score_left_out(training: Training, y: Floats, left_out: NDArray[np.bool_], kind: Any, class_weights: bool, scores: Floats) -> None:
    """Write the mean score of each left-out person by every candidate, unless one class has nobody to learn from."""
    here = left_out[training.person]
    target, shares = y[training.person[~here]], training.shares()[~here]
    if not (shares[target > 0].sum() > 0 and shares[target <= 0].sum() > 0):
        return
    fits = kind.fit_path(training.Z[~here], target, _balanced(shares, target, class_weights))
    people = training.person[here]
    number = np.bincount(people, minlength=len(y))
    for row, fit in enumerate(fits):
        total = np.bincount(people, fit.decision(training.Z[here]), minlength=len(y))
        scores[row, left_out] = total[left_out] / number[left_out]


def _balanced(shares: Floats, y: Floats, class_weights: bool) -> Floats:
    """Return weights in which both classes count alike, their sum unchanged; calibration undoes what that does to the log-odds."""
    if not class_weights:
        return shares
    total = float(shares.sum())
    return np.asarray(np.where(y > 0, shares * total / (2 * shares[y > 0].sum()), shares * total / (2 * shares[y <= 0].sum())))


def _n_groups(groups: NDArray[Any], which: NDArray[np.bool_]) -> int:
    return len(np.unique(groups[which]))


def _require_people(y: Floats, weights: Floats, classifier: str) -> None:
    least = classifier_entry(classifier).min_cases
    for name, n in (("cases", int(((y > 0) & (weights > 0)).sum())), ("others", int(((y <= 0) & (weights > 0)).sum()))):
        if n < least:
            few = "" if classifier == "gallery" else ", or conditions.classifiers = ['gallery'] for a condition with few cases"
            raise InputError(f"{classifier} was left {n} {name} to learn from and needs {least}: give more people{few}")
