"""The error of predicting the mean, made as honestly as the model's: nobody's own value enters their mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.types import Floats


def mean_of_other_folds(observed: Floats, fold: NDArray[np.int64]) -> Floats:
    """Return for each person the mean of the people in other folds.

    A person in no fold (-1), or whose fold holds everybody, is given the mean of all other people.

    Examples
    --------
    >>> mean_of_other_folds(np.array([10.0, 20.0, 40.0]), np.array([0, 0, 1]))
    array([40., 40., 15.])
    """
    total, n = observed.sum(), len(observed)
    _, codes = np.unique(fold, return_inverse=True)
    size = np.bincount(codes)[codes].astype(np.float64)
    inside = np.bincount(codes, observed)[codes]
    alone = (fold == -1) | (size == n)
    own_sum, own_size = np.where(alone, observed, inside), np.where(alone, 1.0, size)
    rest = n - own_size
    return np.where(rest > 0, (total - own_sum) / np.where(rest > 0, rest, 1.0), np.nan)
