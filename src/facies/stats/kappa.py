"""Agreement on categories beyond chance: Cohen's weighted kappa for two readers, Fleiss' kappa for several.

Cohen J. Psychol Bull 1968;70:213-220. Fleiss JL, Cohen J, Everitt BS. Psychol Bull 1969;72:323-327 (standard error). Fleiss JL. Psychol
Bull 1971;76:378-382. Kappa depends on how frequent the categories are: print their frequencies beside it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.stats.agreement import ratio
from facies.stats.resampling import bootstrap
from facies.types import Floats

NAN = float("nan")

WEIGHTS = ("none", "linear", "quadratic")


class KappaEstimate(NamedTuple):
    """A kappa with standard error and interval; ``observed`` and ``expected`` are the (weighted) shares of agreement; ``n`` cases."""

    value: float
    std_error: float
    ci_low: float
    ci_high: float
    observed: float
    expected: float
    n: int


def agreement_table(first: ArrayLike, second: ArrayLike, *, categories: ArrayLike | None = None) -> tuple[Floats, NDArray[Any]]:
    """Count two readers' categories against each other, (c, c), the first reader's in rows; return counts and categories.

    Parameters
    ----------
    categories
        In their order, where weights are to follow another than the sorted one, or hold categories that nobody chose.

    Raises
    ------
    InputError
        When the readers did not read the same number of cases, or chose a category that is not listed.

    Examples
    --------
    >>> agreement_table(["a", "b", "b"], ["a", "b", "a"])[0]
    array([[1., 0.],
           [1., 1.]])
    """
    one, two = np.asarray(first), np.asarray(second)
    if one.shape != two.shape or one.ndim != 1:
        raise InputError(f"the readers have shapes {one.shape} and {two.shape}: give one category a case to both")
    names = np.unique(np.concatenate([one, two])) if categories is None else np.asarray(categories)
    place = {name: number for number, name in enumerate(names.tolist())}
    unknown = [name for name in np.concatenate([one, two]).tolist() if name not in place]
    if unknown:
        raise InputError(f"category '{unknown[0]}' is not among the categories: add it")
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, ([place[name] for name in one.tolist()], [place[name] for name in two.tolist()]), 1)
    return counts, names


def weighted_kappa(counts: ArrayLike, *, weights: str | ArrayLike = "quadratic", level: float = 0.95) -> KappaEstimate:
    """Return Cohen's weighted kappa with its large-sample standard error.

    Parameters
    ----------
    counts
        Cases by the first reader's category (rows) and the second's, (c, c), categories in order.
    weights
        ``"none"`` (categories agree or not), ``"linear"`` 1 - d/(c - 1), ``"quadratic"`` 1 - d²/(c - 1)² with d categories between the
        two, or a table of agreement weights, (c, c), with 1 on its diagonal.

    Returns
    -------
    KappaEstimate
        Value and interval NaN where chance alone gives full agreement (one category only).

    Raises
    ------
    InputError
        When the table is not square, has a negative count or no case, or a setting is out of range.

    Examples
    --------
    >>> cohen = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])  # Cohen 1968
    >>> found = weighted_kappa(cohen, weights="none")
    >>> round(found.value, 3), round(found.std_error, 3)
    (0.492, 0.051)
    """
    from scipy.stats import norm

    counts = _square(counts)
    w = _weights(weights, len(counts))
    if not 0 < level < 1:
        raise InputError(f"level is {level}: choose more than 0 and less than 1, such as 0.95")
    n = float(counts.sum())
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float(np.sum(w * p)), float(rows @ w @ columns)
    if expected >= 1 - 1e-12:
        return KappaEstimate(NAN, NAN, NAN, NAN, observed, expected, int(n))
    value = (observed - expected) / (1 - expected)
    chance = (w @ columns)[:, None] + rows @ w
    spread = float(np.sum(p * (w - chance * (1 - value)) ** 2)) - (value - expected * (1 - value)) ** 2
    error = float(np.sqrt(max(spread, 0.0) / n)) / (1 - expected)
    half = float(norm.ppf((1 + level) / 2)) * error
    return KappaEstimate(value, error, value - half, min(1.0, value + half), observed, expected, int(n))


def _square(counts: ArrayLike) -> Floats:
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or len(table) < 2:
        raise InputError(f"the counts have shape {table.shape}: give as many rows as columns, two or more")
    if not np.isfinite(table).all() or (table < 0).any() or table.sum() == 0:
        raise InputError("the counts hold no case, or a negative or missing number: give numbers of cases")
    return table


def _weights(weights: str | ArrayLike, c: int) -> Floats:
    if not isinstance(weights, str):
        table = np.asarray(weights, dtype=np.float64)
        if table.shape != (c, c) or not (np.diag(table) == 1).all():
            raise InputError(f"the weights have shape {table.shape}: give {c} by {c} with 1 on the diagonal")
        return table
    if weights not in WEIGHTS:
        raise InputError(f"weights is '{weights}': choose one of {', '.join(WEIGHTS)}, or give a table of weights")
    apart: Floats = np.abs(np.subtract.outer(np.arange(c), np.arange(c))) / (c - 1)
    table = {"none": (apart == 0).astype(np.float64), "linear": 1 - apart, "quadratic": 1 - apart**2}[weights]
    return np.asarray(table)


def fleiss_kappa(
    counts: ArrayLike, *, clusters: ArrayLike | None = None, n_bootstrap: int = 2000, level: float = 0.95, random_state: int = 0
) -> KappaEstimate:  # fmt: skip
    """Return Fleiss' kappa, with a percentile interval by drawing cases, or clusters of them, with replacement.

    Parameters
    ----------
    counts
        How many readers chose each category, (n cases, c); as many readers for each case, but they need not be the same.
    clusters
        Whose each case is, such as the participant of a photograph, (n,); None: each case is on its own.

    Returns
    -------
    KappaEstimate
        ``std_error`` is that of Fleiss, Nee & Landis (Psychol Bull 1979;86:974-977) under no agreement beyond chance: for a test, not for
        an interval.

    Raises
    ------
    InputError
        When cases have different numbers of readers, or fewer than two.

    Examples
    --------
    >>> fleiss = np.array([[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    ...                    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]])
    >>> found = fleiss_kappa(fleiss)
    >>> round(found.value, 3), round(found.observed, 3), round(found.expected, 3)
    (0.21, 0.378, 0.213)
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2 or (table < 0).any():
        raise InputError(
            f"the counts have shape {table.shape}: give a row a case and a column a category, two or more of each, none below 0"
        )
    k = table.sum(axis=1)
    if k.min() != k.max() or k[0] < 2:
        raise InputError(
            f"cases have {k.min():g} to {k.max():g} readers: Fleiss' kappa needs one number, 2 or more; Krippendorff's alpha does not"
        )
    agreeing = np.sum(table * (table - 1), axis=1) / (k * (k - 1))
    components = np.column_stack([np.ones(len(table)), agreeing, table / k[:, None]])
    found = bootstrap(components, _fleiss, clusters=clusters, n_bootstrap=n_bootstrap, level=level, random_state=random_state)
    value, observed, expected = (float(each) for each in found.value)
    share = table.sum(axis=0) / table.sum()
    return KappaEstimate(
        value,
        _fleiss_null_error(share, len(table), float(k[0])),
        float(found.ci_low[0]),
        float(found.ci_high[0]),
        observed,
        expected,
        len(table),
    )


def _fleiss(sums: Floats) -> Floats:
    """Return kappa, observed and expected agreement from sums over cases, (..., 2 + c) to (..., 3)."""
    n = sums[..., 0]
    observed = sums[..., 1] / n
    expected = np.sum((sums[..., 2:] / n[..., None]) ** 2, axis=-1)
    return np.stack([ratio(observed - expected, 1 - expected), observed, expected], axis=-1)


def _fleiss_null_error(share: Floats, n: int, k: float) -> float:
    other = share * (1 - share)
    total = float(other.sum())
    if total == 0:
        return NAN
    return float(np.sqrt(2 * (total**2 - np.sum(other * (1 - 2 * share))) / (n * k * (k - 1)))) / total
