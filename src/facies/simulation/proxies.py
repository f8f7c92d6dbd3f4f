"""Draws computed perceived ages whose error, and hence whose slopes, are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.simulation.people import UNEXPLAINED_VARIANCE, explained_years
from facies.simulation.planted import PlantedEffect
from facies.types import Floats

ErrorType = Literal["classical", "berkson", "mixed"]


@dataclass(frozen=True, eq=False)
class SimulatedProxies:
    """Computed perceived ages with a known relation to the true ones.

    Slopes are those of regressions that adjust for the covariates of model 2.

    Parameters
    ----------
    computed
        One row a person: participant_id and ``predicted``, in years.
    slope_computed_on_truth
        What an effect on perceived age is multiplied by when the computed one stands in for it.
    slope_truth_on_computed
        What an effect of perceived age is multiplied by: exactly for linear outcomes, to first order for the others.
    """

    computed: pd.DataFrame
    slope_computed_on_truth: float
    slope_truth_on_computed: float

    def expected(self, effect: PlantedEffect) -> float:
        """Return the coefficient that the computed perceived age gives on average in place of the true one."""
        slope = self.slope_truth_on_computed if effect.exposure == "perceived_age" else self.slope_computed_on_truth
        return effect.coefficient * slope


def simulate_proxies(
    truth: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    error: ErrorType,
    r: float,
    random_state: int,
    slope: float | None = None,
    variance: float = UNEXPLAINED_VARIANCE,
) -> SimulatedProxies:
    """Draw a computed perceived age for each person.

    With the true perceived age as a part that the covariates explain and a rest, ``computed = explained + slope * rest + noise``.

    - ``classical``: computed = truth + noise (slope 1), or another slope where given; noise is independent of the truth.
    - ``berkson``: truth = computed + noise (slope r²), as from a prediction shrunken to what the photograph tells; noise is uncorrelated
      with the computed one, and independent of it as far as the rest is normal.
    - ``mixed``: between the two; the mean of their slopes, or another where given.

    Parameters
    ----------
    truth
        ``participant_id`` and ``perceived_age``, as in :attr:`Cohort.truth`.
    participants
        The people, with the covariates of model 2.
    error
        The type of error.
    r
        Correlation of computed and true perceived age given the covariates, above 0 and at most 1.
    random_state
        Seed.
    slope
        Of computed on true perceived age given the covariates, above 0.
    variance
        Of the true perceived age given the covariates, in squared years; larger than the default where genotypes add years.

    Raises
    ------
    InputError
        When a setting is out of its range or contradicts the type of error, or the tables are of different people.

    Examples
    --------
    >>> from facies.simulation import simulate_cohort
    >>> cohort = simulate_cohort(100, random_state=1)
    >>> proxies = simulate_proxies(cohort.truth, cohort.participants, error="berkson", r=0.8, random_state=1)
    >>> round(proxies.slope_computed_on_truth, 2), round(proxies.slope_truth_on_computed, 2)
    (0.64, 1.0)
    """
    slope = _choose_slope(error, r, slope)
    people = truth[["participant_id", "perceived_age"]].merge(participants, on="participant_id", validate="one_to_one")
    if len(people) < len(truth):
        raise InputError(f"{len(truth) - len(people)} people of truth are not among the participants: give both tables of one cohort")
    explained = people.age.to_numpy(dtype=np.float64) + explained_years(people, with_mc1r=False)
    rest = people.perceived_age.to_numpy(dtype=np.float64) - explained
    noise = np.random.default_rng(random_state).normal(0, slope * np.sqrt(variance * (1 / r**2 - 1)), len(people))
    predicted: Floats = explained + slope * rest + noise
    computed = pd.DataFrame({"participant_id": people.participant_id.to_numpy(), "predicted": predicted})
    return SimulatedProxies(computed, slope, r**2 / slope)


def _choose_slope(error: ErrorType, r: float, slope: float | None) -> float:
    if not 0 < r <= 1:
        raise InputError(f"r is {r}: choose above 0 to 1")
    if slope is not None and slope <= 0:
        raise InputError(f"slope is {slope}: choose a number above 0")
    usual = {"classical": 1.0, "berkson": r**2, "mixed": (1 + r**2) / 2}
    if error not in usual:
        raise InputError(f"error is '{error}': choose from {', '.join(usual)}")
    if error == "berkson" and slope is not None:
        raise InputError("slope has no effect with error 'berkson', where it is r²: leave it out, or choose 'mixed'")
    return usual[error] if slope is None else slope
