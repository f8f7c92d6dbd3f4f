"""The photographs of a large cohort: a table of them, at a path or URL, or a study."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from facies.cohort import read_user_table
from facies.errors import InputError
from facies.study.cluster.photographs import Photograph
from facies.study.cluster.places import as_path, join, open_storage, storage_name
from facies.study.extraction import given_points
from facies.tables import GIVEN_POINTS, PHOTOGRAPHS, Column, Table

MANIFEST = Table(
    "manifest",
    ("photo_id",),
    (
        Column("photo_id", "id", "the photograph"),
        Column("path", "text", "the file, seen from the manifest's folder, or a URL such as s3://bucket/photos/a.jpg"),
        Column("participant_id", "id", "the person", required=False, nullable=True),
        Column("sha256", "text", "hash of the file's bytes, to which it is held", required=False, nullable=True),
        *(PHOTOGRAPHS.column(name) for name in GIVEN_POINTS),
        Column("source", "text", "where the photograph comes from; models of conditions warn of others", required=False, nullable=True),
        Column(
            "age", "number", "years since birth; models of conditions warn of ages they do not know", "years", required=False, nullable=True
        ),
    ),
    "the user",
    open_ended=True,
)


@dataclass(frozen=True, eq=False)
class Manifest:
    """Photographs in a fixed order; ``paths`` are theirs as the user wrote them."""

    photographs: Sequence[Photograph]
    paths: Sequence[str]
    name: str

    @property
    def has_participants(self) -> bool:
        """Whether any photograph has a person."""
        return any(photograph.participant_id is not None for photograph in self.photographs)


def read_manifest(place: str) -> Manifest:
    """Read a table of photographs: TSV, CSV, XLSX or Parquet, at a path or URL.

    Raises
    ------
    TableError
        Naming the row and the remedy: no photo_id or path, or a photo_id that stands twice.
    InputError
        When there is no such table, or it names no photograph.
    """
    path = as_path(place)
    if path is None:
        frame, base, name = _read_remote(place), place.rpartition("/")[0], place.rpartition("/")[2]
    else:
        _require_file(path)
        frame, base, name = read_user_table(path, MANIFEST), str(path.parent.resolve()), path.name
    return manifest_of(frame, base, name)


def _require_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} is absent: name a table with photo_id and path, or a study")


def _read_remote(url: str) -> pd.DataFrame:
    """Read a table through a file that nobody else may read and that is gone at once."""
    storage, path = open_storage(url)
    with tempfile.TemporaryDirectory(prefix="facies-") as folder:
        copy = Path(folder) / PurePosixPath(path).name
        try:
            copy.write_bytes(storage.cat_file(path))
        except Exception as error:
            kind = type(error).__name__
            raise InputError(f"{storage_name(url)} gives no {copy.name} ({kind}): check the URL and the credentials") from error
        return read_user_table(copy, MANIFEST, sidecar=False)


def manifest_of(frame: pd.DataFrame, base: str, name: str) -> Manifest:
    """Return the photographs of a table whose paths start from ``base``.

    Raises
    ------
    InputError
        When the table has no row.
    """
    if frame.empty:
        raise InputError(f"{name} names no photograph: add rows with photo_id and path")
    people, hashes = _texts(frame, "participant_id"), [None if text is None else text.lower() for text in _texts(frame, "sha256")]
    points = [None if found is None else tuple(np.ravel(found).tolist()) for found in given_points(frame)]
    rows = zip(frame.photo_id, frame.path, people, hashes, points, _sources(frame), _ages(frame), strict=True)
    photographs = [Photograph(photo_id, join(base, path), *further) for photo_id, path, *further in rows]
    return Manifest(photographs, frame.path.tolist(), name)


def _texts(frame: pd.DataFrame, column: str) -> list[str | None]:
    if column not in frame.columns:
        return [None] * len(frame)
    return [value if isinstance(value, str) else None for value in frame[column]]


def _sources(frame: pd.DataFrame) -> list[str | None]:
    if "source" not in frame.columns:
        return [None] * len(frame)
    return [text or "" for text in _texts(frame, "source")]


def _ages(frame: pd.DataFrame) -> list[float | None]:
    if "age" not in frame.columns:
        return [None] * len(frame)
    return [float(age) if np.isfinite(age) else None for age in frame["age"]]
