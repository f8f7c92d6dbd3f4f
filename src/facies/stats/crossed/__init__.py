"""The crossed mixed model of photographs and readers: fit, intervals, reliability, and each reader against the others."""

from facies.stats.crossed.equations import FIXED, RANDOM
from facies.stats.crossed.fit import INTERCEPT, CrossedFit, Effects, fit_crossed
from facies.stats.crossed.intervals import SdInterval, sd_intervals
from facies.stats.crossed.quality import OutlierRule, ReaderQuality, outlying_readers, reader_quality
from facies.stats.crossed.reliability import Reliability, measurement_errors, panel_icc, sheppard

__all__ = [
    "FIXED",
    "INTERCEPT",
    "RANDOM",
    "CrossedFit",
    "Effects",
    "OutlierRule",
    "ReaderQuality",
    "Reliability",
    "SdInterval",
    "fit_crossed",
    "measurement_errors",
    "outlying_readers",
    "panel_icc",
    "reader_quality",
    "sd_intervals",
    "sheppard",
]
