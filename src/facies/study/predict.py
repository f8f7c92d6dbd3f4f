"""A frozen model on new photographs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.cohort import locate_photograph, read_user_table
from facies.embeddings import load_encoder
from facies.errors import CropContractError, ImageError, InputError
from facies.faces import QualityGate, faces_table, load_detector, without_face
from facies.imaging.sniff import HEAD_BYTES, sniff_format
from facies.models import Bundle, read_bundle
from facies.store import write_tsv
from facies.study.extraction import Extractor, Progress, Result, Task, extract_in_order, given_points
from facies.study.faces import detector_file
from facies.tables import GIVEN_POINTS, PHOTOGRAPHS, Column, Table

PREDICTED_PHOTOGRAPHS = Table(
    "predicted_photographs",
    ("photo_id",),
    (
        Column("photo_id", "id", "the photograph: its name in the folder, or the table's photo_id"),
        Column("path", "text", "the file, seen from the folder or the table"),
        *(PHOTOGRAPHS.column(name) for name in GIVEN_POINTS),
    ),
    "the user",
    open_ended=True,
)

COLUMNS = (
    "photo_id",
    "face_id",
    "model_id",
    "target",
    "predicted",
    "ci_low",
    "ci_high",
    "warning",
    "included",
    "exclusion_reason",
    "intended_use",
)

INTENDED_USE = "research only"


@dataclass(frozen=True, eq=False)
class Predicted:
    """What ``facies predict`` did."""

    table: pd.DataFrame
    n_photographs: int
    n_predicted: int
    n_warned: int
    excluded: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return the counts and the rows as plain values."""
        counts = {
            "n_photographs": self.n_photographs,
            "n_predicted": self.n_predicted,
            "n_warned": self.n_warned,
            "excluded": self.excluded,
        }
        return counts | {"predictions": json.loads(self.table.to_json(orient="records", double_precision=15))}


def predict_photographs(
    bundle: Path,
    photographs: Path,
    output: Path | None,
    *,
    jobs: int = 1,
    detector_weights: Path | None = None,
    encoder_weights: Path | None = None,
    gate: QualityGate | None = None,
    progress: Progress | None = None,
) -> Predicted:
    """Apply a bundle to photographs and write one row a photograph.

    Parameters
    ----------
    bundle
        The folder of a frozen model.
    photographs
        A folder, searched with its subfolders (hidden ones apart), a single photograph, or a table with ``photo_id`` and ``path``, and
        the five points where the model's detector is ``given``.
    output
        Where the table goes; None writes nothing.
    detector_weights, encoder_weights
        Files of a detector or encoder that neither facies nor the bundle carries.

    Raises
    ------
    WeightsError
        When the bundle, or a network that it needs, is absent or altered.
    CropContractError
        When the detector is another than the model's.
    InputError
        When there are no photographs.
    """
    model = read_bundle(bundle)
    extractor = _extractor(model, detector_weights, encoder_weights, gate or QualityGate())
    tasks = list_tasks(photographs)
    _require_points(model, tasks, photographs)
    results = []
    reader = _InFolder(extractor, photographs) if photographs.is_dir() else extractor
    for done, result in enumerate(extract_in_order(tasks, reader, jobs), start=1):
        results.append(result)
        if progress is not None:
            progress(done, len(tasks))
    table = _table(model, tasks, results)
    if output is not None:
        write_tsv(output, table)
    reasons = table.exclusion_reason.dropna().value_counts()
    warned = int((table.included & table.warning.fillna("").ne("")).sum())
    return Predicted(table, len(tasks), int(table.included.sum()), warned, {str(reason): int(n) for reason, n in reasons.items()})


def _extractor(model: Bundle, detector_weights: Path | None, encoder_weights: Path | None, gate: QualityGate) -> Extractor:
    spec = model.card.encoder.name if model.encoder_file is None else f"onnx:{model.encoder_file}"
    encoder = load_encoder(spec, weights=encoder_weights)
    model.require_encoder(encoder.card)
    detector = load_detector(model.crop.detector, weights=detector_file(model.crop.detector, detector_weights))
    margin = model.crop.margin if model.crop.margin != encoder.card.crop.margin else None
    extractor = Extractor(detector, [encoder], gate, margin=margin)
    try:
        model.crop.require(extractor.contract(encoder.card))
    except CropContractError as error:
        raise CropContractError(f"{model.card.model_id}: {error}") from error
    return extractor


def list_tasks(photographs: Path) -> list[Task]:
    """Return one task a photograph of a folder or table, or the one of a single photograph.

    Whatever is in a folder, hidden files apart, becomes a task: what is no photograph gets its reason later.

    Raises
    ------
    InputError
        When there is no such folder or table, it may not be read, or it names no photograph.
    """
    if photographs.is_dir():
        tasks = [Task("", printable(path.relative_to(photographs).as_posix()), path, None) for path in _files_in(photographs)]
    elif photographs.exists():
        tasks = [Task("", printable(photographs.name), photographs, None)] if _is_photograph(photographs) else _listed_in(photographs)
    else:
        raise InputError(f"{photographs} is absent: name a folder of photographs, or a table with photo_id and path")
    if not tasks:
        raise InputError(f"{photographs} holds no photographs: name another folder or table")
    return tasks


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


def _listed_in(table: Path) -> list[Task]:
    frame = read_user_table(table, PREDICTED_PHOTOGRAPHS)
    rows = zip(frame.photo_id, frame.path, given_points(frame), strict=True)
    return [Task("", photo_id, table.parent / path, points) for photo_id, path, points in rows]


def _require_points(model: Bundle, tasks: list[Task], photographs: Path) -> None:
    if model.crop.detector == "given" and all(task.given_points is None for task in tasks):
        raise InputError(
            f"{model.card.model_id} does not search for faces and {photographs.name} gives no points: "
            f"name a table with photo_id, path and {GIVEN_POINTS[0]} to {GIVEN_POINTS[-1]}"
        )


@dataclass(frozen=True)
class _InFolder:
    """Reads the photographs of a folder, but none to which a link leads out of it."""

    extractor: Extractor
    folder: Path

    def extract(self, task: Task) -> Result:
        try:
            locate_photograph(str(task.path.relative_to(self.folder)), [self.folder])
        except ImageError as error:
            return Result(task.key, without_face(task.photo_id, error.reason).rows, None, [])
        return self.extractor.extract(task)


def _table(model: Bundle, tasks: list[Task], results: list[Result]) -> pd.DataFrame:
    """Return one row a photograph: its prediction, or why it has none."""
    with_face = [result for result in results if result.face_id is not None]
    vectors = np.concatenate([result.vectors[0] for result in with_face]) if with_face else np.empty((0, model.card.encoder.dimension))
    predicted = model.predict_vectors(vectors) if with_face else pd.DataFrame(columns=["predicted", "ci_low", "ci_high", "warning"])
    predicted = predicted.assign(face_id=[str(result.face_id) for result in with_face])
    faces = pd.concat([_chosen(result) for result in results], ignore_index=True)
    table = faces.merge(predicted, on="face_id", how="left", validate="one_to_one")
    order = {task.photo_id: place for place, task in enumerate(tasks)}
    table = table.sort_values("photo_id", key=lambda names: names.map(order), ignore_index=True)
    return table.assign(model_id=model.card.model_id, target=model.card.target, intended_use=INTENDED_USE)[list(COLUMNS)]


def _chosen(result: Result) -> pd.DataFrame:
    """Return the row of the face that is used, or the one that says why there is none."""
    faces = faces_table(result.rows)
    used = faces[faces.included]
    telling = faces[faces.exclusion_reason.ne("another_face_chosen")]
    return (used if len(used) else telling).head(1)[["photo_id", "face_id", "included", "exclusion_reason"]]
