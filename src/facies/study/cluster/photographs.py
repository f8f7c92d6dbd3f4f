"""One photograph of a manifest: where it is, what its bytes should be, and how they are got."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from threading import BoundedSemaphore
from typing import NamedTuple

import numpy as np

from facies.cohort.photographs import hash_photograph
from facies.errors import ImageError, StoreError
from facies.faces import without_face
from facies.study.cluster.places import as_path, open_storage, storage_name
from facies.study.extraction import Reads, Result, Task

PAUSES = (0.2, 1.0, 4.0)
"""Seconds to wait before each new try of a storage that did not answer."""

FETCHES = 8
"""Photographs a core that are fetched together, so that a network's delay costs no computing time."""


class Photograph(NamedTuple):
    """A row of the manifest; ``place`` is a path of this machine or a URL, ``given_points`` are ten numbers or None.

    ``source`` is None where the manifest has no such column and empty where the row gives none; ``age`` is None where it is not known.
    """

    photo_id: str
    place: str
    participant_id: str | None = None
    sha256: str | None = None
    given_points: tuple[float, ...] | None = None
    source: str | None = None
    age: float | None = None


def as_task(photograph: Photograph, source: Path | bytes) -> Task:
    """Return the task of reading a photograph from this file or these bytes."""
    points = photograph.given_points
    return Task("", photograph.photo_id, source, None if points is None else np.array(points, dtype=np.float64).reshape(5, 2))


def get_source(photograph: Photograph) -> Path | bytes:
    """Return the photograph's file, or its bytes where it is elsewhere; held to its hash where the manifest gives one.

    Raises
    ------
    ImageError
        ``missing_file``, ``not_a_file``, ``unreadable``, ``altered``, ...
    StoreError
        When the storage does not answer, or has no driver.
    """
    path = as_path(photograph.place)
    source = _fetch(photograph.place) if path is None else path
    if photograph.sha256 is not None and _sha256(source) != photograph.sha256:
        raise ImageError("altered")
    return source


def _sha256(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    try:
        return hash_photograph(source)
    except FileNotFoundError as error:
        raise ImageError("missing_file") from error
    except OSError as error:
        raise ImageError("unreadable") from error


def _fetch(url: str) -> bytes:
    """Return the bytes at a URL; they stay in memory."""
    storage, path = open_storage(url)
    for pause in (*PAUSES, None):
        try:
            return bytes(storage.cat_file(path))
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            raise ImageError(_reason(error)) from None
        except Exception as error:
            if pause is None:
                raise StoreError(_silent(url, error)) from error
        time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "missing_file"
    return "unreadable" if isinstance(error, PermissionError) else "not_a_file"


def _silent(url: str, error: Exception) -> str:
    return (
        f"{storage_name(url)} did not answer {len(PAUSES) + 1} times ({type(error).__name__}): check the connection and the credentials, "
        "then run the same command again; what was finished is kept"
    )


class Fetching:
    """Reads photographs of a manifest by a reader of files; fetching does not take one of its ``slots``, computing does."""

    def __init__(self, reader: Reads, slots: int) -> None:
        self._reader = reader
        self._slots = BoundedSemaphore(slots)

    def extract(self, photograph: Photograph) -> Result:
        """Return what a photograph gave; whatever is wrong with it is its rows' reason."""
        try:
            source = get_source(photograph)
        except ImageError as error:
            return Result("", without_face(photograph.photo_id, error.reason).rows, None, [])
        with self._slots:
            return self._reader.extract(as_task(photograph, source))


def any_remote(photographs: Sequence[Photograph]) -> bool:
    """Whether any photograph has to be fetched."""
    return any(as_path(photograph.place) is None for photograph in photographs)


def require_some_readable(photographs: Sequence[Photograph], results: Sequence[Result]) -> None:
    """Refuse a shard whose photographs may none be read, since then the credentials are wrong, not the photographs.

    Raises
    ------
    StoreError
        Naming the storage.
    """
    remote = [result for photograph, result in zip(photographs, results, strict=True) if as_path(photograph.place) is None]
    if len(remote) > 1 and all(result.rows[0]["exclusion_reason"] == "unreadable" for result in remote):
        where = storage_name(next(photograph.place for photograph in photographs if as_path(photograph.place) is None))
        raise StoreError(f"none of {len(remote)} photographs in {where} may be read: give the credentials, then run the same command again")
