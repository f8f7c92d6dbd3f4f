"""Regions by the mesh: they are the template's on an average face, and follow one that is not."""

from __future__ import annotations

import numpy as np
import pytest

from facies.embeddings.templates import face_template
from facies.errors import InputError
from facies.imaging.atlas import labels_at, region_labels, region_parts
from facies.imaging.mesh_atlas import EYES_AND_MOUTH, mesh_places, mesh_regions
from facies.records import CropContract
from facies.study.conditions.placing import Placer, atlas_sentence, find_mesh
from facies.tables import REGIONS

SIZE = 160
CROP = CropContract(face_template(eye_distance=0.24, eye_height=0.4), size=SIZE)


def average_mesh() -> np.ndarray:
    """Return the average face's mesh in the crop's pixels."""
    five = CROP.points()
    middle, distance = (five[0] + five[1]) / 2, five[1, 0] - five[0, 0]
    return mesh_places() * distance + middle


def test_regions__on_the_average_face_they_are_the_templates_within_the_mesh():
    mesh = average_mesh()
    found = mesh_regions(mesh, size=SIZE).labels
    five = np.array([mesh[list(vertices)].mean(axis=0) for vertices in EYES_AND_MOUTH])
    template = region_labels(CROP, points=five)
    face = template != REGIONS.index("background")
    assert (found[face] == template[face]).mean() > 0.97


def test_regions__a_long_chin_is_followed_and_the_template_does_not():
    mesh = average_mesh()
    below = mesh[:, 1] > mesh[list(EYES_AND_MOUTH[3]), 1].mean() + 4
    longer = mesh.copy()
    longer[below, 1] += 0.5 * (mesh[below, 1] - mesh[~below, 1].max())
    chin = REGIONS.index("chin")
    grown = (mesh_regions(longer, size=SIZE).labels == chin).sum() / (mesh_regions(mesh, size=SIZE).labels == chin).sum()
    assert grown > 1.25


def test_regions__a_turned_head_moves_the_nose_off_the_middle_of_the_eyes():
    mesh = average_mesh()
    centre = SIZE / 2
    turned = mesh.copy()
    near_middle = np.exp(-(((mesh[:, 0] - centre) / 25) ** 2))
    turned[:, 0] += 10 * near_middle * (mesh[:, 1] > CROP.points()[0, 1])
    nose = mesh_regions(turned, size=SIZE).labels == REGIONS.index("nose")
    assert np.nonzero(nose)[1].mean() > centre + 4


def test_regions__parts_are_always_the_same_and_divide_the_labels():
    found = mesh_regions(average_mesh(), size=SIZE)
    names = [part[:2] for part in found.parts]
    assert names == [part[:2] for part in region_parts(region_labels(CROP), CROP)]
    assert np.sum([part[2] for part in found.parts], axis=0).tolist() == np.ones((SIZE, SIZE), dtype=int).tolist()


def test_regions__of_something_that_is_no_mesh_are_refused():
    with pytest.raises(InputError, match="give 468 points"):
        mesh_regions(np.zeros((68, 2)), size=SIZE)


def test_places__are_symmetric_and_no_two_points_coincide():
    places = mesh_places()
    for place in places:
        assert np.abs(places - place * [-1, 1]).max(axis=1).min() < 0.002
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(places))
    assert distances.min() > 0
    assert REGIONS[labels_at(*places[1][:, None])[0]] == "nose"  # the tip


class OneMesh:
    """Stands for the network: always the same mesh."""

    sha256 = "0"

    def __init__(self, mesh: np.ndarray | None) -> None:
        self.mesh = mesh

    def meshes(self, image: np.ndarray) -> list[np.ndarray]:
        return [] if self.mesh is None else [self.mesh]


@pytest.mark.parametrize(("mesh", "used"), [(average_mesh(), True), (average_mesh() + 60, False), (None, False)])
def test_placer__takes_the_mesh_of_this_face_and_otherwise_the_template(mesh, used):
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    placed = Placer(CROP, OneMesh(mesh)).place(image, CROP.points())
    assert placed.by_mesh is used
    assert [part[:2] for part in placed.parts] == [part[:2] for part in Placer(CROP, None).template]


def test_find_mesh__the_template_needs_nothing_and_the_sentence_says_which(monkeypatch, tmp_path):
    assert find_mesh("template") is None
    assert "not by a mesh" in atlas_sentence(0, 12)
    assert "in 7 of 12 faces" in atlas_sentence(7, 12)
