"""Predictions against their reference: errors with intervals, by subgroup, between models and against one reader."""

from facies.evaluation.comparison import bland_altman, compare_models, error_by_age
from facies.evaluation.metrics import METRIC_NAMES, evaluate_predictions
from facies.evaluation.reference import mean_of_other_folds
from facies.evaluation.subgroups import age_bands

__all__ = ["METRIC_NAMES", "age_bands", "bland_altman", "compare_models", "error_by_age", "evaluate_predictions", "mean_of_other_folds"]
