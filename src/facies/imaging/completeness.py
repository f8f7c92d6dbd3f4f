"""Whether a file ends early, told from its structure and not from a decoder's message."""

from __future__ import annotations

import re
from collections.abc import Callable

from facies.errors import ImageError
from facies.imaging.tifftags import read_tags

_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_AFTER_A_SCAN = frozenset({_END_OF_IMAGE, _START_OF_SCAN, 0xC4, 0xDB, 0xDC, 0xDD, 0xFE})
_STRIPS, _TILES = (273, 279), (324, 325)


def require_whole_jpeg(data: bytes) -> None:
    """Walk the markers of a JPEG to its end.

    The decoder fills what it cannot read with grey and says nothing; a broken chain of markers shows it.

    Raises
    ------
    ImageError
        ``truncated`` when the end-of-image marker is missing, ``damaged`` when a scan holds a marker that no scan may hold.

    Examples
    --------
    >>> require_whole_jpeg(b"\\xff\\xd8\\xff\\xda\\0\\2")
    Traceback (most recent call last):
    ...
    facies.errors.ImageError: truncated: no end of image in 6 bytes
    """
    position, in_scans = 2, False
    while True:
        found = _MARKER.search(data, position)
        if found is None:
            raise ImageError("truncated", f"no end of image in {len(data)} bytes")
        marker, position = found[1][0], found.end()
        if in_scans and marker not in _AFTER_A_SCAN:
            raise ImageError("damaged", f"a marker within the picture at byte {found.start()}")
        if marker == _END_OF_IMAGE:
            return
        position += int.from_bytes(data[position : position + 2], "big")
        in_scans = in_scans or marker == _START_OF_SCAN


def require_whole_png(data: bytes) -> None:
    """Walk the chunks of a PNG to its end.

    The decoder takes a picture whose last rows are missing for whole.

    Raises
    ------
    ImageError
        ``truncated`` when the last chunk is missing.

    Examples
    --------
    >>> require_whole_png(b"\\x89PNG\\r\\n\\x1a\\n" + bytes(4))
    Traceback (most recent call last):
    ...
    facies.errors.ImageError: truncated: no last chunk in 12 bytes
    """
    if _png_ends_early(data):
        raise ImageError("truncated", f"no last chunk in {len(data)} bytes")


def ends_early(data: bytes, kind: str) -> bool:
    """Return whether the structure of the file points beyond its end.

    Examples
    --------
    >>> ends_early(b"RIFF\\xff\\0\\0\\0WEBP", "WebP")
    True
    """
    check = _CHECKS.get(kind)
    return check is not None and check(data)


def _jpeg_ends_early(data: bytes) -> bool:
    try:
        require_whole_jpeg(data)
    except ImageError as error:
        return error.reason == "truncated"
    return False


def _png_ends_early(data: bytes) -> bool:
    position = 8
    while position + 8 <= len(data):
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        if not kind.isalpha():
            return False
        position += 12 + length
        if kind == b"IEND":
            return position > len(data)
    return True


def _webp_ends_early(data: bytes) -> bool:
    return int.from_bytes(data[4:8], "little") + 8 > len(data)


def _tiff_ends_early(data: bytes) -> bool:
    try:
        tags = read_tags(data, {*_STRIPS, *_TILES})
    except ValueError:
        return True
    if any(not values for values in tags.values()):
        return True
    pairs = [pair for where, size in (_STRIPS, _TILES) for pair in zip(tags.get(where, ()), tags.get(size, ()), strict=False)]
    return any(start + size > len(data) for start, size in pairs)


def _heic_ends_early(data: bytes) -> bool:
    position = 0
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        if size == 0:
            return False
        position += max(size, 8)
    return position > len(data)


_CHECKS: dict[str, Callable[[bytes], bool]] = {
    "JPEG": _jpeg_ends_early,
    "PNG": _png_ends_early,
    "TIFF": _tiff_ends_early,
    "WebP": _webp_ends_early,
    "HEIC": _heic_ends_early,
}
