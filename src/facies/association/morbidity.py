"""Exposures on outcomes: odds ratios and differences, adjusted, on the same people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from facies.association.design import (
    Cohort,
    Design,
    build_design,
    gather,
    require_binary,
    require_columns,
    require_covariates,
    require_numbers,
)
from facies.errors import InputError
from facies.stats.multiplicity import adjust_p_values
from facies.stats.regression import Fit, fit_linear, fit_logistic
from facies.tables import ASSOCIATIONS
from facies.types import Floats

OUTCOME_KINDS = {"binary": "logistic", "continuous": "linear"}
"""Kind of outcome and the regression that it is given."""


def associate(
    exposures: pd.DataFrame,
    outcomes: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    outcome_kinds: Mapping[str, str],
    adjustments: Mapping[str, Sequence[str]],
    per: Mapping[str, float] | None = None,
    min_events: int = 10,
    level: float = 0.95,
    cluster_by: str | None = "family_id",
    same_participants: bool = True,
) -> pd.DataFrame:
    """Regress each outcome on each exposure, once for every adjustment set.

    Binary outcomes: logistic regression, odds ratio. Continuous outcomes: least squares with HC3 standard errors, difference in means.
    Where people share a family the standard errors are cluster-robust.

    Parameters
    ----------
    exposures
        ``participant_id`` and one column of numbers an exposure, such as ``perceived_age[panel]`` and ``perceived_age[hog+ridge]``.
    outcomes
        Table ``outcomes``: ``participant_id`` and one column an outcome.
    covariates
        ``participant_id`` and the covariates, such as table ``participants``. Text is dummy-coded.
    outcome_kinds
        ``"binary"`` or ``"continuous"`` for each outcome to analyse.
    adjustments
        The covariates of each adjustment set, such as ``{"model_1": ["age", "sex"]}``.
    per
        Units that an estimate is for, by exposure or by its name before the bracket: ``{"perceived_age": 5}`` is per 5 years.
    min_events
        People with, and without, a binary outcome below which nothing is estimated.
    cluster_by
        The covariate that names families; None treats everybody as independent.
    same_participants
        Analyse only people who have all exposures, so that human and computed estimates come from the same people.

    Returns
    -------
    Table ``associations``. ``note`` says who was left out and, where ``estimate`` is missing, why. ``q_value`` is
    Benjamini-Hochberg over the outcomes of one exposure and adjustment set.

    Raises
    ------
    InputError
        When a name is no column, an exposure or continuous outcome is not a number, or a binary outcome is not coded 0 and 1.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> ids = [f"p{i}" for i in range(200)]
    >>> age = rng.uniform(50, 80, 200)
    >>> exposures = pd.DataFrame({"participant_id": ids, "perceived_age[panel]": age + rng.normal(0, 4, 200)})
    >>> outcomes = pd.DataFrame({"participant_id": ids, "cognition": -0.1 * exposures["perceived_age[panel]"] + rng.normal(0, 0.5, 200)})
    >>> covariates = pd.DataFrame({"participant_id": ids, "age": age})
    >>> table = associate(exposures, outcomes, covariates, outcome_kinds={"cognition": "continuous"}, adjustments={"model_1": ["age"]},
    ...                   per={"perceived_age": 5})
    >>> table[["exposure", "outcome", "per", "n", "scale"]]
                   exposure    outcome  per    n       scale
    0  perceived_age[panel]  cognition  5.0  200  difference
    >>> bool(table.ci_low[0] < -0.5 < table.ci_high[0])
    True
    """
    cohort = gather(exposures, outcomes, covariates, cluster_by=cluster_by)
    names = [str(name) for name in cohort.exposures.columns]
    _require_settings(cohort, names, outcome_kinds, adjustments)
    units = exposure_units(names, per)
    rows = []
    for adjustment, chosen in adjustments.items():
        for outcome, kind in outcome_kinds.items():
            for group in [names] if same_participants else [[name] for name in names]:
                design = build_design(cohort, outcomes=[outcome], exposures=group, covariates=chosen)
                y = cohort.outcomes.loc[design.participants, outcome].to_numpy(dtype=np.float64)
                for name in group:
                    x = cohort.exposures.loc[design.participants, name].to_numpy(dtype=np.float64)
                    fit = fit_one(y, x, design, exposure=name, kind=kind, min_events=min_events, level=level)
                    rows.append(to_row(fit, name, outcome, adjustment, chosen, kind, units[name], design.notes))
    return finish(rows, family=["exposure", "adjustment"])


def fit_one(y: Floats, x: Floats, design: Design, *, exposure: str, kind: str, min_events: int, level: float) -> Fit:
    """Fit one outcome on one exposure and the design's covariates; the exposure is the first coefficient."""
    X = np.column_stack([x, design.X])
    names = (exposure, *design.names)
    if kind == "binary":
        return fit_logistic(y, X, names=names, clusters=design.clusters, min_events=min_events, level=level)
    return fit_linear(y, X, names=names, clusters=design.clusters, level=level)


def to_row(
    fit: Fit, exposure: str, outcome: str, adjustment: str, covariates: Sequence[str], kind: str, per: float, notes: tuple[str, ...]
) -> dict[str, Any]:
    """Return one row of ``associations``, the exposure's coefficient times ``per``."""
    estimate, low, high = (float(values[0]) * per for values in (fit.coef, fit.ci_low, fit.ci_high))
    odds = kind == "binary"
    note = "; ".join([fit.note] * bool(fit.note) + list(notes))
    return {
        "exposure": exposure,
        "outcome": outcome,
        "adjustment": adjustment,
        "covariates": "+".join(covariates) or None,
        "family": OUTCOME_KINDS[kind],
        "per": float(per),
        "n": fit.n,
        "n_events": np.nan if fit.n_events is None else float(fit.n_events),
        "estimate": _exp(estimate) if odds else estimate,
        "scale": "odds_ratio" if odds else "difference",
        "std_error": float(fit.std_error[0]) * per,
        "ci_low": _exp(low) if odds else low,
        "ci_high": _exp(high) if odds else high,
        "p_value": float(fit.p_value[0]),
        "q_value": np.nan,
        "note": note or None,
    }


def finish(rows: list[dict[str, Any]], *, family: list[str]) -> pd.DataFrame:
    """Return the validated table with q-values within each family of tests."""
    table = pd.DataFrame(rows, columns=[column.name for column in ASSOCIATIONS.columns])
    for members in table.groupby(family, sort=False).groups.values():
        table.loc[members, "q_value"] = adjust_p_values(table.loc[members, "p_value"].to_numpy(dtype=np.float64))
    return ASSOCIATIONS.validate(table)


def _exp(value: float) -> float:
    """Return e to the value; beyond 1e300 an odds ratio has no meaning, so it is missing."""
    return float(np.exp(value)) if value < 690 else float("nan")


def _require_settings(cohort: Cohort, names: list[str], outcome_kinds: Mapping[str, str], adjustments: Mapping[str, Sequence[str]]) -> None:
    if not names or not outcome_kinds or not adjustments:
        raise InputError("there is nothing to associate: give at least one exposure, one outcome and one adjustment set")
    require_numbers(cohort.exposures, names, what="exposure")
    require_columns(cohort.outcomes, list(outcome_kinds), what="outcome", where="outcomes")
    require_covariates(cohort.covariates, adjustments)
    for outcome, kind in outcome_kinds.items():
        require_outcome(cohort.outcomes[outcome], kind)


def require_outcome(outcome: pd.Series, kind: str) -> None:
    """Refuse an outcome that is not what it is called.

    Raises
    ------
    InputError
        When a binary one is not coded 0 and 1, or a continuous one is text or has two values only.
    """
    if kind not in OUTCOME_KINDS:
        raise InputError(f"outcome '{outcome.name}' is called {kind}: choose {' or '.join(OUTCOME_KINDS)}")
    if kind == "binary":
        require_binary(outcome)
        return
    require_numbers(outcome.to_frame(), [str(outcome.name)], what="continuous outcome")
    if outcome.nunique() == 2:
        raise InputError(f"continuous outcome '{outcome.name}' has two values only: call it binary")


def exposure_units(names: list[str], per: Mapping[str, float] | None) -> dict[str, float]:
    """Return the units of each exposure; a setting that fits none is refused."""
    per = per or {}
    stems = {name: name.split("[")[0] for name in names}
    for key, units in per.items():
        if key not in names and key not in stems.values():
            raise InputError(f"per names '{key}', which is no exposure: choose from {', '.join(dict.fromkeys(stems.values()))}")
        if not (np.isfinite(units) and units > 0):
            raise InputError(f"per {key} is {units}: choose a positive number of units")
    return {name: float(per.get(name, per.get(stem, 1.0))) for name, stem in stems.items()}
