"""Whose face it is when there are several."""

from __future__ import annotations

import numpy as np

from facies.faces import choose_face, face_of_points

FRONTAL = np.array([[35.0, 40], [65, 40], [50, 55], [40, 70], [60, 70]])


def faces_of_sides(*sides: float) -> list:
    return [face_of_points(FRONTAL * side + 300 * i, score=0.9) for i, side in enumerate(sides)]


def test_choose_face__a_single_face_is_chosen() -> None:
    assert choose_face(faces_of_sides(1)).chosen == 0


def test_choose_face__the_largest_is_chosen_wherever_it_stands_in_the_list() -> None:
    assert choose_face(faces_of_sides(0.5, 1.0, 0.7)).chosen == 1


def test_choose_face__two_faces_of_nearly_one_size_are_not_chosen_between() -> None:
    assert choose_face(faces_of_sides(1.0, 0.9)) == (None, 1)


def test_choose_face__the_limit_is_in_area_not_in_side() -> None:
    just_below, just_above = np.sqrt(0.79), np.sqrt(0.81)
    assert choose_face(faces_of_sides(1.0, just_below)).chosen == 0
    assert choose_face(faces_of_sides(1.0, just_above)).chosen is None


def test_choose_face__an_uncertain_larger_find_does_not_displace_a_certain_face() -> None:
    certain, large = faces_of_sides(1.0, 2.0)
    assert choose_face([certain, large._replace(score=0.4)], min_score=0.5).chosen == 0


def test_choose_face__an_uncertain_face_counts_when_it_is_the_only_one() -> None:
    (face,) = faces_of_sides(1.0)
    assert choose_face([face._replace(score=0.1)], min_score=0.5).chosen == 0
