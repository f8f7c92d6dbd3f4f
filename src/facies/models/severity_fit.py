"""How marked a disease is: grades of people who have it, predicted by models that never saw the person or a relative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from facies.models.classifiers.ordinal import Ordinal, fit_ordinal_path, ordinal_loss
from facies.models.classifiers.training import Training, prepare_training
from facies.models.condition_people import ConditionPeople, gather_condition_people
from facies.stats.threads import single_thread
from facies.tables import PARTICIPANT_PREDICTIONS, PREDICTIONS
from facies.types import Floats, Vectors

FEWEST = 20
"""People with a grade who are needed in every training set."""

LEVEL = 0.95


class SeverityFit(NamedTuple):
    """Tables of faces (:data:`facies.tables.PREDICTIONS`) and people, both without rows where ``note`` says why."""

    predictions: pd.DataFrame
    participant_predictions: pd.DataFrame
    note: str


def severity_target(condition: str) -> str:
    """Return the name of a condition's severity as a target.

    Examples
    --------
    >>> severity_target("acromegaly")
    'severity:acromegaly'
    """
    return f"severity:{condition}"


def cross_fit_severity(
    X: Vectors,
    *,
    face_ids: Sequence[str],
    participant_ids: Sequence[str],
    session_ids: Sequence[str | float | None],
    diagnosis: pd.Series,
    severity: pd.Series,
    learnt_session: pd.Series,
    folds: pd.DataFrame,
    condition: str,
    groups: pd.Series | None = None,
    model_id: str,
    random_state: int = 0,
) -> SeverityFit:
    """Predict the grade of everybody with a condition by proportional odds, in the first repeat's folds.

    Models are fitted on people with the condition and a grade. The prediction is the mean grade, its interval the grades that together
    have 95 % by the model, both at the mix of grades of the whole study. It says how marked the disease is in somebody who has it; of
    others it says nothing, and they get no row.

    Parameters
    ----------
    X, face_ids, participant_ids, session_ids, diagnosis, learnt_session, folds, groups
        As for :func:`facies.models.condition_fit.cross_fit_conditions`.
    severity
        Grade by participant_id; missing where unknown.

    Raises
    ------
    InputError
        When arguments do not fit, or a family stands in two folds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> names = [f"p{i:03d}" for i in range(100)]
    >>> grade = pd.Series(np.arange(100) % 3, index=names, dtype=float)
    >>> X = rng.normal(size=(100, 4)).astype(np.float32)
    >>> X[:, 0] += 3 * grade.to_numpy()
    >>> splits = pd.DataFrame({"participant_id": names, "repeat": 0, "fold": np.arange(100) // 3 % 5})
    >>> fit = cross_fit_severity(X, face_ids=names, participant_ids=names, session_ids=[None] * 100, severity=grade, condition="x",
    ...     diagnosis=pd.Series("x", index=names), learnt_session=pd.Series(index=names, dtype=object), folds=splits, model_id="demo")
    >>> bool(fit.participant_predictions.predicted.corr(fit.participant_predictions.observed) > 0.8)
    True
    """
    ill = {str(name) for name in diagnosis.index[diagnosis == condition]}
    kept = [row for row, name in enumerate(participant_ids) if str(name) in ill]
    if not kept:
        return _none(f"{condition}: nobody with it has a used face")
    people = gather_condition_people(
        X[kept], face_ids=[face_ids[row] for row in kept], participant_ids=[participant_ids[row] for row in kept],
        session_ids=[session_ids[row] for row in kept], diagnosis=diagnosis, learnt_session=learnt_session,
        folds=folds[folds["repeat"] == folds["repeat"].min()], weights=severity.notna().astype(float), groups=groups,
    )  # fmt: skip
    grade = severity.reindex(people.table.index).to_numpy(dtype=np.float64)
    with single_thread():
        return _CrossFit(people, grade, condition, model_id, random_state).run()


def _none(note: str) -> SeverityFit:
    return SeverityFit(PREDICTIONS.empty(), PARTICIPANT_PREDICTIONS.empty(), note)


class _CrossFit(NamedTuple):
    people: ConditionPeople
    grade: Floats
    condition: str
    model_id: str
    random_state: int

    def run(self) -> SeverityFit:
        fold = self.people.fold_of_person(0)
        numbers = sorted(set(fold.tolist()) - {-1})
        trained = [np.unique(self.people.training(0, number)[1]) for number in numbers]
        fewest = min((len(persons) for persons in trained), default=0)
        if fewest < FEWEST:
            return _none(f"{self.condition}: severity was not learnt, {fewest} people with a grade to learn from and {FEWEST} needed")
        if any(len(np.unique(self.grade[persons])) < 2 for persons in trained):
            return _none(f"{self.condition}: severity was not learnt, all people to learn from have one grade")
        parts = [self._predict(number, np.flatnonzero(fold[self.people.owner] == number)) for number in numbers]
        faces = pd.concat([part for part, _ in parts], ignore_index=True)
        persons = pd.concat([part for _, part in parts], ignore_index=True)
        n = int(np.isfinite(self.grade).sum())
        return SeverityFit(
            PREDICTIONS.validate(faces.sort_values("face_id", ignore_index=True)),
            PARTICIPANT_PREDICTIONS.validate(persons.sort_values("participant_id", ignore_index=True)),
            f"{self.condition}: severity was learnt from {n} people with {len(np.unique(self.grade[np.isfinite(self.grade)]))} grades",
        )

    def _predict(self, number: int, rows: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
        training, fit = self._fit(number)
        odds = fit.decision(training.projection.apply(self.people.X[rows]))
        owner, learnt = self.people.owner[rows], self.people.learnt[rows]
        faces = _row_values(fit, odds).assign(face_id=[self.people.face_ids[row] for row in rows])
        of_person = pd.Series(odds[learnt]).groupby(owner[learnt]).agg(["mean", "size"])
        persons = _row_values(fit, of_person["mean"].to_numpy(dtype=np.float64)).assign(
            participant_id=self.people.table.index[of_person.index].to_numpy(), n_photographs=of_person["size"].to_numpy(),
            observed=self.grade[of_person.index], label_weight=np.nan,
        )  # fmt: skip
        ids: dict[str, Any] = {"model_id": self.model_id, "target": severity_target(self.condition), "fold": number}
        return faces.assign(**ids), persons.assign(**ids)

    def _fit(self, number: int) -> tuple[Training, Ordinal]:
        rows, persons = self.people.training(0, number)
        known, code = np.unique(persons, return_inverse=True)
        grade, groups = self.grade[known], self.people.table["group"].to_numpy()[known]
        ranks = np.char.zfill(np.unique(grade, return_inverse=True)[1].ravel().astype(str), 6)
        training = prepare_training(
            self.people.X[rows], person=code.ravel(), weights=np.ones(len(known)), groups=groups, diagnosis=ranks,
            random_state=self.random_state,
        )  # fmt: skip
        return training, _choose(training, grade).brought_to(_shares(self.grade), _shares(grade))


def _choose(training: Training, grade: Floats) -> Ordinal:
    """Fit the penalty with the least log-loss of people left out by inner folds; where none differ the strongest stays."""
    of_face, shares = grade[training.person], training.shares()
    losses: Floats = np.zeros(1)
    for fold in training.inner:
        fits = fit_ordinal_path(fold.Z[~fold.rows], of_face[~fold.rows], shares[~fold.rows])
        people = fold.people
        left = [training.mean(fit.decision(fold.Z))[people] for fit in fits]
        losses = losses + np.array(
            [ordinal_loss(fit, odds, grade[people], training.weights[people]) for fit, odds in zip(fits, left, strict=True)]
        )
    return fit_ordinal_path(training.Z, of_face, shares)[int(np.argmin(losses))]


def _shares(grade: Floats) -> dict[float, float]:
    values, counts = np.unique(grade[np.isfinite(grade)], return_counts=True)
    return dict(zip(values.tolist(), (counts / counts.sum()).tolist(), strict=True))


def _row_values(fit: Ordinal, odds: Floats) -> pd.DataFrame:
    low, high = fit.bounds(odds, level=LEVEL)
    return pd.DataFrame({"predicted": fit.expected(odds), "ci_low": low, "ci_high": high})
