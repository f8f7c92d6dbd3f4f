"""Whether a run goes well: collapse of the vectors, and a probe on the target that watches and never teaches."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from facies.embeddings.pretrain.crops import CropArray
from facies.embeddings.pretrain.recipe import Monitor
from facies.errors import InputError
from facies.stats.threads import one_blas_thread
from facies.types import Floats, Vectors

PENALTIES = np.logspace(-2, 5, 15)
"""Ridge penalties on standardised vectors among which each fold chooses by leaving one person out."""

MIN_PEOPLE = 20


@dataclasses.dataclass(frozen=True)
class Probe:
    """Labels that watch a run: how well the target can be told from the vectors by a ridge and by nearest neighbours.

    Each person is one row, the mean of the person's vectors, and is predicted from the people of the other folds.

    Parameters
    ----------
    target
        What is predicted, such as ``perceived_age``.
    labels
        By participant.
    folds
        By participant; people without a fold, or with a negative one, take no part.
    crops
        Crops of the labelled people where these are not among those that the run learns from.

    Raises
    ------
    InputError
        When fewer than 20 people have a label and a fold, or they are all in one fold.
    """

    target: str
    labels: Mapping[str, float]
    folds: Mapping[str, int]
    crops: CropArray | None = None

    def __post_init__(self) -> None:
        people = [person for person in self.labels if self.folds.get(person, -1) >= 0]
        n_folds = len({self.folds[person] for person in people})
        if len(people) < MIN_PEOPLE or n_folds < 2:
            n = len(people)
            raise InputError(f"the probe has {n} labelled people in {n_folds} folds: give {MIN_PEOPLE} or more in at least 2, or no probe")

    def rows(self, crops: CropArray, *, most: int) -> list[int]:
        """Return which crops are probed: of labelled people, spread evenly over them when there are more than ``most``."""
        found = [i for i, person in enumerate(crops.participant_ids) if person in self.labels and self.folds.get(person, -1) >= 0]
        if len(found) <= most:
            return found
        return [found[i] for i in np.linspace(0, len(found) - 1, most).round().astype(int)]


def spread(vectors: Vectors) -> float:
    """Return how far the vectors' directions are spread: 0 when they are all the same, 1 when they cancel out.

    It is the root of the summed variances of the dimensions of the vectors at length 1 (Chen and He 2021 watch the same, by dimension).

    Examples
    --------
    >>> spread(np.ones((5, 3), dtype=np.float32)) < 1e-3, spread(np.array([[1, 0], [-1, 0]], dtype=np.float32))
    (True, 1.0)
    """
    values = np.asarray(vectors, dtype=np.float64)
    unit = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return float(np.sqrt(unit.var(axis=0).sum()))


def effective_rank(vectors: Vectors) -> float:
    """Return in how many directions the vectors vary: the exponential of the entropy of their singular values, the mean taken off.

    Method: Roy and Vetterli 2007; Garrido et al. 2023 judge self-supervised networks by it.

    Examples
    --------
    >>> round(effective_rank(np.eye(4, dtype=np.float32)), 6)
    3.0
    """
    values = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.svd(values - values.mean(axis=0), compute_uv=False)
    shares = lengths[lengths > 1e-6 * lengths.max()] / max(lengths.sum(), 1e-300)
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0


def probe_errors(vectors: Vectors, participant_ids: list[str], probe: Probe, *, neighbours: int) -> tuple[float, float]:
    """Return the mean absolute error over people of a ridge and of nearest neighbours, each person predicted from other folds.

    Parameters
    ----------
    vectors
        (n, dimension).
    participant_ids
        Whose each vector is, (n,).

    Raises
    ------
    InputError
        When there are crops of fewer than 20 labelled people, or of one fold only.
    """
    people = pd.DataFrame(np.asarray(vectors, dtype=np.float64)).groupby(np.asarray(participant_ids)).mean()
    y = np.array([probe.labels[str(person)] for person in people.index], dtype=np.float64)
    folds = np.array([probe.folds[str(person)] for person in people.index])
    if len(y) < MIN_PEOPLE or len(set(folds.tolist())) < 2:
        raise InputError(f"the probe finds crops of {len(y)} labelled people: give {MIN_PEOPLE} or more in at least 2 folds, or no probe")
    with one_blas_thread():  # so that the last bit does not depend on the number of cores
        predicted = _cross_predict(people.to_numpy(), y, folds, neighbours)
    errors = np.abs(predicted - y[:, None]).mean(axis=0)
    return float(errors[0]), float(errors[1])


def _cross_predict(X: Floats, y: Floats, folds: np.ndarray[Any, Any], neighbours: int) -> Floats:
    """Return the predictions of ridge and neighbours, (n, 2).

    The ridge's stay within the labels that it was fitted on: before norms have settled, vectors of other people can be far away.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.preprocessing import StandardScaler

    predicted = np.empty((len(y), 2))
    for fold in np.unique(folds):
        test, train = folds == fold, folds != fold
        scaler = StandardScaler().fit(X[train])
        here, there = scaler.transform(X[train]), scaler.transform(X[test])
        nearest = KNeighborsRegressor(min(neighbours, int(train.sum())), metric="cosine").fit(here, y[train])
        line = np.clip(RidgeCV(PENALTIES).fit(here, y[train]).predict(there), y[train].min(), y[train].max())
        predicted[test] = np.column_stack([line, nearest.predict(there)])
    return predicted


@dataclasses.dataclass
class Watch:
    """What the looks have found so far; part of every checkpoint.

    Parameters
    ----------
    best_step, best_error
        Of the look with the smallest probe error.
    since_best
        Looks after it.
    flat
        Looks in a row that found collapsed vectors.
    """

    best_step: int | None = None
    best_error: float | None = None
    since_best: int = 0
    flat: int = 0
    collapsed: bool = False
    stopped_early: bool = False

    @property
    def ended(self) -> bool:
        """Whether the run is over before its last step."""
        return self.collapsed or self.stopped_early

    def note(self, step: int, row: Mapping[str, float | None], monitor: Monitor) -> bool:
        """Take in a look and return whether it is the best so far.

        Two looks in a row decide on collapse: fresh networks often start out flat. The start of a run is no look in this sense.
        """
        is_flat = step > 0 and (_least_spread(row) < monitor.min_spread or float(row["rank"] or 0) < monitor.min_rank)
        self.flat = self.flat + 1 if is_flat else 0
        self.collapsed = self.flat >= 2
        error = row["probe_mae"]
        if error is None:
            return False
        if self.best_error is None or error < self.best_error:
            self.best_step, self.best_error, self.since_best = step, error, 0
            return True
        self.since_best += 1
        self.stopped_early = 0 < monitor.patience <= self.since_best
        return False

    def explain(self, step: int, row: Mapping[str, float | None], monitor: Monitor) -> str:
        """Return in one line why the run is over."""
        if self.collapsed:
            found = f"spread {_least_spread(row):.3f} (least {monitor.min_spread}), rank {row['rank']:.1f} (least {monitor.min_rank})"
            remedy = "lower learning_rate, raise batch_size or take another method"
            return f"the vectors have collapsed at step {step}: {found}; the run ends: {remedy}"
        kept = f"the weights of step {self.best_step} are kept"
        return f"the probe has not improved in {self.since_best} looks: the run ends at step {step}, {kept}"


def _least_spread(row: Mapping[str, float | None]) -> float:
    """Return the smaller spread: of the encoder's vectors, or of what the loss sees of them."""
    return min(float(row["spread"] or 0), float(row["head_spread"] or 0))
