"""The study's input tables, read and held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from facies.cohort.consent import exclude_withdrawn
from facies.cohort.files import UserTable, find_optional_table, find_table, read_with_lines
from facies.cohort.identifiers import LINKS, hint, match_ids
from facies.cohort.photographs import list_photographs
from facies.errors import InputError
from facies.tables import DIAGNOSES, OUTCOMES, PANEL_ESTIMATES, PARTICIPANTS, PHOTOGRAPHS, READINGS, Table

INPUTS: dict[str, Table] = {table.name: table for table in (PARTICIPANTS, PHOTOGRAPHS, READINGS, PANEL_ESTIMATES, OUTCOMES)}
"""The tables that a user gives."""

YEARS = (("readings", "reading"), ("panel_estimates", "panel_mean"))
"""Where perceived ages stand."""

OLDEST = 120
"""In years; an older perceived age is a slip of the pen."""


@dataclass(frozen=True)
class IntakeSettings:
    """How the user's tables are read.

    Parameters
    ----------
    photographs_folder
        Where the photographs lie, relative to the study's folder.
    rename
        Table name -> the user's column names -> facies' names.
    encoding
        Of text tables that are neither UTF-8 nor marked UTF-16.
    redcap_event
        The event of a longitudinal REDCap export that holds participants and outcomes.
    sidecars
        Whether the JSON files beside the tables are read.
    """

    photographs_folder: str = "photos"
    rename: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    encoding: str | None = None
    redcap_event: str | None = None
    sidecars: bool = True

    def __post_init__(self) -> None:
        unknown = [name for name in self.rename if name not in (*INPUTS, DIAGNOSES.name)]
        if unknown:
            raise InputError(f"`rename` names the table '{unknown[0]}': write one of {', '.join(INPUTS)}, {DIAGNOSES.name}")


@dataclass(frozen=True, eq=False)
class StudyTables:
    """The tables of a study as read, before they are held against each other; what a study lacks is None."""

    participants: UserTable
    photographs: UserTable
    readings: UserTable | None = None
    panel_estimates: UserTable | None = None
    outcomes: UserTable | None = None

    def given(self) -> dict[str, UserTable]:
        """Return the tables that there are by name."""
        found = {name: getattr(self, name) for name in INPUTS}
        return {name: table for name, table in found.items() if table is not None}


@dataclass(frozen=True, eq=False)
class Intake:
    """The tables of a study that agree with each other.

    ``photographs`` has ``included`` and ``exclusion_reason``; those of people who withdrew are already excluded, files are not opened yet.
    ``matches`` is :func:`facies.cohort.match_ids`. ``descriptions`` leads from a further column to what its sidecar says.
    """

    participants: pd.DataFrame
    photographs: pd.DataFrame
    readings: pd.DataFrame | None
    panel_estimates: pd.DataFrame | None
    outcomes: pd.DataFrame | None
    matches: pd.DataFrame
    n_participants_without_photographs: int
    n_photographs_without_readings: int
    descriptions: Mapping[str, str]


def read_intake(folder: Path, *, settings: IntakeSettings | None = None) -> Intake:
    """Read a study's input tables and hold them against each other. Photographs' files are not opened.

    Raises
    ------
    InputError
        Naming file, row and remedy: a table is absent or wrong, or an identifier is named that no table knows.
    StoreError
        When the folder or a file cannot be read.
    """
    return assess_intake(read_study_tables(folder, settings=settings))


def read_study_tables(folder: Path, *, settings: IntakeSettings | None = None) -> StudyTables:
    """Read a study's input tables, each by itself.

    Without a table ``photographs`` the files in the photographs' folder are listed by their BIDS names.

    Raises
    ------
    InputError
        When a table is absent or wrong, or both ``readings`` and ``panel_estimates`` are given.
    """
    settings = settings or IntakeSettings()
    participants = _read(find_table(folder, "participants"), PARTICIPANTS, settings)
    found = {name: find_optional_table(folder, name) for name in INPUTS if name != "participants"}
    readings, means = found["readings"], found["panel_estimates"]
    if readings is not None and means is not None:
        raise InputError(f"{readings.name} and {means.name} both say how old people look: keep one of them in the folder")
    tables = {name: _read(path, INPUTS[name], settings) for name, path in found.items() if path is not None}
    if "photographs" not in tables:
        tables["photographs"] = _listed(folder / settings.photographs_folder, participants)
    return StudyTables(participants=participants, **tables)


def _read(path: Path, table: Table, settings: IntakeSettings) -> UserTable:
    return read_with_lines(
        path,
        table,
        sidecar=settings.sidecars,
        rename=settings.rename.get(table.name),
        encoding=settings.encoding,
        redcap_event=settings.redcap_event if "participant_id" in table.key else None,
    )


def _listed(folder: Path, participants: UserTable) -> UserTable:
    if not folder.is_dir():
        raise InputError(f"there is no table 'photographs' and no folder '{folder.name}': add photographs.tsv")
    listed = list_photographs(folder, participant_ids=participants.frame["participant_id"].tolist())
    return UserTable(PHOTOGRAPHS, listed, folder.name, np.full(len(listed), 0, dtype=np.int64))


def assess_intake(tables: StudyTables) -> Intake:
    """Hold a study's tables against each other.

    Participants without photographs and photographs without readings are counted; a photograph, reading or outcome of somebody
    unknown stops the run.

    Raises
    ------
    TableError
        Naming the file and row of the first unknown identifier, how many there are, and the likely cause; or of the first perceived age
        that no person has.
    """
    given = tables.given()
    for source, column, other in LINKS:
        if source in given:
            _require_known(given[source], column, given[other])
    for source, column in YEARS:
        if source in given:
            _require_years(given[source], column)
    frames = {name: table.frame for name, table in given.items()}
    return Intake(
        participants=frames["participants"],
        photographs=exclude_withdrawn(frames["photographs"], frames["participants"]),
        readings=frames.get("readings"),
        panel_estimates=frames.get("panel_estimates"),
        outcomes=frames.get("outcomes"),
        matches=match_ids(frames, files={name: table.file for name, table in given.items()}),
        n_participants_without_photographs=_n_without(frames, "participants", ["photographs"], "participant_id"),
        n_photographs_without_readings=_n_without(frames, "photographs", ["readings", "panel_estimates"], "photo_id"),
        descriptions={name: note.description for table in given.values() for name, note in table.notes.items() if note.description},
    )


def _n_without(frames: Mapping[str, pd.DataFrame], table: str, others: list[str], column: str) -> int:
    there = [frames[other][column] for other in others if other in frames]
    return int((~frames[table][column].isin(pd.concat(there) if there else [])).sum())


def _require_known(source: UserTable, column: str, other: UserTable) -> None:
    known = other.frame[column]
    unknown = ~source.frame[column].isin(known).to_numpy()
    if not unknown.any():
        return
    first = int(np.flatnonzero(unknown)[0])
    names = list(dict.fromkeys(source.frame[column][unknown]))
    more = f" (nor are {len(names) - 1} others)" if len(names) > 1 else ""
    cause = hint(names, known, known_file=other.file)
    remedy = f"{cause}; write it the same way in both" if cause else "add what is missing there, or remove it here"
    row = int(source.lines[first])
    if row == 0:
        raise InputError(f"{source.frame['path'].iloc[first]}: {column} '{names[0]}' is not in {other.file}{more}: {remedy}")
    raise source.error(f"{column} '{names[0]}' is not in {other.file}{more}: {remedy}", position=first)


def _require_years(source: UserTable, column: str) -> None:
    years = source.frame[column]
    wrong = ((source.frame["target"] == "perceived_age") & ~years.between(0, OLDEST)).to_numpy()
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise source.error(f"{column} is {years.iloc[first]:g}: write a perceived age of 0 to {OLDEST} years", position=first)
