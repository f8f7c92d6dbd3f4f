"""Whether a map can be believed: deletion and insertion, models with shuffled coefficients, the background.

Petsiuk V, Das A, Saenko K. BMVC 2018 (deletion, insertion); Adebayo J et al. NeurIPS 2018:9505-9515 (randomised models).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.tables import SALIENCY_CHECKS
from facies.types import Floats

BACKGROUND_ALARM = 0.35
"""A mean share of the background from which on the map says that the model looks beside the face."""

RANDOM_ALARM = 0.7
"""A likeness to randomised models from which on the map is not the model's own."""


class Check(NamedTuple):
    """One check over people."""

    check: str
    values: Floats
    alarm: bool = False
    note: str = ""


def curve_area(log_odds: Floats) -> float:
    """Return the mean of a curve between its ends' range: 0 where it falls at once, 1 where it stays; NaN where nothing falls.

    Examples
    --------
    >>> curve_area(np.array([4.0, 0.0, 0.0, 0.0]))
    0.16666666666666666
    """
    start, end = float(log_odds[0]), float(log_odds[-1])
    if abs(start - end) < 1e-9:
        return float("nan")
    level = (log_odds - min(start, end)) / abs(start - end)
    return float(np.clip(level, -1, 2)[:-1].sum() + np.clip(level, -1, 2)[1:].sum()) / (2 * (len(level) - 1))


def likeness(shares: Floats, random: Floats) -> float:
    """Return Spearman's correlation of a model's mean region shares with the mean of randomised models', over regions.

    Examples
    --------
    >>> likeness(np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.3, 0.6]))
    -1.0
    """
    from scipy.stats import spearmanr

    return float(spearmanr(shares, random).statistic)


def mean_interval(values: Floats) -> tuple[float, float, float]:
    """Return the mean of one value a person, with its interval by the t distribution.

    Examples
    --------
    >>> mean_interval(np.array([1.0]))
    (1.0, nan, nan)
    """
    from scipy.stats import t

    if len(values) == 0:
        return float("nan"), float("nan"), float("nan")
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def check_rows(model_id: str, condition: str, method: str, checks: list[Check]) -> pd.DataFrame:
    """Return the checks as the table SALIENCY_CHECKS; intervals by person."""
    rows = []
    for check in checks:
        known = check.values[np.isfinite(check.values)]
        value, low, high = mean_interval(known)
        rows.append(
            {
                "model_id": model_id, "target_condition": condition, "method": method, "check": check.check, "value": value, "ci_low": low,
                "ci_high": high, "n": len(known), "alarm": check.alarm, "note": check.note or None,
            }
        )  # fmt: skip
    return SALIENCY_CHECKS.validate(pd.DataFrame(rows))
