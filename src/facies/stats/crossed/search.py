"""The variances that the readings make most likely: restricted maximum likelihood with an analytical gradient.

The variance ratios are searched on the logarithmic scale with the residual variance profiled out (BFGS from a rough curvature; near the
edges L-BFGS-B and Newton's steps). A ratio that does better at exactly 0 is set to 0. Patterson HD, Thompson R. Biometrika
1971;58:545-554.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.stats.crossed.cells import Cells
from facies.stats.crossed.equations import Equations, Ratios
from facies.types import Floats

REACH = (-25.0, 18.0)
"""How far logarithms are looked for from where the search begins; ratios begin at 1."""

NO_RESIDUAL = "photographs, readers and covariates explain the readings without remainder: there is no residual variance"

NEAR_ZERO = -4.0
"""Logarithm of a ratio below which 0 itself is tried."""

Objective = Callable[[Floats], tuple[float, Floats]]
"""From logarithms, (q,), to the criterion and its gradient, (q,)."""


def criterion(solved: Equations) -> float:
    """Return the REML criterion, -2 times the restricted log likelihood, with the residual variance at its best.

    It is that of lme4: with the constant (n - p) ln 2π and ln|X'V⁻¹X| of the design as given.
    """
    free = solved.degrees_of_freedom
    unscaled = 2 * np.log(solved.cells.scale[:-1]).sum()
    return float(solved.log_determinant + unscaled + free * (1 + np.log(2 * np.pi * solved.residual_squares / free)))


def components_of(photograph: str, interaction: bool) -> tuple[str, ...]:
    """Return the random parts of a model, in the order of its ratios."""
    parts = ("photograph", "reader", "interaction")
    return tuple(part for part, has in zip(parts, (photograph == "random", True, interaction), strict=True) if has)


def ratios_of(components: tuple[str, ...], values: Floats) -> Ratios:
    """Return named ratios; photographs that are no component are fixed."""
    given = dict(zip(components, map(float, values), strict=True))
    return Ratios(given.get("photograph"), given.get("reader", 0.0), given.get("interaction", 0.0))


def search_ratios(cells: Cells, components: tuple[str, ...]) -> Floats:
    """Return the variance ratios that minimise the REML criterion, (q,).

    Raises
    ------
    InputError
        When the readings leave no residual variance.
    """
    free = np.ones(len(components), dtype=bool)
    values = _best(cells, components, free)
    for _ in components:
        at_zero = _better_at_zero(cells, components, values)
        if at_zero is None:
            break
        free[at_zero] = False
        values = _best(cells, components, free)
    return values


def deviance_of(cells: Cells, components: tuple[str, ...], names: tuple[str, ...]) -> Objective:
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


def _best(cells: Cells, components: tuple[str, ...], free: NDArray[np.bool_]) -> Floats:
    """Return the best ratios where those that are not free are 0."""

    def solved(logs: Floats) -> Equations:
        values = np.zeros(len(free))
        values[free] = np.exp(logs)
        return Equations(cells, ratios_of(components, values))

    def objective(logs: Floats) -> tuple[float, Floats]:
        at = solved(logs)
        return criterion(at), gradient(at, components)[free]

    values = np.zeros(len(free))
    if free.any():
        start = _start(cells, components)[free]
        shares = solved(start).shares()
        parameters = np.array([shares[name][0] for name, has in zip(components, free, strict=True) if has])
        logs = minimise(objective, start, curvature=np.diag(np.maximum(parameters, 1e-3)))
        if logs.max() > REACH[1] - 4:
            raise InputError(NO_RESIDUAL)
        values[free] = np.exp(logs)
    return values


def _start(cells: Cells, components: tuple[str, ...]) -> Floats:
    """Return rough logarithms of the ratios, from the means of photographs and of readers."""
    rest, found = cells.means[:, -1], {}
    for name in ("photograph", "reader"):
        codes = getattr(cells, name)
        means = np.bincount(codes, rest) / np.bincount(codes)
        found[name], rest = float(np.var(means)), rest - means[codes]
    residual = float(np.var(rest)) + 1e-12
    return np.log([np.clip(found.get(name, 0.3 * residual) / residual, 0.01, 100.0) for name in components])


def gradient(solved: Equations, components: tuple[str, ...]) -> Floats:
    """Return the derivative of the criterion by the logarithm of each ratio, (q,); 0 where a ratio is 0."""
    shares = solved.shares()
    variance = solved.residual_squares / solved.degrees_of_freedom
    return np.array([traces - squares / variance for traces, squares in (shares.get(name, (0.0, 0.0)) for name in components)])


def minimise(objective: Objective, start: Floats, *, curvature: Floats | None = None, tolerance: float = 1e-8) -> Floats:
    """Return where ``objective`` is least within :data:`REACH` of ``start``, to about ``tolerance`` of each logarithm.

    With a rough ``curvature``, (q, q), a quasi-Newton search is tried first, which takes half the evaluations.
    """
    from scipy.optimize import minimize

    found = None if curvature is None else _quasi_newton(objective, start, curvature, tolerance)
    if found is not None:
        return found
    bounds = [(value + REACH[0], value + REACH[1]) for value in start]
    result = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-4})
    inside = (result.x > start + REACH[0] + 1).all() and (result.x < start + REACH[1] - 1).all()
    return _polished(objective, result.x) if inside else np.asarray(result.x)


def _quasi_newton(objective: Objective, start: Floats, curvature: Floats, tolerance: float) -> Floats | None:
    """Return the least point by steps with BFGS updates of the curvature; None where it leaves the range or does not settle."""
    point, (value, slope) = start, objective(start)
    for _ in range(40):
        if np.abs(slope).max() <= tolerance * max(1.0, float(np.diag(curvature).max())):
            return point
        step = -np.linalg.solve(curvature, slope)
        step *= min(1.0, 2 / float(np.abs(step).max()))
        if np.abs(point + step - start).max() > 10:
            return None
        new_value, new_slope = objective(point + step)
        change, pull = new_slope - slope, curvature @ step
        if change @ step > 0:
            curvature = curvature + np.outer(change, change) / (change @ step) - np.outer(pull, pull) / (step @ pull)
        elif new_value > value:
            curvature = 4 * curvature
        if new_value <= value + 1e-9 * abs(value):
            point, value, slope = point + step, new_value, new_slope
    return None


def _polished(objective: Objective, point: Floats) -> Floats:
    """Take Newton's steps while they shrink the gradient."""
    slope = objective(point)[1]
    curvature = hessian(objective, point)
    for _ in range(6):
        if np.abs(slope).max() < 1e-7 or np.linalg.eigvalsh(curvature)[0] <= 0:
            break
        moved = point - np.linalg.solve(curvature, slope)
        new_slope = objective(moved)[1]
        if np.abs(new_slope).max() >= np.abs(slope).max():
            break
        point, slope = np.asarray(moved), new_slope
    return point


def hessian(objective: Objective, point: Floats, *, step: float = 1e-3) -> Floats:
    """Return second derivatives from central differences of the gradient, (q, q), symmetric."""
    moves = step * np.eye(len(point))
    rows = np.array([(objective(point + move)[1] - objective(point - move)[1]) / (2 * step) for move in moves])
    return np.asarray((rows + rows.T) / 2)


def _better_at_zero(cells: Cells, components: tuple[str, ...], values: Floats) -> int | None:
    """Return which positive ratio should be 0, None where none should."""
    reached = criterion(Equations(cells, ratios_of(components, values)))
    for j in np.argsort(values):
        if not 0 < values[j] < np.exp(NEAR_ZERO):
            continue
        without = np.where(np.arange(len(values)) == j, 0.0, values)
        if criterion(Equations(cells, ratios_of(components, without))) <= reached + 1e-9:
            return int(j)
    return None
