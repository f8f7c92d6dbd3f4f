"""Who has a disease and who has none, by visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from facies.cohort.files import UserTable, find_table, read_with_lines
from facies.cohort.identifiers import hint
from facies.errors import InputError
from facies.tables import CONTROL, DIAGNOSES


def read_diagnoses(
    folder: Path,
    participants: pd.DataFrame,
    *,
    conditions: Sequence[str],
    rename: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Read ``diagnoses`` and hold it against the participants.

    Parameters
    ----------
    participants
        The table ``participants``.
    conditions
        The target conditions; every other diagnosis must be ``control``.

    Returns
    -------
    DataFrame
        :data:`facies.tables.DIAGNOSES` with all its columns.

    Raises
    ------
    InputError
        Naming file, row and remedy: somebody unknown, an unknown diagnosis, two diagnoses of one visit, a person with a condition who is
        also a control or has another condition without naming sessions, or a condition that nobody has.
    """
    path = find_table(folder, DIAGNOSES.name)
    table = read_with_lines(path, DIAGNOSES, rename=rename, encoding=encoding)
    return check_diagnoses(table, participants, conditions=conditions)


def check_diagnoses(table: UserTable, participants: pd.DataFrame, *, conditions: Sequence[str]) -> pd.DataFrame:
    """Hold diagnoses against participants and conditions; see :func:`read_diagnoses`.

    Examples
    --------
    >>> given = pd.DataFrame({"participant_id": ["p1", "p2"], "diagnosis": ["cushing", "healthy"]})
    >>> people = pd.DataFrame({"participant_id": ["p1", "p2"], "age": [50.0, 60.0]})
    >>> check_diagnoses(UserTable.of(DIAGNOSES, given, file="diagnoses.tsv"), people, conditions=["cushing"])
    Traceback (most recent call last):
    ...
    facies.errors.TableError: diagnoses.tsv, line 3: diagnosis is 'healthy': write cushing or control, or name it in ...
    """
    _require_known_people(table, participants)
    _require_known_diagnoses(table, conditions)
    frame = _complete(table.frame)
    _require_one_each(table, frame)
    _require_classes(frame, conditions, table.file)
    return DIAGNOSES.validate(frame)


def _complete(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with all its columns; what was not given is missing."""
    columns = {column.name: column for column in DIAGNOSES.columns}
    made = {
        name: frame[name]
        if name in frame.columns
        else pd.Series(np.nan, frame.index, dtype="float64" if column.kind == "number" else object)
        for name, column in columns.items()
    }
    return pd.DataFrame(made)


def _require_known_people(table: UserTable, participants: pd.DataFrame) -> None:
    unknown = (~table.frame["participant_id"].isin(participants["participant_id"])).to_numpy()
    if unknown.any():
        first = int(np.flatnonzero(unknown)[0])
        names = list(dict.fromkeys(table.frame["participant_id"][unknown]))
        more = f" (nor are {len(names) - 1} others)" if len(names) > 1 else ""
        cause = hint(names, participants["participant_id"], known_file="participants")
        remedy = f"{cause}; write it the same way in both" if cause else "add the person there, or remove the row here"
        raise table.error(f"participant_id '{names[0]}' is not among the participants{more}: {remedy}", position=first)


def _require_known_diagnoses(table: UserTable, conditions: Sequence[str]) -> None:
    unknown = (~table.frame["diagnosis"].isin([*conditions, CONTROL])).to_numpy()
    if unknown.any():
        first = int(np.flatnonzero(unknown)[0])
        words = f"{', '.join(conditions)} or {CONTROL}"
        value = table.frame["diagnosis"].iloc[first]
        raise table.error(f"diagnosis is '{value}': write {words}, or name it in conditions.target_conditions", position=first)


def _require_one_each(table: UserTable, frame: pd.DataFrame) -> None:
    """Refuse two rows of one visit, and different diagnoses of a person without sessions."""
    several = frame.groupby("participant_id")["diagnosis"].transform("nunique").to_numpy() > 1
    unnamed = frame["session_id"].isna().to_numpy()
    wrong = several & unnamed
    if not wrong.any():
        return
    person = frame["participant_id"].iloc[int(np.flatnonzero(wrong)[0])]
    rows = np.flatnonzero((frame["participant_id"] == person).to_numpy())
    words = list(dict.fromkeys(frame["diagnosis"].iloc[rows]))
    if CONTROL in words:
        message = f"participant {person} has {next(word for word in words if word != CONTROL)} and is a control too"
    else:
        message = f"participant {person} has the diagnoses {' and '.join(words)}"
    raise table.error(f"{message}: keep one, or say at which session_id each holds", position=int(rows[1]))


def _require_classes(frame: pd.DataFrame, conditions: Sequence[str], file: str) -> None:
    there = set(frame["diagnosis"])
    for name in conditions:
        if name not in there:
            raise InputError(f"{file}: nobody has {name}: add people with it, or remove it from conditions.target_conditions")


def require_enough(diagnosis: pd.Series, conditions: Sequence[str], *, n_folds: int) -> None:
    """Refuse fewer cases, or fewer others, than folds.

    Parameters
    ----------
    diagnosis
        By participant_id, of people whose photographs can be used.

    Raises
    ------
    InputError
        Naming the condition and the remedy.

    Examples
    --------
    >>> require_enough(pd.Series({"p1": "cushing", "p2": "control", "p3": "control"}), ["cushing"], n_folds=2)
    Traceback (most recent call last):
    ...
    facies.errors.InputError: 1 people with cushing have a usable photograph, for 2 folds: set models.n_folds to at most 1, ...
    """
    for name in conditions:
        n_cases, n_others = int((diagnosis == name).sum()), int((diagnosis != name).sum())
        if n_others == 0:
            raise InputError(f"everybody with a usable photograph has {name}: add controls to diagnoses.tsv, or conditions.negatives")
        if n_cases < n_folds:
            raise InputError(
                f"{n_cases} people with {name} have a usable photograph, for {n_folds} folds: set models.n_folds to at most {n_cases}, "
                "or give more cases"
            )
        if n_others < n_folds:
            raise InputError(f"{n_others} people without {name} have a usable photograph, for {n_folds} folds: give more of them")
