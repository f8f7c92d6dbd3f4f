"""Figures of merit of several raters of the same cases, with their covariance over cases.

A rater is a reader, a reader with one of several tests, or a system. What one rater did not read is NaN, so that designs in which
readers read different cases need no form of their own: two raters without a common case have the covariance 0.

DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837-845; Obuchowski NA. Biometrics 1997;53:567-578 (several photographs
a person); Efron B. The Jackknife, the Bootstrap and Other Resampling Plans. SIAM 1982; Obuchowski NA, Rockette HE. Communications in
Statistics: Simulation 1995;24:285-308 (why covariances are needed).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.stats.auc import structural_components
from facies.stats.resampling import cluster_codes, draw_weights
from facies.types import Floats

COVARIANCES = ("jackknife", "delong", "bootstrap")
"""How covariances of AUCs are estimated; the jackknife leaves out one person at a time and is Hillis's choice."""

FEWEST = 2
"""Fewer people in a class give no variance."""


@dataclass(frozen=True, eq=False)
class Merits:
    """The figure of merit of each of k raters.

    Parameters
    ----------
    values, covariance
        (k,) and (k, k); the covariance is that of drawing cases anew.
    shared
        People whom both raters read, (k, k).
    n, n_cases
        People in all, and those with the condition.
    bounds
        Between which the figure lies; intervals of means end there.
    """

    values: Floats
    covariance: Floats
    shared: NDArray[np.intp]
    n: int
    n_cases: int
    bounds: tuple[float, float] = (0.0, 1.0)

    def combine(self, weights: ArrayLike) -> Merits:
        """Return weighted sums of the raters, (q, k) weights: means over repeats, or differences.

        Examples
        --------
        >>> two = Merits(np.array([0.9, 0.8]), np.array([[0.04, 0.01], [0.01, 0.04]]), np.full((2, 2), 50), 50, 20)
        >>> found = two.combine([[1, -1]])
        >>> round(float(found.values[0]), 6), round(float(found.covariance[0, 0]), 6), found.bounds
        (0.1, 0.06, (-inf, inf))
        """
        by = np.asarray(weights, dtype=np.float64)
        used = by != 0
        mean = bool((by >= 0).all() and np.allclose(by.sum(axis=1), 1))
        across = np.array([self.shared[row].max(axis=0, initial=0) for row in used]).reshape(len(by), -1)
        shared = np.array([across[:, row].max(axis=1, initial=0) for row in used], dtype=np.intp)
        bounds = self.bounds if mean else (-np.inf, np.inf)
        return Merits(by @ self.values, by @ self.covariance @ by.T, shared, self.n, self.n_cases, bounds)

    def of(self, which: ArrayLike) -> Merits:
        """Return some of the raters."""
        rows = np.arange(len(self.values))[np.asarray(which)]
        cells = np.ix_(rows, rows)
        return Merits(self.values[rows], self.covariance[cells], self.shared[cells], self.n, self.n_cases, self.bounds)


def auc_merits(
    scores: ArrayLike,
    y: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    covariance: str = "jackknife",
    n_bootstrap: int = 2000,
    random_state: int = 0,
) -> Merits:
    """Return the AUC of each rater with their covariances.

    Parameters
    ----------
    scores
        (k, n): one row a rater, NaN where a rater did not read the case.
    y
        1 with the condition, 0 without, (n,).
    clusters
        The person of each column, where people have several photographs; the person is then what is left out or drawn.
    covariance
        ``"jackknife"``, ``"delong"`` (Obuchowski's with clusters) or ``"bootstrap"`` (people with and without the condition drawn
        apart, as many as there are).

    Raises
    ------
    InputError
        When shapes differ, a rater read fewer than 2 people of a class, or the method is unknown.

    Examples
    --------
    >>> y = [0, 0, 0, 1, 1, 1]
    >>> found = auc_merits([[1, 2, 3, 2, 4, 5], [1, 3, 2, 4, 2, 5]], y, covariance="delong")
    >>> found.values.round(4).tolist(), round(float(found.covariance[0, 1]), 4)
    ([0.8333, 0.8333], -0.0093)
    """
    if covariance not in COVARIANCES:
        raise InputError(f"covariance is '{covariance}': choose one of {', '.join(COVARIANCES)}")
    board = _board(scores, y, clusters)
    values, parts = _placements(board)
    if covariance == "jackknife":
        matrix = _jackknife(board, values, parts)
    elif covariance == "delong":
        matrix = _delong(board, values, parts)
    else:
        matrix = _bootstrap(board, n_bootstrap, random_state)
    return Merits(values, matrix, _shared(board), board.n_people, board.n_people_with(board.case))


def mean_merits(
    values: ArrayLike, *, clusters: ArrayLike | None = None, n_cases: int | None = None, bounds: tuple[float, float] = (0.0, 1.0)
) -> Merits:  # fmt: skip
    """Return the mean of each rater with their covariances: a sensitivity (calls of cases), a specificity or a mean absolute error.

    Parameters
    ----------
    values
        (k, n): one row a rater, NaN where a rater did not read the case; for a sensitivity 1 where the call is right.
    clusters
        The person of each column.
    n_cases
        How many of the people have the condition; all, when None.
    bounds
        Between which a mean can lie.

    Raises
    ------
    InputError
        When a rater read fewer than 2 people.

    Examples
    --------
    >>> found = mean_merits([[1, 1, 0, 1], [1, 0, 0, 1]])
    >>> found.values.tolist(), found.covariance.round(4).tolist()
    ([0.75, 0.5], [[0.0625, 0.0417], [0.0417, 0.0833]])
    """
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    board = _board(table, np.ones(table.shape[1]), clusters, classes=(1,))
    counts = board.read.sum(axis=1)
    means = np.where(board.read, table, 0.0).sum(axis=1) / counts
    centred = np.where(board.read, table - means[:, None], 0.0)
    sums = board.by_person(centred) / counts[:, None] * _inflation(board, board.read)[:, None]
    return Merits(means, sums @ sums.T, _shared(board), board.n_people, board.n_people if n_cases is None else n_cases, bounds)


@dataclass(frozen=True, eq=False)
class _Board:
    """Scores, (k, n), who read what, the class and the person of each column."""

    scores: Floats
    read: NDArray[np.bool_]
    case: NDArray[np.bool_]
    codes: NDArray[np.intp]
    n_people: int

    def by_person(self, table: Floats) -> Floats:
        """Add up the columns of each person: (k, n) to (k, n_people)."""
        sums = np.zeros((len(table), self.n_people))
        np.add.at(sums.T, self.codes, table.T)
        return sums

    def n_people_with(self, which: NDArray[np.bool_]) -> int:
        return len(np.unique(self.codes[which]))


def _board(scores: ArrayLike, y: ArrayLike, clusters: ArrayLike | None, classes: tuple[int, ...] = (0, 1)) -> _Board:
    table, truth = np.atleast_2d(np.asarray(scores, dtype=np.float64)), np.asarray(y, dtype=np.float64)
    if table.ndim != 2 or truth.shape != table.shape[1:]:
        raise InputError(f"scores have shape {table.shape} and y {truth.shape}: give one column and one class a case")
    if np.isinf(table).any() or not np.isin(truth, (0.0, 1.0)).all():
        raise InputError("scores must be numbers (NaN where not read) and y 0 or 1: mend or leave out the other rows")
    codes, n_people = (np.arange(len(truth)), len(truth)) if clusters is None else cluster_codes(clusters)
    if len(codes) != len(truth):
        raise InputError(f"{len(codes)} cluster names for {len(truth)} cases: give one a case")
    board = _Board(table, ~np.isnan(table), truth > 0, codes, n_people)
    for rater, read in enumerate(board.read):
        for which in classes:
            found = board.n_people_with(read & (truth == which))
            if found < FEWEST:
                kind = "with" if which else "without"
                raise InputError(f"rater {rater} read {found} people {kind} the condition: each needs {FEWEST} or more, drop the rest")
    return board


def _shared(board: _Board) -> NDArray[np.intp]:
    seen = (board.by_person(board.read.astype(np.float64)) > 0).astype(np.intp)
    return np.asarray(seen @ seen.T, dtype=np.intp)


def _placements(board: _Board) -> tuple[Floats, Floats]:
    """Return the AUCs, (k,), and each score's share of the other class that it is on the right side of, (k, n); 0 where not read."""
    parts = np.zeros(board.scores.shape)
    for row, read in enumerate(board.read):
        parts[row, read] = structural_components(board.scores[row, read], board.case[read])
    cases = board.read & board.case
    return (parts * cases).sum(axis=1) / cases.sum(axis=1), parts


def _inflation(board: _Board, read: NDArray[np.bool_]) -> Floats:
    """Return sqrt(p / (p - 1)) for the p people whom each rater read, (k,)."""
    people = (board.by_person(read.astype(np.float64)) > 0).sum(axis=1)
    return np.asarray(np.sqrt(people / (people - 1)))


def _delong(board: _Board, values: Floats, parts: Floats) -> Floats:
    centred = np.where(board.read, parts - values[:, None], 0.0)
    sums, scale = [], []
    for which in (board.case, ~board.case):
        read = board.read & which
        sums.append(board.by_person(np.where(which, centred, 0.0)) / read.sum(axis=1)[:, None])
        scale.append(_inflation(board, read)[:, None])
    (cases, others), (of_cases, of_others) = sums, scale
    own = (cases * of_cases) @ (cases * of_cases).T + (others * of_others) @ (others * of_others).T
    cross = cases @ others.T * board.n_people / (board.n_people - 1)
    return np.asarray(own + cross + cross.T)


def _jackknife(board: _Board, values: Floats, parts: Floats) -> Floats:
    """Return (n - 1) / n times the sum of products of deviations when one of all n people is left out."""
    cases, others = board.read & board.case, board.read & ~board.case
    m, n = cases.sum(axis=1)[:, None], others.sum(axis=1)[:, None]
    lost_m, lost_n = board.by_person(cases.astype(np.float64)), board.by_person(others.astype(np.float64))
    won = n * board.by_person(parts * cases) + m * board.by_person(parts * others) - _pairs_within(board)
    left = (m - lost_m) * (n - lost_n)
    deviation = (m * n * values[:, None] - won) / left - values[:, None]
    deviation -= deviation.mean(axis=1, keepdims=True)
    return np.asarray(deviation @ deviation.T * (board.n_people - 1) / board.n_people)


def _pairs_within(board: _Board) -> Floats:
    """Return the pairs of a case and another of one person, where the case scores higher, (k, n_people); they are lost but once."""
    found = np.zeros((len(board.scores), board.n_people))
    both = np.intersect1d(board.codes[board.case], board.codes[~board.case])
    for person in both:
        own = board.codes == person
        for row in range(len(board.scores)):
            cases, others = (board.scores[row, own & board.read[row] & which] for which in (board.case, ~board.case))
            found[row, person] = _kernel(cases, others).sum()
    return found


def _kernel(cases: Floats, others: Floats) -> Floats:
    """Return 1 where a case scores higher than another, 0.5 where equal, (m, n)."""
    return np.asarray((cases[:, None] > others[None]) + 0.5 * (cases[:, None] == others[None]), dtype=np.float64)


def _bootstrap(board: _Board, n_bootstrap: int, random_state: int) -> Floats:
    if n_bootstrap < 2:
        raise InputError(f"n_bootstrap is {n_bootstrap}: choose at least 2, for a report 2000")
    weights = _stratified_weights(board, n_bootstrap, random_state)
    draws = np.column_stack([_weighted_aucs(board, row, weights) for row in range(len(board.scores))])
    return np.atleast_2d(np.cov(draws[np.isfinite(draws).all(axis=1)], rowvar=False))


def _stratified_weights(board: _Board, n_bootstrap: int, random_state: int) -> Floats:
    """Return how often each column is drawn, (n_bootstrap, n), people with and without a case drawn apart."""
    has_case = np.bincount(board.codes, board.case, minlength=board.n_people) > 0
    people = np.zeros((n_bootstrap, board.n_people))
    for which, seed in ((has_case, random_state), (~has_case, random_state + 1)):
        if which.any():
            people[:, which] = np.concatenate(list(draw_weights(int(which.sum()), n_bootstrap=n_bootstrap, random_state=seed)))
    return people[:, board.codes]


def _weighted_aucs(board: _Board, row: int, weights: Floats) -> Floats:
    cases, others = board.read[row] & board.case, board.read[row] & ~board.case
    won = ((weights[:, cases] @ _kernel(board.scores[row, cases], board.scores[row, others])) * weights[:, others]).sum(axis=1)
    pairs = weights[:, cases].sum(axis=1) * weights[:, others].sum(axis=1)
    return np.asarray(np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0))
