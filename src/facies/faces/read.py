"""From a photograph file to rows of the faces' table and crops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facies.errors import ImageError
from facies.faces.choose import choose_face
from facies.faces.gate import QualityGate, assess_face
from facies.faces.geometry import eye_distance, face_of_points
from facies.imaging.alignment import align_face, outside_share
from facies.imaging.decode import MAX_PIXELS, DecodedPhotograph, decode_photograph
from facies.imaging.quality import FACE_EYES, measure_quality
from facies.records import CropContract
from facies.tables import FACES, GIVEN_POINTS
from facies.types import DetectedFace, Detector, Image, Points

if TYPE_CHECKING:
    import pandas as pd

MIN_SIDE = 640
"""JPEGs are decoded at reduced scale only as long as the shorter side keeps this many pixels, and four times the largest crop's."""

FARTHEST = 1e7
"""Given points as far from the picture's corner, in pixels, are no points."""

_NUMBERS = [column.name for column in FACES.columns if column.kind == "number"]


@dataclass(frozen=True, eq=False)
class PhotographFaces:
    """What one photograph gave.

    Parameters
    ----------
    rows
        One a face for the faces' table; one without numbers when there is no face or no picture.
    face_id
        The face that is used, None when none is.
    crops
        Of that face, one a crop contract; empty when there is none.
    picture
        The decoded photograph in which the face was found, None when none is used.
    grey
        Its luma, (height, width).
    """

    rows: list[dict[str, Any]]
    face_id: str | None
    crops: list[Image]
    picture: Image | None = None
    grey: Image | None = None


def read_photograph(
    photo_id: str,
    path: Path | bytes,
    *,
    detector: Detector,
    contracts: Sequence[CropContract],
    gate: QualityGate,
    given_points: Points | None = None,
    max_pixels: int = MAX_PIXELS,
) -> PhotographFaces:
    """Read a photograph, find its faces, choose one, judge it and cut it out.

    Large JPEGs are decoded at reduced scale. Where the face then has fewer pixels than its crops or its quality measures need, the
    photograph is decoded once more in full, so that nothing is lost. Points and boxes in the rows are in pixels of the full
    picture, turned upright.

    Parameters
    ----------
    path
        The file, or its bytes.
    detector
        Who finds the face. ``given`` takes ``given_points``; every other detector ignores them, since points from two
        sources would break the crop contract.
    contracts
        How to cut the face, one a crop.
    gate
        From which quality on a face is not used.
    given_points
        The user's points, (5, 2), in pixels of the full picture turned upright.
    max_pixels
        Photographs with more are excluded as too_large.

    Returns
    -------
    Always at least one row; whatever is wrong with the file is the row's ``exclusion_reason``.

    Examples
    --------
    >>> from facies.faces import GivenPoints
    >>> found = read_photograph("p1", Path("absent.jpg"), detector=GivenPoints(), contracts=[], gate=QualityGate())
    >>> found.rows[0]["exclusion_reason"], found.crops
    ('missing_file', [])
    """
    try:
        photograph = decode_photograph(path, max_pixels=max_pixels, target_side=_target_side(contracts))
        faces = _find(photograph, detector, given_points)
        if not faces:
            return without_face(photo_id, "no_face")
        choice = choose_face(faces, min_score=gate.min_score or 0.0)
        rows = [_row(photo_id, i, len(faces), _in_full(face, photograph)) for i, face in enumerate(faces)]
        if choice.chosen is None:
            return PhotographFaces([{**row, "exclusion_reason": "several_faces"} for row in rows], None, [])
        photograph, face = _with_enough_pixels(path, photograph, faces[choice.chosen], contracts, max_pixels)
    except ImageError as error:
        return without_face(photo_id, error.reason)
    row = rows[choice.chosen]
    row.update(_measure(photograph, face, contracts))
    reason = assess_face(row, gate)
    row.update(included=reason is None, exclusion_reason=reason)
    if reason is not None:
        return PhotographFaces(rows, None, [])
    crops = [align_face(photograph.image, face.points, contract) for contract in contracts]
    return PhotographFaces(rows, row["face_id"], crops, photograph.image, photograph.grey)


def faces_table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return the faces' table of these rows.

    Raises
    ------
    TableError
        When a row does not fit the table or a face stands twice.

    Examples
    --------
    >>> faces_table([]).empty
    True
    """
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=[column.name for column in FACES.columns])
    if frame.empty:
        return FACES.empty()
    frame["exclusion_reason"] = frame.exclusion_reason.astype(object).where(frame.exclusion_reason.notna(), np.nan)
    kinds = {**dict.fromkeys(_NUMBERS, "float64"), "n_faces": "int64", "included": "bool"}
    return FACES.validate(frame.astype(kinds))


def _target_side(contracts: Sequence[CropContract]) -> int:
    return max([MIN_SIDE, *(4 * contract.size for contract in contracts)])


def _find(photograph: DecodedPhotograph, detector: Detector, given_points: Points | None) -> list[DetectedFace]:
    if detector.name != "given":
        return detector.detect(photograph.grey if getattr(detector, "luma_will_do", False) else photograph.image)
    if given_points is None or not (np.abs(given_points) < FARTHEST).all() or eye_distance(given_points) < 1:
        return []
    return [face_of_points(photograph.from_full(given_points))]


def _with_enough_pixels(
    path: Path | bytes, photograph: DecodedPhotograph, face: DetectedFace, contracts: Sequence[CropContract], max_pixels: int
) -> tuple[DecodedPhotograph, DetectedFace]:
    """Return photograph and face as they are, or decoded in full where reduction would cost detail."""
    needed = max([FACE_EYES, *(eye_distance(contract.points()) for contract in contracts)])
    if photograph.scale == 1 or eye_distance(face.points) >= needed:
        return photograph, face
    return decode_photograph(path, max_pixels=max_pixels), _in_full(face, photograph)


def _in_full(face: DetectedFace, photograph: DecodedPhotograph) -> DetectedFace:
    x, y = photograph.to_full(np.array(face.box[:2]))
    width, height = (length * photograph.scale for length in face.box[2:])
    return DetectedFace((float(x), float(y), width, height), photograph.to_full(face.points), face.score)


def _row(photo_id: str, place: int, n_faces: int, face: DetectedFace) -> dict[str, Any]:
    """Return the row of a face that was not chosen; the chosen one's is completed afterwards."""
    box = dict(zip(("box_x", "box_y", "box_width", "box_height"), face.box, strict=True))
    points = {name: float(value) for name, value in zip(GIVEN_POINTS, face.points.ravel(), strict=True)}
    found = {"score": face.score, **box, **points, "inter_eye_distance": eye_distance(face.points)}
    return {**_blank(photo_id, f"{photo_id}_f{place + 1}", "another_face_chosen"), "n_faces": n_faces, **found}


def _blank(photo_id: str, face_id: str, reason: str) -> dict[str, Any]:
    names = {"face_id": face_id, "photo_id": photo_id, "n_faces": 0}
    return {**names, **dict.fromkeys(_NUMBERS, float("nan")), "included": False, "exclusion_reason": reason}


def without_face(photo_id: str, reason: str) -> PhotographFaces:
    """Return what a photograph gives that is not used for this reason."""
    return PhotographFaces([_blank(photo_id, f"{photo_id}_f0", reason)], None, [])


def _measure(photograph: DecodedPhotograph, face: DetectedFace, contracts: Sequence[CropContract]) -> dict[str, float]:
    """Return the quality columns and the largest share of a crop that lies beyond the picture."""
    measured = measure_quality(photograph.grey, face, scale=photograph.scale)
    outside = [outside_share(face.points, contract, photograph.image.shape) for contract in contracts]
    return {**measured, "outside": max(outside, default=float("nan"))}
