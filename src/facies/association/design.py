"""From tables of participants to the arrays of one regression, with everyone who is lost accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.stats.regression import constant_columns
from facies.types import Floats

MOST_LEVELS = 30
"""A covariate of text with more levels than this is taken for an identifier."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Exposures, outcomes and covariates on one index of participants."""

    exposures: pd.DataFrame
    outcomes: pd.DataFrame
    covariates: pd.DataFrame
    clusters: pd.Series | None


@dataclass(frozen=True, eq=False)
class Design:
    """Covariates of the participants who have all values, and notes on who and what was left out.

    ``age`` is there where age is the time scale: the age, in years, at which each person came under observation.
    """

    participants: pd.Index
    X: Floats
    names: tuple[str, ...]
    clusters: NDArray[np.str_] | None
    notes: tuple[str, ...]
    age: Floats | None = None


def gather(exposures: pd.DataFrame, outcomes: pd.DataFrame, covariates: pd.DataFrame, *, cluster_by: str | None) -> Cohort:
    """Put three tables on one index: everybody who is in any of them.

    Raises
    ------
    InputError
        When a table has no ``participant_id`` or names a person twice.
    """
    tables = [_keyed(table, name) for table, name in ((exposures, "exposures"), (outcomes, "outcomes"), (covariates, "covariates"))]
    everybody = tables[0].index.union(tables[1].index).union(tables[2].index)
    first, second, third = (table.reindex(everybody) for table in tables)
    clusters = third[cluster_by] if cluster_by is not None and cluster_by in third.columns else None
    return Cohort(first, second, third, clusters)


def _keyed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    if "participant_id" not in table.columns:
        raise InputError(f"{name} have no column participant_id: add it")
    repeated = table.participant_id[table.participant_id.duplicated()]
    if len(repeated):
        raise InputError(f"{name} name participant {repeated.iloc[0]} twice: keep one row")
    return table.set_index("participant_id")


def require_columns(table: pd.DataFrame, names: Sequence[str], *, what: str, where: str) -> None:
    """Refuse names that are no columns.

    Raises
    ------
    InputError
        Naming the first and the columns there are.
    """
    for name in names:
        if name not in table.columns:
            have = ", ".join(map(str, table.columns[:12])) or "none"
            raise InputError(f"{what} '{name}' is no column of {where} (columns: {have}): correct the name or add the column")


def require_numbers(table: pd.DataFrame, names: Sequence[str], *, what: str) -> None:
    """Refuse columns that are not numbers.

    Raises
    ------
    InputError
        Naming the first and a value in it.
    """
    for name in names:
        if not pd.api.types.is_numeric_dtype(table[name]):
            value = next(iter(table[name].dropna()), "nothing")
            raise InputError(f"{what} '{name}' holds {value!r}: it must be a number")
        if np.isinf(table[name].to_numpy(dtype=np.float64)).any():
            raise InputError(f"{what} '{name}' holds an infinite number: correct it or leave it empty")


def require_covariates(table: pd.DataFrame, adjustments: Mapping[str, Sequence[str]]) -> None:
    """Refuse covariates that are no columns, stand twice, hold infinite numbers or have more levels of text than a category has.

    Raises
    ------
    InputError
        Naming the adjustment set and the covariate.
    """
    for adjustment, names in adjustments.items():
        require_columns(table, names, what=f"covariate of {adjustment}", where="the covariates")
        for name in names:
            if list(names).count(name) > 1:
                raise InputError(f"covariate '{name}' stands twice in {adjustment}: name it once")
            if pd.api.types.is_numeric_dtype(table[name]):
                require_numbers(table, [name], what="covariate")
            else:
                _require_few_levels(table[name])


def _require_few_levels(column: pd.Series) -> None:
    levels = column.dropna().astype(str).drop_duplicates()
    if len(levels) <= MOST_LEVELS:
        return
    words = levels[pd.to_numeric(levels, errors="coerce").isna()]
    if 2 * len(words) <= len(levels):
        raise InputError(f"covariate '{column.name}' holds '{words.iloc[0]}' among numbers: write a number, or n/a where it is missing")
    raise InputError(f"covariate '{column.name}' has {len(levels)} levels of text: is it an identifier? Leave it out or merge levels")


def require_binary(outcome: pd.Series, *, called: str = "binary outcome") -> None:
    """Refuse a binary outcome, or an event, that is not coded 0 and 1.

    Raises
    ------
    InputError
        Saying how it is coded and how to recode it.

    Examples
    --------
    >>> require_binary(pd.Series([1.0, 2.0, 1.0], name="copd"))
    Traceback (most recent call last):
    ...
    facies.errors.InputError: binary outcome 'copd' is coded 1 and 2: recode it as 0 (without) and 1 (with)
    """
    found = sorted(outcome.dropna().unique(), key=str)
    if pd.api.types.is_numeric_dtype(outcome) and set(map(float, found)) <= {0.0, 1.0}:
        return
    if len(found) == 2:
        coded = " and ".join(_text(value) for value in found)
        raise InputError(f"{called} '{outcome.name}' is coded {coded}: recode it as 0 (without) and 1 (with)")
    shown = ", ".join(_text(value) for value in found[:3])
    other = ", or call it continuous" if called == "binary outcome" else ""
    raise InputError(f"{called} '{outcome.name}' has {len(found)} values ({shown}): recode it as 0 (without) and 1 (with){other}")


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else f"'{value}'"


ROBUST = "standard errors by"
"""Starts the note on cluster-robust standard errors."""

FEW_CLUSTERS = 20
"""Robust standard errors of fewer clusters are too small (Cameron & Miller, J Hum Resour 2015;50:317-372): said in a note."""


def build_design(
    cohort: Cohort, *, outcomes: Sequence[str], exposures: Sequence[str], covariates: Sequence[str], clustering: str = "robust"
) -> Design:
    """Return the participants who have all values, with covariates as numbers.

    Text becomes one 0/1 column a level, without the first level in sorted order. A covariate with one value only is left out, which
    changes nothing, and noted.
    """
    has_outcome = cohort.outcomes[list(outcomes)].notna().all(axis=1).to_numpy()
    has_exposure = cohort.exposures[list(exposures)].notna().all(axis=1).to_numpy()
    has_covariates = cohort.covariates[list(covariates)].notna().all(axis=1).to_numpy()
    kept = has_outcome & has_exposure & has_covariates
    lost = {
        "outcome": int((~has_outcome).sum()),
        "exposure": int((has_outcome & ~has_exposure).sum()),
        "covariates": int((has_outcome & has_exposure & ~has_covariates).sum()),
    }
    X, names, constant = encode(cohort.covariates.loc[kept, list(covariates)])
    notes = [*_lost_note(lost, len(kept)), *(f"{name} has one value here and was left out" for name in constant)]
    clusters = None if cohort.clusters is None else _families(cohort.clusters[kept])
    if clusters is not None and cohort.clusters is not None:
        notes.append(_clusters_note(str(cohort.clusters.name), len(np.unique(clusters)), clustering))
    return Design(cohort.covariates.index[kept], X, names, clusters, tuple(notes))


def _clusters_note(name: str, n_clusters: int, clustering: str) -> str:
    if clustering == "mixed":
        return f"random intercept by {name} ({n_clusters})"
    few = ", too few for robust ones" if 1 < n_clusters < FEW_CLUSTERS else ""
    return f"{ROBUST} {name} ({n_clusters}){few}"


def _lost_note(lost: Mapping[str, int], n: int) -> list[str]:
    parts = [f"{count} without {what}" for what, count in lost.items() if count]
    return [f"{sum(lost.values())} of {n} left out: {', '.join(parts)}"] if parts else []


def _families(families: pd.Series) -> NDArray[np.str_] | None:
    """Name each person's family; None when nobody shares one, as then people are independent."""
    own = pd.Series([f"person {participant}" for participant in families.index], index=families.index)
    names = ("family " + families.astype(str)).where(families.notna(), own).to_numpy(dtype=str)
    return names if len(np.unique(names)) < len(names) else None


def encode(covariates: pd.DataFrame) -> tuple[Floats, tuple[str, ...], list[str]]:
    """Return the covariates as columns of numbers, their names, and the covariates that were constant."""
    columns: dict[str, Any] = {}
    constant = []
    for name in covariates.columns:
        values = _numbers(covariates[name])
        kept = {label: column for label, column in values.items() if len(column) and not constant_columns(column[:, None])[0]}
        if not kept and len(covariates):
            constant.append(str(name))
        columns |= kept
    X = np.column_stack(list(columns.values())) if columns else np.empty((len(covariates), 0))
    return X, tuple(columns), constant


def _numbers(column: pd.Series) -> dict[str, Floats]:
    if pd.api.types.is_numeric_dtype(column):
        return {str(column.name): column.to_numpy(dtype=np.float64)}
    levels = sorted(column.unique(), key=str)
    return {f"{column.name}={level}": (column == level).to_numpy(dtype=np.float64) for level in levels[1:]}
