"""Makes public negatives like the cases in age, sex and quality: by weights, or by choosing the most alike.

Weights: entropy balancing (Hainmueller J. Polit Anal 2012;20:25-46). Matching: nearest neighbours without replacement within sex, by a
standardised distance with a caliper (Austin PC. Pharm Stat 2011;10:150-161).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats

CALIPER = 0.5
"""Largest distance of a match in standard deviations of the cases."""

LARGEST_WEIGHT = 10.0
"""A person counts at most so many times the mean."""


def balancing_weights(others: Floats, targets: Floats) -> Floats:
    """Return weights with mean 1 under which the means of the others' columns are the targets.

    Parameters
    ----------
    others
        (n, p), without missing values.
    targets
        Means of the cases, (p,).

    Returns
    -------
    ndarray
        (n,). Where no weights reach the targets (cases outside the others' range) those that come nearest, cut off at
        :data:`LARGEST_WEIGHT`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ages = rng.normal(50, 10, size=(500, 1))
    >>> weights = balancing_weights(ages, np.array([55.0]))
    >>> round(float(weights @ ages[:, 0] / weights.sum()), 2)
    55.0
    """
    from scipy.optimize import minimize

    spread = others.std(axis=0)
    centred = (others - targets) / np.where(spread > 0, spread, 1.0)

    def dual(at: Floats) -> tuple[float, Floats]:
        exponent = centred @ at
        top = exponent.max()
        raised = np.exp(exponent - top)
        return float(np.log(raised.sum()) + top + 1e-6 * at @ at), raised @ centred / raised.sum() + 2e-6 * at

    found = minimize(dual, np.zeros(others.shape[1]), jac=True, method="BFGS")
    exponent = centred @ found.x
    weights = np.exp(exponent - exponent.max())
    weights *= len(weights) / weights.sum()
    weights = np.minimum(weights, LARGEST_WEIGHT)
    return np.asarray(weights * len(weights) / weights.sum())


def match_others(cases: Floats, others: Floats, *, ratio: int, exact: int | None = None) -> NDArray[np.bool_]:
    """Return which of the others are chosen: at most ``ratio`` for each case, without replacement, nearest first.

    Parameters
    ----------
    cases, others
        (m, p) and (n, p), without missing values.
    ratio
        Others chosen for each case.
    exact
        A column in which a match must be equal, such as sex.

    Examples
    --------
    >>> match_others(np.array([[50.0], [60.0]]), np.array([[51.0], [90.0], [59.0]]), ratio=1).tolist()
    [True, False, True]
    """
    if ratio < 1:
        raise InputError(f"ratio is {ratio}: give 1 or more")
    spread = cases.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    chosen = np.zeros(len(others), dtype=bool)
    free = np.array([column for column in range(cases.shape[1]) if column != exact], dtype=int)
    for _ in range(ratio):
        for case in cases:
            distance = np.sqrt((((others - case) / scale)[:, free] ** 2).mean(axis=1)) if len(free) else np.zeros(len(others))
            if exact is not None:
                distance = np.where(others[:, exact] == case[exact], distance, np.inf)
            distance = np.where(chosen, np.inf, distance)
            nearest = int(distance.argmin()) if len(distance) else -1
            if nearest >= 0 and distance[nearest] <= CALIPER * max(1.0, len(free)):
                chosen[nearest] = True
    return chosen


def balance_rows(condition: str, cases: pd.DataFrame, others: pd.DataFrame, weights: Floats) -> pd.DataFrame:
    """Set the means of cases and others beside each other, before and after weighting.

    Parameters
    ----------
    cases, others
        Numbers by person, same columns; missing values are left out.
    weights
        What each of the others counts, (n,).

    Returns
    -------
    DataFrame
        :data:`facies.tables.BALANCE`; differences are divided by the standard deviation pooled over cases and others.
    """
    rows = []
    for name in cases.columns:
        own, theirs = cases[name].dropna().to_numpy(dtype=float), others[name].to_numpy(dtype=float)
        known = np.isfinite(theirs)
        if not len(own) or not known.any():
            continue
        before = float(theirs[known].mean())
        counted = weights[known]
        after = float(np.average(theirs[known], weights=counted)) if counted.sum() > 0 else float("nan")
        pooled = float(np.sqrt((own.var() + theirs[known].var()) / 2)) or float("nan")
        rows.append(
            {
                "target_condition": condition, "measure": str(name), "cases": float(own.mean()), "others_before": before,
                "others_after": after, "difference_before": (own.mean() - before) / pooled,
                "difference_after": (own.mean() - after) / pooled,
            }
        )  # fmt: skip
    columns = ["target_condition", "measure", "cases", "others_before", "others_after", "difference_before", "difference_after"]
    return pd.DataFrame(rows, columns=columns)
