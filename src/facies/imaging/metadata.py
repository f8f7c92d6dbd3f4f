"""Copies of photographs that carry pixels and nothing else."""

from __future__ import annotations

import io

from PIL import Image as Pillow

from facies.errors import InputError
from facies.imaging.decode import MAX_PIXELS, decode_photograph
from facies.types import Image


def strip_metadata(data: bytes, *, container: str = "PNG", quality: int = 92, max_pixels: int = MAX_PIXELS) -> bytes:
    """Return a clean copy of a photograph: upright sRGB pixels, encoded anew.

    Nothing is carried over, so there is no list of metadata kinds that could be incomplete: EXIF, GPS, XMP, IPTC, embedded
    thumbnails, maker notes, colour profiles, comments, text chunks and DICOM attributes are all left behind.

    Parameters
    ----------
    data
        The bytes of a photograph in any format that facies reads.
    container
        ``"PNG"`` keeps every pixel; ``"JPEG"`` is smaller and keeps the look, at ``quality``.

    Raises
    ------
    ImageError
        When the photograph cannot be decoded; see :func:`facies.imaging.decode.decode_photograph`.
    InputError
        When the container is another one.

    Examples
    --------
    >>> import numpy as np
    >>> clean = strip_metadata(encode_clean(np.zeros((64, 64, 3), np.uint8), container="JPEG"))
    >>> clean[1:4]
    b'PNG'
    """
    return encode_clean(decode_photograph(data, max_pixels=max_pixels).image, container=container, quality=quality)


def encode_clean(image: Image, *, container: str = "PNG", quality: int = 92) -> bytes:
    """Encode pixels without any metadata.

    Raises
    ------
    InputError
        When the container is neither PNG nor JPEG.

    Examples
    --------
    >>> import numpy as np
    >>> encode_clean(np.zeros((2, 3, 3), np.uint8))[:4]
    b'\\x89PNG'
    """
    buffer = io.BytesIO()
    picture = Pillow.fromarray(image)
    if container == "PNG":
        picture.save(buffer, "PNG")
    elif container == "JPEG":
        picture.save(buffer, "JPEG", quality=quality, subsampling=0)
    else:
        raise InputError(f"the container is '{container}': choose PNG or JPEG")
    return buffer.getvalue()
