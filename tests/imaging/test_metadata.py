"""No byte of metadata survives."""

from __future__ import annotations

import numpy as np
import photograph_bytes as pb
import pytest

from facies.errors import ImageError, InputError
from facies.imaging.decode import decode_photograph
from facies.imaging.metadata import encode_clean, strip_metadata

KINDS = ("JPEG", "PNG", "TIFF", "WebP", "HEIC", "DICOM")
EXPECTED = {
    "JPEG": ("EXIF", "COM", "IPTC", "XMP", "THUMBNAIL", "MAKERNOTE", "GPS", "ICC", "TRAILER", "XPAUTHOR", "COMMENT"),
    "PNG": ("TEXT", "ITXT", "XMP", "THUMBNAIL", "MAKERNOTE", "GPS", "KEY"),
    "TIFF": ("DESCRIPTION", "ARTIST", "IPTC", "XMP", "PRIVATE", "ICC"),
    "WebP": ("ARTIST", "XMP", "THUMBNAIL", "MAKERNOTE", "GPS", "ICC"),
    "HEIC": ("ARTIST", "XMP", "THUMBNAIL", "MAKERNOTE", "GPS", "ICC"),
    "DICOM": ("SITE", "COMMENT", "ICC"),
}


@pytest.fixture(scope="module")
def picture():
    """Return a smooth picture."""
    y, x = np.mgrid[0:64, 0:80]
    return np.stack([x * 3, y * 3, x + y], axis=-1).astype(np.uint8)


def says(data: bytes, word: str) -> bool:
    """Return whether a planted word stands in the bytes in any encoding."""
    needle = f"{pb.PLANTED}-{word}"
    return any(needle.encode(code) in data for code in ("utf-8", "utf-16-le", "utf-16-be"))


@pytest.mark.parametrize("kind", KINDS)
def test_planted__really_stands_in_the_files_before(picture, kind):
    data = pb.planted(picture, kind)
    assert [word for word in EXPECTED[kind] if word != "EXIF" and not says(data, word)] == []


@pytest.mark.parametrize("container", ["PNG", "JPEG"])
@pytest.mark.parametrize("kind", KINDS)
def test_strip_metadata__leaves_no_planted_string_and_no_metadata_block(picture, kind, container):
    clean = strip_metadata(pb.planted(picture, kind), container=container)
    assert not pb.holds_planted(clean)
    for word in (
        b"Exif",
        b"eXIf",
        b"tEXt",
        b"zTXt",
        b"iTXt",
        b"iCCP",
        b"ICC_PROFILE",
        b"http://ns.adobe.com",
        b"Photoshop",
        b"tIME",
        b"GPS",
    ):
        assert word not in clean


@pytest.mark.parametrize("kind", KINDS)
def test_strip_metadata__keeps_the_pixels_as_shown(picture, kind):
    data = pb.planted(picture, kind)
    assert np.array_equal(decode_photograph(strip_metadata(data)).image, decode_photograph(data).image)


def test_strip_metadata__turns_the_picture_so_that_the_lost_orientation_does_not_matter(picture):
    clean = strip_metadata(pb.encode_turned(picture, "PNG", 8))
    assert np.array_equal(decode_photograph(clean).image, picture)


def test_strip_metadata__gives_equal_bytes_for_pictures_that_differ_in_metadata_only(picture):
    assert strip_metadata(pb.encode(picture, "PNG")) == strip_metadata(pb._planted_png(picture))


def test_strip_metadata__refuses_what_cannot_be_decoded_and_other_containers(picture):
    with pytest.raises(ImageError, match="unknown_format"):
        strip_metadata(b"Dear doctor")
    with pytest.raises(InputError, match="choose PNG or JPEG"):
        encode_clean(picture, container="TIFF")
