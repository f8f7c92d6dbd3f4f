"""How an outcome goes with an exposure along its range, without supposing a straight line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from facies.association.design import Design, gather
from facies.association.families import FAMILY_SCALES, Asked, OutcomeSpec, fit_columns, outcome_specs
from facies.association.morbidity import Part, parts, require_questions
from facies.association.rows import exponential, note_of
from facies.errors import InputError
from facies.stats.regression import Fit
from facies.stats.splines import natural_spline, spline_knots
from facies.tables import ASSOCIATION_CURVES
from facies.types import Floats

RANGE = (0.025, 0.975)
"""Quantiles of the exposure between which a curve is drawn."""


def association_curves(
    exposures: pd.DataFrame,
    outcomes: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    outcome_kinds: Mapping[str, str | OutcomeSpec],
    adjustments: Mapping[str, Sequence[str]],
    min_events: int = 10,
    level: float = 0.95,
    cluster_by: str | None = "family_id",
    clustering: str = "robust",
    same_participants: bool = True,
    n_points: int = 25,
) -> pd.DataFrame:
    """Draw each effect as a natural cubic spline of the exposure with 4 knots, against the exposure's median.

    The knots lie at Harrell's quantiles (Regression Modeling Strategies. Springer 2015, ch. 2). ``p_nonlinear`` is a Wald test that the
    bending terms are 0: by the F distribution for least squares, else by chi-squared.

    Parameters
    ----------
    exposures, outcomes, covariates, outcome_kinds, adjustments, min_events, level, cluster_by, clustering, same_participants
        As in :func:`facies.association.associate`.
    n_points
        Values of the exposure, evenly from its 2.5th to its 97.5th percentile.

    Returns
    -------
    Table ``association_curves``. Where nothing can be estimated one row stands at the median, with the reason; where nobody is left, none.

    Raises
    ------
    InputError
        As :func:`facies.association.associate` does, or when there are fewer than 2 points.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> ids, x = [f"p{i}" for i in range(500)], rng.normal(60, 5, 500)
    >>> exposures = pd.DataFrame({"participant_id": ids, "perceived_age[panel]": x})
    >>> outcomes = pd.DataFrame({"participant_id": ids, "cognition": -0.01 * (x - 60) ** 2 + rng.normal(size=500)})
    >>> people = pd.DataFrame({"participant_id": ids, "age": rng.normal(60, 5, 500)})
    >>> curve = association_curves(exposures, outcomes, people, outcome_kinds={"cognition": "continuous"}, adjustments={"m": ["age"]})
    >>> len(curve), bool(curve.p_nonlinear[0] < 0.001)
    (25, True)
    """
    if n_points < 2:
        raise InputError(f"n_points is {n_points}: choose at least 2")
    cohort = gather(exposures, outcomes, covariates, cluster_by=cluster_by)
    specs = outcome_specs(outcome_kinds)
    units = dict.fromkeys(require_questions(cohort, specs, adjustments, clustering), 1.0)
    asked = Asked(min_events, level, clustering == "mixed")
    rows = []
    for part in parts(cohort, specs, adjustments, units, clustering, same_participants=same_participants):
        design = part.design()
        for name in part.exposures:
            rows += _curve(part, design, name, asked, n_points)
    names = [column.name for column in ASSOCIATION_CURVES.columns]
    return ASSOCIATION_CURVES.validate(pd.DataFrame(rows, columns=names) if rows else ASSOCIATION_CURVES.empty())


def _curve(part: Part, design: Design, name: str, asked: Asked, n_points: int) -> list[dict[str, Any]]:
    x = part.exposure(design, name)
    if not len(x):
        return []
    middle = float(np.median(x))
    common = {"exposure": name, "outcome": part.spec.name, "adjustment": part.adjustment, "reference": middle, "n": len(x)}
    try:
        knots = spline_knots(x) - middle
    except InputError as error:
        return [common | _no_curve(middle, part.spec.scale, str(error))]
    basis = natural_spline(x - middle, knots)
    names = (name, *(f"{name} bend {i}" for i in range(1, basis.shape[1])))
    columns = np.column_stack([basis, design.X])
    fit = fit_columns(part.outcomes(design), part.spec, columns, (*names, *design.names), design, asked)
    note = note_of(fit, design.notes)
    if not fit.estimated or fit.covariance is None:
        return [common | _no_curve(middle, FAMILY_SCALES[fit.family], note)]
    common |= {"scale": FAMILY_SCALES[fit.family], "p_nonlinear": _p_nonlinear(fit, basis.shape[1]), "note": note}
    low, high = np.quantile(x, RANGE)
    at = np.linspace(low, high, n_points)
    contrasts = natural_spline(at - middle, knots) - natural_spline(np.zeros(1), knots)
    return [common | point for point in _points(fit, at, contrasts, asked.level)]


def _no_curve(middle: float, scale: str, note: str | None) -> dict[str, Any]:
    nothing = dict.fromkeys(("estimate", "ci_low", "ci_high", "p_nonlinear"), float("nan"))
    return {"at": middle, "scale": scale, "note": note, **nothing}


def _points(fit: Fit, at: Floats, contrasts: Floats, level: float) -> list[dict[str, float]]:
    from scipy.stats import norm, t

    k = contrasts.shape[1]
    covariance = np.asarray(fit.covariance)[:k, :k]
    estimate = contrasts @ fit.coef[:k]
    reference = norm() if fit.freedom is None else t(fit.freedom)
    half = reference.ppf((1 + level) / 2) * np.sqrt(np.maximum(np.sum((contrasts @ covariance) * contrasts, axis=1), 0.0))
    turn = float if FAMILY_SCALES[fit.family] == "difference" else exponential
    return [
        {"at": float(value), "estimate": turn(float(e)), "ci_low": turn(float(e - h)), "ci_high": turn(float(e + h))}
        for value, e, h in zip(at, estimate, half, strict=True)
    ]


def _p_nonlinear(fit: Fit, k: int) -> float:
    from scipy.stats import chi2, f

    bends, covariance = fit.coef[1:k], np.asarray(fit.covariance)[1:k, 1:k]
    wald = float(bends @ np.linalg.solve(covariance, bends))
    return float(chi2.sf(wald, k - 1) if fit.freedom is None else f.sf(wald / (k - 1), k - 1, fit.freedom))
