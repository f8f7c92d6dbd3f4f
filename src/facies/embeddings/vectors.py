"""A stream of crops to one record of vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from facies.embeddings.encoders import CardedEncoder
from facies.errors import InputError
from facies.records import Embeddings
from facies.types import Image


def embed(crops: Iterable[tuple[str, Image]], encoder: CardedEncoder, *, batch_size: int = 32) -> Embeddings:
    """Encode crops as they come; at most ``batch_size`` of them are held at a time.

    Parameters
    ----------
    crops
        Pairs of face_id and crop, uint8 (size, size, 3), red, green, blue; a generator is fine.
    encoder
        From :func:`facies.embeddings.load_encoder`.
    batch_size
        Crops that are encoded together. It changes no vector.

    Raises
    ------
    InputError
        When ``batch_size`` is not positive, a crop has the wrong size, or a face_id comes twice.

    Examples
    --------
    >>> from facies.embeddings import load_encoder
    >>> grey = np.full((64, 64, 3), 128, dtype=np.uint8)
    >>> embed([("p1_f1", grey), ("p2_f1", grey)], load_encoder("pixels")).vectors.shape
    (2, 1024)
    """
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}: give 1 or more")
    face_ids: list[str] = []
    blocks = [np.empty((0, encoder.card.dimension), dtype=np.float32)]
    for batch in _batches(crops, batch_size):
        face_ids += [face_id for face_id, _ in batch]
        blocks.append(encoder.encode(_stacked(batch, encoder)))
    return Embeddings(tuple(face_ids), np.concatenate(blocks), encoder.card)


def _batches(crops: Iterable[tuple[str, Image]], batch_size: int) -> Iterator[list[tuple[str, Image]]]:
    stream = iter(crops)
    while batch := list(islice(stream, batch_size)):
        yield batch


def _stacked(batch: list[tuple[str, Image]], encoder: CardedEncoder) -> Image:
    side = encoder.card.crop.size
    for face_id, crop in batch:
        if crop.shape != (side, side, 3):
            raise InputError(
                f"the crop of {face_id} has shape {crop.shape}, {encoder.card.name} takes ({side}, {side}, 3): cut it by its crop contract"
            )
    return np.stack([crop for _, crop in batch])
