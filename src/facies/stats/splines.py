"""Natural (restricted) cubic splines: a curve between the outer knots, straight lines beyond them."""

from __future__ import annotations

import numpy as np

from facies.errors import InputError
from facies.types import Floats

KNOT_QUANTILES = {3: (0.10, 0.50, 0.90), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.50, 0.725, 0.95)}
"""Where knots lie (Harrell, Regression Modeling Strategies. Springer 2015, table 2.3)."""


def spline_knots(x: Floats, *, n_knots: int = 4) -> Floats:
    """Return knots at Harrell's quantiles of x, (n_knots,).

    Raises
    ------
    InputError
        When ``n_knots`` is not 3, 4 or 5, or two knots coincide because x has too few values.

    Examples
    --------
    >>> spline_knots(np.arange(101.0))
    array([ 5., 35., 65., 95.])
    """
    if n_knots not in KNOT_QUANTILES:
        raise InputError(f"n_knots is {n_knots}: choose 3, 4 or 5")
    if not len(x):
        raise InputError("there is no value to place knots by: give at least one")
    knots = np.quantile(x, KNOT_QUANTILES[n_knots])
    if (np.diff(knots) <= 1e-9 * max(1.0, float(np.abs(knots).max()))).any():
        raise InputError(f"two of {n_knots} knots coincide: too few different values for a spline")
    return np.asarray(knots)


def natural_spline(x: Floats, knots: Floats) -> Floats:
    """Return the basis of a natural cubic spline, (n, n_knots - 1): x itself, then the terms that bend it.

    The bending terms are divided by the square of the knots' range, so that all columns have the unit of x (Harrell 2015, section 2.4.5).
    A curve is a straight line when their coefficients are 0.

    Examples
    --------
    >>> natural_spline(np.array([0.0, 1, 2, 3, 4]), np.array([0.0, 2, 4])).round(4).tolist()
    [[0.0, 0.0], [1.0, 0.0625], [2.0, 0.5], [3.0, 1.5625], [4.0, 3.0]]
    """
    last, before = knots[-1], knots[-2]
    width = last - before
    columns = [x]
    for knot in knots[:-2]:
        bend = _cube(x - knot) - _cube(x - before) * (last - knot) / width + _cube(x - last) * (before - knot) / width
        columns.append(bend / (last - knots[0]) ** 2)
    return np.column_stack(columns)


def _cube(values: Floats) -> Floats:
    return np.asarray(np.maximum(values, 0.0) ** 3)
