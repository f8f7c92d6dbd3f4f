"""Head pose from five points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facies.types import Floats, Points

HEAD = np.array([[-31.5, 0.0, 0.0], [31.5, 0.0, 0.0], [0.0, 45.0, -34.0], [-25.0, 72.0, -8.0], [25.0, 72.0, -8.0]])
"""Five points of a mean adult head in millimetres, (5, 3): x to the subject's left, y down, z away from the viewer.

Approximate anthropometry: pupils 63 mm apart, corners of the mouth 50 mm apart and 72 mm below the pupils, tip of the nose
45 mm below them and 34 mm before the plane of the irises, corners of the mouth 8 mm before it. No scanner's data are in it.
"""


class HeadPose(NamedTuple):
    """Angles in degrees.

    ``yaw`` is positive when the head turns to the subject's left, ``pitch`` when it nods upwards, ``roll`` when the line between
    the eyes is tilted clockwise in the picture.
    """

    yaw: float
    pitch: float
    roll: float


def head_pose(points: Points) -> HeadPose:
    """Estimate the pose of a head from its five points.

    A weak-perspective camera is fitted to :data:`HEAD` by linear least squares and replaced by the nearest scaled rotation
    (closed form). The tip of the nose is the only point far from the plane of the others, so that a person with another nose
    length or a longer lower face has an offset of some degrees, above all in pitch.

    Parameters
    ----------
    points
        (5, 2) in pixels, in the order of :data:`facies.types.POINT_NAMES`.

    Examples
    --------
    >>> pose = head_pose(HEAD[:, :2] * 1.5 + 100)
    >>> bool(np.allclose(pose, 0, atol=1e-9))
    True
    """
    roll = eye_line_tilt(points)
    facing = -_depth_axis(_turned_back(points, roll))
    yaw = np.arctan2(facing[0], -facing[2])
    pitch = np.arcsin(np.clip(-facing[1], -1, 1))
    return HeadPose(float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll)))


def eye_line_tilt(points: Points) -> float:
    """Return the tilt of the line from the right to the left eye in radians, clockwise in the picture.

    Examples
    --------
    >>> round(eye_line_tilt(np.array([[0.0, 0], [10, 10], [5, 10], [3, 15], [7, 15]])), 4)
    0.7854
    """
    across = points[1] - points[0]
    return float(np.arctan2(across[1], across[0]))


def _turned_back(points: Points, angle: float) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[cos, -sin], [sin, cos]]), dtype=np.float64)


_CENTRED = HEAD - HEAD.mean(axis=0)
_SOLVER = np.linalg.pinv(_CENTRED)


def _depth_axis(points: Floats) -> Floats:
    """Return where the head's z axis points in the camera's frame, a unit vector."""
    camera = (_SOLVER @ (points - points.mean(axis=0))).T
    left, _, right = np.linalg.svd(camera, full_matrices=False)
    rows = left @ right
    across = rows[0, 0] * rows[1, 1] - rows[0, 1] * rows[1, 0]
    return np.array([rows[0, 2], rows[1, 2], across])
