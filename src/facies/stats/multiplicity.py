"""Adjusting p-values for the number of tests."""

from __future__ import annotations

import numpy as np

from facies.errors import InputError
from facies.types import Floats

ADJUSTMENTS = {"bonferroni": "bonferroni", "holm": "holm", "benjamini_hochberg": "fdr_bh"}
"""Our name and that of statsmodels."""


def adjust_p_values(p_values: Floats, *, method: str = "benjamini_hochberg") -> Floats:
    """Return adjusted p-values; missing ones stay missing and do not count as tests.

    Parameters
    ----------
    method
        ``"bonferroni"``, ``"holm"`` (Scand J Stat 1979;6:65-70; family-wise error) or ``"benjamini_hochberg"``
        (J R Stat Soc B 1995;57:289-300; q-values, false discovery rate).

    Raises
    ------
    InputError
        When a p-value is outside 0 to 1 or the method is unknown.

    Examples
    --------
    >>> adjust_p_values(np.array([0.01, 0.04, np.nan]))
    array([0.02, 0.04,  nan])
    """
    if method not in ADJUSTMENTS:
        raise InputError(f"method is '{method}': choose one of {', '.join(ADJUSTMENTS)}")
    p_values = np.asarray(p_values, dtype=np.float64)
    known = np.isfinite(p_values)
    if ((p_values[known] < 0) | (p_values[known] > 1)).any():
        raise InputError("a p-value is outside 0 to 1")
    adjusted = np.full(p_values.shape, np.nan)
    if known.any():
        from statsmodels.stats.multitest import multipletests

        adjusted[known] = multipletests(p_values[known], method=ADJUSTMENTS[method])[1]
    return adjusted
