"""Regression of counts: Poisson, and negative binomial where counts scatter more than Poisson counts do."""

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

LARGEST_DISPERSION = 1e3
"""A negative binomial dispersion beyond this is no estimate."""


def fit_count(
    y: Floats,
    X: Floats,
    *,
    names: tuple[str, ...],
    time: Floats | None = None,
    model: str = "negative_binomial",
    clusters: NDArray[Any] | None = None,
    min_events: int = 10,
    level: float = 0.95,
) -> Fit:
    """Fit a regression of counts with a logarithmic link; coefficients are log rate ratios.

    ``negative_binomial`` is NB2, whose variance is mu + dispersion · mu² (Lawless, Can J Stat 1987;15:209-225), by maximum likelihood of
    coefficients and dispersion together. Where the likelihood is highest without dispersion the Poisson model is fitted and noted. Poisson
    fits have robust standard errors always (HC0), since their own hold only for Poisson counts. ``n_events`` is the number of people with
    an event; where it is below ``min_events`` there is no estimate, and a note.

    Parameters
    ----------
    y
        Counts, 0, 1, 2, ..., (n,).
    time
        Time in which each person was counted, (n,); None: the same for all.
    model
        ``"negative_binomial"`` or ``"poisson"``.

    Raises
    ------
    InputError
        When a count is negative or no whole number, a time is not above 0, or the model is unknown.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> x = rng.normal(size=300)
    >>> fit = fit_count(rng.poisson(np.exp(0.3 * x)).astype(float), x[:, None], names=("x",), model="poisson")
    >>> bool(fit.ci_low[0] < 0.3 < fit.ci_high[0]), fit.family
    (True, 'poisson')
    """
    require_shapes(y, X, names)
    _require_counts(y, time, model)
    n_events = int((y > 0).sum())
    problem = _few(n_events, len(y), min_events) or design_problem(X, names) or one_family(clusters)
    if problem:
        return no_fit(names, len(y), n_events, problem, family=model)
    scaled, back = standardise(X)
    offset = np.zeros(len(y)) if time is None else np.log(time)
    beta = _poisson(y, scaled, offset)
    if beta is None:
        return no_fit(names, len(y), n_events, "the fit did not converge: a count may be separated", family=model)
    dispersion = _dispersion_start(y, scaled, offset, beta) if model == "negative_binomial" else 0.0
    if dispersion > 0:
        found = _negative_binomial(y, scaled, offset, beta, dispersion)
        if found is None:
            return no_fit(names, len(y), n_events, "the negative binomial fit did not converge", family=model)
        beta, dispersion = found
    note = "counts scatter no more than Poisson counts: Poisson regression" if model == "negative_binomial" and dispersion == 0 else ""
    return _wrapped(y, scaled, offset, beta, dispersion, back, names, clusters, level, note)


def _require_counts(y: Floats, time: Floats | None, model: str) -> None:
    if model not in ("negative_binomial", "poisson"):
        raise InputError(f"count model is '{model}': choose negative_binomial or poisson")
    if (y < 0).any() or (y % 1 != 0).any():
        raise InputError("a count is negative or no whole number: correct it, or call the outcome continuous")
    if time is not None and (time <= 0).any():
        raise InputError("a time at risk is not above 0: leave these people out first, or correct the time")


def _few(n_events: int, n: int, min_events: int) -> str:
    return f"{n_events} of {n} participants have an event: fewer than {min_events}" if n_events < min_events else ""


def _poisson(y: Floats, X: Floats, offset: Floats) -> Floats | None:
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    result = GLM(y, X, family=Poisson(), offset=offset).fit(maxiter=200, tol=1e-10, tol_criterion="params")
    return np.asarray(result.params) if result.converged else None


def _dispersion_start(y: Floats, X: Floats, offset: Floats, beta: Floats) -> float:
    """Return a moment estimate of the dispersion; 0 where the likelihood falls as dispersion sets in (the score at 0 is not positive)."""
    mu = np.exp(X @ beta + offset)
    score = float(np.sum((y - mu) ** 2 - y))
    return max(score / float(np.sum(mu**2)), 1e-3) if score > 0 else 0.0


def _negative_binomial(y: Floats, X: Floats, offset: Floats, beta: Floats, dispersion: float) -> tuple[Floats, float] | None:
    """Return coefficients and dispersion by Newton's method on both, polished from statsmodels' optimum; None without one."""
    import warnings

    from statsmodels.discrete.discrete_model import NegativeBinomial
    from statsmodels.tools.sm_exceptions import ConvergenceWarning, HessianInversionWarning

    model = NegativeBinomial(y, X, offset=offset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (ConvergenceWarning))
        warnings.simplefilter("ignore", HessianInversionWarning)
        start = model.fit(start_params=np.r_[beta, dispersion], method="bfgs", maxiter=200, gtol=1e-6, disp=0)
    params = _polished(model, np.asarray(start.params, dtype=np.float64))
    if params is None or not 0 < params[-1] < LARGEST_DISPERSION:
        return None
    return params[:-1], float(params[-1])


def _polished(model: Any, params: Floats, *, steps: int = 30) -> Floats | None:
    for _ in range(steps):
        step = np.linalg.solve(np.asarray(model.hessian(params)), np.asarray(model.score(params)))
        shrink = 1.0
        while params[-1] - shrink * step[-1] <= 0:
            shrink /= 2
        params = params - shrink * step
        if np.abs(step).max() < 1e-11:
            return params
    return None


def _wrapped(
    y: Floats,
    X: Floats,
    offset: Floats,
    beta: Floats,
    dispersion: float,
    back: Floats,
    names: tuple[str, ...],
    clusters: NDArray[Any] | None,
    level: float,
    note: str,
) -> Fit:
    """Return the fit with the observed information of the coefficients (the dispersion is taken as known, as glm.nb does)."""
    mu = np.exp(X @ beta + offset)
    weights = mu / (1 + dispersion * mu)
    bread = np.linalg.inv((X * weights[:, None]).T @ X)
    contributions = (X * ((y - mu) / (1 + dispersion * mu))[:, None]) @ (back @ bread).T
    own = back @ bread @ back.T
    robust = few_clusters_factor(len(y), X.shape[1], clusters) * clustered_covariance(contributions, clusters)
    family = "negative_binomial" if dispersion > 0 else "poisson"
    return wald_fit(
        (*names, "intercept"), back @ beta, own if clusters is None and dispersion > 0 else robust, level=level, n=len(y),
        n_events=int((y > 0).sum()), family=family, influence=contributions[:, 0], note=note,
    )  # fmt: skip
