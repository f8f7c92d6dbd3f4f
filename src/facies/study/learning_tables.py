"""The tables of a comparison of ways to learn, put together from those of evaluation and association."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from facies.study.association import PANEL
from facies.tables import LEARNING_ASSOCIATIONS, LEARNING_WAYS

_SOURCE = r"\[(.+)\]$"
_WITH_ENDS = ("mae", "slope", "r")
_RATIOS = ("ratio", "ratio_low", "ratio_high")


def ways_table(metrics: pd.DataFrame, ways: Mapping[str, str], left_out: Mapping[str, str]) -> pd.DataFrame:
    """Return table ``learning_ways``: one row a model, and one a way that was left out, with the reason.

    Parameters
    ----------
    metrics
        Table ``metrics`` of all models.
    ways
        Way of each model_id, in the order to print.
    left_out
        Way to the reason.

    Examples
    --------
    >>> from facies.tables import METRICS
    >>> ways_table(METRICS.empty(), {}, {"ssl": "left out by --skip"})[["way", "model_id", "n", "note"]]
       way model_id  n                note
    0  ssl      ssl  0  left out by --skip
    """
    rows = [_way_row(metrics, model_id, way) for model_id, way in ways.items()]
    rows += [{"way": way, "model_id": way, "n": 0, "note": reason} for way, reason in left_out.items()]
    columns = [column.name for column in LEARNING_WAYS.columns]
    table = pd.DataFrame(rows, columns=columns)
    numbers = [column.name for column in LEARNING_WAYS.columns if column.kind == "number"]
    return LEARNING_WAYS.validate(table.astype(dict.fromkeys(numbers, "float64")))


def _way_row(metrics: pd.DataFrame, model_id: str, way: str) -> dict[str, Any]:
    held = metrics[(metrics.system == model_id) & (metrics.subgroup == "all")].set_index("metric")
    row: dict[str, Any] = {"way": way, "model_id": model_id, "n": int(held.n["mae"]), "note": None}
    for metric in _WITH_ENDS:
        row |= {metric: held.value[metric], f"{metric}_low": held.ci_low[metric], f"{metric}_high": held.ci_high[metric]}
    return row | {metric: held.value.get(metric, np.nan) for metric in ("label_noise_floor", "mae_predicting_the_mean")}


def association_table(associations: pd.DataFrame, comparisons: pd.DataFrame, ways: Mapping[str, str]) -> pd.DataFrame:
    """Return table ``learning_associations``: the human estimate and each model's, with its ratio to the human one.

    Parameters
    ----------
    associations, comparisons
        Tables of these names, of the panel and all models.
    ways
        Way of each model_id.

    Examples
    --------
    >>> from facies.tables import ASSOCIATIONS, COMPARISONS
    >>> association_table(ASSOCIATIONS.empty(), COMPARISONS.empty(), {}).empty
    True
    """
    rows = associations[associations.analysis == "complete_case"]
    exposure, outcome = (rows[name].str.extract(_SOURCE)[0] for name in ("exposure", "outcome"))
    one = exposure.notna() != outcome.notna()
    rows = rows.assign(
        source=exposure.fillna(outcome), role=np.where(exposure.notna(), "exposure", "outcome"),
        variable=rows.outcome.where(exposure.notna(), rows.exposure),
    )[one]  # fmt: skip
    rows = rows[rows.source.isin([PANEL, *ways])].assign(way=lambda found: found.source.map(dict(ways)))
    ratios = comparisons.rename(columns={"computed": "source"})[["role", "variable", "adjustment", "source", *_RATIOS]]
    joined = rows.merge(ratios, on=["role", "variable", "adjustment", "source"], how="left", validate="one_to_one")
    order = {name: place for place, name in enumerate([PANEL, *ways])}
    joined = joined.sort_values(["role", "variable", "adjustment", "source"], key=lambda values: values.map(order).fillna(values))
    return LEARNING_ASSOCIATIONS.validate(joined[[column.name for column in LEARNING_ASSOCIATIONS.columns]].reset_index(drop=True))
