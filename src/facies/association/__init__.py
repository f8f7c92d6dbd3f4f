"""Perceived ages and genes against what they may be associated with, human and computed side by side."""

from facies.association.design import require_covariates
from facies.association.exposures import DIRECTIONS, age_gap, exposures_from_predictions, years_looking_older
from facies.association.morbidity import OUTCOME_KINDS, associate, require_outcome
from facies.association.proxies import proxy_slopes
from facies.association.traits import associate_traits, require_counts

__all__ = [
    "DIRECTIONS",
    "OUTCOME_KINDS",
    "age_gap",
    "associate",
    "associate_traits",
    "exposures_from_predictions",
    "proxy_slopes",
    "require_counts",
    "require_covariates",
    "require_outcome",
    "years_looking_older",
]
