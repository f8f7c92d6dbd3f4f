"""Batches of views, drawn in the background while the network learns from the one before.

Every random number is derived from the recipe's ``random_state`` and from where it is used (epoch; step, place in the batch and view), not
from what was drawn before: a run that goes on at any step sees the same pictures as one that was never interrupted. OpenCV does its work
outside Python's lock, so one thread is enough to keep the network busy and no pictures are copied between processes.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from facies.embeddings.pretrain.augment import Augmentation
from facies.types import Image, Images

ORDER, VIEWS, CHANCE = 1, 2, 3
"""What a random number is for: the order of an epoch, the views of a crop, or the network itself (masks, dropout)."""

Rows = NDArray[np.int64]
"""Which crops, (n,)."""

AHEAD = 2
"""Batches that wait; more would only take memory."""


def generator(random_state: int, *where: int) -> np.random.Generator:
    """Return the source of chance for one place of a run.

    Examples
    --------
    >>> bool(generator(0, VIEWS, 7, 3).random() == generator(0, VIEWS, 7, 3).random())
    True
    """
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence((random_state, *where))))


@functools.lru_cache(maxsize=2)
def _order(random_state: int, epoch: int, n: int) -> Rows:
    """Return the order of an epoch; kept, since each of its steps asks for it."""
    return np.asarray(generator(random_state, ORDER, epoch).permutation(n), dtype=np.int64)


@dataclass(frozen=True)
class Share:
    """Which part of each batch this process learns from: places ``rank * n`` to ``rank * n + n - 1``."""

    rank: int = 0
    world: int = 1


@dataclass(frozen=True)
class Batches:
    """All batches of a run, each a function of its step.

    Parameters
    ----------
    crops
        uint8 (n, size, size, 3).
    batch_size
        Crops in a step over all processes together.
    n_views
        Views of each crop.
    share
        What part of each batch is this process's.
    shows_crop
        Whether the last view of each crop is the crop itself, unchanged.
    """

    crops: Images
    batch_size: int
    n_views: int
    augmentation: Augmentation
    random_state: int
    share: Share = Share()
    shows_crop: bool = False

    @property
    def per_epoch(self) -> int:
        """Whole batches in an epoch; the crops left over are others in each epoch."""
        return len(self.crops) // self.batch_size

    def rows(self, step: int) -> Rows:
        """Return which crops a step uses, of all processes, (batch_size,)."""
        epoch, batch = divmod(step, self.per_epoch)
        return _order(self.random_state, epoch, len(self.crops))[batch * self.batch_size : (batch + 1) * self.batch_size]

    def places(self) -> range:
        """Return which places of each batch are this process's."""
        n = self.batch_size // self.share.world
        return range(self.share.rank * n, (self.share.rank + 1) * n)

    def views(self, step: int) -> Images:
        """Return this process's part of a step, uint8 (n_views, n, size, size, 3)."""
        places, rows = self.places(), self.rows(step)
        batch = np.empty((self.n_views, len(places), *self.crops.shape[1:]), dtype=np.uint8)
        for i, place in enumerate(places):
            crop = np.asarray(self.crops[rows[place]])
            for view in range(self.n_views):
                batch[view, i] = self._view(crop, step, place, view)
        return batch

    def _view(self, crop: Image, step: int, place: int, view: int) -> Image:
        if self.shows_crop and view == self.n_views - 1:
            return crop
        return self.augmentation.draw_and_apply(crop, generator(self.random_state, VIEWS, step, place, view))


class Ahead:
    """Batches of the steps ``first`` to ``last - 1``, made by a thread of its own; a context that ends the thread."""

    def __init__(self, batches: Batches, first: int, last: int) -> None:
        self._batches, self._steps = batches, range(first, last)
        self._made: queue.Queue[Images | BaseException] = queue.Queue(maxsize=AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._make, name="views", daemon=True)

    def __enter__(self) -> Ahead:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Images]:
        """Yield the batches in order; an error of the thread is raised here."""
        for _ in self._steps:
            made = self._made.get()
            if isinstance(made, BaseException):
                raise made
            yield made

    def _make(self) -> None:
        try:
            for step in self._steps:
                if not self._put(self._batches.views(step)):
                    return
        except BaseException as error:  # raised again where the batch is asked for
            self._put(error)

    def _put(self, made: Images | BaseException) -> bool:
        """Hand a batch over, or return False when the run has ended."""
        while not self._stopped.is_set():
            try:
                self._made.put(made, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False
