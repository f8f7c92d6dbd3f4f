"""Perceived age by group of a gene score, such as WT/WT, WT/R and R/R of MC1R."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.association.design import Cohort, Design, build_design, gather, require_covariates, require_numbers
from facies.errors import InputError
from facies.stats.linear import fit_linear
from facies.stats.regression import Fit
from facies.tables import SCORE_GROUPS
from facies.types import Floats

GROUP_NAMES: Mapping[str, Mapping[float, str]] = {"mc1r": {0.0: "WT/WT", 1.0: "WT/R", 2.0: "R/R"}}
"""What the values of a score are called; others are called by their value."""

MOST_GROUPS = 6
"""A score with more values than this, or with fractions, has no groups."""


def score_groups(
    scores: pd.DataFrame,
    perceived_ages: pd.DataFrame,
    people: pd.DataFrame,
    *,
    covariates: Sequence[str],
    level: float = 0.95,
    cluster_by: str | None = "family_id",
    same_participants: bool = True,
) -> pd.DataFrame:
    """Compare perceived age between the groups of each gene score, with the additive and the genotypic test.

    Least squares with one coefficient a group and HC3 standard errors, or cluster-robust ones where people share a family. Means are
    adjusted: what the regression expects of each group at the covariates' means over all people analysed. ``p_genotypic`` is the Wald F
    test that all groups are alike, ``p_additive`` the test of the slope where the score stands as a number instead of the groups.

    Parameters
    ----------
    scores
        Table ``gene_scores``. Scores with fractions or more than :data:`MOST_GROUPS` values have no groups and no rows.
    perceived_ages
        ``participant_id`` and one column a source, such as ``perceived_age[panel]``, in years.
    people
        ``participant_id`` and the covariates.
    covariates
        Which columns of ``people``.
    level
        Of the intervals.
    cluster_by
        The column of people who are not independent; None: all are.
    same_participants
        Analyse only people who have every perceived age, so that all sources speak of the same people.

    Returns
    -------
    Table ``score_groups``.

    Raises
    ------
    InputError
        When a covariate is no column or a perceived age is no number.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> ids = [f"p{i}" for i in range(300)]
    >>> mc1r = rng.binomial(2, 0.3, 300).astype(float)
    >>> ages = pd.DataFrame({"participant_id": ids, "perceived_age[panel]": 60 + 0.8 * mc1r + rng.normal(0, 1, 300)})
    >>> people = pd.DataFrame({"participant_id": ids, "age": rng.normal(60, 5, 300)})
    >>> table = score_groups(pd.DataFrame({"participant_id": ids, "mc1r": mc1r}), ages, people, covariates=["age"])
    >>> table[["group", "source", "n"]].to_numpy().tolist()
    [['WT/WT', 'panel', 152], ['WT/R', 'panel', 121], ['R/R', 'panel', 27]]
    """
    cohort = gather(scores, perceived_ages, people, cluster_by=cluster_by)
    sources = [str(name) for name in cohort.outcomes.columns]
    require_numbers(cohort.outcomes, sources, what="perceived age")
    require_covariates(cohort.covariates, {"the gene scores' adjustment": list(covariates)})
    if not sources:
        raise InputError("there is no perceived age to compare between groups: give at least one column")
    rows = [
        row
        for score in map(str, cohort.exposures.columns)
        for source in sources
        for row in _compare(cohort, score, source, sources if same_participants else [source], covariates, level)
    ]
    columns = [column.name for column in SCORE_GROUPS.columns]
    return SCORE_GROUPS.validate(pd.DataFrame(rows, columns=columns) if rows else SCORE_GROUPS.empty())


def _compare(
    cohort: Cohort, score: str, source: str, together: Sequence[str], covariates: Sequence[str], level: float
) -> list[dict[str, Any]]:
    values = sorted(cohort.exposures[score].dropna().unique())
    if not 1 < len(values) <= MOST_GROUPS or any(value % 1 for value in values):
        return []
    design = build_design(cohort, outcomes=together, exposures=[score], covariates=covariates)
    x = cohort.exposures.loc[design.participants, score].to_numpy(dtype=np.float64)
    y = cohort.outcomes.loc[design.participants, source].to_numpy(dtype=np.float64)
    present = [value for value in values if (x == value).any()]
    fit = _fit_groups(y, x, present, design, level)
    tests = {"p_genotypic": _f_test(fit, len(present) - 1), "p_additive": _slope_p(y, x, design, level)}
    note = "; ".join([part for part in (*design.notes, fit.note) if part])
    shared = {"score": score, "source": _source(source), "note": note or np.nan, **tests}
    estimates = _estimates(fit, present, level)
    return [
        shared | {"group": _group_name(score, value), "value": value, "n": int((x == value).sum())} | estimates.get(value, NOTHING)
        for value in values
    ]


ESTIMATES = ("mean", "ci_low", "ci_high", "difference", "difference_low", "difference_high")
NOTHING = dict.fromkeys(ESTIMATES, np.nan)


def _fit_groups(y: Floats, x: Floats, present: Sequence[float], design: Design, level: float) -> Fit:
    """Fit a coefficient for each group but the first, covariates about their means, so that the intercept is the first group's mean."""
    groups = np.column_stack([x == value for value in present[1:]] or [np.zeros((len(x), 0))]).astype(np.float64)
    centred = design.X - design.X.mean(axis=0) if len(design.X) else design.X
    names = (*(f"group {value:g}" for value in present[1:]), *design.names)
    return fit_linear(y, np.column_stack([groups, centred]), names=names, clusters=design.clusters, level=level)


def _slope_p(y: Floats, x: Floats, design: Design, level: float) -> float:
    fit = fit_linear(y, np.column_stack([x, design.X]), names=("score", *design.names), clusters=design.clusters, level=level)
    return float(fit.p_value[0])


def _f_test(fit: Fit, n_groups: int) -> float:
    """Return the p-value of the Wald F test that the first ``n_groups`` coefficients are 0."""
    if not fit.estimated or fit.covariance is None or not n_groups:
        return np.nan
    from scipy.stats import f

    coef = fit.coef[:n_groups]
    statistic = coef @ np.linalg.solve(fit.covariance[:n_groups, :n_groups], coef) / n_groups
    return float(f.sf(statistic, n_groups, fit.freedom))


def _estimates(fit: Fit, present: Sequence[float], level: float) -> dict[float, dict[str, float]]:
    """Return each group's adjusted mean and its difference from the first group, with intervals."""
    if not fit.estimated or fit.covariance is None:
        return {}
    from scipy.stats import t

    quantile = float(t.ppf((1 + level) / 2, fit.freedom))
    found = {}
    for place, value in enumerate(present):
        contrast = _contrast(place, len(fit.coef))
        mean, error = float(contrast @ fit.coef), float(np.sqrt(contrast @ fit.covariance @ contrast))
        difference = (0.0, np.nan, np.nan) if place == 0 else tuple(float(part[place - 1]) for part in (fit.coef, fit.ci_low, fit.ci_high))
        numbers = (mean, mean - quantile * error, mean + quantile * error, *difference)
        found[value] = dict(zip(ESTIMATES, numbers, strict=True))
    return found


def _contrast(place: int, k: int) -> NDArray[np.float64]:
    """Return what adds the coefficients up to a group's mean: the intercept, which is last, and the group's own coefficient."""
    contrast = np.zeros(k)
    contrast[-1] = 1
    if place:
        contrast[place - 1] = 1
    return contrast


def _source(column: str) -> str:
    """Return ``panel`` of ``perceived_age[panel]``."""
    return column.partition("[")[2].removesuffix("]") or column


def _group_name(score: str, value: float) -> str:
    return GROUP_NAMES.get(score, {}).get(float(value), f"{value:g}")
