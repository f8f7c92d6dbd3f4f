"""facies-s, the encoder that the package carries: what it has learnt beside the classical description of the same crop.

==================  ============================================================================================  ======
block               what it holds                                                                                 values
==================  ============================================================================================  ======
classical           the descriptor ``hog`` of the middle of the crop, its contours and patterns at two scales     2,380
network             a small residual network on the whole crop: its embedding and the means of its last two maps  544
scores              age by 32 linear scores of the classical block, each fitted to known bounds of age            32
==================  ============================================================================================  ======

How it was trained, on whom, and where it fails stands in ``facies_s.json`` and in ``recipes/facies_s``.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facies.embeddings.hog import SIDE, describe, structures
from facies.embeddings.onnx_network import OnnxNetwork
from facies.embeddings.templates import face_template, require_crops
from facies.errors import InputError, WeightsError
from facies.imaging.alignment import warp
from facies.records import CropContract, EncoderCard
from facies.store import file_sha256, read_arrays
from facies.types import Image, Images, Vectors

CROP = CropContract(face_template(eye_distance=0.32, eye_height=0.42), size=180)
"""From above the hairline to the throat; eyes 58 pixels apart."""
WINDOW = (slice(15, 15 + SIDE), slice(10, 10 + SIDE))
"""Where `hog` looks: its own crop within this one, to a fifth of a pixel."""
MAGNIFICATION = 1.12
"""How much larger the face is when its structures are described a second time."""


class FaciesS:
    """The shipped encoder."""

    def __init__(self, folder: Path, *, threads: int = 1, runtime: str = "onnxruntime", precision: str = "float32") -> None:
        """Open the network and the scores of a folder.

        Raises
        ------
        WeightsError
            When a file is absent or not the one that the card names.
        """
        self._network = OnnxNetwork(folder / "facies_s.onnx", threads=threads, runtime=runtime, precision=precision)
        described = json.loads((folder / "facies_s.json").read_text(encoding="utf-8"))
        self._scores = _read_scores(folder / "facies_s_scores.safetensors", described)
        self.card = self._describe(described)

    def encode(self, crops: Images) -> Vectors:
        """Return one vector a crop, (n, 2956).

        Raises
        ------
        InputError
            When the crops are not uint8 (n, 180, 180, 3).
        """
        require_crops(crops, CROP, encoder=self.card.name)
        vectors = np.empty((len(crops), self.card.dimension), dtype=np.float32)
        for row, crop in zip(vectors, crops, strict=True):
            row[:] = self._vector(crop)
        return vectors

    def _vector(self, crop: Image) -> Vectors:
        classical = describe_classically(crop)
        side = self._network.card.crop.size
        learnt = self._network.encode(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)[None])[0]
        return np.concatenate([classical, learnt, self._score(classical)])

    def _score(self, classical: Vectors) -> Vectors:
        """Return 32 ages in decades from 50 years, by sums in one fixed order, so that no library's choice of kernel changes a bit."""
        standard = (classical - self._scores["mean"]) / self._scores["deviation"]
        return np.asarray((self._scores["weights"] * standard).sum(axis=1) + self._scores["offset"], dtype=np.float32)

    def _describe(self, described: dict[str, Any]) -> EncoderCard:
        network = self._network.card
        return EncoderCard(
            name="facies-s",
            dimension=2380 + network.dimension + len(self._scores["offset"]),
            crop=CROP,
            sha256=network.sha256,
            licence=described["licence"],
            source=f"facies, recipe {described['recipe']}, version {described['version']}",
            trained_on=described["trained_on"],
            precision=network.precision,
            preparation=(
                f"hog of the middle, structures also at {MAGNIFICATION}; at {network.crop.size} px {network.preparation}; "
                f"scores {described['scores_sha256'][:12]}"
            ),
            runtime=network.runtime,
        )


def describe_classically(crop: Image) -> Vectors:
    """Return the classical block of one crop, (2380,): ``hog``, whose contours and patterns are the mean of two magnifications.

    A grid of cells cuts a face at other places when the face is larger; a mean over two grids depends less on where one was laid.
    """
    described = describe(np.ascontiguousarray(crop[WINDOW]))
    closer = structures(_magnified(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)))
    described[: len(closer)] = (described[: len(closer)] + closer) / 2
    return described


def _magnified(levels: Image) -> Image:
    """Return what `hog` looks at, (160, 160), with the grey levels (180, 180) enlarged about their middle."""
    top, left = (window.start for window in WINDOW)
    shift = (CROP.size - 1) / 2 * (1 - MAGNIFICATION)
    matrix = np.array([[MAGNIFICATION, 0, shift - left], [0, MAGNIFICATION, shift - top]])
    return warp(levels, matrix, (SIDE, SIDE), antialias=False)


def _read_scores(path: Path, described: dict[str, Any]) -> dict[str, Any]:
    if not path.is_file() or file_sha256(path) != described["scores_sha256"]:
        raise WeightsError(f"{path.name} is not the file that facies_s.json names: install facies again")
    return read_arrays(path)[0]


def load(argument: str, *, weights: Path | None, threads: int, runtime: str, precision: str) -> FaciesS:
    """Return the shipped encoder.

    Raises
    ------
    InputError
        When a weights file is given: it has its own.
    """
    if argument or weights is not None:
        raise InputError("facies-s brings its own weights: leave out the weights file")
    return FaciesS(Path(str(files("facies.embeddings"))), threads=threads, runtime=runtime, precision=precision)
