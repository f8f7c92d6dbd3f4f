"""Cutting a scale into bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats


def band_labels(values: Floats, *, width: float = 10) -> NDArray[np.object_]:
    """Name the band of each value, such as ``50-59``; an empty string where the value is missing.

    A band holds its lower end and not its upper one: 59.9 is in ``50-59``, 60 in ``60-69``.

    Examples
    --------
    >>> list(band_labels(np.array([50.0, 59.9, 60.0, np.nan])))
    ['50-59', '50-59', '60-69', '']
    """
    if width < 1 or width % 1:
        raise InputError(f"the width of an age band is {width}: choose a whole number of years, 1 or more")
    known = np.isfinite(values)
    lower = np.floor(np.where(known, values, 0) / width) * width
    text = [f"{int(low)}-{int(low + width - 1)}" if width > 1 else f"{int(low)}" for low in lower]
    return np.array([label if given else "" for label, given in zip(text, known, strict=True)], dtype=object)


def third_labels(values: Floats) -> NDArray[np.object_]:
    """Name the third of each value: ``lowest third``, ``middle third``, ``highest third``; an empty string where it is missing.

    Examples
    --------
    >>> list(third_labels(np.array([1.0, 2.0, 3.0])))
    ['lowest third', 'middle third', 'highest third']
    """
    labels = np.full(len(values), "", dtype=object)
    known = np.isfinite(values)
    if known.any():
        cuts = np.quantile(values[known], [1 / 3, 2 / 3])
        names = np.array(["lowest third", "middle third", "highest third"], dtype=object)
        labels[known] = names[np.searchsorted(cuts, values[known], side="left")]
    return labels
