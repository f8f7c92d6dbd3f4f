"""Krippendorff's alpha: agreement beyond chance of any number of readers, with missing readings, on nominal, ordinal or interval scales.

Krippendorff K. Computing Krippendorff's alpha-reliability. University of Pennsylvania 2011; Hayes AF, Krippendorff K. Communication
Methods and Measures 2007;1:77-89. The interval here is by drawing units with replacement (percentile), not by Krippendorff's own
algorithm, which draws pairs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from facies.errors import InputError
from facies.stats.agreement import ratio
from facies.stats.resampling import bootstrap
from facies.types import Floats

SCALES_OF_MEASUREMENT = ("nominal", "ordinal", "interval")

MOST_LEVELS = 60
"""Different values that nominal and ordinal readings may have: tables of pairs grow with their square."""


class AlphaEstimate(NamedTuple):
    """Krippendorff's alpha with its interval; ``n`` units with two readings or more, ``n_readings`` readings of them."""

    value: float
    ci_low: float
    ci_high: float
    n: int
    n_readings: int


def krippendorff_alpha(
    table: Floats, *, scale: str = "interval", clusters: ArrayLike | None = None, n_bootstrap: int = 2000, level: float = 0.95,
    random_state: int = 0,
) -> AlphaEstimate:  # fmt: skip
    """Return Krippendorff's alpha with a percentile interval over units, or clusters of them.

    1 is full agreement, 0 what chance gives, less than 0 systematic disagreement.

    Parameters
    ----------
    table
        One row a unit (photograph), one column a reader, (n, k), NaN where the reader did not read it. Nominal and ordinal categories are
        given as numbers.
    scale
        ``"nominal"``: values are equal or not. ``"ordinal"``: ranks count. ``"interval"``: squared differences count.
    clusters
        Whose each unit is, such as the participant of a photograph, (n,); None: each unit is on its own.

    Returns
    -------
    AlphaEstimate
        NaN where all values are equal.

    Raises
    ------
    InputError
        When a setting is out of range, no unit has two readings, or nominal or ordinal readings have too many different values.

    Examples
    --------
    >>> nan = np.nan  # Krippendorff 2011: 4 observers, 12 units
    >>> observers = np.array([[1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
    ...                       [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan]])
    >>> [round(krippendorff_alpha(observers.T, scale=scale, n_bootstrap=50).value, 3) for scale in ("nominal", "ordinal", "interval")]
    [0.743, 0.815, 0.849]
    """
    if scale not in SCALES_OF_MEASUREMENT:
        raise InputError(f"scale is '{scale}': choose one of {', '.join(SCALES_OF_MEASUREMENT)}")
    table = np.asarray(table, dtype=np.float64)
    if table.ndim != 2:
        raise InputError(f"the table has shape {table.shape}: give a row a unit and a column a reader")
    several = np.isfinite(table).sum(axis=1) > 1
    table = table[several]
    if len(table) == 0:
        raise InputError("no unit has two readings: agreement needs units that two readers read")
    settings: dict[str, Any] = {
        "clusters": None if clusters is None else np.asarray(clusters)[several],
        "n_bootstrap": n_bootstrap,
        "level": level,
        "random_state": random_state,
    }
    if scale == "interval":
        found = bootstrap(_moments(table), _interval_alpha, **settings)
    else:
        statistic = _nominal_alpha if scale == "nominal" else _ordinal_alpha
        found = bootstrap(_coincidences(table), statistic, **settings)
    return AlphaEstimate(float(found.value[0]), float(found.ci_low[0]), float(found.ci_high[0]), len(table), int(np.isfinite(table).sum()))


def _moments(table: Floats) -> Floats:
    """Return for each unit its readings' number, sum, sum of squares, and the squared differences of its pairs over m - 1, (n, 4)."""
    centred = table - np.nanmean(table)
    m = np.isfinite(table).sum(axis=1).astype(np.float64)
    total, squares = np.nansum(centred, axis=1), np.nansum(centred**2, axis=1)
    pairs = 2 * np.nansum((table - np.nanmean(table, axis=1)[:, None]) ** 2, axis=1) * m / (m - 1)
    return np.column_stack([m, total, squares, pairs])


def _interval_alpha(sums: Floats) -> Floats:
    n, total, squares, pairs = np.moveaxis(sums, -1, 0)
    expected = 2 * (n * squares - total**2) / (n - 1)
    return np.asarray(1 - ratio(pairs, expected), dtype=np.float64)[..., None]


def _coincidences(table: Floats) -> Floats:
    """Return for each unit how often two values meet in its pairs, over m - 1, (n, c * c)."""
    known = np.isfinite(table)
    levels, codes = np.unique(table[known], return_inverse=True)
    c = len(levels)
    if c > MOST_LEVELS:
        raise InputError(f"the readings have {c} different values: nominal and ordinal scales may have {MOST_LEVELS}; choose interval")
    counts = np.zeros((len(table), c))
    np.add.at(counts, (np.nonzero(known)[0], codes.reshape(-1)), 1)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(c)
    return np.asarray(pairs / (counts.sum(axis=1) - 1)[:, None, None]).reshape(len(table), c * c)


def _alpha(sums: Floats, ordinal: bool) -> Floats:
    c = round(sums.shape[-1] ** 0.5)
    pairs = sums.reshape(*sums.shape[:-1], c, c)
    margins = pairs.sum(axis=-1)
    n = margins.sum(axis=-1)
    if ordinal:
        up_to = np.cumsum(margins, axis=-1) - margins / 2
        distance = (up_to[..., :, None] - up_to[..., None, :]) ** 2
    else:
        distance = np.broadcast_to(1 - np.eye(c), pairs.shape)
    observed = np.sum(pairs * distance, axis=(-2, -1))
    expected = np.einsum("...i,...ij,...j->...", margins, distance, margins) / np.maximum(n - 1, 1e-300)
    return np.asarray(1 - ratio(observed, expected), dtype=np.float64)[..., None]


def _nominal_alpha(sums: Floats) -> Floats:
    return _alpha(sums, ordinal=False)


def _ordinal_alpha(sums: Floats) -> Floats:
    return _alpha(sums, ordinal=True)
