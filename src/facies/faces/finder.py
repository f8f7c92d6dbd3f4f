"""facies-finder: the face finder that the package carries.

Two small networks in one ONNX file (``networks/facies_finder.onnx``; how it was trained stands in ``recipes/facies_finder``). The
*detector* sees the whole picture, 160 pixels along its longer side, and says where faces are, in the manner of CenterNet (Zhou et
al. 2019, "Objects as points"). The *refiner* sees each face turned upright, 80 by 80 pixels, and says where the five points are and
whether this is a face. Both see luminance only.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import cv2
import numpy as np

from facies.errors import WeightsError
from facies.faces.geometry import face_of_points, keep_best
from facies.faces.session import open_session
from facies.imaging.alignment import similarity_transform, warp
from facies.types import DetectedFace, Floats, Image, Points

NETWORK = "facies_finder"
STRIDE = 8
POINT_UNIT = 32.0
SIDES = (160, 320, 96)
"""Longer side of the picture in pixels at the first look, and at those that follow as long as no face was found."""
CANVAS = 32
"""Both sides of what the detector sees are multiples of this."""
FILL = 127
CROP = 80
TEMPLATE = np.array([[0.33, 0.40], [0.67, 0.40], [0.5, 0.585], [0.365, 0.755], [0.635, 0.755]]) * CROP - 0.5
"""Where the five points lie in the refiner's crop, pixels."""
MIN_HEAT = 0.2
N_CANDIDATES = 24
N_PASSES = 2

Grey = np.ndarray[Any, np.dtype[np.uint8]]


class FaciesFinder:
    """Finds frontal and half-turned faces that cover a tenth to the whole of a picture's side. May be used from several threads.

    Parameters
    ----------
    min_score
        Faces that are less certain are not returned, 0 to 1. Ordinary portraits score 0.8 and more.

    Raises
    ------
    WeightsError
        When the packaged network is not the one that its card names.

    Examples
    --------
    >>> FaciesFinder().detect(np.full((200, 150, 3), 128, dtype=np.uint8))
    []
    """

    name = "facies-finder"
    luma_will_do = True

    def __init__(self, *, min_score: float = 0.6) -> None:
        data, self.card = read_network()
        self.sha256: str = self.card["sha256"]
        self.min_score = min_score
        self._session = open_session(data, name=f"{NETWORK}.onnx")

    def detect(self, image: Image) -> list[DetectedFace]:
        """Return the faces of an RGB picture, or of its luma, the most confident first."""
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        for side in SIDES:
            refined = [self._refine(grey, points, heat) for points, heat in self._look(grey, side)]
            faces = keep_best([face for face in refined if face is not None and face.score >= self.min_score])
            if faces:
                return faces
        return []

    def _look(self, grey: Grey, side: int) -> list[tuple[Points, float]]:
        """Return rough points and heat of what may be faces, the hottest first."""
        canvas, scale, corner = shrink_to(grey, side)
        heat, points = read_map(self._run(canvas[None], refine=False)[0])
        return [((points[i] - corner + 0.5) / scale - 0.5, float(heat[i])) for i in range(len(heat))]

    def _refine(self, grey: Grey, points: Points, heat: float) -> DetectedFace | None:
        """Return the face near rough points; None when they make no face."""
        score = 0.0
        for _ in range(N_PASSES):
            matrix = upright(points)
            if matrix is None:
                return None
            found = self._run(warp(grey, matrix, (CROP, CROP))[None], refine=True).reshape(11).astype(np.float64)
            score = sigmoid(found[0])
            points = invert(matrix, TEMPLATE + found[1:].reshape(5, 2) * CROP)
        return face_of_points(points, score=float(np.sqrt(score * heat)))

    def _run(self, grey: Grey, *, refine: bool) -> Floats:
        found: Floats = self._session.run(None, {"grey": grey[:, None], "refine": np.array(refine)})[0]
        return found


@cache
def read_network(folder: Traversable | None = None) -> tuple[bytes, dict[str, Any]]:
    """Return the network of a folder, by default the packaged one, and its card.

    Raises
    ------
    WeightsError
        When the network's hash is not the one on the card.
    """
    folder = folder or resources.files("facies.faces") / "networks"
    data = (folder / f"{NETWORK}.onnx").read_bytes()
    card: dict[str, Any] = json.loads((folder / f"{NETWORK}.json").read_text(encoding="utf-8"))
    if hashlib.sha256(data).hexdigest() != card["sha256"]:
        raise WeightsError(f"{NETWORK}.onnx is not the file that its card names: install facies again")
    return data, card


def shrink_to(grey: Grey, side: int) -> tuple[Grey, float, Floats]:
    """Return the picture with its longer side ``side`` in the middle of a canvas, the scale, and the picture's corner (x, y) in it."""
    height, width = grey.shape
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    wide, high = (max(2 * CANVAS, -(-length // CANVAS) * CANVAS) for length in size)
    left, top = (wide - size[0]) // 2, (high - size[1]) // 2
    canvas = cv2.copyMakeBorder(
        small, top, high - size[1] - top, left, wide - size[0] - left, cv2.BORDER_CONSTANT, value=FILL
    )  # fmt: skip
    return canvas, scale, np.array([left, top], dtype=np.float64)


def read_map(found: Floats) -> tuple[Floats, Floats]:
    """Return heat (n,) and points (n, 5, 2) of the map's peaks, the hottest first, in pixels of the canvas."""
    heat = sigmoid(found[0])
    peak = (heat >= MIN_HEAT) & (heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    rows, columns = np.nonzero(peak)
    order = np.argsort(-heat[rows, columns], kind="stable")[:N_CANDIDATES]
    rows, columns = rows[order], columns[order]
    centres = (np.stack([columns, rows], axis=1) + 0.5) * STRIDE - 0.5
    offsets = found[1:, rows, columns].T.reshape(-1, 5, 2).astype(np.float64)
    return heat[rows, columns], centres[:, None, :] + offsets * POINT_UNIT


def sigmoid(logit: Any) -> Any:
    """Return probabilities of logits."""
    return 1 / (1 + np.exp(-logit))


def upright(points: Points) -> Floats | None:
    """Return the similarity (2, 3) that brings the points nearest to the template; None when they nearly coincide."""
    if not np.isfinite(points).all() or np.ptp(points, axis=0).max() < 1:
        return None
    return similarity_transform(points, TEMPLATE)


def invert(matrix: Floats, points: Points) -> Points:
    """Return where points of the crop lie in the picture."""
    return np.asarray(np.linalg.solve(matrix[:, :2], (points - matrix[:, 2]).T).T, dtype=np.float64)
