"""Cross-fitted predictions: everybody is predicted by a model that saw neither the person nor a relative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.models.conformal import conformal_half_width, cross_conformal, quantile_by_share
from facies.models.frozen import Calibration, FrozenModel, TrainingSummary, level_name, warn
from facies.models.people import People, TrainingFaces, gather_people
from facies.models.regressors import make_regressor
from facies.models.unlikeness import Unlikeness, fit_unlikeness
from facies.tables import FOLD_PREDICTIONS, PARTICIPANT_PREDICTIONS, PREDICTIONS
from facies.types import Floats, Vectors

KEPT_LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Levels for which a frozen model keeps an interval, beside the one that was asked for."""
FAR = 0.99
"""Share of the training faces that are not called unlike the others."""


@dataclass(frozen=True, eq=False)
class CrossFit:
    """What cross-fitting gives.

    Parameters
    ----------
    predictions
        One row a face (:data:`facies.tables.PREDICTIONS`).
    participant_predictions
        One row a person, the mean over the photographs (:data:`facies.tables.PARTICIPANT_PREDICTIONS`).
    fold_predictions
        Of people on whom no model is fitted, one row a fold, by the model that left this fold out (:data:`facies.tables.FOLD_PREDICTIONS`).
        Where a relative is in a fold there is one row only, of the model that left the relative's fold out.
    chosen
        For every fold, -1 for all: how many people and photographs it was fitted on and what the inner folds chose.
    frozen
        The model fitted on all labelled people of the folds.
    """

    predictions: pd.DataFrame
    participant_predictions: pd.DataFrame
    fold_predictions: pd.DataFrame
    chosen: pd.DataFrame
    frozen: FrozenModel


class FittedFold(NamedTuple):
    """A model that was fitted elsewhere without one fold.

    Parameters
    ----------
    vectors
        What its own network makes of every face, (n, p).
    regressor
        The fitted regressor on these vectors, one of :data:`facies.models.REGRESSORS`; ``chosen_`` says in numbers what was chosen.
    """

    vectors: Vectors
    regressor: Any


class _FoldFit(NamedTuple):
    """One fitted model, the faces as it sees them and whom it was fitted on."""

    X: Vectors
    regressor: Any
    unlikeness: Unlikeness
    lowest: float
    highest: float
    record: dict[str, Any]


def cross_fit(
    X: Vectors,
    *,
    face_ids: Sequence[str],
    participant_ids: Sequence[str],
    y_by_participant: pd.Series,
    folds: pd.Series,
    weight_by_participant: pd.Series | None = None,
    groups: pd.Series | None = None,
    regressor: str = "ridge",
    settings: Mapping[str, Any] | None = None,
    model_id: str,
    target: str,
    level: float = 0.9,
    random_state: int = 0,
) -> CrossFit:
    """Predict everybody by a model that saw neither the person nor a relative.

    The rows a model is fitted on are photographs with the person's label. A person counts by the readings behind the label, relative to
    the mean, however many photographs there are; these share the weight. Penalties are chosen on the training rows alone, by inner folds
    that keep people and families together. People without a label, or in fold -1, are predicted by the model fitted on all folds; where a
    relative is in a fold, by the model that left this fold out. Everything is joined by identifier: the order of the rows does not matter.

    Parameters
    ----------
    X
        Vectors, (n, p), one a face; row i belongs to ``face_ids[i]`` of the person ``participant_ids[i]``.
    y_by_participant
        Label by participant_id, in the target's unit; missing for those to be predicted only.
    folds
        Fold by participant_id, from 0; -1 in no fold.
    weight_by_participant
        Readings behind the label, by participant_id. None: all count alike.
    groups
        Family by participant_id; missing for people on their own.
    settings
        Settings of the regressor, such as ``{"alpha": 100.0}``.
    level
        Share of the prediction intervals that should hold the reference.

    Raises
    ------
    InputError
        When a family stands in two folds, there are fewer labelled people than folds, all labels are equal, a vector, label or weight is
        missing where it is needed, or a setting is unknown.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> names = [f"p{i:02d}" for i in range(60)]
    >>> X = rng.normal(size=(60, 3)).astype(np.float32)
    >>> fit = cross_fit(X, face_ids=names, participant_ids=names, y_by_participant=pd.Series(50 + 5 * X[:, 0], index=names),
    ...     folds=pd.Series(np.arange(60) % 5, index=names), model_id="demo", target="perceived_age")
    >>> float((fit.participant_predictions.predicted - fit.participant_predictions.observed).abs().max()) < 0.1
    True
    """
    make_regressor(regressor, settings, random_state=random_state)
    people = gather_people(
        X,
        face_ids=face_ids,
        participant_ids=participant_ids,
        labels=y_by_participant,
        weights=weight_by_participant,
        folds=folds,
        groups=groups,
    )
    fits = {fold: _fit(people, fold, regressor, settings, random_state) for fold in people.fold_numbers()}
    return _cross_fitted(people, fits, {"model_id": model_id, "target": target}, regressor, settings, level)


def cross_fit_fitted(
    fitted: Mapping[int, FittedFold],
    *,
    face_ids: Sequence[str],
    participant_ids: Sequence[str],
    y_by_participant: pd.Series,
    folds: pd.Series,
    weight_by_participant: pd.Series | None = None,
    groups: pd.Series | None = None,
    regressor: str,
    settings: Mapping[str, Any] | None = None,
    model_id: str,
    target: str,
    level: float = 0.9,
) -> CrossFit:
    """Predict everybody by models that were fitted elsewhere, each without one fold.

    As :func:`cross_fit`, with models that bring a network of their own: every fold's model sees the faces in its own way. Who is predicted
    by which, intervals and warnings are the same.

    Parameters
    ----------
    fitted
        The model that left each fold out, and under -1 the one fitted on all; each on the faces that
        :func:`facies.models.training_faces` gave for the same arguments. Rows of ``vectors`` belong to ``face_ids``.
    regressor, settings
        What the fitted regressors are, and what is kept of the settings in the frozen model.

    Raises
    ------
    InputError
        As :func:`cross_fit`, and when a fold has no model.

    Examples
    --------
    >>> from facies.models import make_regressor, training_faces
    >>> rng = np.random.default_rng(0)
    >>> names = [f"p{i:02d}" for i in range(60)]
    >>> X = rng.normal(size=(60, 3)).astype(np.float32)
    >>> given = {"face_ids": names, "participant_ids": names, "y_by_participant": pd.Series(50 + 5 * X[:, 0], index=names),
    ...     "folds": pd.Series(np.arange(60) % 5, index=names)}
    >>> fitted = {fold: FittedFold(X, make_regressor("ridge").fit(X[faces.rows], faces.y))
    ...     for fold, faces in training_faces(**given).items()}
    >>> fit = cross_fit_fitted(fitted, **given, regressor="ridge", model_id="demo", target="perceived_age")
    >>> float((fit.participant_predictions.predicted - fit.participant_predictions.observed).abs().max()) < 0.1
    True
    """
    people = gather_people(
        _of_all(fitted).vectors,
        face_ids=face_ids,
        participant_ids=participant_ids,
        labels=y_by_participant,
        weights=weight_by_participant,
        folds=folds,
        groups=groups,
    )
    if sorted(fitted) != sorted(people.fold_numbers()):
        raise InputError(f"there are models of the folds {sorted(fitted)}, the people have {sorted(people.fold_numbers())}: fit them again")
    fits = {fold: _describe(people.training_faces(without=fold), fold, each) for fold, each in _in_order(fitted, people).items()}
    return _cross_fitted(people, fits, {"model_id": model_id, "target": target}, regressor, settings, level)


def _of_all(fitted: Mapping[int, FittedFold]) -> FittedFold:
    if -1 not in fitted:
        raise InputError("no model was fitted on all people (fold -1): fit it too")
    return fitted[-1]


def _in_order(fitted: Mapping[int, FittedFold], people: People) -> dict[int, FittedFold]:
    """Return the fitted models with their vectors in the order of the people's faces."""
    return {fold: fitted[fold]._replace(vectors=fitted[fold].vectors[people.order]) for fold in people.fold_numbers()}


def _cross_fitted(
    people: People,
    fits: Mapping[int, _FoldFit],
    names: Mapping[str, str],
    regressor: str,
    settings: Mapping[str, Any] | None,
    level: float,
) -> CrossFit:
    faces = _predict_faces(people, fits)
    persons = _predict_persons(people, faces)
    return CrossFit(
        predictions=_predictions(people, faces, names, level),
        participant_predictions=_participant_predictions(people, persons, names, level),
        fold_predictions=_fold_predictions(people, fits, names),
        chosen=pd.DataFrame([fits[fold].record for fold in sorted(fits)]),
        frozen=_freeze(people, fits[-1], faces, persons, names, regressor, settings, level),
    )


def _fit(people: People, fold: int, name: str, settings: Mapping[str, Any] | None, random_state: int) -> _FoldFit:
    """Fit on the labelled people of the other folds; on all of them when ``fold`` is -1."""
    faces = people.training_faces(without=fold)
    fitted = make_regressor(name, settings, random_state=random_state).fit(
        people.X[faces.rows], faces.y, sample_weight=faces.weights, groups=faces.groups
    )
    return _describe(faces, fold, FittedFold(people.X, fitted))


def _describe(faces: TrainingFaces, fold: int, fitted: FittedFold) -> _FoldFit:
    """Say whom a model was fitted on, and what these faces look like to it."""
    record = {
        "fold": fold,
        "n_participants": len(np.unique(faces.participants)),
        "n_photographs": len(faces.rows),
        **fitted.regressor.chosen_,
    }
    unlikeness = fit_unlikeness(fitted.vectors[faces.rows], faces.shares)
    return _FoldFit(fitted.vectors, fitted.regressor, unlikeness, float(faces.y.min()), float(faces.y.max()), record)


def _predict_faces(people: People, fits: Mapping[int, _FoldFit]) -> pd.DataFrame:
    """Predict each face by the model of its person's fold: predicted, distance and the range of the training labels."""
    fold = people.table.fold.to_numpy()[people.owner]
    faces = pd.DataFrame(index=range(len(people.X)), columns=["predicted", "distance", "lowest", "highest"], dtype="float64")
    for number, fit in fits.items():
        here = np.flatnonzero(fold == number)
        if len(here):
            faces.iloc[here, 0] = fit.regressor.predict(fit.X[here])
            faces.iloc[here, 1] = fit.unlikeness.distances(fit.X[here])
            faces.iloc[here, 2:] = [fit.lowest, fit.highest]
    return faces.assign(score=(faces.predicted - people.table.observed.to_numpy()[people.owner]).abs())


def _predict_persons(people: People, faces: pd.DataFrame) -> pd.DataFrame:
    """Average each person's photographs."""
    predicted = faces.predicted.groupby(people.owner).mean().to_numpy()
    return pd.DataFrame({"predicted": predicted, "score": np.abs(predicted - people.table.observed.to_numpy())})


def _predictions(people: People, faces: pd.DataFrame, names: Mapping[str, str], level: float) -> pd.DataFrame:
    table = people.table.iloc[people.owner].reset_index(drop=True)
    half = _half_widths(table, faces.score.to_numpy(), level)
    far = faces.distance > _farthest(table, faces.distance.to_numpy())
    return PREDICTIONS.validate(
        pd.DataFrame(
            {
                "face_id": people.face_ids,
                **names,
                "fold": table.fold,
                "predicted": faces.predicted,
                "ci_low": faces.predicted - half,
                "ci_high": faces.predicted + half,
                "warning": warn(faces.predicted.to_numpy(), far, faces.lowest.to_numpy(), faces.highest.to_numpy()),
            }
        )
    )


def _participant_predictions(people: People, persons: pd.DataFrame, names: Mapping[str, str], level: float) -> pd.DataFrame:
    table = people.table.reset_index()
    half = _half_widths(table.assign(n_photographs=1), persons.score.to_numpy(), level)
    return PARTICIPANT_PREDICTIONS.validate(
        pd.DataFrame(
            {
                "participant_id": table.participant_id,
                **names,
                "fold": table.fold,
                "n_photographs": table.n_photographs,
                "predicted": persons.predicted,
                "ci_low": persons.predicted - half,
                "ci_high": persons.predicted + half,
                "observed": table.observed,
                "label_weight": table.label_weight,
            }
        )
    )


def _fold_predictions(people: People, fits: Mapping[int, _FoldFit], names: Mapping[str, str]) -> pd.DataFrame:
    """Predict people on whom no model is fitted by the model of each fold, or only by the one without their relative."""
    parts = [FOLD_PREDICTIONS.empty()]
    for number, fit in fits.items():
        theirs = (~people.table.trains & people.table.fold.isin([-1, number])).to_numpy()
        rows = np.flatnonzero(theirs[people.owner])
        if number >= 0 and len(rows):
            predicted = pd.Series(fit.regressor.predict(fit.X[rows])).groupby(people.owner[rows]).mean()
            parts.append(
                pd.DataFrame({"participant_id": people.table.index[predicted.index], **names, "fold": number, "predicted": predicted})
            )
    return FOLD_PREDICTIONS.validate(pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0])


def _half_widths(table: pd.DataFrame, scores: Floats, level: float) -> Floats:
    """Half the interval's width for each row; rows of the folds without their own group's scores, others from all; NaN if unbounded."""
    known, shares = table.trains.to_numpy(), 1 / table.n_photographs.to_numpy()
    half = np.full(len(table), conformal_half_width(scores[known], level=level, shares=shares[known]))
    half[known] = cross_conformal(scores[known], table.group.to_numpy()[known], level=level, shares=shares[known])
    return np.where(np.isfinite(half), half, np.nan)


def _farthest(table: pd.DataFrame, distances: Floats) -> float:
    known = table.trains.to_numpy()
    return quantile_by_share(distances[known], 1 / table.n_photographs.to_numpy()[known], level=FAR)


def _freeze(
    people: People,
    fit: _FoldFit,
    faces: pd.DataFrame,
    persons: pd.DataFrame,
    names: Mapping[str, str],
    regressor: str,
    settings: Mapping[str, Any] | None,
    level: float,
) -> FrozenModel:
    table = people.table.iloc[people.owner]
    return FrozenModel(
        model_id=names["model_id"],
        target=names["target"],
        regressor_name=regressor,
        regressor=fit.regressor,
        unlikeness=fit.unlikeness,
        calibration=Calibration(
            participant=_kept_widths(people.table.assign(n_photographs=1), persons.score.to_numpy(), level),
            photograph=_kept_widths(table, faces.score.to_numpy(), level),
            farthest=_farthest(table, faces.distance.to_numpy()),
            n_participants=int(people.table.trains.sum()),
        ),
        training=summarise_training(people.table.observed[people.table.trains].to_numpy(), fit.record["n_photographs"]),
        level=level,
        settings={**(settings or {}), "chosen": {name: value for name, value in fit.record.items() if name in fit.regressor.chosen_}},
    )


def _kept_widths(table: pd.DataFrame, scores: NDArray[Any], level: float) -> dict[str, float | None]:
    known, shares = table.trains.to_numpy(), 1 / table.n_photographs.to_numpy()
    widths = {
        level_name(each): conformal_half_width(scores[known], level=each, shares=shares[known]) for each in sorted({*KEPT_LEVELS, level})
    }
    return {name: width if np.isfinite(width) else None for name, width in widths.items()}


def summarise_training(labels: Floats, n_photographs: int, *, n_bins: int = 12) -> TrainingSummary:
    """Count the training labels in bins of a round width, at most about ``n_bins``.

    Examples
    --------
    >>> summary = summarise_training(np.array([21.0, 24.0, 58.0]), 3)
    >>> summary.histogram_edges[:3], sum(summary.histogram_counts)
    ((20.0, 25.0, 30.0), 3)
    """
    lowest, highest = float(labels.min()), float(labels.max())
    raw = (highest - lowest) / n_bins
    power = 10.0 ** np.floor(np.log10(raw))
    width = next(step * power for step in (1, 2, 5, 10) if step * power >= raw)
    edges = np.arange(np.floor(lowest / width), np.floor(highest / width) + 2) * width
    counts = np.histogram(labels, edges)[0]
    return TrainingSummary(len(labels), n_photographs, lowest, highest, tuple(edges.tolist()), tuple(int(count) for count in counts))
