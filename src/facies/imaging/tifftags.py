"""Integer tags of a TIFF directory, which is also what EXIF is.

A reader of its own, because it must neither warn nor stop at a damaged neighbour of the tag that is asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

ORIENTATION = 0x0112
_SIZES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MOST_VALUES = 1_000_000


def read_tags(data: bytes, wanted: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Return the wanted integer tags of the first directory of a TIFF file or EXIF block.

    Tags of another type are left out; a tag whose values lie beyond the end is empty.

    Raises
    ------
    ValueError
        When the data are no TIFF or the directory lies beyond their end.

    Examples
    --------
    >>> read_tags(b"II*\\0\\x08\\0\\0\\0" + b"\\x01\\0" + b"\\x12\\x01\\x03\\0\\x01\\0\\0\\0\\x06\\0\\0\\0", {ORIENTATION})
    {274: (6,)}
    """
    try:
        return dict(_entries(data, frozenset(wanted)))
    except struct.error as error:
        raise ValueError("the directory lies beyond the end of the data") from error


def _entries(data: bytes, wanted: frozenset[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    order, big = _byte_order(data)
    word, entry_size, n_format = ("Q", 20, "Q") if big else ("I", 12, "H")
    (start,) = struct.unpack_from(order + word, data, 8 if big else 4)
    (n,) = struct.unpack_from(order + n_format, data, start)
    start += struct.calcsize(order + n_format)
    for position in range(start, start + min(n, 4096) * entry_size, entry_size):
        tag, kind, count = struct.unpack_from(order + "HH" + word, data, position)
        if tag in wanted and kind in _SIZES:
            yield tag, _values(data, order, word, _SIZES[kind], count, position + entry_size - struct.calcsize(word))


def _byte_order(data: bytes) -> tuple[str, bool]:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    version = struct.unpack_from((order or "<") + "H", data, 2)[0]
    if order is None or version not in (42, 43):
        raise ValueError("no TIFF header")
    return order, version == 43


def _values(data: bytes, order: str, word: str, code: str, count: int, position: int) -> tuple[int, ...]:
    size = count * struct.calcsize(code)
    if size > struct.calcsize(word):
        (position,) = struct.unpack_from(order + word, data, position)
    if count > _MOST_VALUES or position + size > len(data):
        return ()
    return struct.unpack_from(f"{order}{count}{code}", data, position)
