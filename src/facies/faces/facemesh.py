"""BlazeFace and the 468-point face mesh (Bazarevsky et al. 2019, arXiv 1907.05047; Kartynnik et al. 2019, arXiv 1907.06724).

Both are TensorFlow Lite files out of the mediapipe 0.10.14 wheel, run by ai-edge-litert (extra ``mesh``); mediapipe itself is never
imported. BlazeFace finds the face, the mesh says where its points are.
"""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facies._optional import import_extra
from facies.errors import WeightsError
from facies.faces.geometry import face_of_points, keep_best
from facies.imaging.alignment import warp
from facies.types import DetectedFace, Floats, Image, Points

BLAZEFACE_FILE = "face_detection_short_range.tflite"
BLAZEFACE_SIDE, MESH_SIDE = 128, 192
SHAPES = {"blazeface": ((1, 128, 128, 3), {(1, 896, 16), (1, 896, 1)}), "mesh": ((1, 192, 192, 3), {(1, 1, 1, 1404), (1, 1, 1, 1)})}
ANCHOR_ROWS = ((16, 2), (8, 6))
"""Cells along a side, and anchors in a cell."""
REGION = 1.5
"""Side of what the mesh sees, in units of the longer side of BlazeFace's box."""
VERTICES: tuple[tuple[int, ...], ...] = ((33, 133), (362, 263), (1,), (61,), (291,))
"""Vertices of the mesh whose means are the five points: corners of each eye, tip of the nose, corners of the mouth."""


class FaceMesh:
    """BlazeFace followed by the face mesh. May be used from several threads: each has interpreters of its own.

    Parameters
    ----------
    weights
        ``face_landmark.tflite``; ``face_detection_short_range.tflite`` must lie beside it.
    min_score
        Faces that are less certain are not returned, 0 to 1.

    Raises
    ------
    WeightsError
        When a file is absent or another network.
    MissingExtraError
        When ai-edge-litert is not installed.
    """

    name = "face-mesh"

    def __init__(self, weights: Path, *, min_score: float = 0.5) -> None:
        blazeface = weights.with_name(BLAZEFACE_FILE)
        for path, entry in ((weights, "face-mesh"), (blazeface, "blazeface")):
            if not path.is_file():
                raise WeightsError(f"{path} is not there: fetch it with `facies weights fetch {entry}`")
        self._data = {"blazeface": blazeface.read_bytes(), "mesh": weights.read_bytes()}
        self.sha256 = hashlib.sha256(b"".join(self._data.values())).hexdigest()
        self.min_score = min_score
        self._interpreter = import_extra("ai_edge_litert.interpreter", extra="mesh").Interpreter
        self._own = threading.local()
        self._require_networks(weights)

    def detect(self, image: Image) -> list[DetectedFace]:
        """Return the faces of an RGB picture, the most confident first."""
        return keep_best([self._refine(image, points, side, score) for points, side, score in self._look(image)])

    def meshes(self, image: Image) -> list[Points]:
        """Return the 468 points of every face in an RGB picture, (468, 2) in its pixels, the most confident first."""
        return [self._mesh(image, points, side) for points, side, _ in self._look(image)]

    def _look(self, image: Image) -> list[tuple[Points, float, float]]:
        """Return for each face its two eyes and the middle of its box (3, 2), the box's longer side, and the score."""
        scale = BLAZEFACE_SIDE / max(image.shape[:2])
        shift = (np.array([BLAZEFACE_SIDE, BLAZEFACE_SIDE]) - np.array(image.shape[1::-1]) * scale) / 2 + (scale - 1) / 2
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        seen = _on_black(image, matrix, BLAZEFACE_SIDE)
        found = self._run("blazeface", seen / 127.5 - 1)
        boxes, logits = found[(1, 896, 16)][0], found[(1, 896, 1)][0, :, 0]
        scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
        best = _without_repeats(boxes, scores, self.min_score)
        return [
            (((_blazeface_points(boxes[i], i) - 0.5) - shift) / scale, float(boxes[i, 2:4].max()) / scale, float(scores[i])) for i in best
        ]

    def _refine(self, image: Image, points: Points, side: float, score: float) -> DetectedFace:
        mesh = self._mesh(image, points, side)
        five = np.array([mesh[list(vertices)].mean(axis=0) for vertices in VERTICES], dtype=np.float64)
        return face_of_points(five, score=score)

    def _mesh(self, image: Image, points: Points, side: float) -> Points:
        along = points[1] - points[0]
        turn = complex(*along) / abs(complex(*along)) * REGION * side / MESH_SIDE
        linear = np.linalg.inv(np.array([[turn.real, -turn.imag], [turn.imag, turn.real]]))
        middle = np.full(2, (MESH_SIDE - 1) / 2)
        matrix = np.column_stack([linear, middle - linear @ points[2]])
        mesh = self._run("mesh", warp(image, matrix, (MESH_SIDE, MESH_SIDE)) / 255.0)[(1, 1, 1, 1404)].reshape(468, 3)
        seen = mesh[:, :2].astype(np.float64) - 0.5
        return np.asarray(np.linalg.solve(linear, (seen - matrix[:, 2]).T).T)

    def _run(self, which: str, pixels: Floats) -> dict[tuple[int, ...], Floats]:
        """Return the network's outputs by their shapes."""
        interpreter = self._of_this_thread(which)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[None].astype(np.float32))
        interpreter.invoke()
        details = interpreter.get_output_details()
        return {tuple(int(n) for n in detail["shape"]): interpreter.get_tensor(detail["index"]) for detail in details}

    def _of_this_thread(self, which: str) -> Any:
        if not hasattr(self._own, which):
            interpreter = self._interpreter(model_content=self._data[which], num_threads=1)
            interpreter.allocate_tensors()
            setattr(self._own, which, interpreter)
        return getattr(self._own, which)

    def _require_networks(self, weights: Path) -> None:
        for which, (wanted_input, wanted_outputs) in SHAPES.items():
            try:
                interpreter = self._of_this_thread(which)
            except ValueError as error:
                raise WeightsError(f"the files beside {weights.name} are no TensorFlow Lite networks: fetch them again") from error
            given = tuple(int(n) for n in interpreter.get_input_details()[0]["shape"])
            outputs = {tuple(int(n) for n in detail["shape"]) for detail in interpreter.get_output_details()}
            if given != wanted_input or outputs != wanted_outputs:
                raise WeightsError(f"{weights.name} and {BLAZEFACE_FILE} are not the face mesh and BlazeFace: fetch them again")


def _on_black(image: Image, matrix: Floats, side: int) -> Image:
    """Return the whole picture, shrunk, in the middle of a black square."""
    height, width = image.shape[:2]
    scale = float(matrix[0, 0])
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    border = (top, side - size[1] - top, left, side - size[0] - left)
    return np.asarray(cv2.copyMakeBorder(small, *border, cv2.BORDER_CONSTANT), dtype=np.uint8)


@cache
def anchors() -> Floats:
    """Return the middles of BlazeFace's anchors, (896, 2), as fractions of the side.

    Examples
    --------
    >>> anchors().shape, anchors()[0].tolist()
    ((896, 2), [0.03125, 0.03125])
    """
    rows = []
    for cells, each in ANCHOR_ROWS:
        y, x = np.divmod(np.arange(cells * cells), cells)
        rows.append(np.repeat(np.stack([x + 0.5, y + 0.5], axis=1) / cells, each, axis=0))
    return np.concatenate(rows)


def _blazeface_points(box: Floats, anchor: int) -> Points:
    """Return right eye, left eye and the box's middle in BlazeFace's pixels, counted from the picture's corner."""
    middle, right, left = box[:2], box[4:6], box[6:8]
    return np.asarray(np.stack([right, left, middle]) + anchors()[anchor] * BLAZEFACE_SIDE, dtype=np.float64)


def _without_repeats(boxes: Floats, scores: Floats, min_score: float) -> list[int]:
    """Return the certain finds, the most confident first, without those whose middles lie within another's box."""
    kept: list[int] = []
    middles = boxes[:, :2] + anchors() * BLAZEFACE_SIDE
    for i in np.argsort(-scores, kind="stable"):
        if scores[i] < min_score:
            break
        if all(np.abs(middles[i] - middles[k]).max() > boxes[k, 2:4].max() / 2 for k in kept):
            kept.append(int(i))
    return kept
