"""Proportional odds regression of ordered levels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.stats.regression import (
    Fit,
    clustered_covariance,
    design_problem,
    few_clusters_factor,
    no_fit,
    one_family,
    require_shapes,
    standardise,
    wald_fit,
)
from facies.types import Floats

FEWEST_LEVELS = 3

LARGEST = 25.0
"""Log odds, of standardised columns, beyond which levels are taken as separated."""


def fit_ordinal(
    y: Floats, X: Floats, *, names: tuple[str, ...], clusters: NDArray[Any] | None = None, min_events: int = 10, level: float = 0.95
) -> Fit:
    """Fit the proportional odds model; coefficients are log odds ratios of a higher level, the same at every threshold.

    By maximum likelihood (McCullagh, J R Stat Soc B 1980;42:109-142), with standard errors from the observed information, or by cluster.
    There is no intercept: the thresholds are not reported. ``n_events`` counts people above the lowest level.

    Parameters
    ----------
    y
        Levels as numbers; only their order matters, (n,).

    Raises
    ------
    InputError
        When there are fewer than three levels.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=400)
    >>> y = np.digitize(0.5 * x + rng.logistic(size=400), [-1, 1]).astype(float)
    >>> fit = fit_ordinal(y, x[:, None], names=("x",))
    >>> bool(fit.ci_low[0] < 0.5 < fit.ci_high[0])
    True
    """
    require_shapes(y, X, names)
    levels, codes = np.unique(y, return_inverse=True)
    if len(levels) < FEWEST_LEVELS:
        raise InputError(f"an ordinal outcome has {len(levels)} levels: give at least {FEWEST_LEVELS}, or call it binary")
    n_events = int((codes > 0).sum())
    problem = _rare_level(codes, min_events) or design_problem(X, names) or one_family(clusters)
    if problem:
        return no_fit(names, len(y), n_events, problem, family="ordinal")
    scaled, back = standardise(X)
    found = _maximum(codes, scaled[:, 1:], len(levels))
    if found is None:
        return no_fit(names, len(y), n_events, "the fit did not converge: a level may be separated", family="ordinal")
    k = X.shape[1]
    coef_back = np.column_stack([back[:k, 1:], np.zeros((k, len(levels) - 1))])
    params, scores, information = found
    bread = np.linalg.inv(information)
    contributions = scores @ (coef_back @ bread).T
    own = coef_back @ bread @ coef_back.T
    robust = few_clusters_factor(len(y), len(params), clusters) * clustered_covariance(contributions, clusters)
    return wald_fit(
        names, coef_back @ params, own if clusters is None else robust, level=level, n=len(y), n_events=n_events, family="ordinal",
        influence=contributions[:, 0],
    )  # fmt: skip


def _rare_level(codes: NDArray[np.intp], min_events: int) -> str:
    counts = np.bincount(codes)
    if counts[0] < min_events or len(codes) - counts[0] < min_events:
        return f"{min(counts[0], len(codes) - counts[0])} participants are on one side of the lowest level: fewer than {min_events}"
    return ""


def _maximum(codes: NDArray[np.intp], X: Floats, n_levels: int) -> tuple[Floats, Floats, Floats] | None:
    """Return parameters (coefficients, thresholds), each person's score and the information at the maximum; None without one.

    Newton's method with halved steps: the likelihood is concave (Pratt, JASA 1981;76:103-106). statsmodels' OrderedModel differentiates
    numerically, which leaves its standard errors short of the accuracy that is promised here.
    """
    share = np.cumsum(np.bincount(codes, minlength=n_levels))[:-1] / len(codes)
    params = np.r_[np.zeros(X.shape[1]), np.log(share / (1 - share))]
    value = _log_likelihood(codes, X, params)
    for _ in range(100):
        scores, information = _derivatives(codes, X, params, n_levels)
        step = np.linalg.solve(information, scores.sum(axis=0))
        while (tried := _log_likelihood(codes, X, params + step)) < value - 1e-9 * abs(value):
            step = step / 2
        params, value = params + step, tried
        if np.abs(params).max() > LARGEST:
            return None
        if np.abs(step).max() < 1e-11:
            return params, *_derivatives(codes, X, params, n_levels)
    return None


def _log_likelihood(codes: NDArray[np.intp], X: Floats, params: Floats) -> float:
    """Return the log-likelihood; minus infinity where thresholds are out of order."""
    k = X.shape[1]
    thresholds, linear = np.r_[-np.inf, params[k:], np.inf], X @ params[:k]
    p = _logistic(thresholds[codes + 1] - linear) - _logistic(thresholds[codes] - linear)
    return float(np.log(p).sum()) if (p > 0).all() else -np.inf


def _derivatives(codes: NDArray[np.intp], X: Floats, params: Floats, n_levels: int) -> tuple[Floats, Floats]:
    """Return each person's score, (n, p), and the observed information, (p, p); parameters are coefficients, then thresholds."""
    k = X.shape[1]
    thresholds = np.r_[-np.inf, params[k:], np.inf]
    linear = X @ params[:k]
    above, below = thresholds[codes + 1] - linear, thresholds[codes] - linear
    f_above, f_below = _logistic(above), _logistic(below)
    p = f_above - f_below
    d_above, d_below = f_above * (1 - f_above), f_below * (1 - f_below)
    s_above, s_below = d_above * (1 - 2 * f_above), d_below * (1 - 2 * f_below)
    rows = np.arange(len(codes))
    from_above, from_below = np.zeros((len(codes), n_levels + 1)), np.zeros((len(codes), n_levels + 1))
    from_above[rows, codes + 1], from_below[rows, codes] = 1.0, 1.0
    a = np.column_stack([-X, from_above[:, 1:-1]])
    b = np.column_stack([-X, from_below[:, 1:-1]])
    slope = a * (d_above / p)[:, None] - b * (d_below / p)[:, None]
    curvature = (a * (s_above / p)[:, None]).T @ a - (b * (s_below / p)[:, None]).T @ b
    return slope, slope.T @ slope - curvature


def _logistic(values: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(values))
