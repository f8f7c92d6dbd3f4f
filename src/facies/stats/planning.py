"""How many people must be read by people, when a model computes the value of the others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pandas as pd

from facies.errors import InputError


def variance_ratio(r: float, n_labelled: float, n_unlabelled: float) -> float:
    """Return the variance of a prediction-powered estimate over that of the labelled people alone: 1 - r² · N / (n + N).

    ``r`` is the correlation between what a person adds to the estimate by the human and by the computed value; with a proxied outcome,
    their correlation given the covariates (Angelopoulos, Duchi & Zrnic, arXiv 2311.01453, 2023).

    Raises
    ------
    InputError
        When ``r`` is not between -1 and 1, or a number of people is negative.

    Examples
    --------
    >>> round(variance_ratio(0.8, 500, 1500), 2)
    0.52
    """
    if not -1 <= r <= 1:
        raise InputError(f"r is {r}: a correlation lies between -1 and 1")
    if n_labelled <= 0 or n_unlabelled < 0:
        raise InputError(f"there are {n_labelled} labelled and {n_unlabelled} unlabelled people: give at least 1 and 0")
    return 1 - r**2 * n_unlabelled / (n_labelled + n_unlabelled)


def correlation_found(n_effective: float, n_labelled: int, n_unlabelled: int) -> float:
    """Return the correlation that a prediction-powered estimate of a pilot study amounts to, from its ``n_effective``.

    Examples
    --------
    >>> round(correlation_found(500 / 0.52, 500, 1500), 2)
    0.8
    """
    if n_unlabelled < 1 or not n_effective >= n_labelled > 0:
        return 0.0
    return float(min(1.0, ((1 - n_labelled / n_effective) * (n_labelled + n_unlabelled) / n_unlabelled) ** 0.5))


def plan_readings(
    n_labelled: int | Sequence[int], n_unlabelled: int | Sequence[int], r: float | Sequence[float], *, sd: float, level: float = 0.95
) -> pd.DataFrame:  # fmt: skip
    """Return the interval to expect, and how many more human readings would buy the same without a model.

    Parameters
    ----------
    n_labelled, n_unlabelled
        People with a human value, and others.
    r
        See :func:`variance_ratio`; from a pilot by :func:`correlation_found`.
    sd
        Standard error of the labelled people's estimate times the square root of their number, as found in a pilot. For a trait it is the
        standard deviation of the perceived age given the covariates over that of the trait given the covariates.
    level
        Of the interval.

    Returns
    -------
    One row a combination: ``std_error_labelled`` and ``std_error`` (with the computed values), ``width`` of the whole interval,
    ``variance_ratio``, ``n_same`` (labelled people who give that standard error alone) and ``n_saved`` (``n_same`` less ``n_labelled``).

    Raises
    ------
    InputError
        When a number is out of its range.

    Examples
    --------
    >>> plan_readings(500, 1500, [0.5, 0.8], sd=6.0)[["r", "std_error", "width", "n_same", "n_saved"]].round(3)
         r  std_error  width  n_same  n_saved
    0  0.5      0.242  0.948   615.0    115.0
    1  0.8      0.193  0.758   962.0    462.0
    """
    from scipy.stats import norm

    if not sd > 0:
        raise InputError(f"sd is {sd}: give a number above 0")
    rows = []
    for n, n_other, each in product(*(_listed(values) for values in (n_labelled, n_unlabelled, r))):
        ratio = variance_ratio(each, n, n_other)
        alone = sd / n**0.5
        std_error = alone * ratio**0.5
        same = round(n / ratio) if ratio > 0 else float("inf")
        rows.append({
            "n_labelled": n, "n_unlabelled": n_other, "r": each, "variance_ratio": ratio, "std_error_labelled": alone,
            "std_error": std_error, "width": 2 * float(norm.ppf((1 + level) / 2)) * std_error, "n_same": float(same),
            "n_saved": float(same - n),
        })  # fmt: skip
    return pd.DataFrame(rows)


def readings_needed(std_error: float, n_total: int, r: float, *, sd: float) -> int | None:
    """Return how many of ``n_total`` people must be read to reach a standard error with the computed values of the rest.

    None: it is out of reach. From the variance sd² (1 - r²) / n + sd² r² / n_total.

    Examples
    --------
    >>> readings_needed(0.193, 2000, 0.8, sd=6.0), readings_needed(0.193, 2000, 0.0, sd=6.0), readings_needed(0.1, 2000, 0.8, sd=6.0)
    (504, 967, None)
    """
    from math import ceil

    variance_ratio(r, 1, 0)
    left = std_error**2 - (sd * r) ** 2 / n_total
    if left <= 0:
        return None
    needed = max(1, ceil(sd**2 * (1 - r**2) / left - 1e-9))
    return needed if needed <= n_total else None


def _listed(values: float | Sequence[float]) -> list[float]:
    import numpy as np

    return list(np.atleast_1d(values).tolist())
