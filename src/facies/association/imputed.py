"""Missing covariates imputed many times, and the effects of the imputed tables pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from facies.association.design import Cohort, Design, encode
from facies.association.families import OutcomeSpec
from facies.stats.imputation import impute, pool
from facies.stats.regression import Fit
from facies.types import Floats

MULTIPLE_IMPUTATION = "multiple_imputation"
"""The analysis whose rows come from imputed covariates."""


def impute_covariates(
    cohort: Cohort, design: Design, covariates: Sequence[str], predictors: pd.DataFrame, *, n_imputations: int, random_state: list[int]
) -> list[Design]:
    """Return the design once for every imputed table of covariates.

    Text is imputed by way of one number a level: the scores along which the levels differ most in the other columns (much as R's ``mice``
    quantifies factors). Since only observed values are imputed, each number stands for a level; the levels are
    dummy-coded afterwards.

    Parameters
    ----------
    design
        The people who have the outcome and the exposures, without covariates.
    predictors
        Numbers that stand for the outcome, and the exposures, one row for each of ``design.participants``.

    Raises
    ------
    InputError
        When a covariate has too few values to impute from.
    """
    given = cohort.covariates.loc[design.participants, list(covariates)]
    numbers = given.select_dtypes("number").astype(np.float64)
    others = pd.concat([predictors.add_prefix("predictor "), numbers], axis=1)
    scores = {str(name): _level_scores(given[name], others) for name in given.columns.difference(numbers.columns)}
    table = pd.concat([others, *(given[name].map(found).astype(np.float64) for name, found in scores.items())], axis=1)
    designs = []
    for done in impute(table, n_imputations=n_imputations, random_state=np.random.default_rng(random_state)):
        filled = pd.DataFrame({name: _decoded(done[name], scores.get(str(name))) for name in given.columns}, index=given.index)
        X, names, _ = encode(filled)
        designs.append(replace(design, X=X, names=names))
    return designs


def _level_scores(column: pd.Series, others: pd.DataFrame) -> dict[str, float]:
    """Return a number for each level of text: its score where the other columns tell the levels best apart."""
    levels = sorted(column.dropna().unique(), key=str)
    plain = {level: float(rank) for rank, level in enumerate(levels)}
    known = column.notna().to_numpy()
    if len(levels) < 3:
        return plain
    predictors = others.fillna(others.mean())[known].to_numpy(dtype=np.float64)
    centred = predictors - predictors.mean(axis=0)
    fitted = np.linalg.lstsq(centred, _dummies(column[known], levels), rcond=None)[0]
    means = np.array([(centred @ fitted)[(column[known] == level).to_numpy()].mean(axis=0) for level in levels])
    scores = means @ np.linalg.svd(means - means.mean(axis=0))[2][0]
    return plain if len(np.unique(scores.round(9))) < len(levels) else dict(zip(levels, scores.tolist(), strict=True))


def _dummies(column: pd.Series, levels: Sequence[object]) -> Floats:
    columns = np.column_stack([(column == level).to_numpy(dtype=np.float64) for level in levels])
    return np.asarray(columns - columns.mean(axis=0))


def _decoded(values: pd.Series, scores: dict[str, float] | None) -> pd.Series:
    if scores is None:
        return values
    levels, marks = list(scores), np.array(list(scores.values()))
    nearest = np.abs(values.to_numpy()[:, None] - marks).argmin(axis=1)
    return pd.Series([levels[place] for place in nearest], index=values.index, dtype=object)


def imputation_predictors(outcomes: pd.DataFrame, spec: OutcomeSpec) -> pd.DataFrame:
    """Return the numbers that stand for an outcome in the imputation model.

    Events come with the cumulative hazard at each person's time (White & Royston, Stat Med 2009;28:1982-1998), counts as the logarithm of
    the rate (of the count and a half), and with the logarithm of the time.
    """
    y = outcomes[spec.name].to_numpy(dtype=np.float64)
    if spec.time is None:
        return pd.DataFrame({spec.name: np.log(y + 0.5) if spec.kind == "count" else y}, index=outcomes.index)
    time = outcomes[spec.time].to_numpy(dtype=np.float64)
    if spec.kind == "count":
        return pd.DataFrame({spec.name: np.log((y + 0.5) / time), spec.time: np.log(time)}, index=outcomes.index)
    return pd.DataFrame({spec.name: y, spec.time: cumulative_hazard(time, y)}, index=outcomes.index)


def cumulative_hazard(time: Floats, event: Floats) -> Floats:
    """Return Nelson and Aalen's cumulative hazard at each person's own time, (n,).

    Examples
    --------
    >>> cumulative_hazard(np.array([1.0, 2, 3, 3]), np.array([1.0, 0, 1, 1])).round(3).tolist()
    [0.25, 0.25, 1.25, 1.25]
    """
    moments, place = np.unique(time, return_inverse=True)
    events = np.bincount(place.reshape(-1), weights=event)
    at_risk = len(time) - np.searchsorted(np.sort(time), moments)
    return np.asarray(np.cumsum(events / at_risk)[place.reshape(-1)])


def pooled_fit(fits: Sequence[Fit], *, level: float) -> Fit:
    """Pool the first coefficient of the fits to imputed tables by Rubin's rules; a table without estimate leaves none, with its note."""
    from scipy.stats import t

    first = fits[0]
    failed = next((fit for fit in fits if not fit.estimated), None)
    if failed is not None:
        return failed
    freedom = first.freedom if first.freedom is not None else float(first.n - len(first.names))
    pooled = pool(np.array([fit.coef[0] for fit in fits]), np.array([fit.std_error[0] for fit in fits]), freedom=freedom)
    half = float(t.ppf((1 + level) / 2, pooled.freedom)) * pooled.std_error
    p_value = 2 * float(t.sf(abs(pooled.estimate / pooled.std_error), pooled.freedom))
    ends = (pooled.estimate - half, pooled.estimate + half)
    coef, error, low, high, p = (np.array([value]) for value in (pooled.estimate, pooled.std_error, *ends, p_value))
    said = [f"{len(fits)} imputed tables, {pooled.missing_information:.0%} of the variance from missing values", *_said(fits)]
    return Fit(first.names[:1], coef, error, low, high, p, first.n, first.n_events, "; ".join(said), first.family, freedom=pooled.freedom)


def _said(fits: Sequence[Fit]) -> list[str]:
    families = sorted({fit.family for fit in fits})
    mixed = [f"regressions {' and '.join(families)}"] if len(families) > 1 else []
    return [*mixed, *dict.fromkeys(fit.note for fit in fits[:1] if fit.family == "firth")]


def gaps_note(cohort: Cohort, design: Design, covariates: Sequence[str]) -> list[str]:
    """Say how many values were imputed, covariate by covariate."""
    gaps = cohort.covariates.loc[design.participants, list(covariates)].isna().sum()
    parts = [f"{count} of {name}" for name, count in gaps.items() if count]
    return [f"imputed: {', '.join(parts)}"] if parts else ["no covariate is missing: as complete case"]
