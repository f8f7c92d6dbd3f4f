"""The hostile folder, file by file."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest
from PIL import Image as Pillow

from facies.errors import ImageError
from facies.imaging.decode import decode_photograph, probe_photograph
from facies.imaging.sniff import FORMATS
from facies.tables import EXCLUSION_REASONS


def test_hostile_folder__has_at_least_sixty_files_of_different_content(hostile_folder):
    paths = [hostile_folder.folder / file.name for file in hostile_folder.files if not file.decode_reason]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if not path.is_symlink() and ".." not in path.parts]
    assert len(hostile_folder.files) >= 60
    assert len(set(digests)) == len(digests)
    assert {file.format for file in hostile_folder.used()} == set(FORMATS)


def test_decode_photograph__uses_each_good_hostile_file_rightly(hostile_folder):
    for file in hostile_folder.files:
        if file.decode_reason:
            continue
        photograph = decode_photograph(hostile_folder.folder / file.name)
        assert photograph.format == file.format, file.name
        assert photograph.image.shape == hostile_folder.picture.shape, file.name
        assert difference(photograph.image, hostile_folder.picture, grey=file.grey) <= file.tolerance, file.name


def test_decode_photograph__gives_the_true_reason_for_each_bad_hostile_file(hostile_folder):
    told = {}
    for file in hostile_folder.files:
        if file.decode_reason:
            with pytest.raises(ImageError) as caught:
                decode_photograph(hostile_folder.folder / file.name)
            told[file.name] = caught.value.reason
            assert "PLANTED" not in str(caught.value)
    assert told == {file.name: file.decode_reason for file in hostile_folder.files if file.decode_reason}
    assert set(told.values()) <= set(EXCLUSION_REASONS)


def test_probe_photograph__agrees_with_decoding_about_format_and_size(hostile_folder):
    for file in hostile_folder.files:
        path = hostile_folder.folder / file.name
        if not file.decode_reason:
            photograph, probe = decode_photograph(path), probe_photograph(path)
            assert (probe.format, probe.width, probe.height) == (photograph.format, photograph.width, photograph.height), file.name
        elif file.decode_reason not in ("truncated", "damaged"):
            with pytest.raises(ImageError) as caught:
                probe_photograph(path)
            assert caught.value.reason == file.decode_reason, file.name


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_decode_photograph__says_unreadable_where_permission_lacks(tmp_path):
    path = tmp_path / "locked.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    path.chmod(0)
    with pytest.raises(ImageError, match="unreadable"):
        decode_photograph(path)


def test_decode_photograph__never_fails_otherwise_when_bytes_are_flipped_at_random(hostile_picture):
    import photograph_bytes as pb

    random = np.random.default_rng(7)
    small = np.asarray(Pillow.fromarray(hostile_picture).resize((64, 72)))
    whole = [pb.encode(small, kind) for kind in ("JPEG", "PNG", "TIFF", "WebP", "HEIC")] + [pb.dicom(small), pb.dicom_jpeg(small)]
    for data in whole:
        for _ in range(40):
            flipped = bytearray(data)
            for position in random.integers(0, min(len(data), 4000), 6):
                flipped[position] = random.integers(256)
            _decode_or_refuse(bytes(flipped))
            _decode_or_refuse(data[: random.integers(1, len(data))])


def _decode_or_refuse(data: bytes) -> None:
    reason, image = "", np.zeros((1, 1, 3), np.uint8)
    try:
        image = decode_photograph(data, max_pixels=4_000_000).image
    except ImageError as error:
        reason = error.reason
    assert reason in {"", *EXCLUSION_REASONS}
    assert image.dtype == np.uint8
    assert image.shape[2] == 3


def difference(image, picture, *, grey: bool) -> float:
    """Return the mean absolute difference in levels."""
    if grey:
        picture = np.asarray(Pillow.fromarray(picture).convert("L").convert("RGB"))
    return float(np.abs(image.astype(int) - picture.astype(int)).mean())
