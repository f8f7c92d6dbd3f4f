"""Crops on disk, as one file that is read in place.

A folder holds ``crops.json`` (contract, number, hash), and beside it the pixels and the rows under names that carry the hash. The JSON
file is written last and names the other two, so that a folder holds a whole set of crops or the one it held before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from facies.errors import InputError, StoreError
from facies.records import CropContract, from_json, to_json
from facies.store import read_frame, read_json, write_json, write_tsv, writing_whole
from facies.types import Image, Images

INDEX = "crops.json"


@dataclasses.dataclass(frozen=True, eq=False)
class CropArray:
    """Aligned crops, read in place: a million of them need no memory.

    Parameters
    ----------
    crops
        Red, green, blue, 8 bit, (n, size, size, 3); a read-only memory map when read from a folder.
    face_ids, participant_ids
        Whose each crop is, (n,).
    contract
        How the crops were cut.
    sha256
        Of the pixels and the rows.
    """

    crops: Images
    face_ids: tuple[str, ...]
    participant_ids: tuple[str, ...]
    contract: CropContract
    sha256: str

    def __len__(self) -> int:
        return len(self.face_ids)

    @property
    def size(self) -> int:
        """The side of a crop in pixels."""
        return self.contract.size


def write_crops(folder: Path, rows: Iterable[tuple[str, str, Image]], *, contract: CropContract) -> CropArray:
    """Write crops as they come and return them, read in place.

    Parameters
    ----------
    folder
        Where they are kept; crops that are there already are replaced when the last new one is on disk.
    rows
        ``face_id``, ``participant_id`` and the crop, (size, size, 3).
    contract
        How the crops were cut.

    Raises
    ------
    InputError
        When a crop has another size than the contract says, or a face comes twice.
    StoreError
        When the disk is full or the folder may not be written; what was there before is untouched.

    Examples
    --------
    >>> import tempfile
    >>> from facies.embeddings.templates import face_template
    >>> grey = np.full((16, 16, 3), 128, dtype=np.uint8)
    >>> contract = CropContract(face_template(eye_distance=0.36, eye_height=0.36), size=16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     crops = write_crops(Path(folder), [("f1", "p1", grey), ("f2", "p1", grey)], contract=contract)
    ...     crops.crops.shape, crops.participant_ids
    ((2, 16, 16, 3), ('p1', 'p1'))
    """
    writer = _Writer(contract)
    part = folder / "crops.new"
    try:
        with writing_whole(part) as file:
            for face_id, participant_id, crop in rows:
                writer.add(file, face_id, participant_id, crop)
        return _put_in_place(folder, part, writer)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


class _Writer:
    """Rows written so far."""

    def __init__(self, contract: CropContract) -> None:
        self.contract = contract
        self.rows: dict[str, str] = {}
        self._hash = hashlib.sha256(to_json(contract).encode())

    def add(self, file: BinaryIO, face_id: str, participant_id: str, crop: Image) -> None:
        wanted = (self.contract.size, self.contract.size, 3)
        if crop.shape != wanted or crop.dtype != np.uint8:
            raise InputError(f"crop {len(self.rows) + 1} is {crop.dtype} {crop.shape}: cut crops by their contract, uint8 {wanted}")
        if face_id in self.rows:
            raise InputError(f"crop {len(self.rows) + 1} is of a face that came before: give each face once")
        data = np.ascontiguousarray(crop).tobytes()
        file.write(data)
        self._hash.update(f"{face_id}\t{participant_id}\n".encode() + data)
        self.rows[face_id] = participant_id

    def sha256(self) -> str:
        return self._hash.hexdigest()


def _put_in_place(folder: Path, part: Path, writer: _Writer) -> CropArray:
    sha256 = writer.sha256()
    stem = f"crops-{sha256[:16]}"
    part.replace(folder / f"{stem}.rgb")
    frame = pd.DataFrame({"face_id": list(writer.rows), "participant_id": list(writer.rows.values())}, dtype=str)
    write_tsv(folder / f"{stem}.tsv", frame)
    index = {"contract": dataclasses.asdict(writer.contract), "n": len(writer.rows), "sha256": sha256, "files": stem}
    write_json(folder / INDEX, index)
    for old in _files(folder):
        if old.stem != stem:
            old.unlink()
    return read_crops(folder)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("crops-*") if path.suffix in (".rgb", ".tsv"))


def read_crops(folder: Path) -> CropArray:
    """Return the crops of a folder, read in place.

    Raises
    ------
    StoreError
        When the folder holds no whole set of crops.
    """
    index = read_json(folder / INDEX)
    try:
        contract = from_json(CropContract, json.dumps(index["contract"]))
        stem, n, sha256 = str(index["files"]), int(index["n"]), str(index["sha256"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{INDEX} is not the index of crops: delete {folder} and cut them again") from error
    rows = read_frame(folder / f"{stem}.tsv")
    crops = _map(folder / f"{stem}.rgb", (n, contract.size, contract.size, 3))
    if len(rows) != n:
        raise StoreError(f"{stem}.tsv has {len(rows)} rows for {n} crops: delete {folder} and cut them again")
    return CropArray(crops, tuple(rows.face_id), tuple(rows.participant_id), contract, sha256)


def _map(path: Path, shape: tuple[int, ...]) -> Any:
    """Map a file of pixels; an empty file cannot be mapped and is an empty array."""
    wanted = int(np.prod(shape))
    found = path.stat().st_size if path.exists() else -1
    if found != wanted:
        raise StoreError(f"{path.name} has {max(found, 0)} of {wanted} bytes: delete {path.parent} and cut the crops again")
    return np.memmap(path, dtype=np.uint8, mode="r", shape=shape) if wanted else np.empty(shape, dtype=np.uint8)
