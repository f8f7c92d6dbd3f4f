"""Logistic regression of many variants, one at a time: Newton's method on all of them together, with each variant's own people.

All start at the model without a variant. The first step needs no weights of their own and is the score test; the following ones weigh
the people anew for each variant, until the estimates stand. Someone without a call weighs nothing in that variant's model. Where there is
no maximum, or it is not reached, Firth's penalty gives an estimate (see :func:`facies.stats.scan_firth.firth_variant`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facies.stats.calls import Calls, row_products
from facies.stats.scan_linear import orthonormal_basis
from facies.stats.small_systems import pairwise_products, solve_definite, unpack
from facies.types import Floats

SMALL_STEP = 4e-6
"""Newton's method has arrived when its last step changes no coefficient of the scaled columns by more than this, divided by the Wald
statistic: the error left in the estimate is the step's square, that in the standard error about the step."""

LARGEST_LOG_ODDS = 15.0
"""A log odds ratio of an allele beyond this is on its way to infinity."""

TILE_BYTES = 256_000
"""Memory of one array of variants by people that is worked on at a time: several fit into what a core keeps close to itself."""


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


def scan_logistic(calls: Calls, model: LogisticModel, *, exact_below: float = 1.0, max_steps: int = 12) -> LogisticFits:
    """Regress the outcome on each variant and the covariates, in the people who have the variant's call; Wald tests.

    Parameters
    ----------
    exact_below
        Variants whose score test has a larger p-value keep its estimate: one Newton step from the model without the variant.
    max_steps
        Steps after which a variant is given up.

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
    coef[:, chosen], pivot[chosen] = _arrive(calls, chosen, model, coef[:, chosen], max_steps)
    std_error = 1 / np.sqrt(pivot)
    return LogisticFits(coef[-1], std_error, normal_p_value(coef[-1], std_error), exact, independent)


def _first_step(calls: Calls, model: LogisticModel) -> tuple[Floats, Floats]:
    """Return the coefficients (k + 1, b) after one step from the model without a variant, and the variants' information."""
    k, pairs = model.basis.shape[1], model.products.shape[1]
    total = model.null.sum(axis=0)
    sums = total - calls.sum_missing(model.null) if len(calls.variant) else np.tile(total, (len(calls.counts), 1))
    systems, right = unpack(sums[:, :pairs], k, size=k + 1), np.empty((k + 1, len(sums)))
    with_calls = model.with_variant @ calls.counts.T
    systems[k, :k], systems[k, k] = with_calls[:k], _weighted_squares(calls.counts, model.weights)
    right[:k], right[k] = sums[:, pairs:].T, with_calls[k]
    step, pivot = solve_definite(systems, right)
    step[:k] += model.coef[:, None]
    return step, pivot


def _weighted_squares(counts: Floats, weights: Floats) -> Floats:
    b, n = counts.shape
    tile = max(64, TILE_BYTES // (8 * b))
    parts = [counts[:, start : start + tile] ** 2 @ weights[start : start + tile] for start in range(0, n, tile)]
    return np.asarray(np.sum(parts, axis=0))


def _arrive(calls: Calls, variants: NDArray[np.intp], model: LogisticModel, coef: Floats, max_steps: int) -> tuple[Floats, Floats]:
    """Take Newton steps until the estimates stand; NaN where they do not."""
    final, information = np.full(coef.shape, np.nan), np.full(coef.shape[1], np.nan)
    active = np.flatnonzero(np.isfinite(coef[-1]))
    for _ in range(max_steps):
        if not len(active):
            break
        step, pivot = solve_definite(*_sums(calls.take(variants[active]), model, coef[:, active]))
        coef[:, active] += step
        arrived = np.abs(step).max(axis=0) <= SMALL_STEP / np.maximum(1.0, coef[-1, active] ** 2 * pivot)
        final[:, active[arrived]], information[active[arrived]] = coef[:, active[arrived]], pivot[arrived]
        going = ~arrived & (np.abs(coef[-1, active]) < LARGEST_LOG_ODDS)
        active = active[going]
    return final, information


def _sums(calls: Calls, model: LogisticModel, coef: Floats) -> tuple[Floats, Floats]:
    """Return the information (k + 1, k + 1, b) and the score (k + 1, b) at these coefficients, added up over tiles of people."""
    b, n = calls.counts.shape
    k = model.basis.shape[1]
    tile = min(n, max(64, TILE_BYTES // (8 * b)))
    information, crossed, score = np.zeros((model.products.shape[1], b)), np.zeros((k + 1, b)), np.zeros((k + 1, b))
    memory = np.empty((3, b, tile))
    for start in range(0, n, tile):
        people = slice(start, min(start + tile, n))
        counts, basis = calls.counts[:, people], model.basis[people].T
        residuals, weights, spare = _weigh(calls, people, model, coef, memory[:, :, : people.stop - start])
        score[:k] += basis @ residuals.T
        score[k] += row_products(residuals, counts)
        information += model.products[people].T @ weights.T
        np.multiply(weights, counts, out=spare)
        crossed[:k] += basis @ spare.T
        crossed[k] += row_products(spare, counts)
    systems = unpack(information.T, k, size=k + 1)
    systems[k] = crossed
    return systems, score


def _weigh(calls: Calls, people: slice, model: LogisticModel, coef: Floats, memory: Floats) -> tuple[Floats, Floats, Floats]:
    """Return y less the probability, and the probability times what it leaves to 1, for some people; 0 where the call is missing."""
    fitted, weights, spare = memory
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
