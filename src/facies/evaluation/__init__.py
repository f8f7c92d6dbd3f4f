"""Predictions against their reference: errors with intervals, by subgroup, between models and against readers."""

from facies.evaluation.comparison import bland_altman, compare_models, error_by_age
from facies.evaluation.follow_up import FollowUp, follow_up
from facies.evaluation.learning_curve import FEWEST_SIZES, Forecast, LearningCurve, learning_curve, log_sizes
from facies.evaluation.metrics import METRIC_NAMES, evaluate_predictions
from facies.evaluation.pairs import compare_pairs
from facies.evaluation.reader_agreement import agree_with_readers
from facies.evaluation.reader_sizes import reader_study_sizes
from facies.evaluation.readers import ReaderComparison, compare_readers
from facies.evaluation.reading_arms import compare_arms
from facies.evaluation.reading_exchange import imrmc_of_readings
from facies.evaluation.reference import mean_of_other_folds
from facies.evaluation.subgroups import age_bands

__all__ = [
    "FEWEST_SIZES",
    "METRIC_NAMES",
    "FollowUp",
    "Forecast",
    "LearningCurve",
    "ReaderComparison",
    "age_bands",
    "agree_with_readers",
    "bland_altman",
    "compare_arms",
    "compare_models",
    "compare_pairs",
    "compare_readers",
    "error_by_age",
    "evaluate_predictions",
    "follow_up",
    "imrmc_of_readings",
    "learning_curve",
    "log_sizes",
    "mean_of_other_folds",
    "reader_study_sizes",
]
