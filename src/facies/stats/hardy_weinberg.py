"""Hardy-Weinberg proportions: the exact test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats

TIE = 1e-9
"""Probabilities that differ by less than this share are the same one, rounded differently."""


def hardy_weinberg_p(n_first: int, n_heterozygous: int, n_second: int) -> float:
    """Return the exact p-value of Hardy-Weinberg proportions: how likely such a number of heterozygotes, or a less likely one, is.

    Given the number of each allele (Wigginton, Cutler & Abecasis, Am J Hum Genet 2005;76:887-893); without the mid-p correction.
    It is 1 where one allele is absent.

    Parameters
    ----------
    n_first, n_second
        People with two of the one and two of the other allele.
    n_heterozygous
        People with one of each.

    Raises
    ------
    InputError
        When a number is negative, or nobody has a call.

    Examples
    --------
    >>> round(hardy_weinberg_p(17, 57, 14), 6)
    0.009868
    """
    if min(n_first, n_heterozygous, n_second) < 0 or n_first + n_heterozygous + n_second == 0:
        raise InputError(f"{n_first}, {n_heterozygous} and {n_second} people with each genotype: give numbers from 0 on, not all 0")
    rare = 2 * min(n_first, n_second) + n_heterozygous
    people = n_first + n_heterozygous + n_second
    heterozygous = np.arange(rare % 2, rare + 1, 2)
    log_p = _log_probability(heterozygous, rare, people)
    observed = log_p[(n_heterozygous - rare % 2) // 2]
    probability = np.exp(log_p - log_p.max())
    as_unlikely = log_p <= observed + TIE
    return float(min(1.0, probability[as_unlikely].sum() / probability.sum()))


def _log_probability(heterozygous: NDArray[np.int64], rare: int, people: int) -> Floats:
    """Return the logarithm of the probability of each number of heterozygotes, up to a constant."""
    from scipy.special import gammaln

    of_rare = (rare - heterozygous) // 2
    of_common = people - heterozygous - of_rare
    counts = gammaln(of_rare + 1) + gammaln(heterozygous + 1) + gammaln(of_common + 1)
    return np.asarray(heterozygous * np.log(2) - counts)
