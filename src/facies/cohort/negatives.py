"""Folders of photographs of other people, such as public sets: rows of participants and photographs like everybody's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from facies.cohort.files import UserTable, read_with_lines
from facies.errors import InputError
from facies.tables import PARTICIPANTS, Column, Table

ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif", ".dcm", ".bmp")
"""What counts as a photograph in a folder without a table; the bytes are looked at later."""

NEGATIVES = Table(
    "negatives",
    ("path",),
    (
        Column("path", "text", "the file, seen from the negatives' folder"),
        replace(PARTICIPANTS.column("participant_id"), required=False),
        replace(PARTICIPANTS.column("age"), required=False),
        PARTICIPANTS.column("sex"),
    ),
    "the user",
    open_ended=True,
)
"""What a table of negatives may hold."""


def read_negatives(study: Path, *, source: str, folder: str, table: str | None, licence: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return participants and photographs of one source.

    Without a table each file below the folder is a person of its own, without age and sex. Identifiers begin with the source's name, so
    that they cannot be those of other people.

    Parameters
    ----------
    folder, table
        Seen from the study.

    Returns
    -------
    tuple
        ``participants`` (participant_id, age, sex and further columns of the table) and ``photographs``; paths are seen from the study, or
        whole where the folder lies elsewhere.

    Raises
    ------
    InputError
        When folder or table is absent, wrong or empty.
    """
    place = (study / folder).resolve()
    if not place.is_dir():
        raise InputError(f"conditions.negatives, {source}: there is no folder {folder}: put the photographs there, or correct the folder")
    rows = _listed(place, source, folder) if table is None else _from_table(study / table, source)
    names = rows.get("participant_id", pd.Series(np.nan, rows.index, dtype=object))
    people = f"{source}:" + names.where(names.notna(), rows["path"]).astype(str).str.replace(r"\s", "_", regex=True)
    rows = rows.assign(participant_id=people)
    return _participants(rows), _photographs(rows, study, place, source, licence)


def _listed(place: Path, source: str, folder: str) -> pd.DataFrame:
    files = sorted(path for path in place.rglob("*") if path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file())
    if not files:
        raise InputError(f"conditions.negatives, {source}: {folder} holds no photographs: put them there, or remove the source")
    return pd.DataFrame({"path": [path.relative_to(place).as_posix() for path in files]})


def _from_table(path: Path, source: str) -> pd.DataFrame:
    read: UserTable = read_with_lines(path, NEGATIVES)
    if read.frame.empty:
        raise InputError(f"{read.file} has no rows: list the photographs of {source}, or leave the table out")
    return read.frame


def _participants(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a person; ages that differ between photographs are averaged."""
    grouped = rows.groupby("participant_id", sort=True)
    people = pd.DataFrame(index=grouped.size().index)
    people["age"] = grouped["age"].mean() if "age" in rows.columns else np.nan
    for name in rows.columns.difference(["path", "participant_id", "age"]):
        people[name] = grouped[name].first()
    if "sex" in people.columns:
        people["sex"] = people["sex"].astype(object)
    return people.reset_index()


def _photographs(rows: pd.DataFrame, study: Path, place: Path, source: str, licence: str) -> pd.DataFrame:
    inside = place.is_relative_to(study.resolve())
    base = place.relative_to(study.resolve()) if inside else place
    paths = [(base / path).as_posix() for path in rows["path"]]
    number = rows.groupby("participant_id").cumcount() + 1
    photo_ids = rows["participant_id"] + "_" + number.astype(str)
    return pd.DataFrame(
        {
            "photo_id": photo_ids, "participant_id": rows["participant_id"], "path": paths, "source": source, "licence": licence,
        }
    )  # fmt: skip
