"""Columns of users' tables: names nearly right, cells to text, numbers that are not quite numbers."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from facies.cohort.delimited import RawTable
from facies.errors import TableError
from facies.tables import Table, is_missing

SYNONYMS = {
    "participant_id": (
        "subject_id",
        "subject",
        "sub",
        "id",
        "record_id",
        "patient_id",
        "patient",
        "person_id",
        "person",
        "pid",
        "participant",
    ),
    "photo_id": ("photograph_id", "image_id", "picture_id", "photo", "image", "picture", "face_id"),
    "path": ("file", "filename", "file_name", "file_path", "image_path", "photo_path", "photo_file"),
    "age": ("age_years", "age_at_photo", "age_at_visit", "years"),
    "reader_id": ("rater_id", "rater", "reader", "observer", "observer_id", "grader", "assessor"),
    "reading": ("rating", "value", "score", "perceived_age", "estimated_age", "estimate"),
    "target": ("trait", "question", "judgement"),
    "repeat": ("repetition", "round", "replicate", "repeat_number"),
    "panel_mean": ("mean", "mean_rating", "perceived_age", "apparent_age"),
    "n_readers": ("n_raters", "raters", "readers", "n"),
}
"""Names that studies give to what facies calls by the key. They are suggested, never assumed."""

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
MOSTLY = 0.8
"""A further column with at least this share of numbers is meant to be a column of numbers."""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def check_names(columns: list[str], table: Table, *, file: str, row: int) -> None:
    """Refuse repeated, missing and nearly right column names, with the name that was probably meant.

    Raises
    ------
    TableError
        With the remedy.

    Examples
    --------
    >>> from facies.tables import PARTICIPANTS
    >>> check_names(["sub", "age"], PARTICIPANTS, file="people.csv", row=1)
    Traceback (most recent call last):
    ...
    facies.errors.TableError: people.csv, line 1: column 'participant_id' is missing: rename 'sub' if it is the person, or add it
    """
    for name in columns:
        if columns.count(name) > 1:
            raise TableError(f"column '{name}' stands twice: keep one", file=file, row=row)
    for column in table.columns:
        if column.required and column.name not in columns:
            raise TableError(_missing(column.name, column.meaning, columns, table), file=file, row=row)
    known = {_plain(column.name): column.name for column in table.columns}
    for name in columns:
        meant = known.get(_plain(name), name)
        if meant != name:
            raise TableError(f"column '{name}' is nearly '{meant}': write '{meant}'", file=file, row=row)


def _missing(name: str, meaning: str, columns: list[str], table: Table) -> str:
    near = nearest_name(name, [column for column in columns if column not in {known.name for known in table.columns}])
    if near is not None:
        return f"column '{name}' is missing: rename '{near}' if it is {meaning}, or add it"
    have = ", ".join(columns[:8]) or "none"
    return f"column '{name}' is missing ({meaning}; columns: {have}): add it"


def nearest_name(wanted: str, columns: list[str]) -> str | None:
    """Return the column that was probably meant by ``wanted``: a synonym, else a similar spelling.

    Examples
    --------
    >>> nearest_name("participant_id", ["partcipant_id", "bmi"]), nearest_name("path", ["FileName"]), nearest_name("age", ["bmi"])
    ('partcipant_id', 'FileName', None)
    """
    plain = {_plain(column): column for column in reversed(columns)}
    for candidate in (wanted, *SYNONYMS.get(wanted, ())):
        if _plain(candidate) in plain:
            return plain[_plain(candidate)]
    near = difflib.get_close_matches(_plain(wanted), list(plain), n=1, cutoff=0.8)
    return plain[near[0]] if near else None


def rename_columns(raw: RawTable, rename: Mapping[str, str] | None, *, file: str) -> RawTable:
    """Give columns the names that the user's mapping (theirs -> facies') says.

    Raises
    ------
    TableError
        When the mapping names a column that the file does not have.
    """
    if not rename:
        return raw
    absent = [name for name in rename if name not in raw.cells.columns]
    if absent:
        near = difflib.get_close_matches(absent[0], [str(name) for name in raw.cells.columns], n=1)
        meant = f": did you mean '{near[0]}'?" if near else f" (columns: {', '.join(map(str, raw.cells.columns[:8]))}): correct `rename`"
        raise TableError(f"`rename` names the column '{absent[0]}', which the file does not have{meant}", file=file)
    return raw._replace(cells=raw.cells.rename(columns=dict(rename)))


def cells_as_text(raw: RawTable, *, id_columns: frozenset[str], file: str) -> RawTable:
    """Turn cells of any type into text: 7.0 to ``7``, dates to ISO 8601, missing to an empty string.

    Raises
    ------
    TableError
        When an identifier is a date, which a spreadsheet made of text such as ``1-2``.
    """
    columns = []
    for position, name in enumerate(raw.cells.columns):
        values = raw.cells.iloc[:, position]
        if name in id_columns:
            _refuse_dates(values, str(name), raw, file)
        is_text = pd.api.types.infer_dtype(values, skipna=False) == "string"
        columns.append(values if is_text else values.map(cell_text).astype(object))
    cells = pd.concat(columns, axis=1) if columns else raw.cells
    cells.columns = raw.cells.columns
    return raw._replace(cells=cells)


def _refuse_dates(values: pd.Series, name: str, raw: RawTable, file: str) -> None:
    dates = values.map(lambda value: isinstance(value, dt.date | dt.time)).to_numpy(dtype=bool)
    if dates.any():
        row = int(np.flatnonzero(dates)[0])
        raise TableError(
            f"{name} is a date ({cell_text(values.iloc[row])}), made by the spreadsheet: format the column as text and enter it again",
            file=file,
            row=int(raw.lines[row]),
        )


def cell_text(value: Any) -> str:
    """Return one cell as text.

    Examples
    --------
    >>> import datetime as dt
    >>> [cell_text(value) for value in (7.0, 7.25, True, None, float("nan"), dt.datetime(2024, 3, 1), dt.datetime(2024, 3, 1, 9, 30))]
    ['7', '7.25', 'true', '', '', '2024-03-01', '2024-03-01T09:30:00']
    """
    if isinstance(value, str):
        return value
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating):
        return _float_text(float(value))
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time() and value.tzinfo is None
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)


def _float_text(value: float) -> str:
    if np.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def check_numbers(text: pd.DataFrame, table: Table, *, described: frozenset[str], lines: Any, file: str) -> None:
    """Refuse decimal commas, and stray text in further columns that otherwise hold numbers.

    ``described`` columns have levels in the sidecar, so text in them is meant.

    Raises
    ------
    TableError
        Naming the row and the remedy.
    """
    kinds = {column.name: column.kind for column in table.columns}
    for name in text.columns:
        kind = kinds.get(name, "free")
        if kind not in {"number", "integer", "free"}:
            continue
        values = text[name].astype(str).str.strip()[~is_missing(text[name])]
        _refuse_commas(values, name, kind, lines, file)
        if kind == "free" and name not in described:
            _refuse_strays(values, name, lines, file)


def _refuse_commas(values: pd.Series, name: str, kind: str, lines: Any, file: str) -> None:
    if not any("," in value for value in values):
        return
    commas = values.str.fullmatch(_DECIMAL_COMMA.pattern).astype(bool)
    if commas.any() and (kind != "free" or (commas | _numeric(values)).all()):
        value, row = values[commas].iloc[0], int(lines[values.index[commas][0]])
        raise TableError(f"{name} is '{value}': write numbers with a decimal point ({value.replace(',', '.')})", file=file, row=row)


def _refuse_strays(values: pd.Series, name: str, lines: Any, file: str) -> None:
    numbers = _numeric(values)
    strays = values[~numbers]
    if len(strays) and numbers.mean() >= MOSTLY and strays.nunique() <= 3:
        value, row = strays.iloc[0], int(lines[strays.index[0]])
        raise TableError(
            f"{name} is {_short(value)} where other rows have numbers: write a number, or n/a if it is missing "
            f"(or list the column's Levels in the JSON sidecar if it is a category)",
            file=file,
            row=row,
        )


def _numeric(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce").notna()


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else f"{value[:37]}...")
