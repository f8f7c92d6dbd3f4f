"""Collapse and the probe."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import CONTRACT

from facies.embeddings.pretrain.crops import CropArray
from facies.embeddings.pretrain.monitor import Probe, Watch, effective_rank, probe_errors, spread
from facies.embeddings.pretrain.recipe import Monitor
from facies.errors import InputError

PEOPLE = [f"p{i}" for i in range(40)]
FOLDS = {person: i % 4 for i, person in enumerate(PEOPLE)}
GOOD = {"spread": 0.5, "head_spread": 0.5, "rank": 9.0}


def test_spread__is_that_of_directions_and_not_of_lengths() -> None:
    vectors = np.random.default_rng(0).standard_normal((2000, 16)).astype(np.float32)
    assert spread(vectors) == pytest.approx(1, abs=0.01)
    assert spread(vectors * 50) == pytest.approx(spread(vectors))
    assert spread(1000 + vectors) < 0.01


def test_effective_rank__counts_the_directions_that_are_used() -> None:
    used = np.random.default_rng(0).standard_normal((500, 3))
    assert effective_rank(used @ np.random.default_rng(1).standard_normal((3, 20))) <= 3.001
    assert effective_rank(used) == pytest.approx(3, abs=0.05)
    assert effective_rank(np.ones((5, 3))) == 0


def test_probe_errors__a_person_is_never_told_from_the_persons_own_crops() -> None:
    rng = np.random.default_rng(0)
    labels = dict(zip(PEOPLE, rng.normal(50, 10, len(PEOPLE)).tolist(), strict=True))
    own = np.eye(len(PEOPLE), dtype=np.float32)  # a mark of each person, which tells the label of somebody who was seen exactly
    vectors, people = np.repeat(own, 3, axis=0), list(np.repeat(PEOPLE, 3))
    ridge, nearest = probe_errors(vectors, people, Probe("age", labels, FOLDS), neighbours=5)
    by_mean = np.mean([abs(labels[p] - np.mean([labels[q] for q in PEOPLE if FOLDS[q] != FOLDS[p]])) for p in PEOPLE])
    assert ridge == pytest.approx(by_mean, rel=0.05)
    assert nearest > 0.8 * by_mean


def test_probe_errors__find_a_target_that_is_in_the_vectors() -> None:
    vectors = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
    labels = {person: 50 + 10 * float(row[1]) for person, row in zip(PEOPLE, vectors, strict=True)}
    ridge, nearest = probe_errors(vectors, PEOPLE, Probe("age", labels, FOLDS), neighbours=5)
    assert ridge < 0.5
    assert nearest < np.mean(np.abs(np.array(list(labels.values())) - 50))


def test_probe__leaves_out_people_without_a_fold_and_takes_no_more_crops_than_asked() -> None:
    folds = {**FOLDS, "p0": -1}
    probe = Probe("age", dict.fromkeys([*PEOPLE, "stranger"], 1.0), folds)
    ids = ("p0", "p1", "stranger", *PEOPLE[2:])
    crops = CropArray(np.empty((len(ids), 1, 1, 3), np.uint8), ids, ids, CONTRACT, "")
    assert [ids[i] for i in probe.rows(crops, most=100)] == PEOPLE[1:]
    assert len(set(probe.rows(crops, most=20))) == 20


def test_probe__needs_people_in_two_folds() -> None:
    with pytest.raises(InputError, match="the probe has 19 labelled people in 4 folds: give 20 or more"):
        Probe("age", dict.fromkeys(PEOPLE[:19], 1.0), FOLDS)
    with pytest.raises(InputError, match="the probe has 40 labelled people in 1 folds"):
        Probe("age", dict.fromkeys(PEOPLE, 1.0), dict.fromkeys(PEOPLE, 2))


def test_watch__ends_the_run_after_two_flat_looks_in_a_row_but_not_for_a_flat_start() -> None:
    flat = {**GOOD, "probe_mae": None, "head_spread": 0.001}
    watch = Watch()
    for step, row in enumerate([flat, flat, {**GOOD, "probe_mae": None}, flat]):
        watch.note(step, row, Monitor())
        assert not watch.ended
    watch.note(4, flat, Monitor())
    assert watch.collapsed
    assert watch.explain(4, flat, Monitor()).startswith("the vectors have collapsed at step 4: spread 0.001 (least 0.02)")


def test_watch__ends_the_run_when_the_probe_has_not_improved_and_names_the_best_look() -> None:
    watch, monitor = Watch(), Monitor(patience=2)
    found = [watch.note(step, {**GOOD, "probe_mae": error}, monitor) for step, error in ((0, 6.0), (10, 5.0), (20, 5.5), (30, 5.0))]
    assert found == [True, True, False, False]
    assert (watch.best_step, watch.best_error, watch.stopped_early) == (10, 5.0, True)
    assert "the weights of step 10 are kept" in watch.explain(30, {}, monitor)


def test_watch__goes_on_forever_without_patience() -> None:
    watch = Watch()
    for step in range(50):
        watch.note(step, {**GOOD, "probe_mae": 5.0}, Monitor())
    assert not watch.ended
