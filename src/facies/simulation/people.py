"""Draws people: age, sex, habits, genes and how much older than their age they look."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from facies.simulation.relatives import Likeness
from facies.types import Floats

MC1R_YEARS = 0.79
"""Years of perceived age per MC1R allele (Liu et al. 2016)."""

MC1R_FREQUENCY = 0.25
"""Frequency of all four risk alleles together; they never share a haplotype."""

SMOKING_YEARS = {"never": 0.0, "former": 0.4, "current": 2.0}
SMOKING_SHARES = {"never": 0.36, "former": 0.48, "current": 0.16}
SUN_YEARS = 0.35
"""Years of perceived age per hour a day outdoors."""

BMI_YEARS = -0.12
RESIDUAL_SD = 4.2
"""Spread of looking older that no measured cause explains, in years."""


def unexplained_variance(mc1r_frequency: float) -> float:
    """Return the variance of the latent perceived age given the covariates of model 2 (which leaves MC1R out), in squared years.

    ``mc1r_frequency`` is that of all four risk alleles together.

    Examples
    --------
    >>> round(unexplained_variance(0.25), 2)
    17.87
    """
    return RESIDUAL_SD**2 + MC1R_YEARS**2 * 2 * mc1r_frequency * (1 - mc1r_frequency)


UNEXPLAINED_VARIANCE = unexplained_variance(MC1R_FREQUENCY)
"""The same at :data:`MC1R_FREQUENCY`."""


def draw_people(
    n: int,
    rng: np.random.Generator,
    *,
    age_range: tuple[float, float],
    female_share: float,
    sites: tuple[str, ...],
    mc1r_frequency: float = MC1R_FREQUENCY,
    id_prefix: str = "p",
) -> pd.DataFrame:
    """Return one row a person with what a cohort records about them; ``skin_tone`` is the individual typology angle in degrees."""
    ages = age_range[0] + (age_range[1] - age_range[0]) * rng.beta(1.8, 2.6, n)
    width = max(4, len(str(n)))
    return pd.DataFrame(
        {
            "participant_id": np.array([f"{id_prefix}{i:0{width}d}" for i in range(1, n + 1)], dtype=object),
            "age": np.round(ages, 2),
            "sex": np.where(rng.random(n) < female_share, "female", "male").astype(object),
            "site": np.asarray(sites, dtype=object)[rng.integers(0, len(sites), n)],
            "consent_scope": np.full(n, "publication", dtype=object),
            "skin_tone": np.round(np.clip(rng.normal(38, 16, n), -45, 70), 1),
            "bmi": np.round(np.clip(rng.normal(27, 4, n), 16, 50), 1),
            "smoking": rng.choice(np.array(list(SMOKING_SHARES), dtype=object), n, p=list(SMOKING_SHARES.values())),
            "sun_exposure": np.round(np.clip(rng.gamma(3.0, 1.0, n), 0, 12), 1),
            "mc1r": rng.binomial(2, mc1r_frequency, n).astype(float),
        }
    )


def draw_years_looking_older(people: pd.DataFrame, rng: np.random.Generator, *, relatives: Likeness | None = None) -> Floats:
    """Return perceived age minus age, (n,), in years, about zero in the mean and with a standard deviation of about 4.4.

    ``relatives`` look alike beyond what their genes and habits explain.
    """
    scores = rng.standard_normal(len(people))
    residual = RESIDUAL_SD * (scores if relatives is None else relatives.normal(scores))
    return explained_years(people, with_mc1r=True) + residual


def explained_years(people: pd.DataFrame, *, with_mc1r: bool) -> Floats:
    """Return how much older people look than they are by habits, and by MC1R where asked, (n,), in years."""
    explained = (
        (MC1R_YEARS if with_mc1r else 0.0) * (people.mc1r - 2 * MC1R_FREQUENCY)
        + people.smoking.map(SMOKING_YEARS).astype(float)
        - sum(SMOKING_YEARS[level] * share for level, share in SMOKING_SHARES.items())
        + SUN_YEARS * (people.sun_exposure - 3.0)
        + BMI_YEARS * (people.bmi - 27)
    )
    return np.asarray(explained, dtype=np.float64)


def draw_severities(n: int, rng: np.random.Generator, conditions: Mapping[str, float]) -> pd.DataFrame:
    """Return the severity of each condition, 0 (absent) or 0.3 to 1; nobody has two conditions."""
    names = list(conditions)
    shares = [conditions[name] for name in names]
    which = rng.choice(len(names) + 1, n, p=[*shares, 1 - sum(shares)])
    severity = rng.uniform(0.3, 1.0, n)
    return pd.DataFrame({name: np.where(which == i, severity, 0.0) for i, name in enumerate(names)}, index=range(n))
