"""Aliases and protocols that the stages share.

All images are sRGB, 8 bit, channels last, in the order red, green, blue. Coordinates are pixels with the origin at the
centre of the upper left pixel, x to the right and y down. Sides are the subject's: the right eye is on the left of the picture.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""One picture, (height, width, 3)."""

Images = NDArray[np.uint8]
"""Several pictures of one size, (n, height, width, 3)."""

Vectors = NDArray[np.float32]
"""One row a face, (n, dimension)."""

Points = NDArray[np.float64]
"""Five points as x, y in pixels, (5, 2): right eye, left eye, nose tip, right and left corner of the mouth."""

Floats = NDArray[np.float64]
"""Numbers, any shape."""

POINT_NAMES = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""The order of :data:`Points`."""


class DetectedFace(NamedTuple):
    """One face in a picture.

    ``box`` is x, y of the upper left corner, width and height, in pixels; ``score`` is the detector's confidence, 0 to 1.
    """

    box: tuple[float, float, float, float]
    points: Points
    score: float


@runtime_checkable
class Detector(Protocol):
    """Finds faces in a picture.

    One whose ``luma_will_do`` is true is given the luma of the picture, (height, width), which is there already.
    """

    @property
    def name(self) -> str:
        """The detector's name, such as ``facies-finder``."""

    @property
    def sha256(self) -> str:
        """The SHA-256 of its weights, or an empty string when it has none."""

    def detect(self, image: Image) -> list[DetectedFace]:
        """Return the faces of ``image``, the most confident first; an empty list when there is none."""


@runtime_checkable
class Encoder(Protocol):
    """Turns aligned crops into vectors."""

    def encode(self, crops: Images) -> Vectors:
        """Return one vector a crop; a crop's vector does not depend on the other crops."""


@runtime_checkable
class Predictor(Protocol):
    """Turns vectors into numbers on the target's scale (a fitted scikit-learn regressor or classifier)."""

    def predict(self, X: Vectors) -> Floats:
        """Return one number a vector."""
