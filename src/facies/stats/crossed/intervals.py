"""Intervals of the standard deviations of a crossed model.

``profile``: where the restricted likelihood, best over the other variances, falls off by a chi-square's quantile (Venzon DJ, Moolgavkar
SH. Appl Stat 1988;37:87-94; with restricted in the place of full likelihood). It may end at 0, and is not symmetric. ``wald``: quick,
from the curvature at the estimate on the logarithmic scale; a standard deviation of 0 has none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facies.errors import InputError
from facies.stats.crossed.fit import CrossedFit
from facies.stats.crossed.search import deviance_of, minimise
from facies.stats.threads import one_blas_thread
from facies.types import Floats

INTERVALS = ("profile", "wald")

LOG_ZERO = -12.0
"""Logarithm of a variance over that of the residual at which it counts as 0; of the residual, half of that over all variances together."""


class SdInterval(NamedTuple):
    """A standard deviation in the unit of a reading, with its interval."""

    value: float
    ci_low: float
    ci_high: float


def sd_intervals(fit: CrossedFit, *, level: float = 0.95, method: str = "profile") -> dict[str, SdInterval]:
    """Return the standard deviation of each random part with its interval, the residual last.

    Parameters
    ----------
    method
        ``"profile"`` or ``"wald"``.

    Raises
    ------
    InputError
        When a setting is out of range.

    Examples
    --------
    >>> from facies.stats.crossed import fit_crossed
    >>> rng = np.random.default_rng(1)
    >>> photo, reader = np.repeat(np.arange(30), 6), np.tile(np.arange(6), 30)
    >>> y = 60 + rng.normal(0, 5, 30)[photo] + rng.normal(0, 2, 6)[reader] + rng.normal(0, 4, 180)
    >>> [round(number, 1) for number in sd_intervals(fit_crossed(y, photo, reader))["photograph"]]
    [3.7, 2.7, 5.0]
    """
    if method not in INTERVALS:
        raise InputError(f"method is '{method}': choose one of {', '.join(INTERVALS)}")
    if not 0 < level < 1:
        raise InputError(f"level is {level}: choose more than 0 and less than 1, such as 0.95")
    if method == "wald":
        return _wald(fit, level)
    with one_blas_thread():
        return {name: _Profile(fit, name).interval(level) for name in fit.variances}


def _wald(fit: CrossedFit, level: float) -> dict[str, SdInterval]:
    from scipy.stats import norm

    names, covariance = fit.log_variances
    half = dict(zip(names, float(norm.ppf((1 + level) / 2)) * np.sqrt(np.diag(covariance)) / 2, strict=True))
    nan = float("nan")
    sds = {name: float(np.sqrt(value)) for name, value in fit.variances.items()}
    return {
        name: SdInterval(sd, sd * float(np.exp(-half[name])), sd * float(np.exp(half[name]))) if name in half else SdInterval(sd, nan, nan)
        for name, sd in sds.items()
    }


class _Profile:
    """The restricted likelihood along one variance, the others at their best."""

    def __init__(self, fit: CrossedFit, name: str) -> None:
        self.fit, self.name = fit, name
        self.names = tuple(each for each, value in fit.variances.items() if value > 0 or each == name)
        self.at = self.names.index(name)
        self.others = np.log([fit.variances[each] for each in self.names if each != name])
        self.deviance = deviance_of(fit.cells, fit.components, self.names)
        names, covariance = fit.log_variances
        keep = [place for place, each in enumerate(names) if each != name]
        self.curvature: Floats = np.asarray(2 * np.linalg.inv(covariance)[np.ix_(keep, keep)], dtype=np.float64)
        self.std_error = float(np.sqrt(covariance[names.index(name), names.index(name)])) if name in names else 0.3

    def interval(self, level: float) -> SdInterval:
        from scipy.stats import chi2, norm

        value, limit = self.fit.variances[self.name], self.fit.reml + float(chi2.ppf(level, 1))
        step = min(1.0, float(norm.ppf((1 + level) / 2)) * self.std_error)
        whole = sum(self.fit.variances.values())
        zero = np.log(whole) + 2 * LOG_ZERO if self.name == "residual" else np.log(self.fit.variances["residual"]) + LOG_ZERO
        start = max(np.log(value), zero) if value > 0 else zero
        return SdInterval(float(np.sqrt(value)), self._end(start, -step, limit, zero), self._end(start, step, limit, zero))

    def _end(self, start: float, step: float, limit: float, zero: float) -> float:
        """Return the standard deviation at which the deviance reaches ``limit``, walking from ``start``; 0 where it is not before zero."""
        from scipy.optimize import brentq

        def signed_root(x: float) -> float:
            return float(np.sqrt(max(self._best(x, best)[0] - self.fit.reml, 0)) - np.sqrt(limit - self.fit.reml))

        inner, outer, best = start, start + step, self.others
        while (reached := self._best(outer, best))[0] < limit:
            if outer <= zero:
                return 0.0
            inner, outer, best = outer, outer + 0.5 * (outer - start), reached[1]
        return float(np.exp(brentq(signed_root, inner, outer, xtol=1e-6) / 2))

    def _best(self, log_variance: float, start: Floats) -> tuple[float, Floats]:
        """Return the least deviance with this variance given, and the logarithms of the others there."""
        known: dict[bytes, tuple[float, Floats]] = {}

        def over_others(others: Floats) -> tuple[float, Floats]:
            if others.tobytes() not in known:
                value, slope = self.deviance(np.insert(others, self.at, log_variance))
                known[others.tobytes()] = value, np.delete(slope, self.at)
            return known[others.tobytes()]

        if len(start) == 0:
            return over_others(start)[0], start
        found = minimise(over_others, start, curvature=self.curvature, tolerance=1e-5)
        return over_others(found)[0], found
