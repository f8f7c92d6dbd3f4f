"""Firth's logistic regression of one variant, where maximum likelihood has no answer: a finite estimate and a likelihood ratio test."""

from __future__ import annotations

from typing import Any

import numpy as np

from facies.types import Floats


def firth_variant(y: Floats, counts: Floats, covariates: Floats) -> tuple[float, float, float]:
    """Return the log odds ratio an allele, its standard error and the p-value; NaN where the fit does not converge.

    Estimates by firthmodels; the p-value is by the penalised likelihood ratio, which stays right where the Wald test of a nearly infinite
    estimate has no power (Firth, Biometrika 1993;80:27-38; Heinze & Schemper, Stat Med 2002;21:2409-2419).

    Parameters
    ----------
    y
        Outcome, 0 or 1, (n,).
    counts
        Alleles, (n,), without missing calls.
    covariates
        (n, k), without a constant.

    Examples
    --------
    >>> y, alleles = np.repeat([0.0, 1.0], [40, 20]), np.repeat([0.0, 1.0], [50, 10])
    >>> beta, std_error, p_value = firth_variant(y, alleles, np.empty((60, 0)))
    >>> round(beta, 2), bool(p_value < 1e-4)
    (4.39, True)
    """
    import warnings

    from firthmodels import FirthLogisticRegression
    from sklearn.exceptions import ConvergenceWarning

    centre, spread = covariates.mean(axis=0), covariates.std(axis=0)
    X = np.column_stack([counts, (covariates - centre) / np.where(spread > 0, spread, 1.0)])
    model = FirthLogisticRegression(backend="numpy", max_iter=200, gtol=1e-6, xtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(X, y).lrt(0)
        except (ConvergenceWarning, np.linalg.LinAlgError):
            return np.nan, np.nan, np.nan
    return float(model.coef_[0]), _std_error(X, model), float(model.lrt_pvalues_[0])


def _std_error(X: Floats, model: Any) -> float:
    """Return the first coefficient's standard error from the information at the penalised estimates."""
    design = np.column_stack([X, np.ones(len(X))])
    fitted = 1 / (1 + np.exp(-(X @ model.coef_ + model.intercept_)))
    information = (design * (fitted * (1 - fitted))[:, None]).T @ design
    return float(np.sqrt(np.linalg.inv(information)[0, 0]))
