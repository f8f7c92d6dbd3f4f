"""The simplest encoder: small grey pictures."""

from __future__ import annotations

import cv2
import numpy as np

from facies.embeddings.templates import face_template, require_crops
from facies.records import CropContract, EncoderCard
from facies.types import Image, Images, Vectors

SIDE = 32
CARD = EncoderCard(
    name="pixels",
    dimension=SIDE * SIDE,
    crop=CropContract(face_template(eye_distance=0.36, eye_height=0.42), size=64),
    licence="Apache-2.0",
    source="facies",
    trained_on="nothing: fixed arithmetic",
)


class Pixels:
    """32 x 32 grey values of each crop, mean 0 and standard deviation 1 within the crop."""

    card = CARD

    def encode(self, crops: Images) -> Vectors:
        """Return the standardised grey values, row by row, (n, 1024); an even crop gives zeros.

        Raises
        ------
        InputError
            When the crops are not uint8 (n, 64, 64, 3).

        Examples
        --------
        >>> Pixels().encode(np.full((2, 64, 64, 3), 7, np.uint8)).max()
        np.float32(0.0)
        """
        require_crops(crops, self.card.crop, encoder="pixels")
        vectors = np.empty((len(crops), self.card.dimension), dtype=np.float32)
        for row, crop in zip(vectors, crops, strict=True):
            row[:] = _standardised(crop)
        return vectors


def _standardised(crop: Image) -> Vectors:
    grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel()
    centred = grey - grey.mean()
    spread = centred.std()
    return np.asarray(centred / spread if spread > 0 else centred, dtype=np.float32)
