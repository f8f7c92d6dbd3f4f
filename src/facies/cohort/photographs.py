"""The photographs' files: where they are, what their bytes are, and why one is not used."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from facies.cohort.consent import with_inclusion
from facies.cohort.duplicates import exclude_exact_duplicates
from facies.errors import ImageError, InputError
from facies.tables import PHOTOGRAPHS

MAX_BYTES = 2 * 1024**3
"""A larger file is excluded as ``too_large`` without being read."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif", ".dcm"})
"""Endings of the files that :func:`list_photographs` counts as photographs."""

_BIDS = re.compile(r"sub-(?P<participant>[A-Za-z0-9]+)(?:_ses-(?P<session>[A-Za-z0-9]+))?(?:_[A-Za-z0-9-]+)*")
_BLOCK = 256


class FileFacts(NamedTuple):
    """What is known of one photograph's file without decoding it; ``reason`` is empty when it can be used."""

    reason: str = ""
    sha256: str | None = None
    format: str | None = None
    width: float = float("nan")
    height: float = float("nan")


class SeenFile(Protocol):
    """What a probe says of a file (``facies.imaging`` has one)."""

    @property
    def format(self) -> str:
        """JPEG, PNG, ..."""

    @property
    def width(self) -> int:
        """As stored, in pixels."""

    @property
    def height(self) -> int:
        """As stored, in pixels."""


Probe = Callable[[Path, int], SeenFile]
"""``probe(path, max_pixels)`` reads a header, or raises :class:`facies.errors.ImageError`."""


def locate_photograph(path: str, folders: Sequence[Path]) -> Path:
    """Return the file that a row names: in the first of ``folders`` that has it.

    The file must lie in one of the folders, links followed.

    Raises
    ------
    ImageError
        ``missing_file``, ``outside_folder``, ``not_a_file``, ``unreadable``.
    """
    return _locate(path, [Path(folder).resolve() for folder in folders])


def _locate(path: str, roots: Sequence[Path]) -> Path:
    reasons = []
    for root in roots:
        found = _resolved(root, path)
        if found is None:
            reasons.append("missing_file")
        elif not any(found.is_relative_to(allowed) for allowed in roots):
            reasons.append("outside_folder")
        else:
            return found
    raise ImageError("outside_folder" if "outside_folder" in reasons else "missing_file")


def _resolved(root: Path, path: str) -> Path | None:
    try:
        return (root / path).resolve(strict=True)
    except PermissionError as error:
        raise ImageError("unreadable") from error
    except (OSError, RuntimeError, ValueError):  # absent, a loop of links, too long, a NUL in the name
        return None


def assess_photographs(
    photographs: pd.DataFrame,
    folder: Path | Sequence[Path],
    *,
    threads: int = 2,
    max_pixels: int = 200_000_000,
    probe: Probe | None = None,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Look at each photograph's file: hash, format and size, or the reason why it cannot be used.

    Rows that are excluded already (people who withdrew) are not opened. A row that states a ``sha256`` is held to it. Exact
    duplicates are excluded at the end, see :func:`facies.cohort.exclude_exact_duplicates`. Decoding comes later: a file may still
    prove damaged.

    Parameters
    ----------
    photographs
        The table ``photographs``.
    folder
        Where paths start from; several folders are tried in order. A file outside them is excluded.
    threads
        Files looked at together.
    max_pixels
        A photograph with more is excluded as ``too_large``.
    probe
        Reads a header; :func:`facies.imaging.decode.probe_photograph` when None.
    progress
        Called with the number of rows done, from the calling thread.

    Returns
    -------
    DataFrame
        ``photographs`` with ``sha256``, ``format``, ``width``, ``height`` (px, as stored), ``included``, ``exclusion_reason``.

    Raises
    ------
    InputError
        When ``threads`` is below 1.
    """
    PHOTOGRAPHS.validate(photographs)
    if threads < 1:
        raise InputError(f"threads is {threads}: give at least 1")
    folders = [folder] if isinstance(folder, Path) else list(folder)
    marked = with_inclusion(photographs)
    look = _looker([Path(root).resolve() for root in folders], max_pixels, probe or _probe)
    paths = marked["path"].where(marked["included"])
    facts = list(_in_order(look, paths, threads, progress))
    return exclude_exact_duplicates(_with_facts(marked, facts))


def _probe(path: Path, max_pixels: int) -> SeenFile:
    from facies.imaging.decode import probe_photograph

    return probe_photograph(path, max_pixels=max_pixels)


def _looker(roots: Sequence[Path], max_pixels: int, probe: Probe) -> Callable[[object], FileFacts | None]:
    def look(path: object) -> FileFacts | None:
        return _facts(path, roots, max_pixels, probe) if isinstance(path, str) else None

    return look


def _facts(path: str, roots: Sequence[Path], max_pixels: int, probe: Probe) -> FileFacts:
    digest = None
    try:
        file = _locate(path, roots)
        digest = hash_photograph(file)
        seen = probe(file, max_pixels)
    except ImageError as error:
        return FileFacts(error.reason, digest)
    except PermissionError:
        return FileFacts("unreadable", digest)
    except FileNotFoundError:
        return FileFacts("missing_file", digest)
    except OSError:
        return FileFacts("unreadable", digest)
    return FileFacts("", digest, seen.format, float(seen.width), float(seen.height))


def hash_photograph(file: Path) -> str:
    """Return the SHA-256 of a file, read in blocks.

    Raises
    ------
    ImageError
        ``not_a_file``, ``empty_file``, ``too_large``.
    """
    about = file.stat()
    if not stat.S_ISREG(about.st_mode):
        raise ImageError("not_a_file")
    if about.st_size == 0:
        raise ImageError("empty_file")
    if about.st_size > MAX_BYTES:
        raise ImageError("too_large", f"{about.st_size} bytes")
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _in_order(
    look: Callable[[object], FileFacts | None], paths: pd.Series, threads: int, progress: Callable[[int], None] | None
) -> Iterator[FileFacts | None]:
    """Look at the paths block by block, so that only one block waits in the queue."""
    waiting, done = iter(paths), 0
    with ThreadPoolExecutor(threads) as pool:
        while block := list(islice(waiting, _BLOCK)):
            for facts in pool.map(look, block):
                done += 1
                if progress is not None:
                    progress(done)
                yield facts


def _held_to_their_hash(photographs: pd.DataFrame, facts: list[FileFacts | None]) -> list[FileFacts | None]:
    """Give the reason ``altered`` to a file whose hash is not the one that its row states."""
    if "sha256" not in photographs.columns:
        return facts
    stated = photographs["sha256"].astype(str).str.lower().where(photographs["sha256"].notna())
    return [
        row._replace(reason="altered")
        if row is not None and row.sha256 is not None and isinstance(given, str) and row.sha256 != given
        else row
        for row, given in zip(facts, stated, strict=True)
    ]


def _with_facts(photographs: pd.DataFrame, facts: list[FileFacts | None]) -> pd.DataFrame:
    seen = [row or FileFacts() for row in _held_to_their_hash(photographs, facts)]
    looked = np.array([row is not None for row in facts], dtype=bool)
    failed = looked & np.array([row.reason != "" for row in seen], dtype=bool)
    found = photographs.copy()
    for name in ("sha256", "format", "width", "height"):
        kind = object if name in {"sha256", "format"} else "float64"
        found[name] = pd.Series([getattr(row, name) for row in seen], index=found.index, dtype=kind)
    for name in ("sha256", "format"):
        found[name] = found[name].where(found[name].notna(), np.nan)
    found["included"] = found["included"] & ~failed
    found.loc[failed, "exclusion_reason"] = [row.reason for row, bad in zip(seen, failed, strict=True) if bad]
    return found


def list_photographs(folder: Path, *, participant_ids: Collection[str] = ()) -> pd.DataFrame:
    """Make the table ``photographs`` from file names, when a study has none.

    One rule is understood, that of BIDS: ``sub-<id>[_ses-<id>][_more].jpg``. ``photo_id`` is the name without its ending, ``path``
    is relative to ``folder``. Files that are no photographs by their ending, and hidden ones, are passed over.

    Parameters
    ----------
    folder
        Searched with its subfolders; links to folders are not followed.
    participant_ids
        The participants' identifiers: when none of them starts with ``sub-``, it is left off.

    Raises
    ------
    InputError
        When there is no photograph, a name does not follow the rule, or a name stands twice.
    """
    files = sorted(_photograph_files(folder))
    if not files:
        raise InputError(f"the folder '{folder.name}' has no photographs ({', '.join(sorted(SUFFIXES))}): add them, or photographs.tsv")
    prefix = "" if participant_ids and not any(name.startswith("sub-") for name in participant_ids) else "sub-"
    listed = pd.DataFrame([_from_name(file, folder, prefix) for file in files])
    twice = listed["photo_id"].duplicated()
    if twice.any():
        name = listed["photo_id"][twice].iloc[0]
        raise InputError(f"two files in '{folder.name}' are called {name!r}: rename one, or list the photographs in photographs.tsv")
    return PHOTOGRAPHS.validate(listed)


def _photograph_files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names if Path(name).suffix.casefold() in SUFFIXES and not name.startswith("."))


def _from_name(file: Path, folder: Path, prefix: str) -> dict[str, object]:
    found = _BIDS.fullmatch(file.stem)
    if found is None:
        raise InputError(
            f"{file.name!r} does not say whose photograph it is: name files sub-<id>_ses-<id>_<more>{file.suffix}, "
            "or list them in photographs.tsv (photo_id, participant_id, path)"
        )
    session = found["session"]
    return {
        "photo_id": file.stem,
        "participant_id": f"{prefix}{found['participant']}",
        "session_id": np.nan if session is None else f"ses-{session}",
        "path": file.relative_to(folder).as_posix(),
    }
