"""Paints faces: models each head, turns it into the picture and takes the photograph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.simulation.backdrop import paint_backdrop
from facies.simulation.body import body_map, layer_side, paint_body, visible_window
from facies.simulation.canvas import Field, as_field
from facies.simulation.cohort import faces_to_paint, simulate_cohort
from facies.simulation.face_parameters import check_parameters, draw_face_parameters
from facies.simulation.geometry import LANDMARKS, Placement, place, project, sheet_map
from facies.simulation.hair import hair_colour
from facies.simulation.head import model_head
from facies.simulation.light import Light, light_of
from facies.simulation.rows import Row, rows_of
from facies.simulation.skin import base_skin
from facies.types import Floats, Image, Images, Points


class SimulatedFace(NamedTuple):
    """One picture and the true places of its five points in pixels, (5, 2)."""

    image: Image
    points: Points


class SimulatedFaces(NamedTuple):
    """Pictures (n, size, size, 3) and the true places of their five points in pixels, (n, 5, 2)."""

    images: Images
    points: Floats


def simulate_faces(faces: pd.DataFrame | int, *, random_state: int, size: int = 256, cameras: str = "clinic") -> SimulatedFaces:
    """Draw parameters for these people and paint them; see :func:`draw_face_parameters` and :func:`paint_faces`.

    A number instead of a table paints that many people of a simulated cohort.

    Examples
    --------
    >>> people = pd.DataFrame({"photo_id": ["a", "b"], "participant_id": ["a", "b"], "age": [55.0, 80.0], "sex": ["male", "female"]})
    >>> simulate_faces(people, random_state=1, size=128).images.shape
    (2, 128, 128, 3)
    """
    if isinstance(faces, int):
        faces = faces_to_paint(simulate_cohort(faces, random_state=random_state))
    return paint_faces(draw_face_parameters(faces, random_state=random_state, cameras=cameras), size=size)


def paint_faces(parameters: pd.DataFrame, *, size: int = 256) -> SimulatedFaces:
    """Paint one picture a row of ``parameters``; a picture does not depend on the other rows.

    Parameters
    ----------
    parameters
        As :func:`draw_face_parameters` gives them; any column may be set before painting.
    size
        Side of the pictures in pixels, 48 to 2048.

    Raises
    ------
    InputError
        When ``size`` is out of range or a parameter is missing.

    Examples
    --------
    >>> people = pd.DataFrame({"photo_id": ["a"], "participant_id": ["a"], "age": [50.0], "sex": ["female"]})
    >>> drawn = draw_face_parameters(people, random_state=1).assign(cushing=1.0, yaw=10.0)
    >>> faces = paint_faces(drawn, size=128)
    >>> faces.images.shape, faces.points.shape
    ((1, 128, 128, 3), (1, 5, 2))
    """
    painted = list(iterate_faces(parameters, size=size))
    if not painted:
        return SimulatedFaces(np.empty((0, size, size, 3), np.uint8), np.empty((0, 5, 2)))
    return SimulatedFaces(np.stack([face.image for face in painted]), np.stack([face.points for face in painted]))


def iterate_faces(parameters: pd.DataFrame, *, size: int = 256) -> Iterator[SimulatedFace]:
    """Paint one picture after the other, so that memory does not grow with their number.

    Raises
    ------
    InputError
        When ``size`` is less than 48 or more than 2048 pixels, or a parameter is missing.
    """
    check_parameters(parameters)
    if not 48 <= size <= 2048:
        raise InputError(f"size is {size}: choose 48 to 2048 pixels")
    for row in rows_of(parameters):
        yield _paint_compressed(row, size)


def paint_jpeg(row: Row, *, size: int = 256) -> bytes:
    """Paint one picture and return it as a JPEG file of the row's ``jpeg_quality``, without metadata."""
    return _encode(_paint(row, size)[0], row)


def paint_backgrounds(parameters: pd.DataFrame, *, size: int = 256) -> Images:
    """Paint the same pictures without anybody in them, (n, size, size, 3)."""
    import cv2

    check_parameters(parameters)
    pictures = [_expose(cv2.split(paint_backdrop(row, size)), row) for row in rows_of(parameters)]
    return np.stack(pictures) if pictures else np.empty((0, size, size, 3), np.uint8)


def _encode(image: Image, row: Row) -> bytes:
    import cv2

    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, int(row["jpeg_quality"])])
    return bytes(data)


def _paint_compressed(row: Row, size: int) -> SimulatedFace:
    """Paint one picture and do to it what storing it as JPEG does."""
    import cv2

    image, points = _paint(row, size)
    stored = cv2.imdecode(np.frombuffer(_encode(image, row), np.uint8), cv2.IMREAD_COLOR)
    return SimulatedFace(np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), dtype=np.uint8), points)


def _paint(row: Row, size: int) -> tuple[Image, Points]:
    """Paint one picture as the camera's sensor sees it, and find its five points."""
    import cv2

    light, side = light_of(row), max(128, size)
    placement = place(row, size)
    behind = _lay_over(cv2.split(paint_backdrop(row, size // 2)), _photograph_body(row, light, size // 2))
    planes = [cv2.resize(plane, (size, size), interpolation=cv2.INTER_LINEAR) for plane in behind]
    head = model_head(row, side, light.turned(placement.turn))
    return _expose(_lay_over(planes, _photograph_head(head, placement)), row), project(placement, LANDMARKS)


def _photograph_head(head: Field, placement: Placement) -> Field:
    """Return the head as it lies in the picture: light times cover, and cover, (size, size, 4)."""
    import cv2

    where = sheet_map(placement, len(head))
    return np.asarray(cv2.remap(head, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0), dtype=np.float32)


def _photograph_body(row: Row, light: Light, size: int) -> Field:
    """Return neck, clothes and falling hair as they lie in the picture, (size, size, 4)."""
    import cv2

    side = layer_side(2 * size)
    where = body_map(row, side, size)
    window = visible_window(where, side, size)
    planes, cover = paint_body(row, side, window, np.exp(base_skin(row)), hair_colour(row), light)
    layer = cv2.merge([*(plane * cover for plane in planes), cover])
    where[:, 2] -= (window[1].start, window[0].start)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return as_field(cv2.warpAffine(layer, where, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _lay_over(planes: Sequence[Field], layer: Field) -> list[Field]:
    """Lay a layer with its cover over the three planes of a picture, in linear light."""
    import cv2

    *above, cover = cv2.split(layer)
    through = 1 - cover
    for below, plane in zip(planes, above, strict=True):
        plane += below * through
    return above


@cache
def _grain(size: int) -> Field:
    rng = np.random.default_rng(17)
    return rng.standard_normal((3, size + size // 2, size + size // 2)).astype(np.float32)


def _expose(planes: Sequence[Field], row: Row) -> Image:
    """Take the photograph: display values, grain, blur."""
    import cv2

    size = len(planes[0])
    rng = np.random.default_rng([int(row["photo_seed"]), 2])
    top, left = (int(v) for v in rng.integers(0, size // 2, 2))
    developed = []
    for plane, grain in zip(planes, _grain(size)[:, top : top + size, left : left + size], strict=True):
        developed.append(cv2.convertScaleAbs(cv2.scaleAdd(grain, row["grain"], cv2.sqrt(plane)), alpha=255))
    image = cv2.merge(developed)
    sigma = row["blur"] * size / 256
    if sigma > 0.3:
        reach = 2 * int(np.ceil(1.5 * sigma)) + 1
        image = cv2.GaussianBlur(image, (reach, reach), sigma)
    return np.asarray(image, dtype=np.uint8)
