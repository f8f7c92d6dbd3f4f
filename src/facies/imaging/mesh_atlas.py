"""Named regions of the face, placed by the 468 points of a face mesh: the template of :mod:`facies.imaging.atlas`, drawn onto the own face.

Every point of the mesh has its place on an average frontal face (``mesh_points.tsv``, made by ``recipes/mesh_atlas``). Between the points
places are interpolated linearly within the triangles of the own mesh, so that regions follow a long chin, a broad nose and a turned head.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.imaging.atlas import divided, face_coordinates, labels_at
from facies.tables import REGIONS
from facies.types import Floats, Points

N_POINTS = 468

EYES_AND_MOUTH = ((33, 133), (362, 263), (1,), (61,), (291,))
"""Points whose means are the five points: corners of each eye, tip of the nose, corners of the mouth."""

MESH_SENTENCE = "Regions were placed by the 468 points of a face mesh in {n} of {of} faces, in the others by five points and a template."


class MeshRegions(NamedTuple):
    """Regions of one face: numbers in :data:`facies.tables.REGIONS` and their parts as of :func:`facies.imaging.atlas.divided`."""

    labels: NDArray[np.uint8]
    parts: list[tuple[str, str, NDArray[np.bool_]]]


@cache
def mesh_places() -> Floats:
    """Return where each point lies on the average face, (468, 2): across and below, in eye distances.

    Examples
    --------
    >>> mesh_places().shape
    (468, 2)
    """
    text = (files("facies.imaging") / "mesh_points.tsv").read_text(encoding="utf-8")
    table = np.array([line.split("\t") for line in text.splitlines()[1:]], dtype=np.float64)
    places = table[:, 1:]
    places.setflags(write=False)
    return places


def mesh_regions(mesh: Points, *, size: int) -> MeshRegions:
    """Place the regions of one face.

    Within the mesh a pixel has the region of its place on the average face. Above the mesh, where the forehead goes on to the hair, and
    beside it, the template goes on from the five points; below it is background.

    Parameters
    ----------
    mesh
        The points in the crop's pixels, (468, 2).
    size
        The crop's side.

    Raises
    ------
    InputError
        When there are not 468 finite points.

    Examples
    --------
    >>> mesh = mesh_places() * 58 + [90, 76]
    >>> found = mesh_regions(mesh, size=180)
    >>> REGIONS[found.labels[100, 90]], REGIONS[found.labels[170, 5]], len(found.parts)
    ('nose', 'background', 16)
    """
    from scipy.interpolate import LinearNDInterpolator

    points = np.asarray(mesh, dtype=np.float64)
    if points.shape != (N_POINTS, 2) or not np.isfinite(points).all():
        raise InputError(f"the mesh has shape {points.shape} or points that are no numbers: give {N_POINTS} points in pixels")
    y, x = np.mgrid[0:size, 0:size]
    pixels = np.stack([x, y], axis=-1).astype(np.float64)
    places = LinearNDInterpolator(points, mesh_places())(pixels)
    inside = np.isfinite(places[..., 0])
    five = np.array([points[list(vertices)].mean(axis=0) for vertices in EYES_AND_MOUTH])
    across, below = face_coordinates(pixels, five)
    across, below = np.where(inside, places[..., 0], across), np.where(inside, places[..., 1], below)
    labels = labels_at(across, below)
    labels[~inside & (below > 0)] = REGIONS.index("background")
    return MeshRegions(labels, divided(labels, across))
