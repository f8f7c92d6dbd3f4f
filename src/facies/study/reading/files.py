"""Readings that come from elsewhere, and readings for other programs."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from facies.cohort import consenting_participants, find_optional_table, read_intake
from facies.cohort.consent import is_withdrawn
from facies.cohort.delimited import read_delimited
from facies.cohort.files import read_user_table
from facies.cohort.intake import OLDEST
from facies.cohort.spreadsheet import read_workbook
from facies.errors import InputError
from facies.evaluation import imrmc_of_readings
from facies.evaluation.reading_arms import AIDED
from facies.readers import RedcapFields, faults_in_wide, readings_for_export, readings_from_redcap, readings_from_wide
from facies.stats.mrmc import imrmc_text, read_imrmc
from facies.store import locked, read_table, table_path, write_tsv, write_whole
from facies.study.conditions.evaluation import describe_people
from facies.study.conditions.intake import gather_conditions
from facies.study.config import StudyConfig, read_config
from facies.study.intake import intake_settings
from facies.study.reading.plan import FOLDER, judged_targets
from facies.tables import CONDITION_PEOPLE, CONDITION_SCORES, PANEL_ESTIMATES, READINGS


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
    """The readings that were new, the table that they were added to, and what to know, a line each."""

    readings: pd.DataFrame
    path: Path
    notes: tuple[str, ...] = ()


def import_file(study: Path, asked: ImportedFile, *, write: bool = True) -> Imported:
    """Read readings that were collected elsewhere and add them to ``readings.tsv``.

    Readings of people who withdrew are left out.

    Raises
    ------
    InputError
        When the file is wrong (all faults of a spreadsheet, a line each), names unknown photographs, or holds a reading that is there.
    StoreError
        When another program is writing in the folder.
    """
    config = read_config(study)
    _require_target(asked.target, config)
    path = study / "readings.tsv"
    with locked(study) if write else nullcontext():
        photographs, withdrawn = _listed(study, config)
        found = _read(asked, photographs)
        _require_ages(found, asked.file.name)
        new = found[~found.photo_id.isin(withdrawn)].reset_index(drop=True)
        if new.empty:
            raise InputError(f"{asked.file.name}: all {len(found)} readings are of people who withdrew: there is nothing to add")
        before = _readings_before(study, config, path)
        joined = new if before is None else _joined(before, new, asked.file.name)
        if write:
            write_tsv(path, readings_for_export(joined))
    left = len(found) - len(new)
    return Imported(new, path, (f"{left} readings of people who withdrew were left out",) if left else ())


def _require_target(target: str, config: StudyConfig) -> None:
    """Refuse what the study does not judge: readings under a mistyped target would never be counted."""
    known = judged_targets(config)
    if target.partition("[")[0] not in known:
        raise InputError(f"target is '{target}': choose one of {', '.join(known)}, which the study judges")


def _listed(study: Path, config: StudyConfig) -> tuple[pd.DataFrame, frozenset[str]]:
    """Return all photographs that the study names, usable or not, sorted, and which are of people who withdrew."""
    if config.study.target == "facies":
        cohort = gather_conditions(study, config, jobs=1)
        people, photographs = cohort.participants, cohort.photographs
    else:
        intake = read_intake(study, settings=intake_settings(config))
        people, photographs = intake.participants, intake.photographs
    gone = photographs.participant_id.isin(people.participant_id[is_withdrawn(people)])
    return photographs.sort_values("photo_id", ignore_index=True), frozenset(photographs.photo_id[gone])


def _readings_before(study: Path, config: StudyConfig, path: Path) -> pd.DataFrame | None:
    require_no_panel(study)
    given = find_optional_table(study, READINGS.name)
    if given is None:
        return None
    if given != path or config.inputs.rename.get(READINGS.name):
        raise InputError(f"the study's readings stand in {given.name} with its own columns: save them as readings.tsv with facies' columns")
    return read_user_table(given, READINGS, encoding=config.inputs.encoding)


def require_no_panel(study: Path) -> None:
    """Refuse to put readings beside ready panel means, which no later command would accept.

    Raises
    ------
    InputError
        When the study has panel_estimates.
    """
    means = find_optional_table(study, PANEL_ESTIMATES.name)
    if means is not None:
        raise InputError(f"{means.name} and readings.tsv would both say how old people look: move {means.name} away first")


def _require_ages(readings: pd.DataFrame, file: str) -> None:
    wrong = readings[readings.target.str.startswith("perceived_age") & ~readings.reading.between(0, OLDEST)]
    if len(wrong):
        one = wrong.iloc[0]
        raise InputError(
            f"{file}: the reading of {one.photo_id} by {one.reader_id} is {one.reading:g} ({len(wrong)} such): write ages of 0 to {OLDEST}"
        )


def _read(asked: ImportedFile, photographs: pd.DataFrame) -> pd.DataFrame:
    if not asked.file.is_file():
        raise InputError(f"{asked.file} is not there: give the file of the readings")
    if asked.file.suffix.casefold() == ".imrmc":
        return _from_imrmc(asked, photographs)
    cells, lines = _cells(asked.file)
    common: dict[str, Any] = {"photographs": photographs, "bin_years": asked.bin_years, "file": asked.file.name, "lines": lines}
    if asked.redcap:
        fields = RedcapFields(reader_id=asked.reader_field, photo_id=asked.photo_column, reading=asked.reading_field)
        return readings_from_redcap(cells, target=asked.target, fields=fields, choices=asked.choices, **common)
    faults = faults_in_wide(cells, photo_column=asked.photo_column, **common)
    if len(faults) > 1:
        raise InputError(f"{asked.file.name} has {len(faults)} faults:\n" + "\n".join(faults))
    return readings_from_wide(cells, target=asked.target, photo_column=asked.photo_column, **common)


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
    try:
        text = asked.file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{asked.file.name} cannot be read as UTF-8 text: save it so") from error
    rows = _named_again(read_imrmc(text, file=asked.file.name)[0], text)
    rows = rows[rows.reader_id != rows.modality_id].reset_index(drop=True)  # models, in a list that facies wrote
    first = photographs.sort_values("included", ascending=False, kind="stable").drop_duplicates("participant_id")
    photo = rows.case_id.map(first.set_index("participant_id").photo_id).fillna(rows.case_id)
    unknown = sorted(set(photo) - set(photographs.photo_id))
    if unknown:
        raise InputError(
            f"{asked.file.name}: case {unknown[0]} is neither a participant_id nor a photo_id of the study ({len(unknown)} such)"
        )
    target = asked.target + _arms(rows.modality_id, asked.file.name)
    found = {"reader_id": rows.reader_id, "photo_id": photo, "target": target, "repeat": 0, "reading": rows.score}
    return READINGS.validate(pd.DataFrame(found), file=asked.file.name)


def _named_again(rows: pd.DataFrame, text: str) -> pd.DataFrame:
    """Give readers, cases and modalities the names that stand above the data where facies numbered them."""
    head = text.partition("BEGIN DATA")[0]
    named = {kind: dict(re.findall(rf"^{kind} (\d+): (.+?)\s*$", head, re.MULTILINE)) for kind in ("reader", "case", "modality")}
    return rows.assign(**{f"{kind}_id": rows[f"{kind}_id"].replace(names) for kind, names in named.items() if names})


def _arms(modalities: pd.Series, file: str) -> pd.Series:
    """Return what follows the target: nothing for unaided readings and for the only modality of a list, ``[aided]`` for aided ones."""
    names = sorted(set(modalities))
    if len(names) == 1 and names != ["aided"]:
        return pd.Series("", modalities.index)
    strange = [name for name in names if name not in ("unaided", "aided")]
    if strange:
        raise InputError(f"{file}: modality {strange[0]} is neither unaided nor aided: call the modalities so, or import a list of one")
    return modalities.map({"unaided": "", "aided": AIDED})


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
    whole = consenting_participants(cohort.participants).participant_id
    photographs = cohort.photographs[cohort.photographs.participant_id.isin(whole)]
    readings = read_user_table(given, READINGS, rename=config.inputs.rename.get(READINGS.name), encoding=config.inputs.encoding)
    scores = read_table(study, CONDITION_SCORES) if table_path(study, CONDITION_SCORES).exists() else None
    rows, truth = imrmc_of_readings(readings, photographs, people, target=condition, scores=scores)
    title = f"{config.study.name}: {condition}"
    name = re.sub(r"[^\w.-]", "_", condition)
    return write_whole(study / FOLDER / f"{name}.imrmc", imrmc_text(rows, truth, title=title).encode())
