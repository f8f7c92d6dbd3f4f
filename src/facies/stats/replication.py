"""What a second cohort can be expected to show, and what it showed.

An effect that was singled out because it was significant is too large on average (the winner's curse). The cure here is the estimate of
largest likelihood given that it was significant (Zhong & Prentice, Biostatistics 2008;9:621-634; Ghosh, Zou & Wright, Am J Hum Genet
2008;82:1064-1074). Everything is said in standard errors: z = coefficient / standard error, normal with variance 1 about its mean.
"""

from __future__ import annotations

import math

from facies.errors import InputError

ALPHA = 0.05
"""Two-sided level by which an effect counts as discovered, and one-sided level by which it counts as replicated."""


def z_of_p(p_value: float) -> float:
    """Return the size of z that a two-sided p-value stands for.

    Examples
    --------
    >>> round(z_of_p(0.05), 4)
    1.96
    """
    from scipy.stats import norm

    if not 0 <= p_value <= 1:
        raise InputError(f"a p-value is {p_value}: it must be 0 to 1")
    return float(norm.isf(p_value / 2))


def conditional_mean(mean: float, threshold: float) -> float:
    """Return the mean of z when only values beyond ±``threshold`` are seen and all have the mean ``mean``.

    Examples
    --------
    >>> round(conditional_mean(1.0, 1.96), 2), round(conditional_mean(5.0, 1.96), 2)
    (2.45, 5.0)
    """
    from scipy.special import log_ndtr

    above, below = float(log_ndtr(mean - threshold)), float(log_ndtr(-mean - threshold))
    seen = max(above, below) + math.log1p(math.exp(-abs(above - below)))
    return mean + math.exp(_log_density(threshold - mean) - seen) - math.exp(_log_density(-threshold - mean) - seen)


def _log_density(z: float) -> float:
    return -z * z / 2 - math.log(2 * math.pi) / 2


def correct_winners_curse(coef: float, std_error: float, *, p_value: float | None = None, alpha: float = ALPHA) -> float:
    """Return the conditional maximum likelihood estimate of an effect that was looked at because its p-value was below ``alpha``.

    It lies between 0 and ``coef``, near 0 for an effect that was only just significant and at ``coef`` for one far beyond. It over-corrects
    effects that are truly large but were found just significant: no correction knows which these are.

    Parameters
    ----------
    p_value
        By which it was found significant, two-sided; None takes that of coef / std_error.
    alpha
        The level.

    Raises
    ------
    InputError
        When the effect was not significant at this level: there is nothing to correct.

    Examples
    --------
    >>> round(correct_winners_curse(0.25, 0.1), 3), round(correct_winners_curse(0.6, 0.1), 3)
    (0.114, 0.6)
    """
    from scipy.optimize import brentq

    if not (math.isfinite(coef) and std_error > 0):
        raise InputError(f"the coefficient is {coef} and its standard error {std_error}: give numbers, the second above 0")
    z = abs(coef) / std_error if p_value is None else z_of_p(p_value)
    threshold = z_of_p(alpha)
    if not z > threshold:
        raise InputError(f"the effect was not significant at {alpha}: nothing singled it out, so leave it uncorrected")
    if not math.isfinite(z):  # the p-value is too small for a number: nothing is left to correct
        return coef
    mean = float(brentq(lambda at: conditional_mean(at, threshold) - z, 0.0, z, xtol=1e-13, rtol=1e-13))
    return coef * mean / z


def replication_power(coef: float, std_error: float, *, alpha: float = ALPHA) -> float:
    """Return the probability that a cohort finds one-sided p < ``alpha`` in the direction of ``coef``, if ``coef`` is the truth.

    Parameters
    ----------
    coef
        The effect that is taken for true.
    std_error
        That the second cohort has for it.

    Examples
    --------
    >>> round(replication_power(0.25, 0.1), 3), round(replication_power(0.0, 0.1), 3)
    (0.804, 0.05)
    """
    from scipy.stats import norm

    if not (math.isfinite(coef) and std_error > 0):
        raise InputError(f"the coefficient is {coef} and the standard error {std_error}: give numbers, the second above 0")
    return float(norm.sf(norm.isf(alpha) - abs(coef) / std_error))


def one_sided_p(coef: float, p_value: float, *, direction: float) -> float:
    """Return the one-sided p-value in a direction that was fixed beforehand, from a two-sided one.

    Examples
    --------
    >>> one_sided_p(0.3, 0.04, direction=1), one_sided_p(0.3, 0.04, direction=-1)
    (0.02, 0.98)
    """
    return p_value / 2 if coef * direction > 0 else 1 - p_value / 2
