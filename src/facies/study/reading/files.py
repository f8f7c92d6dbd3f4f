"""Readings that come from elsewhere, and readings for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from facies.cohort import find_optional_table
from facies.cohort.delimited import read_delimited
from facies.cohort.files import read_user_table
from facies.cohort.spreadsheet import read_workbook
from facies.errors import InputError
from facies.evaluation import imrmc_of_readings
from facies.readers import RedcapFields, faults_in_wide, readings_for_export, readings_from_redcap, readings_from_wide
from facies.stats.mrmc import imrmc_text, read_imrmc
from facies.store import locked, read_table, table_path, write_tsv, write_whole
from facies.study.conditions.evaluation import describe_people
from facies.study.conditions.intake import gather_conditions
from facies.study.config import read_config
from facies.study.reading.plan import FOLDER, photographs_of
from facies.tables import CONDITION_PEOPLE, CONDITION_SCORES, READINGS


@dataclass(frozen=True)
class ImportedFile:
    """A file of readings from elsewhere and how to read it; see ``facies read import --help``."""

    file: Path
    target: str = "perceived_age"
    photo_column: str = "photo_id"
    redcap: bool = False
    reader_field: str = "reader_id"
    reading_field: str = "reading"
    choices: str | None = None
    bin_years: float = 5.0


@dataclass(frozen=True, eq=False)
class Imported:
    """The readings that were new, and the table that they were added to."""

    readings: pd.DataFrame
    path: Path


def import_file(study: Path, asked: ImportedFile, *, write: bool = True) -> Imported:
    """Read readings that were collected elsewhere and add them to ``readings.tsv``.

    Raises
    ------
    InputError
        When the file is wrong (all faults of a spreadsheet, a line each), names unknown photographs, or holds a reading that is there.
    """
    config = read_config(study)
    photographs = photographs_of(study, config, jobs=1)
    new = _read(asked, photographs)
    path = study / "readings.tsv"
    with locked(study):
        given = find_optional_table(study, READINGS.name)
        if given is not None and given != path:
            raise InputError(f"the study's readings stand in {given.name}: save it as readings.tsv first")
        before = None if given is None else read_user_table(given, READINGS, encoding=config.inputs.encoding)
        joined = new if before is None else _joined(before, new, asked.file.name)
        if write:
            write_tsv(path, readings_for_export(joined))
    return Imported(new, path)


def _read(asked: ImportedFile, photographs: pd.DataFrame) -> pd.DataFrame:
    if not asked.file.is_file():
        raise InputError(f"{asked.file} is not there: give the file of the readings")
    if asked.file.suffix.casefold() == ".imrmc":
        return _from_imrmc(asked, photographs)
    cells, lines = _cells(asked.file)
    common: dict[str, Any] = {
        "target": asked.target, "photographs": photographs, "bin_years": asked.bin_years, "file": asked.file.name, "lines": lines,
    }  # fmt: skip
    if asked.redcap:
        fields = RedcapFields(reader_id=asked.reader_field, photo_id=asked.photo_column, reading=asked.reading_field)
        return readings_from_redcap(cells, fields=fields, choices=asked.choices, **common)
    faults = faults_in_wide(
        cells, photo_column=asked.photo_column, photographs=photographs, bin_years=asked.bin_years, lines=lines
    )  # fmt: skip
    if len(faults):
        raise InputError(f"{asked.file.name} has {len(faults)} faults:\n" + "\n".join(map(str, faults)))
    return readings_from_wide(cells, photo_column=asked.photo_column, **common)


def _cells(file: Path) -> tuple[pd.DataFrame, list[int]]:
    """Return the text of every cell and the line of each row."""
    ending = file.suffix.casefold()
    if ending in (".csv", ".tsv"):
        raw = read_delimited(file)
        return raw.cells, [int(line) for line in raw.lines]
    if ending == ".xlsx":
        raw = read_workbook(file, sheet=READINGS.name)
        return raw.cells, [int(line) for line in raw.lines]
    raise InputError(f"{file.name} is not a table that facies reads: save it as .tsv, .csv or .xlsx")


def _from_imrmc(asked: ImportedFile, photographs: pd.DataFrame) -> pd.DataFrame:
    rows, _ = read_imrmc(asked.file.read_text(encoding="utf-8-sig"), file=asked.file.name)
    first = photographs.drop_duplicates("participant_id").set_index("participant_id").photo_id
    known = rows.case_id.isin(first.index)
    photo = rows.case_id.map(first).where(known, rows.case_id)
    unknown = sorted(set(photo) - set(photographs.photo_id))
    if unknown:
        raise InputError(
            f"{asked.file.name}: case {unknown[0]} is neither a participant_id nor a photo_id of the study ({len(unknown)} such)"
        )
    suffix = rows.modality_id.map(lambda name: "" if name == "unaided" else f"[{name}]")
    return READINGS.validate(
        pd.DataFrame(
            {"reader_id": rows.reader_id, "photo_id": photo, "target": asked.target + suffix, "repeat": 0, "reading": rows.score}
        )
    )  # fmt: skip


def _joined(before: pd.DataFrame, new: pd.DataFrame, file: str) -> pd.DataFrame:
    key = list(READINGS.key)
    twice = new.merge(before[key], on=key)
    if len(twice):
        one = twice.iloc[0]
        raise InputError(
            f"{file}: the reading of {one.photo_id} by {one.reader_id} (repeat {one['repeat']}) is in readings.tsv already, and "
            f"{len(twice) - 1} others: remove them from one of the two"
        )
    return READINGS.validate(pd.concat([before, new], ignore_index=True))


def write_imrmc(study: Path, condition: str) -> Path:
    """Write readings of a condition and the models' scores as an iMRMC list; return its path.

    Raises
    ------
    InputError
        When the study has no readings of it, or was not run.
    """
    config = read_config(study)
    given = find_optional_table(study, READINGS.name)
    if config.study.target != "facies" or given is None:
        raise InputError("an iMRMC list needs a study of conditions with readings.tsv: see `facies read export` and study.target")
    if not table_path(study, CONDITION_PEOPLE).exists():
        raise InputError(f"who has the condition is not known yet: run `facies run {study}` first")
    cohort = gather_conditions(study, config, jobs=1)
    people = describe_people(study, cohort, read_table(study, CONDITION_PEOPLE))
    readings = read_user_table(given, READINGS, encoding=config.inputs.encoding)
    scores = read_table(study, CONDITION_SCORES) if table_path(study, CONDITION_SCORES).exists() else None
    rows, truth = imrmc_of_readings(readings, cohort.photographs, people, target=condition, scores=scores)
    title = f"{config.study.name}: {condition}"
    return write_whole(study / FOLDER / f"{condition}.imrmc", imrmc_text(rows, truth, title=title).encode())
