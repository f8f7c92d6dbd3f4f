"""Proportional odds refitted on many draws of people at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from facies.stats.refits import Derivatives, Refit, climb, newton, unpack
from facies.stats.regression import standardise
from facies.types import Floats


@dataclass(frozen=True, eq=False)
class _Levels:
    """Each person's level, and the derivatives of the upper and lower linear predictor by thresholds and coefficients, (n, p)."""

    code: NDArray[np.intp]
    cuts: int
    Z: Floats
    above: Floats
    below: Floats


def ordinal_refit(y: Floats, X: Floats) -> Refit:
    """Return the refit of proportional odds. A draw that lacks a level is fitted on the levels it has.

    Examples
    --------
    >>> from facies.stats.ordinal import fit_ordinal
    >>> rng = np.random.default_rng(2)
    >>> x = rng.normal(size=(300, 1))
    >>> y = np.digitize(x[:, 0] + rng.logistic(size=300), [-1, 0, 1]) * 1.0
    >>> fit = fit_ordinal(y, x, names=("x",))
    >>> bool(np.isclose(ordinal_refit(y, x)(np.ones((1, 300)))[0], fit.coef[0]))
    True
    """
    scaled, back = standardise(X)
    code = np.unique(y, return_inverse=True)[1].reshape(-1)
    return partial(_refit, code=code, Z=scaled[:, 1:], unit=float(back[0, 1]))


def _refit(weights: Floats, *, code: NDArray[np.intp], Z: Floats, unit: float) -> Floats:
    has = np.column_stack([weights[:, code == level].any(axis=1) for level in range(code.max() + 1)])
    coef = np.full(len(weights), np.nan)
    for present in np.unique(has, axis=0):
        if present.sum() < 2:
            continue
        these = (has == present).all(axis=1)
        data = _levels(np.maximum(np.cumsum(present) - 1, 0)[code], int(present.sum()) - 1, Z)
        derivatives = partial(_derivatives, data)
        start = _start(data, derivatives)
        coef[these] = newton(weights[these], derivatives=derivatives, start=start, column=data.cuts, unit=unit)
    return coef


def _start(data: _Levels, derivatives: Derivatives) -> Floats:
    """Return the maximum in all people, so that each draw starts near its own."""
    shares = np.cumsum(np.bincount(data.code))[:-1] / len(data.code)
    first = np.r_[np.log(shares / (1 - shares)), np.zeros(data.Z.shape[1])]
    return np.asarray(climb(np.ones((1, len(data.code))), derivatives, first)[0])


def _levels(code: NDArray[np.intp], cuts: int, Z: Floats) -> _Levels:
    identity = np.vstack([np.zeros(cuts), np.eye(cuts), np.zeros(cuts)])
    finite = np.r_[0.0, np.ones(cuts), 0.0]
    above, below = (np.column_stack([identity[at], -Z * finite[at][:, None]]) for at in (code + 1, code))
    return _Levels(code, cuts, Z, above, below)


def _derivatives(data: _Levels, theta: Floats, weights: Floats) -> tuple[Floats, Floats]:
    upper, lower = _sides(data, theta)
    share = np.where(upper > lower, upper - lower, np.nan)
    up, low = upper * (1 - upper) / share, lower * (1 - lower) / share
    score = (weights * up) @ data.above - (weights * low) @ data.below
    first, second = np.triu_indices(theta.shape[1])
    squares = (
        (weights * (up * up - up * (1 - 2 * upper))) @ (data.above[:, first] * data.above[:, second])
        + (weights * (low * low + low * (1 - 2 * lower))) @ (data.below[:, first] * data.below[:, second])
        - (weights * up * low)
        @ (data.above[:, first] * data.below[:, second] + data.below[:, first] * data.above[:, second])
    )  # fmt: skip
    return score, unpack(squares, theta.shape[1])


def _sides(data: _Levels, theta: Floats) -> tuple[Floats, Floats]:
    """Return P(level at or below) at each person's own level and at the level below it, (draws, n) each."""
    from scipy.special import expit

    edge = np.full((len(theta), 1), np.inf)
    padded = np.concatenate([-edge, theta[:, : data.cuts], edge], axis=1)
    shift = theta[:, data.cuts :] @ data.Z.T
    return np.asarray(expit(padded[:, data.code + 1] - shift)), np.asarray(expit(padded[:, data.code] - shift))
