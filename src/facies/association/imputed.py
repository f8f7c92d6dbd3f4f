"""Missing covariates imputed many times, and the effects of the imputed tables pooled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import pandas as pd

from facies.association.design import Cohort, Design, encode
from facies.association.families import Asked, OutcomeSpec
from facies.errors import InputError
from facies.stats.imputation import impute, pool
from facies.stats.regression import Fit
from facies.types import Floats

MULTIPLE_IMPUTATION = "multiple_imputation"
"""The analysis whose rows come from imputed covariates."""


@dataclass(frozen=True, eq=False)
class Imputation:
    """What is imputed, from what.

    ``design`` holds the people who have the outcome and the exposures, without covariates; ``predictors`` are numbers that stand for the
    outcome, and the exposures, one row for each of them; ``name`` makes the draws differ from those of other regressions.
    """

    cohort: Cohort
    design: Design
    covariates: tuple[str, ...]
    predictors: pd.DataFrame
    n_imputations: int
    name: tuple[str, ...]

    @property
    def given(self) -> pd.DataFrame:
        """Return the covariates with their gaps."""
        return self.cohort.covariates.loc[self.design.participants, list(self.covariates)]

    @property
    def notes(self) -> tuple[str, ...]:
        """Say how many values are imputed, covariate by covariate, and what the design says."""
        parts = [f"{count} of {name}" for name, count in self.given.isna().sum().items() if count]
        return (f"imputed: {', '.join(parts)}" if parts else "no covariate is missing: as complete case", *self.design.notes)

    def seed(self, random_state: int) -> list[int]:
        """Return a seed of its own, which other outcomes and adjustment sets do not change."""
        return [random_state, crc32("\n".join(self.name).encode())]


def pooled_over(
    task: Imputation, names: Sequence[str], fit: Callable[[str, Design, Asked], Fit], asked: Asked, *, random_state: int
) -> list[tuple[str, Fit]]:
    """Return each name's fit, pooled over imputed covariates; without estimate, and a note, where a covariate cannot be imputed."""
    if task.n_imputations < 2:
        raise InputError(f"n_imputations is {task.n_imputations}: choose at least 2")
    try:
        designs = impute_covariates(task, random_state=random_state)
    except InputError as error:
        return [(name, replace(_without(fit(name, task.design, asked)), note=str(error))) for name in names]
    return [(name, pooled_fit([fit(name, design, asked) for design in designs], level=asked.level)) for name in names]


def _without(fit: Fit) -> Fit:
    nothing = np.full_like(fit.coef, np.nan)
    return replace(fit, coef=nothing, std_error=nothing, ci_low=nothing, ci_high=nothing, p_value=nothing)


def impute_covariates(task: Imputation, *, random_state: int) -> list[Design]:
    """Return the design once for every imputed table of covariates.

    Text is imputed by way of one number a level: the scores along which the levels differ most in the other columns (much as R's ``mice``
    quantifies factors). Since only observed values are imputed, each number stands for a level; the levels are dummy-coded afterwards.

    Raises
    ------
    InputError
        When nobody is left, or a covariate has too few values to impute from.
    """
    given = task.given
    if given.empty and len(given.columns):
        raise InputError("nobody has the outcome and the exposure: there is nothing to impute")
    numbers = given.select_dtypes("number").astype(np.float64)
    others = pd.concat([task.predictors.add_prefix("predictor "), numbers], axis=1)
    scores = {str(name): _level_scores(given[name], others) for name in given.columns.difference(numbers.columns)}
    table = pd.concat([others, *(given[name].map(found).astype(np.float64) for name, found in scores.items())], axis=1)
    random = np.random.default_rng(task.seed(random_state))
    designs = []
    for done in impute(table, n_imputations=task.n_imputations, random_state=random):
        filled = pd.DataFrame({name: _decoded(done[name], scores.get(str(name))) for name in given.columns}, index=given.index)
        X, names, _ = encode(filled)
        designs.append(replace(task.design, X=X, names=names))
    return designs


def _level_scores(column: pd.Series, others: pd.DataFrame) -> dict[str, float]:
    """Return a number for each level of text: its score where the other columns tell the levels best apart."""
    levels = sorted(column.dropna().unique(), key=str)
    plain = {level: float(rank) for rank, level in enumerate(levels)}
    known = column.notna().to_numpy()
    if len(levels) < 3:
        return plain
    predictors = others.fillna(others.mean()).dropna(axis=1)[known].to_numpy(dtype=np.float64)
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
