"""Firth's logistic regression: finite estimates where data are separated or events rare."""

from __future__ import annotations

from typing import Any

import numpy as np

from facies.errors import InputError
from facies.stats.regression import Fit, design_problem, few_events, no_fit, require_shapes, standardise
from facies.types import Floats

FEW_PER_COEFFICIENT = 10
"""Events (or non-events) per coefficient below which maximum likelihood is biased (Peduzzi et al., J Clin Epidemiol 1996;49:1373-1379)."""


def is_rare(y: Floats, n_coefficients: int) -> bool:
    """Return whether there are fewer than 10 events, or non-events, per coefficient (the intercept apart).

    Examples
    --------
    >>> is_rare(np.r_[np.ones(25), np.zeros(300)], 3)
    True
    """
    return min(float(y.sum()), float(len(y) - y.sum())) < FEW_PER_COEFFICIENT * n_coefficients


def fit_firth(y: Floats, X: Floats, *, names: tuple[str, ...], min_events: int = 10, level: float = 0.95) -> Fit:
    """Fit logistic regression with Firth's penalty; coefficients are log odds ratios.

    Estimates by firthmodels. Test and interval of the exposure, the first column, are by the penalised profile likelihood (Firth,
    Biometrika 1993;80:27-38; Heinze & Schemper, Stat Med 2002;21:2409-2419); the other columns have Wald intervals. People are taken
    as independent.

    Parameters
    ----------
    y
        Outcome, 0 or 1, (n,).
    X
        Exposure and covariates without a constant, (n, k).
    names
        One a column of X.

    Raises
    ------
    InputError
        When y holds anything but 0 and 1.

    Examples
    --------
    >>> fit = fit_firth(np.array([0, 0, 0, 1, 1, 1.0]), np.arange(6.0)[:, None], names=("x",), min_events=1)
    >>> bool(0 < fit.coef[0] < 3)
    True
    """
    require_shapes(y, X, names)
    if not np.isin(y, (0, 1)).all():
        raise InputError("a binary outcome holds something else than 0 and 1: recode it")
    n_events = int(y.sum())
    problem = few_events(n_events, len(y), min_events) or design_problem(X, names)
    if problem:
        return no_fit(names, len(y), n_events, problem, family="firth")
    scaled, back = standardise(X)
    model = _fitted(scaled[:, 1:], y)
    if model is None:
        return no_fit(names, len(y), n_events, "Firth's regression did not converge", family="firth")
    return _wrapped(model, scaled, y, back, names, level)


TOLERANCES = (1e-7, 1e-6, 1e-5, 1e-4)
"""Tried in turn: with steep, separated data rounding ends the search before the finest is reached; the last is firthmodels' own."""


def _fitted(X: Floats, y: Floats) -> Any:
    """Return the fitted model with its likelihood-ratio test of the first column, or None where it did not converge."""
    import warnings

    from firthmodels import FirthLogisticRegression
    from sklearn.exceptions import ConvergenceWarning

    for tolerance in TOLERANCES:
        model = FirthLogisticRegression(backend="numpy", max_iter=500, gtol=tolerance, xtol=tolerance)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                return model.fit(X, y).lrt(0)
            except ConvergenceWarning:
                continue
    return None


def _profile_interval(model: Any, level: float) -> Floats | None:
    """Return the first column's interval by the penalised profile likelihood, (2,), or None where the search does not converge."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    for tolerance in (1e-9, *TOLERANCES):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            ends = np.asarray(model.conf_int(alpha=1 - level, method="pl", features=0, max_iter=200, tol=tolerance)[0], dtype=np.float64)
        if np.isfinite(ends).all():
            return ends
    return None


def _wrapped(model: Any, scaled: Floats, y: Floats, back: Floats, names: tuple[str, ...], level: float) -> Fit:
    from scipy.stats import norm

    beta = np.r_[model.intercept_, model.coef_]
    fitted = 1 / (1 + np.exp(-(scaled @ beta)))
    weighted = scaled * np.sqrt(fitted * (1 - fitted))[:, None]
    bread = np.linalg.inv(weighted.T @ weighted)
    hat = np.sum((weighted @ bread) * weighted, axis=1)
    scores = scaled * (y - fitted + hat * (0.5 - fitted))[:, None]
    coef, covariance = back @ beta, back @ bread @ back.T
    std_error = np.sqrt(np.diag(covariance))
    half = norm.ppf((1 + level) / 2) * std_error
    low, high, p_value = coef - half, coef + half, 2 * norm.sf(np.abs(coef / std_error))
    profile = _profile_interval(model, level)
    if profile is not None:
        low[0], high[0] = profile * back[0, 1]
    note = "" if profile is not None else "the profile likelihood's interval did not converge: Wald interval"
    p_value[0] = model.lrt_pvalues_[0]
    influence = scores @ (back @ bread)[0]
    return Fit((*names, "intercept"), coef, std_error, low, high, p_value, len(y), int(y.sum()), note, "firth", influence, covariance)
