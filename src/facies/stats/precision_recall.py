"""Average precision: the area under the curve of precision over recall, as a step function.

Davis J, Goadrich M. ICML 2006:233-240; Boyd K et al. ECML PKDD 2013:451-466. It depends on the share of cases: the value of a score that
knows nothing is that share, and stands beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from facies.stats.resampling import cluster_codes, draw_weights, percentile_interval
from facies.types import Floats


def average_precision(scores: ArrayLike, y: ArrayLike, *, weights: ArrayLike | None = None) -> Floats:
    """Return the mean precision over the cases, for one or many sets of weights at once.

    Parameters
    ----------
    scores, y
        Score and class (1 case, 0 other) of each row, (n,).
    weights
        What each row counts, (n,) or (n_sets, n).

    Returns
    -------
    ndarray
        (n_sets,); NaN where there is no case.

    Examples
    --------
    >>> average_precision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).round(4).tolist()
    [0.8333]
    """
    values, case = np.asarray(scores, dtype=np.float64), np.asarray(y, dtype=np.float64)
    count = np.atleast_2d(np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64))
    order = np.argsort(-values, kind="stable")
    _, starts = np.unique(-values[order], return_index=True)
    cases = np.add.reduceat((count * case)[:, order], starts, axis=1)
    total = np.add.reduceat(count[:, order], starts, axis=1)
    found, called = np.cumsum(cases, axis=1), np.cumsum(total, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(called > 0, found / called, 0.0)
        return np.asarray((cases * precision).sum(axis=1) / cases.sum(axis=1))


def average_precision_interval(
    scores: ArrayLike, y: ArrayLike, *, clusters: ArrayLike | None = None, level: float = 0.95, n_bootstrap: int = 2000,
    random_state: int = 0,
) -> tuple[float, float, float]:  # fmt: skip
    """Return average precision with its interval by drawing people.

    Parameters
    ----------
    scores
        (n,), or (n_repeats, n): the mean over the repeats.

    Examples
    --------
    >>> value, low, high = average_precision_interval(np.arange(40.0), np.arange(40) > 29, n_bootstrap=200)
    >>> value, 0.9 < low <= high <= 1
    (1.0, True)
    """
    table, case = np.atleast_2d(np.asarray(scores, dtype=np.float64)), np.asarray(y, dtype=np.float64)
    codes, n = (np.arange(len(case)), len(case)) if clusters is None else cluster_codes(clusters)
    value = float(np.mean([average_precision(row, case)[0] for row in table]))
    draws = [
        np.mean([average_precision(row, case, weights=weights[:, codes]) for row in table], axis=0)
        for weights in draw_weights(n, n_bootstrap=n_bootstrap, random_state=random_state)
    ]
    low, high = percentile_interval(np.concatenate(draws)[:, None], level=level)
    return value, float(low[0]), float(high[0])
