"""Prediction intervals from the errors of people whom the model had not seen.

The score of a person is the absolute error of the cross-fitted prediction. A new person's interval is the prediction plus and minus the
``level`` quantile of the scores, the new person counted among them (cross-conformal prediction: Vovk 2015, Ann Math Artif Intell 74:9-28;
"CV" in Barber, Candès, Ramdas & Tibshirani 2021, Ann Stat 49:486-507). For a person of the cohort the own score and those of the relatives
are left out; with folds of equal size the scores are exchangeable between people, so that on average at least ``level`` of the intervals
hold the reference. The intervals are for the reference as it was measured (a panel mean with its noise), not for a truth behind it, and
they have one width for all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.types import Floats

_SLACK = 1e-9


def conformal_half_width(scores: ArrayLike, *, level: float, shares: ArrayLike | None = None) -> float:
    """Return half the width of a new person's interval, in the scores' unit; infinite when there are too few people for the level.

    Parameters
    ----------
    scores
        Absolute errors of people whom the model had not seen, (n,).
    shares
        What each score counts, (n,): 1 for a person, 1/k for each of a person's k photographs. The new one counts 1.

    Raises
    ------
    InputError
        When the level is not between 0 and 1.

    Examples
    --------
    >>> conformal_half_width(np.arange(1, 20), level=0.9)
    18.0
    >>> conformal_half_width([1.0, 2.0], level=0.9)
    inf
    """
    ordered, shares, _ = _ordered(np.asarray(scores, dtype=np.float64), shares)
    needed = _checked(level) * (shares.sum() + 1)
    return _score_at(ordered, int(np.searchsorted(np.cumsum(shares), needed - _SLACK)))


def cross_conformal(scores: ArrayLike, groups: ArrayLike, *, level: float, shares: ArrayLike | None = None) -> Floats:
    """Return half the width of the interval of everyone in the cohort, (n,), without the scores of the own group.

    Parameters
    ----------
    scores, shares
        As in :func:`conformal_half_width`.
    groups
        Whose scores are left out together, (n,): the person, or the family.

    Examples
    --------
    >>> cross_conformal([5.0, 1.0, 2.0, 3.0], ["a", "b", "c", "d"], level=0.75)
    array([3., 5., 5., 5.])
    """
    scores, names = np.asarray(scores, dtype=np.float64), np.asarray(groups)
    ordered, shares, order = _ordered(scores, shares)
    reached = np.cumsum(shares)
    group = np.unique(names[order], return_inverse=True)[1]
    places = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1]) if len(group) else []
    widths = np.empty(len(scores))
    for own in places:
        widths[order[own]] = _width_without(own, ordered, shares, reached, _checked(level))
    return widths


def quantile_by_share(values: ArrayLike, shares: ArrayLike, *, level: float) -> float:
    """Return the smallest value below or at which at least ``level`` of the shares lie.

    Examples
    --------
    >>> quantile_by_share([1.0, 2.0, 9.0], [1, 1, 0.1], level=0.9)
    2.0
    """
    ordered, shares, _ = _ordered(np.asarray(values, dtype=np.float64), shares)
    return _score_at(ordered, int(np.searchsorted(np.cumsum(shares), _checked(level) * shares.sum() - _SLACK)))


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise InputError(f"the interval's level is {level}: choose a number between 0 and 1, such as 0.9")
    return level


def _ordered(scores: Floats, shares: ArrayLike | None) -> tuple[Floats, Floats, NDArray[np.int64]]:
    order = np.argsort(scores, kind="stable")
    each = np.ones(len(scores)) if shares is None else np.asarray(shares, dtype=np.float64)
    return scores[order], each[order], order


def _score_at(ordered: Floats, place: int) -> float:
    return float(ordered[place]) if place < len(ordered) else float("inf")


def _width_without(own: NDArray[np.int64], ordered: Floats, shares: Floats, reached: Floats, level: float) -> float:
    """Find the quantile when the scores at ``own`` are left out and a new one counts 1."""
    needed = level * (reached[-1] - shares[own].sum() + 1)
    place, before = -1, 0.0
    while (found := int(np.searchsorted(reached, needed + before - _SLACK))) != place:
        place, before = found, float(shares[own[own <= found]].sum())
    return _score_at(ordered, place)
