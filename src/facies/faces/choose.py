"""The rule for pictures with several faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from facies.types import DetectedFace

RULE = (
    "The face with the largest box is the participant's. Where a second face has at least 0.8 of its area, nobody can say whose picture "
    "it is, and the photograph is excluded (several_faces). Faces below the gate's min_score count only when there is no other."
)
"""The rule in words, for run records and methods paragraphs."""

RIVAL_SHARE = 0.8


class Choice(NamedTuple):
    """Which face was chosen: its place in the list, or None when two are about equally large."""

    chosen: int | None
    n_rivals: int


def choose_face(faces: Sequence[DetectedFace], *, min_score: float = 0.0, rival_share: float = RIVAL_SHARE) -> Choice:
    """Choose the participant's face by :data:`RULE`.

    Parameters
    ----------
    faces
        At least one face.
    min_score
        Faces that are less certain count only when there is no other.
    rival_share
        From which share of the largest box's area a second face makes the choice impossible.

    Examples
    --------
    >>> import numpy as np
    >>> from facies.faces import face_of_points
    >>> points = np.array([[35.0, 40], [65, 40], [50, 55], [40, 70], [60, 70]])
    >>> choose_face([face_of_points(0.7 * points), face_of_points(points + 200)])
    Choice(chosen=1, n_rivals=0)
    >>> choose_face([face_of_points(0.95 * points), face_of_points(points + 200)])
    Choice(chosen=None, n_rivals=1)
    """
    certain = [i for i, face in enumerate(faces) if face.score >= min_score] or list(range(len(faces)))
    by_area = sorted(certain, key=lambda i: (-_area(faces[i]), i))
    largest = _area(faces[by_area[0]])
    n_rivals = sum(_area(faces[i]) >= rival_share * largest for i in by_area[1:])
    return Choice(None if n_rivals else by_area[0], n_rivals)


def _area(face: DetectedFace) -> float:
    return face.box[2] * face.box[3]
