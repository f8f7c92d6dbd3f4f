"""Least squares of many variants, one at a time, on several traits: by projection, with each variant's own people.

Without missing calls, one product of the genotypes with the covariates and traits holds all that is needed. A person without a call is
left out of that variant's model: what the person added to the sums is taken away again, and the covariates are projected anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.stats.calls import Calls, row_products
from facies.stats.small_systems import eliminate, pairwise_products, unpack
from facies.types import Floats

OWN_SHARE = 1e-10
"""A variant is determined by the covariates when less than this share of its sum of squares is its own."""


@dataclass(frozen=True, eq=False)
class LinearModel:
    """What does not change from variant to variant.

    ``columns``, (k + T, n), holds an orthonormal basis of the constant and the covariates, then what these leave of each trait;
    ``squares``, (T,), the sums of squares of the latter; ``products``, (n, q), the products of every two columns of the basis, of
    the basis with each trait, and of each trait with itself.
    """

    columns: Floats
    k: int
    squares: Floats
    products: Floats


@dataclass(frozen=True, eq=False)
class LinearFits:
    """Estimates for b variants and T traits, (b, T), in the trait's unit an allele; NaN where the covariates determine the variant."""

    beta: Floats
    std_error: Floats
    p_value: Floats


def orthonormal_basis(covariates: Floats) -> Floats:
    """Return an orthonormal basis, (n, k + 1), of a constant and (n, k) covariates, which are independent and not constant."""
    scaled = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    return np.asarray(np.linalg.qr(np.column_stack([np.ones(len(covariates)), scaled]))[0])


def prepare_linear(traits: Floats, covariates: Floats) -> LinearModel:
    """Prepare the regression of traits, (n, T), on covariates without a constant, (n, k), which are independent and not constant."""
    basis = orthonormal_basis(covariates)
    left = traits - basis @ (basis.T @ traits)
    left -= basis @ (basis.T @ left)
    with_traits = (basis[:, :, None] * left[:, None, :]).reshape(len(traits), -1)
    products = np.column_stack([pairwise_products(basis), with_traits, left**2])
    return LinearModel(np.ascontiguousarray(np.vstack([basis.T, left.T])), basis.shape[1], np.sum(left**2, axis=0), products)


def scan_linear(calls: Calls, model: LinearModel) -> LinearFits:
    """Regress each trait on each variant and the covariates, in the people who have the variant's call.

    Equal to ordinary least squares, one variant and trait at a time; p-values are two-sided by the t distribution with as many degrees
    of freedom as people less coefficients.

    Examples
    --------
    >>> from facies.stats.calls import read_counts
    >>> rng = np.random.default_rng(1)
    >>> calls = read_counts(rng.binomial(2, 0.3, (1, 500)).astype(float))
    >>> age = rng.normal(60, 8, (500, 1))
    >>> fits = scan_linear(calls, prepare_linear(0.8 * calls.counts.T + age + rng.normal(size=(500, 1)), age))
    >>> bool(abs(fits.beta[0, 0] - 0.8) < 3 * fits.std_error[0, 0])
    True
    """
    sums, total = (model.columns @ calls.counts.T).T, row_products(calls.counts, calls.counts)
    own, cross = total - np.sum(sums[:, : model.k] ** 2, axis=1), sums[:, model.k :]
    squares = np.broadcast_to(model.squares, cross.shape)
    if len(calls.variant):
        own, cross, squares = _among_called(calls, model, sums, total)
    own[~(own > OWN_SHARE * total)] = np.nan
    return _fits(own[:, None], cross, squares, calls.n_called() - model.k - 1)


def _among_called(calls: Calls, model: LinearModel, sums: Floats, total: Floats) -> tuple[Floats, Floats, Floats]:
    """Return each variant's own sum of squares, its products with the traits, and the traits' squares, in the people with a call."""
    k, t = model.k, len(model.squares)
    lost = calls.sum_missing(model.products)
    pairs = k * (k + 1) // 2
    systems = unpack(-lost[:, :pairs], k, size=k + 1 + t)
    systems[np.arange(k), np.arange(k)] += 1.0
    systems[k, :k], systems[k, k] = sums[:, :k].T, total
    systems[k + 1 :, :k] = -lost[:, pairs : pairs + k * t].T.reshape(k, t, -1).transpose(1, 0, 2)
    systems[k + 1 :, k] = sums[:, k:].T
    traits = np.arange(k + 1, k + 1 + t)
    systems[traits, traits] = (model.squares - lost[:, pairs + k * t :]).T
    left, _ = eliminate(systems, k)
    return left[0, 0], left[1:, 0].T, np.einsum("iib->bi", left[1:, 1:])


def _fits(own: Floats, cross: Floats, squares: Floats, freedom: NDArray[np.intp]) -> LinearFits:
    df = np.where(freedom > 0, freedom, np.nan)[:, None]
    beta = cross / own
    std_error = np.sqrt(np.maximum(squares - beta * cross, 0.0) / df / own)
    return LinearFits(beta, std_error, t_p_value(beta, std_error, df))


def t_p_value(beta: Floats, std_error: Floats, freedom: Any) -> Floats:
    """Return two-sided p-values by the t distribution, accurate far out in the tail.

    Examples
    --------
    >>> t_p_value(np.array([2.0]), np.array([1.0]), 30.0).round(6)
    array([0.054625])
    """
    from scipy.special import betainc

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(betainc(freedom / 2, 0.5, freedom / (freedom + (beta / std_error) ** 2)))
