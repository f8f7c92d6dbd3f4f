"""Batches of views."""

from __future__ import annotations

import numpy as np
import pytest

from facies.embeddings.pretrain.augment import Augmentation
from facies.embeddings.pretrain.batches import Ahead, Batches, Share

CROPS = np.random.default_rng(0).integers(0, 256, (11, 8, 8, 3), dtype=np.uint8)
BATCHES = Batches(CROPS, 4, 2, Augmentation(), random_state=3)


def test_views__of_a_step_are_the_same_whatever_was_drawn_before() -> None:
    np.testing.assert_array_equal(BATCHES.views(7), Batches(CROPS, 4, 2, Augmentation(), random_state=3).views(7))
    assert (BATCHES.views(7) != BATCHES.views(8)).any()
    assert (BATCHES.views(7)[0] != BATCHES.views(7)[1]).any()


def test_views__end_with_the_crop_itself_where_it_is_shown() -> None:
    shown = Batches(CROPS, 4, 2, Augmentation(), 3, shows_crop=True)
    np.testing.assert_array_equal(shown.views(5)[1], CROPS[shown.rows(5)])
    np.testing.assert_array_equal(shown.views(5)[0], BATCHES.views(5)[0])


def test_rows__of_an_epoch_are_different_crops_in_another_order_each_time() -> None:
    first, second = (np.concatenate([BATCHES.rows(step) for step in steps]) for steps in ((0, 1), (2, 3)))
    assert len(set(first)) == len(set(second)) == 8
    assert first.tolist() != second.tolist()


def test_shares__of_two_processes_are_the_batch_of_one() -> None:
    parts = [Batches(CROPS, 4, 2, Augmentation(), 3, Share(rank, 2)).views(5) for rank in (0, 1)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), BATCHES.views(5))


def test_ahead__gives_the_batches_in_order_and_ends_its_thread() -> None:
    ahead = Ahead(BATCHES, 2, 7)
    with ahead:
        for step, views in zip(range(2, 7), ahead, strict=True):
            np.testing.assert_array_equal(views, BATCHES.views(step))
    assert not ahead._thread.is_alive()


def test_ahead__left_early_ends_its_thread() -> None:
    ahead = Ahead(BATCHES, 0, 1000)
    with pytest.raises(KeyboardInterrupt), ahead:
        raise KeyboardInterrupt
    assert not ahead._thread.is_alive()


def test_ahead__raises_an_error_of_its_thread_where_the_batch_is_asked_for() -> None:
    broken = Batches(CROPS[..., 0], 4, 2, Augmentation(), 3)
    with Ahead(broken, 0, 3) as ahead, pytest.raises(Exception, match=r".+"):
        next(iter(ahead))
