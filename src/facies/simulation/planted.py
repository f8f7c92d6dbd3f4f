"""The effects that a simulated cohort carries, as the analysis should find them."""

from __future__ import annotations

import math
from dataclasses import dataclass

MODEL_1 = ("age", "sex")
"""Covariates of model 1 (Mekić et al. 2023)."""

MODEL_2 = (*MODEL_1, "bmi", "smoking", "sun_exposure")
"""Covariates of model 2: with these the simulated outcomes' models are specified exactly."""


@dataclass(frozen=True)
class PlantedEffect:
    """One effect that was put into the outcomes.

    Parameters
    ----------
    exposure, outcome
        Columns of the cohort's tables; the exposure ``perceived_age`` is the latent one, a panel of infinitely many readers.
    family
        ``"linear"``, or one whose coefficient is a logarithm: ``"logistic"`` and ``"ordinal"`` (of an odds ratio), ``"cox"`` (of a
        hazard ratio) or ``"negative_binomial"`` (of a rate ratio).
    coefficient
        Per unit of the exposure (a year, an allele), given ``covariates``.
    expected
        What the panel mean gives on average: the coefficient after the attenuation by reading noise. Exact for a linear outcome and
        to first order for the others. Equal to ``coefficient`` where the exposure has no noise.
    covariates
        What the model must adjust for to find the coefficient.

    Examples
    --------
    >>> effect = PlantedEffect("perceived_age", "copd", "logistic", math.log(1 / 0.85) / 5, math.log(1 / 0.85) / 5, MODEL_2)
    >>> round(effect.odds_ratio(per=-5), 2)
    0.85
    """

    exposure: str
    outcome: str
    family: str
    coefficient: float
    expected: float
    covariates: tuple[str, ...]

    def odds_ratio(self, *, per: float = 1.0) -> float:
        """Return the odds (hazard, rate) ratio for ``per`` more units of the exposure; looking 5 years younger is ``per=-5``."""
        return math.exp(self.coefficient * per)
