"""How reliable readings and panels are, from the variances of a crossed model with random photographs.

Shrout PE, Fleiss JL. Psychol Bull 1979;86:420-428 (ICC(2,1), ICC(2,k)); de Vet HCW et al. J Clin Epidemiol 2006;59:1033-1039 (standard
errors of measurement, agreement and consistency). Intervals by the delta method from the observed information, on the logit scale for
reliabilities and the logarithmic scale for standard errors of measurement.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np

from facies.errors import InputError
from facies.stats.crossed.equations import RANDOM
from facies.stats.crossed.fit import CrossedFit
from facies.types import Floats

NAN = float("nan")


class Reliability(NamedTuple):
    """An estimate with its interval; NaN ends where a variance of 0 leaves none."""

    value: float
    ci_low: float
    ci_high: float


def panel_icc(fit: CrossedFit, *, n_readers: int = 1, level: float = 0.95) -> Reliability:
    """Return ICC(2,k): the share of the variance of a mean of k readers, drawn anew for each photograph, that lies between photographs.

    k = 1 is ICC(2,1), the absolute agreement of single readings. The share depends on how different the photographed people are.

    Parameters
    ----------
    n_readers
        k.

    Raises
    ------
    InputError
        When photographs are fixed, or a setting is out of range.

    Examples
    --------
    >>> from facies.stats.crossed import fit_crossed
    >>> rows = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
    >>> fit = fit_crossed(rows.ravel(), np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6))
    >>> round(panel_icc(fit).value, 6), round(panel_icc(fit, n_readers=4).value, 6)
    (0.289764, 0.620051)
    """
    if n_readers < 1:
        raise InputError(f"n_readers is {n_readers}: choose 1 or more")
    _require_random(fit, level)
    error = _sum(fit, _errors(fit))
    between = fit.variances["photograph"]
    if between == 0:
        return Reliability(0.0, NAN, NAN)
    logit = log(between) - log(error / n_readers)
    half = _half_width(fit, ("photograph",), _errors(fit), level)
    return Reliability(_expit(logit), _expit(logit - half), _expit(logit + half))


def measurement_errors(fit: CrossedFit, *, level: float = 0.95) -> dict[str, Reliability]:
    """Return standard errors of measurement of one reading, in its unit: ``agreement`` and ``consistency``.

    ``agreement`` holds the readers' biases: how far two readings of one photograph by different readers scatter about its value.
    ``consistency`` leaves them out, as where the same readers read all photographs.

    Examples
    --------
    >>> from facies.stats.crossed import fit_crossed
    >>> rows = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
    >>> errors = measurement_errors(fit_crossed(rows.ravel(), np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6)))
    >>> round(errors["agreement"].value, 2), round(errors["consistency"].value, 2)
    (2.5, 1.01)
    """
    _require_random(fit, level)
    parts = {"agreement": _errors(fit), "consistency": tuple(name for name in _errors(fit) if name != "reader")}
    found = {}
    for name, of in parts.items():
        value = sqrt(_sum(fit, of))
        factor = exp(_half_width(fit, (), of, level) / 2)
        found[name] = Reliability(value, value / factor, value * factor)
    return found


def sheppard(variance: float, width: float) -> float:
    """Return a variance less what rounding to bins of this width adds, width²/12; 0 where nothing is left (Sheppard 1898).

    Readings are taken at the middle of their bins. The correction holds where a bin is no wider than about two standard deviations.

    Raises
    ------
    InputError
        When the width is negative.

    Examples
    --------
    >>> round(sheppard(36.0, 5.0), 3)
    33.917
    """
    if width < 0:
        raise InputError(f"the width of a bin is {width}: give 0 (none) or more")
    return max(0.0, variance - width**2 / 12)


def _errors(fit: CrossedFit) -> tuple[str, ...]:
    return tuple(name for name in fit.variances if name != "photograph")


def _sum(fit: CrossedFit, names: tuple[str, ...]) -> float:
    return sum(fit.variances[name] for name in names)


def _half_width(fit: CrossedFit, above: tuple[str, ...], below: tuple[str, ...], level: float) -> float:
    """Return half the interval of ln(sum of variances above / sum of those below)."""
    from scipy.stats import norm

    names, covariance = fit.log_variances
    slope: Floats = np.zeros(len(names))
    for of, sign in ((above, 1.0), (below, -1.0)):
        total = _sum(fit, of)
        slope += [sign * fit.variances[name] / total if name in of else 0.0 for name in names]
    return float(norm.ppf((1 + level) / 2)) * sqrt(float(slope @ covariance @ slope))


def _expit(value: float) -> float:
    return 1 / (1 + exp(-value))


def _require_random(fit: CrossedFit, level: float) -> None:
    if fit.photograph != RANDOM:
        raise InputError("reliability needs the variance of photographs: fit them as random")
    if not 0 < level < 1:
        raise InputError(f"level is {level}: choose more than 0 and less than 1, such as 0.95")
