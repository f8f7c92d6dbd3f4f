"""Several readers of several cases (MRMC): tests compared by their readers, and a system compared with a panel.

:mod:`merits` holds figures of merit and their covariances, :mod:`anova` the Obuchowski-Rockette analysis, :mod:`standalone` one system
against a panel, :mod:`limits` and :mod:`interchangeability` agreement on a continuous scale, :mod:`sizes` the readers and cases that a
study needs, :mod:`imrmc` the exchange format, :mod:`roe_metz` simulated readings.
"""

from facies.stats.mrmc.anova import Components, Contrast, Mean, OrAnova, compare_tests, mean_of_readers
from facies.stats.mrmc.imrmc import imrmc_text, read_imrmc
from facies.stats.mrmc.interchangeability import Interchangeability, interchangeability
from facies.stats.mrmc.limits import ReaderLimits, limits_between_readers, limits_with_readers
from facies.stats.mrmc.merits import Merits, auc_merits, mean_merits
from facies.stats.mrmc.sizes import Pilot, Plan, pilot_of_system, pilot_of_tests, power, sample_sizes
from facies.stats.mrmc.standalone import (
    ReaderDifferences,
    Standalone,
    auc_differences,
    compare_with_panel,
    compare_with_reader,
    mcnemar,
    mean_differences,
    some_readers,
)

__all__ = [
    "Components",
    "Contrast",
    "Interchangeability",
    "Mean",
    "Merits",
    "OrAnova",
    "Pilot",
    "Plan",
    "ReaderDifferences",
    "ReaderLimits",
    "Standalone",
    "auc_differences",
    "auc_merits",
    "compare_tests",
    "compare_with_panel",
    "compare_with_reader",
    "imrmc_text",
    "interchangeability",
    "limits_between_readers",
    "limits_with_readers",
    "mcnemar",
    "mean_differences",
    "mean_merits",
    "mean_of_readers",
    "pilot_of_system",
    "pilot_of_tests",
    "power",
    "read_imrmc",
    "sample_sizes",
    "some_readers",
]
