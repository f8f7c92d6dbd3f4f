"""Readings from spreadsheets and REDCap exports, and back. Frames in, frames out; the caller reads and writes files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.errors import InputError, TableError
from facies.readers.labels import parse_choices, parse_reading
from facies.tables import READINGS, is_missing

REPEAT_MARK = "__"
"""Stands between reader and number in the column of a second reading: ``r1__2``."""

NOT_READ = (".", "-", "–", "skipped", "not read")
"""Cells that say that there is no reading, besides the usual words for missing."""

RECORD, INSTRUMENT, INSTANCE = "record_id", "redcap_repeat_instrument", "redcap_repeat_instance"


class Fault(NamedTuple):
    """What is wrong in one place of a file; ``line`` is counted as an editor shows it, None where it is about the whole file."""

    line: int | None
    message: str


class RedcapFields(NamedTuple):
    """Which field of a REDCap project holds what; ``record_id`` may be one of them.

    Parameters
    ----------
    reader_id, photo_id, reading
        Names of fields.
    confidence, seconds, read_at
        Names of fields, or empty.
    """

    reader_id: str = "reader_id"
    photo_id: str = "photo_id"
    reading: str = "reading"
    confidence: str = ""
    seconds: str = ""
    read_at: str = ""


def readings_from_wide(
    cells: pd.DataFrame,
    *,
    target: str,
    photo_column: str = "photo_id",
    readers: Sequence[str] | None = None,
    photographs: pd.DataFrame | None = None,
    bin_years: float = 5.0,
    file: str = "readings",
    lines: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Turn a spreadsheet with a row for each photograph and a column for each reader into readings.

    Parameters
    ----------
    cells
        Text of every cell, as read from the file.
    target
        What was judged.
    photo_column
        Names the photograph.
    readers
        Columns of readers; None: all others. ``r1__2`` is the second reading by ``r1``.
    photographs
        Table whose ``photo_id`` readings must name; None: not checked.
    bin_years
        Width of age bins (:func:`facies.readers.labels.parse_reading`).
    file, lines
        For messages: the file's name, and the line of each row (from 2 when None).

    Returns
    -------
    Table ``readings``; empty cells give no row.

    Raises
    ------
    TableError
        On the first fault, with the number of further ones; :func:`faults_in_wide` lists them all.

    Examples
    --------
    >>> cells = pd.DataFrame({"photo_id": ["a", "b"], "r1": ["50-54", "<20"], "r2": ["57", ""]})
    >>> readings_from_wide(cells, target="perceived_age")
      reader_id photo_id         target  repeat  reading
    0        r1        a  perceived_age       0     52.0
    1        r1        b  perceived_age       0     17.0
    2        r2        a  perceived_age       0     57.0
    """
    rows, faults = _read_wide(cells, photo_column, readers, bin_years, lines)
    return _finish(rows, faults, target, photographs, file)


def faults_in_wide(
    cells: pd.DataFrame,
    *,
    photo_column: str = "photo_id",
    readers: Sequence[str] | None = None,
    photographs: pd.DataFrame | None = None,
    bin_years: float = 5.0,
    file: str = "readings",
    lines: Sequence[int] | None = None,
) -> list[str]:
    """Return all faults for which :func:`readings_from_wide` refuses a spreadsheet, one line each; empty when there is none.

    Examples
    --------
    >>> cells = pd.DataFrame({"photo_id": ["a", "b"], "r1": ["50-54", "old"], "r2": ["57", "14-Oct"]})
    >>> for fault in faults_in_wide(cells, file="panel.csv"):
    ...     print(fault[:52])
    panel.csv, line 3: column r1: reading 'old' is neith
    panel.csv, line 3: column r2: reading '14-Oct' is a
    """
    rows, faults = _read_wide(cells, photo_column, readers, bin_years, lines)
    return [str(_error(fault, file)) for fault in _all_faults(rows, faults, photographs)]


def readings_from_redcap(
    cells: pd.DataFrame,
    *,
    target: str,
    fields: RedcapFields | None = None,
    instrument: str | None = None,
    choices: str | Mapping[str, str] | None = None,
    photographs: pd.DataFrame | None = None,
    bin_years: float = 5.0,
    file: str = "redcap export",
    lines: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Turn a REDCap export, raw or with labels, into readings.

    A record may be a photograph or a reader, with readings as a repeating instrument, or a single reading: ``fields`` says which field
    names reader and photograph. A record's value that stands on its first row only (outside the repeating instrument) holds for all its
    rows. Readings of one photograph by one reader are numbered as repeats in the order of their rows.

    Parameters
    ----------
    cells
        Text of every cell, as read from the file.
    instrument
        Repeating instrument of the readings, by its name or label; None when there is one at most.
    choices
        What codes of a multiple-choice reading mean, as the data dictionary has it (``"1, <20 | 2, 20-24"``) or as a mapping; None when
        labels were exported or the field is a number. Labels are understood besides codes.
    target, photographs, bin_years, file, lines
        As in :func:`readings_from_wide`.

    Returns
    -------
    Table ``readings``; rows without a reading give none.

    Raises
    ------
    TableError
        On the first fault, with the number of further ones.

    Examples
    --------
    >>> cells = pd.DataFrame({
    ...     "record_id": ["r1", "r1", "r1"], "redcap_repeat_instrument": ["", "age", "age"], "redcap_repeat_instance": ["", "1", "2"],
    ...     "photo": ["", "a", "b"], "seen": ["", "2", "1"],
    ... })
    >>> fields = RedcapFields(reader_id="record_id", photo_id="photo", reading="seen")
    >>> readings_from_redcap(cells, target="perceived_age", fields=fields, choices="1, <20 | 2, 20-24")
      reader_id photo_id         target  repeat  reading
    0        r1        a  perceived_age       0     22.0
    1        r1        b  perceived_age       0     17.0
    """
    fields = fields or RedcapFields()
    _require_fields(cells, fields, file)
    text = cells.assign(**{"line of the file": _lines(cells, lines)}).reset_index(drop=True)
    text = _of_instrument(_with_record_values(text, fields), instrument, file)
    rows, faults = _read_redcap(text, fields, _codes(choices), bin_years)
    return _finish(rows, faults, target, photographs, file)


def readings_for_export(readings: pd.DataFrame) -> pd.DataFrame:
    """Return readings with their columns in the vocabulary's order, sorted by key, as ``readings.tsv`` holds them.

    Examples
    --------
    >>> readings = pd.DataFrame({"reading": [50.0], "reader_id": "r1", "photo_id": "a", "target": "perceived_age", "repeat": 0})
    >>> readings_for_export(readings).columns.tolist()
    ['reader_id', 'photo_id', 'target', 'repeat', 'reading']
    """
    READINGS.validate(readings)
    names = [column.name for column in READINGS.columns if column.name in readings.columns]
    return readings[names].sort_values(["target", "reader_id", "photo_id", "repeat"], kind="stable").reset_index(drop=True)


def readings_to_wide(readings: pd.DataFrame, *, target: str) -> pd.DataFrame:
    """Return one row a photograph and one column a reader, which :func:`readings_from_wide` reads back.

    Raises
    ------
    InputError
        When nobody read this target, or a reader's name holds ``__``.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r1", "r2"], "photo_id": "a", "target": "perceived_age", "repeat": [0, 1, 0],
    ...                          "reading": [50.0, 54.0, 60.0]})
    >>> readings_to_wide(readings, target="perceived_age")
      photo_id    r1  r1__2    r2
    0        a  50.0   54.0  60.0
    """
    READINGS.validate(readings)
    rows = readings[readings.target == target]
    if rows.empty:
        raise InputError(f"there are no readings of '{target}': name a target of the table")
    marked = rows.reader_id[rows.reader_id.str.contains(REPEAT_MARK, regex=False)]
    if len(marked):
        raise InputError(f"reader '{marked.iloc[0]}' has {REPEAT_MARK} in the name, which marks repeats: rename the reader")
    wide = rows.pivot(index="photo_id", columns=["reader_id", "repeat"], values="reading").sort_index(axis=1)
    wide.columns = pd.Index([_column_of(str(key[0]), int(key[1])) for key in wide.columns.to_list()])
    return wide.reset_index()


def unread(plan: pd.DataFrame, readings: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a reading plan that have no reading yet; training and attention cases are left out.

    Examples
    --------
    >>> from facies.readers import assign_readings
    >>> plan = assign_readings(pd.DataFrame({"photo_id": ["a", "b"], "participant_id": ["p", "q"]}), ["r1"])
    >>> done = pd.DataFrame({"reader_id": ["r1"], "photo_id": "a", "target": "perceived_age", "repeat": 0, "reading": 50.0})
    >>> unread(plan, done).photo_id.tolist()
    ['b']
    """
    READINGS.validate(readings)
    key = ["reader_id", "photo_id", "target", "repeat"]
    wanted = plan[~plan.is_training & ~plan.is_attention]
    there = pd.MultiIndex.from_frame(wanted[key]).isin(pd.MultiIndex.from_frame(readings[key]))
    return wanted[~there].reset_index(drop=True)


def _lines(cells: pd.DataFrame, lines: Sequence[int] | None) -> list[int]:
    return list(range(2, len(cells) + 2)) if lines is None else [int(line) for line in lines]


def _error(fault: Fault, file: str) -> TableError:
    return TableError(fault.message, file=file, row=fault.line)


def _all_faults(rows: pd.DataFrame, faults: list[Fault], photographs: pd.DataFrame | None) -> list[Fault]:
    found = [*faults, *_repeated(rows), *_unknown(rows, photographs)]
    return sorted(found, key=lambda fault: fault.line or 0)


def _finish(
    rows: pd.DataFrame, faults: list[Fault], target: str, photographs: pd.DataFrame | None, file: str
) -> pd.DataFrame:  # fmt: skip
    found = _all_faults(rows, faults, photographs)
    if found:
        first = found[0]
        more = f" ({len(found) - 1} more faults in this file)" if len(found) > 1 else ""
        raise _error(first._replace(message=first.message + more), file)
    if rows.empty:
        raise TableError("there is no reading: all cells are empty", file=file)
    table = rows.drop(columns="line")
    table.insert(2, "target", target)
    return READINGS.validate(readings_for_export(table), file=file)


def _repeated(rows: pd.DataFrame) -> list[Fault]:
    again = rows[rows.duplicated(["reader_id", "photo_id", "repeat"])]
    return [
        Fault(int(line), f"photograph '{photo_id}' stands twice for reader '{reader}': keep one row, or mark a repeat")
        for reader, photo_id, line in zip(again.reader_id, again.photo_id, again.line, strict=True)
    ]


def _unknown(rows: pd.DataFrame, photographs: pd.DataFrame | None) -> list[Fault]:
    if photographs is None:
        return []
    known = photographs.photo_id.astype(str).tolist()
    strange = rows[~rows.photo_id.isin(set(known))].drop_duplicates("photo_id")
    return [Fault(int(line), _who(str(photo_id), known)) for photo_id, line in zip(strange.photo_id, strange.line, strict=True)]


def _who(photo_id: str, known: list[str]) -> str:
    near = difflib.get_close_matches(photo_id, known, n=1, cutoff=0.6)
    meant = f"did you mean '{near[0]}'?" if near else "correct photo_id, or add the photograph"
    return f"photograph '{photo_id}' is not in the photographs: {meant}"


def _absent(values: pd.Series) -> pd.Series:
    return is_missing(values) | values.astype(str).str.strip().str.casefold().isin(NOT_READ)


def _read_wide(
    cells: pd.DataFrame, photo_column: str, readers: Sequence[str] | None, bin_years: float, lines: Sequence[int] | None
) -> tuple[pd.DataFrame, list[Fault]]:
    heads = [str(name) for name in cells.columns]
    faults = _head_faults(heads, photo_column, readers)
    if faults:
        return _frame([]), faults
    chosen = [name for name in heads if name != photo_column] if readers is None else list(readers)
    ids = cells[photo_column].astype(str).str.strip()
    unnamed = is_missing(cells[photo_column])
    numbers = _lines(cells, lines)
    faults = [
        Fault(numbers[i], f"{photo_column} is missing: name the photograph, or remove the row") for i in np.flatnonzero(unnamed)
    ]  # fmt: skip
    rows: list[dict[str, object]] = []
    for column in chosen:
        reader, repeat = _reader_and_repeat(column)
        for i in np.flatnonzero(~_absent(cells[column]) & ~unnamed):
            value = _value(str(cells[column].iloc[i]), bin_years, f"column {column}: ", numbers[i], faults)
            rows.append({"reader_id": reader, "photo_id": ids.iloc[i], "repeat": repeat, "reading": value, "line": numbers[i]})
    return _frame(rows), faults


def _frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["reader_id", "photo_id", "repeat", "reading", "line"])


def _head_faults(heads: list[str], photo_column: str, readers: Sequence[str] | None) -> list[Fault]:
    twice = next((name for name in heads if heads.count(name) > 1), None)
    if twice is not None:
        return [Fault(1, f"column '{twice}' stands twice: a second reading by the same reader is called '{twice}{REPEAT_MARK}2'")]
    absent = next((name for name in (photo_column, *(readers or ())) if name not in heads), None)
    if absent is not None:
        return [Fault(1, f"column '{absent}' is missing (columns: {', '.join(heads[:8]) or 'none'}): add it or name another")]
    if len(heads) < 2:
        return [Fault(1, "there is no column of a reader: give every reader a column")]
    nameless = [name for name in heads if not name.strip() or name.startswith("Unnamed:")]
    return [Fault(1, "a column has no name: name its reader, or remove it")] if nameless and readers is None else []


def _reader_and_repeat(column: str) -> tuple[str, int]:
    reader, mark, number = column.strip().rpartition(REPEAT_MARK)
    if mark and reader and number.isdigit() and int(number) >= 2:
        return reader, int(number) - 1
    return column.strip(), 0


def _column_of(reader: str, repeat: int) -> str:
    return f"{reader}{REPEAT_MARK}{repeat + 1}" if repeat else reader


def _value(
    text: str, bin_years: float, where: str, line: int, faults: list[Fault], *, codes: Mapping[str, str] | None = None
) -> float:  # fmt: skip
    """Return the reading, or NaN after noting the fault."""
    try:
        return parse_reading(_label(text, codes or {}), bin_years=bin_years)
    except InputError as error:
        faults.append(Fault(line, f"{where}{error}"))
        return float("nan")


def _require_fields(cells: pd.DataFrame, fields: RedcapFields, file: str) -> None:
    for role, name in fields._asdict().items():
        if name and name not in cells.columns:
            have = ", ".join(map(str, cells.columns[:12]))
            raise TableError(f"field '{name}' ({role}) is missing (fields: {have}): name the field in `fields`", file=file, row=1)


def _with_record_values(text: pd.DataFrame, fields: RedcapFields) -> pd.DataFrame:
    """Fill reader and photograph from the record's row outside the repeating instrument."""
    if RECORD not in text.columns or INSTRUMENT not in text.columns:
        return text
    single = is_missing(text[INSTRUMENT])
    filled = {}
    for name in (fields.reader_id, fields.photo_id):
        present = text[name].where(~is_missing(text[name]))
        of_record = present[single].groupby(text[RECORD][single]).first()
        filled[name] = present.where(present.notna(), text[RECORD].map(of_record))
    return text.assign(**filled)


def _of_instrument(text: pd.DataFrame, instrument: str | None, file: str) -> pd.DataFrame:
    if INSTRUMENT not in text.columns:
        if instrument is not None:
            raise TableError(f"there is no {INSTRUMENT} in this export: leave `instrument` out", file=file, row=1)
        return text
    names = text[INSTRUMENT].astype(str).str.strip().where(~is_missing(text[INSTRUMENT]))
    there = sorted(names.dropna().unique())
    if instrument is None and len(there) > 1:
        raise TableError(f"there are several repeating instruments ({', '.join(there)}): name that of the readings", file=file)
    if instrument is not None and instrument not in there:
        raise TableError(f"there is no repeating instrument '{instrument}' ({', '.join(there) or 'none'}): name one of these", file=file)
    return text[names.notna() if instrument is None else names == instrument] if there else text


def _codes(choices: str | Mapping[str, str] | None) -> dict[str, str]:
    return parse_choices(choices) if isinstance(choices, str) else dict(choices or {})


def _read_redcap(
    text: pd.DataFrame, fields: RedcapFields, codes: Mapping[str, str], bin_years: float
) -> tuple[pd.DataFrame, list[Fault]]:  # fmt: skip
    kept = text[~_absent(text[fields.reading])]
    faults: list[Fault] = []
    lines = [int(line) for line in kept["line of the file"]]
    for role, name in (("reader", fields.reader_id), ("photograph", fields.photo_id)):
        faults += [Fault(lines[i], f"{name} is missing: name the {role} of this reading") for i in np.flatnonzero(is_missing(kept[name]))]
    values = [
        _value(str(cell), bin_years, f"field {fields.reading}: ", line, faults, codes=codes)
        for cell, line in zip(kept[fields.reading], lines, strict=True)
    ]
    rows = pd.DataFrame({
        "reader_id": _ids(kept[fields.reader_id]), "photo_id": _ids(kept[fields.photo_id]), "repeat": 0, "reading": values, "line": lines,
    })  # fmt: skip
    order = _instances(kept)
    rows["repeat"] = rows.iloc[np.argsort(order, kind="stable")].groupby(["reader_id", "photo_id"]).cumcount().sort_index()
    for name in ("confidence", "seconds", "read_at"):
        if getattr(fields, name):
            rows[name] = pd.Series(_further(kept[getattr(fields, name)], name, lines, faults), index=rows.index)
    return rows, faults


def _ids(values: Iterable[object]) -> list[str]:
    return [str(value).strip() for value in values]


def _label(cell: str, codes: Mapping[str, str]) -> str:
    """Return the label of a code; without choices, or where the cell is a label already, the cell."""
    clean = cell.strip()
    if not codes or clean in codes.values():
        return clean
    if clean not in codes:
        raise InputError(f"'{clean}' is none of the choices ({', '.join(codes)}): correct it, or give all choices of the field")
    return codes[clean]


def _instances(kept: pd.DataFrame) -> list[float]:
    if INSTANCE not in kept.columns:
        return [0.0] * len(kept)
    numbers = pd.to_numeric(kept[INSTANCE].where(~is_missing(kept[INSTANCE])), errors="coerce").fillna(0.0)
    return [float(number) for number in numbers]


def _further(values: pd.Series, name: str, lines: list[int], faults: list[Fault]) -> list[object]:
    if name == "read_at":
        return [np.nan if absent else str(value).strip() for value, absent in zip(values, _absent(values), strict=True)]
    numbers = pd.to_numeric(values.where(~_absent(values)), errors="coerce")
    wrong = np.flatnonzero(numbers.isna() & ~_absent(values))
    faults += [Fault(lines[i], f"{name} is '{values.iloc[i]}': write a number, or leave it empty") for i in wrong]
    return [float(number) for number in numbers]
