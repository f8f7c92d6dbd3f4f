"""E-values: how strong an unmeasured confounder must be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facies.errors import InputError

RARE = 0.15
"""Share of people with the outcome below which odds and hazard ratios are taken for risk ratios."""

STANDARDISED = 0.91
"""A difference of d standard deviations is taken for a risk ratio of exp(0.91 d)."""


class EValue(NamedTuple):
    """The E-value of an estimate, and that of the end of its interval that is nearer to no effect."""

    value: float
    limit: float


def e_value(
    estimate: float, ci_low: float, ci_high: float, *, scale: str, share: float | None = None, sd: float | None = None
) -> EValue:  # fmt: skip
    """Return the smallest risk ratio that a confounder must have with both exposure and outcome to explain an estimate away.

    VanderWeele & Ding, Ann Intern Med 2017;167:268-274. Read: a confounder of that strength with both, beyond the covariates, could do
    it; a weaker one could not. 1 means that none is needed.

    Parameters
    ----------
    estimate, ci_low, ci_high
        For the contrast of interest, such as per 5 years.
    scale
        ``odds_ratio``, ``hazard_ratio``, ``rate_ratio`` or ``difference``. A difference is divided by ``sd``.
    share
        Share of people with the outcome: where it is 15 % or more an odds ratio is taken as the square of a risk ratio, and a hazard ratio
        is transformed. None counts as common.
    sd
        Standard deviation of a continuous outcome.

    Raises
    ------
    InputError
        When the scale is unknown, or a difference comes without a standard deviation.

    Examples
    --------
    >>> found = e_value(3.9, 1.8, 8.7, scale="rate_ratio")
    >>> round(found.value, 2), round(found.limit, 1)
    (7.26, 3.0)
    """
    ratio, low, high = (_risk_ratio(value, scale, share, sd) for value in (estimate, ci_low, ci_high))
    if not np.isfinite([ratio, low, high]).all():
        return EValue(float("nan"), float("nan"))
    nearer = 1.0 if low <= 1 <= high else (low if ratio > 1 else high)
    return EValue(_of_ratio(ratio), _of_ratio(nearer))


def _of_ratio(ratio: float) -> float:
    away = ratio if ratio >= 1 else 1 / ratio
    return float(away + np.sqrt(away * (away - 1)))


def _risk_ratio(value: float, scale: str, share: float | None, sd: float | None) -> float:
    if scale == "difference":
        if sd is None or not sd > 0:
            raise InputError("a difference has an E-value only with the outcome's standard deviation: give sd above 0")
        return float(np.exp(STANDARDISED * value / sd))
    if scale not in {"odds_ratio", "hazard_ratio", "rate_ratio"}:
        raise InputError(f"scale is '{scale}': choose difference, odds_ratio, hazard_ratio or rate_ratio")
    if scale == "rate_ratio" or (share is not None and share < RARE):
        return value
    if scale == "odds_ratio":
        return float(np.sqrt(value))
    return float((1 - 0.5 ** np.sqrt(value)) / (1 - 0.5 ** np.sqrt(1 / value)))
