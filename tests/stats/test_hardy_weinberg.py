"""Hardy-Weinberg proportions, tested exactly."""

from math import comb

import numpy as np
import pytest

from facies.errors import InputError
from facies.stats.hardy_weinberg import hardy_weinberg_p


def by_counting(n_first, n_heterozygous, n_second):
    """The same p-value with whole numbers: ways to deal the alleles to people."""
    n = n_first + n_heterozygous + n_second
    first = 2 * n_first + n_heterozygous

    def ways(h):
        return 2**h * comb(n, h) * comb(n - h, (first - h) // 2)

    possible = list(range(first % 2, min(first, 2 * n - first) + 1, 2))
    return sum(ways(h) for h in possible if ways(h) <= ways(n_heterozygous)) / comb(2 * n, first)


def test_hardy_weinberg_p__equals_counting_with_whole_numbers():
    rng = np.random.default_rng(1)
    for _ in range(200):
        counts = [int(count) for count in rng.integers(0, 30, 3)]
        if sum(counts):
            assert hardy_weinberg_p(*counts) == pytest.approx(by_counting(*counts), rel=1e-9)


def test_hardy_weinberg_p__is_symmetric_and_one_where_an_allele_is_absent():
    assert hardy_weinberg_p(3, 10, 40) == hardy_weinberg_p(40, 10, 3)
    assert hardy_weinberg_p(0, 0, 50) == 1
    assert hardy_weinberg_p(0, 1, 50) == 1


def test_hardy_weinberg_p__holds_its_size_in_large_cohorts():
    rng = np.random.default_rng(2)
    p_values = []
    for _ in range(400):
        calls = rng.binomial(2, 0.3, 2000)
        p_values.append(hardy_weinberg_p(*(int((calls == call).sum()) for call in (0, 1, 2))))
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.08


def test_hardy_weinberg_p__is_tiny_but_a_number_far_from_the_proportions():
    assert 0 < hardy_weinberg_p(300, 0, 300) < 1e-100


@pytest.mark.parametrize("counts", [(0, 0, 0), (-1, 2, 3)])
def test_hardy_weinberg_p__refuses_impossible_counts(counts):
    with pytest.raises(InputError, match="give numbers from 0 on"):
        hardy_weinberg_p(*counts)
