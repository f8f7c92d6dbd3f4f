"""Conditions told by networks that were themselves fitted, in every fold anew: calibrated and given thresholds on people they never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.models.classifiers.logistic import Logistic
from facies.models.classifiers.model import ConditionModel
from facies.models.classifiers.platt import Platt, fit_platt, log_loss, log_odds
from facies.models.classifiers.projection import Projection
from facies.models.condition_fit import Asked, ConditionFit, ConditionRepeats, FrozenCondition
from facies.models.condition_people import ConditionPeople, gather_condition_people
from facies.stats.operating_points import choose_threshold
from facies.tables import CONDITION_CLASSES, CONDITION_FACE_SCORES, CONDITION_SCORES, OPERATING_POINTS
from facies.types import Floats, Vectors

CLASSIFIER = "logistic"
"""What the networks' heads are: one logistic score a condition."""

FEWEST = 2
"""Cases, and others, who calibrate a network at least."""


class NetworkFold(NamedTuple):
    """What one fold's network makes of every face, and its head.

    Parameters
    ----------
    vectors
        (n, p), in the order of the faces.
    coef, intercept
        The head, (p, k) and (k,), a column a condition.
    calibration
        participant_ids of people whom the network was not fitted on, though they are outside the fold: they calibrate it.
    """

    vectors: Vectors
    coef: Floats
    intercept: Floats
    calibration: frozenset[str]


def cross_fit_networks(
    networks: Mapping[int, NetworkFold],
    *,
    face_ids: Sequence[str],
    participant_ids: Sequence[str],
    session_ids: Sequence[str | float | None],
    diagnosis: pd.Series,
    learnt_session: pd.Series,
    folds: pd.DataFrame,
    target_conditions: Sequence[str],
    weights: pd.Series | None = None,
    groups: pd.Series | None = None,
    model_id: str,
    operating_points: Sequence[str] = ("youden",),
) -> ConditionFit:
    """Score everybody by the network that left out the person's fold, in the first repeat's folds.

    A network's score becomes log-odds by a curve (Platt) that is fitted to the people in ``calibration``, and thresholds are fixed on the
    same people; they are neither in the fold nor among those whom the network was fitted on.

    Parameters
    ----------
    networks
        By fold; -1 is the network fitted on all (but those who calibrate it).
    face_ids, participant_ids, session_ids, diagnosis, learnt_session, folds, target_conditions, weights, groups, operating_points
        As for :func:`facies.models.condition_fit.cross_fit_conditions`; the rows of every network's vectors are those of ``face_ids``.

    Raises
    ------
    InputError
        When a fold has no network, or fewer than two cases or others calibrate one.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> names = [f"p{i:03d}" for i in range(80)]
    >>> ill = pd.Series(np.where(np.arange(80) % 4 == 0, "x", "control"), index=names)
    >>> X = rng.normal(size=(80, 3)).astype(np.float32) + 2 * (ill == "x").to_numpy()[:, None]
    >>> fold = np.arange(80) // 4 % 2
    >>> others = {k: frozenset(name for name, at in zip(names, fold) if at != k) for k in (0, 1, -1)}
    >>> networks = {k: NetworkFold(X, np.ones((3, 1)), np.zeros(1), who) for k, who in others.items()}
    >>> fit = cross_fit_networks(networks, face_ids=names, participant_ids=names, session_ids=[None] * 80, diagnosis=ill,
    ...     learnt_session=pd.Series(index=names, dtype=object), target_conditions=["x"], model_id="demo",
    ...     folds=pd.DataFrame({"participant_id": names, "repeat": 0, "fold": fold}))
    >>> bool(fit.scores.groupby("observed").score.mean().diff()[1.0] > 2)
    True
    """
    if -1 not in networks:
        raise InputError("there is no network fitted on all: give it as fold -1")
    people = gather_condition_people(
        networks[-1].vectors, face_ids=face_ids, participant_ids=participant_ids, session_ids=session_ids, diagnosis=diagnosis,
        learnt_session=learnt_session, folds=folds[folds["repeat"] == folds["repeat"].min()], weights=weights, groups=groups,
    )  # fmt: skip
    order = np.argsort(np.asarray(face_ids, dtype=object), kind="stable")
    asked = Asked(tuple(target_conditions), CLASSIFIER, model_id, tuple(operating_points), class_weights=True, multiclass=False,
                  random_state=0)  # fmt: skip
    in_order = {fold: network._replace(vectors=network.vectors[order]) for fold, network in networks.items()}
    return _Networks(people, asked, in_order).all()


class _Calibrated(NamedTuple):
    """A network's score of every face, the curve that makes log-odds of it, and thresholds by rule."""

    scores: Floats
    curve: Platt
    thresholds: dict[str, float]


class _Networks(ConditionRepeats):
    """One repeat, its models given instead of fitted."""

    def __init__(self, people: ConditionPeople, asked: Asked, networks: Mapping[int, NetworkFold]) -> None:
        super().__init__(people, asked)
        self.networks = networks

    def all(self) -> ConditionFit:
        fold = self.people.fold_of_person(0)
        numbers = sorted(set(fold.tolist()) - {-1})
        absent = [number for number in numbers if number not in self.networks]
        if absent:
            raise InputError(f"fold {absent[0]} has no network: fit one without it")
        frozen = {}
        for column, name in enumerate(self.asked.conditions):
            made = {number: self._calibrate(number, column, name) for number in (*numbers, -1)}
            self.add_faces(name, 0, fold[self.people.owner], _by_fold(made, fold[self.people.owner], numbers))
            medians = {rule: float(np.median([made[number].thresholds[rule] for number in numbers])) for rule in self.asked.rules}
            frozen[name] = FrozenCondition(self._model(column, made[-1].curve), medians, self.shares[name])
        return self._gathered(frozen)

    def _gathered(self, frozen: dict[str, FrozenCondition]) -> ConditionFit:
        faces = pd.concat(self.face_scores, ignore_index=True)
        points = pd.DataFrame(self.points, columns=["model_id", "target_condition", "rule", "repeat", "fold", "threshold"])
        unlikeness, farthest = self.unlikeness()
        return ConditionFit(
            face_scores=CONDITION_FACE_SCORES.validate(faces), scores=CONDITION_SCORES.validate(self.person_scores(faces)),
            classes=CONDITION_CLASSES.empty(), operating_points=OPERATING_POINTS.validate(points[points.fold >= 0].reset_index(drop=True)),
            fold_models={}, frozen=frozen, unlikeness=unlikeness, farthest=farthest, chosen=pd.DataFrame(self.chosen),
        )  # fmt: skip

    def _calibrate(self, number: int, column: int, name: str) -> _Calibrated:
        network = self.networks[number]
        scores = np.asarray(network.vectors, dtype=np.float64) @ network.coef[:, column] + network.intercept[column]
        rows, persons = self._calibrating(network, number)
        number_of_faces = np.bincount(persons)
        people = np.flatnonzero(number_of_faces)
        mean = np.bincount(persons, scores[rows])[people] / number_of_faces[people]
        table = self.people.table.iloc[people]
        y = (table["diagnosis"] == name).to_numpy().astype(np.float64)
        weights = table["weight"].to_numpy(dtype=np.float64)
        if min(int(y.sum()), int(len(y) - y.sum())) < FEWEST:
            raise InputError(
                f"{name}, {'all folds' if number < 0 else f'without fold {number}'}: {int(y.sum())} cases and {int(len(y) - y.sum())} "
                f"others are there to calibrate the fine-tuned network, {FEWEST} of each are needed: give more people, or leave it out"
            )
        curve = fit_platt(mean, y, weights)
        curve = curve.moved(log_odds(self.shares[name]) - log_odds(float(weights @ y / weights.sum())))
        called = curve.apply(mean)
        thresholds = {rule: choose_threshold(called, y, rule, weights=weights) for rule in self.asked.rules}
        ids = {"model_id": self.asked.model_id, "target_condition": name, "repeat": 0, "fold": number}
        self.points += [{**ids, "rule": rule, "threshold": threshold} for rule, threshold in thresholds.items()]
        chosen = {"candidate": np.nan, "inner_log_loss": log_loss(called, y, weights)}
        self.chosen.append({**ids, "n": len(y), "n_cases": int(y.sum()), **chosen})
        return _Calibrated(scores, curve, thresholds)

    def _calibrating(self, network: NetworkFold, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of faces, and of people, that calibrate a network; nobody of its fold is among them."""
        rows, persons = self.people.training(0, None if number < 0 else number)
        kept = np.isin(self.people.table.index.to_numpy()[persons], list(network.calibration))
        return rows[kept], persons[kept]

    def _model(self, column: int, curve: Platt) -> ConditionModel:
        network = self.networks[-1]
        n = len(network.coef)
        as_they_are = Projection(np.zeros(n), np.ones(n), np.eye(n))
        head = Logistic(np.ascontiguousarray(network.coef[:, column]), float(network.intercept[column]))
        return ConditionModel(CLASSIFIER, as_they_are, head, curve)


def _by_fold(made: Mapping[int, _Calibrated], fold_of_face: NDArray[np.int64], numbers: Sequence[int]) -> Floats:
    """Return each face's log-odds by the network that left its person's fold out; the mean over all folds for people in none."""
    odds = {number: made[number].curve.apply(made[number].scores) for number in numbers}
    found = np.mean([odds[number] for number in numbers], axis=0)
    for number, values in odds.items():
        found[fold_of_face == number] = values[fold_of_face == number]
    return np.asarray(found)
