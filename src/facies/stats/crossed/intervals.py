"""Intervals of the standard deviations of a crossed model.

``profile``: where the restricted likelihood, best over the other variances, falls off by a chi-square's quantile (Venzon DJ, Moolgavkar
SH. Appl Stat 1988;37:87-94; with restricted in the place of full likelihood). It may end at 0, and is not symmetric. ``wald``: quick,
from the curvature at the estimate on the logarithmic scale; a standard deviation of 0 has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from facies.errors import InputError
from facies.stats.crossed.cells import Cells
from facies.stats.crossed.equations import Equations
from facies.stats.crossed.fit import CrossedFit
from facies.stats.crossed.search import hessian, minimise, ratios_of
from facies.types import Floats

INTERVALS = ("profile", "wald")


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
    return _wald(fit, level) if method == "wald" else _profiles(fit, level)


def log_variance_covariance(fit: CrossedFit) -> tuple[tuple[str, ...], Floats]:
    """Return the names of the positive variances and the covariance of their logarithms, from the observed information, (q, q)."""
    names = tuple(name for name, value in fit.variances.items() if value > 0)
    at = np.log([fit.variances[name] for name in names])
    return names, np.asarray(2 * np.linalg.inv(hessian(_deviance_of(fit.cells, fit.components, names), at)), dtype=np.float64)


def _deviance_of(cells: Cells, components: tuple[str, ...], names: tuple[str, ...]) -> Callable[[Floats], tuple[float, Floats]]:
    """Return -2 times the restricted log likelihood of the logarithms of the named variances, residual last; others are 0."""

    def deviance(logs: Floats) -> tuple[float, Floats]:
        variances = dict(zip(names, np.exp(logs), strict=True))
        residual = variances["residual"]
        values = np.array([variances.get(name, 0.0) for name in components]) / residual
        return _deviance(Equations(cells, ratios_of(components, values)), float(residual), names)

    return deviance


def _deviance(solved: Equations, residual: float, names: tuple[str, ...]) -> tuple[float, Floats]:
    free, squares = solved.degrees_of_freedom, solved.residual_squares / residual
    value = solved.log_determinant + 2 * np.log(solved.cells.scale[:-1]).sum() + free * np.log(2 * np.pi * residual) + squares
    shares = solved.shares()
    slopes = [trace - own / residual for trace, own in (shares[name] for name in names[:-1])]
    return float(value), np.array([*slopes, free - squares - sum(slopes)])


def _wald(fit: CrossedFit, level: float) -> dict[str, SdInterval]:
    from scipy.stats import norm

    names, covariance = log_variance_covariance(fit)
    half = dict(zip(names, float(norm.ppf((1 + level) / 2)) * np.sqrt(np.diag(covariance)) / 2, strict=True))
    nan = float("nan")
    sds = {name: float(np.sqrt(value)) for name, value in fit.variances.items()}
    return {
        name: SdInterval(sd, sd * float(np.exp(-half[name])), sd * float(np.exp(half[name]))) if name in half else SdInterval(sd, nan, nan)
        for name, sd in sds.items()
    }


def _profiles(fit: CrossedFit, level: float) -> dict[str, SdInterval]:
    return {name: _Profile(fit, name).interval(level) for name in fit.variances}


class _Profile:
    """The restricted likelihood along one variance, the others at their best."""

    def __init__(self, fit: CrossedFit, name: str) -> None:
        self.fit, self.name = fit, name
        self.names = tuple(each for each, value in fit.variances.items() if value > 0 or each == name)
        self.at = self.names.index(name)
        self.others = np.log([fit.variances[each] for each in self.names if each != name])
        self.deviance = _deviance_of(fit.cells, fit.components, self.names)
        self.curvature: Floats | None = None

    def interval(self, level: float) -> SdInterval:
        from scipy.stats import chi2

        value, limit = self.fit.variances[self.name], self.fit.reml + float(chi2.ppf(level, 1))
        low = 0.0 if value == 0 or self._at_zero() <= limit else self._end(np.log(value), -0.3, limit)
        start = np.log(value) if value > 0 else np.log(self.fit.variances["residual"]) - 12
        return SdInterval(float(np.sqrt(value)), low, self._end(start, 0.3, limit))

    def _at_zero(self) -> float:
        """Return the deviance without this part, infinite for the residual."""
        if self.name == "residual":
            return float("inf")
        names = tuple(each for each in self.names if each != self.name)
        deviance = _deviance_of(self.fit.cells, self.fit.components, names)
        return deviance(minimise(deviance, self.others))[0]

    def _end(self, start: float, step: float, limit: float) -> float:
        """Return the standard deviation at which the deviance reaches ``limit``, walking from ``start``."""
        from scipy.optimize import brentq

        inner, outer, best = start, start + step, self.others
        while (reached := self._best(outer, best))[0] < limit:
            inner, outer, step, best = outer, outer + 1.5 * step, 1.5 * step, reached[1]
        found = brentq(
            lambda x: np.sqrt(max(self._best(x, best)[0] - self.fit.reml, 0)) - np.sqrt(limit - self.fit.reml), inner, outer, xtol=1e-7
        )
        return float(np.exp(found / 2))

    def _best(self, log_variance: float, start: Floats) -> tuple[float, Floats]:
        """Return the least deviance with this variance given, and the logarithms of the others there."""

        def over_others(others: Floats) -> tuple[float, Floats]:
            value, slope = self.deviance(np.insert(others, self.at, log_variance))
            return value, np.delete(slope, self.at)

        if len(start) == 0:
            return self.deviance(np.array([log_variance]))[0], start
        found = self._newton(over_others, start)
        return (over_others(found)[0], found)

    def _newton(self, objective: Callable[[Floats], tuple[float, Floats]], point: Floats) -> Floats:
        """Take steps with the last curvature; where they do not settle the curvature is computed anew, or the point is searched for."""
        for fresh in (self.curvature is None, True):
            if fresh:
                self.curvature = hessian(objective, point)
            settled = _steps(objective, point, self.curvature)
            if settled is not None:
                return settled
        return minimise(objective, point)


def _steps(objective: Callable[[Floats], tuple[float, Floats]], point: Floats, curvature: Floats | None) -> Floats | None:
    """Return where steps with one curvature settle, None where they do not."""
    if curvature is None or np.linalg.eigvalsh(curvature)[0] <= 0:
        return None
    last = np.inf
    for _ in range(8):
        slope = objective(point)[1]
        decrement = float(slope @ np.linalg.solve(curvature, slope))
        if decrement < 1e-9:
            return point
        if decrement > last or decrement > 10:
            return None
        point, last = point - np.linalg.solve(curvature, slope), decrement
    return None
