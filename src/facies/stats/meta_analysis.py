"""Estimates of one effect from several independent cohorts, put together.

Fixed effect (equal effects), inverse variance. No variance between cohorts is estimated: two cohorts, which is what a replication has, say
next to nothing about it (Gonnermann et al., Stat Med 2015;34:1699-1704). Cochran's Q says whether they disagree more than chance lets them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from facies.errors import InputError
from facies.types import Floats


@dataclass(frozen=True)
class MetaAnalysis:
    """The common effect of ``n_studies`` cohorts on the coefficients' scale, and Cochran's Q with ``n_studies - 1`` degrees of freedom.

    ``p_q`` is NaN for one cohort, which cannot disagree with itself.
    """

    coef: float
    std_error: float
    ci_low: float
    ci_high: float
    p_value: float
    q: float
    p_q: float
    n_studies: int


def meta_analyse(coef: ArrayLike, std_error: ArrayLike, *, level: float = 0.95) -> MetaAnalysis:
    """Pool coefficients by the inverse of their variances.

    Coefficients must be on one scale and for one step: logarithms of ratios, or differences per the same number of units. The cohorts must
    not share people; human and computed perceived ages of the same people are not two cohorts.

    Parameters
    ----------
    coef, std_error
        One a cohort, (k,).
    level
        Of the interval.

    Raises
    ------
    InputError
        When the lengths differ, there is no cohort, a number is missing, or a standard error is not above 0.

    References
    ----------
    Cochran WG. The combination of estimates from different experiments. Biometrics 1954;10:101-129.

    Examples
    --------
    >>> pooled = meta_analyse([0.2, 0.4], [0.1, 0.1])
    >>> round(pooled.coef, 3), round(pooled.std_error, 4), round(pooled.q, 3)
    (0.3, 0.0707, 2.0)
    """
    from scipy.stats import chi2, norm

    effects, errors = _checked(coef, std_error, level)
    weights = (errors.min() / errors) ** 2
    mean = float(weights @ effects / weights.sum())
    pooled_error = float(errors.min() / np.sqrt(weights.sum()))
    half = float(norm.ppf((1 + level) / 2)) * pooled_error
    q = float(np.sum(((effects - mean) / errors) ** 2))
    p_q = float(chi2.sf(q, len(effects) - 1)) if len(effects) > 1 else float("nan")
    p_value = 2 * float(norm.sf(abs(mean) / pooled_error))
    return MetaAnalysis(mean, pooled_error, mean - half, mean + half, p_value, q, p_q, len(effects))


def _checked(coef: ArrayLike, std_error: ArrayLike, level: float) -> tuple[Floats, Floats]:
    effects, errors = np.asarray(coef, dtype=np.float64), np.asarray(std_error, dtype=np.float64)
    if effects.ndim != 1 or effects.shape != errors.shape or len(effects) == 0:
        raise InputError(f"coef has shape {effects.shape} and std_error {errors.shape}: give one number a cohort to both")
    if not (np.isfinite(effects).all() and np.isfinite(errors).all()):
        raise InputError("a coefficient or standard error is missing or infinite: leave this cohort out")
    if (errors <= 0).any():
        raise InputError(f"a standard error is {errors.min():g}: it must be above 0")
    if not 0 < level < 1:
        raise InputError(f"level is {level}: choose more than 0 and less than 1, such as 0.95")
    return effects, errors
