"""Draws outcomes whose dependence on perceived age is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facies.simulation.relatives import Likeness
from facies.types import Floats


@dataclass(frozen=True)
class OutcomeLaw:
    """How one outcome arises: ``level`` for a woman of 67 who looks her age, never smoked, BMI 27, 3 h a day outdoors.

    Levels and coefficients are on the logit scale for ``family="logistic"`` and in the outcome's unit for ``family="linear"``;
    ``perceived_age``, ``age`` and ``bmi`` are per year and per kg/m². ``age`` is the effect at a fixed difference to perceived age.
    """

    family: str
    level: float
    perceived_age: float
    age: float
    male: float = 0.0
    bmi: float = 0.0
    former: float = 0.0
    current: float = 0.0
    sun_exposure: float = 0.0
    residual_sd: float = 0.0


def _log_odds(odds_ratio_looking_5_years_younger: float) -> float:
    return -math.log(odds_ratio_looking_5_years_younger) / 5


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


OUTCOME_LAWS = {
    "osteoporosis": OutcomeLaw("logistic", _logit(0.14), _log_odds(0.76), 0.060, male=-1.1, bmi=-0.07, former=0.05, current=0.25),
    "copd": OutcomeLaw("logistic", _logit(0.07), _log_odds(0.85), 0.030, male=0.2, bmi=-0.02, former=0.8, current=1.7),
    "cataract": OutcomeLaw("logistic", _logit(0.20), _log_odds(0.84), 0.110, male=-0.2, former=0.05, current=0.2, sun_exposure=0.06),
    "hearing_loss": OutcomeLaw("linear", 22.0, 0.152, 0.85, male=3.0, bmi=0.10, former=0.5, current=1.5, residual_sd=9.0),
    "cognition": OutcomeLaw("linear", 0.0, -0.014, -0.045, male=-0.05, bmi=-0.005, former=0.0, current=-0.15, residual_sd=0.85),
}
"""The odds ratios per 5 years of looking younger are those of Mekić et al. 2023: osteoporosis 0.76, COPD 0.85, cataract 0.84.

``hearing_loss`` is in dB (more is worse), ``cognition`` in standard deviations (more is better).
"""


def linear_predictor(law: OutcomeLaw, people: pd.DataFrame, looking_older: Floats) -> Floats:
    """Return the logit of the risk, or the mean, of each person, (n,)."""
    terms = (
        law.perceived_age * looking_older
        + law.age * (people.age - 67)
        + law.male * (people.sex == "male")
        + law.bmi * (people.bmi - 27)
        + law.former * (people.smoking == "former")
        + law.current * (people.smoking == "current")
        + law.sun_exposure * (people.sun_exposure - 3)
    )
    return np.asarray(law.level + terms, dtype=np.float64)


def draw_outcomes(
    people: pd.DataFrame, looking_older: Floats, rng: np.random.Generator, *, relatives: Likeness | None = None
) -> pd.DataFrame:
    """Return one row a person: binary outcomes as 0 and 1, continuous ones in their unit; ``relatives`` are alike in them."""
    columns = {"participant_id": people.participant_id.to_numpy()}
    for name, law in OUTCOME_LAWS.items():
        columns[name] = _draw(law, linear_predictor(law, people, looking_older), rng, relatives)
    return pd.DataFrame(columns)


def _draw(law: OutcomeLaw, predictor: Floats, rng: np.random.Generator, relatives: Likeness | None) -> Floats:
    if law.family == "logistic":
        chance = rng.random(len(predictor))
        chance = chance if relatives is None else relatives.uniform(chance)
        return (chance < 1 / (1 + np.exp(-predictor))).astype(np.float64)
    scores = rng.standard_normal(len(predictor))
    return predictor + law.residual_sd * (scores if relatives is None else relatives.normal(scores))
