"""From a file to upright 8-bit sRGB pixels, or to the true reason why not."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from facies.errors import ImageError, InputError
from facies.imaging.colour import srgb_pixels
from facies.imaging.completeness import ends_early
from facies.imaging.openers import OPENERS, Opened
from facies.imaging.orientation import turn_upright, turned_corner
from facies.imaging.sniff import FORMATS, HEAD_BYTES, sniff_format
from facies.types import Floats, Image

MAX_PIXELS = 200_000_000
"""A photograph of more pixels is taken for a decompression bomb, unless the caller allows more."""

MIN_SIDE = 48
"""A photograph whose shorter side has fewer pixels cannot show a face."""

_BYTES_A_PIXEL = 16
_PROBE_BYTES = 1 << 18


@dataclass(frozen=True, eq=False)
class DecodedPhotograph:
    """A photograph as it must be shown.

    Parameters
    ----------
    image
        Upright sRGB pixels, (height, width, 3), uint8, read-only.
    format
        What the bytes are: one of :data:`facies.imaging.sniff.FORMATS`.
    width, height
        Of the stored picture in pixels, before turning and reduction.
    scale
        Pixels of the full turned picture a pixel of ``image``: 1, 2, 4 or 8.
    corner
        What ``image`` shows to the left of and above the full turned picture, in full pixels; less than ``scale``.
    """

    image: Image
    format: str
    width: int
    height: int
    scale: float = 1.0
    corner: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def grey(self) -> Image:
        """The luma of ``image``, (height, width), uint8; computed once."""
        import cv2

        grey: Image = cv2.cvtColor(self.image, cv2.COLOR_RGB2GRAY)
        return grey

    def to_full(self, points: Floats) -> Floats:
        """Return points of ``image``, (..., 2), in pixels of the full turned picture.

        Examples
        --------
        >>> photograph = DecodedPhotograph(np.zeros((50, 50, 3), np.uint8), "JPEG", 100, 100, scale=2.0)
        >>> photograph.to_full(np.array([[0.0, 10.0]]))
        array([[ 0.5, 20.5]])
        """
        full: Floats = (np.asarray(points, dtype=np.float64) + 0.5) * self.scale - 0.5 - np.array(self.corner)
        return full

    def from_full(self, points: Floats) -> Floats:
        """Return points of the full turned picture, (..., 2), in pixels of ``image``."""
        own: Floats = (np.asarray(points, dtype=np.float64) + 0.5 + np.array(self.corner)) / self.scale - 0.5
        return own


@dataclass(frozen=True)
class Probe:
    """What a photograph's header says; width and height are as stored."""

    format: str
    width: int
    height: int


def decode_photograph(source: Path | bytes, *, max_pixels: int = MAX_PIXELS, target_side: int | None = None) -> DecodedPhotograph:
    """Decode a photograph: upright, sRGB, 8 bit.

    The format is told from the bytes, whatever the file is called. EXIF orientation is applied, ICC profiles are converted
    with the perceptual intent, 16-bit and float values are scaled, CMYK and grey become RGB, transparent parts show
    mid-grey, and of several frames or pages the first is used. Nothing but pixels is kept.

    Parameters
    ----------
    source
        A file or its bytes.
    max_pixels
        More pixels than this are refused before anything is decoded.
    target_side
        When given, a JPEG is decoded at 1/2, 1/4 or 1/8 as long as its shorter side keeps at least this many pixels.

    Raises
    ------
    ImageError
        With the reason: ``missing_file``, ``not_a_file``, ``unreadable``, ``empty_file``, ``unknown_format``, ``too_large``,
        ``too_small``, ``truncated`` or ``damaged``.
    InputError
        When ``target_side`` is less than 1.

    Examples
    --------
    >>> decode_photograph(b"dear doctor")
    Traceback (most recent call last):
    ...
    facies.errors.ImageError: unknown_format: not one of JPEG, PNG, TIFF, WebP, HEIC, DICOM
    """
    if target_side is not None and target_side < 1:
        raise InputError(f"target_side is {target_side}: give at least 1 pixel")
    data = _read(source, max_pixels)
    kind = _require_format(data)
    with _true_reason(data, kind):
        opened = OPENERS[kind](data)
        _require_size(opened, max_pixels)
        return _upright(opened, kind, target_side)


def probe_photograph(source: Path | bytes, *, max_pixels: int = MAX_PIXELS) -> Probe:
    """Read a photograph's header without decoding a pixel.

    Raises
    ------
    ImageError
        As :func:`decode_photograph`, as far as the header tells.

    Examples
    --------
    >>> probe_photograph(b"")
    Traceback (most recent call last):
    ...
    facies.errors.ImageError: empty_file
    """
    head = _read(source, max_pixels, at_most=_PROBE_BYTES)
    kind = _require_format(head)
    opened = _open_head(head, kind) if len(head) == _PROBE_BYTES else None
    if opened is None:
        data = _read(source, max_pixels)
        with _true_reason(data, kind):
            opened = OPENERS[kind](data)
    _require_size(opened, max_pixels)
    return Probe(kind, opened.width, opened.height)


def _open_head(head: bytes, kind: str) -> Opened | None:
    """Open the first part of a file; None when the header reaches further."""
    try:
        return OPENERS[kind](head)
    except Exception:
        return None


def _upright(opened: Opened, kind: str, target_side: int | None) -> DecodedPhotograph:
    if target_side is not None and opened.reduce is not None:
        opened.reduce(target_side)
    pixels = opened.decode()
    rgb = srgb_pixels(pixels.image, profile=pixels.profile, white=pixels.white, inverted=pixels.inverted)
    scale = pixels.reduction
    surplus = (float(-opened.width % scale), float(-opened.height % scale))
    corner = turned_corner(surplus, pixels.orientation)
    image = turn_upright(rgb, pixels.orientation)
    image.setflags(write=False)
    return DecodedPhotograph(image, kind, opened.width, opened.height, float(scale), (float(corner[0]), float(corner[1])))


@contextmanager
def _true_reason(data: bytes, kind: str) -> Iterator[None]:
    """Turn whatever a decoder raises on hostile bytes into the true reason, without the decoder's words about the content."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError:
        raise ImageError("too_large", f"{kind} needs more memory than there is") from None
    except Exception:
        reason = "truncated" if ends_early(data, kind) else "damaged"
        raise ImageError(reason, f"{kind} of {len(data)} bytes") from None


def _require_format(data: bytes) -> str:
    if not data:
        raise ImageError("empty_file")
    kind = sniff_format(data[:HEAD_BYTES])
    if kind is None:
        raise ImageError("unknown_format", f"not one of {', '.join(FORMATS)}")
    return kind


def _require_size(opened: Opened, max_pixels: int) -> None:
    if opened.width * opened.height > max_pixels:
        raise ImageError("too_large", f"{opened.width} x {opened.height} pixels, at most {max_pixels} are allowed")
    if min(opened.width, opened.height) < MIN_SIDE:
        raise ImageError("too_small", f"{opened.width} x {opened.height} pixels, at least {MIN_SIDE} a side are needed")


def _read(source: Path | bytes, max_pixels: int, *, at_most: int | None = None) -> bytes:
    if isinstance(source, bytes):
        return source[:at_most]
    try:
        return _read_file(source, max_pixels, at_most)
    except ImageError:
        raise
    except OSError as error:
        raise ImageError(_file_reason(error)) from None
    except ValueError:
        raise ImageError("missing_file", "no file can have this name") from None


def _read_file(path: Path, max_pixels: int, at_most: int | None) -> bytes:
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - before opening, since a pipe would wait for a writer
        raise ImageError("not_a_file")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(HEAD_BYTES if at_most is None else at_most)
        if at_most is not None or not head or sniff_format(head) is None:
            return head
        if size > max_pixels * _BYTES_A_PIXEL + _PROBE_BYTES:
            raise ImageError("too_large", f"{size} bytes")
        file.seek(0)
        return file.read()


def _file_reason(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EIO):
        return "unreadable"
    return "not_a_file" if error.errno in (errno.EISDIR, errno.ENXIO, errno.ENODEV) else "missing_file"
