"""Adjusting p-values for the number of tests."""

from __future__ import annotations

import numpy as np

from facies.errors import InputError
from facies.types import Floats

ADJUSTMENTS = ("bonferroni", "holm", "benjamini_hochberg")


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
        adjusted[known] = _adjusted(p_values[known], method)
    return adjusted


def _adjusted(p_values: Floats, method: str) -> Floats:
    """Adjust by Bonferroni and Holm here: statsmodels' Holm collects the process's garbage at each call, which takes longer than a fit."""
    n = len(p_values)
    if method == "bonferroni":
        return np.minimum(n * p_values, 1.0)
    if method == "holm":
        order = np.argsort(p_values, kind="stable")
        stepped = np.maximum.accumulate((n - np.arange(n)) * p_values[order])
        return np.minimum(stepped, 1.0)[np.argsort(order, kind="stable")]
    from statsmodels.stats.multitest import multipletests

    return np.asarray(multipletests(p_values, method="fdr_bh")[1])
