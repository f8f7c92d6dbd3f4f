"""Predictions against their reference: errors with intervals, by subgroup, between models and against one reader."""

from facies.evaluation.comparison import bland_altman, compare_models, error_by_age
from facies.evaluation.follow_up import FollowUp, follow_up
from facies.evaluation.learning_curve import FEWEST_SIZES, Forecast, LearningCurve, learning_curve, log_sizes
from facies.evaluation.metrics import METRIC_NAMES, evaluate_predictions
from facies.evaluation.pairs import compare_pairs
from facies.evaluation.reference import mean_of_other_folds
from facies.evaluation.subgroups import age_bands

__all__ = [
    "FEWEST_SIZES",
    "METRIC_NAMES",
    "FollowUp",
    "Forecast",
    "LearningCurve",
    "age_bands",
    "bland_altman",
    "compare_models",
    "compare_pairs",
    "error_by_age",
    "evaluate_predictions",
    "follow_up",
    "learning_curve",
    "log_sizes",
    "mean_of_other_folds",
]
