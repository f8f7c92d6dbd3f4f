"""Linear and logistic regression by statsmodels, with the checks that keep nonsense out.

A model that cannot be estimated returns NaN with a note that says why; it never returns a huge odds ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats

COLLINEAR = 1e-7
"""A column is collinear when less than this share of its standard deviation is its own."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model: one entry a column of X, then the intercept.

    ``note`` says why there are no estimates, and is empty when there are.
    """

    names: tuple[str, ...]
    coef: Floats
    std_error: Floats
    ci_low: Floats
    ci_high: Floats
    p_value: Floats
    n: int
    n_events: int | None = None
    note: str = ""


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
    _require_shapes(y, X, names)
    problem = design_problem(X, names) or _determined(y, X) or (_alone(X, names) if clusters is None else _one_family(clusters))
    if problem:
        return _no_fit(names, len(y), None, problem)
    from statsmodels.regression.linear_model import OLS

    scaled, back = _standardise(X)
    result = OLS(y, scaled).fit(use_t=True, **_covariance(clusters, plain="HC3"))
    return _wrap(result, back, names, level, n_events=None, use_t=True)


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
    _require_shapes(y, X, names)
    if not np.isin(y, (0, 1)).all():
        raise InputError("a binary outcome holds something else than 0 and 1: recode it")
    n_events = int(y.sum())
    problem = _few_events(n_events, len(y), min_events) or design_problem(X, names) or _separated(y, X, names) or _one_family(clusters)
    if problem:
        return _no_fit(names, len(y), n_events, problem)
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    scaled, back = _standardise(X)
    result = GLM(y, scaled, family=Binomial()).fit(maxiter=200, tol=1e-12, **_covariance(clusters, plain="nonrobust"))
    if not result.converged:
        return _no_fit(names, len(y), n_events, "the fit did not converge: the outcome is almost separated")
    return _wrap(result, back, names, level, n_events=n_events, use_t=False)


def design_problem(X: Floats, names: tuple[str, ...]) -> str:
    """Say why a design cannot be estimated: too few people, a constant or a collinear column; an empty string when it can.

    The first column that the ones *after* it and the constant already determine is named last, so put the exposure first.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 4.0, 7.0])
    >>> design_problem(np.column_stack([x, 3 - 2 * x]), ("perceived_age", "gap"))
    'perceived_age is determined by the covariates (collinear)'
    """
    n, k = X.shape
    if n <= k + 1:
        return f"{n} participants are too few for {k + 1} coefficients"
    constant = constant_columns(X)
    if constant.any():
        return f"{names[int(np.flatnonzero(constant)[0])]} has the same value for everybody"
    own = _own_share(X[:, ::-1])[::-1]
    if (own < COLLINEAR).any():
        return f"{names[int(np.flatnonzero(own < COLLINEAR)[-1])]} is determined by the covariates (collinear)"
    return ""


def constant_columns(X: Floats) -> NDArray[np.bool_]:
    """Return which columns have one value only."""
    return np.asarray(np.ptp(X, axis=0) <= 1e-12 * np.maximum(1.0, np.abs(X).max(axis=0)))


def _own_share(X: Floats) -> Floats:
    """Return for each column the share of its standard deviation that the constant and the columns before it leave over."""
    centred = X - X.mean(axis=0)
    scaled = centred / np.sqrt(np.mean(centred**2, axis=0))
    return np.asarray(np.abs(np.diag(np.linalg.qr(scaled, mode="r"))) / np.sqrt(len(X)))


def _determined(y: Floats, X: Floats) -> str:
    """Without a residual the standard error is rounding noise, and so is the p-value: say so."""
    if constant_columns(y[:, None])[0]:
        return "the outcome has the same value for everybody"
    if _own_share(np.column_stack([X, y]))[-1] < COLLINEAR:
        return "the outcome is determined by the exposure and the covariates"
    return ""


def _one_family(clusters: NDArray[Any] | None) -> str:
    if clusters is None or len(np.unique(clusters)) > 1:
        return ""
    return "all participants are in one family: standard errors by family need at least 2"


def _alone(X: Floats, names: tuple[str, ...]) -> str:
    """HC3 divides by 1 - leverage: say so when one person alone decides a coefficient."""
    scaled, _ = _standardise(X)
    leverage = np.sum(np.linalg.qr(scaled)[0] ** 2, axis=1)
    alone = np.flatnonzero(1 - leverage < 1e-9)
    if not len(alone):
        return ""
    columns = np.flatnonzero(np.abs(scaled[alone[0], 1:]) > 0.99 * np.abs(scaled[:, 1:]).max(axis=0))
    who = names[int(columns[-1])] if len(columns) else "a coefficient"
    return f"{who} rests on one participant: merge this level with another"


def _few_events(n_events: int, n: int, min_events: int) -> str:
    if n_events < min_events:
        return f"{n_events} of {n} participants have the outcome: fewer than {min_events}"
    if n - n_events < min_events:
        return f"{n - n_events} of {n} participants are without the outcome: fewer than {min_events}"
    return ""


def _separated(y: Floats, X: Floats, names: tuple[str, ...]) -> str:
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

    scaled, _ = _standardise(X)
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


def _standardise(X: Floats) -> tuple[Floats, Floats]:
    """Return X centred and scaled behind a constant, and the matrix that turns its coefficients back: X's columns, then the intercept."""
    mean, sd = X.mean(axis=0), X.std(axis=0)
    k = X.shape[1]
    back = np.zeros((k + 1, k + 1))
    back[:k, 1:] = np.diag(1 / sd)
    back[k, 0], back[k, 1:] = 1.0, -mean / sd
    return np.column_stack([np.ones(len(X)), (X - mean) / sd]), back


def _covariance(clusters: NDArray[Any] | None, *, plain: str) -> dict[str, Any]:
    if clusters is None:
        return {"cov_type": plain}
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    return {"cov_type": "cluster", "cov_kwds": {"groups": codes}}


def _wrap(result: Any, back: Floats, names: tuple[str, ...], level: float, *, n_events: int | None, use_t: bool) -> Fit:
    from scipy.stats import norm, t

    coef = back @ np.asarray(result.params)
    std_error = np.sqrt(np.diag(back @ np.asarray(result.cov_params()) @ back.T))
    freedom = getattr(result, "df_resid_inference", None) or result.df_resid
    reference = t(freedom) if use_t else norm()
    half = reference.ppf((1 + level) / 2) * std_error
    p_value = 2 * reference.sf(np.abs(coef / std_error))
    return Fit((*names, "intercept"), coef, std_error, coef - half, coef + half, p_value, int(result.nobs), n_events)


def _no_fit(names: tuple[str, ...], n: int, n_events: int | None, note: str) -> Fit:
    nothing = np.full(len(names) + 1, np.nan)
    return Fit((*names, "intercept"), nothing, nothing, nothing, nothing, nothing, n, n_events, note)


def _require_shapes(y: Floats, X: Floats, names: tuple[str, ...]) -> None:
    if X.ndim != 2 or y.shape != (len(X),) or len(names) != X.shape[1]:
        raise InputError(f"y has shape {y.shape}, X {X.shape} and there are {len(names)} names: give (n,), (n, k) and k")
    if not (np.isfinite(y).all() and np.isfinite(X).all()):
        raise InputError("the outcome or a covariate has missing values: leave these people out first")
