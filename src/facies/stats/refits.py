"""Regressions refitted on many draws of people at once: each draw is a row of weights, and one matrix product serves all draws.

Drawing people with replacement only changes how often each one counts. Least squares then needs the weighted sums of products alone,
and is exact. Other regressions are refitted by Newton's method from the estimate in all people, to convergence, for a block of draws
together. A draw in which there is no finite estimate, as where its people are separated, gives NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from facies.stats.regression import Fit, standardise
from facies.types import Floats

Refit = Callable[[Floats], Floats]
"""From weights, (draws, n), to the first coefficient in each draw, (draws,)."""

Derivatives = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""From coefficients, (draws, p), and weights, (draws, n), to scores, (draws, p), and information, (draws, p, p)."""

BLOCK = 200_000
"""Weights worked on at once: small enough for a processor's cache."""
SMALL_STEP = 1e-4
"""Newton's method converges quadratically: after a step below this the rest is about its square."""
LARGEST = 30.0
"""Standardised coefficients beyond this have no finite maximum."""
LONGEST_STEP = 2.0
"""A longer step, on standardised columns, is shortened: thresholds must not cross."""

MOST_STEPS = 25
UNDETERMINED = 1e-9
"""A variable is determined by the others in a draw when less than this share of its variance is left."""


def residual_moments(V: Floats, Z: Floats, weights: Floats) -> Floats:
    """Return for each draw the weighted sums of products of the columns of V, given a constant and Z: (draws, m, m).

    With S the result, the coefficient of column i in the least-squares regression of column j on i and Z is ``S[:, i, j] / S[:, i, i]``.
    Where a column of Z is determined by the others in a draw it counts once.

    Parameters
    ----------
    V
        Variables, (n, m).
    Z
        Covariates without a constant, (n, k).
    weights
        How often each person was drawn, (draws, n).

    Examples
    --------
    >>> x = np.arange(4.0)
    >>> S = residual_moments(np.column_stack([x, 3 * x + 1]), np.empty((4, 0)), np.ones((1, 4)))
    >>> float(S[0, 0, 1] / S[0, 0, 0])
    3.0
    """
    m = V.shape[1]
    scale = V.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    columns = np.column_stack([(V - V.mean(axis=0)) / scale, standardise(Z)[0]])
    moments = unpack(weights @ products(columns), columns.shape[1])
    cross = moments[:, :m, m:]
    rest = np.linalg.pinv(moments[:, m:, m:], rcond=1e-10, hermitian=True)
    left = moments[:, :m, :m] - cross @ rest @ np.swapaxes(cross, 1, 2)
    gone = np.diagonal(left, axis1=1, axis2=2) < UNDETERMINED * np.diagonal(moments[:, :m, :m], axis1=1, axis2=2)
    left[gone[:, :, None] | gone[:, None, :]] = np.nan
    return np.asarray(left * scale[:, None] * scale)


def linear_refit(y: Floats, X: Floats) -> Refit:
    """Return the refit of least squares, which is exact.

    Examples
    --------
    >>> linear_refit(np.array([1.0, 3.0, 5.0, 7.0]), np.arange(4.0)[:, None])(np.array([[1.0, 0.0, 2.0, 1.0]]))
    array([2.])
    """
    V, Z = np.column_stack([X[:, 0], y]), X[:, 1:]

    def refit(weights: Floats) -> Floats:
        left = residual_moments(V, Z, weights)
        return np.asarray(left[:, 0, 1] / left[:, 0, 0])

    return refit


def logistic_refit(y: Floats, X: Floats, fit: Fit) -> Refit:
    """Return the refit of a logistic regression by maximum likelihood; ``fit`` is that of all people.

    Examples
    --------
    >>> from facies.stats.logistic import fit_logistic
    >>> x = np.arange(20.0)[:, None]
    >>> y = np.tile([0.0, 1.0, 1.0, 0.0, 1.0], 4)
    >>> fit = fit_logistic(y, x, names=("x",), min_events=1)
    >>> bool(np.isclose(logistic_refit(y, x, fit)(np.ones((1, 20)))[0], fit.coef[0]))
    True
    """
    scaled, start, unit = _warm(X, fit)
    return partial(newton, derivatives=partial(_logistic, y, scaled, products(scaled)), start=start, column=0, unit=unit)


def firth_refit(y: Floats, X: Floats, fit: Fit) -> Refit:
    """Return the refit of Firth's logistic regression."""
    scaled, start, unit = _warm(X, fit)
    return partial(newton, derivatives=partial(_firth, y, scaled, products(scaled)), start=start, column=0, unit=unit)


def count_refit(y: Floats, X: Floats, fit: Fit, *, person_time: Floats | None = None) -> Refit:
    """Return the refit of a Poisson or negative binomial regression, the dispersion held at its maximum in all people.

    Mean and dispersion are orthogonal, so that holding it changes the coefficients' spread by less than its own order.
    """
    scaled, start, unit = _warm(X, fit)
    offset = np.zeros(len(y)) if person_time is None else np.log(person_time)
    dispersion = 0.0 if fit.family == "poisson" else negative_binomial_dispersion(y, np.exp(_linear(scaled, start) + offset))
    derivatives = partial(_counts, y, scaled, products(scaled), offset, dispersion)
    return partial(newton, derivatives=derivatives, start=start, column=0, unit=unit)


def negative_binomial_dispersion(y: Floats, mean: Floats) -> float:
    """Return the dispersion of negative binomial counts with known means by maximum likelihood (variance mean + dispersion · mean²).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> counts = rng.poisson(3 * rng.gamma(2, 0.5, 4000)) * 1.0
    >>> bool(abs(negative_binomial_dispersion(counts, np.full(4000, 3.0)) - 0.5) < 0.05)
    True
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    def loss(log_dispersion: float) -> float:
        shape = np.exp(-log_dispersion)
        parts = gammaln(y + shape) - gammaln(shape) + shape * np.log(shape / (shape + mean)) + y * np.log(mean / (shape + mean))
        return -float(parts.sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-12, 8), method="bounded", options={"xatol": 1e-10}).x))


def newton(weights: Floats, *, derivatives: Derivatives, start: Floats, column: int, unit: float) -> Floats:
    """Climb from ``start`` in every draw and return one coefficient times ``unit``, (draws,); NaN where there is no maximum."""
    draws = max(1, BLOCK // max(weights.shape[1], 1))
    parts = [climb(weights[first : first + draws], derivatives, start) for first in range(0, len(weights), draws)]
    return np.asarray(np.concatenate(parts)[:, column] * unit) if parts else np.empty(0)


def climb(weights: Floats, derivatives: Derivatives, start: Floats) -> Floats:
    """Return the coefficients that Newton's method reaches from ``start`` in each draw, (draws, p); NaN where it does not settle."""
    coef = np.tile(start, (len(weights), 1))
    moving = np.arange(len(weights))
    for _ in range(MOST_STEPS):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a draw that runs away is lost below
            score, information = derivatives(coef[moving], weights[moving])
        broken = ~(np.isfinite(score).all(axis=1) & np.isfinite(information).all(axis=(1, 2)))
        information[broken], score[broken] = np.eye(coef.shape[1]), np.nan
        step = np.linalg.solve(_conditioned(information), score[..., None])[..., 0]
        step *= np.minimum(1.0, LONGEST_STEP / np.maximum(np.abs(step).max(axis=1, keepdims=True), LONGEST_STEP))
        coef[moving] += step
        lost = ~(np.abs(coef[moving]).max(axis=1) < LARGEST + np.abs(start).max())
        coef[moving[lost]] = np.nan
        moving = moving[~lost & (np.abs(step).max(axis=1) >= SMALL_STEP)]
        if not len(moving):
            break
    coef[moving] = np.nan
    return coef


def _conditioned(information: Floats) -> Floats:
    """Return the information with a trace on its diagonal, so that a variable that is absent from a draw takes no step in it."""
    p = information.shape[1]
    own = np.trace(information, axis1=1, axis2=2)[:, None, None] / p
    return np.asarray(information + 1e-10 * np.abs(own) * np.eye(p))


def products(columns: Floats) -> Floats:
    """Return the products of all pairs of columns, (n, m (m + 1) / 2); their weighted sums are put together by :func:`unpack`."""
    first, second = np.triu_indices(columns.shape[1])
    return np.asarray(columns[:, first] * columns[:, second])


def unpack(sums: Floats, m: int) -> Floats:
    """Return symmetric matrices, (draws, m, m), from the sums of :func:`products`, (draws, m (m + 1) / 2)."""
    first, second = np.triu_indices(m)
    whole = np.empty((len(sums), m, m))
    whole[:, first, second] = sums
    whole[:, second, first] = sums
    return whole


def _warm(X: Floats, fit: Fit) -> tuple[Floats, Floats, float]:
    """Return the exposure first, then the other standardised columns and the constant; the estimate on them; and the exposure's unit."""
    scaled, back = standardise(X)
    order: NDArray[np.intp] = np.r_[1 : scaled.shape[1], 0]
    start = np.asarray(np.linalg.solve(back, fit.coef))
    return scaled[:, order], start[order], float(back[0, 1])


def _linear(scaled: Floats, coef: Floats) -> Floats:
    return np.asarray(coef @ scaled.T)


def _logistic(y: Floats, scaled: Floats, pairs: Floats, coef: Floats, weights: Floats) -> tuple[Floats, Floats]:
    fitted = _chance(_linear(scaled, coef))
    return (weights * (y - fitted)) @ scaled, unpack((weights * (fitted * (1 - fitted))) @ pairs, scaled.shape[1])


def _firth(y: Floats, scaled: Floats, pairs: Floats, coef: Floats, weights: Floats) -> tuple[Floats, Floats]:
    fitted = _chance(_linear(scaled, coef))
    spread = weights * (fitted * (1 - fitted))
    information = unpack(spread @ pairs, scaled.shape[1])
    first, second = np.triu_indices(scaled.shape[1])
    inverse = np.linalg.pinv(information, rcond=1e-10, hermitian=True)[:, first, second] * np.where(first == second, 1.0, 2.0)
    hat = spread * (inverse @ pairs.T)
    return (weights * (y - fitted) + hat * (0.5 - fitted)) @ scaled, information


def _counts(
    y: Floats, scaled: Floats, pairs: Floats, offset: Floats, dispersion: float, coef: Floats, weights: Floats
) -> tuple[Floats, Floats]:  # fmt: skip
    mean = np.exp(np.minimum(_linear(scaled, coef) + offset, 50.0))
    spread = weights / (1 + dispersion * mean)
    return (spread * (y - mean)) @ scaled, unpack((spread * mean) @ pairs, scaled.shape[1])


def _chance(log_odds: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(log_odds))
