"""Multiple imputation by chained equations, and Rubin's rules."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.types import Floats

N_DONORS = 5
"""People with the nearest predicted values, one of whom lends an imputed value."""

BURN_IN = 10
"""Cycles before the first imputed table."""

SPACING = 2
"""Cycles from one imputed table to the next where several columns have gaps; with one column each draw is fresh."""


def impute(table: pd.DataFrame, *, n_imputations: int = 20, random_state: int | np.random.Generator = 0) -> list[pd.DataFrame]:
    """Return copies of a table of numbers with missing values drawn from what the other columns let expect.

    Chained equations (van Buuren, Flexible Imputation of Missing Data. CRC 2018) by statsmodels' MICEData: each column is regressed on
    all others, with coefficients drawn from their posterior, and takes its values from one of the 5 people with the nearest predictions
    (predictive mean matching), so that only observed values are ever imputed. Put the outcome and the exposure in the table.

    Parameters
    ----------
    table
        Numbers; missing is NaN. Columns with one value only take no part.

    Raises
    ------
    InputError
        When a column with gaps has not more values than there are donors, or columns, or there are fewer than 2 imputations.

    Examples
    --------
    >>> table = pd.DataFrame({"age": np.arange(20.0), "bmi": 20 + np.arange(20.0)}).mask(np.arange(40).reshape(20, 2) == 7)
    >>> [round(float(done.bmi[3])) in range(20, 30) for done in impute(table, n_imputations=2, random_state=1)]
    [True, True]
    """
    if n_imputations < 2:
        raise InputError(f"n_imputations is {n_imputations}: choose at least 2")
    needed = max(N_DONORS, len(table.columns))
    for name in table.columns[table.isna().any()]:
        if table[name].notna().sum() <= needed:
            raise InputError(f"{name} has {table[name].notna().sum()} values: more than {needed} are needed to impute the others from")
    if not table.isna().to_numpy().any():
        return [table.copy() for _ in range(n_imputations)]
    return _drawn(table, n_imputations, random_state)


def _drawn(table: pd.DataFrame, n_imputations: int, random_state: int | np.random.Generator) -> list[pd.DataFrame]:
    import warnings

    from statsmodels.tools.sm_exceptions import SingularMatrixWarning

    spacing = SPACING if table.isna().any().sum() > 1 else 1
    tables = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularMatrixWarning)  # collinear columns leave coefficients open, but not what they predict
        chain = _chain(table, random_state)
        chain.update_all(BURN_IN if spacing > 1 else 1)
        for _ in range(n_imputations):
            chain.update_all(spacing)
            tables.append(_completed(table, chain.data))
    return tables


def _chain(table: pd.DataFrame, random_state: int | np.random.Generator) -> Any:
    from statsmodels.imputation.mice import MICEData

    varies = [name for name in table.columns if table[name].nunique() > 1]
    numbers = table[varies].to_numpy(dtype=np.float64)
    scaled = (numbers - np.nanmean(numbers, axis=0)) / np.nanstd(numbers, axis=0)
    safe = pd.DataFrame(scaled, columns=[f"x{table.columns.get_loc(name)}" for name in varies])
    return MICEData(safe, k_pmm=N_DONORS, rng=np.random.default_rng(random_state))


def _completed(table: pd.DataFrame, imputed: pd.DataFrame) -> pd.DataFrame:
    """Put imputed values, which are observed ones but for scaling, into the table's gaps."""
    done = table.copy()
    for position, name in enumerate(table.columns):
        gaps = table[name].isna().to_numpy()
        if gaps.any():
            seen = table[name].to_numpy(dtype=np.float64)[~gaps]
            drawn = imputed[f"x{position}"].to_numpy()[gaps] if f"x{position}" in imputed else np.zeros(int(gaps.sum()))
            done.loc[gaps, name] = _nearest(np.unique(seen), drawn * seen.std() + seen.mean())
    return done


def _nearest(observed: Floats, drawn: Floats) -> Floats:
    right = np.clip(np.searchsorted(observed, drawn), 1, len(observed) - 1) if len(observed) > 1 else np.zeros(len(drawn), dtype=int)
    left = np.maximum(right - 1, 0)
    return np.asarray(np.where(drawn - observed[left] <= observed[right] - drawn, observed[left], observed[right]))


class Pooled(NamedTuple):
    """One coefficient over imputed tables."""

    estimate: float
    std_error: float
    freedom: float
    missing_information: float


def pool(estimates: Floats, std_errors: Floats, *, freedom: float) -> Pooled:
    """Pool a coefficient over imputed tables by Rubin's rules, with the degrees of freedom of Barnard & Rubin (Biometrika 1999;86:948-955).

    Parameters
    ----------
    estimates, std_errors
        One an imputed table, (m,).
    freedom
        Degrees of freedom had nothing been missing, such as n - k.

    Returns
    -------
    ``missing_information`` is the share of the variance that comes from not knowing the missing values.

    Examples
    --------
    >>> pooled = pool(np.array([1.0, 1.2, 0.8]), np.array([0.5, 0.5, 0.5]), freedom=100)
    >>> pooled.estimate, round(pooled.std_error, 4), round(pooled.freedom, 1)
    (1.0, 0.5508, 35.9)
    """
    m = len(estimates)
    between = float(np.var(estimates, ddof=1))
    total = float(np.mean(std_errors**2)) + (1 + 1 / m) * between
    share = (1 + 1 / m) * between / total
    observed = (freedom + 1) / (freedom + 3) * freedom * (1 - share)
    if share < 1e-12:
        return Pooled(float(np.mean(estimates)), float(np.sqrt(total)), observed, 0.0)
    drawn = (m - 1) / share**2
    return Pooled(float(np.mean(estimates)), float(np.sqrt(total)), drawn * observed / (drawn + observed), share)
