"""What a picture looks like at a glance, in 64 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.types import Image


def perceptual_hash(image: Image) -> np.uint64:
    """Return a 64-bit hash that hardly changes when a picture is scaled, compressed again or slightly brightened.

    The signs of the 64 lowest frequencies (less the mean) of the 32 x 32 grey picture about their median, by discrete cosine
    transform (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions").

    Parameters
    ----------
    image
        A picture of any size, (height, width, 3), or its luma, (height, width); a thumbnail with sides of 64 px or more is enough.

    Examples
    --------
    >>> ramp = np.tile(np.arange(96, dtype=np.uint8)[:, None, None], (1, 64, 3))
    >>> perceptual_hash(ramp) == perceptual_hash(ramp + 20)
    np.True_
    """
    import cv2

    grey = image if image.ndim == 2 else cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[1:9, 1:9].ravel()
    bits = low > middle(low)
    return np.uint64(int.from_bytes(np.packbits(bits).tobytes(), "big"))


def middle(values: NDArray[np.floating[Any]]) -> np.floating[Any]:
    """Return the median of a few numbers, as ``np.median`` does in twenty times the time.

    Examples
    --------
    >>> middle(np.array([3.0, 1.0, 2.0, 8.0]))
    np.float64(2.5)
    """
    ordered = np.sort(values)
    median: np.floating[Any] = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return median
