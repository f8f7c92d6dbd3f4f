"""Exposures: perceived ages by source, and their difference from age with its direction named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.tables import PARTICIPANT_PREDICTIONS
from facies.types import Floats

DIRECTIONS = {
    "years_looking_older": (1, "perceived age minus age: positive looks older than the age"),
    "delta_pa_rotterdam": (-1, "age minus perceived age (Rotterdam): positive looks younger than the age"),
}
"""The sign of each difference between perceived age and age, and the line to print with it."""


def years_looking_older(perceived_age: Floats, age: Floats) -> Floats:
    """Return perceived age minus age, in years: positive looks older.

    Examples
    --------
    >>> years_looking_older(np.array([66.0]), np.array([60.0]))
    array([6.])
    """
    return age_gap(perceived_age, age, direction="years_looking_older")


def age_gap(perceived_age: Floats, age: Floats, *, direction: str) -> Floats:
    """Return the difference between perceived age and age under a named direction (see :data:`DIRECTIONS`).

    In a model that adjusts linearly for age the coefficient of ``years_looking_older`` equals that of perceived age, and that of
    ``delta_pa_rotterdam`` is minus it.

    Raises
    ------
    InputError
        When the direction is unknown.

    Examples
    --------
    >>> age_gap(np.array([66.0]), np.array([60.0]), direction="delta_pa_rotterdam")
    array([-6.])
    """
    if direction not in DIRECTIONS:
        raise InputError(f"direction is '{direction}': choose {' or '.join(DIRECTIONS)}")
    return DIRECTIONS[direction][0] * (np.asarray(perceived_age, dtype=np.float64) - np.asarray(age, dtype=np.float64))


COLUMN = "column:"
"""Starts a source that is a column of the people's table instead of the panel or a model."""


def exposures_from_predictions(
    participant_predictions: pd.DataFrame,
    *,
    target: str = "perceived_age",
    participants: pd.DataFrame | None = None,
    direction: str | None = None,
    sources: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return one column a source: ``perceived_age[panel]`` from the reference and ``perceived_age[<model_id>]`` from each model.

    Parameters
    ----------
    participant_predictions
        Table ``participant_predictions``; people without a reference have the panel's value missing.
    participants, direction
        Give both to have the difference from ``age`` instead, named by its direction: ``years_looking_older[panel]``.
    sources
        Which, and in which order: ``panel``, a model_id, or ``column:NAME`` for a perceived age that stands in ``participants`` (then its
        source is called ``NAME``). None: the panel and all models.

    Returns
    -------
    ``participant_id`` and the exposures, participants in sorted order.

    Raises
    ------
    InputError
        When a source, the target or the direction is unknown, or a column holds something else than ages.

    Examples
    --------
    >>> predictions = pd.DataFrame({"participant_id": ["a", "b"], "model_id": "hog+ridge", "target": "perceived_age", "fold": [0, -1],
    ...     "n_photographs": 1, "predicted": [52.0, 60.0], "ci_low": np.nan, "ci_high": np.nan, "observed": [50.0, np.nan],
    ...     "label_weight": 1.0})
    >>> exposures_from_predictions(predictions)
      participant_id  perceived_age[panel]  perceived_age[hog+ridge]
    0              a                  50.0                      52.0
    1              b                   NaN                      60.0
    """
    PARTICIPANT_PREDICTIONS.validate(participant_predictions)
    rows = participant_predictions[participant_predictions.target == target]
    if rows.empty:
        have = ", ".join(sorted(map(str, participant_predictions.target.unique()))) or "none"
        raise InputError(f"there are no predictions of '{target}' (targets: {have}): name one of these")
    table = _chosen(_by_source(rows), sources, participants)
    if direction is None:
        return table.rename(columns=lambda source: f"{target}[{source}]").reset_index(names="participant_id")
    return _gaps(table, participants, direction).reset_index(names="participant_id")


def _by_source(rows: pd.DataFrame) -> pd.DataFrame:
    observed = rows.groupby("participant_id", sort=True)["observed"].first()
    predicted = rows.pivot(index="participant_id", columns="model_id", values="predicted")[list(dict.fromkeys(rows.model_id))]
    return pd.DataFrame({"panel": observed, **{str(model_id): predicted[model_id] for model_id in predicted.columns}})


def _chosen(table: pd.DataFrame, sources: Sequence[str] | None, participants: pd.DataFrame | None) -> pd.DataFrame:
    """Return the sources asked for, in their order; a column of the people's table may bring further people."""
    if sources is None:
        return table
    columns = {source.removeprefix(COLUMN): _own_column(source, table, participants) for source in sources}
    return pd.concat(columns, axis=1, sort=True).sort_index()


def _own_column(source: str, table: pd.DataFrame, participants: pd.DataFrame | None) -> pd.Series:
    if not source.startswith(COLUMN):
        if source not in table.columns:
            raise InputError(f"exposure source '{source}' is neither {', '.join(map(str, table.columns))} nor column:NAME: correct it")
        return table[source]
    name = source.removeprefix(COLUMN)
    if participants is None or name not in participants.columns:
        raise InputError(f"exposure source '{source}' is no column of the participants or outcomes: correct the name or add the column")
    if name in table.columns:
        raise InputError(f"exposure source '{source}' has the name of a model of this study: rename the column")
    values = participants.set_index("participant_id")[name]
    if not pd.api.types.is_numeric_dtype(values) or not values.dropna().between(0, 120).all():
        raise InputError(f"exposure source '{source}' must hold perceived ages of 0 to 120 years: correct the column")
    return values.dropna().astype("float64")


def _gaps(table: pd.DataFrame, participants: pd.DataFrame | None, direction: str) -> pd.DataFrame:
    if participants is None:
        raise InputError(f"{direction} needs the age: give participants")
    age = participants.set_index("participant_id")["age"].reindex(table.index).to_numpy(dtype=np.float64)
    return pd.DataFrame(
        {
            f"{direction}[{source}]": age_gap(column.to_numpy(dtype=np.float64), age, direction=direction)
            for source, column in table.items()
        },
        index=table.index,
    )
