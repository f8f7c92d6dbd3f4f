"""The Obuchowski-Rockette analysis of several tests by several readers, with Hillis's degrees of freedom.

A reader's figure of merit with a test is a mean of the test, plus what the reader, the reader with this test, and the cases add; the
last part is correlated because cases are shared: Cov1 for one reader with two tests, Cov2 for two readers with one test, Cov3 for two
readers with two tests.

Obuchowski NA, Rockette HE. Communications in Statistics: Simulation 1995;24:285-308; Hillis SL, Obuchowski NA, Schartz KM,
Berbaum KS. Stat Med 2005;24:1579-1607; Hillis SL. Stat Med 2007;26:596-619 (degrees of freedom); Obuchowski NA, Gallas BD,
Hillis SL. Acad Radiol 2012;19:1508-1517 and Hillis SL. Stat Med 2014;33:330-360 (split-plot designs).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.stats.mrmc.merits import Merits
from facies.types import Floats

GENERALISE = ("readers and cases", "cases", "readers")
"""To what other readers or cases the result is to hold for; "cases" takes the readers, "readers" the cases as fixed."""

Labels = NDArray[Any] | list[str] | tuple[str, ...]


class Components(NamedTuple):
    """Variance components of the model; covariances that the design does not have are NaN."""

    reader: float
    test_reader: float
    error: float
    cov1: float
    cov2: float
    cov3: float


class GlobalTest(NamedTuple):
    """The test that all means are equal: F with two degrees of freedom, or chi-squared with one and ``df2`` infinite."""

    statistic: float
    df1: float
    df2: float
    p_value: float


class Mean(NamedTuple):
    """The mean figure of merit of one test over its readers."""

    test: str
    value: float
    std_error: float
    df: float
    ci_low: float
    ci_high: float
    n_readers: int


class Contrast(NamedTuple):
    """The mean of ``first`` minus that of ``second``; ``statistic`` is t, or z where ``df`` is infinite."""

    first: str
    second: str
    estimate: float
    std_error: float
    statistic: float
    df: float
    p_value: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class OrAnova:
    """What :func:`compare_tests` found; ``ms_test_reader`` is the mean square of readers within tests where these are nested."""

    design: str
    generalise: str
    ms_test: float
    ms_test_reader: float
    components: Components
    global_test: GlobalTest
    differences: tuple[Contrast, ...]
    means: tuple[Mean, ...]


def compare_tests(
    merits: Merits, tests: Labels, readers: Labels, *, generalise: str = "readers and cases", level: float = 0.95
) -> OrAnova:  # fmt: skip
    """Compare tests (systems, aids, arms) by the figures of merit that readers reach with them.

    Every reader reads with every test, or each with one (readers nested in tests). Which cases they share shows in ``merits``: all
    (crossed), none between groups of readers (a split plot: readers and cases nested in groups), or none between tests.

    Parameters
    ----------
    merits
        One figure for each reader with each test, (k,).
    tests, readers
        Names of the test and reader of each figure, (k,).
    generalise
        ``"readers and cases"``: both are samples. ``"cases"``: to new cases with these readers. ``"readers"``: to new readers with
        these cases.
    level
        Of the intervals.

    Raises
    ------
    InputError
        When there are fewer than two tests or readers a test, or the design is neither crossed nor nested.

    Examples
    --------
    >>> values = np.array([0.90, 0.86, 0.88, 0.94, 0.91, 0.90])
    >>> cov = np.full((6, 6), 0.0002) + np.eye(6) * 0.0006
    >>> merits = Merits(values, cov, np.full((6, 6), 100), 100, 40)
    >>> found = compare_tests(merits, ["film"] * 3 + ["screen"] * 3, ["a", "b", "c"] * 2)
    >>> found.design, round(found.differences[0].estimate, 4), round(found.differences[0].std_error, 4)
    ('crossed', -0.0367, 0.0088)
    """
    if generalise not in GENERALISE:
        raise InputError(f"generalise is '{generalise}': choose one of {', '.join(GENERALISE)}")
    layout = _layout(merits, np.asarray(tests).astype(str), np.asarray(readers).astype(str))
    parts = _crossed(layout, merits) if layout.crossed else _nested(layout, merits)
    spread = _between_tests(layout, merits)
    contrasts = tuple(_contrast(layout, merits, parts, pair, generalise, level) for pair in combinations(range(len(layout.tests)), 2))
    means = tuple(_mean(layout, merits, test, generalise, level) for test in range(len(layout.tests)))
    return OrAnova(
        layout.design, generalise, spread, parts.square, parts.components, _global(layout, parts, spread, generalise), contrasts, means,
    )  # fmt: skip


def mean_of_readers(
    merits: Merits, *, generalise: str = "readers and cases", level: float = 0.95, test: str = "", on_logit: bool = False
) -> Mean:  # fmt: skip
    """Return the mean of readers with one test and its interval from this test's data alone (Hillis 2007, section 5.3).

    Parameters
    ----------
    merits
        Of the readers, (r,).
    generalise, level
        As :func:`compare_tests`.
    test
        Its name.
    on_logit
        Make the interval on the logit scale, which covers better near 1; for figures between 0 and 1. At 0 or 1 it is the plain one.

    Raises
    ------
    InputError
        When there are fewer than two readers and these are a sample.

    Examples
    --------
    >>> merits = Merits(np.array([0.90, 0.86, 0.88]), np.full((3, 3), 0.0002) + np.eye(3) * 0.0006, np.full((3, 3), 100), 100, 40)
    >>> found = mean_of_readers(merits)
    >>> round(found.value, 3), round(found.std_error, 4), round(found.df, 1)
    (0.88, 0.0183, 12.5)
    """
    r = len(merits.values)
    between = max(mean_covariance(merits.covariance), 0.0)
    value = float(merits.values.mean())
    if generalise == "cases":
        variance, df = (float(np.diag(merits.covariance).mean()) + (r - 1) * between) / r, np.inf
    else:
        _require_readers(r, f" of {test}" if test else "")
        square = float(merits.values.var(ddof=1))
        added = r * between if generalise == "readers and cases" else 0.0
        variance, df = (square + added) / r, satterthwaite(square, added, r - 1)
    error = float(np.sqrt(variance))
    low, high = _ends(value, quantile(level, df) * error, merits.bounds, on_logit=on_logit)
    return Mean(test, value, error, df, low, high, r)


def _ends(value: float, half: float, bounds: tuple[float, float], *, on_logit: bool) -> tuple[float, float]:
    from scipy.special import expit, logit

    if on_logit and 0 < value < 1:
        reach = half / (value * (1 - value))
        return float(expit(logit(value) - reach)), float(expit(logit(value) + reach))
    return max(value - half, bounds[0]), min(value + half, bounds[1])


def mean_covariance(covariance: Floats) -> float:
    """Return the mean of the covariances of different raters; 0 where there is one rater."""
    r = len(covariance)
    return float((covariance.sum() - np.trace(covariance)) / (r * (r - 1))) if r > 1 else 0.0


def satterthwaite(square: float, added: float, df: float) -> float:
    """Return Hillis's degrees of freedom of a mean square with ``df`` of its own to which covariances add a part."""
    return float(df * (square + added) ** 2 / square**2) if square > 0 else np.inf


def quantile(level: float, df: float) -> float:
    """Return how many standard errors an interval reaches to either side."""
    from scipy.stats import norm, t

    return float(norm.ppf((1 + level) / 2) if np.isinf(df) else t.ppf((1 + level) / 2, df))


def two_sided(statistic: float, df: float) -> float:
    """Return the two-sided p-value of t, or of z with infinitely many degrees of freedom."""
    from scipy.stats import norm, t

    return float(2 * (norm.sf(abs(statistic)) if np.isinf(df) else t.sf(abs(statistic), df)))


@dataclass(frozen=True, eq=False)
class _Layout:
    """Which figure belongs to which test and reader; ``groups`` of readers who share no case, (n_readers,)."""

    tests: list[str]
    cells: list[NDArray[np.intp]]
    crossed: bool
    groups: NDArray[np.intp]
    design: str


class _Parts(NamedTuple):
    """What variances are made of.

    ``square`` with ``df`` is the mean square of readers with tests, ``within`` is Cov2 - Cov3 or 0, shared by ``readers_within`` readers,
    and ``error_within`` less ``within`` is the error variance that a reader's difference has of its own.
    """

    square: float
    df: float
    within: float
    readers_within: float
    error_within: float
    components: Components


def _layout(merits: Merits, tests: NDArray[Any], readers: NDArray[Any]) -> _Layout:
    if not len(tests) == len(readers) == len(merits.values):
        raise InputError(f"{len(tests)} tests and {len(readers)} readers for {len(merits.values)} figures: name both for each")
    names = list(dict.fromkeys(tests.tolist()))
    if len(names) < 2:
        raise InputError(f"there is one test, '{names[0] if names else ''}': a comparison needs two, or use mean_of_readers")
    cells = [np.flatnonzero(tests == name)[np.argsort(readers[tests == name], kind="stable")] for name in names]
    who = [readers[rows].tolist() for rows in cells]
    for name, own in zip(names, who, strict=True):
        _require_once(name, own)
        _require_readers(len(own), f" with {name}")
    crossed = all(own == who[0] for own in who)
    if not crossed and len({reader for own in who for reader in own}) < len(readers):
        odd = next(reader for reader in readers if (readers == reader).sum() > 1 or sum(reader in own for own in who) < len(names))
        raise InputError(f"reader {odd} reads with some tests but not with all: keep readers of all tests, or give each reader one test")
    groups = _groups(merits, cells) if crossed else np.zeros(0, dtype=np.intp)
    return _Layout(names, cells, crossed, groups, _design(merits, cells, crossed, groups))


def _require_once(test: str, readers: list[str]) -> None:
    repeated = [a for a, b in pairwise(readers) if a == b]
    if repeated:
        raise InputError(f"reader {repeated[0]} stands twice with {test}: average the repeats first")


def _require_readers(r: int, where: str) -> None:
    if r < 2:
        raise InputError(f"there is one reader{where}: a sample of readers needs 2 or more, or generalise to cases alone")


def _groups(merits: Merits, cells: list[NDArray[np.intp]]) -> NDArray[np.intp]:
    """Number the groups of readers whom shared cases join."""
    from scipy.sparse.csgraph import connected_components

    joined = sum(merits.shared[np.ix_(a, b)] for a in cells for b in cells) > 0
    return np.asarray(connected_components(joined, directed=False)[1], dtype=np.intp)


def _design(merits: Merits, cells: list[NDArray[np.intp]], crossed: bool, groups: NDArray[np.intp]) -> str:
    apart = all(not merits.shared[np.ix_(a, b)].any() for a, b in combinations(cells, 2))
    name = "crossed" if crossed else "readers nested in tests"
    if crossed and len(groups) == groups.max() + 1 > 1:
        name = "cases nested in readers"
    elif crossed and groups.max() > 0:
        name = "readers and cases nested in groups"
    return f"{name}, cases nested in tests" if apart else name


def _crossed(layout: _Layout, merits: Merits) -> _Parts:
    """Return the parts of a design in which all readers read with all tests; mean squares are within groups of two or more."""
    t, r = len(layout.cells), len(layout.cells[0])
    sizes = np.bincount(layout.groups)
    groups = layout.groups if len(sizes) > 1 and sizes.min() > 1 else np.zeros(r, dtype=np.intp)
    square, df = _interaction(np.array([merits.values[rows] for rows in layout.cells]), groups)
    same = groups[:, None] == groups[None]
    own, other = _blocks(merits, layout.cells)
    off = same & ~np.eye(r, dtype=bool)
    cov2, cov3 = float(own[off].mean()), float(other[off].mean())
    error, cov1 = float(np.diag(own).mean()), float(np.diag(other).mean())
    reader_square = t * float(np.mean([merits.values[rows] for rows in layout.cells], axis=0).var(ddof=1))
    test_reader = max(square - error + cov1 + max(cov2 - cov3, 0.0), 0.0)
    reader = (reader_square - square) / t - cov1 + cov3
    counts = np.bincount(groups)
    return _Parts(
        square, df, max(cov2 - cov3, 0.0), float((counts**2).sum() / r), error - cov1,
        Components(reader, test_reader, error, cov1, cov2, cov3),
    )  # fmt: skip


def _interaction(values: Floats, groups: NDArray[np.intp]) -> tuple[float, float]:
    """Return the mean square of tests by readers within groups, (t, r) values, and its degrees of freedom."""
    total, freedom = 0.0, 0
    for group in range(groups.max() + 1):
        own = values[:, groups == group]
        rest = own - own.mean(axis=1, keepdims=True) - own.mean(axis=0, keepdims=True) + own.mean()
        total += float((rest**2).sum())
        freedom += (own.shape[0] - 1) * (own.shape[1] - 1)
    return total / freedom, float(freedom)


def _blocks(merits: Merits, cells: list[NDArray[np.intp]]) -> tuple[Floats, Floats]:
    """Return the covariances between readers, (r, r), within tests and between tests, each as a mean over the tests."""
    own = np.mean([merits.covariance[np.ix_(rows, rows)] for rows in cells], axis=0)
    pairs = [(a, b) for a in cells for b in cells if a is not b]
    return np.asarray(own), np.asarray(np.mean([merits.covariance[np.ix_(a, b)] for a, b in pairs], axis=0))


def _nested(layout: _Layout, merits: Merits) -> _Parts:
    """Return the parts of a design in which each reader reads with one test: the mean square is of readers within tests."""
    freedom = [len(rows) - 1 for rows in layout.cells]
    square = float(np.average([merits.values[rows].var(ddof=1) for rows in layout.cells], weights=freedom))
    cov2 = float(np.average([mean_covariance(merits.covariance[np.ix_(rows, rows)]) for rows in layout.cells], weights=freedom))
    cov3 = float(np.mean([merits.covariance[np.ix_(a, b)].mean() for a, b in combinations(layout.cells, 2)]))
    error = float(np.diag(merits.covariance).mean())
    harmonic = len(freedom) / sum(1 / (f + 1) for f in freedom)
    parts = Components(max(square - error + cov2, 0.0), np.nan, error, np.nan, cov2, cov3)
    between = max(cov2 - cov3, 0.0)
    return _Parts(square, float(sum(freedom)), between, harmonic, error - cov2 + between, parts)


def _between_tests(layout: _Layout, merits: Merits) -> float:
    means = np.array([merits.values[rows].mean() for rows in layout.cells])
    harmonic = len(layout.cells) / sum(1 / len(rows) for rows in layout.cells)
    return float(harmonic * means.var(ddof=1))


def _global(layout: _Layout, parts: _Parts, spread: float, generalise: str) -> GlobalTest:
    from scipy.stats import chi2, f

    t, r = len(layout.tests), parts.readers_within
    if generalise == "cases":
        statistic = _ratio((t - 1) * spread, parts.error_within + (r - 1) * parts.within)
        return GlobalTest(statistic, t - 1, np.inf, float(chi2.sf(statistic, t - 1)))
    added = r * parts.within if generalise == "readers and cases" else 0.0
    statistic, df = _ratio(spread, parts.square + added), satterthwaite(parts.square, added, parts.df)
    p_value = chi2.sf((t - 1) * statistic, t - 1) if np.isinf(df) else f.sf(statistic, t - 1, df)
    return GlobalTest(statistic, t - 1, df, float(p_value))


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else (np.nan if above == 0 else np.inf)


def _contrast(layout: _Layout, merits: Merits, parts: _Parts, pair: tuple[int, int], generalise: str, level: float) -> Contrast:
    first, second = (merits.values[layout.cells[which]] for which in pair)
    inverse = 1 / len(first) + 1 / len(second)
    shared = inverse * parts.readers_within * parts.within if layout.crossed else 2 * parts.within
    if generalise == "cases":
        own = inverse * (parts.error_within - parts.within)
        return _tested(layout, pair, float(first.mean() - second.mean()), own + shared, np.inf, level)
    own, added = inverse * parts.square, shared if generalise == "readers and cases" else 0.0
    return _tested(layout, pair, float(first.mean() - second.mean()), own + added, satterthwaite(own, added, parts.df), level)


def _tested(layout: _Layout, pair: tuple[int, int], estimate: float, variance: float, df: float, level: float) -> Contrast:
    error = float(np.sqrt(max(variance, 0.0)))
    statistic = estimate / error if error > 0 else float("nan")
    p_value, half = (two_sided(statistic, df), quantile(level, df) * error) if error > 0 else (float("nan"), 0.0)
    names = layout.tests[pair[0]], layout.tests[pair[1]]
    return Contrast(*names, estimate, error, statistic, df, p_value, estimate - half, estimate + half)


def _mean(layout: _Layout, merits: Merits, test: int, generalise: str, level: float) -> Mean:
    return mean_of_readers(merits.of(layout.cells[test]), generalise=generalise, level=level, test=layout.tests[test])
