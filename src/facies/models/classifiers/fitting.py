"""One condition learnt from training faces: candidates chosen, log-odds calibrated and thresholds fixed on inner folds of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facies.errors import InputError
from facies.models.classifiers.model import ConditionModel
from facies.models.classifiers.platt import fit_platt, log_loss, log_odds
from facies.models.classifiers.table import classifier_class, classifier_entry
from facies.models.classifiers.training import InnerFold, Training
from facies.stats.operating_points import choose_threshold
from facies.types import Floats


@dataclass(frozen=True, eq=False)
class FittedCondition:
    """A model, the thresholds by rule, and for the record what was chosen."""

    model: ConditionModel
    thresholds: dict[str, float]
    chosen: dict[str, float]


def fit_condition(
    training: Training, y: Floats, *, classifier: str, rules: Sequence[str], class_weights: bool, share: float
) -> FittedCondition:  # fmt: skip
    """Fit a classifier of people with class ``y`` (n_people,), 1 with the condition.

    Every candidate is fitted without each inner fold in turn; the one whose calibrated scores of left-out people have the least
    log-loss wins, and those same scores calibrate it and fix the thresholds.

    Parameters
    ----------
    share
        Share of cases in the whole study. Log-odds are brought to it from the share among those who are fitted on: the fold with a case
        more leaves one less to learn from, so that otherwise cases would get a little less than others for no other reason.

    Raises
    ------
    InputError
        When there are too few cases or others.
    """
    _require_people(y, training, classifier)
    kind = classifier_class(classifier)
    scores = np.full((len(kind.candidates), len(y)), np.nan)
    for fold in training.inner:
        _score_left_out(training, y, fold, kind, class_weights, scores)
    known = np.isfinite(scores[0])
    weights = training.weights[known]
    curves = [fit_platt(row[known], y[known], weights) for row in scores]
    losses = [log_loss(curve.apply(row[known]), y[known], weights) for curve, row in zip(curves, scores, strict=True)]
    best = int(np.argmin(losses))
    curve = curves[best].moved(log_odds(share) - log_odds(float(weights @ y[known] / weights.sum())))
    target = y[training.person]
    part = kind.fit_path(training.Z, target, balanced(training.shares(), target, class_weights))[best]
    left_out = curve.apply(scores[best][known])
    thresholds = {rule: choose_threshold(left_out, y[known], rule, weights=weights) for rule in rules}
    chosen = {"candidate": kind.candidates[best], "inner_log_loss": losses[best]}
    return FittedCondition(ConditionModel(classifier, training.projection, part, curve), thresholds, chosen)


def _score_left_out(training: Training, y: Floats, fold: InnerFold, kind: Any, class_weights: bool, scores: Floats) -> None:
    """Write the mean score of each left-out person by every candidate, unless one class has nobody to learn from."""
    target, shares = y[training.person[~fold.rows]], training.shares()[~fold.rows]
    if not (shares[target > 0].sum() > 0 and shares[target <= 0].sum() > 0):
        return
    fits = kind.fit_path(fold.Z[~fold.rows], target, balanced(shares, target, class_weights))
    people = training.person[fold.rows]
    number = np.bincount(people, minlength=len(y))
    for row, fit in enumerate(fits):
        total = np.bincount(people, fit.decision(fold.Z[fold.rows]), minlength=len(y))
        scores[row, fold.people] = total[fold.people] / number[fold.people]


def balanced(shares: Floats, y: Floats, class_weights: bool) -> Floats:
    """Return weights in which both classes count alike, their sum unchanged; calibration undoes what that does to the log-odds."""
    if not class_weights:
        return shares
    total = float(shares.sum())
    return np.asarray(np.where(y > 0, shares * total / (2 * shares[y > 0].sum()), shares * total / (2 * shares[y <= 0].sum())))


def _require_people(y: Floats, training: Training, classifier: str) -> None:
    least = classifier_entry(classifier).min_cases
    few = "" if classifier == "gallery" else ", or conditions.classifiers = ['gallery'] for a condition with few cases"
    for name, which in (("cases", y > 0), ("others", y <= 0)):
        n = int((which & (training.weights > 0)).sum())
        if n < least:
            raise InputError(f"{classifier} was left {n} {name} to learn from and needs {least}: give more people{few}")
        if len(np.unique(training.groups[which])) < 2:
            raise InputError(f"all {name} to learn from are of one family: give people of several families")
