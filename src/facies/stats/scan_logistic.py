"""Logistic regression of many variants, one at a time: Newton's method on all of them together, with each variant's own people.

All start at the model without a variant. The first step needs no weights of their own and is the score test; the following ones weigh
the people anew for each variant, until the estimates stand. Someone without a call weighs nothing in that variant's model. Where there is
no maximum, or it is not reached, Firth's penalty gives an estimate (see :func:`facies.stats.scan_firth.firth_variant`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facies.stats.calls import Calls, row_products
from facies.stats.scan_linear import orthonormal_basis
from facies.stats.small_systems import pairwise_products, solve_definite, unpack
from facies.types import Floats

SMALL_STEP = 1e-6
"""Newton's method has arrived when its last step changes no coefficient of the scaled columns by more than this, divided by the Wald
statistic: the error left in the estimate is the step's square, that in the standard error about the step."""

NEAR_STEP = 3e-3
"""After a step smaller than this, divided by the Wald statistic's root, one more that uses the information before it leaves no error that
matters."""

LARGEST_LOG_ODDS = 15.0
"""A log odds ratio of an allele beyond this is on its way to infinity."""

CHUNK = 100
"""Variants that are weighed at a time."""

SMALLEST_TILE = 64
TILE_BYTES = 1_000_000
"""Memory of one array of variants by people that is worked on at a time: smaller ones stay closer to the core, but make threads wait."""


@dataclass(frozen=True, eq=False)
class LogisticModel:
    """What does not change from variant to variant.

    ``y``, (n,), is 0 or 1; ``basis``, (n, k), the constant and the covariates as columns of mean square 1 without correlation;
    ``products`` their pairwise products; ``coef``, (k,), their log odds without a variant. ``null`` holds each person's part of the
    information (packed) and of the score without a variant, (n, q); ``with_variant`` what is multiplied with a variant for the rest of
    these, (k + 1, n), and ``weights``, (n,), with its square.
    """

    y: Floats
    basis: Floats
    products: Floats
    coef: Floats
    null: Floats
    with_variant: Floats
    weights: Floats


@dataclass(frozen=True, eq=False)
class LogisticFits:
    """Estimates for b variants, (b,), as log odds ratio an allele.

    ``exact`` says that they are maximum likelihood estimates, otherwise they are those of the score test. NaN: there is no maximum or it
    was not reached; where ``independent`` is false, because the covariates determine the variant.
    """

    beta: Floats
    std_error: Floats
    p_value: Floats
    exact: NDArray[np.bool_]
    independent: NDArray[np.bool_]


def prepare_logistic(y: Floats, covariates: Floats, log_odds: Floats) -> LogisticModel:
    """Prepare the logistic regression of y, (n,), on (n, k) covariates without a constant, given the log odds without a variant, (n,)."""
    basis = orthonormal_basis(covariates) * np.sqrt(len(y))
    coef, products = basis.T @ log_odds / len(y), pairwise_products(basis)
    fitted = 1 / (1 + np.exp(-(basis @ coef)))
    weights, residuals = fitted * (1 - fitted), y - fitted
    null = np.column_stack([products * weights[:, None], basis * residuals[:, None]])
    with_variant = np.vstack([(basis * weights[:, None]).T, residuals])
    return LogisticModel(y, basis, products, coef, null, with_variant, weights)


def scan_logistic(
    calls: Calls, model: LogisticModel, *, exact_below: float = 1.0, max_steps: int = 12, memory: Floats | None = None
) -> LogisticFits:
    """Regress the outcome on each variant and the covariates, in the people who have the variant's call; Wald tests.

    Parameters
    ----------
    exact_below
        Variants whose score test has a larger p-value keep its estimate: one Newton step from the model without the variant.
    max_steps
        Steps after which a variant is given up.
    memory
        What :func:`scan_memory` gives, to be used again by the same thread: new memory takes longer than the arithmetic in it.

    Examples
    --------
    >>> from facies.stats.calls import read_counts
    >>> rng = np.random.default_rng(1)
    >>> calls = read_counts(rng.binomial(2, 0.3, (1, 2000)).astype(float))
    >>> y = (rng.random(2000) < 1 / (1 + np.exp(1 - 0.5 * calls.counts[0]))).astype(float)
    >>> fits = scan_logistic(calls, prepare_logistic(y, rng.normal(size=(2000, 1)), np.full(2000, np.log(y.mean() / (1 - y.mean())))))
    >>> bool(abs(fits.beta[0] - 0.5) < 3 * fits.std_error[0])
    True
    """
    coef, pivot = _first_step(calls, model)
    independent = np.isfinite(pivot)
    with np.errstate(invalid="ignore"):
        exact = independent & (normal_p_value(coef[-1], 1 / np.sqrt(pivot)) <= exact_below)
    chosen = np.flatnonzero(exact)
    memory = scan_memory() if memory is None else memory
    coef[:, chosen], pivot[chosen] = _arrive(calls, chosen, model, coef[:, chosen], max_steps, memory)
    std_error = 1 / np.sqrt(pivot)
    return LogisticFits(coef[-1], std_error, normal_p_value(coef[-1], std_error), exact, independent)


def scan_memory() -> Floats:
    """Return the memory that scans work in."""
    return np.empty(4 * max(TILE_BYTES // 8, SMALLEST_TILE * CHUNK))


def _first_step(calls: Calls, model: LogisticModel) -> tuple[Floats, Floats]:
    """Return the coefficients (k + 1, b) after one step from the model without a variant, and the variants' information."""
    k, pairs = model.basis.shape[1], model.products.shape[1]
    total = model.null.sum(axis=0)
    sums = total - calls.sum_missing(model.null) if len(calls.variant) else np.tile(total, (len(calls.counts), 1))
    systems, right = unpack(sums[:, :pairs], k, size=k + 1), np.empty((k + 1, len(sums)))
    with_calls = model.with_variant @ calls.counts.T
    systems[k, :k], systems[k, k] = with_calls[:k], _weighted_squares(calls.counts, model.weights)
    right[:k], right[k] = sums[:, pairs:].T, with_calls[k]
    step, pivot = solve_definite(systems, right[:, None])
    step[:k, 0] += model.coef[:, None]
    return step[:, 0], pivot


def _weighted_squares(counts: Floats, weights: Floats) -> Floats:
    b, n = counts.shape
    tile = max(SMALLEST_TILE, TILE_BYTES // (8 * max(b, 1)))
    parts = [counts[:, start : start + tile] ** 2 @ weights[start : start + tile] for start in range(0, n, tile)]
    return np.asarray(np.sum(parts, axis=0))


def _arrive(
    calls: Calls, variants: NDArray[np.intp], model: LogisticModel, coef: Floats, max_steps: int, memory: Floats
) -> tuple[Floats, Floats]:
    """Take Newton steps until the estimates stand; NaN where they do not. Returns the coefficients and the variants' information."""
    final, information = np.full(coef.shape, np.nan), np.full(coef.shape[1], np.nan)
    active = np.flatnonzero(np.isfinite(coef[-1]))
    for _ in range(max_steps):
        if not len(active):
            break
        here = calls.take(variants[active])
        parts = [_sums(part, model, coef[:, active[rows]], memory) for rows, part in here.chunks(CHUNK)]
        system, score = (np.concatenate(found, axis=-1) for found in zip(*parts, strict=True))
        steps, pivot = solve_definite(system, np.stack([score, _last(score)], axis=1))
        coef[:, active] += steps[:, 0]
        size = np.abs(steps[:, 0]).max(axis=0)
        wald = np.maximum(1.0, coef[-1, active] ** 2 * pivot)
        arrived = size <= SMALL_STEP / wald
        near = ~arrived & (size <= NEAR_STEP / np.sqrt(wald))
        final[:, active[arrived]], information[active[arrived]] = coef[:, active[arrived]], pivot[arrived]
        if near.any():
            settled, own = _settle(here, model, coef[:, active], system, steps[:, 1], memory)
            final[:, active[near]], information[active[near]] = settled[:, near], own[near]
        active = active[~arrived & ~near & (np.abs(coef[-1, active]) < LARGEST_LOG_ODDS)]
    return final, information


def _last(like: Floats) -> Floats:
    unit = np.zeros_like(like)
    unit[-1] = 1.0
    return unit


def _settle(
    calls: Calls, model: LogisticModel, coef: Floats, information: Floats, inverse: Floats, memory: Floats
) -> tuple[Floats, Floats]:
    """Take the last step, where the one before was small, without weighing all products anew.

    The step uses the information before it, (k + 1, k + 1, b), of which ``inverse`` is the last column of the inverse: what is left of
    its error is a small step times a far smaller one. The variant's own information is a least squares sum, of the variant less what
    the covariates tell of it: with the old weights' coefficients and the new weights it is too large by a square, which is taken off.
    All variants go through, as copying the near ones out takes longer.
    """
    k, pivot = len(coef) - 1, 1 / inverse[-1]
    told = -inverse[:-1] * pivot
    parts = [_settled_sums(part, model, coef[:, rows], told[:, rows], memory) for rows, part in calls.chunks(CHUNK)]
    score, crossed, own = (np.concatenate(found, axis=-1) for found in zip(*parts, strict=True))
    steps, _ = solve_definite(information, np.stack([score, np.vstack([crossed, np.zeros_like(own)])], axis=1))
    shift = np.sum(crossed * steps[:k, 1], axis=0) - np.sum(told * crossed, axis=0) ** 2 / pivot
    return coef + steps[:, 0], own - shift


def _settled_sums(calls: Calls, model: LogisticModel, coef: Floats, told: Floats, memory: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the score, the weighted products of the variants' own parts with the covariates, (k, b), and their weighted squares, (b,)."""
    b, k = len(calls.counts), model.basis.shape[1]
    score, crossed, own = np.zeros((k + 1, b)), np.zeros((k, b)), np.zeros(b)
    for people, arrays in _tiles(calls, memory):
        counts, basis = calls.counts[:, people], model.basis[people].T
        residuals, weights, part = _weigh(calls, people, model, coef, arrays)
        score[:k] += basis @ residuals.T
        score[k] += row_products(residuals, counts)
        np.matmul(told.T, basis, out=part)
        np.subtract(counts, part, out=part)
        np.multiply(weights, part, out=weights)
        own += row_products(weights, part)
        crossed += basis @ weights.T
    return score, crossed, own


def _sums(calls: Calls, model: LogisticModel, coef: Floats, memory: Floats) -> tuple[Floats, Floats]:
    """Return the information, (k + 1, k + 1, b), lower triangles only, and the score, (k + 1, b), at these coefficients."""
    b, k = len(calls.counts), model.basis.shape[1]
    packed, crossed, score = np.zeros((model.products.shape[1], b)), np.zeros((k + 1, b)), np.zeros((k + 1, b))
    for people, arrays in _tiles(calls, memory):
        counts, basis = calls.counts[:, people], model.basis[people].T
        residuals, weights, spare = _weigh(calls, people, model, coef, arrays)
        score[:k] += basis @ residuals.T
        score[k] += row_products(residuals, counts)
        packed += model.products[people].T @ weights.T
        np.multiply(weights, counts, out=spare)
        crossed[:k] += basis @ spare.T
        crossed[k] += row_products(spare, counts)
    information = unpack(packed.T, k, size=k + 1)
    information[k] = crossed
    return information, score


def _tiles(calls: Calls, memory: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield people in turn, with memory for four arrays of the variants by these people."""
    b, n = calls.counts.shape
    tile = max(SMALLEST_TILE, TILE_BYTES // (8 * max(b, 1)))
    for start in range(0, n, tile):
        stop = min(start + tile, n)
        yield slice(start, stop), memory[: 4 * b * (stop - start)].reshape(4, b, stop - start)


def _weigh(calls: Calls, people: slice, model: LogisticModel, coef: Floats, arrays: Floats) -> tuple[Floats, Floats, Floats]:
    """Return y less the probability, and the probability times what it leaves to 1, for some people; 0 where the call is missing."""
    fitted, weights, spare = arrays[:3]
    np.matmul(-coef[:-1].T, model.basis[people].T, out=fitted)
    np.multiply(calls.counts[:, people], -coef[-1][:, None], out=spare)
    fitted += spare
    with np.errstate(over="ignore"):
        np.exp(fitted, out=fitted)
    fitted += 1.0
    np.reciprocal(fitted, out=fitted)
    np.multiply(fitted, fitted, out=weights)
    np.subtract(fitted, weights, out=weights)
    residuals = np.subtract(model.y[people], fitted, out=fitted)
    here = np.flatnonzero((calls.person >= people.start) & (calls.person < people.stop))
    missing = calls.variant[here], calls.person[here] - people.start
    residuals[missing], weights[missing] = 0.0, 0.0
    return residuals, weights, spare


def normal_p_value(beta: Floats, std_error: Floats) -> Floats:
    """Return two-sided p-values by the normal distribution, accurate far out in the tail.

    Examples
    --------
    >>> normal_p_value(np.array([1.959964]), np.array([1.0])).round(6)
    array([0.05])
    """
    from scipy.special import ndtr

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * ndtr(-np.abs(beta / std_error)))
