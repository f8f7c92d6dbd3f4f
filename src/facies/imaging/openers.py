"""One opener a format: reads the header, and decodes when it is asked to.

Pillow's plugins are called directly. ``PIL.Image.open`` would try further formats and compare the size with a limit that is
global to the process.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image as Pillow
from PIL import JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from facies.errors import ImageError
from facies.imaging.completeness import require_whole_jpeg, require_whole_png
from facies.imaging.orientation import exif_orientation
from facies.imaging.quiet import decoders_quiet
from facies.imaging.tifftags import ORIENTATION
from facies.types import Image

_MOST_FOR_OPENCV = 1 << 30


class Pixels(NamedTuple):
    """A decoded picture as stored, and what is needed to show it rightly."""

    image: Pillow.Image | Image
    profile: bytes | None = None
    orientation: int = 1
    reduction: int = 1
    white: int | None = None
    inverted: bool = False


@dataclass(frozen=True)
class Opened:
    """A photograph of which only the header was read.

    ``reduce``, where a format has it, asks for a smaller picture whose shorter side keeps at least so many pixels.
    """

    width: int
    height: int
    decode: Callable[[], Pixels]
    reduce: Callable[[int], None] | None = None


def open_jpeg(data: bytes) -> Opened:
    """Open a JPEG. Of an MPO file (several pictures in one) this is the first."""
    with decoders_quiet():
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    width, height = image.size
    profile, orientation = image.info.get("icc_profile"), exif_orientation(image.info.get("exif"))
    is_plain = image.mode == "RGB" or (image.mode == "L" and not profile)
    reduction = 1

    def reduce(side: int) -> None:
        nonlocal reduction
        drafted = image.draft(None, (side, side))
        reduction = 1 if drafted is None else round(width / drafted[1][2])

    def decode() -> Pixels:
        require_whole_jpeg(data)
        if is_plain and reduction == 1 and width * height < _MOST_FOR_OPENCV:
            return Pixels(_decode_by_opencv(data, width, height), profile, orientation)
        image.load()
        return Pixels(_as_marked(image), profile, orientation, reduction)

    return Opened(width, height, decode, reduce)


def _decode_by_opencv(data: bytes, width: int, height: int) -> Image:
    """Decode to RGB in one pass; the same libjpeg-turbo as Pillow's with fewer copies, hence equal pixels."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.shape != (height, width, 3):
        raise ValueError("the picture could not be decoded")
    decoded: Image = pixels
    return decoded


def _as_marked(image: JpegImagePlugin.JpegImageFile) -> Pillow.Image:
    """Undo Pillow's inversion of CMYK in files that Adobe's programs, which store it inverted, did not write."""
    if image.mode == "CMYK" and "adobe" not in image.info:
        return Pillow.eval(image, lambda value: 255 - value)
    return image


def open_png(data: bytes) -> Opened:
    """Open a PNG; of an animated one this is the picture that stands for all."""
    with decoders_quiet():
        image = PngImagePlugin.PngImageFile(io.BytesIO(data))

    def decode() -> Pixels:
        require_whole_png(data)
        image.load()
        return Pixels(image, image.info.get("icc_profile"), exif_orientation(image.info.get("exif")), white=65535)

    return Opened(*image.size, decode)


def open_tiff(data: bytes) -> Opened:
    """Open the first page of a TIFF.

    Raises
    ------
    ImageError
        ``unknown_format`` for a camera's raw file, whose first page is a thumbnail.
    """
    with decoders_quiet():
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
        tags = image.tag_v2
        width, height, is_thumbnail = tags[256], tags[257], 50706 in tags or bool(tags.get(254, 0) & 1)
        bits, inverted, profile = tags.get(258, (1,))[0], tags.get(262) == 0, image.info.get("icc_profile")
    if is_thumbnail:
        raise ImageError("unknown_format", "a camera's raw file")

    def decode() -> Pixels:
        with decoders_quiet():
            image.load()
            orientation = image.getexif().get(ORIENTATION, 1)
        return Pixels(image, profile, orientation, 1, _white(image.mode, bits), inverted)

    return Opened(width, height, decode)


def _white(mode: str, bits: int) -> int | None:
    return (1 << bits) - 1 if mode.startswith("I;16") and 8 < bits <= 16 else None


def open_webp(data: bytes) -> Opened:
    """Open a WebP; of an animated one this is the first frame."""

    def decode() -> Pixels:
        with decoders_quiet():
            image = WebPImagePlugin.WebPImageFile(io.BytesIO(data))
        image.load()
        return Pixels(image, image.info.get("icc_profile"), exif_orientation(image.info.get("exif")))

    return Opened(*_webp_size(data), decode)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return the canvas's size (RFC 9649), which Pillow would tell only after reserving memory for it."""
    kind, number = data[12:16], int.from_bytes
    if len(data) < 30:
        raise ImageError("truncated", f"{len(data)} bytes")
    if kind == b"VP8X":
        return number(data[24:27], "little") + 1, number(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = number(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return number(data[26:28], "little") & 0x3FFF, number(data[28:30], "little") & 0x3FFF
    raise ImageError("damaged", "no picture in the WebP container")


def open_heic(data: bytes) -> Opened:
    """Open the primary picture of a HEIC file.

    The container's own rotation and mirroring are applied by the decoder and count as part of the stored picture; EXIF
    orientation is not applied, since in HEIC it only repeats them (ISO/IEC 23008-12).
    """
    import pillow_heif

    picture: Any = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    width, height = picture.size

    def decode() -> Pixels:
        image = picture.to_pillow()
        return Pixels(image, picture.info.get("icc_profile"), white=65535)

    return Opened(width, height, decode)


def open_dicom(data: bytes) -> Opened:
    """Open the first frame of a DICOM picture."""
    from facies.imaging.dicom import open_dicom_picture

    return open_dicom_picture(data)


OPENERS: dict[str, Callable[[bytes], Opened]] = {
    "JPEG": open_jpeg,
    "PNG": open_png,
    "TIFF": open_tiff,
    "WebP": open_webp,
    "HEIC": open_heic,
    "DICOM": open_dicom,
}
"""Who opens which format."""
