"""Genes on perceived ages: the difference in years an allele, by source of the perceived age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from facies.association.design import Cohort, build_design, gather, require_covariates, require_numbers
from facies.association.morbidity import exposure_units, finish, fit_one, to_row
from facies.errors import InputError


def associate_traits(
    allele_counts: pd.DataFrame,
    traits: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    adjustments: Mapping[str, Sequence[str]],
    per: Mapping[str, float] | None = None,
    level: float = 0.95,
    cluster_by: str | None = "family_id",
    same_participants: bool = True,
) -> pd.DataFrame:
    """Regress each perceived age on each allele count (additive model): years per allele.

    Least squares with HC3 standard errors, cluster-robust where people share a family.

    Parameters
    ----------
    allele_counts
        ``participant_id`` and one column a gene score or variant, 0 to 2 (``mc1r``: 0, 1 or 2 risk alleles; dosages may be fractions).
    traits
        ``participant_id`` and one column of numbers a trait, such as ``perceived_age[panel]`` and ``perceived_age[hog+ridge]``.
    covariates, adjustments, per, level, cluster_by
        As in :func:`facies.association.associate`.
    same_participants
        Analyse only people who have all traits, so that human and computed estimates come from the same people.

    Returns
    -------
    Table ``associations`` with the allele count as exposure and the trait as outcome. ``q_value`` is Benjamini-Hochberg over the
    allele counts of one trait and adjustment set.

    Raises
    ------
    InputError
        When a name is no column, a value is not a number, or an allele count is outside 0 to 2.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> ids = [f"p{i}" for i in range(300)]
    >>> mc1r = rng.binomial(2, 0.2, 300)
    >>> traits = pd.DataFrame({"participant_id": ids, "perceived_age[panel]": 60 + 0.8 * mc1r + rng.normal(0, 1, 300)})
    >>> people = pd.DataFrame({"participant_id": ids, "age": 60 + rng.normal(0, 1, 300)})
    >>> table = associate_traits(pd.DataFrame({"participant_id": ids, "mc1r": mc1r}), traits, people, adjustments={"model_1": ["age"]})
    >>> bool(table.ci_low[0] < 0.8 < table.ci_high[0])
    True
    """
    cohort = gather(allele_counts, traits, covariates, cluster_by=cluster_by)
    genes, outcomes = [str(name) for name in cohort.exposures.columns], [str(name) for name in cohort.outcomes.columns]
    _require_settings(cohort, genes, outcomes, adjustments)
    units = exposure_units(genes, per)
    groups = [outcomes] if same_participants else [[name] for name in outcomes]
    rows = [
        row for gene in genes for group in groups for row in regress_on_each(cohort, gene, group, adjustments, per=units[gene], level=level)
    ]
    return finish(rows, family=["outcome", "adjustment"])


def regress_on_each(
    cohort: Cohort, exposure: str, outcomes: Sequence[str], adjustments: Mapping[str, Sequence[str]], *, per: float, level: float
) -> list[dict[str, Any]]:
    """Regress continuous outcomes on one exposure, in the people who have all of them; one row an adjustment set and outcome."""
    rows = []
    for adjustment, chosen in adjustments.items():
        design = build_design(cohort, outcomes=outcomes, exposures=[exposure], covariates=chosen)
        x = cohort.exposures.loc[design.participants, exposure].to_numpy(dtype=np.float64)
        for outcome in outcomes:
            y = cohort.outcomes.loc[design.participants, outcome].to_numpy(dtype=np.float64)
            fit = fit_one(y, x, design, exposure=exposure, kind="continuous", min_events=0, level=level)
            rows.append(to_row(fit, exposure, outcome, adjustment, chosen, "continuous", per, design.notes))
    return rows


def _require_settings(cohort: Cohort, genes: list[str], traits: list[str], adjustments: Mapping[str, Sequence[str]]) -> None:
    if not genes or not traits or not adjustments:
        raise InputError("there is nothing to associate: give at least one allele count, one trait and one adjustment set")
    for gene in genes:
        require_counts(cohort.exposures[gene])
    require_numbers(cohort.outcomes, traits, what="trait")
    require_covariates(cohort.covariates, adjustments)


def require_counts(counts: pd.Series) -> None:
    """Refuse allele counts that are not 0 to 2.

    Raises
    ------
    InputError
        When one is text, or outside the range (alleles of the other strand, or swapped).
    """
    require_numbers(counts.to_frame(), [str(counts.name)], what="allele count")
    outside = counts[(counts < 0) | (counts > 2)]
    if len(outside):
        raise InputError(
            f"allele count '{counts.name}' is outside 0 to 2 for {len(outside)} participants, first {outside.iloc[0]:g}: "
            "check strand and alleles"
        )
