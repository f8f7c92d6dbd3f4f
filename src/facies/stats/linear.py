"""Least squares with standard errors that hold when the spread varies, or when people come in families."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.stats.regression import (
    COLLINEAR,
    Fit,
    clustered_covariance,
    constant_columns,
    design_problem,
    few_clusters_factor,
    no_fit,
    one_family,
    own_share,
    require_shapes,
    standardise,
    wald_fit,
)
from facies.types import Floats


def fit_linear(y: Floats, X: Floats, *, names: tuple[str, ...], clusters: NDArray[Any] | None = None, level: float = 0.95) -> Fit:
    """Fit ordinary least squares with HC3 standard errors, or cluster-robust ones (CR1) when ``clusters`` is given.

    HC3 holds when the spread varies with X (MacKinnon & White, J Econom 1985;29:305-325; Long & Ervin, Am Stat 2000;54:217-224).
    Wald tests and intervals use the t distribution with n - k degrees of freedom, or clusters - 1
    (Cameron & Miller, J Hum Resour 2015;50:317-372). There is no estimate, and a note, when the outcome is constant or determined by X.

    Parameters
    ----------
    y
        Outcome, (n,).
    X
        Exposure and covariates without a constant, (n, k).
    names
        One a column of X.
    clusters
        The family of each row, (n,), or None.

    Examples
    --------
    >>> x = np.arange(8.0)
    >>> fit = fit_linear(2 * x + np.array([0, 1, 0, -1, 0, 1, 0, -1.0]), x[:, None], names=("x",))
    >>> round(float(fit.coef[0]), 3), fit.n
    (1.905, 8)
    """
    require_shapes(y, X, names)
    problem = linear_problem(y, X, names) or (_alone(X, names) if clusters is None else one_family(clusters))
    if problem:
        return no_fit(names, len(y), None, problem, family="linear")
    from statsmodels.regression.linear_model import OLS

    scaled, back = standardise(X)
    result = OLS(y, scaled).fit()
    n, k = scaled.shape
    weights = result.resid / (1 - leverages(scaled)) if clusters is None else result.resid
    contributions = (scaled * weights[:, None]) @ (back @ np.asarray(result.normalized_cov_params)).T
    covariance = few_clusters_factor(n, k, clusters) * clustered_covariance(contributions, clusters)
    freedom = n - k if clusters is None else len(np.unique(clusters)) - 1
    coef = back @ np.asarray(result.params)
    return wald_fit(
        (*names, "intercept"), coef, covariance, level=level, n=n, n_events=None, family="linear", influence=contributions[:, 0],
        freedom=freedom,
    )  # fmt: skip


def leverages(X: Floats) -> Floats:
    """Return each row's leverage, (n,): the diagonal of the hat matrix."""
    return np.asarray(np.sum(np.linalg.qr(X)[0] ** 2, axis=1))


def linear_problem(y: Floats, X: Floats, names: tuple[str, ...]) -> str:
    """Say why least squares give nothing, or return an empty string. Without a residual the standard error is rounding noise."""
    problem = design_problem(X, names)
    if problem:
        return problem
    if constant_columns(y[:, None])[0]:
        return "the outcome has the same value for everybody"
    if own_share(np.column_stack([X, y]))[-1] < COLLINEAR:
        return "the outcome is determined by the exposure and the covariates"
    return ""


def _alone(X: Floats, names: tuple[str, ...]) -> str:
    """HC3 divides by 1 - leverage: say so when one person alone decides a coefficient."""
    scaled, _ = standardise(X)
    alone = np.flatnonzero(1 - leverages(scaled) < 1e-9)
    if not len(alone):
        return ""
    columns = np.flatnonzero(np.abs(scaled[alone[0], 1:]) > 0.99 * np.abs(scaled[:, 1:]).max(axis=0))
    who = names[int(columns[-1])] if len(columns) else "a coefficient"
    return f"{who} rests on one participant: merge this level with another"
