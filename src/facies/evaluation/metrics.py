"""Errors of predictions with intervals by participant, over all and by subgroup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.evaluation.reference import mean_of_other_folds
from facies.evaluation.subgroups import subgroup_masks
from facies.stats.agreement import agreement_components, agreement_from_sums, proportion_interval, ratio
from facies.stats.noise import MEAN_ABSOLUTE_NORMAL
from facies.stats.resampling import Intervals, bootstrap
from facies.tables import METRICS, PARTICIPANT_PREDICTIONS, PARTICIPANTS, READING_NOISE
from facies.types import Floats

METRIC_NAMES = (
    "mae",
    "rmse",
    "r",
    "slope",
    "slope_observed_on_predicted",
    "bias",
    "mae_predicting_the_mean",
    "interval_coverage",
    "interval_width",
    "label_noise_floor",
    "leave_one_reader_out_mae",
)
"""The metrics of a model, in their order; MAE never stands alone.

``slope`` is predicted on observed, ``bias`` predicted minus observed, ``interval_coverage`` the share of people whose reference
lies in their prediction interval and ``interval_width`` its mean width.
"""

SMALLEST_SUBGROUP = 10
"""Subgroups with fewer people get no intervals: so few draws say little about how far off the value is."""

_NOISE_COLUMNS = ("sum_squares", "degrees_of_freedom", "noise_factor", "reader_error_sum", "n_reader_errors")


@dataclass(frozen=True, eq=False)
class Evaluated:
    """One model's people: predictions with a reference, joined with who they are."""

    model_id: str
    rows: pd.DataFrame
    clusters: NDArray[np.str_]


def evaluate_predictions(
    participant_predictions: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    target: str,
    subgroups: tuple[str, ...] = ("sex", "site", "age_band", "quality"),
    n_bootstrap: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
    random_state: int = 0,
    noise: pd.DataFrame | None = None,
    age_band_width: int = 10,
) -> pd.DataFrame:
    """Compare each model with the reference, over all participants and by subgroup.

    Only people with a reference (``observed``) count. Intervals draw participants with replacement, or whole families where
    ``participants`` has ``family_id``.

    Parameters
    ----------
    participant_predictions
        Table ``participant_predictions``.
    participants
        Table ``participants``; further columns may serve as subgroups (``quality``: text, or a number that is cut into thirds).
    target
        What was predicted.
    subgroups
        Columns of ``participants``; ``age_band`` is made from ``age``. The four usual ones may be absent.
    method
        ``"percentile"`` or ``"bca"`` intervals.
    noise
        Table ``reading_noise``, when the reference is a panel mean: gives the label-noise floor and the error of one reader.

    Returns
    -------
    Table ``metrics``. System is each ``model_id`` with :data:`METRIC_NAMES`, then ``predicting_the_mean`` (mean of the other
    folds), ``label_noise_floor`` and ``one_reader`` with their ``mae``. Metrics that cannot be had get no row.
    Subgroups of fewer than 10 people get a value without an interval.

    Raises
    ------
    InputError
        When the target has no predictions with a reference, or participants are unknown.

    Examples
    --------
    >>> predictions = pd.DataFrame({"participant_id": ["a", "b", "c"], "model_id": "hog+ridge", "target": "perceived_age",
    ...     "fold": [0, 1, 2], "n_photographs": 1, "predicted": [52.0, 60.0, 66.0], "ci_low": [42.0, 50.0, 56.0],
    ...     "ci_high": [62.0, 70.0, 76.0], "observed": [50.0, 60.0, 70.0], "label_weight": 1.0})
    >>> people = pd.DataFrame({"participant_id": ["a", "b", "c"], "age": [50.0, 61.0, 69.0]})
    >>> metrics = evaluate_predictions(predictions, people, target="perceived_age", subgroups=(), n_bootstrap=100)
    >>> metrics[["system", "metric", "value", "n"]].head(4).round(2)
          system metric  value  n
    0  hog+ridge    mae   2.00  3
    1  hog+ridge   rmse   2.58  3
    2  hog+ridge      r   1.00  3
    3  hog+ridge  slope   0.70  3
    """
    models = evaluated_models(participant_predictions, participants, target=target)
    settings: dict[str, Any] = {"n_bootstrap": n_bootstrap, "level": level, "method": method, "random_state": random_state}
    noise_rows = _noise_of(noise, target)
    tables = []
    for model in models:
        masks = subgroup_masks(model.rows, subgroups=subgroups, width=age_band_width)
        tables.append(_model_rows(model, masks, noise_rows, settings))
    everybody = _everybody(models)
    masks = subgroup_masks(everybody.rows, subgroups=subgroups, width=age_band_width)
    tables.append(_other_systems(_model_rows(everybody, masks, noise_rows, settings)))
    metrics = pd.concat(tables, ignore_index=True)
    metrics.insert(1, "target", target)
    return METRICS.validate(metrics)


def evaluated_models(participant_predictions: pd.DataFrame, participants: pd.DataFrame, *, target: str) -> list[Evaluated]:
    """Return each model's predictions that have a reference, joined with ``participants``.

    Raises
    ------
    InputError
        When there are none, or a predicted participant is not in ``participants``.
    """
    PARTICIPANT_PREDICTIONS.validate(participant_predictions)
    PARTICIPANTS.validate(participants)
    rows = participant_predictions[(participant_predictions.target == target) & participant_predictions.observed.notna()]
    if rows.empty:
        have = ", ".join(sorted(map(str, participant_predictions.target.unique()))) or "none"
        raise InputError(f"no prediction of '{target}' has a reference to compare with (targets: {have})")
    unknown = rows[~rows.participant_id.isin(participants.participant_id)]
    if len(unknown):
        raise InputError(f"predictions name participant {unknown.participant_id.iloc[0]}, who is not in participants: add the person")
    further = [name for name in participants.columns if name == "participant_id" or name not in rows.columns]
    joined = rows.merge(participants[further], on="participant_id", how="left", validate="many_to_one")
    return [_evaluated(str(model_id), part) for model_id, part in joined.groupby("model_id", sort=False)]


def _evaluated(model_id: str, rows: pd.DataFrame) -> Evaluated:
    rows = rows.sort_values("participant_id", ignore_index=True)
    return Evaluated(model_id, rows, _clusters(rows))


def _clusters(rows: pd.DataFrame) -> NDArray[np.str_]:
    """Name the family of each person; people without one are their own."""
    own = "person " + rows.participant_id.astype(str)
    if "family_id" not in rows.columns:
        return own.to_numpy(dtype=str)
    return ("family " + rows.family_id.astype(str)).where(rows.family_id.notna(), own).to_numpy(dtype=str)


def _everybody(models: list[Evaluated]) -> Evaluated:
    """Return everyone whom any model predicted, once, for the systems that need no model."""
    rows = pd.concat([model.rows for model in models]).drop_duplicates("participant_id")
    return _evaluated("", rows)


def _noise_of(noise: pd.DataFrame | None, target: str) -> pd.DataFrame:
    if noise is None:
        return pd.DataFrame(columns=list(_NOISE_COLUMNS), dtype=np.float64)
    READING_NOISE.validate(noise)
    return noise[noise.target == target].set_index("participant_id")[list(_NOISE_COLUMNS)]


def _model_rows(model: Evaluated, masks: Mapping[str, NDArray[np.bool_]], noise: pd.DataFrame, settings: dict[str, Any]) -> pd.DataFrame:
    components = _components(model.rows, noise)
    membership = np.column_stack(list(masks.values())).astype(np.float64)
    n_groups, width = membership.shape[1], components.shape[1]
    stacked = (membership[:, :, None] * components[:, None, :]).reshape(len(components), n_groups * width)

    def statistic(sums: Floats) -> Floats:
        values = _statistics(sums.reshape(*sums.shape[:-1], n_groups, width))
        return values.reshape(*sums.shape[:-1], n_groups * len(METRIC_NAMES))

    intervals = bootstrap(stacked, statistic, clusters=model.clusters, **settings)
    counts = np.column_stack([_counts(components[mask]) for mask in masks.values()]).T
    table = _long(model.model_id, list(masks), intervals, counts)
    return _exact_coverage(table[table.value.notna()].reset_index(drop=True), settings["level"])


def _components(rows: pd.DataFrame, noise: pd.DataFrame) -> Floats:
    """Return what the metrics are sums of, (n, 18): 7 of agreement, 1 of the mean, 4 of intervals, 6 of readings."""
    observed, predicted = rows.observed.to_numpy(dtype=np.float64), rows.predicted.to_numpy(dtype=np.float64)
    away = np.abs(observed - mean_of_other_folds(observed, rows.fold.to_numpy(dtype=np.int64)))
    low, high = rows.ci_low.to_numpy(dtype=np.float64), rows.ci_high.to_numpy(dtype=np.float64)
    has_interval = np.isfinite(low) & np.isfinite(high)
    inside = has_interval & (low <= observed) & (observed <= high)
    readings = noise.reindex(rows.participant_id).to_numpy(dtype=np.float64)
    has_readings = np.isfinite(readings[:, 2])
    return np.column_stack([
        agreement_components(observed, predicted),
        np.nan_to_num(away),
        np.isfinite(away),
        has_interval,
        inside,
        np.where(has_interval, high - low, 0.0),
        has_readings,
        np.nan_to_num(readings),
    ]).astype(np.float64)  # fmt: skip


def _statistics(sums: Floats) -> Floats:
    """Return :data:`METRIC_NAMES` from sums of :func:`_components`."""
    away, n_away, n_intervals, inside, width, n_read, squares, freedom, factor, errors, n_errors = np.moveaxis(sums[..., 7:], -1, 0)
    sd = np.sqrt(ratio(squares, freedom))
    others = [
        ratio(away, n_away),
        ratio(inside, n_intervals),
        ratio(width, n_intervals),
        MEAN_ABSOLUTE_NORMAL * sd * ratio(factor, n_read),
        ratio(errors, n_errors),
    ]
    return np.concatenate([agreement_from_sums(sums[..., :7]), np.stack(others, axis=-1)], axis=-1)


def _counts(components: Floats) -> NDArray[np.int64]:
    """Return how many people stand behind each metric."""
    n, n_intervals = len(components), int(components[:, 9].sum())
    n_read, n_compared = int(components[:, 12].sum()), int((components[:, 17] > 0).sum())
    return np.array([*[n] * 7, n_intervals, n_intervals, n_read, n_compared])


def _long(system: str, subgroups: list[str], intervals: Intervals, counts: NDArray[np.int64]) -> pd.DataFrame:
    n_metrics = len(METRIC_NAMES)
    n = counts.ravel()
    enough = n >= SMALLEST_SUBGROUP
    return pd.DataFrame({
        "system": system,
        "subgroup": np.repeat(subgroups, n_metrics),
        "metric": list(METRIC_NAMES) * len(subgroups),
        "value": intervals.value,
        "ci_low": np.where(enough, intervals.ci_low, np.nan),
        "ci_high": np.where(enough, intervals.ci_high, np.nan),
        "n": n,
    })  # fmt: skip


def _exact_coverage(table: pd.DataFrame, level: float) -> pd.DataFrame:
    """Give a coverage of 0 or 1, which no draw can change, its exact interval."""
    extreme = ((table.metric == "interval_coverage") & table.value.isin([0.0, 1.0])).to_numpy()
    pairs = table.loc[extreme, ["value", "n"]].to_numpy(dtype=np.float64)
    exact = np.array([proportion_interval(round(share * n), int(n), level=level) for share, n in pairs]).reshape(-1, 2)
    table.loc[extreme, "ci_low"] = exact[:, 0]
    table.loc[extreme, "ci_high"] = exact[:, 1]
    return table


def _other_systems(rows: pd.DataFrame) -> pd.DataFrame:
    """Turn the metrics that need no model into systems of their own."""
    systems = {
        "mae_predicting_the_mean": "predicting_the_mean",
        "label_noise_floor": "label_noise_floor",
        "leave_one_reader_out_mae": "one_reader",
    }
    parts = [rows[rows.metric == metric].assign(system=system, metric="mae") for metric, system in systems.items()]
    return pd.concat(parts, ignore_index=True)
