"""JSON sidecars in the manner of BIDS: what a column means, its unit and its levels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.cohort.delimited import decode_text
from facies.errors import TableError
from facies.tables import Column, Table, is_missing

UNITS = {
    "years": ("years", "year", "y", "yr", "yrs", "a"),
    "px": ("px", "pixel", "pixels"),
    "s": ("s", "second", "seconds", "sec"),
}
"""Spellings that count as the unit that facies works in."""

MISSING_LABELS = ("missing", "not available", "not recorded", "n/a", "na")
"""Labels that turn a code such as 999 into missing."""

INITIALS = {"sex": {"m": "male", "f": "female", "o": "other"}}
"""Short forms that BIDS allows."""


@dataclass(frozen=True)
class ColumnNote:
    """What a sidecar says about one column; ``levels`` leads from code to label."""

    description: str = ""
    units: str = ""
    levels: Mapping[str, str] = field(default_factory=dict)


def read_sidecar(table_path: Path) -> dict[str, ColumnNote]:
    """Read the JSON file beside a table: ``participants.json`` for ``participants.csv``. None is an empty answer.

    Raises
    ------
    TableError
        When it is not JSON, or not one object a column.
    """
    path = table_path.with_suffix(".json")
    if not path.is_file():
        return {}
    return parse_sidecar(decode_text(path.read_bytes(), file=path.name), file=path.name)


def parse_sidecar(text: str, *, file: str) -> dict[str, ColumnNote]:
    """Turn a sidecar's text into one note a column.

    Examples
    --------
    >>> parse_sidecar('{"sex": {"Levels": {"1": "male", "2": {"Description": "female"}}}}', file="participants.json")["sex"].levels
    {'1': 'male', '2': 'female'}
    """
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        row = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise TableError("this is not JSON: mend it or remove the file", file=file, row=row) from error
    if not isinstance(content, dict):
        raise TableError('a sidecar is one object: write {"column": {"Description": "..."}}', file=file)
    return {name: _note(name, entry, file) for name, entry in content.items() if isinstance(entry, dict)}


def _note(name: str, entry: dict[str, Any], file: str) -> ColumnNote:
    levels = entry.get("Levels", {})
    if not isinstance(levels, dict):
        raise TableError(f'Levels of {name} is not an object: write {{"1": "male", "2": "female"}}', file=file)
    return ColumnNote(
        description=str(entry.get("Description") or entry.get("LongName") or ""),
        units=str(entry.get("Units") or ""),
        levels={_code(str(code)): _label(label) for code, label in levels.items()},
    )


def _label(label: Any) -> str:
    return str(label.get("Description", "") if isinstance(label, dict) else label).strip()


def _code(text: str) -> str:
    """Return a code as written, whole numbers without decimals: ``1.0`` is ``1``."""
    stem, point, decimals = text.strip().partition(".")
    return stem if point and stem.lstrip("+-").isdigit() and not decimals.strip("0") else text.strip()


def check_units(notes: Mapping[str, ColumnNote], table: Table, *, file: str) -> None:
    """Refuse a unit other than the one that facies works in (an age in months).

    Raises
    ------
    TableError
        With both units.
    """
    for column in table.columns:
        spellings = UNITS.get(column.unit, ())
        units = notes[column.name].units if column.name in notes else ""
        if spellings and units and units.strip().casefold() not in spellings:
            raise TableError(f"{column.name} is in {units}: convert it to {column.unit}, and say so here", file=file)


def apply_levels(text: pd.DataFrame, table: Table, notes: Mapping[str, ColumnNote], *, lines: Any, file: str) -> pd.DataFrame:
    """Translate codes by the sidecar's levels.

    A column that facies knows as a category gets its own words (``2`` becomes ``female``). Further columns keep their codes, except
    that a code whose label says "missing" becomes missing, and a code that the sidecar does not list is refused.

    Raises
    ------
    TableError
        Naming the row of a value that the sidecar does not list.
    """
    known = {column.name: column for column in table.columns}
    translated = text.copy()
    for name in text.columns:
        column, note = known.get(name), notes.get(name, ColumnNote())
        if column is not None and column.kind == "category":
            translated[name] = _as_category(text[name], column, note)
            _refuse_bare_codes(translated[name], column, lines, file)
        elif note.levels:
            _refuse_unlisted(text[name], note, lines, file)
            translated[name] = _without_missing_codes(text[name], note)
    return translated


def _without_missing_codes(values: pd.Series, note: ColumnNote) -> pd.Series:
    return values.map(lambda value: "n/a" if _says_missing(value, note) else value)


def _says_missing(value: Any, note: ColumnNote) -> bool:
    return note.levels.get(_code(str(value)), "").casefold() in MISSING_LABELS


def _as_category(values: pd.Series, column: Column, note: ColumnNote) -> pd.Series:
    words = {level.casefold(): level for level in column.levels} | INITIALS.get(column.name, {})
    coded = {code: words[label.casefold()] for code, label in note.levels.items() if label.casefold() in words}

    def translate(value: Any) -> Any:
        text = str(value).strip()
        if _says_missing(text, note):
            return "n/a"
        return coded.get(_code(text), words.get(text.casefold(), value))

    return values.map(translate)


def _refuse_bare_codes(values: pd.Series, column: Column, lines: Any, file: str) -> None:
    """Say how to explain a number in a category."""
    codes = values.astype(str).str.strip().str.fullmatch(r"\d+(\.0*)?").to_numpy(dtype=bool)
    if codes.any():
        row = int(np.flatnonzero(codes)[0])
        example = ", ".join(f'"{i}": "{level}"' for i, level in enumerate(column.levels[:2], start=1))
        raise TableError(
            f"{column.name} is '{values.iloc[row]}': write one of {', '.join(column.levels[:12])}, "
            f'or say in {Path(file).stem}.json what the codes mean, such as {{"{column.name}": {{"Levels": {{{example}}}}}}}',
            file=file,
            row=int(lines[row]),
        )


def _refuse_unlisted(values: pd.Series, note: ColumnNote, lines: Any, file: str) -> None:
    listed = values.map(lambda value: _code(str(value)) in note.levels or str(value).strip() in note.levels.values())
    unlisted = (~listed.astype(bool) & ~is_missing(values)).to_numpy(dtype=bool)
    if unlisted.any():
        row = int(np.flatnonzero(unlisted)[0])
        raise TableError(
            f"{values.name} is {values.iloc[row]!r}, which {Path(file).stem}.json does not list "
            f"(Levels: {', '.join(list(note.levels)[:8])}): add the level or correct the row",
            file=file,
            row=int(lines[row]),
        )
