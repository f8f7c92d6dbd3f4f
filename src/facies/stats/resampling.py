"""The bootstrap by participant.

A statistic is written as a function of sums over people (of errors, squares, counts, ...). Drawing people anew then only changes
their weights in these sums, so that all statistics of all subgroups come from one matrix product a block of draws.

The unit that is drawn is the cluster: the participant, or the family. Rows of one cluster are summed first, so repeating a
person's photographs adds no information and narrows no interval.

Efron B, Tibshirani RJ. An Introduction to the Bootstrap. Chapman & Hall 1993 (percentile ch. 13, BCa ch. 14);
Field CA, Welsh AH. Bootstrapping clustered data. J R Stat Soc B 2007;69:369-390.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.types import Floats

BLOCK = 2_000_000
"""Weights held at once; bounds memory at about 16 MB for the weights whatever the number of people and draws."""

METHODS = ("percentile", "bca")

Statistic = Callable[[Floats], Floats]
"""From sums, (..., p), to statistics, (..., q); it must accept any leading shape."""


class Intervals(NamedTuple):
    """Statistics with their intervals, each (q,)."""

    value: Floats
    ci_low: Floats
    ci_high: Floats


def cluster_codes(clusters: ArrayLike) -> tuple[NDArray[np.intp], int]:
    """Number the clusters 0, 1, ... in sorted order; return the number of each row and how many there are.

    Examples
    --------
    >>> cluster_codes(["b", "a", "b"])
    (array([1, 0, 1]), 2)
    """
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    return codes.reshape(-1).astype(np.intp), len(names)


def sum_by_cluster(components: Floats, clusters: ArrayLike | None) -> Floats:
    """Add up the rows of each cluster: (n, p) to (n_clusters, p)."""
    if clusters is None:
        return components
    codes, n_clusters = cluster_codes(clusters)
    if len(codes) != len(components):
        raise InputError(f"{len(codes)} cluster names for {len(components)} rows: give one a row")
    sums = np.zeros((n_clusters, components.shape[1]))
    np.add.at(sums, codes, components)
    return sums


def draw_weights(n: int, *, n_bootstrap: int, random_state: int) -> Iterator[Floats]:
    """Yield blocks of weights, (draws, n): how often each of ``n`` clusters was drawn.

    The weights depend on ``random_state`` only, not on the size of the blocks.

    Examples
    --------
    >>> block = next(draw_weights(4, n_bootstrap=3, random_state=1))
    >>> block.shape, block.sum(axis=1)
    ((3, 4), array([4., 4., 4.]))
    """
    generator = np.random.default_rng(random_state)
    per_block = max(1, BLOCK // max(n, 1))
    for start in range(0, n_bootstrap, per_block):
        draws = min(per_block, n_bootstrap - start)
        drawn = generator.integers(n, size=(draws, n)) + n * np.arange(draws)[:, None]
        yield np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def resampled_rows(clusters: ArrayLike, *, n_bootstrap: int, random_state: int) -> Iterator[NDArray[np.intp]]:
    """Yield row numbers of each draw, all rows of a drawn cluster together; for statistics that are no function of sums.

    Examples
    --------
    >>> [rows.tolist() for rows in resampled_rows(["a", "a", "b"], n_bootstrap=2, random_state=3)]
    [[2, 0, 1], [0, 1, 0, 1]]
    """
    codes, n = cluster_codes(clusters)
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(codes, minlength=n))[:-1])
    generator = np.random.default_rng(random_state)
    for _ in range(n_bootstrap):
        yield np.concatenate([members[cluster] for cluster in generator.integers(n, size=n)])


def bootstrap_sums(cluster_sums: Floats, *, n_bootstrap: int, random_state: int) -> Floats:
    """Return the column sums of each draw, (n_bootstrap, p)."""
    blocks = draw_weights(len(cluster_sums), n_bootstrap=n_bootstrap, random_state=random_state)
    return np.concatenate([weights @ cluster_sums for weights in blocks])


def bootstrap(
    components: Floats,
    statistic: Statistic,
    *,
    clusters: ArrayLike | None = None,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
    random_state: int = 0,
) -> Intervals:
    """Estimate statistics with intervals by drawing clusters with replacement.

    Parameters
    ----------
    components
        What is summed, (n, p).
    statistic
        From sums (..., p) to statistics (..., q). Several statistics in one call share their draws: differences are paired.
    clusters
        The person or family of each row; None when each row is one person.
    method
        ``"percentile"`` or ``"bca"`` (bias-corrected and accelerated, by a jackknife over clusters).

    Raises
    ------
    InputError
        When there is no row, or a setting is out of range.

    Examples
    --------
    >>> errors = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> mean = bootstrap(np.column_stack([np.ones(5), errors]), lambda sums: sums[..., 1:] / sums[..., :1], random_state=1)
    >>> float(mean.value[0]), float(mean.ci_low[0]), float(mean.ci_high[0])
    (3.0, 1.8, 4.2)
    """
    _require_settings(components, n_bootstrap, level, method)
    sums = sum_by_cluster(np.asarray(components, dtype=np.float64), clusters)
    value = statistic(sums.sum(axis=0))
    draws = statistic(bootstrap_sums(sums, n_bootstrap=n_bootstrap, random_state=random_state))
    if method == "percentile":
        return Intervals(value, *percentile_interval(draws, level=level))
    jackknife = statistic(sums.sum(axis=0) - sums)
    return Intervals(value, *bca_interval(draws, value, jackknife, level=level))


def _require_settings(components: Floats, n_bootstrap: int, level: float, method: str) -> None:
    if len(components) == 0:
        raise InputError("there is nobody to draw from: give at least one row")
    if n_bootstrap < 2:
        raise InputError(f"n_bootstrap is {n_bootstrap}: choose at least 2, for a report 2000")
    if not 0 < level < 1:
        raise InputError(f"level is {level}: choose more than 0 and less than 1, such as 0.95")
    if method not in METHODS:
        raise InputError(f"method is '{method}': choose one of {', '.join(METHODS)}")


def percentile_interval(draws: Floats, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the central interval of each column of ``draws``, (n_bootstrap, q); draws that are NaN are left out.

    Examples
    --------
    >>> low, high = percentile_interval(np.arange(101.0)[:, None], level=0.9)
    >>> round(float(low[0]), 6), round(float(high[0]), 6)
    (5.0, 95.0)
    """
    tail = (1 - level) / 2
    ends = np.array([_quantiles(column, (tail, 1 - tail)) for column in draws.T]).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


def bca_interval(draws: Floats, value: Floats, jackknife: Floats, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return bias-corrected and accelerated intervals (Efron 1987).

    Where all draws lie on one side of the estimate the correction is undefined and the percentile interval is returned.

    Parameters
    ----------
    draws
        Bootstrap statistics, (n_bootstrap, q).
    value
        The estimate, (q,).
    jackknife
        The statistics without each cluster in turn, (n_clusters, q).
    """
    ends = [_bca(column, estimate, left_out, level) for column, estimate, left_out in zip(draws.T, value, jackknife.T, strict=True)]
    return np.array([low for low, _ in ends]), np.array([high for _, high in ends])


def _bca(draws: Floats, value: float, jackknife: Floats, level: float) -> tuple[float, float]:
    from scipy.stats import norm

    tail = (1 - level) / 2
    kept = draws[np.isfinite(draws)]
    below = (np.mean(kept < value) + 0.5 * np.mean(kept == value)) if len(kept) else 0.0
    if not 0 < below < 1 or np.ptp(kept) == 0:
        return _quantiles(draws, (tail, 1 - tail))
    bias, acceleration = norm.ppf(below), _acceleration(jackknife)
    shifted = bias + norm.ppf([tail, 1 - tail])
    low, high = norm.cdf(bias + shifted / (1 - acceleration * shifted))
    return _quantiles(draws, (float(low), float(high)))


def _acceleration(jackknife: Floats) -> float:
    kept = jackknife[np.isfinite(jackknife)]
    if len(kept) == 0:
        return 0.0
    deviation = kept.mean() - kept
    spread = float(np.sum(deviation**2))
    return float(np.sum(deviation**3)) / (6 * spread**1.5) if spread > 0 else 0.0


def _quantiles(draws: Floats, at: tuple[float, float]) -> tuple[float, float]:
    kept = draws[np.isfinite(draws)]
    if len(kept) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(kept, at)
    return float(low), float(high)
