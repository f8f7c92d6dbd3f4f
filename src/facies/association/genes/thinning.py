"""Of a scan's p-values: the inflation factor, and as many points as a Manhattan and a QQ plot can show."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.types import Floats

SMALL = 1e-3
"""Variants with smaller p-values are all drawn, as long as there are not too many."""

MEDIAN_CHI2 = 0.45493642311957283
"""Median of the chi-square distribution with 1 degree of freedom."""


def lambda_gc(p_values: Floats) -> float:
    """Return the median chi-square statistic over its expectation (Devlin & Roeder, Biometrics 1999;55:997-1004); NaN without p-values.

    Examples
    --------
    >>> round(lambda_gc(np.linspace(0.0005, 0.9995, 1000)), 6)
    1.0
    """
    from scipy.special import ndtri

    return float(ndtri(np.median(p_values) / 2) ** 2 / MEDIAN_CHI2) if len(p_values) else float("nan")


def thin_scan(variants: pd.DataFrame, places: NDArray[np.intp], p_values: Floats, *, n_points: int = 3000) -> pd.DataFrame:
    """Return the points of a Manhattan and a QQ plot.

    Variants with p below 0.001 are all kept, or, where these alone would take more than two thirds of the points, the smallest of them.
    Of the others, every so-manieth by rank is kept, so that both plots keep their shape; nothing is drawn at random.

    Parameters
    ----------
    variants
        Columns ``chromosome`` and ``position``, one row a variant of the genotypes.
    places
        Rows of the variants tested, (m,).
    p_values
        Their p-values, (m,).
    n_points
        At most so many rows.

    Returns
    -------
    Columns ``chromosome position p_value expected_p`` in the order of ``places``; ``expected_p`` is (rank - 0.5) / m.

    Examples
    --------
    >>> variants = pd.DataFrame({"chromosome": "1", "position": np.arange(10_000)})
    >>> points = thin_scan(variants, np.arange(10_000), np.linspace(0.00005, 0.99995, 10_000), n_points=300)
    >>> len(points) <= 300, bool((points.p_value < 0.001).sum() == 10)
    (True, True)
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    n_small = min(int((p_values < SMALL).sum()), 2 * n_points // 3)
    room = max(n_points - n_small, 1)
    step = max(1, -(-(m - n_small) // room))
    ranks = np.concatenate([np.arange(n_small), np.arange(n_small, m, step)])
    chosen = order[ranks]
    by_place = np.argsort(chosen, kind="stable")
    chosen, ranks = chosen[by_place], ranks[by_place]
    shown = variants.iloc[places[chosen]]
    return pd.DataFrame(
        {
            "chromosome": shown.chromosome.astype(str).to_numpy(dtype=object),
            "position": shown.position.to_numpy(),
            "p_value": p_values[chosen],
            "expected_p": (ranks + 0.5) / max(m, 1),
        }
    )
