"""A reading plan: which reader sees which photograph, in which order, with which checks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.readers.allotment import allot_readers, halve
from facies.readers.sequence import level_previous, reading_order, second_order
from facies.tables import READING_PLAN

ARM_PLANS = ("unaided", "aided", "split", "crossover")
"""unaided, aided: all readings in this arm. split: half of each reader's and of each photograph's readings are aided. crossover: as split,
then all photographs again in the other arm, as ``repeat`` 1."""


@dataclass(frozen=True)
class ReadingDesign:
    """How photographs are read.

    Parameters
    ----------
    readers_per_photograph
        Readers of each photograph; None: every reader reads every photograph.
    repeat_fraction
        Share of a reader's photographs that come back unannounced, 0 to 1.
    gap
        Places between a reading and its repeat, at least.
    block_size
        Readings between two breaks, at most; None: no breaks.
    training
        Photographs that every reader sees first, with feedback, in this order.
    attention
        Photographs with an obvious answer, spread over each reader's order.
    arms
        One of :data:`ARM_PLANS`.
    level_previous
        Make each face follow each other about equally often over the readers, for small sets of photographs. A reader's order then
        depends on the readers named before, not on those named after. Otherwise orders are random, which levels it on average.

    Raises
    ------
    InputError
        When a setting is out of its range or would have no effect.
    """

    readers_per_photograph: int | None = None
    repeat_fraction: float = 0.0
    gap: int = 20
    block_size: int | None = 50
    training: tuple[str, ...] = ()
    attention: tuple[str, ...] = ()
    arms: str = "unaided"
    level_previous: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.repeat_fraction <= 1:
            raise InputError(f"repeat_fraction is {self.repeat_fraction}: choose 0 to 1")
        if self.arms not in ARM_PLANS:
            raise InputError(f"arms is '{self.arms}': choose one of {', '.join(ARM_PLANS)}")
        if self.arms == "crossover" and self.repeat_fraction > 0:
            raise InputError("in a crossover every photograph is read twice already: set repeat_fraction to 0")
        if self.block_size is not None and self.block_size < 1:
            raise InputError(f"block_size is {self.block_size}: choose 1 or more readings, or None for no breaks")
        _require_distinct([*self.training, *self.attention], "the training and attention cases")


Before = NDArray[np.int64] | None
"""How often photograph i was read just before photograph j, (n, n); None where that does not matter."""


class _Share(NamedTuple):
    """What one reader reads: photographs, by name and number, their participants as numbers, and which of them are aided first."""

    photographs: NDArray[np.object_]
    numbers: NDArray[np.intp]
    participants: NDArray[np.intp]
    aided: NDArray[np.bool_]


def assign_readings(
    photographs: pd.DataFrame,
    readers: Sequence[str],
    *,
    targets: Sequence[str] = ("perceived_age",),
    design: ReadingDesign | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Plan who reads which photograph and in which order.

    Each reader's order is drawn anew for each target, from ``random_state``, the reader's name and the target's: with a design in
    which all read all, a reader's rows do not depend on the other readers (unless ``level_previous`` is set). In every design
    :func:`add_readers` leaves the rows of the others as they are.

    Parameters
    ----------
    photographs
        At least ``photo_id`` and ``participant_id``; training and attention cases are not among them.
    readers
        Their ``reader_id``.
    targets
        What is judged; each target has its own order.
    design
        How photographs are read; None: :class:`ReadingDesign` as it stands.

    Returns
    -------
    Table ``reading_plan``.

    Raises
    ------
    InputError
        When the design does not fit the photographs and readers; the message is one line with the remedy.

    Examples
    --------
    >>> photographs = pd.DataFrame({"photo_id": ["a", "b", "c", "d"], "participant_id": ["p", "q", "r", "s"]})
    >>> plan = assign_readings(photographs, ["r1", "r2"], design=ReadingDesign(repeat_fraction=0.25, gap=3, training=("t",)))
    >>> plan[plan.reader_id == "r1"][["position", "photo_id", "repeat", "block", "is_training"]]
       position photo_id  repeat  block  is_training
    0         1        t       0      0         True
    1         2        b       0      1        False
    2         3        d       0      1        False
    3         4        a       0      1        False
    4         5        b       1      1        False
    5         6        c       0      1        False
    """
    design = design or ReadingDesign()
    people = _participants_of(photographs, design)
    names = [str(reader) for reader in readers]
    _require_readers(names, targets)
    parts = []
    for target in targets:
        shares = _shares(people, names, design, _generator(random_state, target))
        before = _none_before(people, design)
        parts += [_reader_rows(name, target, shares[name], design, random_state, before) for name in names]
    return READING_PLAN.validate(pd.concat(parts, ignore_index=True))


def add_readers(
    plan: pd.DataFrame,
    photographs: pd.DataFrame,
    readers: Sequence[str],
    *,
    n_photographs: int | None = None,
    design: ReadingDesign | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return the plan with further readers; the rows that it has stay as they are.

    A further reader reads the photographs that were planned least often, as many as the readers of the plan have on average.

    Parameters
    ----------
    plan
        Table ``reading_plan`` of :func:`assign_readings`.
    photographs, design, random_state
        As they were given to :func:`assign_readings`; ``readers_per_photograph`` is not used.
    n_photographs
        For each further reader; None: the average of the plan.

    Raises
    ------
    InputError
        When a reader is in the plan already, or more photographs are asked for than there are.

    Examples
    --------
    >>> photographs = pd.DataFrame({"photo_id": ["a", "b", "c", "d"], "participant_id": ["p", "q", "r", "s"]})
    >>> design = ReadingDesign(readers_per_photograph=1)
    >>> plan = assign_readings(photographs, ["r1", "r2"], design=design)
    >>> later = add_readers(plan, photographs, ["r3"], design=design)
    >>> later.head(len(plan)).equals(plan), int((later.reader_id == "r3").sum())
    (True, 2)
    """
    READING_PLAN.validate(plan)
    design = design or ReadingDesign()
    people = _participants_of(photographs, design)
    names = [str(reader) for reader in readers]
    targets = plan.target.unique().tolist()
    _require_readers([*plan.reader_id.unique().tolist(), *names], targets)
    parts = [plan]
    for target in targets:
        counts = _planned(plan, target, people)
        wanted = n_photographs if n_photographs is not None else round(counts.sum() / plan.reader_id.nunique())
        if not 1 <= wanted <= len(people):
            raise InputError(f"n_photographs is {wanted}: choose 1 to {len(people)}, the number of photographs")
        before = _before(plan, target, people, design)
        for name in names:
            rng = _generator(random_state, target, name, "share")
            chosen = np.lexsort((rng.random(len(people)), counts.to_numpy()))[:wanted]
            counts.iloc[chosen] += 1
            share = _share(people, np.sort(chosen), _aided(design, rng.permutation(wanted) % 2 == 0))
            parts.append(_reader_rows(name, target, share, design, random_state, before))
    return READING_PLAN.validate(pd.concat(parts, ignore_index=True))


def reader_meetings(plan: pd.DataFrame, *, target: str) -> pd.DataFrame:
    """Return how many photographs each two readers share, a reader's own number on the diagonal.

    Training and attention cases do not count, repeats count once.

    Examples
    --------
    >>> photographs = pd.DataFrame({"photo_id": ["a", "b", "c"], "participant_id": ["p", "q", "r"]})
    >>> plan = assign_readings(photographs, ["r1", "r2", "r3"], design=ReadingDesign(readers_per_photograph=2))
    >>> reader_meetings(plan, target="perceived_age").to_numpy().tolist()
    [[2, 1, 1], [1, 2, 1], [1, 1, 2]]
    """
    rows = _counted(READING_PLAN.validate(plan), target)
    wide = pd.crosstab(rows.photo_id, rows.reader_id)
    return wide.T @ wide


def _counted(plan: pd.DataFrame, target: str) -> pd.DataFrame:
    kept = plan[(plan.target == target) & ~plan.is_training & ~plan.is_attention & (plan.repeat == 0)]
    if kept.empty:
        have = ", ".join(sorted(map(str, plan.target.unique()))) or "none"
        raise InputError(f"the plan has no readings of '{target}' (targets: {have}): name one of these")
    return kept


def _planned(plan: pd.DataFrame, target: str, people: pd.Series) -> pd.Series:
    """Return how often each photograph is read according to the plan, in the order of ``people``."""
    counted = _counted(plan, target).photo_id.value_counts()
    unknown = sorted(set(counted.index) - set(people.index))
    if unknown:
        raise InputError(f"the plan has photograph '{unknown[0]}', which photographs do not name: give the table that was planned")
    return counted.reindex(people.index).fillna(0).astype(np.int64)


def _participants_of(photographs: pd.DataFrame, design: ReadingDesign) -> pd.Series:
    """Return each photograph's participant, by photo_id in sorted order."""
    for name in ("photo_id", "participant_id"):
        if name not in photographs.columns:
            raise InputError(f"photographs have no column '{name}': add it")
    if photographs.empty:
        raise InputError("there is no photograph to read: give at least one")
    _require_distinct(photographs.photo_id.tolist(), "photographs")
    shared = sorted({*design.training, *design.attention} & set(photographs.photo_id))
    if shared:
        raise InputError(f"photograph '{shared[0]}' is a training or attention case and to be read as well: leave it out of one")
    return photographs.set_index("photo_id").participant_id.sort_index()


def _require_readers(names: list[str], targets: Sequence[str]) -> None:
    if not names or not targets:
        raise InputError("a plan needs a reader and a target: name at least one of each")
    _require_distinct(names, "readers")
    _require_distinct(list(targets), "targets")


def _require_distinct(names: Sequence[str], what: str) -> None:
    repeated = [name for name in dict.fromkeys(names) if list(names).count(name) > 1] if len(set(names)) < len(names) else []
    if repeated:
        raise InputError(f"{what} name '{repeated[0]}' twice: keep one")


def _generator(random_state: int, *words: str) -> np.random.Generator:
    """Return a generator that depends on the words alone, not on what was drawn before."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return np.random.default_rng([random_state, int.from_bytes(digest[:8], "big")])


def _shares(people: pd.Series, names: list[str], design: ReadingDesign, rng: np.random.Generator) -> Mapping[str, _Share]:
    """Divide the photographs among the readers, and the readings between the arms."""
    k = len(names) if design.readers_per_photograph is None else design.readers_per_photograph
    plan = allot_readers(len(people), len(names), k, rng)
    photographs, readers = np.nonzero(plan)
    aided = _aided(design, halve(photographs, readers, rng))
    _require_something(names, plan.sum(axis=0))
    return {name: _share(people, photographs[readers == i], aided[readers == i]) for i, name in enumerate(names)}


def _require_something(names: list[str], loads: NDArray[np.int64]) -> None:
    idle = np.flatnonzero(loads == 0)
    if len(idle):
        raise InputError(f"reader '{names[idle[0]]}' would have no photograph to read: raise readers_per_photograph or name fewer readers")


def _aided(design: ReadingDesign, half: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return half if design.arms in {"split", "crossover"} else np.full(len(half), design.arms == "aided")


def _share(people: pd.Series, numbers: NDArray[np.intp], aided: NDArray[np.bool_]) -> _Share:
    own = people.iloc[numbers]
    return _Share(own.index.to_numpy(dtype=object), numbers, pd.factorize(own)[0].astype(np.intp), aided)


def _none_before(people: pd.Series, design: ReadingDesign) -> Before:
    return np.zeros((len(people), len(people)), dtype=np.int64) if design.level_previous else None


def _before(plan: pd.DataFrame, target: str, people: pd.Series, design: ReadingDesign) -> Before:
    """Return how often each photograph comes just before each other in a plan; None where that is not levelled."""
    before = _none_before(people, design)
    if before is not None:
        rows = plan[(plan.target == target) & ~plan.is_training & ~plan.is_attention].sort_values(["reader_id", "position"])
        for _, own in rows.groupby("reader_id"):
            _count(before, people.index.get_indexer(pd.Index(own.photo_id)))
    return before


def _count(before: NDArray[np.int64], order: NDArray[np.intp]) -> None:
    np.add.at(before, (order[:-1], order[1:]), 1)


def _orders(share: _Share, design: ReadingDesign, rng: np.random.Generator, before: Before) -> list[NDArray[np.intp]]:
    """Return the order of each period, and count in ``before`` which face comes before which."""
    n_repeats = round(design.repeat_fraction * len(share.photographs))
    gap = design.gap if n_repeats else 1
    order = reading_order(share.participants, rng, n_repeats=n_repeats, gap=gap)
    order = _levelled(order, share, before, rng, gap=gap)
    orders = [order]
    if design.arms == "crossover":
        both = np.concatenate([order, second_order(order, share.participants, rng, gap=design.gap)])
        orders.append(_levelled(both, share, before, rng, gap=design.gap, n_fixed=len(order))[len(order) :])
    if before is not None:
        _count(before, share.numbers[np.concatenate(orders)])
    return orders


def _levelled(
    order: NDArray[np.intp], share: _Share, before: Before, rng: np.random.Generator, *, gap: int, n_fixed: int = 0
) -> NDArray[np.intp]:  # fmt: skip
    if before is None:
        return order
    known = before[np.ix_(share.numbers, share.numbers)]
    return level_previous(order, known, share.participants, rng, gap=gap, n_fixed=n_fixed)


def _reader_rows(
    reader: str, target: str, share: _Share, design: ReadingDesign, random_state: int, before: Before
) -> pd.DataFrame:  # fmt: skip
    rng = _generator(random_state, target, reader)
    orders = _orders(share, design, rng, before)
    periods = [_period(share, orders[0], share.aided, repeat=None)]
    periods += [_period(share, again, ~share.aided, repeat=1) for again in orders[1:]]
    rows = [_training(design)]
    for number, period in enumerate(periods):
        checks = design.attention[number :: len(periods)]
        rows.append(_with_blocks(_with_attention(period, checks, rng), design.block_size, after=int(rows[-1].block.max()) if number else 0))
    table = pd.concat([part for part in rows if len(part)], ignore_index=True)
    table.insert(0, "reader_id", reader)
    table.insert(1, "target", target)
    table.insert(2, "position", np.arange(1, len(table) + 1))
    return table


def _rows(photo_ids: Sequence[str] | NDArray[np.object_], **columns: object) -> pd.DataFrame:
    base = {"photo_id": np.asarray(photo_ids, dtype=object), "repeat": 0, "block": 0, "is_training": False, "is_attention": False}
    return pd.DataFrame({**base, "arm": "unaided", **columns})


def _training(design: ReadingDesign) -> pd.DataFrame:
    return _rows(design.training, is_training=True)


def _period(share: _Share, order: NDArray[np.intp], aided: NDArray[np.bool_], *, repeat: int | None) -> pd.DataFrame:
    seen_before = pd.Series(order).groupby(order).cumcount().to_numpy()
    arms = np.where(aided[order], "aided", "unaided").astype(object)
    return _rows(share.photographs[order], arm=arms, repeat=seen_before if repeat is None else repeat)


def _with_attention(rows: pd.DataFrame, checks: Sequence[str], rng: np.random.Generator) -> pd.DataFrame:
    """Put one check into each of equally long stretches, never at the beginning."""
    if len(checks) > len(rows):
        raise InputError(f"{len(checks)} attention cases are asked for, but a reader has {len(rows)} readings: give fewer")
    if not checks:
        return rows
    stretches = (np.arange(len(checks)) + rng.uniform(0.1, 0.9, len(checks))) * len(rows) / len(checks)
    places = np.floor(stretches) + 0.5
    both = pd.concat([rows, _rows(rng.permutation(np.asarray(checks, dtype=object)), is_attention=True)], ignore_index=True)
    order = np.argsort(np.concatenate([np.arange(len(rows), dtype=np.float64), places]), kind="stable")
    return both.iloc[order].reset_index(drop=True)


def _with_blocks(rows: pd.DataFrame, block_size: int | None, *, after: int) -> pd.DataFrame:
    """Number blocks from ``after`` + 1; their sizes differ by at most 1."""
    n_blocks = 1 if block_size is None else -(-len(rows) // block_size)
    return rows.assign(block=after + 1 + np.arange(len(rows)) * n_blocks // len(rows))
