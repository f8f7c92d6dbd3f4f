"""Net benefit of acting on a model, over the probability from which one would act.

Vickers AJ, Elkin EB. Med Decis Making 2006;26:565-574; at another prevalence than the sample's: Rousson V, Zumbrunn T. BMC Med Inform
Decis Mak 2011;11:45.

How to read it: 0.05 says that the model is worth as much as finding 5 more true cases in 100 people without one more false alarm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.stats.resampling import cluster_codes, draw_weights, percentile_interval
from facies.types import Floats


def net_benefit(sensitivity: ArrayLike, specificity: ArrayLike, prevalence: float, threshold: ArrayLike) -> Floats:
    """Return the net benefit of calling positive by a rule of this sensitivity and specificity.

    Examples
    --------
    >>> float(net_benefit(1.0, 0.0, 0.14, 0.25).round(4))
    -0.1467
    """
    odds = np.asarray(threshold, dtype=np.float64) / (1 - np.asarray(threshold, dtype=np.float64))
    return np.asarray(np.asarray(sensitivity) * prevalence - (1 - np.asarray(specificity)) * (1 - prevalence) * odds)


def decision_curve(
    probability: ArrayLike,
    y: ArrayLike,
    thresholds: ArrayLike,
    *,
    prevalence: float | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int = 0,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return net benefit with its interval, and that of acting on everybody.

    Parameters
    ----------
    probability
        (n,) or (n_repeats, n), at the prevalence that is asked for (see :func:`facies.stats.calibration_binary.recalibrate`).
    y
        1 for cases and 0 for others, (n,).
    thresholds
        (t,); who has at least that probability is acted on.
    prevalence
        Of the people in whom one would act; the sample's own where None.

    Returns
    -------
    tuple
        ``net_benefit, ci_low, ci_high, treat_all``, (t,) each.

    Raises
    ------
    InputError
        When a threshold is not between 0 and 1 or a class is absent.
    """
    table, case = np.atleast_2d(np.asarray(probability, dtype=np.float64)), np.asarray(y, dtype=np.float64) > 0
    at = np.asarray(thresholds, dtype=np.float64)
    if not ((at > 0) & (at < 1)).all():
        raise InputError("a threshold of a decision curve is not between 0 and 1: leave it out")
    if not case.any() or case.all():
        raise InputError("a decision curve needs cases and others: one class is absent")
    share = float(case.mean()) if prevalence is None else prevalence
    called = np.mean([row[:, None] >= at[None] for row in table], axis=0)
    codes, n = (np.arange(len(case)), len(case)) if clusters is None else cluster_codes(clusters)
    blocks = draw_weights(n, n_bootstrap=n_bootstrap, random_state=random_state)
    draws = np.concatenate([_curves(weights[:, codes], called, case, at, share if prevalence is not None else None) for weights in blocks])
    value = _curves(np.ones((1, len(case))), called, case, at, share)[0]
    low, high = percentile_interval(draws, level=level)
    return value, low, high, net_benefit(1.0, 0.0, share, at)


def _curves(weights: Floats, called: Floats, case: NDArray[np.bool_], at: Floats, prevalence: float | None) -> Floats:
    """Return one curve for each set of weights, (n_sets, t); a draw's own prevalence counts where none is given."""
    ill, well = weights * case, weights * ~case
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (ill @ called) / ill.sum(axis=1, keepdims=True)
        passed = 1 - (well @ called) / well.sum(axis=1, keepdims=True)
        share = ill.sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True) if prevalence is None else prevalence
    return np.asarray(found * share - (1 - passed) * (1 - share) * at / (1 - at))
