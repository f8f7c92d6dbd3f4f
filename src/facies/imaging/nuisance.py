"""What a photograph shows beside the face: background, border, a blur, and properties of the file.

A classifier that tells patients from others by these has learnt the camera, not the disease. The head is masked so widely that a larger
jaw or fuller cheeks stay within the mask; the blur holds the face itself and may show a disease that changes its colour or outline.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.imaging.alignment import similarity_transform, warp
from facies.types import Floats, Image, Points

SIDE = 96
EYES = 15.0
"""Distance between the eyes in the wide crop of :data:`SIDE` pixels, which then shows 6.4 eye distances."""

HEAD = (1.75, 2.3, 0.35)
"""Half width, half height and middle below the eyes of the ellipse that hides the head, in eye distances."""

SHOULDERS = 1.3
"""Below the eyes by so many eye distances the picture shows neck and clothes and is left out, in eye distances."""

CELLS = 4
BORDER = 0.04
"""Share of the picture's shorter side that counts as border."""

BLUR = 8
KINDS = ("background", "border", "blurred", "metadata")
"""What :func:`nuisance_measures` gives."""

FORMATS = ("JPEG", "PNG")


def nuisance_measures(
    image: Image, points: Points, crop: Image, *, kind: str, width: float, height: float, n_bytes: float
) -> dict[str, Floats]:
    """Measure what lies around a face.

    Parameters
    ----------
    image
        The photograph upright, sRGB, uint8 (h, w, 3); it may be reduced.
    points
        The five points in its pixels, (5, 2).
    crop
        The aligned face, uint8 (size, size, 3).
    kind, width, height, n_bytes
        Format (``JPEG``, ``PNG`` or another), size in pixels as stored, and length of the file.

    Returns
    -------
    dict
        One vector for each of :data:`KINDS`, float64, always of the same length.

    Examples
    --------
    >>> grey = np.full((200, 200, 3), 128, np.uint8)
    >>> five = np.array([[80.0, 80.0], [120.0, 80.0], [100.0, 100.0], [84.0, 120.0], [116.0, 120.0]])
    >>> found = nuisance_measures(grey, five, grey, kind="JPEG", width=200, height=200, n_bytes=4000)
    >>> {name: len(vector) for name, vector in found.items()}
    {'background': 60, 'border': 48, 'blurred': 192, 'metadata': 12}
    """
    lab = _lab(image)
    background = _background(lab, points)
    small = cv2.resize(crop, (BLUR, BLUR), interpolation=cv2.INTER_AREA).astype(np.float64).ravel() / 255
    return {
        "background": background, "border": _border(lab), "blurred": small,
        "metadata": _metadata(image, background, kind, width, height, n_bytes),
    }  # fmt: skip


def _lab(image: Image) -> Floats:
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), dtype=np.float64)


@cache
def _cells() -> tuple[NDArray[np.bool_], ...]:
    """Return the visible pixels of each cell of the wide crop that holds any."""
    y, x = (np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2) / EYES
    outside = ((x / HEAD[0]) ** 2 + ((y - HEAD[2]) / HEAD[1]) ** 2 > 1) & (y < SHOULDERS)
    part = SIDE // CELLS
    found = []
    for row in range(CELLS):
        for column in range(CELLS):
            cell = np.zeros((SIDE, SIDE), dtype=bool)
            cell[row * part : (row + 1) * part, column * part : (column + 1) * part] = True
            if (cell & outside).sum() >= part:
                found.append(cell & outside)
    return tuple(found)


def _background(lab: Floats, points: Points) -> Floats:
    """Return mean, spread and roughness of colour by cell; cells beyond the picture's edge get the mean of the others."""
    eyes = (SIDE - 1) / 2 + np.array([[-EYES / 2, 0.0], [EYES / 2, 0.0]])
    matrix = similarity_transform(points[:2], eyes)
    marked = np.dstack([lab, np.ones(lab.shape[:2])]).astype(np.float32)
    wide = cv2.warpAffine(marked, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    seen = wide[..., 3] > 0.99
    rough = np.abs(cv2.Laplacian(np.ascontiguousarray(wide[..., 0]), cv2.CV_32F))
    rows = np.full((len(_cells()), 6), np.nan)
    for number, cell in enumerate(_cells()):
        here = cell & seen
        share = here.sum() / cell.sum()
        rows[number, 5] = share
        if share > 0.3:
            rows[number, :5] = [*wide[here][:, :3].mean(axis=0), wide[here][:, 0].std(), rough[here].mean()]
    means = np.nanmean(rows, axis=0) if np.isfinite(rows[:, 0]).any() else np.zeros(6)
    return np.asarray(np.where(np.isnan(rows), means, rows).ravel())


def _border(lab: Floats) -> Floats:
    """Return mean and spread of the colour in eight pieces of the picture's border."""
    height, width = lab.shape[:2]
    band = max(1, round(BORDER * min(height, width)))
    pieces = []
    for strip in (lab[:band], lab[-band:], lab[:, :band].transpose(1, 0, 2), lab[:, -band:].transpose(1, 0, 2)):
        middle = strip.shape[1] // 2
        pieces += [strip[:, :middle].reshape(-1, 3), strip[:, middle:].reshape(-1, 3)]
    return np.concatenate([np.r_[piece.mean(axis=0), piece.std(axis=0)] for piece in pieces])


def _metadata(image: Image, background: Floats, kind: str, width: float, height: float, n_bytes: float) -> Floats:
    """Return format, size, aspect, bytes a pixel, whether there is colour, and the background's mean colour."""
    pixels = max(width * height, 1.0)
    spread = float(np.abs(image.astype(np.int16).max(axis=2) - image.min(axis=2)).mean())
    colours = background.reshape(-1, 6)[:, :4].mean(axis=0)
    flags = [float(kind == name) for name in FORMATS]
    values = [*flags, float(kind not in FORMATS), np.log(width), np.log(height), np.log(width / height), np.log(n_bytes / pixels)]
    return np.array([*values, float(spread < 2.0), *colours])


def wide_crop(image: Image, points: Points) -> Image:
    """Return the wide crop with the head masked grey, as :func:`nuisance_measures` sees it; for looking at.

    Examples
    --------
    >>> five = np.array([[80.0, 80.0], [120.0, 80.0], [100.0, 100.0], [84.0, 120.0], [116.0, 120.0]])
    >>> wide_crop(np.full((200, 200, 3), 90, np.uint8), five).shape
    (96, 96, 3)
    """
    eyes = (SIDE - 1) / 2 + np.array([[-EYES / 2, 0.0], [EYES / 2, 0.0]])
    wide: Any = warp(image, similarity_transform(points[:2], eyes), (SIDE, SIDE))
    shown = np.any(np.stack(_cells()), axis=0)
    return np.where(shown[..., None], wide, 128).astype(np.uint8)
