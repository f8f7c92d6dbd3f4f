"""Perceived ages and genes against what they may be associated with, human and computed side by side."""

from facies.association.comparisons import compare_sources, compare_sources_on_traits
from facies.association.curves import association_curves
from facies.association.design import require_covariates
from facies.association.exposures import DIRECTIONS, age_gap, exposures_from_predictions, years_looking_older
from facies.association.families import FAMILY_SCALES, OUTCOME_KINDS, OutcomeSpec, fit_outcome, outcome_design
from facies.association.gaps import age_gaps
from facies.association.morbidity import associate
from facies.association.outcomes import require_outcome, require_outcomes
from facies.association.powered import proxy_inference
from facies.association.proxies import proxy_slopes
from facies.association.steps import association_steps
from facies.association.traits import associate_traits, require_counts

__all__ = [
    "DIRECTIONS",
    "FAMILY_SCALES",
    "OUTCOME_KINDS",
    "OutcomeSpec",
    "age_gap",
    "age_gaps",
    "associate",
    "associate_traits",
    "association_curves",
    "association_steps",
    "compare_sources",
    "compare_sources_on_traits",
    "exposures_from_predictions",
    "fit_outcome",
    "outcome_design",
    "proxy_inference",
    "proxy_slopes",
    "require_counts",
    "require_covariates",
    "require_outcome",
    "require_outcomes",
    "years_looking_older",
]
