"""What five points say about a face: its size, its box, and which finds are the same face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facies.types import DetectedFace, Floats, Points

BOX_WIDTH, BOX_HEIGHT, BOX_RISE = 2.13, 2.92, 0.20
"""The box in units of :func:`face_size`: from ear to ear and from hairline to chin, as most detectors draw it."""

Box = tuple[float, float, float, float]


def eye_distance(points: Points) -> float:
    """Return the distance between the eyes, in the units of the points.

    Examples
    --------
    >>> eye_distance(np.array([[10.0, 10], [40, 50], [0, 0], [0, 0], [0, 0]]))
    50.0
    """
    return float(np.linalg.norm(points[1] - points[0]))


def face_size(points: Points) -> float:
    """Return the mean of the distance between the eyes and that from eyes to mouth: turning the head shortens only one of them.

    Examples
    --------
    >>> face_size(np.array([[0.0, 0], [30, 0], [15, 20], [5, 40], [25, 40]]))
    35.0
    """
    down = points[3:].mean(axis=0) - points[:2].mean(axis=0)
    return (eye_distance(points) + float(np.linalg.norm(down))) / 2


def box_of_points(points: Points) -> Box:
    """Return the upright box about a face: x, y of its upper left corner, width and height, in the units of the points.

    Examples
    --------
    >>> points = np.array([[35.0, 40], [65, 40], [50, 55], [40, 70], [60, 70]])
    >>> tuple(round(value, 1) for value in box_of_points(points))
    (18.1, 5.2, 63.9, 87.6)
    """
    size = face_size(points)
    x, y = points.mean(axis=0)
    width, height = BOX_WIDTH * size, BOX_HEIGHT * size
    return float(x - width / 2), float(y - BOX_RISE * size - height / 2), width, height


def face_of_points(points: Points, *, score: float = 1.0) -> DetectedFace:
    """Return the face that has these points.

    Examples
    --------
    >>> face_of_points(np.array([[35.0, 40], [65, 40], [50, 55], [40, 70], [60, 70]])).score
    1.0
    """
    return DetectedFace(box_of_points(points), points, score)


def overlap(first: Box, second: Box) -> float:
    """Return the area that two boxes share over the area that they cover together, 0 to 1.

    Examples
    --------
    >>> round(overlap((0, 0, 2, 2), (1, 0, 2, 2)), 3)
    0.333
    """
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (first[2] * first[3] + second[2] * second[3] - shared)


def keep_best(faces: Sequence[DetectedFace], *, max_overlap: float = 0.3) -> list[DetectedFace]:
    """Return the faces, the most confident first, without those that repeat a more confident one.

    Examples
    --------
    >>> points = np.array([[35.0, 40], [65, 40], [50, 55], [40, 70], [60, 70]])
    >>> [face.score for face in keep_best([face_of_points(points + 1, score=0.6), face_of_points(points, score=0.9)])]
    [0.9]
    """
    kept: list[DetectedFace] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(overlap(face.box, other.box) <= max_overlap for other in kept):
            kept.append(face)
    return kept


def move_face(face: DetectedFace, *, scale: float, shift: tuple[float, float] = (0.0, 0.0)) -> DetectedFace:
    """Return the face in a picture that is ``scale`` times as large and begins ``shift`` pixels (x, y) into the enlarged one.

    Pixels are counted from the centre of the upper left one, so that half a pixel is added before enlarging and taken off after it.

    Examples
    --------
    >>> points = np.array([[0.0, 0], [2, 0], [1, 1], [0, 2], [2, 2]])
    >>> move_face(face_of_points(points), scale=2).points[1]
    array([4.5, 0.5])
    """
    offset = np.asarray(shift)
    points: Floats = (face.points + 0.5) * scale - 0.5 - offset
    corner = (np.asarray(face.box[:2]) + 0.5) * scale - 0.5 - offset
    return DetectedFace((float(corner[0]), float(corner[1]), face.box[2] * scale, face.box[3] * scale), points, face.score)
