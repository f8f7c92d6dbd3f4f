"""Least squares with a random intercept: people of one family or site are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.stats.linear import linear_problem
from facies.stats.regression import Fit, no_fit, one_family, require_shapes, standardise, wald_fit
from facies.types import Floats


def fit_mixed(y: Floats, X: Floats, *, names: tuple[str, ...], clusters: NDArray[Any], level: float = 0.95) -> Fit:
    """Fit a linear model with a random intercept a cluster by restricted maximum likelihood; Wald tests by the normal distribution.

    Laird & Ware, Biometrics 1982;38:963-974. ``influence`` is each person's part of the generalised least squares estimate, so that its
    sums by cluster give the cluster-robust variance.

    Parameters
    ----------
    y
        Outcome, (n,).
    X
        Exposure and covariates without a constant, (n, k).
    clusters
        The family or site of each row, (n,).

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> family, x = np.repeat(np.arange(60), 3), rng.normal(size=180)
    >>> y = 0.5 * x + rng.normal(size=60)[family] + rng.normal(size=180)
    >>> fit = fit_mixed(y, x[:, None], names=("x",), clusters=family)
    >>> bool(fit.ci_low[0] < 0.5 < fit.ci_high[0])
    True
    """
    require_shapes(y, X, names)
    problem = linear_problem(y, X, names) or one_family(clusters)
    if problem:
        return no_fit(names, len(y), None, problem, family="linear_mixed")
    scaled, back = standardise(X)
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    ratio = _variance_ratio(y, scaled, codes)
    at_edge = ratio < 1e-8
    whitened = _whitened(np.column_stack([y, scaled]), codes, 0.0 if at_edge else ratio)
    y_white, X_white = whitened[:, 0], whitened[:, 1:]
    bread = np.linalg.inv(X_white.T @ X_white)
    beta = bread @ X_white.T @ y_white
    residual = y_white - X_white @ beta
    variance = residual @ residual / (len(y) - X_white.shape[1])
    note = "no variance between clusters: the random intercept is zero" if at_edge else ""
    influence = _by_person(y - scaled @ beta, scaled, codes, ratio) @ (back @ bread)[0]
    return wald_fit(
        (*names, "intercept"), back @ beta, variance * back @ bread @ back.T, level=level, n=len(y), n_events=None, family="linear_mixed",
        influence=influence, note=note,
    )  # fmt: skip


def _variance_ratio(y: Floats, X: Floats, codes: NDArray[np.intp]) -> float:
    """Return the variance between clusters over that within, where the restricted likelihood is highest."""
    from scipy.optimize import minimize_scalar

    def deviance(log_ratio: float) -> float:
        return _restricted_deviance(y, X, codes, float(np.exp(log_ratio)))

    best = minimize_scalar(deviance, bounds=(-25.0, 12.0), method="bounded", options={"xatol": 1e-10, "maxiter": 500})
    return 0.0 if _restricted_deviance(y, X, codes, 0.0) <= best.fun else float(np.exp(best.x))


def _restricted_deviance(y: Floats, X: Floats, codes: NDArray[np.intp], ratio: float) -> float:
    sizes = np.bincount(codes)
    whitened = _whitened(np.column_stack([y, X]), codes, ratio)
    n, k = X.shape
    cross = whitened.T @ whitened
    beta = np.linalg.solve(cross[1:, 1:], cross[1:, 0])
    rss = cross[0, 0] - beta @ cross[1:, 0]
    return float((n - k) * np.log(rss) + np.sum(np.log1p(sizes * ratio)) + np.linalg.slogdet(cross[1:, 1:])[1])


def _whitened(values: Floats, codes: NDArray[np.intp], ratio: float) -> Floats:
    """Return rows less the share of their cluster's mean that makes them independent: V^(-1/2) for compound symmetry."""
    sizes = np.bincount(codes)
    share = 1 - 1 / np.sqrt(1 + sizes * ratio)
    return np.asarray(values - share[codes, None] * _means(values, codes)[codes])


def _by_person(residual: Floats, X: Floats, codes: NDArray[np.intp], ratio: float) -> Floats:
    """Return x times V^(-1) residual, person by person."""
    sizes = np.bincount(codes)
    share = sizes * ratio / (1 + sizes * ratio)
    inverse = residual - share[codes] * _means(residual[:, None], codes)[codes, 0]
    return np.asarray(X * inverse[:, None])


def _means(values: Floats, codes: NDArray[np.intp]) -> Floats:
    sums = np.zeros((int(codes.max()) + 1, values.shape[1]))
    np.add.at(sums, codes, values)
    return np.asarray(sums / np.bincount(codes)[:, None])
