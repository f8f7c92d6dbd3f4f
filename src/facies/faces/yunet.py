"""YuNet (Wu, Peng & Yu 2023, doi 10.1007/s11633-023-1423-y), run by onnxruntime.

Its answers are read as OpenCV's FaceDetectorYN reads them; unlike that class this one may be used from several threads.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facies.errors import WeightsError
from facies.faces.geometry import keep_best, move_face
from facies.faces.session import open_session
from facies.types import DetectedFace, Floats, Image

STRIDES = (8, 16, 32)
BORDER = 0.25
"""Added on each side as a share of the longer side: YuNet misses faces that fill the picture."""
SIDE = 640
"""Longest side, border included, that YuNet sees: it is at its best with faces of at most 300 pixels."""


class YuNet:
    """The YuNet face detector.

    Parameters
    ----------
    weights
        A YuNet in ONNX, with free or fixed height and width; a fixed one is slower, as it always sees its full size.
    min_score
        Faces that are less certain are not returned, 0 to 1.

    Raises
    ------
    WeightsError
        When the file is absent or another network.
    """

    name = "yunet"

    def __init__(self, weights: Path, *, min_score: float = 0.5) -> None:
        if not weights.is_file():
            raise WeightsError(f"{weights} is not there: fetch YuNet with `facies weights fetch yunet`")
        data = weights.read_bytes()
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.min_score = min_score
        self._session = open_session(data, name=weights.name)
        self._input, self._sides = _require_yunet(self._session, weights)

    def detect(self, image: Image) -> list[DetectedFace]:
        """Return the faces of an RGB picture, the most confident first."""
        canvas, scale, corner = border_and_shrink(image)
        canvas = _enlarge_canvas(canvas, self._sides)
        pixels = canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        names = [output.name for output in self._session.get_outputs()]
        maps = dict(zip(names, self._session.run(None, {self._input: pixels}), strict=True))
        faces = [face for stride in STRIDES for face in read_stride(maps, stride, canvas.shape[1], self.min_score)]
        return [move_face(face, scale=1 / scale, shift=corner) for face in keep_best(faces)]


def _require_yunet(session: Any, weights: Path) -> tuple[str, tuple[int, int] | None]:
    """Return the input's name and its (height, width), None when these are free."""
    entry = session.get_inputs()[0]
    outputs = {output.name for output in session.get_outputs()}
    if not {f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES} <= outputs:
        raise WeightsError(f"{weights.name} is not YuNet: fetch it with `facies weights fetch yunet`")
    sides = entry.shape[2:]
    if not all(isinstance(length, int) for length in sides):
        return str(entry.name), None
    if min(sides) < SIDE:
        raise WeightsError(f"{weights.name} sees {sides[1]} x {sides[0]} pixels: give a YuNet for {SIDE} x {SIDE} or for any size")
    return str(entry.name), (sides[0], sides[1])


def _enlarge_canvas(canvas: Image, sides: tuple[int, int] | None) -> Image:
    if sides is None:
        return canvas
    enlarged = np.zeros((*sides, 3), dtype=np.uint8)
    enlarged[: canvas.shape[0], : canvas.shape[1]] = canvas
    return enlarged


def border_and_shrink(image: Image) -> tuple[Image, float, tuple[float, float]]:
    """Return the picture with a black border, at most 640 pixels long and its sides multiples of 32, the scale, and the border (x, y)."""
    height, width = image.shape[:2]
    border = round(BORDER * max(height, width))
    scale = min(1.0, SIDE / (max(height, width) + 2 * border))
    whole = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_CONSTANT)
    small = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else whole
    low, right = -small.shape[0] % 32, -small.shape[1] % 32
    return cv2.copyMakeBorder(small, 0, low, 0, right, cv2.BORDER_CONSTANT), scale, (float(border), float(border))


def read_stride(maps: dict[str, Floats], stride: int, width: int, min_score: float) -> list[DetectedFace]:
    """Return the faces that one of YuNet's maps shows, in pixels of what it saw."""
    certain = np.clip(maps[f"cls_{stride}"][0, :, 0], 0, 1) * np.clip(maps[f"obj_{stride}"][0, :, 0], 0, 1)
    score = np.sqrt(certain)
    found = np.flatnonzero(score >= min_score)
    cells = np.stack([found % (width // stride), found // (width // stride)], axis=1).astype(np.float64)
    boxes = maps[f"bbox_{stride}"][0, found].astype(np.float64)
    centres, sizes = (cells + boxes[:, :2]) * stride, np.exp(boxes[:, 2:]) * stride
    points = (cells[:, None, :] + maps[f"kps_{stride}"][0, found].reshape(-1, 5, 2)) * stride
    corners = centres - sizes / 2
    return [
        DetectedFace((float(x), float(y), float(w), float(h)), face_points, float(score[i]))
        for (x, y), (w, h), face_points, i in zip(corners, sizes, points, found, strict=True)
    ]
