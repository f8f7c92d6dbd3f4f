"""The stage that measures what photographs show beside the face, and how light the skin looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.cohort import locate_photograph
from facies.embeddings.facies_s import CROP
from facies.errors import ImageError
from facies.imaging import align_face, decode_photograph
from facies.imaging.nuisance import KINDS, nuisance_measures
from facies.imaging.skin_tone import skin_tone_angle, skin_tone_group
from facies.store import read_arrays, table_path, write_arrays, write_table
from facies.study.conditions.intake import ConditionCohort
from facies.study.config import StudyConfig
from facies.study.extraction import Progress
from facies.study.intake import photograph_folders
from facies.study.stages import Outcome, Stage
from facies.tables import FACE_MEASURES, FACES, GIVEN_POINTS
from facies.types import Floats, Image, Points

SIDE = 512
"""Photographs are decoded to about this side."""


class UsedFace(NamedTuple):
    """A used face: its photograph's file, format, size and points."""

    face_id: str
    photo_id: str
    file: Path
    format: str
    width: float
    height: float
    points: Points


class Measured(NamedTuple):
    """What was measured of one face."""

    face_id: str
    angle: float
    vectors: dict[str, Floats]


def used_faces(study: Path, config: StudyConfig, photographs: pd.DataFrame, faces: pd.DataFrame) -> list[UsedFace]:
    """Return the used faces with their photographs, in the order of the faces' names."""
    folders = photograph_folders(study, config)
    columns = ["photo_id", "path", "format", "width", "height"]
    joined = faces[faces.included].merge(photographs[columns], on="photo_id", validate="many_to_one").sort_values("face_id")
    points = joined[list(GIVEN_POINTS)].to_numpy(dtype=float).reshape(-1, 5, 2)
    return [
        UsedFace(face_id, photo_id, locate_photograph(path, folders), str(kind), float(width), float(height), five)
        for face_id, photo_id, path, kind, width, height, five in zip(
            joined.face_id, joined.photo_id, joined.path, joined["format"], joined.width, joined.height, points, strict=True
        )
    ]


def decoded_face(face: UsedFace, *, max_pixels: int, side: int = SIDE) -> tuple[Image, Points]:
    """Return a photograph and the face's points in its pixels.

    Raises
    ------
    ImageError
        When the file changed since the faces were read.
    """
    decoded = decode_photograph(face.file, max_pixels=max_pixels, target_side=side)
    return decoded.image, decoded.from_full(face.points)


def measures_stage(
    study: Path, config: StudyConfig, cohort: ConditionCohort, faces: pd.DataFrame, *, jobs: int, progress: Progress | None
) -> Stage:
    """Return the stage ``measures``."""

    def compute() -> Outcome:
        asked = used_faces(study, config, cohort.photographs, faces)
        found = list(_all(asked, lambda face: measure_face(face, max_pixels=config.faces.max_pixels), jobs, progress))
        table = pd.DataFrame({"face_id": [each.face_id for each in found], "skin_tone_angle": [each.angle for each in found]})
        groups = pd.Series([skin_tone_group(each.angle) for each in found], dtype=object)
        written = write_table(study, FACE_MEASURES, table.assign(skin_tone_group=groups.where(groups.notna(), np.nan)))
        arrays = {kind: np.stack([each.vectors[kind] for each in found]) for kind in KINDS}
        names = np.array([each.face_id.encode() for each in found], dtype=bytes)
        file = write_arrays(_file(study), arrays | {"face_ids": np.frombuffer(names.tobytes(), np.uint8).reshape(len(found), -1)})
        return Outcome((written, file), len(asked), len(found))

    return Stage("measures", {"kinds": list(KINDS), "max_pixels": config.faces.max_pixels}, {"faces": table_path(study, FACES)}, compute)


def _all(
    asked: list[UsedFace], measure: Callable[[UsedFace], Measured], jobs: int, progress: Progress | None
) -> Iterator[Measured]:  # fmt: skip
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        for done, found in enumerate(pool.map(measure, asked), 1):
            if progress is not None:
                progress(done, len(asked))
            yield found


def measure_face(face: UsedFace, *, max_pixels: int) -> Measured:
    """Measure one face and what is around it."""
    try:
        image, points = decoded_face(face, max_pixels=max_pixels)
    except ImageError as error:
        raise ImageError(error.reason, f"{face.photo_id} changed while the study ran: run it again") from error
    crop = align_face(image, points, CROP)
    vectors = nuisance_measures(
        image, points, crop, kind=face.format, width=face.width, height=face.height, n_bytes=float(face.file.stat().st_size)
    )
    return Measured(face.face_id, skin_tone_angle(image, points), vectors)


def _file(study: Path) -> Path:
    return study / "derived" / "measures" / "nuisance.safetensors"


def read_nuisance(study: Path) -> tuple[list[str], dict[str, Floats]]:
    """Return the faces' names and their measures by kind, (n, p) each.

    Raises
    ------
    StoreError
        When the stage ``measures`` has not run.
    """
    arrays, _ = read_arrays(_file(study))
    raw = arrays.pop("face_ids")
    names = [bytes(row).rstrip(b"\0").decode() for row in raw]
    return names, arrays
