"""Warnings for faces and predictions beyond the training data."""

from __future__ import annotations

import numpy as np
import pytest

from facies.models import Unlikeness
from facies.models.unlikeness import fit_unlikeness


def faces(n: int, seed: int, p: int = 30) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(5, p))
    return rng.normal(size=(n, 5)) @ mixing + 0.2 * rng.normal(size=(n, p))


def test_distance__is_mahalanobis_when_all_axes_are_kept():
    X = np.random.default_rng(0).normal(size=(200, 4)) @ np.diag([1, 2, 3, 4]) + 5
    known = fit_unlikeness(X, np.ones(200))
    inverse = np.linalg.inv(np.cov(X.T, bias=True))
    expected = np.sqrt(np.einsum("ij,jk,ik->i", X - X.mean(axis=0), inverse, X - X.mean(axis=0)) / 4)
    assert known.distances(X) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [20, 400])
def test_distance__sees_what_lies_off_the_axes_as_well_as_far_along_them(n):
    known = fit_unlikeness(faces(n, 0), np.ones(n))
    ordinary = np.quantile(known.distances(faces(500, 1)), 0.99)
    rng = np.random.default_rng(2)
    assert known.distances(faces(1, 3) + 5 * rng.normal(size=(1, 30)))[0] > 2 * ordinary
    assert known.distances(10 * faces(50, 4)).min() > ordinary


def test_distance__photographs_that_share_a_weight_count_as_one():
    X = faces(60, 0)
    once = fit_unlikeness(X, np.ones(60))
    thrice = fit_unlikeness(np.repeat(X, 3, axis=0), np.full(180, 1 / 3))
    assert thrice.distances(X) == pytest.approx(once.distances(X), rel=1e-6)


def test_unlikeness__from_arrays_gives_the_same_distances():
    X = faces(60, 0)
    known = fit_unlikeness(X, np.ones(60))
    assert np.array_equal(Unlikeness.from_arrays(known.to_arrays()).distances(X), known.distances(X))
