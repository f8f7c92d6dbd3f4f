"""A frozen model in a second cohort: how far off it is there, and how far a straight-line recalibration would mend it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.evaluation.metrics import SMALLEST_SUBGROUP, Evaluated, evaluate_predictions, evaluated_models
from facies.stats.agreement import agreement_components, ratio
from facies.stats.resampling import bootstrap, cluster_codes, sum_by_cluster
from facies.tables import PARTICIPANT_PREDICTIONS, REPLICATION_METRICS
from facies.types import Floats

RECALIBRATED = " recalibrated"
"""What is added to a model_id where its predictions were moved onto the second cohort's reference."""

DISCOVERY_MEAN = "predicting_the_discovery_mean"


def evaluate_replication(
    participant_predictions: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    target: str,
    discovery_mean: float | None = None,
    noise: pd.DataFrame | None = None,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Compare a frozen model with the reference of a second cohort.

    Parameters
    ----------
    participant_predictions
        Table ``participant_predictions`` of the second cohort.
    participants
        Table ``participants``; whole families are drawn where it has ``family_id``.
    discovery_mean
        Mean of the labels that the model was trained on, in the target's unit: the error of predicting it for everybody is what a model
        must beat that is of any use here.
    noise
        Table ``reading_noise``, for the label-noise floor.

    Returns
    -------
    Table ``replication_metrics``: all that :func:`facies.evaluation.evaluate_predictions` gives, uncorrected, and

    - ``calibration_intercept`` of each model: observed = calibration_intercept + slope_observed_on_predicted * predicted;
    - the system ``<model_id> recalibrated``: predictions moved by the straight line that was fitted on everybody but the person (and the
      person's family), so that the figure is not flattered; where 10 people or more have a reference;
    - the system ``predicting_the_discovery_mean``.

    No rows where nobody has a reference.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> names = [f"v{i:02d}" for i in range(50)]
    >>> people = pd.DataFrame({"participant_id": names, "age": rng.uniform(50, 80, 50)})
    >>> predictions = pd.DataFrame({"participant_id": names, "model_id": "m", "target": "age", "fold": -1, "n_photographs": 1,
    ...     "predicted": people.age + 4, "ci_low": np.nan, "ci_high": np.nan, "observed": people.age, "label_weight": 1.0})
    >>> metrics = evaluate_replication(predictions, people, target="age", discovery_mean=60.0, n_bootstrap=50)
    >>> metrics[metrics.metric == "mae"].set_index("system").value.round(2)[["m", "m recalibrated"]].tolist()
    [4.0, 0.0]
    """
    PARTICIPANT_PREDICTIONS.validate(participant_predictions)
    with_reference = (participant_predictions.target == target) & participant_predictions.observed.notna()
    if not with_reference.any():
        return REPLICATION_METRICS.empty()
    settings: dict[str, Any] = {"n_bootstrap": n_bootstrap, "level": level, "random_state": random_state}
    models = evaluated_models(participant_predictions, participants, target=target)
    predictions = pd.concat([participant_predictions, *(_recalibrated(model) for model in models)], ignore_index=True)
    errors = evaluate_predictions(predictions, participants, target=target, subgroups=(), noise=noise, **settings)
    further = [_intercept_row(model, target, settings) for model in models]
    if discovery_mean is not None:
        further.append(_mean_row(models, target, discovery_mean, settings))
    return REPLICATION_METRICS.validate(pd.concat([_without_foreign(errors), pd.DataFrame(further)], ignore_index=True))


def _recalibrated(model: Evaluated) -> pd.DataFrame:
    """Return a model's predictions moved by the line of everybody else; no rows where too few people have a reference."""
    columns = [column.name for column in PARTICIPANT_PREDICTIONS.columns]
    if len(model.rows) < SMALLEST_SUBGROUP:
        return model.rows[columns].head(0)
    observed, predicted = _pairs(model)
    moved = leave_one_out_line(observed, predicted, clusters=model.clusters)
    rows = model.rows[columns].assign(model_id=f"{model.model_id}{RECALIBRATED}", predicted=moved, ci_low=np.nan, ci_high=np.nan)
    return rows[np.isfinite(moved)]


def leave_one_out_line(observed: Floats, predicted: Floats, *, clusters: Any) -> Floats:
    """Return what the straight line of observed on predicted, fitted on all other clusters, gives for each person, (n,).

    NaN where the others' predictions do not vary.

    Examples
    --------
    >>> leave_one_out_line(np.array([1.0, 2.0, 3.0, 9.0]), np.array([0.0, 1.0, 2.0, 3.0]), clusters=list("abcd")).round(6)[3]
    np.float64(4.0)
    """
    origin = float(observed.mean())
    components = agreement_components(observed, predicted, origin=origin)
    codes, _ = cluster_codes(clusters)
    others = components.sum(axis=0) - sum_by_cluster(components, clusters)
    intercept, slope = _line(others)
    return np.asarray(origin + intercept[codes] + slope[codes] * (predicted - origin))


def _line(sums: Floats) -> tuple[Floats, Floats]:
    """Return intercept and slope of observed on predicted from sums of agreement's components, (..., 7), both about the origin."""
    n, _, x, y, _, xy, yy = np.moveaxis(sums, -1, 0)
    share = np.where(n > 0, n, 1.0)
    slope = ratio(xy - x * y / share, yy - y * y / share)
    return np.asarray((x - slope * y) / share), slope


def _pairs(model: Evaluated) -> tuple[Floats, Floats]:
    return model.rows.observed.to_numpy(dtype=np.float64), model.rows.predicted.to_numpy(dtype=np.float64)


def _intercept_row(model: Evaluated, target: str, settings: dict[str, Any]) -> dict[str, Any]:
    observed, predicted = _pairs(model)
    origin = float(observed.mean())

    def intercept(sums: Floats) -> Floats:
        at_origin, slope = _line(sums)
        return np.asarray(origin + at_origin - slope * origin)[..., None]

    components = agreement_components(observed, predicted, origin=origin)
    interval = bootstrap(components, intercept, clusters=model.clusters, **settings)
    return _row(model.model_id, target, "calibration_intercept", interval, len(observed))


def _mean_row(models: list[Evaluated], target: str, discovery_mean: float, settings: dict[str, Any]) -> dict[str, Any]:
    rows = pd.concat([model.rows.assign(cluster=model.clusters) for model in models]).drop_duplicates("participant_id")
    rows = rows.sort_values("participant_id", ignore_index=True)
    away = np.abs(rows.observed.to_numpy(dtype=np.float64) - discovery_mean)
    components = np.column_stack([np.ones_like(away), away])
    interval = bootstrap(components, lambda sums: sums[..., 1:] / sums[..., :1], clusters=rows.cluster.to_numpy(dtype=str), **settings)
    return _row(DISCOVERY_MEAN, target, "mae", interval, len(away))


def _row(system: str, target: str, metric: str, interval: Any, n: int) -> dict[str, Any]:
    value, low, high = (float(end[0]) for end in interval)
    if n < SMALLEST_SUBGROUP:
        low, high = np.nan, np.nan
    return {
        "system": system,
        "target": target,
        "subgroup": "all",
        "metric": metric,
        "value": value,
        "ci_low": low,
        "ci_high": high,
        "n": n,
    }


def _without_foreign(errors: pd.DataFrame) -> pd.DataFrame:
    """Leave out what recalibrated predictions would repeat: their floors and means are those of the model itself."""
    own = ("mae", "rmse", "r", "slope", "slope_observed_on_predicted", "bias")
    return errors[~errors.system.str.endswith(RECALIBRATED) | errors.metric.isin(own)]
