"""Regions of single faces: by the face mesh where it was fetched, else by five points and the template."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import NamedTuple, Protocol

import numpy as np

from facies.embeddings.weights import find_weights
from facies.errors import MissingExtraError, WeightsError
from facies.imaging.alignment import similarity_transform, transform_points
from facies.imaging.atlas import ATLAS_SENTENCE, region_labels, region_parts
from facies.imaging.mesh_atlas import EYES_AND_MOUTH, MESH_SENTENCE, mesh_regions
from facies.records import CropContract
from facies.saliency.occlusion import Mask, Part
from facies.saliency.outline import both_sides, with_outline
from facies.types import Image, Points

MESH = "face-mesh"

TOO_FAR = 0.5
"""A mesh whose five points lie farther from the face's own, in eye distances, is of another face."""


class Mesher(Protocol):
    """What finds meshes."""

    sha256: str

    def meshes(self, image: Image) -> list[Points]:
        """Return the 468 points of every face."""


class Placed(NamedTuple):
    """A face's regions, both sides together, with the band along its outline, and whether a mesh placed them.

    The parts are always the same ones in the same order; some may be without pixels.
    """

    parts: list[Part]
    by_mesh: bool


def find_mesh(atlas: str) -> Mesher | None:
    """Return the face mesh that ``conditions.saliency.atlas`` asks for: ``template`` none, ``mesh`` it must be there, ``auto`` if it is.

    Raises
    ------
    WeightsError, MissingExtraError
        When it is asked for by name and its files or the extra are absent.
    """
    if atlas == "template":
        return None
    try:
        file = find_weights(MESH)
        if atlas == "auto" and find_spec("ai_edge_litert") is None:
            return None
        from facies.faces.facemesh import FaceMesh

        return FaceMesh(file)
    except (WeightsError, MissingExtraError):
        if atlas == "auto":
            return None
        raise


class Placer:
    """Places regions in crops of one contract.

    Parameters
    ----------
    mesh
        None for the template alone.
    """

    def __init__(self, contract: CropContract, mesh: Mesher | None) -> None:
        self.contract, self.mesh = contract, mesh
        self.template = self._whole(region_parts(region_labels(contract), contract))

    def place(self, image: Image, five: Points) -> Placed:
        """Return the parts of the face with these five points, in the crop's pixels; both arguments are in the picture's."""
        found = None if self.mesh is None else self._own_mesh(self.mesh, image, five)
        if found is None:
            return Placed(self.template, False)
        into = similarity_transform(five, self.contract.points())
        names = [part.region for part in self.template]
        parts = mesh_regions(transform_points(found, into), size=self.contract.size).parts
        return Placed(self._whole([part for part in parts if part[0] in names]), True)

    def _whole(self, parts: Sequence[tuple[str, str, Mask]]) -> list[Part]:
        """Return both sides of each region together, with the band along the outline that it bounds."""
        right, left = self.contract.points()[:2]
        whole = with_outline([Part(*part) for part in parts], eye_distance=float(np.hypot(*(left - right))))
        return both_sides(whole)

    def _own_mesh(self, mesh: Mesher, image: Image, five: Points) -> Points | None:
        """Return the mesh nearest to the five points, if one is near."""
        found = mesh.meshes(image)
        if not found:
            return None
        distance = float(np.hypot(*(five[1] - five[0])))
        off = [np.abs(_five_of(points) - five).max() / distance for points in found]
        best = int(np.argmin(off))
        return found[best] if off[best] < TOO_FAR else None


def _five_of(points: Points) -> Points:
    return np.array([points[list(vertices)].mean(axis=0) for vertices in EYES_AND_MOUTH])


def atlas_sentence(n_by_mesh: int, n: int) -> str:
    """Return what the report says of how regions were placed.

    Examples
    --------
    >>> atlas_sentence(85, 90)
    'Regions were placed by the 468 points of a face mesh in 85 of 90 faces, in the others by five points and a template.'
    """
    return MESH_SENTENCE.format(n=n_by_mesh, of=n) if n_by_mesh else ATLAS_SENTENCE
