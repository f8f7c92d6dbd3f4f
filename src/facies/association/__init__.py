"""Perceived ages and genes against what they may be associated with, human and computed side by side."""

from facies.association.exposures import DIRECTIONS, age_gap, exposures_from_predictions, years_looking_older
from facies.association.morbidity import OUTCOME_KINDS, associate
from facies.association.proxies import proxy_slopes
from facies.association.traits import associate_traits

__all__ = [
    "DIRECTIONS",
    "OUTCOME_KINDS",
    "age_gap",
    "associate",
    "associate_traits",
    "exposures_from_predictions",
    "proxy_slopes",
    "years_looking_older",
]
