"""Streams of crops to one record."""

from __future__ import annotations

import numpy as np
import pytest

from facies.embeddings import embed, load_encoder
from facies.errors import InputError


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("pixels")


def stream(n, side=64):
    for i in range(n):
        yield f"p{i}_f1", np.random.default_rng(i).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batch_size__changes_no_bit(encoder, batch_size):
    found = embed(stream(7), encoder, batch_size=batch_size)
    assert found.face_ids == tuple(f"p{i}_f1" for i in range(7))
    assert np.array_equal(found.vectors, encoder.encode(np.stack([crop for _, crop in stream(7)])))


def test_empty_stream__gives_a_record_without_rows(encoder):
    assert embed([], encoder).vectors.shape == (0, 1024)


def test_stream__is_read_no_further_than_the_batch_in_hand(encoder):
    read = []

    def counted():
        for face_id, crop in stream(9):
            read.append(face_id)
            if len(read) == 7:
                raise RuntimeError("stopped")
            yield face_id, crop

    class Watching:
        card = encoder.card
        most = 0

        def encode(self, crops):
            Watching.most = max(Watching.most, len(read))
            return encoder.encode(crops)

    with pytest.raises(RuntimeError, match="stopped"):
        embed(counted(), Watching(), batch_size=2)
    assert Watching.most == 6


def test_crop_of_the_wrong_size__is_named(encoder):
    with pytest.raises(InputError, match="the crop of p0_f1 has shape"):
        embed(stream(1, side=32), encoder)


def test_face_given_twice__is_refused(encoder):
    with pytest.raises(InputError, match="twice"):
        embed([*stream(2), *stream(1)], encoder)


def test_batch_size_below_one__is_refused(encoder):
    with pytest.raises(InputError, match="batch_size is 0"):
        embed(stream(1), encoder, batch_size=0)
