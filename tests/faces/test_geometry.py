"""Boxes, overlaps and moved faces, on points whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from facies.faces.geometry import box_of_points, face_of_points, face_size, keep_best, move_face, overlap

FRONTAL = np.array([[35.0, 40], [65, 40], [50, 55], [40, 70], [60, 70]])


def test_face_size__a_turned_head_loses_less_than_its_eye_distance() -> None:
    turned = FRONTAL * [0.6, 1]
    assert face_size(turned) / face_size(FRONTAL) > 0.75


def test_box_of_points__moves_and_grows_with_the_points() -> None:
    x, y, width, height = box_of_points(FRONTAL)
    assert box_of_points(FRONTAL * 2 + 7) == pytest.approx((2 * x + 7, 2 * y + 7, 2 * width, 2 * height))


def test_box_of_points__holds_all_points() -> None:
    x, y, width, height = box_of_points(FRONTAL)
    corner = np.array([x, y])
    assert (corner < FRONTAL).all()
    assert (corner + np.array([width, height]) > FRONTAL).all()


def test_overlap__is_one_for_the_same_box_and_nothing_for_separate_ones() -> None:
    assert overlap((1, 2, 3, 4), (1, 2, 3, 4)) == 1
    assert overlap((0, 0, 1, 1), (5, 5, 1, 1)) == 0


def test_keep_best__two_people_stay_two() -> None:
    faces = [face_of_points(FRONTAL, score=0.6), face_of_points(FRONTAL + 100, score=0.9)]
    assert [face.score for face in keep_best(faces)] == [0.9, 0.6]


def test_move_face__enlarging_and_shrinking_again_changes_nothing() -> None:
    face = face_of_points(FRONTAL)
    back = move_face(move_face(face, scale=4), scale=0.25)
    np.testing.assert_allclose(back.points, face.points)
    np.testing.assert_allclose(back.box, face.box)
