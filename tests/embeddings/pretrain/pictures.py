"""Cheap pictures for tests of training: smooth random colours, in which something can be learnt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from facies.embeddings.pretrain.crops import CropArray, write_crops
from facies.embeddings.templates import face_template
from facies.records import CropContract
from facies.types import Image

SIZE = 32
CONTRACT = CropContract(face_template(eye_distance=0.36, eye_height=0.36), size=SIZE)


def pictures(n: int, *, size: int = SIZE) -> Iterator[tuple[str, str, Image]]:
    """Yield n pictures, two of each person."""
    rng = np.random.default_rng(0)
    for i in range(n):
        coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        yield f"face{i}", f"person{i // 2}", cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def crops_in(folder: Path, n: int = 24) -> CropArray:
    """Write n pictures and return them."""
    return write_crops(folder / "crops", pictures(n), contract=CONTRACT)
