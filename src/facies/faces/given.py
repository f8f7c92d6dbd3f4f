"""Points that the user gives instead of a detector's."""

from __future__ import annotations

from facies.types import DetectedFace, Image


class GivenPoints:
    """The faces are where the photographs' table says; nothing is searched for.

    :func:`facies.faces.read_photograph` takes the points of each photograph as ``given_points``. A photograph without them has no face.

    Examples
    --------
    >>> GivenPoints().name
    'given'
    """

    name = "given"
    sha256 = ""

    def detect(self, image: Image) -> list[DetectedFace]:  # noqa: ARG002
        """Return no face: without given points there is none."""
        return []
