"""Natural cubic splines: what makes them natural, and where their knots lie. Curves against R stand in tests/association."""

import numpy as np
import pytest

from facies.errors import InputError
from facies.stats.splines import natural_spline, spline_knots

KNOTS = np.array([50.0, 58.0, 66.0, 80.0])


def test_natural_spline__is_straight_beyond_the_outer_knots():
    for x in (np.linspace(30, 50, 9), np.linspace(80, 110, 9)):
        assert np.abs(np.diff(natural_spline(x, KNOTS), n=2, axis=0)).max() < 1e-9


def test_natural_spline__has_no_jump_in_value_slope_or_curvature_at_a_knot():
    step = 1e-3
    for knot in KNOTS:
        values = natural_spline(knot + step * np.array([-3.0, -2, -1, 0, 1, 2, 3]), KNOTS)
        curvature = np.diff(values, n=2, axis=0) / step**2
        assert np.abs(np.diff(curvature, axis=0)).max() < 5e-4
    assert np.abs(np.diff(natural_spline(np.array([57.0, 58.0, 59.0]), KNOTS)[:, 1], n=2)).max() > 1e-3


def test_natural_spline__begins_with_the_values_themselves():
    x = np.linspace(40, 90, 11)
    basis = natural_spline(x, KNOTS)
    assert basis.shape == (11, 3)
    np.testing.assert_array_equal(basis[:, 0], x)


def test_spline_knots__lie_at_harrells_quantiles():
    assert spline_knots(np.arange(1001.0)).tolist() == [50, 350, 650, 950]
    assert spline_knots(np.arange(1001.0), n_knots=3).tolist() == [100, 500, 900]


def test_spline_knots__too_few_values_are_refused():
    with pytest.raises(InputError, match="two of 4 knots coincide"):
        spline_knots(np.repeat([0.0, 1.0], 20))
    with pytest.raises(InputError, match="n_knots is 7"):
        spline_knots(np.arange(9.0), n_knots=7)
    with pytest.raises(InputError, match="no value"):
        spline_knots(np.array([]))
