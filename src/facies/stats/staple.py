"""The hidden truth behind several readers' yes and no: STAPLE.

Warfield SK, Zou KH, Wells WM. Simultaneous truth and performance level estimation (STAPLE). IEEE Trans Med Imaging 2004;23:903-921.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats

START = 0.99999
"""Sensitivity and specificity from which the iterations begin, as the authors advise when nothing is known."""

MISSING = -1
"""A decision that a reader did not take."""


class Staple(NamedTuple):
    """What readers' decisions say about the truth and about the readers.

    Parameters
    ----------
    probability
        Of yes, by item, (n_items,).
    sensitivity, specificity
        By reader, (n_readers,); NaN where no item is, or none is not, thought to be yes.
    prior
        Share of items that are yes, before looking at the item; given or estimated.
    log_likelihood
        Of all decisions at the last estimates.
    n_iterations, converged
        Iterations made, and whether the last one moved no sensitivity or specificity by more than the tolerance.
    """

    probability: Floats
    sensitivity: Floats
    specificity: Floats
    prior: float
    log_likelihood: float
    n_iterations: int
    converged: bool


def staple(
    decisions: NDArray[np.generic], *, prior: float | str = "mean", tolerance: float = 1e-7, max_iterations: int = 5000
) -> Staple:  # fmt: skip
    """Estimate by expectation and maximisation which items are yes, and how sensitive and specific each reader is.

    Items are independent given the truth, and readers' errors given it. With two readers, or readers who are no better than chance,
    the answer is hardly more than the prior: look at the majority beside it.

    Parameters
    ----------
    decisions
        1 yes, 0 no, -1 not taken (or booleans), (n_readers, n_items); an item is a pixel, or a region of a photograph.
    prior
        Share of items that are yes: a number; ``"mean"``, the mean of all decisions, as published; or ``"estimated"`` along with the
        rest, by the same likelihood (Dawid & Skene, J R Stat Soc C 1979;28:20-28), which needs three readers. Readers who say yes far too
        often raise the mean, and the truth is then sought in too many items; the estimate is not raised.
    tolerance
        Of the iterations, on sensitivity, specificity and the estimated prior.

    Raises
    ------
    InputError
        When decisions are not 0, 1 or -1 in a table of two dimensions, a reader took none, or a setting is out of range.

    Examples
    --------
    >>> truth = np.tile([1, 1, 0, 0, 0], 40)
    >>> careless = np.where(np.arange(200) % 4 == 0, 1 - truth, truth)
    >>> found = staple(np.stack([truth, truth, careless]))
    >>> found.sensitivity.round(2).tolist(), found.specificity.round(2).tolist(), found.converged
    ([1.0, 1.0, 0.75], [1.0, 1.0, 0.75], True)
    """
    table = _checked(decisions)
    if tolerance <= 0 or max_iterations < 1:
        raise InputError(f"tolerance is {tolerance} and max_iterations {max_iterations}: give numbers above 0")
    share = _prior(table, prior)
    patterns, of_item, counts = np.unique(table, axis=1, return_inverse=True, return_counts=True)
    found = _iterate(patterns, counts.astype(np.float64), share, prior == "estimated", tolerance, max_iterations)
    return found._replace(probability=found.probability[of_item.reshape(-1)])


def majority(decisions: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return for which items more than half of the decisions taken are yes, (n_items,); a tie is no.

    Examples
    --------
    >>> majority(np.array([[1, 1, 0], [1, 0, -1], [0, 0, 1]])).tolist()
    [True, False, False]
    """
    table = _checked(decisions)
    return np.asarray(2 * (table == 1).sum(axis=0) > (table != MISSING).sum(axis=0))


def _checked(decisions: NDArray[np.generic]) -> NDArray[np.int8]:
    table = np.asarray(decisions)
    if table.ndim != 2 or 0 in table.shape:
        raise InputError(f"decisions have the shape {table.shape}: give one row a reader and one column an item")
    if not np.isin(table, (0, 1, MISSING)).all():
        raise InputError("a decision is neither 0, 1 nor -1: give yes, no or not taken")
    idle = np.flatnonzero((table == MISSING).all(axis=1))
    if len(idle):
        raise InputError(f"reader {idle[0] + 1} of {len(table)} took no decision: leave the reader out")
    return table.astype(np.int8)


def _prior(table: NDArray[np.int8], prior: float | str) -> float:
    """Return the share of yes to begin with."""
    if prior == "estimated" and len(table) < 3:
        raise InputError(f"there are {len(table)} readers: an estimated prior needs three, give a number or 'mean'")
    if prior in {"mean", "estimated"}:
        return float(table[table != MISSING].mean())
    if isinstance(prior, str) or not 0 <= prior <= 1:
        raise InputError(f"prior is {prior!r}: choose 0 to 1, 'mean' or 'estimated'")
    return float(prior)


def _iterate(
    patterns: NDArray[np.int8], counts: Floats, prior: float, estimated: bool, tolerance: float, max_iterations: int
) -> Staple:  # fmt: skip
    yes, no = (patterns == 1).astype(np.float64), (patterns == 0).astype(np.float64)
    sensitivity = specificity = np.full(len(patterns), START)
    moved = np.inf
    iteration = 0
    weight, log_likelihood = _expect(yes, no, sensitivity, specificity, prior, counts)
    while moved > tolerance and iteration < max_iterations:
        iteration += 1
        new = _share(yes, no, weight * counts), _share(no, yes, (1 - weight) * counts)
        moved = max(_distance(new[0], sensitivity), _distance(new[1], specificity))
        sensitivity, specificity = new
        if estimated:
            share = float(weight @ counts / counts.sum())
            prior, moved = share, max(moved, abs(share - prior))
        weight, log_likelihood = _expect(yes, no, sensitivity, specificity, prior, counts)
    return Staple(weight, sensitivity, specificity, prior, log_likelihood, iteration, moved <= tolerance)


def _share(right: Floats, wrong: Floats, weight: Floats) -> Floats:
    """Return each reader's share of right decisions among items of this weight; NaN where the weight is 0."""
    total = (right + wrong) @ weight
    return np.where(total > 0, (right @ weight) / np.where(total > 0, total, 1.0), np.nan)


def _distance(new: Floats, old: Floats) -> float:
    both = np.abs(new - old)
    return float(np.nanmax(both)) if np.isfinite(both).any() else 0.0


def _expect(
    yes: Floats, no: Floats, sensitivity: Floats, specificity: Floats, prior: float, counts: Floats
) -> tuple[Floats, float]:  # fmt: skip
    """Return the probability of yes of each pattern, and the log-likelihood of all items."""
    with np.errstate(divide="ignore"):
        if_yes = np.log(prior) + _log_product(sensitivity, yes, no)
        if_no = np.log(1 - prior) + _log_product(specificity, no, yes)
    both = np.logaddexp(if_yes, if_no)
    return np.exp(if_yes - both), float(counts @ both)


def _log_product(right_share: Floats, right: Floats, wrong: Floats) -> Floats:
    """Return the log-probability of each pattern; a share that is unknown or 0 or 1 counts where it was observed only."""
    share = np.where(np.isnan(right_share), 0.5, right_share)
    logs = np.clip(np.log(share), -1e3, 0)[:, None] * right + np.clip(np.log(1 - share), -1e3, 0)[:, None] * wrong
    return np.asarray(logs.sum(axis=0))
