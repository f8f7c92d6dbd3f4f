"""Batches of views, drawn ahead in a second thread; every random number is a function of the seed, the step and the row."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facies.embeddings.pretrain.augment import Augmentation
from facies.types import Images

ORDER, VIEWS = 1, 2
"""What the random numbers are for: the order of the photographs, and their views."""


class Batch(NamedTuple):
    """Views of some crops, uint8 (b, size, size, 3), and which of the training rows they are, (b,)."""

    step: int
    places: NDArray[np.int64]
    views: Images


def epoch_places(n: int, batch_size: int, *, epoch: int, random_state: int) -> list[NDArray[np.int64]]:
    """Return the rows of each batch of one epoch, in random order; batches differ by one row at most, so that no small one is left over.

    Examples
    --------
    >>> [len(places) for places in epoch_places(70, 32, epoch=0, random_state=1)]
    [24, 23, 23]
    """
    order = np.random.default_rng([random_state, ORDER, epoch]).permutation(n)
    return np.array_split(order, steps_per_epoch(n, batch_size))


def steps_per_epoch(n: int, batch_size: int) -> int:
    """Return the batches of one epoch."""
    return -(-n // batch_size)


def batches(
    crops: Images, rows: NDArray[np.int64], augmentation: Augmentation, *, batch_size: int, epoch: int, random_state: int
) -> Iterator[Batch]:
    """Yield the batches of one epoch; while one is used, the next is made."""
    places = epoch_places(len(rows), batch_size, epoch=epoch, random_state=random_state)
    first = epoch * len(places)

    def make(k: int) -> Batch:
        return Batch(first + k, places[k], _views(crops, rows[places[k]], augmentation, random_state, first + k))

    with ThreadPoolExecutor(max_workers=1) as ahead:
        waiting = ahead.submit(make, 0)
        for k in range(len(places)):
            batch = waiting.result()
            if k + 1 < len(places):
                waiting = ahead.submit(make, k + 1)
            yield batch


def _views(crops: Images, rows: NDArray[np.int64], augmentation: Augmentation, random_state: int, step: int) -> Images:
    return np.stack(
        [augmentation.draw_and_apply(np.asarray(crops[row]), np.random.default_rng([random_state, VIEWS, step, int(row)])) for row in rows]
    )
