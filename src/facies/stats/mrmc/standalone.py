"""One system against a panel of readers of the same cases.

The difference of the system and a reader is itself a figure of merit of that reader, and whether its mean over readers is 0 is a
question to one test with random readers and random cases (1T-RRRC): Hillis SL. Stat Med 2007;26:596-619, section 5.3; Hillis SL,
Obuchowski NA, Schartz KM, Berbaum KS. Stat Med 2005;24:1579-1607, eq. 23; Chakraborty DP. Observer Performance Methods for Diagnostic
Imaging. CRC Press 2017, ch. 22. The t test over readers alone takes the cases as all cases that there are: its intervals are too short.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.stats.mrmc.anova import mean_of_readers, two_sided
from facies.stats.mrmc.merits import Merits, auc_merits, mean_merits
from facies.types import Floats

METHODS = {"readers and cases": "1T-RRRC", "readers": "readers-only t test", "cases": "fixed readers, random cases"}
"""Names of the analyses by what they generalise to."""

NOTHING = 1e-12
"""A standard error below this is rounding: the differences do not vary, and there is no test."""


class Standalone(NamedTuple):
    """The system minus the readers.

    ``system`` and ``readers`` are the figures of merit that are compared; where readers read part of the cases, ``system`` is the mean
    over readers of the system's figure in their cases. ``p_non_inferior`` is one-sided, against ``margin``; NaN without a margin.
    """

    method: str
    system: float
    readers: float
    estimate: float
    std_error: float
    statistic: float
    df: float
    p_value: float
    ci_low: float
    ci_high: float
    margin: float
    p_non_inferior: float
    n: int
    n_cases: int
    n_readers: int


class ReaderDifferences(NamedTuple):
    """The system minus each reader, r of them, with both figures of merit, (r,)."""

    differences: Merits
    system: Floats
    readers: Floats


def auc_differences(
    system: ArrayLike, readers: ArrayLike, y: ArrayLike, *, clusters: ArrayLike | None = None, covariance: str = "jackknife",
    n_bootstrap: int = 2000, random_state: int = 0,
) -> ReaderDifferences:  # fmt: skip
    """Return the system's AUC minus each reader's, in the cases that the reader read.

    Parameters
    ----------
    system
        Scores (n,), or (n_repeats, n) by several cross-fits: the system's AUC is then the mean of theirs, and repeats add no people.
    readers
        Scores (r, n); NaN where a reader did not read the case.
    y, clusters, covariance, n_bootstrap, random_state
        As :func:`facies.stats.mrmc.merits.auc_merits`.

    Raises
    ------
    InputError
        As :func:`facies.stats.mrmc.merits.auc_merits`, or when the system has no score of a case that was read.

    Examples
    --------
    >>> y = [0, 0, 0, 1, 1, 1]
    >>> found = auc_differences([1, 2, 3, 4, 5, 6], [[1, 2, 3, 2, 4, 5], [1, 4, 2, 3, 2, 5]], y)
    >>> found.differences.values.round(3).tolist()
    [0.167, 0.278]
    """
    rows, weights = _side_by_side(system, readers)
    merits = auc_merits(rows, y, clusters=clusters, covariance=covariance, n_bootstrap=n_bootstrap, random_state=random_state)
    return _differences(merits, weights)


def mean_differences(
    system: ArrayLike, readers: ArrayLike, *, clusters: ArrayLike | None = None, n_cases: int | None = None,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> ReaderDifferences:  # fmt: skip
    """Return the system's mean minus each reader's, in the cases that the reader read.

    For a sensitivity give 1 where a case was called rightly; for a mean absolute error the errors, with ``bounds=(0, inf)``.

    Parameters
    ----------
    system
        (n,), or (n_repeats, n).
    readers
        (r, n); NaN where a reader did not read the case.
    clusters, n_cases, bounds
        As :func:`facies.stats.mrmc.merits.mean_merits`.

    Raises
    ------
    InputError
        As :func:`facies.stats.mrmc.merits.mean_merits`, or when the system has no value of a case that was read.

    Examples
    --------
    >>> mean_differences([1, 1, 1, 0], [[1, 0, 1, 0], [0, 0, 1, 0]]).differences.values.tolist()
    [0.25, 0.5]
    """
    rows, weights = _side_by_side(system, readers)
    return _differences(mean_merits(rows, clusters=clusters, n_cases=n_cases, bounds=bounds), weights)


def compare_with_panel(
    found: ReaderDifferences, *, generalise: str = "readers and cases", margin: float = float("nan"), level: float = 0.95
) -> Standalone:  # fmt: skip
    """Compare a system with the mean of a panel: the system minus the readers.

    How to read it: the test of 1T-RRRC holds for other readers and other cases of the same kind; the readers-only t test for other
    readers of these very cases. Report the first; the second beside it shows what leaving out the cases would have claimed.

    Parameters
    ----------
    found
        From :func:`auc_differences` or :func:`mean_differences`.
    generalise
        ``"readers and cases"`` (1T-RRRC), ``"readers"`` (t test over readers) or ``"cases"`` (these readers).
    margin
        The largest loss against the readers that would not matter, above 0 and fixed beforehand. The system is non-inferior at
        (1 - level) / 2 when ``ci_low`` lies above ``-margin``; ``p_non_inferior`` is the one-sided p-value of that.
    level
        Of the two-sided interval.

    Raises
    ------
    InputError
        When there is one reader and readers are a sample, or the margin is not above 0.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y, case = np.repeat([0, 1], 40), rng.normal(size=80)
    >>> readers = y * 1.2 + case + rng.normal(size=(6, 80))
    >>> found = auc_differences(y * 1.6 + case + rng.normal(size=80), readers, y)
    >>> both = [compare_with_panel(found, generalise=name) for name in ("readers and cases", "readers")]
    >>> [one.method for one in both], both[0].std_error > both[1].std_error
    (['1T-RRRC', 'readers-only t test'], True)
    """
    if margin <= 0:
        raise InputError(f"margin is {margin}: give the largest loss that would not matter, above 0, such as 0.05")
    mean = mean_of_readers(found.differences, generalise=generalise, level=level)
    known = mean.std_error > NOTHING
    statistic = mean.value / mean.std_error if known else float("nan")
    return Standalone(
        METHODS[generalise], float(found.system.mean()), float(found.readers.mean()), mean.value, mean.std_error, statistic, mean.df,
        two_sided(statistic, mean.df) if known else float("nan"), mean.ci_low, mean.ci_high, margin,
        one_sided((mean.value + margin) / mean.std_error, mean.df) if known else float("nan"),
        found.differences.n, found.differences.n_cases, len(found.readers),
    )  # fmt: skip


def compare_with_reader(found: ReaderDifferences, reader: int, *, level: float = 0.95) -> Standalone:
    """Compare a system with one reader, who stands for nobody else: a paired z test over cases.

    Examples
    --------
    >>> found = mean_differences([1, 1, 1, 0], [[1, 0, 1, 0], [0, 0, 1, 0]])
    >>> one = compare_with_reader(found, 1)
    >>> one.estimate, round(one.std_error, 4), one.n_readers
    (0.5, 0.2887, 1)
    """
    one = ReaderDifferences(found.differences.of([reader]), found.system[[reader]], found.readers[[reader]])
    return compare_with_panel(one, generalise="cases", level=level)._replace(method="paired z test over cases")


def one_sided(statistic: float, df: float) -> float:
    """Return the p-value of a statistic this large or larger; NaN stays NaN."""
    from scipy.stats import norm, t

    return float(norm.sf(statistic) if np.isinf(df) else t.sf(statistic, df))


def some_readers(found: ReaderDifferences, which: NDArray[np.bool_]) -> ReaderDifferences:
    """Return some of the readers, such as those of one level of expertise."""
    return ReaderDifferences(found.differences.of(which), found.system[which], found.readers[which])


class McNemar(NamedTuple):
    """Calls of the same cases by a system and a reader: right by one alone, and the exact two-sided p-value."""

    only_system: int
    only_reader: int
    p_value: float


def mcnemar(system: ArrayLike, reader: ArrayLike) -> McNemar:
    """Compare the calls of a system and a reader by McNemar's exact test (Psychometrika 1947;12:153-157).

    Parameters
    ----------
    system, reader
        1 where the call is right, one row a person, (n,); NaN where there was none.

    Examples
    --------
    >>> mcnemar([1, 1, 1, 1, 0, 1], [0, 0, 0, 1, 1, 0])
    McNemar(only_system=4, only_reader=1, p_value=0.375)
    """
    from scipy.stats import binomtest

    first, second = np.asarray(system, dtype=np.float64), np.asarray(reader, dtype=np.float64)
    b, c = int(((first == 1) & (second == 0)).sum()), int(((first == 0) & (second == 1)).sum())
    return McNemar(b, c, float(binomtest(b, b + c).pvalue) if b + c else 1.0)


def _side_by_side(system: ArrayLike, readers: ArrayLike) -> tuple[Floats, Floats]:
    """Return the system's rows in the cases of each kind of reader, then the readers', and the weights of the r differences."""
    own, panel = (np.atleast_2d(np.asarray(table, dtype=np.float64)) for table in (system, readers))
    if own.shape[1] != panel.shape[1]:
        raise InputError(f"the system has {own.shape[1]} cases and the readers {panel.shape[1]}: give the same cases in the same order")
    read = ~np.isnan(panel)
    if np.isnan(own[:, read.any(axis=0)]).any():
        raise InputError("the system has no value of a case that a reader read: leave the case out")
    kinds, kind_of = np.unique(read, axis=0, return_inverse=True)
    systems = np.concatenate([np.where(kind, own, np.nan) for kind in kinds])
    weights = np.zeros((len(panel), len(systems) + len(panel)))
    for reader, kind in enumerate(np.asarray(kind_of).reshape(-1)):
        weights[reader, kind * len(own) : (kind + 1) * len(own)] = 1 / len(own)
    weights[:, len(systems) :] = -np.eye(len(panel))
    return np.concatenate([systems, panel]), weights


def _differences(merits: Merits, weights: Floats) -> ReaderDifferences:
    r = len(weights)
    systems = weights.copy()
    systems[:, -r:] = 0.0
    return ReaderDifferences(merits.combine(weights), np.asarray(systems @ merits.values), np.asarray(merits.values[-r:]))
