"""May one reader be replaced by the system without readings agreeing less.

The individual equivalence index is the mean squared difference of the system and a reader less that of two readers: by how much
differences would grow if the system read in a reader's place. For calls (0 or 1) it is the growth in the share of disagreements.

Obuchowski NA, Subhas N, Schoenhagen P. Acad Radiol 2014;21:1483-1489; Barnhart HX, Kosinski AS, Haber MJ. J Biopharm Stat
2007;17:697-719 (individual equivalence). Both draw cases anew; the variance between readers is added here by leaving out each in turn.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.stats.mrmc.anova import GENERALISE, quantile
from facies.stats.mrmc.standalone import one_sided
from facies.stats.resampling import sum_by_cluster
from facies.types import Floats


class Interchangeability(NamedTuple):
    """The individual equivalence index; ``p_value`` is one-sided, of the index being ``margin`` or more, and NaN without a margin."""

    value: float
    std_error: float
    df: float
    ci_low: float
    ci_high: float
    with_system: float
    between_readers: float
    margin: float
    p_value: float
    n: int
    n_readers: int


def interchangeability(
    system: ArrayLike,
    readers: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    generalise: str = "readers and cases",
    margin: float = float("nan"),
    level: float = 0.95,
) -> Interchangeability:
    """Estimate the individual equivalence index of a system among readers.

    How to read it: 0 says that the system differs from a reader as much as readers differ from each other; below 0 it differs less.
    The system is interchangeable with a reader when ``ci_high`` lies below a margin that was fixed beforehand.

    Parameters
    ----------
    system
        One value a case, (n,): years, or calls as 0 and 1.
    readers
        (r, n); NaN where not read. Cases with fewer than 2 readers are left out.
    clusters
        The person of each case, where people have several photographs.
    generalise
        ``"readers and cases"``, ``"cases"`` (these readers) or ``"readers"`` (these cases).
    margin
        In squared units of the reading (for calls: in shares), above 0.
    level
        Of the interval.

    Raises
    ------
    InputError
        When fewer than 3 readers (2 where readers are fixed) or 3 cases with two readers remain, or the margin is not above 0.

    Examples
    --------
    >>> readers = [[51.0, 58, 73, 54], [53, 60, 74, 58], [49, 61, 70, 57]]
    >>> found = interchangeability([50.0, 60, 71, 56], readers)
    >>> round(found.with_system, 3), round(found.between_readers, 3), round(found.value, 3)
    (3.25, 7.5, -4.25)
    """
    if generalise not in GENERALISE or margin <= 0:
        raise InputError(f"generalise is '{generalise}' and margin {margin}: choose one of {', '.join(GENERALISE)} and a margin above 0")
    own, panel = _kept(system, readers, clusters)
    people = None if clusters is None else np.asarray(clusters)[own.used]
    with_system, between = _distances(_sums(own.values, panel))
    gain = with_system - between
    value = float(gain.mean())
    variances = _variances(own.values, panel, gain, people, generalise)
    total = sum(variance for variance, _ in variances)
    error, df = float(np.sqrt(total)), _freedom(variances)
    half = quantile(level, df) * error
    p_value = one_sided((margin - value) / error, df) if error > 0 else float(value >= margin)
    n = len(gain) if people is None else len(np.unique(people))
    return Interchangeability(
        value, error, df, value - half, value + half, float(with_system.mean()), float(between.mean()), margin,
        float("nan") if np.isnan(margin) else p_value, n, len(panel),
    )  # fmt: skip


class _System(NamedTuple):
    values: Floats
    used: NDArray[np.intp]


def _kept(system: ArrayLike, readers: ArrayLike, clusters: ArrayLike | None) -> tuple[_System, Floats]:
    values, panel = np.asarray(system, dtype=np.float64), np.atleast_2d(np.asarray(readers, dtype=np.float64))
    if values.shape != panel.shape[1:]:
        raise InputError(f"the system has shape {values.shape} and the readers {panel.shape}: give one value a case and one row a reader")
    if clusters is not None and len(np.asarray(clusters)) != len(values):
        raise InputError(f"{len(np.asarray(clusters))} cluster names for {len(values)} cases: give one a case")
    used = np.flatnonzero(((~np.isnan(panel)).sum(axis=0) >= 2) & ~np.isnan(values))
    panel = panel[:, used]
    panel = panel[(~np.isnan(panel)).any(axis=1)]
    if len(used) < 3 or len(panel) < 2:
        raise InputError(f"{len(used)} cases have two or more of {len(panel)} readers: interchangeability needs 3 cases and 2 readers")
    return _System(values[used], used), panel


class _Sums(NamedTuple):
    """Readers of each case, and the sum and the sum of squares of their readings less the system's, (n,)."""

    readers: Floats
    sums: Floats
    squares: Floats


def _sums(system: Floats, readers: Floats) -> _Sums:
    read = ~np.isnan(readers)
    shifted = np.where(read, readers - system, 0.0)  # the system as origin keeps the squares small
    return _Sums(read.sum(axis=0).astype(np.float64), shifted.sum(axis=0), (shifted**2).sum(axis=0))


def _distances(of: _Sums) -> tuple[Floats, Floats]:
    """Return for each case the mean squared difference of the system and a reader, and of two readers; NaN with fewer than two."""
    enough = of.readers >= 2
    k = np.where(enough, of.readers, 2.0)
    between = np.where(enough, 2 * (of.squares - of.sums**2 / k) / (k - 1), np.nan)
    return np.where(enough, of.squares / k, np.nan), between


def _variances(system: Floats, readers: Floats, gain: Floats, people: NDArray[Any] | None, generalise: str) -> list[tuple[float, int]]:
    """Return the variances of drawing cases and of drawing readers, each with its degrees of freedom."""
    found = []
    if generalise != "readers":
        sums = sum_by_cluster((gain - gain.mean())[:, None], people)
        n = len(sums)
        found.append((float((sums**2).sum()) / len(gain) ** 2 * n / (n - 1), n - 1))
    if generalise != "cases":
        r = len(readers)
        if r < 3:
            raise InputError(f"there are {r} readers: a sample of readers needs 3 or more here, or generalise to cases alone")
        everybody = _sums(system, readers)
        left = np.array([_without(everybody, system, readers, row) for row in range(r)])
        found.append((float(((left - left.mean()) ** 2).sum()) * (r - 1) / r, r - 1))
    return found


def _without(everybody: _Sums, system: Floats, readers: Floats, row: int) -> float:
    own = _sums(system, readers[[row]])
    with_system, between = _distances(_Sums(everybody.readers - own.readers, everybody.sums - own.sums, everybody.squares - own.squares))
    gain = with_system - between
    known = np.isfinite(gain)
    if not known.any():
        raise InputError(f"without reader {row} no case has two readers: generalise to cases alone")
    return float(gain[known].mean())


def _freedom(variances: list[tuple[float, int]]) -> float:
    below = sum(variance**2 / df for variance, df in variances)
    return sum(variance for variance, _ in variances) ** 2 / below if below > 0 else np.inf
