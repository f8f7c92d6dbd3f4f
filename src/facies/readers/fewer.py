"""What the labels would have been had fewer readers read each photograph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.readers.panel import average_repeats
from facies.types import Floats


class FewerReaders(NamedTuple):
    """Labels by ``n_readers`` readers a photograph.

    Parameters
    ----------
    labels
        One row a participant, one column a repeat; years for perceived age.
    weights
        Readings behind the label, by participant_id.
    noise_factor
        The mean over people of the standard error of their label for readings with standard deviation 1.
    """

    n_readers: int
    labels: pd.DataFrame
    weights: pd.Series
    noise_factor: float


def readers_a_photograph(readings: pd.DataFrame, photographs: pd.DataFrame, *, target: str) -> int:
    """Return how many readers at least half of the photographs have (the lower median); 0 where nobody read one of them.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r2", "r1"], "photo_id": ["a", "a", "b"], "target": "perceived_age", "repeat": 0,
    ...                          "reading": [50.0, 54.0, 40.0]})
    >>> readers_a_photograph(readings, pd.DataFrame({"photo_id": ["a"], "participant_id": ["p"]}), target="perceived_age")
    2
    """
    rows = average_repeats(readings, target=target)
    counts = rows[rows.photo_id.isin(photographs.photo_id)].groupby("photo_id").size()
    return int(np.floor(counts.median())) if len(counts) else 0


def draw_fewer_readers(
    readings: pd.DataFrame, photographs: pd.DataFrame, *, target: str, sizes: Sequence[int], n_repeats: int = 5, random_state: int = 0
) -> list[FewerReaders]:
    """Draw readers of each photograph without replacement and average their readings; of one repeat, fewer lie within more.

    Photographs with fewer readers than asked for keep all of theirs. A reader's repeats count as one reading, a person's label is the
    mean over the person's photographs, as in a study.

    Parameters
    ----------
    readings
        Table ``readings``; those of other photographs are left out.
    photographs
        At least ``photo_id`` and ``participant_id``.
    sizes
        Readers a photograph.

    Raises
    ------
    InputError
        When nobody read this target, no reading belongs to a photograph, or a size is below 1.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r2"], "photo_id": "a", "target": "perceived_age", "repeat": 0,
    ...                          "reading": [50.0, 54.0]})
    >>> photographs = pd.DataFrame({"photo_id": ["a"], "participant_id": ["p"]})
    >>> one, two = draw_fewer_readers(readings, photographs, target="perceived_age", sizes=[1, 2], n_repeats=1)
    >>> float(two.labels.loc["p", 0]), float(two.weights["p"]), round(two.noise_factor, 3)
    (52.0, 2.0, 0.707)
    """
    if min(sizes, default=0) < 1:
        raise InputError(f"{min(sizes, default=0)} readers a photograph: choose 1 or more")
    rows = average_repeats(readings, target=target).merge(
        photographs[["photo_id", "participant_id"]], on="photo_id", validate="many_to_one"
    )
    if rows.empty:
        raise InputError("no reading belongs to a photograph of the table: compare the photo_id columns of both")
    ranks = np.column_stack([_ranks(rows, np.random.default_rng([random_state, repeat])) for repeat in range(n_repeats)])
    return [_of_size(rows, ranks, size) for size in sizes]


def _ranks(rows: pd.DataFrame, rng: np.random.Generator) -> Floats:
    """Return the place of each reading in a random order within its photograph, from 0."""
    drawn = pd.Series(rng.random(len(rows)), index=rows.index)
    return np.asarray(drawn.groupby(rows.photo_id).rank(method="first").to_numpy(dtype=np.float64) - 1)


def _of_size(rows: pd.DataFrame, ranks: Floats, size: int) -> FewerReaders:
    kept = [rows[ranks[:, repeat] < size] for repeat in range(ranks.shape[1])]
    labels = {
        repeat: part.groupby(["participant_id", "photo_id"]).reading.mean().groupby(level="participant_id").mean()
        for repeat, part in enumerate(kept)
    }
    n_readers = kept[0].groupby(["participant_id", "photo_id"]).size()
    variance = (1 / n_readers).groupby(level="participant_id")
    factor = np.sqrt(variance.sum()) / variance.size()
    weights = n_readers.groupby(level="participant_id").sum().astype(np.float64)
    return FewerReaders(size, pd.DataFrame(labels), weights, float(factor.mean()))
