"""REDCap exports: events, repeating instruments and checkboxes folded into one row a key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.errors import TableError
from facies.tables import Table, is_missing

RECORD, EVENT, INSTRUMENT, INSTANCE = "record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"
ACCESS_GROUP = "redcap_data_access_group"
_TICKS = {"checked": "1", "unchecked": "0"}


def is_redcap(columns: list[str], table: Table) -> bool:
    """Return whether these are the columns of a REDCap export of a table about participants."""
    wanted = {column.name for column in table.columns}
    return RECORD in columns and "participant_id" in wanted and "participant_id" not in columns


def fold_redcap(text: pd.DataFrame, table: Table, *, lines: Any, file: str, event: str | None = None) -> tuple[pd.DataFrame, Any]:
    """Turn an export's rows into one row a key of ``table``; returns the rows and their lines.

    ``record_id`` becomes ``participant_id``; for photographs the event becomes ``session_id``; the data access group becomes ``site``.
    A table with one row a participant is put together from all events, or from ``event`` alone; rows of repeating instruments are left
    out of it. A table with one row a photograph keeps the rows that name one. Checkboxes become 1 and 0.

    Raises
    ------
    TableError
        When a participant has two values of one column in different events, or ``event`` does not occur.
    """
    frame = text.rename(columns={RECORD: "participant_id"})
    keep = _of_event(frame, event, file)
    keep &= ~_repeating(frame) if table.key == ("participant_id",) else _with_key(frame, table)
    frame = _named_by_facies(frame[keep], table)
    lines = np.asarray(lines)[keep.to_numpy()]
    if not keep.all():
        frame = frame.loc[:, [name for name in frame.columns if not is_missing(frame[name]).all() or _knows(table, name)]]
    events = text.loc[frame.index, EVENT] if EVENT in text.columns else pd.Series("", index=frame.index)
    frame = frame.map(lambda value: _TICKS.get(str(value).strip().casefold(), value))
    if table.key != ("participant_id",):
        return frame.reset_index(drop=True), lines
    return _one_row_each(frame.reset_index(drop=True), events.reset_index(drop=True), lines, file)


def _knows(table: Table, name: str) -> bool:
    return any(column.name == name for column in table.columns)


def _of_event(frame: pd.DataFrame, event: str | None, file: str) -> pd.Series:
    if event is None:
        return pd.Series(True, index=frame.index)
    events = frame[EVENT].astype(str).str.strip() if EVENT in frame.columns else pd.Series("", index=frame.index)
    if not (events == event).any():
        there = ", ".join(sorted(set(events))[:8]) or "none"
        raise TableError(f"the event '{event}' does not occur (events: {there}): correct `redcap_event`", file=file)
    return events == event


def _repeating(frame: pd.DataFrame) -> pd.Series:
    marks = [~is_missing(frame[name]) for name in (INSTRUMENT, INSTANCE) if name in frame.columns]
    return marks[0] if marks else pd.Series(False, index=frame.index)


def _with_key(frame: pd.DataFrame, table: Table) -> pd.Series:
    present = [~is_missing(frame[name]) for name in (*table.key, "path") if name in frame.columns]
    return np.logical_or.reduce(present) if present else pd.Series(True, index=frame.index)


def _named_by_facies(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    moves = {EVENT: "session_id", ACCESS_GROUP: "site"}
    names = {old: new for old, new in moves.items() if old in frame.columns and _knows(table, new) and new not in frame.columns}
    frame = frame.rename(columns=names)
    return frame.loc[:, [name for name in frame.columns if not str(name).startswith("redcap_")]]


def _one_row_each(frame: pd.DataFrame, events: pd.Series, lines: Any, file: str) -> tuple[pd.DataFrame, Any]:
    """Join the events of each participant; the line is that of the first."""
    blank = frame.apply(is_missing) if len(frame) else frame.astype(bool)
    filled = frame.mask(blank)
    ids = frame["participant_id"].astype(str).str.strip()
    for name in filled.columns:
        _refuse_conflict(filled[name].astype(str).str.strip().where(~blank[name]), ids, events, lines, file)
    first = ~ids.duplicated()
    joined = filled.groupby(ids.to_numpy(), sort=False, dropna=False).first().fillna("").reset_index(drop=True)
    return joined.astype(object), np.asarray(lines)[first.to_numpy()]


def _refuse_conflict(values: pd.Series, ids: pd.Series, events: pd.Series, lines: Any, file: str) -> None:
    if values.name == "participant_id":
        return
    reference = values.groupby(ids).transform("first")
    conflict = (values.notna() & (values != reference)).to_numpy(dtype=bool)
    if conflict.any():
        row = int(np.flatnonzero(conflict)[0])
        first = int(np.flatnonzero(((ids == ids[row]) & values.notna()).to_numpy())[0])
        raise TableError(
            f"participant {ids[row]} has two values of {values.name}: {values[first]!r} {_at(events[first])} "
            f"and {values[row]!r} {_at(events[row])}: name the event to read with `redcap_event`, or export that event only",
            file=file,
            row=int(lines[row]),
        )


def _at(event: Any) -> str:
    return f"(event {event})" if str(event).strip() else "(no event)"
