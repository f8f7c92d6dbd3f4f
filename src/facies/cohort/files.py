"""The users' tables: found under any allowed ending, read, translated and checked, with the row as their editor counts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.cohort.columns import cells_as_text, check_names, check_numbers, rename_columns
from facies.cohort.delimited import RawTable, read_delimited
from facies.cohort.redcap import RECORD, fold_redcap, is_redcap
from facies.cohort.sidecars import ColumnNote, apply_levels, check_units, read_sidecar
from facies.cohort.spreadsheet import read_parquet, read_workbook
from facies.errors import InputError, StoreError, TableError
from facies.tables import Table, is_missing

ENDINGS = (".tsv", ".csv", ".xlsx", ".parquet")
"""Kinds of file that are read as tables."""

OTHER_ENDINGS = (".txt", ".xls", ".xlsm", ".ods", ".sav", ".dta", ".sas7bdat", ".rds", ".rdata", ".feather")  # codespell:ignore sav
"""Kinds that a study may have but that have to be saved in another way."""


@dataclass(frozen=True, eq=False)
class UserTable:
    """A typed table with the place that its rows came from.

    ``lines[i]`` is the line of row i as the user's editor shows it; ``notes`` is what the sidecar says.
    """

    table: Table
    frame: pd.DataFrame
    file: str
    lines: NDArray[np.int64]
    notes: Mapping[str, ColumnNote] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Table, frame: pd.DataFrame, *, file: str | None = None) -> UserTable:
        """Wrap a frame that was made in memory; rows count from line 2."""
        frame = table.validate(frame.reset_index(drop=True))
        return cls(table, frame, file or table.name, np.arange(len(frame), dtype=np.int64) + 2)

    def error(self, message: str, *, position: int) -> TableError:
        """Return the error that names this file and the line of the row at ``position``."""
        return TableError(message, file=self.file, row=int(self.lines[position]))


def find_optional_table(folder: Path, name: str) -> Path | None:
    """Return the file of a table under any allowed ending, or None when there is none.

    Raises
    ------
    InputError
        When two files could be meant, or only one of a kind that facies does not read.
    StoreError
        When the folder does not exist.
    """
    if not folder.is_dir():
        raise StoreError(f"there is no folder '{folder}': give the study's folder, or make one with `facies init`")
    same = sorted(path for path in folder.iterdir() if path.is_file() and path.stem.casefold() == name.casefold())
    found = [path for path in same if path.suffix.casefold() in ENDINGS]
    if len(found) > 1:
        raise InputError(f"{' and '.join(path.name for path in found)} could both be the table '{name}': keep one of them in the folder")
    if not found:
        other = [path.name for path in same if path.suffix.casefold() in OTHER_ENDINGS]
        if other:
            raise InputError(f"{other[0]} cannot be read: save it as {name}.xlsx, {name}.csv or {name}.tsv")
    return found[0] if found else None


def find_table(folder: Path, name: str) -> Path:
    """Return the file of a table under any allowed ending.

    Raises
    ------
    InputError
        When there is none, or two files could be meant.
    StoreError
        When the folder does not exist.
    """
    found = find_optional_table(folder, name)
    if found is None:
        raise InputError(f"there is no table '{name}' in the study's folder: add {name}.tsv (or {', '.join(ENDINGS[1:])})")
    return found


def read_user_table(
    path: Path,
    table: Table,
    *,
    sidecar: bool = True,
    rename: Mapping[str, str] | None = None,
    encoding: str | None = None,
    redcap_event: str | None = None,
) -> pd.DataFrame:
    """Read one of the user's tables as a typed frame; :func:`read_with_lines` without the places.

    Raises
    ------
    TableError
        Naming the file, the row as the user's editor shows it, and the remedy.
    """
    return read_with_lines(path, table, sidecar=sidecar, rename=rename, encoding=encoding, redcap_event=redcap_event).frame


def read_with_lines(
    path: Path,
    table: Table,
    *,
    sidecar: bool = True,
    rename: Mapping[str, str] | None = None,
    encoding: str | None = None,
    redcap_event: str | None = None,
) -> UserTable:
    """Read one of the user's tables: TSV, CSV, XLSX, Parquet or a REDCap export, with its JSON sidecar.

    Parameters
    ----------
    path
        The file; its ending says what it is.
    table
        What it should be.
    sidecar
        Whether the JSON file of the same name is read: it translates coded levels and checks units.
    rename
        The user's column names -> facies' names.
    encoding
        Of a TSV or CSV file that is neither UTF-8 nor marked UTF-16, such as ``latin-1``.
    redcap_event
        The event of a longitudinal REDCap export that holds the values; all events are joined when it is None.

    Raises
    ------
    TableError
        Naming the file, the row as the user's editor shows it, and the remedy.
    StoreError
        When the file cannot be read at all.
    """
    raw = rename_columns(_read_raw(path, table, encoding), rename, file=path.name)
    notes = read_sidecar(path) if sidecar else {}
    check_units(notes, table, file=path.with_suffix(".json").name)
    raw = cells_as_text(raw, id_columns=_id_columns(table), file=path.name)
    columns = [str(name) for name in raw.cells.columns]
    text, lines = raw.cells, raw.lines
    if is_redcap(columns, table) and len(set(columns)) == len(columns):
        text, lines = fold_redcap(text, table, lines=lines, file=path.name, event=redcap_event)
    check_names([str(name) for name in text.columns], table, file=path.name, row=raw.header_line)
    described = frozenset(name for name, note in notes.items() if note.levels)
    text = apply_levels(text, table, notes, lines=lines, file=path.name)
    check_numbers(text, table, described=described, lines=lines, file=path.name)
    _check_dates(text, table, lines=lines, file=path.name)
    return UserTable(table, _parse(text, table, lines, path.name), path.name, lines, notes)


def _read_raw(path: Path, table: Table, encoding: str | None) -> RawTable:
    ending = path.suffix.casefold()
    try:
        if ending in {".tsv", ".csv"}:
            return read_delimited(path, encoding=encoding)
        if ending == ".xlsx":
            return read_workbook(path, sheet=table.name)
        if ending == ".parquet":
            return read_parquet(path)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise StoreError(f"{path.name} cannot be read ({why}): check that it exists and may be read") from error
    raise InputError(f"{path.name} is not a table that facies reads: save it as {', '.join(ENDINGS)}")


def _id_columns(table: Table) -> frozenset[str]:
    return frozenset({column.name for column in table.columns if column.kind == "id"} | {RECORD})


def _check_dates(text: pd.DataFrame, table: Table, *, lines: Any, file: str) -> None:
    """Refuse days that no calendar has; the vocabulary checks the pattern."""
    for column in table.columns:
        if column.kind != "date" or column.name not in text.columns:
            continue
        values = text[column.name].astype(str).str.strip()
        shaped = values.str.fullmatch(r"\d{4}-\d{2}-\d{2}") & ~is_missing(text[column.name])
        wrong = shaped & pd.to_datetime(values.where(shaped), format="%Y-%m-%d", errors="coerce").isna()
        if wrong.any():
            row = int(np.flatnonzero(wrong.to_numpy())[0])
            raise TableError(f"{column.name} is '{values.iloc[row]}', which no calendar has: correct it", file=file, row=int(lines[row]))


def _parse(text: pd.DataFrame, table: Table, lines: Any, file: str) -> pd.DataFrame:
    """Parse with the vocabulary; a fault is reported with the line of the user's file instead of the row's number."""
    try:
        return table.parse(text, file=file)
    except TableError as error:
        if error.row is None:
            raise
        message = str(error).removeprefix(f"{error.file}, line {error.row}: ")
        raise TableError(message, file=file, row=int(lines[error.row - 2])) from error
