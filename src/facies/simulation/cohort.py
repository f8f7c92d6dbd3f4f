"""Draws a whole cohort whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.simulation.further_outcomes import FURTHER_LAWS, draw_further_outcomes
from facies.simulation.genotype_settings import GenotypeSettings
from facies.simulation.genotypes import SimulatedGenotypes, draw_genotypes
from facies.simulation.haplotypes import Mc1rHaplotypes, draw_haplotypes
from facies.simulation.morbidity import OUTCOME_LAWS, OutcomeLaw, draw_outcomes
from facies.simulation.panel import ReaderPool, draw_readings
from facies.simulation.people import (
    MC1R_FREQUENCY,
    MC1R_YEARS,
    draw_people,
    draw_severities,
    draw_years_looking_older,
    unexplained_variance,
)
from facies.simulation.planted import MODEL_2, PlantedEffect
from facies.simulation.relatives import LOOKS_CORRELATION, OUTCOME_CORRELATION, Likeness, Pedigree, draw_families

CONDITIONS = ("acromegaly", "cushing")
"""Diseases that the painted faces can show."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """A simulated cohort.

    Parameters
    ----------
    participants, photographs, readings, outcomes
        Tables as in :mod:`facies.tables`. The photographs are planned; :func:`facies.simulation.write_photographs` paints them.
    truth
        One row a participant: the latent ``perceived_age`` (a panel of infinitely many readers), ``years_looking_older``, and the
        severity of ``acromegaly`` and ``cushing``.
    planted
        The effects to find again, by ``"exposure -> outcome"``.
    random_state
        The seed that the cohort was drawn with.
    relatives
        Who descends from whom.
    haplotypes
        Which MC1R risk alleles stand on which haplotypes.
    genotypes
        Where asked for.
    """

    participants: pd.DataFrame
    photographs: pd.DataFrame
    readings: pd.DataFrame
    outcomes: pd.DataFrame
    truth: pd.DataFrame
    planted: Mapping[str, PlantedEffect]
    random_state: int
    relatives: Pedigree
    haplotypes: Mc1rHaplotypes
    genotypes: SimulatedGenotypes | None = None


def simulate_cohort(
    n_participants: int,
    *,
    random_state: int,
    n_readers: int = 27,
    n_photographs_per_participant: int = 1,
    n_sessions: int = 1,
    n_unlabelled: int = 0,
    age_range: tuple[float, float] = (51.5, 87.8),
    female_share: float = 0.57,
    sites: tuple[str, ...] = ("north", "south"),
    conditions: Mapping[str, float] | None = None,
    readers: ReaderPool | None = None,
    family_share: float = 0.0,
    further_outcomes: bool = False,
    genotypes: GenotypeSettings | None = None,
    mc1r_frequency: float = MC1R_FREQUENCY,
    id_prefix: str = "p",
) -> Cohort:
    """Draw people, their outcomes and a panel's readings of their photographs.

    Outcomes depend on the latent perceived age, age, sex, BMI, smoking and sun exposure, on the logit or linear scale, so that a model
    with these covariates (``planted[...].covariates``) is specified exactly when the latent perceived age is the exposure. With the
    panel mean as exposure the coefficient is attenuated by reading noise; ``planted[...].expected`` says to what.

    Parameters
    ----------
    n_participants
        How many people.
    random_state
        Seed. The people do not change with the settings of the readings.
    n_readers
        Readings of each photograph, or give all settings of the panel as ``readers``.
    n_photographs_per_participant, n_sessions
        Photographs of each person in each session, and sessions.
    n_unlabelled
        How many of the people, the last ones, have no readings.
    age_range
        Youngest and oldest, in years (default: the perceived-age cohort of Turner et al. 2024).
    female_share
        Share of women, 0 to 1.
    sites
        Where people are seen; each has its own camera.
    conditions
        Prevalence of ``acromegaly`` and ``cushing``; each becomes an outcome 0 or 1.
    family_share
        Share of people with a sibling, parent or child in the cohort; they share a ``family_id``, genes, looks and outcomes.
    further_outcomes
        Adds ``fracture`` after ``fracture_years`` (time to event), ``falls`` in ``falls_years`` (count) and ``frailty`` (ordinal).
    genotypes
        Draws genotypes too; the participants get a column ``ancestry``. Planted variants change how old people look, and nothing else.
    mc1r_frequency
        Frequency of the four risk alleles of MC1R together.
    id_prefix
        What identifiers of people begin with.

    Raises
    ------
    InputError
        When a setting is out of its range.

    Examples
    --------
    >>> cohort = simulate_cohort(100, random_state=1)
    >>> len(cohort.participants), len(cohort.readings)
    (100, 2700)
    >>> round(cohort.planted["perceived_age -> osteoporosis"].odds_ratio(per=-5), 2)
    0.76
    """
    pool = readers or ReaderPool(n_readers=n_readers, n_pool=max(60, n_readers))
    _check_settings(n_participants, n_photographs_per_participant, n_sessions, n_unlabelled, age_range, sites, conditions or {})
    _check_shares(female_share=female_share, family_share=family_share, mc1r_frequency=mc1r_frequency)
    streams = [np.random.default_rng(seed) for seed in np.random.SeedSequence(random_state).spawn(11)]
    drawn = draw_people(
        n_participants, streams[0], age_range=age_range, female_share=female_share, sites=sites, mc1r_frequency=mc1r_frequency,
        id_prefix=id_prefix,
    )  # fmt: skip
    people, pedigree, haplotypes = _relate(drawn, family_share, mc1r_frequency, streams[5:7])
    looks, health = Likeness(pedigree.family, LOOKS_CORRELATION, streams[7]), Likeness(pedigree.family, OUTCOME_CORRELATION, streams[8])
    older = draw_years_looking_older(people, streams[1], relatives=looks)
    matrix = None if genotypes is None else draw_genotypes(people, pedigree, haplotypes, genotypes, streams[9])
    if matrix is not None:
        people, older = people.assign(ancestry=matrix.samples.group), older + matrix.years
    severities = draw_severities(n_participants, streams[2], conditions or {})
    outcomes = draw_outcomes(people, older, streams[3], relatives=health)
    if further_outcomes:
        outcomes = outcomes.merge(draw_further_outcomes(people, older, streams[10], relatives=health), on="participant_id")
    photographs = _plan_photographs(people, n_photographs_per_participant, n_sessions)
    truth = _truth(people, older, severities)
    variance = unexplained_variance(mc1r_frequency) + (0.0 if matrix is None else float(matrix.years.var()))
    return Cohort(
        participants=people,
        photographs=photographs,
        readings=_draw_panel(photographs, truth.head(n_participants - n_unlabelled), pool, streams[4]),
        outcomes=pd.concat([outcomes, (severities > 0).astype(float)], axis=1),
        truth=truth,
        planted=_planted(
            OUTCOME_LAWS | (FURTHER_LAWS if further_outcomes else {}),
            {} if genotypes is None else genotypes.years,
            pool,
            pool.attenuation(variance, n_photographs=n_photographs_per_participant * n_sessions),
        ),
        random_state=random_state,
        relatives=pedigree,
        haplotypes=haplotypes,
        genotypes=matrix,
    )


def _relate(
    people: pd.DataFrame, family_share: float, mc1r_frequency: float, streams: list[np.random.Generator]
) -> tuple[pd.DataFrame, Pedigree, Mc1rHaplotypes]:
    """Make families, and let their children inherit MC1R; everybody else keeps the risk alleles that were drawn."""
    related, pedigree = draw_families(people, family_share, streams[0])
    haplotypes = draw_haplotypes(related.mc1r.to_numpy(dtype=np.int64), pedigree, mc1r_frequency, streams[1])
    return related.assign(mc1r=haplotypes.counts.astype(np.float64)), pedigree, haplotypes


def faces_to_paint(cohort: Cohort) -> pd.DataFrame:
    """Join photographs, people and truth by identifier: what :func:`draw_face_parameters` needs, one row a photograph."""
    people = cohort.participants.merge(cohort.truth, on="participant_id", validate="one_to_one")
    return cohort.photographs.merge(people, on="participant_id", validate="many_to_one")


def _check_settings(
    n: int, n_photographs: int, n_sessions: int, n_unlabelled: int, age_range: tuple[float, float], sites: tuple[str, ...],
    conditions: Mapping[str, float],
) -> None:  # fmt: skip
    for name, value in (
        ("n_participants", n),
        ("n_photographs_per_participant", n_photographs),
        ("n_sessions", n_sessions),
        ("sites", len(sites)),
    ):
        if value < 1:
            raise InputError(f"{name} is {value}: give at least 1")
    if not 0 <= n_unlabelled <= n:
        raise InputError(f"n_unlabelled is {n_unlabelled}: choose 0 to {n}, the number of participants")
    if not 0 <= age_range[0] < age_range[1] <= 120:
        raise InputError(f"age_range is {age_range}: give the youngest and the oldest age, 0 to 120 years")
    _check_conditions(conditions)


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise InputError(f"{name} is {share}: choose 0 to 1")


def _check_conditions(conditions: Mapping[str, float]) -> None:
    unknown = [name for name in conditions if name not in CONDITIONS]
    if unknown:
        raise InputError(f"condition '{unknown[0]}' is not known: choose from {', '.join(CONDITIONS)}")
    if any(share < 0 for share in conditions.values()) or sum(conditions.values()) > 1:
        raise InputError(f"conditions are {dict(conditions)}: give prevalences of at least 0 that sum to at most 1")


def _plan_photographs(people: pd.DataFrame, n_photographs: int, n_sessions: int) -> pd.DataFrame:
    """Plan the photographs: every session has its own, every site its own camera."""
    n_each = n_photographs * n_sessions
    persons = np.repeat(people.participant_id.to_numpy(), n_each)
    sessions = np.tile(np.repeat([f"s{i}" for i in range(1, n_sessions + 1)], n_photographs), len(people))
    numbers = np.tile(np.arange(1, n_photographs + 1), n_sessions * len(people))
    photo_ids = np.array([f"{person}_{session}_{i}" for person, session, i in zip(persons, sessions, numbers, strict=True)], dtype=object)
    n = len(photo_ids)
    return pd.DataFrame(
        {
            "photo_id": photo_ids,
            "participant_id": persons,
            "session_id": sessions.astype(object),
            "path": np.array([f"photos/{photo_id}.jpg" for photo_id in photo_ids], dtype=object),
            "view": np.full(n, "frontal", dtype=object),
            "device": np.array([f"camera-{site}" for site in np.repeat(people.site.to_numpy(), n_each)], dtype=object),
            "source": np.full(n, "facies simulation", dtype=object),
            "licence": np.full(n, "CC0-1.0", dtype=object),
        }
    )


def _truth(people: pd.DataFrame, older: np.ndarray, severities: pd.DataFrame) -> pd.DataFrame:
    truth = pd.DataFrame({"participant_id": people.participant_id, "perceived_age": people.age + older, "years_looking_older": older})
    return truth.assign(**{name: severities.get(name, 0.0) for name in CONDITIONS})


def _draw_panel(photographs: pd.DataFrame, truth: pd.DataFrame, pool: ReaderPool, rng: np.random.Generator) -> pd.DataFrame:
    read = photographs[photographs.participant_id.isin(truth.participant_id)]
    perceived = truth.set_index("participant_id").perceived_age.reindex(read.participant_id).to_numpy(dtype=np.float64)
    return draw_readings(read.photo_id.to_numpy(), perceived, pool, rng)


def _planted(laws: Mapping[str, OutcomeLaw], genes: Mapping[str, float], pool: ReaderPool, attenuation: float) -> dict[str, PlantedEffect]:
    """Return the effects of perceived age by outcome, and of MC1R and other variants (years an allele) on perceived age."""
    of_age = [
        PlantedEffect("perceived_age", name, law.family, law.perceived_age, law.perceived_age * attenuation, MODEL_2)
        for name, law in laws.items()
    ]
    of_genes = [
        PlantedEffect(name, "perceived_age", "linear", years, years * (1 - pool.shrinkage), MODEL_2)
        for name, years in {"mc1r": MC1R_YEARS, **genes}.items()
    ]
    return {f"{effect.exposure} -> {effect.outcome}": effect for effect in (*of_age, *of_genes)}
