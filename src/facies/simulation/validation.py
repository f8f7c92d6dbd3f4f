"""A second cohort: the same laws in other people, seen elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from facies.errors import InputError
from facies.simulation.cohort import Cohort, simulate_cohort

SHIFT: dict[str, Any] = {"age_range": (45.0, 82.0), "female_share": 0.48, "sites": ("east",), "mc1r_frequency": 0.22, "id_prefix": "v"}
"""How the second cohort differs from the default of :func:`simulate_cohort`: younger, fewer women, another camera, rarer risk alleles."""


def simulate_validation(n_participants: int, *, random_state: int, readings: bool = True, **settings: Any) -> Cohort:
    """Draw a cohort to replicate findings in: the same laws and effects, with :data:`SHIFT` where ``settings`` say nothing else.

    Parameters
    ----------
    n_participants
        How many people; their identifiers begin with ``v``, so that they are nobody of a first cohort.
    random_state
        Seed. The same seed as the first cohort's gives other people.
    readings
        Whether people have readings.
    settings
        Of :func:`simulate_cohort`; they replace those of the shift.

    Raises
    ------
    InputError
        When a setting is out of its range.

    Examples
    --------
    >>> validation = simulate_validation(50, random_state=1, readings=False)
    >>> validation.participants.participant_id[0], len(validation.readings)
    ('v0001', 0)
    """
    if not readings and "n_unlabelled" in settings:
        raise InputError("n_unlabelled has no effect without readings: leave one of the two out")
    unlabelled = {} if readings else {"n_unlabelled": n_participants}
    seed = int(np.random.SeedSequence([random_state, 1]).generate_state(1)[0])
    return simulate_cohort(n_participants, random_state=seed, **{**SHIFT, **unlabelled, **settings})
