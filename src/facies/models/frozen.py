"""The model fitted on everybody, with the interval and the warnings that go with its predictions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from facies.errors import InputError
from facies.models.unlikeness import Unlikeness
from facies.types import Floats

OUT_OF_RANGE = "out_of_range"
UNLIKE_TRAINING = "unlike_training"

WARNINGS = {
    OUT_OF_RANGE: "the prediction lies outside the range of the labels that the model was trained on",
    UNLIKE_TRAINING: "the face lies farther from the training faces than 99 in 100 of them lie from each other's model",
}
"""Words in the column ``warning``; several are joined by a semicolon."""


@dataclass(frozen=True)
class TrainingSummary:
    """Whom a model was fitted on: numbers of people and photographs, range of the labels and their histogram."""

    n_participants: int
    n_photographs: int
    lowest: float
    highest: float
    histogram_edges: tuple[float, ...]
    histogram_counts: tuple[int, ...]


@dataclass(frozen=True)
class Calibration:
    """Half widths of the prediction interval by level, and the distance above which a face is unlike the training faces.

    ``photograph`` is for the prediction from one photograph, ``participant`` for the mean over a person's photographs as the cohort
    had them. None: too few people for that level.
    """

    participant: dict[str, float | None]
    photograph: dict[str, float | None]
    farthest: float
    n_participants: int


@dataclass(frozen=True, eq=False)
class FrozenModel:
    """A regressor fitted on all labelled people, and what it takes to use it on others."""

    model_id: str
    target: str
    regressor_name: str
    regressor: Any
    unlikeness: Unlikeness
    calibration: Calibration
    training: TrainingSummary
    level: float
    settings: dict[str, Any] = field(default_factory=dict)

    def predict_vectors(self, X: ArrayLike, *, level: float | None = None) -> pd.DataFrame:
        """Predict from vectors, (n, p), one photograph each.

        Returns
        -------
        DataFrame
            ``predicted``, ``ci_low``, ``ci_high`` in the target's unit and ``warning`` (empty when nothing speaks against the number).

        Raises
        ------
        InputError
            When the vectors do not fit the model, or the interval is wanted at a level for which none was kept.
        """
        vectors = self._checked(X)
        half = half_width(self.calibration.photograph, self.level if level is None else level)
        predicted = np.asarray(self.regressor.predict(vectors), dtype=np.float64)
        far = self.unlikeness.distances(vectors) > self.calibration.farthest
        warning = warn(predicted, far, self.training.lowest, self.training.highest)
        return pd.DataFrame({"predicted": predicted, "ci_low": predicted - half, "ci_high": predicted + half, "warning": warning})

    def _checked(self, X: ArrayLike) -> Floats:
        vectors = np.asarray(X, dtype=np.float64)
        expected = self.regressor.n_features_in_
        if vectors.ndim != 2 or vectors.shape[1] != expected:
            raise InputError(f"the vectors have shape {vectors.shape}: the model {self.model_id} expects (n, {expected})")
        if not np.isfinite(vectors).all():
            row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise InputError(f"vector {row} holds a value that is not a finite number: embed the faces again")
        return vectors


def half_width(by_level: dict[str, float | None], level: float) -> float:
    """Return the half width kept for a level; NaN when there were too few people for it.

    Raises
    ------
    InputError
        When no half width was kept for it.
    """
    if level_name(level) not in by_level:
        raise InputError(f"no interval was kept for the level {level}: choose {', '.join(by_level)}")
    value = by_level[level_name(level)]
    return float("nan") if value is None else value


def level_name(level: float) -> str:
    """Return a level as it is written in a bundle.

    Examples
    --------
    >>> level_name(0.90)
    '0.9'
    """
    return f"{level:g}"


def warn(predicted: Floats, far: ArrayLike, lowest: Floats | float, highest: Floats | float) -> list[str]:
    """Return the warnings of each prediction, empty where there is none.

    Examples
    --------
    >>> warn(np.array([30.0, 99.0]), [True, True], 20, 80)
    ['unlike_training', 'out_of_range;unlike_training']
    """
    outside = (predicted < lowest) | (predicted > highest)
    unlike = np.broadcast_to(np.asarray(far, dtype=bool), predicted.shape)
    texts = ((OUT_OF_RANGE if out else "", UNLIKE_TRAINING if odd else "") for out, odd in zip(outside, unlike, strict=True))
    return [";".join(text for text in pair if text) for pair in texts]
