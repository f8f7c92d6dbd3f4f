"""The named regions of simulated faces, and in which of them each disease shows."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.simulation.canvas import canvas, ramp
from facies.simulation.geometry import place, sheet_map
from facies.simulation.rows import rows_of

REGIONS = ("forehead", "glabella", "periorbital", "nose", "malar", "nasolabial", "perioral", "chin", "jawline", "background")
"""The regions, as in :data:`facies.tables.REGION_SCORES`; ``glabella`` holds both brows, ``background`` all that is not face."""

CHANGED_REGIONS = {
    "acromegaly": ("glabella", "nose", "perioral", "chin", "jawline"),
    "cushing": ("malar", "nasolabial", "jawline"),
}
"""Where each disease changes the face."""

SIDE = 256


@cache
def _labels() -> NDArray[np.uint8]:
    """Return the number of each sheet pixel's region in :data:`REGIONS`."""
    sheet = canvas(SIDE)
    x, y = np.abs(sheet.x), sheet.y
    rules = (
        (y < 2.0, "background"),
        ((y > 0.98) & (y < 2.25) & (x < 1.35), "jawline"),
        ((y > 0.24) & (y <= 0.98) & (x < 1.35), "malar"),
        ((y > -1.20) & (y < -0.62) & (x < 0.95), "forehead"),
        ((y >= -0.62) & (y < -0.14) & (x < 1.0), "glabella"),
        ((y >= -0.14) & (y <= 0.24) & (x < 0.95), "periorbital"),
        ((y > 0.55) & (y <= 1.05) & (x < 0.66), "nasolabial"),
        ((y > -0.14) & (y < 0.93) & (x < 0.14 + 0.26 * ramp(y, 0.0, 0.45)), "nose"),
        ((y >= 0.93) & (y < 1.38) & (x < 0.50), "perioral"),
        ((y >= 1.38) & (y < 2.25) & (x < 0.50), "chin"),
    )
    labels = np.full(y.shape, REGIONS.index("background"), np.uint8)
    for where, name in rules:
        labels[where] = REGIONS.index(name)
    return labels


def region_masks(parameters: pd.DataFrame, *, size: int = 256) -> dict[str, NDArray[np.bool_]]:
    """Return where each region lies in the pictures that :func:`paint_faces` makes of these parameters.

    Jawline and chin reach a little beyond the face's edge, so that a growing jaw stays within them. Every pixel belongs to one region.

    Returns
    -------
    dict
        Name of the region: (n, size, size), true inside.

    Examples
    --------
    >>> from facies.simulation import draw_face_parameters
    >>> people = pd.DataFrame({"photo_id": ["a"], "participant_id": ["a"], "age": [50.0], "sex": ["female"]})
    >>> masks = region_masks(draw_face_parameters(people, random_state=1), size=100)
    >>> masks["nose"].shape, bool(masks["chin"].sum() < masks["background"].sum())
    ((1, 100, 100), True)
    """
    import cv2

    beyond = REGIONS.index("background")
    shown = np.empty((len(parameters), size, size), np.uint8)
    for i, row in enumerate(rows_of(parameters)):
        where = sheet_map(place(row, size), SIDE)
        shown[i] = cv2.remap(_labels(), where, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=beyond)
    return {name: shown == i for i, name in enumerate(REGIONS)}
