"""Simulated readings with a known truth: the model of Roe & Metz, with a system beside the readers.

A reading is a normal number that is higher in cases; to it add the case, the case with this test, the reader, the reader with this
test, the reader with this case, and chance. Roe CA, Metz CE. Acad Radiol 1997;4:298-303; the structures are after theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats


class Structure(NamedTuple):
    """Variances of a reading; those of case, test_case, reader_case and error add up to 1 within a reader."""

    case: float
    test_case: float
    reader_case: float
    error: float
    reader: float
    test_reader: float


STRUCTURES = {
    "HL": Structure(0.3, 0.3, 0.2, 0.2, 0.0055, 0.0055),
    "LL": Structure(0.1, 0.1, 0.2, 0.6, 0.0055, 0.0055),
    "HH": Structure(0.3, 0.3, 0.2, 0.2, 0.03, 0.03),
    "LH": Structure(0.1, 0.1, 0.2, 0.6, 0.03, 0.03),
}
"""High or low correlation of data, then high or low spread of readers."""


class Simulated(NamedTuple):
    """Readings (t, r, n), a system's scores (n,) and who is a case, (n,)."""

    readers: Floats
    system: Floats
    y: NDArray[np.int64]


def simulate_roe_metz(
    structure: Structure,
    *,
    aucs: Sequence[float],
    n_readers: int,
    n_cases: int,
    n_others: int,
    system_auc: float = 0.8,
    random_state: int = 0,
) -> Simulated:
    """Simulate readers of the same cases with several tests, and a system that scores them.

    Parameters
    ----------
    structure
        Variances, such as ``STRUCTURES["HL"]``.
    aucs
        The AUC with each test, mean over all readers there are, (t,).
    n_readers, n_cases, n_others
        Readers, people with the condition, and without.
    system_auc
        The system's; what is typical or not of a case it shares with readers as they share it with each other with different tests.

    Raises
    ------
    InputError
        When an AUC is not between 0 and 1.

    Examples
    --------
    >>> found = simulate_roe_metz(STRUCTURES["LL"], aucs=[0.8, 0.85], n_readers=3, n_cases=20, n_others=30)
    >>> found.readers.shape, found.system.shape, int(found.y.sum())
    ((2, 3, 50), (50,), 20)
    """
    from scipy.stats import norm

    if not all(0 < auc < 1 for auc in (*aucs, system_auc)):
        raise InputError(f"AUCs are {', '.join(map(str, (*aucs, system_auc)))}: choose numbers between 0 and 1")
    rng = np.random.default_rng(random_state)
    y = np.repeat([1, 0], [n_cases, n_others])
    t, r, n = len(aucs), n_readers, len(y)
    spread = np.sqrt(2 * (1 + structure.reader + structure.test_reader))
    case = np.sqrt(structure.case) * rng.normal(size=n)
    readings = case + np.sqrt(structure.test_case) * rng.normal(size=(t, 1, n)) + np.sqrt(structure.error) * rng.normal(size=(t, r, n))
    readings = readings + np.sqrt(structure.reader_case) * rng.normal(size=(1, r, n))
    skill = np.sqrt(structure.reader) * rng.normal(size=(1, r, 2)) + np.sqrt(structure.test_reader) * rng.normal(size=(t, r, 2))
    means = norm.ppf(np.asarray(aucs, dtype=np.float64)) * spread
    readings = readings + skill[:, :, y] + means[:, None, None] * y
    own = np.sqrt(1 - structure.case) * rng.normal(size=n)
    system = case + own + norm.ppf(system_auc) * np.sqrt(2) * y
    return Simulated(np.asarray(readings), np.asarray(system), y)
