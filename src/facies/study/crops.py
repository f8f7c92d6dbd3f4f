"""Crops on disk, for networks that are trained on the study's own photographs.

::

    derived/pretrain/crops/     the crops (facies.embeddings.pretrain.crops)
                                photographs.json     which photographs were read, and the face that each gave
                                parts/               only while photographs are being read

Photographs are read as by ``facies run``: found, judged by the same quality gate, cut. What was read is kept by a hash of the file's bytes
and of all settings, so that an interrupted or repeated command reads only what is new.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import numpy as np
import pandas as pd

from facies.embeddings.templates import face_template, require_crops
from facies.errors import FaciesError, InputError
from facies.faces import load_detector
from facies.records import CropContract, EncoderCard
from facies.store import read_arrays, read_json, read_metadata, write_json
from facies.study.config import StudyConfig
from facies.study.extraction import Extractor, Progress, Task, extract_parts, plan_tasks
from facies.study.faces import detector_file, make_gate
from facies.study.intake import photograph_folders
from facies.types import Images, Vectors

if TYPE_CHECKING:
    from facies.embeddings.pretrain.crops import CropArray
    from facies.types import Image

TEMPLATE = face_template(eye_distance=0.32, eye_height=0.42)
"""From above the hairline to the throat, as ``facies-s`` sees a face, so that its weights can be started from."""

PHOTOGRAPHS_FILE = "photographs.json"
PARTS = "parts"


class HasPhotographs(Protocol):
    """Who and what takes part in a study."""

    @property
    def photographs(self) -> pd.DataFrame:
        """Table ``photographs``."""


class _KeepsCrops:
    """Stands where an encoder stands and keeps the crop itself."""

    def __init__(self, contract: CropContract) -> None:
        self.card = EncoderCard("crop", 3 * contract.size**2, contract)

    def encode(self, crops: Images) -> Vectors:
        """Return the crops' bytes, (n, 3 size²): uint8, since as float32 they would take four times the room."""
        require_crops(crops, self.card.crop, encoder="the store of crops")
        return cast("Vectors", crops.reshape(len(crops), -1))


def training_contract(study: Path, config: StudyConfig, *, size: int) -> CropContract:
    """Return how faces are cut for training networks in this study."""
    detector = load_detector(config.faces.detector, weights=_detector_weights(study, config))
    crop = CropContract(TEMPLATE, size=size, harmonise=tuple(config.conditions.harmonise)).found_by(detector.name, detector.sha256)
    return crop if config.embeddings.margin is None else dataclasses.replace(crop, margin=config.embeddings.margin)


def _detector_weights(study: Path, config: StudyConfig) -> Path | None:
    given = config.faces.detector_weights
    return detector_file(config.faces.detector, None if given is None else study / given)


def cut_crops(
    study: Path, config: StudyConfig, cohort: HasPhotographs, contract: CropContract, folder: Path, jobs: int,
    progress: Progress | None = None, *, required: bool = True,
) -> CropArray:  # fmt: skip
    """Cut the face out of each usable photograph, labelled or not, and keep the crops on disk.

    Parameters
    ----------
    cohort
        Photographs of people who withdrew are excluded in it and are not opened; crops of people who are not in it are deleted.
    contract
        How to cut; its detector must be the study's (:func:`training_contract`).
    folder
        Where the crops go. Crops there that still hold are not cut again.
    jobs
        Threads.
    required
        Whether no crop at all is an error.

    Returns
    -------
    The crops in the order of their photo_id, as a read-only memory map.

    Raises
    ------
    InputError
        When no photograph shows a usable face.
    StoreError
        When the folder cannot be written; what was read before stays.
    """
    from facies.embeddings.pretrain.crops import write_crops

    extractor = _extractor(study, config, contract)
    tasks = plan_tasks(cohort.photographs, photograph_folders(study, config), extractor)
    held = read_held(folder)
    new = [task for task in tasks if task.key not in held.faces]
    index = extract_parts(new, extractor, folder / PARTS, jobs=jobs, progress=progress)
    faces = _faces_in_parts(index) | held.faces
    owners = dict(zip(cohort.photographs.photo_id, cohort.photographs.participant_id, strict=True))
    wanted = [
        _Wanted(task.key, face_id, owners[task.photo_id]) for task in tasks if (face_id := faces[task.key]) is not None
    ]  # fmt: skip
    if required:
        _require_faces(wanted, tasks)
    if held.crops is not None and held.holds(wanted):
        crops = held.crops
    else:
        crops = write_crops(folder, _rows(wanted, held, index, contract.size), contract=contract)
    _write_faces(folder, {task.key: faces[task.key] for task in tasks}, crops)
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    return crops


def _extractor(study: Path, config: StudyConfig, contract: CropContract) -> Extractor:
    detector = load_detector(config.faces.detector, weights=_detector_weights(study, config))
    keeper = _KeepsCrops(contract)
    return Extractor(detector, [keeper], make_gate(config.faces.gate), config.faces.max_pixels, harmonise=contract.harmonise)


class _Wanted(NamedTuple):
    """One crop to be kept: its photograph's key, its face and whose it is."""

    key: str
    face_id: str
    participant_id: str


@dataclass(frozen=True, eq=False)
class HeldCrops:
    """What a folder holds: the face that each photograph's key gave (None where none), and the crops."""

    faces: dict[str, str | None]
    crops: CropArray | None

    def holds(self, wanted: Sequence[_Wanted]) -> bool:
        """Return whether the crops are those that are wanted, no fewer and no more."""
        if self.crops is None or not all(one.key in self.faces for one in wanted):
            return False
        rows = list(zip(self.crops.face_ids, self.crops.participant_ids, strict=True))
        return rows == [(one.face_id, one.participant_id) for one in wanted]


def read_held(folder: Path) -> HeldCrops:
    """Return the crops that a folder holds; nothing where its two files are not of the same run, as after an interruption."""
    from facies.embeddings.pretrain.crops import read_crops

    path = folder / PHOTOGRAPHS_FILE
    if not path.exists():
        return HeldCrops({}, None)
    known = read_json(path)
    try:
        crops = read_crops(folder)
    except FaciesError:  # absent or damaged: its photographs are read again
        return HeldCrops({}, None)
    return HeldCrops(known["faces"], crops) if known["crops"] == crops.sha256 else HeldCrops({}, None)


def _write_faces(folder: Path, faces: Mapping[str, str | None], crops: CropArray) -> None:
    """Say which photographs were read; the crops' hash tells that both files are of one run."""
    write_json(folder / PHOTOGRAPHS_FILE, {"crops": crops.sha256, "faces": dict(faces)})


def _faces_in_parts(index: Mapping[str, Path]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for path in dict.fromkeys(index.values()):
        metadata = read_metadata(path)
        found |= dict(zip(json.loads(metadata["keys"]), json.loads(metadata["face_ids"]), strict=True))
    return found


def _require_faces(wanted: Sequence[_Wanted], tasks: Sequence[Task]) -> None:
    if not wanted:
        raise InputError(
            f"none of {len(tasks)} photographs shows a usable face: see exclusion_reason in faces.tsv after `facies run`, "
            "and the gate in study.toml"
        )


def _rows(wanted: Sequence[_Wanted], held: HeldCrops, index: Mapping[str, Path], size: int) -> Iterator[tuple[str, str, Image]]:
    """Yield face_id, participant_id and crop, from the crops that were there or from the part that holds the photograph."""
    place = {} if held.crops is None else {face_id: row for row, face_id in enumerate(held.crops.face_ids)}
    read: tuple[Path | None, dict[str, Image]] = (None, {})
    for key, face_id, participant_id in wanted:
        if key in held.faces and held.crops is not None:
            yield face_id, participant_id, np.asarray(held.crops.crops[place[face_id]])
            continue
        if index[key] != read[0]:
            read = index[key], _crops_in_part(index[key], size)
        yield face_id, participant_id, read[1][face_id]


def _crops_in_part(path: Path, size: int) -> dict[str, Image]:
    arrays, metadata = read_arrays(path)
    face_ids = [face_id for face_id in json.loads(metadata["face_ids"]) if face_id is not None]
    crops = arrays["vectors_0"].reshape(-1, size, size, 3)
    return dict(zip(face_ids, crops, strict=True))


FOLDERS = ("pretrain/crops", "pretrain/held_out", "finetune/crops")
"""Where studies keep crops, below ``derived``."""


def forget_crops(study: Path, photographs: pd.DataFrame) -> int:
    """Delete the crops of photographs that are not used any more, as of people who withdrew.

    Parameters
    ----------
    study
        The study folder; it may have no crops.
    photographs
        Table ``photographs``: what is included stays.

    Returns
    -------
    The number of crops that were deleted.
    """
    used = photographs[photographs.included]
    owners = dict(zip(used.photo_id, used.participant_id, strict=True))
    return sum(_forget(study / "derived" / name, owners) for name in FOLDERS if (study / "derived" / name).exists())


def _forget(folder: Path, owners: Mapping[str, str]) -> int:
    """Keep the crops of these photographs only."""
    from facies.embeddings.pretrain.crops import write_crops

    _forget_parts(folder / PARTS, owners)
    held = read_held(folder)
    if held.crops is None:  # damaged, or of an interrupted run: nobody can say whose crops these are
        for path in folder.glob("crops*"):
            path.unlink()
        return 0
    rows = list(enumerate(zip(held.crops.face_ids, held.crops.participant_ids, strict=True)))
    kept = [(row, face_id, owner) for row, (face_id, owner) in rows if owners.get(_photo_id(face_id)) == owner]
    if len(kept) == len(rows):
        return 0
    old = held.crops
    crops = write_crops(folder, ((face, owner, np.asarray(old.crops[row])) for row, face, owner in kept), contract=old.contract)
    faces = {face_id for _, face_id, _ in kept}
    _write_faces(folder, {key: face for key, face in held.faces.items() if face in faces}, crops)
    return len(rows) - len(kept)


def _forget_parts(parts: Path, owners: Mapping[str, str]) -> None:
    """Delete the parts of an interrupted pass that hold a photograph which is not used any more."""
    for path in parts.glob("*.safetensors"):
        face_ids = _faces_in_parts({"": path}).values()
        if any(face_id is not None and _photo_id(face_id) not in owners for face_id in face_ids):
            path.unlink()


def _photo_id(face_id: str) -> str:
    """Return the photograph of a face: what stands before the last ``_f``."""
    return face_id.rpartition("_f")[0]
