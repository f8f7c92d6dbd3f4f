"""Photographs of a folder, and none outside of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from facies.cohort import locate_photograph
from facies.errors import ImageError, InputError
from facies.faces import without_face
from facies.imaging.sniff import HEAD_BYTES, sniff_format
from facies.study.cluster.manifest import Manifest, read_manifest
from facies.study.cluster.photographs import Photograph
from facies.study.cluster.places import as_path
from facies.study.extraction import Reads, Result, Task


def list_photographs(place: Path | str) -> Manifest:
    """Return the photographs of a folder or table, or the one of a single photograph.

    Whatever is in a folder, hidden files apart, counts as a photograph: what is none gets its reason later.

    Raises
    ------
    InputError
        When there is no such folder or table, it may not be read, or it names no photograph.
    """
    path = as_path(str(place))
    if path is None or (path.is_file() and not _is_photograph(path)):
        return read_manifest(str(place))
    if not path.exists():
        raise InputError(f"{path} is absent: name a folder of photographs, or a table with photo_id and path")
    path = path.resolve() if path.is_dir() else path
    files = _files_in(path) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} holds no photographs: name another folder or table")
    base = path if path.is_dir() else path.parent
    names = [printable(file.relative_to(base).as_posix()) for file in files]
    return Manifest([Photograph(name, str(file.absolute())) for name, file in zip(names, files, strict=True)], names, path.name)


def folder_of(photographs: Path | str) -> str | None:
    """Return the folder that photographs are searched in, and that none may lie outside of; None where they are listed."""
    folder = as_path(str(photographs))
    return str(folder.resolve()) if folder is not None and folder.is_dir() else None


def printable(name: str) -> str:
    """Return a file's name as an identifier: what cannot be printed or stands as a space at its ends is written as in Python.

    Examples
    --------
    >>> printable("a\\nb.jpg "), printable("Müller 1.jpg")
    ('a\\\\nb.jpg\\\\x20', 'Müller 1.jpg')
    """
    plain = "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode("ascii") for c in name)
    bare = plain.strip(" ")
    start = plain.index(bare)
    return "\\x20" * start + bare + "\\x20" * (len(plain) - start - len(bare))


def _files_in(folder: Path) -> list[Path]:
    """Return everything below a folder that is no folder; hidden files and folders are passed over, links to folders not followed."""

    def refuse(error: OSError) -> None:
        raise InputError(f"the folder {error.filename} cannot be read ({error.strerror}): allow it, or name another folder")

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(found)


def _is_photograph(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return sniff_format(stream.read(HEAD_BYTES)) is not None
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}): allow it, or name another file") from error


@dataclass(frozen=True)
class InFolder:
    """Reads the photographs of a folder, but none to which a link leads out of it."""

    reader: Reads
    folder: Path

    def extract(self, task: Task) -> Result:
        """Return what a photograph gave; its ``path`` is a file below the folder."""
        if isinstance(task.path, bytes):
            return self.reader.extract(task)
        try:
            locate_photograph(str(task.path.relative_to(self.folder)), [self.folder])
        except ImageError as error:
            return Result(task.key, without_face(task.photo_id, error.reason).rows, None, [])
        return self.reader.extract(task)
