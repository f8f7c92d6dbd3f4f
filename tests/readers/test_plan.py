"""Who reads what: loads, meetings of readers, orders and their restrictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.errors import InputError
from facies.readers import ReadingDesign, add_readers, assign_readings, reader_meetings
from facies.readers.allotment import allot_readers, halve, meetings
from facies.readers.sequence import reading_order
from facies.tables import READING_PLAN

TARGET = "perceived_age"


def photographs_of(n, *, per_participant=1):
    return pd.DataFrame({
        "photo_id": [f"f{i:03d}" for i in range(n)], "participant_id": [f"p{i // per_participant:03d}" for i in range(n)],
    })  # fmt: skip


def readers_of(n):
    return [f"r{i:02d}" for i in range(n)]


def rows_of(plan, reader):
    return plan[plan.reader_id == reader].reset_index(drop=True)


designs = st.builds(
    ReadingDesign,
    repeat_fraction=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    gap=st.integers(1, 8),
    block_size=st.sampled_from([None, 3, 50]),
    training=st.sampled_from([(), ("t1", "t2")]),
    attention=st.sampled_from([(), ("a1",), ("a1", "a2", "a3")]),
    arms=st.sampled_from(["unaided", "aided", "split"]),
    level_previous=st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(8, 30), per_participant=st.integers(1, 2), n_readers=st.integers(1, 5), design=designs, seed=st.integers(0, 99))
def test_assign_readings__every_reader_reads_every_photograph_by_the_rules(n, per_participant, n_readers, design, seed):
    photographs = photographs_of(n, per_participant=per_participant)
    plan = assign_readings(photographs, readers_of(n_readers), design=design, random_state=seed)
    READING_PLAN.validate(plan)
    owner = dict(zip(photographs.photo_id, photographs.participant_id, strict=True))
    for reader in readers_of(n_readers):
        rows = rows_of(plan, reader)
        assert rows.position.tolist() == list(range(1, len(rows) + 1))
        assert rows.photo_id[rows.is_training].tolist() == list(design.training)
        assert rows.is_training[: len(design.training)].all()
        assert sorted(rows.photo_id[rows.is_attention]) == sorted(design.attention)
        read = rows[~rows.is_training & ~rows.is_attention]
        assert sorted(read.photo_id[read.repeat == 0]) == photographs.photo_id.tolist()
        assert (read.repeat == 1).sum() == round(design.repeat_fraction * n)
        both = read[read.repeat == 1].merge(read[read.repeat == 0], on="photo_id")
        assert (both.position_x - both.position_y >= design.gap).all()
        owners = read.photo_id.map(owner).to_numpy()
        assert (owners[1:] != owners[:-1]).all()
        assert read.block.is_monotonic_increasing
        if design.block_size is not None:
            assert rows[rows.block > 0].groupby("block").size().max() <= design.block_size


@settings(max_examples=25, deadline=None)
@given(data=st.data(), n=st.integers(1, 20), n_readers=st.integers(1, 9))
def test_allot_readers__photographs_have_k_readers_and_loads_differ_by_one_at_most(data, n, n_readers):
    k = data.draw(st.integers(1, n_readers))
    plan = allot_readers(n, n_readers, k, np.random.default_rng(data.draw(st.integers(0, 99))))
    assert (plan.sum(axis=1) == k).all()
    assert np.ptp(plan.sum(axis=0)) <= 1


@settings(max_examples=15, deadline=None)
@given(data=st.data(), n=st.integers(8, 25), n_readers=st.integers(2, 6), seed=st.integers(0, 99))
def test_assign_readings__an_incomplete_plan_is_balanced_in_loads_and_arms(data, n, n_readers, seed):
    k = data.draw(st.integers(1, n_readers))
    design = ReadingDesign(readers_per_photograph=k, arms="split", attention=("check",))
    plan = assign_readings(photographs_of(n), readers_of(n_readers), design=design, random_state=seed)
    read = plan[~plan.is_attention]
    assert (read.groupby("photo_id").reader_id.nunique() == k).all()
    loads = read.groupby("reader_id").size()
    assert loads.max() - loads.min() <= 1
    for column in ("photo_id", "reader_id"):
        arms = pd.crosstab(read[column], read.arm).reindex(columns=["aided", "unaided"], fill_value=0)
        assert (arms.aided - arms.unaided).abs().max() <= 1


@pytest.mark.parametrize(("n", "k", "times"), [(7, 3, 1), (13, 4, 1), (11, 5, 2)])
def test_allot_readers__finds_balanced_designs_where_they_exist(n, k, times):
    met = meetings(allot_readers(n, n, k, np.random.default_rng(1)))[np.triu_indices(n, 1)]
    assert set(met.tolist()) == {times}


def test_allot_readers__pairs_meet_more_evenly_than_in_a_random_plan_of_the_same_size():
    rng = np.random.default_rng(2)
    own = meetings(allot_readers(200, 20, 5, rng))[np.triu_indices(20, 1)]
    random = meetings(np.argsort(rng.random((200, 20)), axis=1) < 5)[np.triu_indices(20, 1)]
    assert np.ptp(own) <= 1
    assert own.var() < 0.1 * random.var()


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 30), n_readers=st.integers(1, 8), share=st.floats(0.1, 1), seed=st.integers(0, 99))
def test_halve__is_within_one_of_a_half_for_every_reader_and_photograph(n, n_readers, share, seed):
    rng = np.random.default_rng(seed)
    photographs, readers = np.nonzero(rng.random((n, n_readers)) <= share)
    if len(readers) == 0:
        return
    first = halve(photographs, readers, rng)
    for groups in (photographs, readers):
        assert np.abs(np.bincount(groups, np.where(first, 1, -1))).max() <= 1


def test_crossover__each_photograph_is_read_once_in_each_arm_and_no_arm_comes_first_more_often():
    photographs = photographs_of(24, per_participant=2)
    plan = assign_readings(photographs, readers_of(6), design=ReadingDesign(arms="crossover", gap=12, block_size=10))
    assert (plan.groupby(["reader_id", "photo_id"]).arm.agg(set).map(len) == 2).all()
    first = plan[plan.repeat == 0]
    assert (first.groupby("reader_id").arm.agg(lambda arm: (arm == "aided").sum()) == 12).all()
    assert (first.groupby("photo_id").arm.agg(lambda arm: (arm == "aided").sum()) == 3).all()
    both = plan[plan.repeat == 1].merge(first, on=["reader_id", "photo_id"])
    assert (both.position_x - both.position_y).min() >= 12
    assert both.block_x.min() > both.block_y.max()


def test_assign_readings__is_the_same_again_and_another_with_another_state():
    photographs = photographs_of(20)
    plan = assign_readings(photographs, ["r1", "r2"], random_state=5)
    pd.testing.assert_frame_equal(plan, assign_readings(photographs.sample(frac=1, random_state=1), ["r1", "r2"], random_state=5))
    assert not plan.equals(assign_readings(photographs, ["r1", "r2"], random_state=6))
    assert rows_of(plan, "r1").photo_id.tolist() != rows_of(plan, "r2").photo_id.tolist()


def test_assign_readings__a_further_reader_leaves_the_others_orders_as_they_were():
    photographs, design = photographs_of(20), ReadingDesign(repeat_fraction=0.2, gap=5, attention=("a",))
    plan = assign_readings(photographs, ["r1", "r2"], design=design)
    more = assign_readings(photographs, ["r0", "r1", "r2"], design=design)
    for reader in ("r1", "r2"):
        pd.testing.assert_frame_equal(rows_of(plan, reader), rows_of(more, reader))
    pd.testing.assert_frame_equal(rows_of(more, "r0"), rows_of(add_readers(plan, photographs, ["r0"], design=design), "r0"))


def test_add_readers__fills_up_photographs_that_were_read_least():
    photographs, design = photographs_of(30), ReadingDesign(readers_per_photograph=2)
    plan = assign_readings(photographs, readers_of(6), design=design)
    more = add_readers(plan, photographs, ["r90", "r91", "r92"], design=design)
    pd.testing.assert_frame_equal(more.head(len(plan)), plan)
    counts = more.groupby("photo_id").size()
    assert counts.tolist() == [3] * 30
    assert more.groupby("reader_id").size().tolist() == [10] * 9


def test_targets__have_orders_of_their_own():
    plan = assign_readings(photographs_of(15), ["r1"], targets=["perceived_age", "acromegaly"])
    one, two = (part.photo_id.tolist() for _, part in plan.groupby("target", sort=False))
    assert sorted(one) == sorted(two)
    assert one != two


def test_reading_order__every_face_follows_every_other_about_equally_often():
    n, orders = 6, [reading_order(np.arange(6), np.random.default_rng(seed)) for seed in range(3000)]
    pairs = np.zeros((n, n))
    for order in orders:
        pairs[order[:-1], order[1:]] += 1
    expected = 3000 * (n - 1) / (n * (n - 1))
    assert np.abs(pairs[~np.eye(n, dtype=bool)] - expected).max() < 5 * np.sqrt(expected)


def pairs_of(plan):
    """Return how often each photograph comes just before each other."""
    rows = plan.assign(before=plan.groupby("reader_id").photo_id.shift()).dropna(subset="before")
    return pd.crosstab(rows.before, rows.photo_id).to_numpy()


def test_level_previous__each_face_follows_each_other_about_equally_often():
    photographs = photographs_of(12)
    levelled = pairs_of(assign_readings(photographs, readers_of(24), design=ReadingDesign(level_previous=True)))
    random = pairs_of(assign_readings(photographs, readers_of(24)))
    other = ~np.eye(12, dtype=bool)
    assert levelled.sum() == random.sum() == 24 * 11
    assert levelled[other].var() < 0.25 * random[other].var()
    assert levelled.max() <= 3


def test_level_previous__keeps_the_rules_and_further_readers_are_levelled_with_the_others():
    photographs = photographs_of(20, per_participant=2)
    design = ReadingDesign(level_previous=True, repeat_fraction=0.25, gap=6, attention=("check",))
    plan = assign_readings(photographs, readers_of(4), design=design)
    more = add_readers(plan, photographs, ["r97", "r98"], design=design)
    pd.testing.assert_frame_equal(more, assign_readings(photographs, [*readers_of(4), "r97", "r98"], design=design))
    read = more[~more.is_attention]
    both = read[read.repeat == 1].merge(read[read.repeat == 0], on=["reader_id", "photo_id"])
    assert (both.position_x - both.position_y >= 6).all()
    owner = read.photo_id.map(photographs.set_index("photo_id").participant_id)
    assert not (owner == owner.groupby(read.reader_id).shift()).any()


def test_reading_order__repeats_are_spread_over_the_rest_of_the_session():
    places = []
    for seed in range(60):
        order = reading_order(np.arange(100), np.random.default_rng(seed), n_repeats=10, gap=20)
        places += [int(np.flatnonzero(order == photo)[1]) for photo in range(100) if (order == photo).sum() == 2]
    assert len(places) == 600
    assert np.histogram(places, bins=3, range=(20, 110))[0].min() > 100


def test_reading_order__the_longest_possible_gap_is_kept():
    order = reading_order(np.arange(12), np.random.default_rng(0), n_repeats=12, gap=12)
    assert (order[:12] == order[12:]).all()


def test_reader_meetings__of_a_balanced_plan_are_equal():
    plan = assign_readings(photographs_of(7), readers_of(7), design=ReadingDesign(readers_per_photograph=3, repeat_fraction=0.3, gap=2))
    met = reader_meetings(plan, target=TARGET).to_numpy()
    assert np.diag(met).tolist() == [3] * 7
    assert set(met[np.triu_indices(7, 1)].tolist()) == {1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: assign_readings(photographs_of(5), ["a"], design=ReadingDesign(readers_per_photograph=2)), "choose 1 to 1, the number"),
        (
            lambda: assign_readings(photographs_of(1), ["a", "b"], design=ReadingDesign(readers_per_photograph=1)),
            "would have no photograph",
        ),
        (lambda: assign_readings(photographs_of(9), ["a"], design=ReadingDesign(repeat_fraction=0.5)), "gap is 20, but a reader has 9"),
        (lambda: assign_readings(photographs_of(9), ["a"], design=ReadingDesign(training=("f001",))), "'f001' is a training or attention"),
        (lambda: assign_readings(photographs_of(2), ["a"], design=ReadingDesign(attention=("x", "y", "z"))), "3 attention cases"),
        (lambda: assign_readings(photographs_of(5), ["a", "a"]), "readers name 'a' twice"),
        (lambda: assign_readings(photographs_of(0), ["a"]), "no photograph to read"),
        (lambda: assign_readings(photographs_of(4, per_participant=4), ["a"]), "no order was found of 4 photographs"),
        (lambda: assign_readings(photographs_of(4)[["photo_id"]], ["a"]), "no column 'participant_id'"),
        (lambda: ReadingDesign(arms="crossover", repeat_fraction=0.1), "set repeat_fraction to 0"),
        (lambda: ReadingDesign(arms="both"), "choose one of unaided, aided, split, crossover"),
        (lambda: reading_order(np.arange(3), np.random.default_rng(0), n_repeats=4), "4 repeats are asked for, but a reader has 3"),
        (lambda: add_readers(assign_readings(photographs_of(4), ["a"]), photographs_of(4), ["b"], n_photographs=5), "choose 1 to 4"),
        (lambda: add_readers(assign_readings(photographs_of(4), ["a"]), photographs_of(4), ["a"]), "readers name 'a' twice"),
    ],
)
def test_refusals__say_in_one_line_what_to_do(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
