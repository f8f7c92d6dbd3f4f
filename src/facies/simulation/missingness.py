"""Makes values and rows missing, by chance alone or depending on what is observed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.types import Floats

STEEPNESS = 1.0
"""Log odds of being missing for one standard deviation more of the column that missingness depends on."""


def with_missing(
    table: pd.DataFrame,
    rates: Mapping[str, float],
    *,
    random_state: int,
    depends_on: str | None = None,
    steepness: float = STEEPNESS,
) -> pd.DataFrame:
    """Return the table with values missing in some columns.

    Without ``depends_on`` values are missing completely at random; with it, at random given that column, which stays complete: the log
    odds of being missing grow with it, and the rates hold on average.

    Parameters
    ----------
    table
        Any table.
    rates
        Share of values to be missing, 0 to less than 1, by column.
    random_state
        Seed. What is missing in one column does not depend on the other columns named.
    depends_on
        A column without missing values: numbers, or text, whose levels count in alphabetical order.
    steepness
        Log odds for one standard deviation more.

    Raises
    ------
    InputError
        When a rate is out of its range, a column is absent, or a column would depend on itself.

    Examples
    --------
    >>> people = pd.DataFrame({"participant_id": ["a", "b", "c", "d"], "bmi": [20.0, 25.0, 30.0, 35.0]})
    >>> with_missing(people, {"bmi": 0.5}, random_state=2).bmi.notna().tolist()
    [True, False, False, False]
    """
    for name, rate in rates.items():
        _require(table, name, rate)
    if depends_on in rates:
        raise InputError(f"{depends_on} cannot depend on itself: choose another column for depends_on")
    scores = None if depends_on is None else _scores(table, depends_on)
    columns = {}
    for name, rate in rates.items():
        rng = np.random.default_rng([random_state, *name.encode()])
        lost = rng.random(len(table)) < _chances(rate, scores, steepness, len(table))
        columns[name] = table[name].mask(lost) if lost.any() else table[name]
    return table.assign(**columns)


def with_lost_rows(
    table: pd.DataFrame,
    rate: float,
    *,
    random_state: int,
    by: str | None = None,
    depends_on: str | None = None,
    steepness: float = STEEPNESS,
) -> pd.DataFrame:
    """Return the table without some rows, such as readings that were never made.

    Parameters
    ----------
    table
        Any table.
    rate
        Share of rows (or of the values of ``by``) to lose.
    random_state
        Seed.
    by
        Rows with the same value here are lost together: with ``photo_id``, a photograph loses all its readings or none.
    depends_on
        As in :func:`with_missing`; rows that are lost together have their mean.
    steepness
        Log odds for one standard deviation more.

    Raises
    ------
    InputError
        When the rate is out of its range or a column is absent.

    Examples
    --------
    >>> readings = pd.DataFrame({"photo_id": ["a", "a", "b", "b"], "reading": [60.0, 62.0, 70.0, 71.0]})
    >>> with_lost_rows(readings, 0.5, by="photo_id", random_state=4).photo_id.value_counts().tolist()
    [2]
    """
    keys = np.arange(len(table)) if by is None else _column(table, by).factorize()[0]
    n = int(keys.max(initial=-1)) + 1
    _require(table, table.columns[0], rate)
    scores = None
    if depends_on is not None:
        means = np.bincount(keys, weights=_scores(table, depends_on), minlength=n) / np.bincount(keys, minlength=n)
        scores = _standardised(means.astype(np.float64))
    rng = np.random.default_rng([random_state, 1])
    kept = rng.random(n) >= _chances(rate, scores, steepness, n)
    return table[kept[keys]].reset_index(drop=True)


def _require(table: pd.DataFrame, name: str, rate: float) -> None:
    _column(table, name)
    if not 0 <= rate < 1:
        raise InputError(f"the rate of {name} is {rate}: choose 0 to less than 1")


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table:
        raise InputError(f"the table has no column '{name}': correct the name")
    return table[name]


def _scores(table: pd.DataFrame, name: str) -> Floats:
    values = _column(table, name)
    if values.isna().any():
        raise InputError(f"{name} has missing values: choose a complete column for depends_on")
    numbers = values if pd.api.types.is_numeric_dtype(values) else values.astype("category").cat.codes
    return _standardised(np.asarray(numbers, dtype=np.float64))


def _standardised(numbers: Floats) -> Floats:
    spread = float(numbers.std()) if len(numbers) else 0.0
    return (numbers - numbers.mean()) / spread if spread > 0 else np.zeros(len(numbers))


def _chances(rate: float, scores: Floats | None, steepness: float, n: int) -> Floats:
    """Return each row's chance to be missing; its mean is ``rate``."""
    from scipy.optimize import brentq

    if scores is None or rate == 0 or n == 0:
        return np.full(n, rate)

    def excess(level: float) -> float:
        return float(_logistic(level + steepness * scores).mean() - rate)

    bound = 40.0 + abs(steepness) * float(np.abs(scores).max())
    return _logistic(brentq(excess, -bound, bound) + steepness * scores)


def _logistic(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)))
