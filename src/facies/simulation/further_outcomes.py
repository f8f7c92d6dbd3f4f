"""Draws outcomes of further kinds: time to an event, counts and ordered levels, each by a known law."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from facies.simulation.morbidity import OutcomeLaw, linear_predictor
from facies.simulation.relatives import Likeness
from facies.types import Floats

FURTHER_LAWS = {
    "fracture": OutcomeLaw("cox", math.log(0.012), math.log(1.25) / 5, 0.07, male=-0.7, bmi=-0.02, former=0.05, current=0.25),
    "falls": OutcomeLaw("negative_binomial", math.log(0.35), math.log(1.15) / 5, 0.03, male=-0.15, current=0.1),
    "frailty": OutcomeLaw("ordinal", 0.0, math.log(1.30) / 5, 0.06, male=-0.2, bmi=0.04, former=0.1, current=0.4),
}
"""Levels and coefficients are logarithms of a hazard a year, of a number a year, and of odds to be on a higher level.

``fracture`` has a hazard that grows with attained age (Gompertz) by the coefficient of age, so that Cox models with time since the
photograph and with age as time scale are both specified exactly.
"""

FOLLOW_UP_YEARS = 12.0
DROP_OUT_A_YEAR = 0.02
OVERDISPERSION = 0.8
"""Variance of ``falls`` is mean + 0.8 mean² (NB2)."""

OBSERVED_YEARS = (0.5, 3.0)
"""Time in which falls are counted, shortest and longest."""

FRAILTY_THRESHOLDS = (0.4, 1.4, 2.4, 3.6)
"""Logits of the chance to be at most on level 0, 1, 2, 3 of ``frailty`` where the linear predictor is 0."""


def draw_further_outcomes(
    people: pd.DataFrame, looking_older: Floats, rng: np.random.Generator, *, relatives: Likeness | None = None
) -> pd.DataFrame:
    """Return one row a person.

    ``fracture`` (0 or 1) after ``fracture_years`` of follow-up, ``falls`` (a number) in ``falls_years``, and ``frailty`` (level 0 to 4).

    Examples
    --------
    >>> from facies.simulation import simulate_cohort
    >>> outcomes = simulate_cohort(200, random_state=1, further_outcomes=True).outcomes
    >>> sorted(outcomes.frailty.unique().tolist())
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    predictors = {name: linear_predictor(law, people, looking_older) for name, law in FURTHER_LAWS.items()}
    fracture, years = _draw_times(predictors["fracture"], _chance(len(people), rng, relatives), rng)
    falls, observed = _draw_counts(predictors["falls"], _chance(len(people), rng, relatives), rng)
    return pd.DataFrame(
        {
            "participant_id": people.participant_id.to_numpy(),
            "fracture": fracture,
            "fracture_years": years,
            "falls": falls,
            "falls_years": observed,
            "frailty": _draw_levels(predictors["frailty"], _chance(len(people), rng, relatives)),
        }
    )


def _chance(n: int, rng: np.random.Generator, relatives: Likeness | None) -> Floats:
    numbers = rng.random(n)
    return numbers if relatives is None else relatives.uniform(numbers)


def _draw_times(predictor: Floats, chance: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return who had the event and the years until then or until the end of follow-up."""
    growth = FURTHER_LAWS["fracture"].age
    until_event = np.log1p(-growth * np.log1p(-chance) / np.exp(predictor)) / growth
    until_end = np.minimum(rng.exponential(1 / DROP_OUT_A_YEAR, len(predictor)), FOLLOW_UP_YEARS)
    years = np.maximum(np.round(np.minimum(until_event, until_end), 3), 0.001)
    return (until_event <= until_end).astype(np.float64), years


def _draw_counts(predictor: Floats, chance: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return how often and in how many years."""
    from scipy.stats import nbinom

    years = np.round(rng.uniform(*OBSERVED_YEARS, len(predictor)), 2)
    size = 1 / OVERDISPERSION
    mean = years * np.exp(predictor)
    counts = nbinom.ppf(chance, size, size / (size + mean))
    return np.maximum(np.asarray(counts, dtype=np.float64), 0.0), years


def _draw_levels(predictor: Floats, chance: Floats) -> Floats:
    """Return levels by proportional odds: logit P(level <= k) = threshold_k - predictor."""
    at_most = 1 / (1 + np.exp(predictor[:, None] - np.array(FRAILTY_THRESHOLDS)))
    return np.asarray((chance[:, None] > at_most).sum(axis=1), dtype=np.float64)
