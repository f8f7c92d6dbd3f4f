"""A folder of photographs as bad as they come, and what must become of each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import photograph_bytes as pb
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

Pixels = pb.Pixels


@dataclass(frozen=True)
class HostileFile:
    """One file of the folder.

    ``reason`` is the ``exclusion_reason`` that a study must give, empty when the file must be used; ``decode_reason`` is what
    decoding alone gives, which does not judge links. ``format`` is what the bytes of a used file are. ``tolerance`` bounds the
    mean absolute difference from the picture in levels of 255; ``grey`` files show the picture without colour.
    """

    name: str
    reason: str = ""
    format: str = ""
    tolerance: float = 4.0
    grey: bool = False
    follows_link: bool = False

    @property
    def decode_reason(self) -> str:
        """What decoding the path gives."""
        return "" if self.follows_link else self.reason


@dataclass(frozen=True)
class HostileFolder:
    """Where the files are, what is expected, and the picture that the good ones show."""

    folder: Path
    files: tuple[HostileFile, ...]
    picture: Pixels

    def used(self) -> tuple[HostileFile, ...]:
        """Return the files that a study must use."""
        return tuple(file for file in self.files if not file.reason)

    def excluded(self) -> dict[str, str]:
        """Return the reason by name of the files that a study must exclude."""
        return {file.name: file.reason for file in self.files if file.reason}


@pytest.fixture(scope="session")
def hostile_picture() -> Pixels:
    """Return a simulated portrait that is higher than wide."""
    from facies.simulation import simulate_cohort, simulate_faces
    from facies.simulation.photographs import faces_to_paint

    rows = faces_to_paint(simulate_cohort(4, random_state=3)).head(1)
    square = simulate_faces(rows, random_state=3, size=320).images[0]
    return np.ascontiguousarray(square[:, 8:312])


@pytest.fixture(scope="session")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory, hostile_picture: Pixels) -> HostileFolder:
    """Write the folder once a session; nothing may change it."""
    return write_hostile_folder(tmp_path_factory.mktemp("hostile") / "photos", hostile_picture)


def write_hostile_folder(folder: Path, picture: Pixels) -> HostileFolder:
    """Write the files into a new folder; beside it lies one that links lead out to."""
    folder.mkdir(parents=True)
    files = []
    for file, data in _with_bytes(picture):
        (folder / file.name).write_bytes(data)
        files.append(file)
    return HostileFolder(folder, (*files, *_without_bytes(folder, picture)), picture)


def _with_bytes(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    for part in (_plain, _turned, _mislabelled, _odd_pixels, _several, _profiles, _names, _planted, _cut, _broken, _bombs, _no_photographs):
        yield from part(picture)


def _plain(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    for kind in ("JPEG", "PNG", "TIFF", "WebP", "HEIC"):
        yield HostileFile(f"plain.{kind.lower()}", format=kind), pb.encode(picture, kind)
    grey16 = np.round(_grey(picture).astype(float) / 255 * 4095).astype(np.uint16)
    yield HostileFile("plain.dcm", format="DICOM", tolerance=0), pb.dicom(picture)
    yield HostileFile("planar.dcm", format="DICOM", tolerance=0), pb.dicom(picture, planar=1)
    yield HostileFile("jpeg.dcm", format="DICOM"), pb.dicom_jpeg(picture)
    yield HostileFile("rle.dcm", format="DICOM", tolerance=0), pb.dicom_rle(picture)
    yield HostileFile("grey12.dcm", format="DICOM", grey=True), pb.dicom(grey16, photometric="MONOCHROME2", bits_stored=12)


def _turned(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    for orientation in range(1, 9):
        yield HostileFile(f"turned{orientation}.jpg", format="JPEG"), pb.encode_turned(picture, "JPEG", orientation)
    for kind in ("PNG", "TIFF", "WebP", "HEIC"):
        yield HostileFile(f"turned6.{kind.lower()}", format=kind), pb.encode_turned(picture, kind, 6)


def _mislabelled(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    yield HostileFile("jpeg-called.png", format="JPEG"), pb.encode(picture, "JPEG", quality=94)
    yield HostileFile("png-called.jpg", format="PNG"), pb.encode(picture, "PNG", compress_level=2)
    yield HostileFile("tiff-called.jpg", format="TIFF"), pb.encode(picture, "TIFF", compression="tiff_lzw")
    yield HostileFile("webp-called.tif", format="WebP"), pb.encode(picture, "WebP", quality=93)
    yield HostileFile("heic-called.jpg", format="HEIC"), pb.encode(picture, "HEIC", quality=88)
    yield HostileFile("dicom-called.jpg", format="DICOM"), pb.dicom(picture, patient="Roe^Richard")
    yield HostileFile("jpeg-without-ending", format="JPEG"), pb.encode(picture, "JPEG", quality=93)


def _odd_pixels(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    colour, grey, wide = Pillow.fromarray(picture), _grey(picture), picture.astype(np.uint16) * 257
    cmyk, alpha = colour.convert("CMYK"), np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    yield HostileFile("cmyk.jpg", format="JPEG", tolerance=6), pb.encode_picture(cmyk, "JPEG")
    yield HostileFile("cmyk.tif", format="TIFF", tolerance=6), pb.encode_picture(cmyk, "TIFF")
    yield HostileFile("grey.jpg", format="JPEG", grey=True), pb.encode(grey, "JPEG")
    yield HostileFile("grey16.png", format="PNG", grey=True), pb.encode(grey.astype(np.uint16) * 257, "PNG")
    yield HostileFile("grey16.tif", format="TIFF", grey=True), pb.encode(grey.astype(np.uint16) * 257, "TIFF")
    yield HostileFile("rgb16.png", format="PNG", tolerance=1), pb.encode_by_opencv(wide, ".png")
    yield HostileFile("rgb16.tif", format="TIFF", tolerance=1), pb.encode_by_opencv(wide, ".tif")
    yield HostileFile("float.tif", format="TIFF", grey=True), pb.encode_picture(Pillow.fromarray(grey.astype(np.float32) / 255), "TIFF")
    yield HostileFile("alpha.png", format="PNG", tolerance=0), pb.encode(alpha, "PNG")
    yield HostileFile("palette.png", format="PNG", tolerance=8), pb.encode_picture(colour.quantize(256), "PNG")
    yield HostileFile("progressive.jpg", format="JPEG"), pb.encode(picture, "JPEG", progressive=True)


def _several(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    more = [Pillow.fromarray(255 - picture)]
    yield HostileFile("animated.webp", format="WebP"), pb.encode(picture, "WebP", save_all=True, append_images=more)
    yield HostileFile("animated.png", format="PNG"), pb.encode(picture, "PNG", save_all=True, append_images=more)
    yield HostileFile("pages.tif", format="TIFF"), pb.encode(picture, "TIFF", save_all=True, append_images=more)


def _profiles(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield HostileFile("srgb-profile.jpg", format="JPEG"), pb.encode(picture, "JPEG", icc_profile=srgb)
    yield HostileFile("broken-profile.jpg", format="JPEG"), pb.encode(picture, "JPEG", icc_profile=srgb[:200] + b"\x7f" * 300)
    yield HostileFile("profile-of-another-kind.jpg", format="JPEG", grey=True), pb.encode(_grey(picture), "JPEG", icc_profile=srgb)
    yield HostileFile("broken-exif.jpg", format="JPEG"), pb.encode(picture, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")


NAMES = (
    "line\nbreak.jpg",
    "with space .jpg",
    "tab\there.jpg",
    "фото-顔-😀.jpg",
    "e\u0301.jpg",
    "-rf.jpg",
    "quote'\"`$(x);.jpg",
    "=1+1.jpg",
    "a,b;c.jpg",
)


def _names(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    for i, name in enumerate(NAMES):
        yield HostileFile(name, format="JPEG"), pb.encode(picture, "JPEG", comment=f"name {i}".encode())


def _planted(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    for kind in ("JPEG", "PNG", "TIFF", "WebP", "HEIC", "DICOM"):
        yield HostileFile(f"planted.{kind.lower()}", format=kind), pb.planted(picture, kind)


def _cut(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    for kind in ("JPEG", "PNG", "TIFF", "WebP", "HEIC"):
        data = pb.encode(picture, kind)
        yield HostileFile(f"cut.{kind.lower()}", "truncated"), data[: len(data) // 2]
    native, inside, jpeg = pb.dicom(picture), pb.dicom_jpeg(picture), pb.encode(picture, "JPEG")
    yield HostileFile("cut.dcm", "truncated"), native[: len(native) // 2]
    yield HostileFile("cut-jpeg.dcm", "truncated"), inside[: len(inside) // 2]
    yield HostileFile("cut-and-filled.jpg", "truncated"), jpeg[: len(jpeg) // 2] + bytes(len(jpeg) // 2)


def _broken(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    for kind in ("JPEG", "PNG", "WebP"):
        yield HostileFile(f"damaged.{kind.lower()}", "damaged"), pb.damaged(pb.encode(picture, kind))
    yield HostileFile("damaged.heic", "damaged"), pb.damaged(pb.encode(picture, "HEIC"), start=60)
    yield HostileFile("damaged.tiff", "damaged"), pb.damaged(pb.encode(picture, "TIFF"), start=10)
    yield HostileFile("damaged.dcm", "damaged"), pb.dicom_jpeg(picture, frame=pb.damaged(pb.encode(picture, "JPEG")))


def _bombs(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    yield HostileFile("bomb.png", "too_large"), pb.png_claiming(50_000, 50_000)
    yield HostileFile("bomb.jpg", "too_large"), pb.jpeg_claiming(pb.encode(picture, "JPEG"), 65_500, 65_500)
    yield HostileFile("bomb.tif", "too_large"), pb.tiff_claiming(pb.encode(picture, "TIFF"), 50_000, 50_000)
    yield HostileFile("bomb.webp", "too_large"), pb.webp_claiming(pb.encode(picture, "WebP"), 16_383, 16_383)
    yield HostileFile("bomb.dcm", "too_large"), pb.dicom(picture, rows=60_000)
    yield HostileFile("1x1.png", "too_small"), pb.encode(picture[:1, :1], "PNG")
    yield HostileFile("1x1.jpg", "too_small"), pb.encode(picture[:1, :1], "JPEG")
    yield HostileFile("30000x10.png", "too_small"), pb.encode(np.zeros((10, 30_000, 3), np.uint8), "PNG")
    yield HostileFile("30000x10.jpg", "too_small"), pb.encode(np.zeros((10, 30_000, 3), np.uint8), "JPEG")


def _no_photographs(picture: Pixels) -> Iterator[tuple[HostileFile, bytes]]:
    more = [Pillow.fromarray(255 - picture)]
    yield HostileFile("zero.jpg", "empty_file"), b""
    yield HostileFile("text.jpg", "unknown_format"), b"Dear doctor, the photograph follows by post.\n"
    yield HostileFile("page.png", "unknown_format"), b"<!DOCTYPE html><title>404</title>"
    yield HostileFile("drawing.png", "unknown_format"), b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    yield HostileFile("paper.jpg", "unknown_format"), b"%PDF-1.7\n1 0 obj\n"
    yield HostileFile("archive.jpg", "unknown_format"), b"PK\x03\x04" + bytes(60)
    yield HostileFile("animated.gif", "unknown_format"), pb.encode(picture, "GIF", save_all=True, append_images=more)
    yield HostileFile("bitmap.jpg", "unknown_format"), pb.encode(picture, "BMP")
    yield HostileFile("three-bytes.jpg", "truncated"), b"\xff\xd8\xff"


def _without_bytes(folder: Path, picture: Pixels) -> Iterator[HostileFile]:
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "other.jpg").write_bytes(pb.encode(picture, "JPEG", quality=91))
    (folder / "linked-to").mkdir()
    (folder / "linked-to" / "inside.jpg").write_bytes(pb.encode(picture, "JPEG", quality=90))
    for name, target in _LINKS.items():
        (folder / name).symlink_to(target)
    yield HostileFile("link-inside.jpg", format="JPEG")
    yield HostileFile("link-out.jpg", "outside_folder", format="JPEG", follows_link=True)
    yield HostileFile("../elsewhere/other.jpg", "outside_folder", format="JPEG", follows_link=True)
    yield HostileFile("link-to-nothing.jpg", "missing_file")
    yield HostileFile("link-to-itself.jpg", "missing_file")
    yield HostileFile("nowhere.jpg", "missing_file")
    yield HostileFile("nowhere/" + "x" * 300 + ".jpg", "missing_file")
    (folder / "folder.jpg").mkdir()
    yield HostileFile("folder.jpg", "not_a_file")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.jpg")
        yield HostileFile("pipe.jpg", "not_a_file")


_LINKS = {
    "link-inside.jpg": "linked-to/inside.jpg",
    "link-out.jpg": "../elsewhere/other.jpg",
    "link-to-nothing.jpg": "nothing.jpg",
    "link-to-itself.jpg": "link-to-itself.jpg",
}


def _grey(picture: Pixels) -> Pixels:
    return np.asarray(Pillow.fromarray(picture).convert("L"))
