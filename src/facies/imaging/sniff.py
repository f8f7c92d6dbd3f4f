"""What a file is, from its first bytes. A file's name is never asked."""

from __future__ import annotations

FORMATS = ("JPEG", "PNG", "TIFF", "WebP", "HEIC", "DICOM")
"""The formats that facies reads. Of several frames or pages the first is used."""

HEAD_BYTES = 256
"""How many of the first bytes :func:`sniff_format` looks at."""

_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_HEVC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})


def sniff_format(head: bytes) -> str | None:
    """Return the format of a file that begins with ``head``, or None when facies does not read it.

    DICOM is asked first, because its 128 free bytes may look like a TIFF header.

    Examples
    --------
    >>> sniff_format(b"\\xff\\xd8\\xff\\xe0"), sniff_format(b"dear doctor")
    ('JPEG', None)
    """
    if head[128:132] == b"DICM":
        return "DICOM"
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[:4] in _TIFF:
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return "HEIC" if head[4:8] == b"ftyp" and _has_hevc_brand(head) else None


def _has_hevc_brand(head: bytes) -> bool:
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, length - 3, 4))}
    return bool(brands & _HEVC_BRANDS)
