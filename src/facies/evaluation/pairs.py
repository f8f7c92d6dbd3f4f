"""All models against each other in the same people, with intervals for one pair and for all pairs together."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.evaluation.metrics import Evaluated, evaluated_models
from facies.stats.agreement import agreement_components, agreement_from_sums, ratio
from facies.stats.resampling import bootstrap_sums, percentile_interval, sum_by_cluster
from facies.tables import LEARNING_PAIRS
from facies.types import Floats

PAIRED = {"mae": 0, "rmse": 1, "r": 2, "slope": 3, "bias": 5}
"""Metrics that are compared, and their place in :data:`facies.stats.agreement.AGREEMENT`."""
_WIDTH = 7


def compare_pairs(
    participant_predictions: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    target: str,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Compare every model with every other one by one paired bootstrap.

    All pairs share people and draws: those whom every model predicted; participants are drawn, or whole families where ``participants``
    has ``family_id``. The interval of a pair is the percentile one of :func:`facies.evaluation.compare_models`. The simultaneous interval
    and the adjusted p-value of a metric hold for all its pairs together, by the distribution of the largest studentised difference
    (single-step max-T; Westfall & Young, Resampling-Based Multiple Testing, 1993, ch. 2; Romano & Wolf, Econometrica 2005;73:1237-1282):
    pairs that depend on each other cost less than Bonferroni's correction takes.

    Parameters
    ----------
    participant_predictions
        Table ``participant_predictions`` of two models or more.
    participants
        Table ``participants``.
    target
        What was predicted.
    level
        Of the intervals.

    Returns
    -------
    Table ``learning_pairs``: *model_id minus against*, each pair once, in the order of the models; no rows for one model.

    Raises
    ------
    InputError
        When nobody was predicted by all models.

    Examples
    --------
    >>> predictions = pd.DataFrame({"participant_id": ["a", "b", "a", "b"], "model_id": ["m", "m", "k", "k"], "target": "perceived_age",
    ...     "fold": 0, "n_photographs": 1, "predicted": [52.0, 60.0, 53.0, 60.0], "ci_low": np.nan, "ci_high": np.nan,
    ...     "observed": [50.0, 63.0, 50.0, 63.0], "label_weight": 1.0})
    >>> people = pd.DataFrame({"participant_id": ["a", "b"], "age": [51.0, 64.0]})
    >>> pairs = compare_pairs(predictions, people, target="perceived_age", n_bootstrap=50)
    >>> pairs[["model_id", "against", "metric", "difference"]].head(1)
      model_id against metric  difference
    0        m       k    mae        -0.5
    """
    models = _in_common(evaluated_models(participant_predictions, participants, target=target))
    if len(models) < 2:
        return LEARNING_PAIRS.empty()
    components = np.hstack([_components(model) for model in models])
    sums = sum_by_cluster(components, models[0].clusters)
    values = _statistics(sums.sum(axis=0), len(models))
    draws = _statistics(bootstrap_sums(sums, n_bootstrap=n_bootstrap, random_state=random_state), len(models))
    first, second = np.array(list(combinations(range(len(models)), 2))).T
    names = [model.model_id for model in models]
    tables = [
        _metric_rows(metric, values[first, k] - values[second, k], draws[:, first, k] - draws[:, second, k], level)
        for k, metric in enumerate(PAIRED)
    ]
    pairs = {"model_id": [names[i] for i in first], "against": [names[j] for j in second]}
    table = pd.concat([pd.DataFrame(pairs).join(rows) for rows in tables], ignore_index=True).assign(n=len(components))
    return LEARNING_PAIRS.validate(table[[column.name for column in LEARNING_PAIRS.columns]])


def _in_common(models: list[Evaluated]) -> list[Evaluated]:
    """Keep of each model the people whom all of them predicted; rows are sorted by participant_id already."""
    both = set.intersection(*(set(model.rows.participant_id) for model in models))
    if not both:
        raise InputError(f"nobody was predicted by all of {', '.join(model.model_id for model in models)}: compare fewer models")
    kept = [model.rows.participant_id.isin(both).to_numpy() for model in models]
    return [
        Evaluated(model.model_id, model.rows[mask].reset_index(drop=True), model.clusters[mask])
        for model, mask in zip(models, kept, strict=True)
    ]


def _components(model: Evaluated) -> Floats:
    return agreement_components(model.rows.observed.to_numpy(dtype=np.float64), model.rows.predicted.to_numpy(dtype=np.float64))


def _statistics(sums: Floats, n_models: int) -> Floats:
    """Return the metrics of each model, (..., n_models, n_metrics)."""
    by_model = sums.reshape(*sums.shape[:-1], n_models, _WIDTH)
    return agreement_from_sums(by_model)[..., list(PAIRED.values())]


def _metric_rows(metric: str, value: Floats, draws: Floats, level: float) -> pd.DataFrame:
    """Return the rows of one metric, a pair each; ``draws`` is (n_bootstrap, n_pairs)."""
    low, high = percentile_interval(draws, level=level)
    error = np.nanstd(draws, axis=0, ddof=1)
    largest = _largest(draws - value, error)
    reach = float(np.quantile(largest, level)) if len(largest) else np.nan
    return pd.DataFrame({
        "metric": metric, "difference": value, "std_error": error, "ci_low": low, "ci_high": high,
        "simultaneous_low": value - reach * error, "simultaneous_high": value + reach * error,
        "p_adjusted": _adjusted(np.abs(ratio(value, error)), largest),
    })  # fmt: skip


def _largest(deviations: Floats, error: Floats) -> Floats:
    """Return the largest studentised deviation of each draw; draws in which a statistic is undefined are left out."""
    studentised = np.abs(ratio(deviations, np.broadcast_to(error, deviations.shape)))
    known = studentised[:, np.isfinite(studentised).any(axis=0)]
    complete = known[np.isfinite(known).all(axis=1)]
    return np.asarray(complete.max(axis=1)) if complete.size else np.empty(0)


def _adjusted(statistics: Floats, largest: NDArray[np.float64]) -> Floats:
    reached = (largest[:, None] >= statistics).sum(axis=0)
    return np.where(np.isfinite(statistics), (1 + reached) / (1 + len(largest)), np.nan)
