"""Inner folds: groups whole, labels spread, order without influence."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facies.models.inner import inner_folds
from facies.models.rows import TrainingRows


def rows_of(groups: list[int], seed: int) -> TrainingRows:
    rng = np.random.default_rng(seed)
    n = len(groups)
    return TrainingRows(rng.normal(size=(n, 2)), rng.normal(50, 10, n), rng.uniform(0.5, 2, n), np.array(groups))


@given(
    groups=st.lists(st.integers(0, 12), min_size=3, max_size=60).filter(lambda groups: len(set(groups)) > 1),
    n_folds=st.integers(2, 6),
    seed=st.integers(0, 99),
)
def test_inner_folds__groups_are_whole_folds_are_even_and_order_does_not_matter(groups, n_folds, seed):
    rows = rows_of(groups, seed)
    folds = inner_folds(rows, n_folds=n_folds, random_state=0)
    of_group = {group: set(folds[rows.groups == group]) for group in set(groups)}
    assert all(len(found) == 1 for found in of_group.values())
    sizes = np.bincount([found.copy().pop() for found in of_group.values()])
    assert sizes.max() - sizes.min() <= 1
    assert len(sizes) == min(n_folds, len(of_group))
    order = np.random.default_rng(1).permutation(len(groups))
    shuffled = TrainingRows(*(part[order] for part in rows))
    assert np.array_equal(inner_folds(shuffled, n_folds=n_folds, random_state=0), folds[order])


def test_inner_folds__every_fold_spans_the_labels():
    y = np.arange(100.0)
    folds = inner_folds(TrainingRows(np.zeros((100, 1)), y, np.ones(100), np.arange(100)), n_folds=5, random_state=0)
    assert np.ptp([y[folds == fold].mean() for fold in range(5)]) < 3
