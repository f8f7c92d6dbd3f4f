"""The crossed mixed model of photographs and readers: fit, intervals, reliability."""

from facies.stats.crossed.equations import FIXED, RANDOM
from facies.stats.crossed.fit import CrossedFit, Effects, fit_crossed

__all__ = ["FIXED", "RANDOM", "CrossedFit", "Effects", "fit_crossed"]
