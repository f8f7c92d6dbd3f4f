"""Where bytes lie: a folder of this machine, or a place that fsspec knows by URL (s3, gs, az, ...)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from facies._optional import import_extra
from facies.errors import InputError, StoreError
from facies.store import write_whole

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z][A-Za-z0-9+.-]+)*://")


def is_url(text: str) -> bool:
    """Return whether a text is a URL; a Windows drive is none.

    Examples
    --------
    >>> is_url("s3://bucket/a.jpg"), is_url("C:/a.jpg"), is_url("photos/a.jpg")
    (True, False, False)
    """
    return _URL.match(text) is not None


def as_path(text: str) -> Path | None:
    """Return the path that a text or ``file://`` URL names, None for another URL.

    Examples
    --------
    >>> as_path("file:///data/a.jpg"), as_path("s3://bucket/a.jpg")
    (PosixPath('/data/a.jpg'), None)
    """
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    return None if is_url(text) else Path(text)


def join(base: str, path: str) -> str:
    """Return the place of a manifest's path: itself where it is absolute or a URL, otherwise below the base.

    Examples
    --------
    >>> join("s3://bucket/cohort", "photos/a.jpg"), join("/data", "/other/a.jpg"), join("/data", "gs://b/a.jpg")
    ('s3://bucket/cohort/photos/a.jpg', '/other/a.jpg', 'gs://b/a.jpg')
    """
    if is_url(path):
        return path
    if is_url(base):
        return f"{base.rstrip('/')}/{path.lstrip('/')}"
    return str(Path(base) / path)


def storage_name(url: str) -> str:
    """Return what of a URL may be said in a message: its kind and its bucket, without keys, names of files or passwords.

    Examples
    --------
    >>> storage_name("s3://bucket/p1/a.jpg"), storage_name("https://me:secret@host/a.jpg")
    ('s3://bucket', 'https://host')
    """
    kind, _, rest = url.partition("://")
    return f"{kind}://{rest.split('/')[0].rpartition('@')[2]}"


def open_storage(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL and the path within it.

    Credentials come from where fsspec looks for them: environment variables, the cloud's own files, ``~/.config/fsspec``.

    Raises
    ------
    MissingExtraError
        When fsspec is absent.
    InputError
        When the kind of URL is unknown, or its driver is absent or refuses its settings.
    """
    fsspec = import_extra("fsspec", extra="cluster")
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url)
    except ImportError as error:
        driver = re.search(r"install (?:the )?`*(\w+)", str(error), re.IGNORECASE)
        remedy = f"pip install {driver[1]}" if driver else "install its fsspec driver"
        raise InputError(f"{storage_name(url)} needs a driver that is not installed: {remedy}") from error
    except Exception as error:
        raise InputError(f"{storage_name(url)} cannot be opened ({type(error).__name__}): check the URL and its credentials") from error
    return found


class Folder(Protocol):
    """A folder to write shards in."""

    @property
    def name(self) -> str:
        """How it is shown."""

    def names(self) -> list[str]:
        """Return the files in it by their paths within it, sorted; none where there is no folder."""

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None when it is not there."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all."""

    def delete(self, name: str) -> None:
        """Delete a file, where it is there."""


def open_folder(place: str | Path) -> Folder:
    """Return the folder of a path or URL; nothing is made before something is written.

    Raises
    ------
    InputError
        When the path is a file, or the URL has no driver.
    """
    path = as_path(str(place))
    if path is None:
        return _UrlFolder(str(place).rstrip("/"))
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file: name a folder for the shards")
    return _LocalFolder(path)


class _LocalFolder:
    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        return str(self._path)

    def names(self) -> list[str]:
        found = self._path.rglob("*") if self._path.is_dir() else ()
        return sorted(path.relative_to(self._path).as_posix() for path in found if path.is_file())

    def read(self, name: str) -> bytes | None:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{name} cannot be read ({error.strerror}): allow it, or name another folder") from error

    def write(self, name: str, data: bytes) -> None:
        write_whole(self._path / name, data)

    def delete(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)


class _UrlFolder:
    def __init__(self, url: str) -> None:
        self._url = url
        self._storage, self._path = open_storage(url)

    @property
    def name(self) -> str:
        return self._url

    def names(self) -> list[str]:
        with self._told("listed"):
            found = self._storage.find(self._path) if self._storage.exists(self._path) else []
        start = self._path.strip("/") + "/"
        return sorted(path.strip("/").removeprefix(start) for path in found)

    def read(self, name: str) -> bytes | None:
        with self._told("read"):
            try:
                return bytes(self._storage.cat_file(f"{self._path}/{name}"))
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        with self._told("written"):
            self._storage.pipe_file(f"{self._path}/{name}", data)

    def delete(self, name: str) -> None:
        with self._told("cleared"), contextlib.suppress(FileNotFoundError):
            self._storage.rm_file(f"{self._path}/{name}")

    @contextlib.contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        """Turn whatever a driver raises into one line."""
        try:
            yield
        except Exception as error:
            where, kind = storage_name(self._url), type(error).__name__
            raise StoreError(
                f"{where} could not be {verb} ({kind}): check the connection and the credentials, then run the same command again"
            ) from error
