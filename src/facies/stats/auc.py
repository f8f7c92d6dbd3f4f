"""The area under the ROC curve, its standard error and differences, with people as the units.

DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837-845 (variance and paired differences); Sun X, Xu W. IEEE Signal Process
Lett 2014;21:1389-1393 (structural components by mid-ranks); Obuchowski NA. Biometrics 1997;53:567-578 (several photographs a person).

How to read it: the AUC is the probability that a case drawn at random scores higher than another person drawn at random.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.stats.resampling import cluster_codes
from facies.types import Floats

FEW_CLUSTERS = 2
"""With fewer cases, or fewer others, there is no variance."""


class AucEstimate(NamedTuple):
    """An AUC with its interval; ``n`` and ``n_cases`` count people."""

    value: float
    std_error: float
    ci_low: float
    ci_high: float
    n: int
    n_cases: int
    method: str


class PairedAuc(NamedTuple):
    """The difference of two AUCs in the same people: first minus second."""

    first: float
    second: float
    difference: float
    std_error: float
    z: float
    p_value: float
    ci_low: float
    ci_high: float
    n: int
    n_cases: int


def auc(scores: ArrayLike, y: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Return the share of pairs of a case and another in which the case scores higher; equal scores count half.

    Parameters
    ----------
    scores, y
        Score and class (1 case, 0 other) of each row, (n,).
    weights
        What each row counts, (n,).

    Returns
    -------
    float
        NaN where one class is absent.

    Examples
    --------
    >>> auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    values, case = _checked(scores, y)
    count = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    _, starts = np.unique(values[order], return_index=True)
    cases = np.add.reduceat((count * case)[order], starts) if len(starts) else np.zeros(0)
    others = np.add.reduceat((count * ~case)[order], starts) if len(starts) else np.zeros(0)
    pairs = cases.sum() * others.sum()
    below = np.cumsum(others) - others
    return float(cases @ (below + others / 2) / pairs) if pairs > 0 else float("nan")


def auc_interval(
    scores: ArrayLike, y: ArrayLike, *, clusters: ArrayLike | None = None, level: float = 0.95, method: str = "auto"
) -> AucEstimate:  # fmt: skip
    """Estimate an AUC with its interval.

    Parameters
    ----------
    scores
        (n,), or (n_repeats, n): scores by several cross-fits. The estimate is then the mean of the repeats' AUCs, and the components of
        its variance are means over the repeats, so that repeats add no people.
    y
        1 for cases and 0 for others, (n,).
    clusters
        The person of each row, where people have several; the variance is then Obuchowski's, and the interval that of a t distribution
        with one degree of freedom less than there are people in the smaller class: the normal one covers too seldom with few people.
    level
        Of the interval.
    method
        ``"wald"``, or ``"logit"`` and ``"auto"``: on the logit scale; at an AUC of 0 or 1, where DeLong's variance is 0, by the smaller
        class as a binomial share (Clopper-Pearson for m of m).

    Raises
    ------
    InputError
        When lengths differ, a score is no finite number or the method is unknown.

    Examples
    --------
    >>> found = auc_interval([0.1, 0.4, 0.35, 0.8, 0.9, 0.2], [0, 0, 1, 1, 1, 0])
    >>> round(found.value, 4), found.n, found.n_cases, found.method
    (0.8889, 6, 3, 'delong, logit')
    """
    if method not in ("auto", "logit", "wald"):
        raise InputError(f"method is '{method}': choose auto, logit or wald")
    parts = _components(scores, y, clusters)
    name = "delong" if clusters is None else "obuchowski"
    if not np.isfinite(parts.value):
        return AucEstimate(parts.value, np.nan, np.nan, np.nan, parts.n, parts.n_cases, "one class only")
    if parts.value in (0.0, 1.0) and method != "wald":
        low, high = _edge(parts, level)
        return AucEstimate(parts.value, 0.0, low, high, parts.n, parts.n_cases, "exact, at the edge")
    error = float(np.sqrt(parts.variance(0, 0)))
    freedom = np.inf if clusters is None else min(int((parts.case_counts > 0).sum()), int((parts.other_counts > 0).sum())) - 1
    low, high = _ends(parts.value, error, level, freedom, on_logit=method != "wald")
    return AucEstimate(parts.value, error, low, high, parts.n, parts.n_cases, f"{name}, {'wald' if method == 'wald' else 'logit'}")


def compare_aucs(first: ArrayLike, second: ArrayLike, y: ArrayLike, *, clusters: ArrayLike | None = None, level: float = 0.95) -> PairedAuc:
    """Compare two scores of the same people.

    Parameters
    ----------
    first, second
        (n,), or (n_repeats, n) as in :func:`auc_interval`.

    Raises
    ------
    InputError
        As :func:`auc_interval`.

    Examples
    --------
    >>> y = [0, 0, 0, 0, 1, 1, 1, 1]
    >>> found = compare_aucs([1, 2, 3, 5, 4, 6, 7, 8], [4, 1, 6, 5, 3, 2, 8, 7], y)
    >>> round(found.difference, 4), found.p_value < 0.5
    (0.3125, True)
    """
    a, b = _components(first, y, clusters), _components(second, y, clusters)
    difference = a.value - b.value
    joint = _Components(
        0.0, np.vstack([a.of_cases, b.of_cases]), np.vstack([a.of_others, b.of_others]), a.case_counts,
        a.other_counts, a.n, a.n_cases,
    )  # fmt: skip
    variance = joint.variance(0, 0) + joint.variance(1, 1) - 2 * joint.variance(0, 1)
    error = float(np.sqrt(max(variance, 0.0)))
    z, p_value, low, high = _wald(difference, error, level)
    return PairedAuc(a.value, b.value, difference, error, z, p_value, low, high, a.n, a.n_cases)


def compare_independent_aucs(first: AucEstimate, second: AucEstimate, *, level: float = 0.95) -> PairedAuc:
    """Compare the AUCs of different people, such as of two groups: first minus second.

    Examples
    --------
    >>> a = AucEstimate(0.9, 0.03, 0.84, 0.96, 100, 40, "delong, wald")
    >>> b = AucEstimate(0.8, 0.04, 0.72, 0.88, 100, 40, "delong, wald")
    >>> round(compare_independent_aucs(a, b).z, 3)
    2.0
    """
    error = float(np.hypot(first.std_error, second.std_error))
    difference = first.value - second.value
    z, p_value, low, high = _wald(difference, error, level)
    n, n_cases = first.n + second.n, first.n_cases + second.n_cases
    return PairedAuc(first.value, second.value, difference, error, z, p_value, low, high, n, n_cases)


class _Components(NamedTuple):
    """Sums of the structural components by cluster, of one or several scores."""

    value: float
    of_cases: Floats
    of_others: Floats
    case_counts: Floats
    other_counts: Floats
    n: int
    n_cases: int

    def variance(self, i: int, j: int) -> float:
        """Return the covariance of scores i and j (Obuchowski 1997, eq. 4; DeLong's where every cluster is one row)."""
        m, n = self.case_counts.sum(), self.other_counts.sum()
        has_cases, has_others = self.case_counts > 0, self.other_counts > 0
        p, q = int(has_cases.sum()), int(has_others.sum())
        if min(p, q) < FEW_CLUSTERS:
            return float("nan")
        centred_case = [self.of_cases[k] - self.case_counts * (self.of_cases[k].sum() / m) for k in (i, j)]
        centred_other = [self.of_others[k] - self.other_counts * (self.of_cases[k].sum() / m) for k in (i, j)]
        s10 = p / ((p - 1) * m) * float(centred_case[0][has_cases] @ centred_case[1][has_cases])
        s01 = q / ((q - 1) * n) * float(centred_other[0][has_others] @ centred_other[1][has_others])
        both = len(self.case_counts) / (len(self.case_counts) - 1)
        cross = both * float(centred_case[0] @ centred_other[1] + centred_other[0] @ centred_case[1])
        return float(s10 / m + s01 / n + cross / (m * n))


def _components(scores: ArrayLike, y: ArrayLike, clusters: ArrayLike | None) -> _Components:
    table = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    for row in table:
        _checked(row, y)
    case = np.asarray(y, dtype=np.float64) > 0
    codes, n_clusters = (np.arange(len(case)), len(case)) if clusters is None else cluster_codes(clusters)
    if len(codes) != len(case):
        raise InputError(f"{len(codes)} cluster names for {len(case)} rows: give one a row")
    case_counts, other_counts = (np.bincount(codes, which, minlength=n_clusters).astype(np.float64) for which in (case, ~case))
    people = int((case_counts > 0).sum())
    if not case.any() or case.all():
        empty = np.zeros((1, n_clusters))
        return _Components(float("nan"), empty, empty, case_counts, other_counts, n_clusters, people)
    parts = np.mean([structural_components(row, case) for row in table], axis=0)
    sums = [np.bincount(codes[which], parts[which], minlength=n_clusters)[None].astype(np.float64) for which in (case, ~case)]
    return _Components(float(parts[case].mean()), sums[0], sums[1], case_counts, other_counts, n_clusters, people)


def structural_components(scores: Floats, case: NDArray[np.bool_]) -> Floats:
    """Return for each row the share of the other class that it is on the right side of, (n,) (Sun & Xu 2014).

    Examples
    --------
    >>> structural_components(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])).tolist()
    [1.0, 0.5, 0.5, 1.0]
    """
    from scipy.stats import rankdata

    joint = rankdata(scores)
    parts = np.empty(len(scores))
    parts[case] = (joint[case] - rankdata(scores[case])) / (~case).sum()
    parts[~case] = 1 - (joint[~case] - rankdata(scores[~case])) / case.sum()
    return parts


def _checked(scores: ArrayLike, y: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if values.shape != truth.shape or values.ndim != 1:
        raise InputError(f"scores have shape {values.shape} and y {truth.shape}: give one score and one class a row")
    if not np.isfinite(values).all():
        raise InputError(f"score {int(np.flatnonzero(~np.isfinite(values))[0])} is no finite number: leave such rows out")
    if not np.isin(truth, (0.0, 1.0)).all():
        raise InputError("y holds other values than 0 and 1: give 1 for cases and 0 for others")
    return values, truth > 0


def _ends(value: float, error: float, level: float, freedom: float, *, on_logit: bool) -> tuple[float, float]:
    from scipy.special import expit, logit
    from scipy.stats import norm, t

    reach = float(norm.ppf((1 + level) / 2) if np.isinf(freedom) else t.ppf((1 + level) / 2, max(freedom, 1)))
    if not on_logit:
        return max(0.0, value - reach * error), min(1.0, value + reach * error)
    half = reach * error / (value * (1 - value))
    low, high = expit(logit(value) + np.array([-half, half]))
    return float(low), float(high)


def _edge(parts: _Components, level: float) -> tuple[float, float]:
    """Return the interval where cases and others are separated completely: by the smaller group, as a binomial share of n of n."""
    m = int(min((parts.case_counts > 0).sum(), (parts.other_counts > 0).sum()))
    limit = float(((1 - level) / 2) ** (1 / m))
    return (limit, 1.0) if parts.value == 1.0 else (0.0, 1 - limit)


def _wald(difference: float, error: float, level: float) -> tuple[float, float, float, float]:
    from scipy.stats import norm

    reach = float(norm.ppf((1 + level) / 2))
    if not error > 0:
        return (0.0 if difference == 0 else float("nan")), (1.0 if difference == 0 else float("nan")), difference, difference
    z = difference / error
    return z, float(2 * norm.sf(abs(z))), difference - reach * error, difference + reach * error
