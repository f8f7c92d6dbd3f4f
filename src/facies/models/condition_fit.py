"""Repeated cross-fitting of conditions: everybody is scored by models that saw neither the person nor a relative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.models.classifiers.fitting import FittedCondition, fit_condition
from facies.models.classifiers.model import ConditionModel
from facies.models.classifiers.multinomial import Multinomial, fit_multinomial, softmax
from facies.models.classifiers.projection import Projection
from facies.models.classifiers.training import Training, prepare_training
from facies.models.condition_people import ConditionPeople, gather_condition_people
from facies.models.unlikeness import Unlikeness, fit_unlikeness
from facies.stats.threads import single_thread
from facies.tables import CONDITION_CLASSES, CONDITION_FACE_SCORES, CONDITION_SCORES, OPERATING_POINTS
from facies.types import Floats, Vectors

FAR = 0.99
"""Share of the training faces that are not called unlike the others."""

LOG_ODDS = 30.0
"""Log-odds are kept within this of 0."""


class FrozenCondition(NamedTuple):
    """A condition's model fitted on all, its thresholds by rule (medians over all folds of all repeats), and the share of cases there."""

    model: ConditionModel
    thresholds: dict[str, float]
    share: float


@dataclass(frozen=True, eq=False)
class ConditionFit:
    """What repeated cross-fitting gives.

    Parameters
    ----------
    face_scores, scores, classes, operating_points
        Tables :data:`facies.tables.CONDITION_FACE_SCORES`, ``CONDITION_SCORES``, ``CONDITION_CLASSES`` (without rows where there is no
        model of all) and ``OPERATING_POINTS``.
    fold_models
        The models by condition, repeat and fold.
    frozen
        The models fitted on all, by condition.
    unlikeness, farthest
        How far a face is from the training faces, and what is far.
    chosen
        One row a model: condition, repeat, fold, people, cases, what was chosen.
    """

    face_scores: pd.DataFrame
    scores: pd.DataFrame
    classes: pd.DataFrame
    operating_points: pd.DataFrame
    fold_models: dict[tuple[str, int, int], ConditionModel]
    frozen: dict[str, FrozenCondition]
    unlikeness: Unlikeness
    farthest: float
    chosen: pd.DataFrame


def cross_fit_conditions(
    X: Vectors,
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
    classifier: str = "logistic",
    model_id: str,
    operating_points: Sequence[str] = ("youden",),
    class_weights: bool = True,
    multiclass: bool = True,
    random_state: int = 0,
) -> ConditionFit:
    """Score everybody for every condition by models that saw neither the person nor a relative, several times over.

    A condition is told from all others: controls, public negatives and people with another condition. Models are fitted on the session
    that is learnt from; a person's photographs share the person's weight. Other sessions are scored by the same models as that one. People
    in fold -1, or without a diagnosis, are scored by the mean over the models of all folds. What is chosen, calibration and thresholds come
    from inner folds of people of the other folds alone.

    Parameters
    ----------
    X
        Vectors, (n, p), one a face; row i belongs to ``face_ids[i]`` of ``participant_ids[i]`` at ``session_ids[i]``
        (missing: the only one).
    diagnosis
        By participant_id: a condition, or another word such as ``control``; missing where unknown.
    learnt_session
        By participant_id: the session_id that is learnt from; missing: the only one.
    folds
        Table :data:`facies.tables.CONDITION_SPLITS`.
    weights
        By participant_id: what a person counts; 0 leaves out.
    groups
        Family by participant_id; missing for people on their own.
    operating_points
        Rules of :func:`facies.stats.operating_points.choose_threshold`.

    Raises
    ------
    InputError
        When a family stands in two folds, a class has too few people in a fold's training set, or arguments do not fit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> names = [f"p{i:03d}" for i in range(120)]
    >>> ill = pd.Series(np.where(np.arange(120) % 4 == 0, "acromegaly", "control"), index=names)
    >>> X = rng.normal(size=(120, 6)).astype(np.float32) + 2.5 * (ill == "acromegaly").to_numpy()[:, None]
    >>> splits = pd.DataFrame({"participant_id": names, "repeat": 0, "fold": np.arange(120) // 4 % 5})
    >>> fit = cross_fit_conditions(X, face_ids=names, participant_ids=names, session_ids=[None] * 120, diagnosis=ill,
    ...     learnt_session=pd.Series(index=names, dtype=object), folds=splits, target_conditions=["acromegaly"], model_id="demo",
    ...     multiclass=False)
    >>> by_class = fit.scores.groupby("observed").score.mean()
    >>> bool(by_class[1.0] > 1 > -1 > by_class[0.0])
    True
    """
    people = gather_condition_people(
        X, face_ids=face_ids, participant_ids=participant_ids, session_ids=session_ids, diagnosis=diagnosis,
        learnt_session=learnt_session, folds=folds, weights=weights, groups=groups,
    )  # fmt: skip
    asked = Asked(tuple(target_conditions), classifier, model_id, tuple(operating_points), class_weights, multiclass, random_state)
    with single_thread():
        return ConditionRepeats(people, asked).all()


class Asked(NamedTuple):
    """What a cross-fit of conditions is asked for."""

    conditions: tuple[str, ...]
    classifier: str
    model_id: str
    rules: tuple[str, ...]
    class_weights: bool
    multiclass: bool
    random_state: int


class _Fold(NamedTuple):
    """Everything that was fitted without one fold."""

    conditions: dict[str, FittedCondition]
    classes: Multinomial | None
    projection: Projection


class ConditionRepeats:
    """All repeats of one cross-fit, and what has been gathered so far."""

    def __init__(self, people: ConditionPeople, asked: Asked) -> None:
        self.people, self.asked = people, asked
        self.shares = people.shares()
        for name in asked.conditions:
            if not 0 < self.shares.get(name, 0.0) < 1:
                raise InputError(f"{name}: cases and others are both needed, one of them is absent among those with a face and a fold")
        self.face_scores: list[pd.DataFrame] = []
        self.classes: list[pd.DataFrame] = []
        self.points: list[dict[str, Any]] = []
        self.chosen: list[dict[str, Any]] = []
        self.fold_models: dict[tuple[str, int, int], ConditionModel] = {}

    def all(self) -> ConditionFit:
        """Do all repeats and return what was gathered."""
        for repeat in self.people.repeats():
            self._repeat(repeat)
        last = self._fit(self.people.training(None, None), -1, -1)
        unlikeness, farthest = self.unlikeness()
        faces = pd.concat(self.face_scores, ignore_index=True)
        points = pd.DataFrame(self.points, columns=["model_id", "target_condition", "rule", "repeat", "fold", "threshold"])
        return ConditionFit(
            face_scores=CONDITION_FACE_SCORES.validate(faces),
            scores=CONDITION_SCORES.validate(self.person_scores(faces)),
            classes=CONDITION_CLASSES.validate(pd.concat(self.classes, ignore_index=True) if self.classes else CONDITION_CLASSES.empty()),
            operating_points=OPERATING_POINTS.validate(points[points["repeat"] >= 0].reset_index(drop=True)),
            fold_models=self.fold_models,
            frozen={
                name: FrozenCondition(last.conditions[name].model, _median_thresholds(points, name), self.shares[name])
                for name in self.asked.conditions
            },
            unlikeness=unlikeness,
            farthest=farthest,
            chosen=pd.DataFrame(self.chosen),
        )

    def _repeat(self, repeat: int) -> None:
        fold_of_person = self.people.fold_of_person(repeat)
        fits = {fold: self._fit(self.people.training(repeat, fold), repeat, fold) for fold in sorted(set(fold_of_person) - {-1})}
        coordinates = {fold: fit.projection.apply(self.people.X) for fold, fit in fits.items()}
        fold_of_face = fold_of_person[self.people.owner]
        for name in self.asked.conditions:
            log_odds = np.empty(len(self.people.X))
            by_fold = {fold: _decide(fit.conditions[name].model, coordinates[fold]) for fold, fit in fits.items()}
            for fold, values in by_fold.items():
                log_odds[fold_of_face == fold] = values[fold_of_face == fold]
            nobody = fold_of_face == -1
            log_odds[nobody] = np.mean([values[nobody] for values in by_fold.values()], axis=0)
            self.add_faces(name, repeat, fold_of_face, log_odds)
            self.fold_models |= {(name, repeat, fold): fit.conditions[name].model for fold, fit in fits.items()}
        if self.asked.multiclass:
            self._add_classes(repeat, fits, coordinates, fold_of_person)

    def _fit(self, training: tuple[NDArray[np.int64], NDArray[np.int64]], repeat: int, fold: int) -> _Fold:
        rows, persons = training
        people, number = np.unique(persons, return_inverse=True)
        if not len(people):
            raise InputError(f"without fold {fold} nobody is left to learn from: give people of several folds a diagnosis and a photograph")
        table = self.people.table.iloc[people]
        diagnosis = table["diagnosis"].to_numpy()
        given = prepare_training(
            self.people.X[rows], person=number.ravel(), weights=table["weight"].to_numpy(dtype=np.float64),
            groups=table["group"].to_numpy(), diagnosis=diagnosis, random_state=self.asked.random_state,
        )  # fmt: skip
        fits = {name: self._fit_one(given, (diagnosis == name).astype(np.float64), name, repeat, fold) for name in self.asked.conditions}
        classes = None
        if self.asked.multiclass and repeat >= 0:
            classes = fit_multinomial(given, diagnosis, class_weights=self.asked.class_weights, shares_of_study=self.shares)
        return _Fold(fits, classes, given.projection)

    def _fit_one(self, given: Training, y: Floats, name: str, repeat: int, fold: int) -> FittedCondition:
        asked = self.asked
        try:
            fit = fit_condition(
                given, y, classifier=asked.classifier, rules=asked.rules, class_weights=asked.class_weights, share=self.shares[name]
            )
        except InputError as error:
            raise InputError(f"{name}, {'all folds' if fold < 0 else f'without fold {fold}'}: {error}") from error
        ids = {"model_id": asked.model_id, "target_condition": name, "repeat": repeat, "fold": fold}
        self.points += [{**ids, "rule": rule, "threshold": threshold} for rule, threshold in fit.thresholds.items()]
        self.chosen.append({**ids, "n": len(y), "n_cases": int(y.sum()), **fit.chosen})
        return fit

    def add_faces(self, name: str, repeat: int, fold: NDArray[np.int64], log_odds: Floats) -> None:
        """Keep the scores of all faces for one condition and repeat."""
        kept = np.clip(log_odds, -LOG_ODDS, LOG_ODDS)
        ids = {"face_id": self.people.face_ids, "model_id": self.asked.model_id, "target_condition": name, "repeat": repeat}
        self.face_scores.append(pd.DataFrame({**ids, "fold": fold, "score": kept, "probability": 1 / (1 + np.exp(-kept))}))

    def person_scores(self, faces: pd.DataFrame) -> pd.DataFrame:
        """Average the photographs of each person and session."""
        people = self.people
        visits = people.visits()
        joined = faces.merge(visits, on="face_id", validate="many_to_one")
        keys = ["participant_id", "session_id", "model_id", "target_condition", "repeat"]
        grouped = joined.groupby(keys, sort=True, dropna=False)
        found = grouped.agg(
            fold=("fold", "first"), n_photographs=("score", "size"), score=("score", "mean"), learnt_from=("learnt_from", "first")
        ).reset_index()
        diagnosis = found.participant_id.map(people.table["diagnosis"])
        observed = (diagnosis == found.target_condition).astype(float).where(diagnosis.notna() & found.learnt_from)
        found = found.assign(probability=1 / (1 + np.exp(-found.score)), observed=observed)
        return found[[column.name for column in CONDITION_SCORES.columns]]

    def _add_classes(self, repeat: int, fits: dict[int, _Fold], coordinates: dict[int, Floats], fold_of_person: NDArray[np.int64]) -> None:
        """Add the class probabilities of each person's learnt session, by the mean over its photographs."""
        people = self.people
        for fold, fit in fits.items():
            rows = np.flatnonzero(people.learnt & (fold_of_person[people.owner] == fold))
            if fit.classes is None or not len(rows):
                continue
            odds = pd.DataFrame(fit.classes.decision(coordinates[fold][rows]), columns=list(fit.classes.names))
            mean = odds.groupby(people.owner[rows]).mean()
            table = pd.DataFrame(softmax(mean.to_numpy()), people.table.index[mean.index], mean.columns)
            melted = (
                table.rename_axis("participant_id").reset_index().melt("participant_id", var_name="diagnosis", value_name="probability")
            )
            observed = melted.participant_id.map(people.table["diagnosis"])
            self.classes.append(melted.assign(model_id=self.asked.model_id, repeat=repeat, fold=fold, observed=observed))

    def unlikeness(self) -> tuple[Unlikeness, float]:
        """Return how far faces are from those that are learnt from, and what is far."""
        rows, persons = self.people.training(None, None)
        shares = 1 / np.bincount(persons)[persons]
        unlikeness = fit_unlikeness(self.people.X[rows].astype(np.float64), shares)
        return unlikeness, float(np.quantile(unlikeness.distances(self.people.X[rows]), FAR))


def _decide(model: ConditionModel, Z: Floats) -> Floats:
    return model.platt.apply(model.part.decision(Z))


def _median_thresholds(points: pd.DataFrame, condition: str) -> dict[str, float]:
    own = points[(points.target_condition == condition) & (points["repeat"] >= 0)]
    return {str(rule): float(value) for rule, value in own.groupby("rule", sort=False).threshold.median().items()}
