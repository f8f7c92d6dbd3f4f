"""Genes on perceived ages: the difference in years an allele, by source of the perceived age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from facies.association.design import Cohort, Design, build_design, gather, require_covariates, require_numbers
from facies.association.families import Asked, OutcomeSpec, fit_outcome, require_clustering
from facies.association.imputed import MULTIPLE_IMPUTATION, Imputation, pooled_over
from facies.association.rows import Question, exposure_units, finish, to_row
from facies.errors import InputError
from facies.stats.regression import Fit


def associate_traits(
    allele_counts: pd.DataFrame,
    traits: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    adjustments: Mapping[str, Sequence[str]],
    per: Mapping[str, float] | None = None,
    level: float = 0.95,
    cluster_by: str | None = "family_id",
    clustering: str = "robust",
    same_participants: bool = True,
    multiple_imputation: bool = False,
    n_imputations: int = 20,
    random_state: int = 0,
) -> pd.DataFrame:
    """Regress each perceived age on each allele count (additive model): years per allele.

    Least squares with HC3 standard errors, cluster-robust (or with a random intercept) where people share a family.

    Parameters
    ----------
    allele_counts
        ``participant_id`` and one column a gene score or variant, 0 to 2 (``mc1r``: 0, 1 or 2 risk alleles; dosages may be fractions).
    traits
        ``participant_id`` and one column of numbers a trait, such as ``perceived_age[panel]`` and ``perceived_age[hog+ridge]``.
    covariates, adjustments, per, level, cluster_by, clustering, multiple_imputation, n_imputations, random_state
        As in :func:`facies.association.associate`.
    same_participants
        Analyse only people who have all traits, so that human and computed estimates come from the same people.

    Returns
    -------
    Table ``associations`` with the allele count as exposure and the trait as outcome. A family of tests holds the allele counts of one
    trait and adjustment set.

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
    _require_settings(cohort, genes, outcomes, adjustments, clustering)
    units = exposure_units(genes, per)
    asked = Asked(min_events=0, level=level, mixed=clustering == "mixed")
    rows: list[dict[str, Any]] = []
    for gene in genes:
        for group in [tuple(outcomes)] if same_participants else [(name,) for name in outcomes]:
            for adjustment, chosen in adjustments.items():
                part = TraitPart(cohort, gene, group, adjustment, tuple(chosen), units[gene], clustering)
                rows += trait_rows(part, asked)
                if multiple_imputation:
                    rows += _imputed(part, asked, n_imputations, random_state)
    return finish(rows)


@dataclass(frozen=True, eq=False)
class TraitPart:
    """One exposure on the traits that share their people, in one adjustment set."""

    cohort: Cohort
    exposure: str
    traits: tuple[str, ...]
    adjustment: str
    covariates: tuple[str, ...]
    per: float
    clustering: str

    def design(self, covariates: Sequence[str]) -> Design:
        """Return the people who have all values, these covariates included."""
        return build_design(
            self.cohort, outcomes=self.traits, exposures=[self.exposure], covariates=covariates, clustering=self.clustering
        )  # fmt: skip

    def fit(self, trait: str, design: Design, asked: Asked) -> Fit:
        """Regress one trait on the exposure and the design's covariates."""
        x = self.cohort.exposures.loc[design.participants, self.exposure].to_numpy(dtype=np.float64)
        return fit_outcome(
            self.cohort.outcomes.loc[design.participants, [trait]], OutcomeSpec(trait, "continuous"), x, design, exposure=self.exposure,
            min_events=asked.min_events, level=asked.level, mixed=asked.mixed,
        )  # fmt: skip

    def question(self, trait: str) -> Question:
        """Return what a row of this part answers."""
        tests = f"traits, {trait}, {self.adjustment}"
        return Question(self.exposure, trait, self.adjustment, self.covariates, self.per, tests)


def trait_rows(part: TraitPart, asked: Asked) -> list[dict[str, Any]]:
    """Regress each trait on the exposure, in the people who have all of them; one row a trait."""
    design = part.design(part.covariates)
    return [to_row(part.question(trait), part.fit(trait, design, asked), design.notes) for trait in part.traits]


def _imputed(part: TraitPart, asked: Asked, n_imputations: int, random_state: int) -> list[dict[str, Any]]:
    design = part.design(())
    predictors = pd.concat(
        [part.cohort.outcomes.loc[design.participants, list(part.traits)], part.cohort.exposures.loc[design.participants, [part.exposure]]],
        axis=1,
    )
    task = Imputation(part.cohort, design, part.covariates, predictors, n_imputations, (part.adjustment, part.exposure, *part.traits))
    rows = []
    for trait, fit in pooled_over(task, part.traits, part.fit, asked, random_state=random_state):
        rows.append(to_row(part.question(trait), fit, task.notes, analysis=MULTIPLE_IMPUTATION))
    return rows


def _require_settings(
    cohort: Cohort, genes: list[str], traits: list[str], adjustments: Mapping[str, Sequence[str]], clustering: str
) -> None:
    require_clustering(clustering)
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
