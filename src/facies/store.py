"""The study folder: tables, arrays and records, each written whole or not at all.

A file is written beside its place under a temporary name, flushed to the disk and then renamed over the old one, so that a reader finds
the old file or the new one, never a part. Tables are tab-separated text with a JSON sidecar (units, levels, meanings); tables of more than
:data:`MAX_TSV_ROWS` rows are Parquet.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from facies.errors import FaciesError, StoreError
from facies.records import RunRecord, from_json, to_json
from facies.tables import Column, Table

if TYPE_CHECKING:
    import pandas as pd

MAX_TSV_ROWS = 200_000
"""Tables with more rows than this are stored as Parquet."""


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file so that it is there whole or as it was before.

    Raises
    ------
    StoreError
        When the disk is full or the folder may not be written; the old file is untouched.
    """
    with writing_whole(path) as file:
        file.write(data)
    return path


@contextlib.contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write in parts; it takes its place when the block ends without an error, and is gone otherwise.

    Raises
    ------
    StoreError
        When the disk is full or the folder may not be written; the old file is untouched.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if isinstance(error, FaciesError) or not _is_near(error.filename, path):
            raise
        raise StoreError(_explain(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _is_near(named: str | None, path: Path) -> bool:
    """Return whether an error speaks of this file, one beside it or a folder above it; one that names no file does."""
    return named is None or Path(named).parent == path.parent or Path(named) in path.parents


def _explain(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path.name} was not written, the disk is full: free some space and run the same command again; nothing was lost"
    return f"{path.name} was not written ({error.strerror}): make the folder {path.parent} writable and run the same command again"


def write_json(path: Path, value: object) -> Path:
    """Write a value as indented JSON with sorted keys."""
    return write_whole(path, (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    StoreError
        When the file is absent or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path.name} cannot be read ({error.strerror}): run the stage that writes it again") from error
    except ValueError as error:
        raise StoreError(f"{path.name} is not JSON ({error}): delete it and run the stage that writes it again") from error


def tsv_bytes(frame: pd.DataFrame) -> bytes:
    """Return a frame as tab-separated text; missing is ``n/a``, numbers are written so that they are read back unchanged."""
    text = io.StringIO()
    frame.to_csv(text, sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    return text.getvalue().encode()


def write_tsv(path: Path, frame: pd.DataFrame) -> Path:
    """Write a frame as :func:`tsv_bytes` gives it."""
    return write_whole(path, tsv_bytes(frame))


def read_frame(path: Path) -> pd.DataFrame:
    """Read a tab-separated table of facies as text, every value as it stands there.

    Raises
    ------
    StoreError
        When the file is absent or no table.
    """
    import pandas as pd

    try:
        return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path.name} cannot be read ({error.strerror}): run the stage that writes it again") from error
    except ValueError as error:
        raise StoreError(f"{path.name} is not a table ({str(error).splitlines()[0]}): delete it and run again") from error


def table_path(study: Path, table: Table) -> Path:
    """Return where a derived table lies in a study folder: the TSV, or the Parquet file where a large table has only that."""
    path = study / "derived" / table.written_by / f"{table.name}.tsv"
    parquet = path.with_suffix(".parquet")
    return parquet if parquet.exists() and not path.exists() else path


def write_table(study: Path, table: Table, frame: pd.DataFrame) -> Path:
    """Check a derived table and write it with its sidecar.

    Raises
    ------
    TableError
        When the frame does not keep to the schema.
    StoreError
        When it cannot be written.
    """
    table.validate(frame)
    path = table_path(study, table).with_suffix(".tsv")
    write_json(path.with_suffix(".json"), sidecar(table, frame.columns))
    if len(frame) <= MAX_TSV_ROWS:
        path.with_suffix(".parquet").unlink(missing_ok=True)
        return write_tsv(path, frame)
    data = io.BytesIO()
    frame.to_parquet(data, index=False)
    path.unlink(missing_ok=True)
    return write_whole(path.with_suffix(".parquet"), data.getvalue())


def read_table(study: Path, table: Table) -> pd.DataFrame:
    """Read a derived table back with its types.

    Raises
    ------
    StoreError
        When it is not there.
    TableError
        When it was changed by hand and no longer keeps to its schema.
    """
    path = table_path(study, table)
    if path.suffix == ".parquet":
        return table.validate(_read_parquet(path), file=path.name)
    return table.parse(read_frame(path), file=path.name)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path.name} is damaged ({type(error).__name__}): delete it and run again") from error


def sidecar(table: Table, columns: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
    """Describe a table's columns as BIDS sidecars do: Description, Units, Levels.

    Examples
    --------
    >>> from facies.tables import PARTICIPANTS
    >>> sidecar(PARTICIPANTS)["age"]
    {'Description': 'time since birth when photographed', 'Units': 'years'}
    """
    return {column.name: _describe(column) for column in table.columns if columns is None or column.name in columns}


def _describe(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {"Description": column.meaning}
    if column.unit:
        described["Units"] = column.unit
    if column.levels:
        described["Levels"] = {level: level for level in column.levels}
    return described


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]], metadata: Mapping[str, str] | None = None) -> Path:
    """Write named arrays and short texts as one safetensors file."""
    from safetensors.numpy import save

    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    packed = json.dumps(dict(metadata or {}), sort_keys=True, ensure_ascii=False)
    return write_whole(path, save(ordered, metadata={_METADATA: packed}))


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, str]]:
    """Read what :func:`write_arrays` wrote.

    Raises
    ------
    StoreError
        When the file is absent, cut off or altered.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, _unpack(file.metadata())  # noqa: SIM118


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (OSError, SafetensorError, ValueError) as error:
        raise StoreError(f"{path.name} is absent or damaged ({type(error).__name__}): delete it and run again") from error


_METADATA = "facies"
"""The one entry that holds all texts: several entries would be written in an order that changes from run to run."""


def _unpack(metadata: Mapping[str, str] | None) -> dict[str, str]:
    return dict(json.loads((metadata or {}).get(_METADATA, "{}")))


def read_metadata(path: Path) -> dict[str, str]:
    """Read only the short texts of a safetensors file.

    Raises
    ------
    StoreError
        When the file is absent, cut off or altered.
    """
    with _opened(path) as file:
        return _unpack(file.metadata())


def write_record(study: Path, record: RunRecord) -> Path:
    """Write the record of a stage's run as ``derived/<stage>/run.json``."""
    return write_whole(study / "derived" / record.stage / "run.json", (to_json(record, indent=2) + "\n").encode())


def read_record(study: Path, stage: str) -> RunRecord | None:
    """Return the record of a stage's last complete run, or None when it has none that can be read."""
    try:
        return from_json(RunRecord, (study / "derived" / stage / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # absent, not text, not a record: the stage runs again
        return None


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in blocks.

    Raises
    ------
    StoreError
        When the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(f"{path.name} cannot be read ({error.strerror}): check that it is there and may be read") from error


def value_sha256(value: object) -> str:
    """Return the SHA-256 of a plain value's JSON.

    Examples
    --------
    >>> value_sha256({"a": 1, "b": 2}) == value_sha256({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


@contextlib.contextmanager
def locked(study: Path) -> Iterator[None]:
    """Hold the study folder for one writer; the lock ends with the program, however it ends.

    Raises
    ------
    StoreError
        When another program is writing in the folder, or it may not be written.
    """
    path = study / "derived" / ".lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise StoreError(_explain(path, error)) from error
    with file:
        try:
            _lock(file.fileno())
        except OSError as error:
            raise StoreError(_explain_lock(study, error)) from error
        yield


def _explain_lock(study: Path, error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK):
        return f"another facies is working in {study}: wait until it has ended, then run the same command again"
    return f"{study} cannot be locked ({error.strerror}): put the study on a disk that has file locks, such as a local one"


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
