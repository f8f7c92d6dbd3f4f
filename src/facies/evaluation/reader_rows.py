"""Readings as one row a reader and one column a person, in the order of those a model judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.tables import PHOTOGRAPHS, READER_LEVELS, READINGS
from facies.types import Floats

EVERYBODY = "all readers"
"""The panel of all who read."""


@dataclass(frozen=True, eq=False)
class ReadPeople:
    """What r readers said of n people; NaN where a reader did not see the person.

    ``scores``, (r, n), are higher the more the reader is for the condition, or years. ``calls``, (r, n), are 1 for it and 0 against, a
    share where photographs of one person were called differently, and None where readers gave no calls.
    """

    readers: list[str]
    people: list[str]
    scores: Floats
    calls: Floats | None

    def of(self, which: NDArray[np.bool_]) -> ReadPeople:
        """Return some of the people."""
        people = [person for person, kept in zip(self.people, which, strict=True) if kept]
        return ReadPeople(self.readers, people, self.scores[:, which], None if self.calls is None else self.calls[:, which])

    def by(self, which: NDArray[np.bool_]) -> ReadPeople:
        """Return some of the readers."""
        readers = [reader for reader, kept in zip(self.readers, which, strict=True) if kept]
        return ReadPeople(readers, self.people, self.scores[which], None if self.calls is None else self.calls[which])

    def seen(self) -> NDArray[np.bool_]:
        """Return which people at least one reader saw."""
        return np.asarray((~np.isnan(self.scores)).any(axis=0))


def read_people(
    readings: pd.DataFrame, photographs: pd.DataFrame, people: pd.Index, *, target: str, sessions: pd.Series | None = None,
    call_at: float | None = None,
) -> ReadPeople:  # fmt: skip
    """Gather the readings of one target, a person's photographs and a reader's repeats averaged.

    Readings that are all 0 or 1 are calls; where each has a confidence, the score is that confidence with the sign of the call, else the
    call itself. Other readings are scores, and calls where they reach ``call_at``.

    Parameters
    ----------
    readings, photographs
        Tables :data:`facies.tables.READINGS` and ``PHOTOGRAPHS``.
    people
        participant_id of the columns, in their order.
    target
        What was read.
    sessions
        The session of each person whose photographs count, by participant_id; all where missing, or where photographs have no session.
    call_at
        Readings that are no calls themselves are calls for the condition from here on.

    Raises
    ------
    InputError
        When nobody read this target of these people.
    """
    READINGS.validate(readings)
    PHOTOGRAPHS.validate(photographs)
    rows = readings[readings.target == target].merge(_owners(photographs, people, sessions), on="photo_id")
    if rows.empty:
        have = ", ".join(sorted(map(str, readings.target.unique()))) or "none"
        raise InputError(f"nobody read '{target}' of the people who were judged (targets: {have}): check targets and photo_id")
    rows = rows.assign(score=_scores(rows), call=_calls(rows, call_at))
    wide = rows.pivot_table(index="reader_id", columns="participant_id", values="score", aggfunc="mean")
    wide = wide.reindex(columns=people)
    calls = None
    if rows.call.notna().all():
        called = rows.pivot_table(index="reader_id", columns="participant_id", values="call", aggfunc="mean")
        calls = called.reindex(index=wide.index, columns=people).to_numpy(dtype=float)
    return ReadPeople([str(name) for name in wide.index], [str(name) for name in people], wide.to_numpy(dtype=float), calls)


def levels_of(reader_levels: pd.DataFrame | None, readers: Sequence[str]) -> pd.Series:
    """Return the level of each reader, missing where none is given.

    Raises
    ------
    InputError
        When the table names no reader who read.
    """
    if reader_levels is None:
        return pd.Series(np.nan, index=list(readers), dtype=object)
    READER_LEVELS.validate(reader_levels)
    found = reader_levels.set_index("reader_id").level.reindex(list(readers))
    if found.isna().all():
        raise InputError("reader_levels names none of the readers who read: check reader_id")
    return found


def panels_of(levels: pd.Series) -> dict[str, NDArray[np.bool_]]:
    """Return who belongs to each panel: everybody, then each level in sorted order where there are two or more."""
    names = sorted(levels.dropna().unique())
    by_level = {str(name): (levels == name).to_numpy() for name in names} if len(names) > 1 else {}
    return {EVERYBODY: np.ones(len(levels), dtype=bool), **by_level}


def _owners(photographs: pd.DataFrame, people: pd.Index, sessions: pd.Series | None) -> pd.DataFrame:
    """Return photo_id and participant_id of the photographs that count."""
    own = photographs[photographs.participant_id.isin(people)]
    if sessions is not None and "session_id" in own:
        wanted = own.participant_id.map(sessions)
        own = own[wanted.isna() | own.session_id.isna() | (own.session_id == wanted)]
    return own[["photo_id", "participant_id"]]


def _scores(rows: pd.DataFrame) -> pd.Series:
    if _are_calls(rows) and "confidence" in rows and rows.confidence.notna().all():
        return (2 * rows.reading - 1) * rows.confidence
    return rows.reading


def _calls(rows: pd.DataFrame, call_at: float | None) -> pd.Series:
    if _are_calls(rows):
        return rows.reading
    return pd.Series(np.nan, index=rows.index) if call_at is None else (rows.reading >= call_at).astype(float)


def _are_calls(rows: pd.DataFrame) -> bool:
    return bool(rows.reading.isin((0.0, 1.0)).all())
