"""Logistic regression by maximum likelihood, and whether its estimate is finite."""

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
    few_events,
    no_fit,
    one_family,
    require_shapes,
    standardise,
    wald_fit,
)
from facies.types import Floats


def fit_logistic(
    y: Floats, X: Floats, *, names: tuple[str, ...], clusters: NDArray[Any] | None = None, min_events: int = 10, level: float = 0.95
) -> Fit:
    """Fit logistic regression by maximum likelihood; coefficients are log odds ratios.

    Standard errors come from the information matrix, or are cluster-robust (CR1) when ``clusters`` is given; Wald tests use the
    normal distribution. There is no estimate, and a note, when fewer than ``min_events`` people have (or lack) the outcome, or when
    the data are separated, so that the estimate would be infinite (Albert & Anderson, Biometrika 1984;71:1-10).

    Parameters
    ----------
    y
        Outcome, 0 or 1, (n,).

    Raises
    ------
    InputError
        When y holds anything but 0 and 1.

    Examples
    --------
    >>> fit = fit_logistic(np.array([0, 0, 0, 1, 1, 1.0]), np.arange(6.0)[:, None], names=("x",), min_events=1)
    >>> fit.note
    'x separates those with the outcome from those without: no finite odds ratio'
    """
    require_shapes(y, X, names)
    if not np.isin(y, (0, 1)).all():
        raise InputError("a binary outcome holds something else than 0 and 1: recode it")
    n_events = int(y.sum())
    problem = few_events(n_events, len(y), min_events) or design_problem(X, names) or separation(y, X, names) or one_family(clusters)
    if problem:
        return no_fit(names, len(y), n_events, problem, family="logistic")
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    scaled, back = standardise(X)
    result = GLM(y, scaled, family=Binomial()).fit(maxiter=200, tol=1e-10, tol_criterion="params")
    if not result.converged:
        return no_fit(names, len(y), n_events, "the fit did not converge: the outcome is almost separated", family="logistic")
    n, k = scaled.shape
    fitted = 1 / (1 + np.exp(-(scaled @ np.asarray(result.params))))
    bread = np.linalg.inv((scaled * (fitted * (1 - fitted))[:, None]).T @ scaled)
    contributions = (scaled * (y - fitted)[:, None]) @ (back @ bread).T
    robust = few_clusters_factor(n, k, clusters) * clustered_covariance(contributions, clusters)
    return wald_fit(
        (*names, "intercept"), back @ np.asarray(result.params), back @ bread @ back.T if clusters is None else robust, level=level, n=n,
        n_events=n_events, family="logistic", influence=contributions[:, 0],
    )  # fmt: skip


def separation(y: Floats, X: Floats, names: tuple[str, ...]) -> str:
    """Say which columns separate the outcome, so that the odds ratio would be infinite, or return an empty string."""
    columns = separating_columns(y, X)
    if not len(columns):
        return ""
    which = " with ".join(names[column] for column in columns[:3])
    return f"{which} separates those with the outcome from those without: no finite odds ratio"


def separating_columns(y: Floats, X: Floats) -> NDArray[np.intp]:
    """Return the columns along which a logistic likelihood has no maximum, strongest first; empty when the estimate is finite.

    A linear programme looks for a direction in which no one is on the wrong side and someone is on the right one (Konis, Linear
    programming algorithms for detecting separated data in binary logistic regression models. DPhil thesis, Oxford 2007).

    Examples
    --------
    >>> separating_columns(np.array([0, 1, 0, 1.0]), np.array([[1.0], [2.0], [3.0], [4.0]]))
    array([], dtype=int64)
    """
    from scipy.optimize import linprog

    scaled, _ = standardise(X)
    if _has_maximum(y, scaled):
        return np.array([], dtype=np.intp)
    signed = scaled * (2 * y - 1)[:, None]
    programme = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(y)), bounds=(-1, 1), method="highs")
    if programme.status != 0 or -programme.fun < 1e-5:
        return np.array([], dtype=np.intp)
    direction = np.abs(programme.x[1:])
    order = np.argsort(-direction, kind="stable")
    return np.asarray(order[direction[order] > 1e-6], dtype=np.intp)


def _has_maximum(y: Floats, scaled: Floats, *, steps: int = 12, largest: float = 15.0) -> bool:
    """Say whether a few Newton steps reach a stationary point at moderate log odds: then it is the maximum and nothing is separated.

    False decides nothing; it only saves the linear programme in ordinary data.
    """
    coef = np.zeros(scaled.shape[1])
    for _ in range(steps):
        log_odds = scaled @ coef
        if np.abs(log_odds).max() > largest:
            return False
        fitted = 1 / (1 + np.exp(-log_odds))
        score = scaled.T @ (y - fitted)
        if np.abs(score).max() < 1e-9 * len(y):
            return True
        coef = coef + np.linalg.solve((scaled * (fitted * (1 - fitted))[:, None]).T @ scaled, score)
    return False
