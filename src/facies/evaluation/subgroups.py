"""Which participants belong to which subgroup."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.stats.binning import band_labels, third_labels

OPTIONAL = frozenset({"sex", "site", "age_band", "quality"})
"""Subgroups that are left out without a word when the cohort has no such column."""

MOST_LEVELS = 12
"""A column of numbers with more values than this is cut into thirds."""


def age_bands(age: pd.Series, *, width: int = 10) -> pd.Series:
    """Return the age band of each participant, such as ``50-59``; missing where the age is.

    Examples
    --------
    >>> age_bands(pd.Series([51.5, 60.0])).tolist()
    ['50-59', '60-69']
    """
    labels = band_labels(age.to_numpy(dtype=np.float64), width=width)
    return pd.Series(labels, index=age.index, dtype=object).replace("", np.nan)


def subgroup_masks(participants: pd.DataFrame, *, subgroups: tuple[str, ...], width: int = 10) -> dict[str, NDArray[np.bool_]]:
    """Return ``all`` and one mask a level of each subgroup, named ``column=level``.

    ``age_band`` is made from ``age`` where the table has no such column. Text is taken level by level, numbers with many values
    by thirds. Participants without a value are in no level.

    Raises
    ------
    InputError
        When a subgroup is no column and none of the usual ones (sex, site, age_band, quality).

    Examples
    --------
    >>> people = pd.DataFrame({"age": [40.0, 55.0], "sex": ["female", "male"]})
    >>> list(subgroup_masks(people, subgroups=("sex", "age_band")))
    ['all', 'sex=female', 'sex=male', 'age_band=40-49', 'age_band=50-59']
    """
    masks = {"all": np.ones(len(participants), dtype=bool)}
    for name in subgroups:
        labels = _labels(participants, name, width)
        if labels is not None:
            masks |= {f"{name}={level}": labels == level for level in _levels(labels)}
    return masks


def _labels(participants: pd.DataFrame, name: str, width: int) -> NDArray[np.object_] | None:
    if name == "age_band" and name not in participants.columns and "age" in participants.columns:
        return band_labels(participants["age"].to_numpy(dtype=np.float64), width=width)
    if name not in participants.columns:
        if name in OPTIONAL:
            return None
        raise InputError(f"subgroup '{name}' is no column of participants: name one of {', '.join(map(str, participants.columns[:12]))}")
    column = participants[name]
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > MOST_LEVELS:
        return third_labels(column.to_numpy(dtype=np.float64))
    return np.array(["" if pd.isna(value) else _text(value) for value in column], dtype=object)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _levels(labels: NDArray[np.object_]) -> list[str]:
    """Order levels by the number they start with, then by name."""
    found = {str(label) for label in labels} - {""}
    thirds = ["lowest third", "middle third", "highest third"]
    if found <= set(thirds):
        return [third for third in thirds if third in found]
    return sorted(found, key=lambda label: (_leading_number(label), label))


def _leading_number(label: str) -> float:
    head = label.split("-")[0]
    return float(head) if head.isdigit() else float("inf")
