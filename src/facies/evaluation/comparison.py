"""Limits of agreement, errors along age, and differences between models."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.evaluation.metrics import SMALLEST_SUBGROUP, Evaluated, evaluated_models
from facies.stats.agreement import (
    agreement_components,
    agreement_from_sums,
    limits_of_agreement,
    proportional_bias,
)
from facies.stats.binning import band_labels
from facies.stats.resampling import bootstrap
from facies.tables import METRICS, PARTICIPANT_PREDICTIONS
from facies.types import Floats


def bland_altman(participant_predictions: pd.DataFrame, *, target: str, level: float = 0.95, method: str = "exact") -> pd.DataFrame:
    """Return the limits between which 95 % of the differences *predicted minus observed* lie, one person one difference.

    Parameters
    ----------
    participant_predictions
        Table ``participant_predictions``.
    level
        Of the intervals around the mean difference and each limit.
    method
        ``"exact"`` (Carkeet 2015) or ``"mover"`` (Zou 2013) intervals of the limits.

    Returns
    -------
    Table ``metrics`` with ``mean_difference``, ``limit_low``, ``limit_high`` and ``proportional_bias`` (slope of the difference on
    the mean of both) by model, for people with a reference. Models with fewer than 3 people get no rows.

    Examples
    --------
    >>> predictions = pd.DataFrame({"participant_id": ["a", "b", "c"], "model_id": "m", "target": "perceived_age", "fold": 0,
    ...     "n_photographs": 1, "predicted": [52.0, 60.0, 66.0], "ci_low": np.nan, "ci_high": np.nan,
    ...     "observed": [50.0, 60.0, 70.0], "label_weight": 1.0})
    >>> bland_altman(predictions, target="perceived_age")[["metric", "value"]].round(2)
                  metric  value
    0    mean_difference  -0.67
    1          limit_low  -6.65
    2         limit_high   5.32
    3  proportional_bias  -0.35
    """
    PARTICIPANT_PREDICTIONS.validate(participant_predictions)
    rows = participant_predictions[(participant_predictions.target == target) & participant_predictions.observed.notna()]
    tables = [_limit_rows(str(model_id), part, target, level, method) for model_id, part in rows.groupby("model_id", sort=False)]
    return METRICS.validate(pd.concat([METRICS.empty(), *tables], ignore_index=True) if tables else METRICS.empty())


def _limit_rows(model_id: str, rows: pd.DataFrame, target: str, level: float, method: str) -> pd.DataFrame:
    observed, predicted = rows.observed.to_numpy(dtype=np.float64), rows.predicted.to_numpy(dtype=np.float64)
    if len(rows) < 3 or np.ptp(predicted - observed) == 0:
        return METRICS.empty()
    limits = limits_of_agreement(predicted - observed, level=level, method=method)
    named = {
        "mean_difference": limits.bias,
        "limit_low": limits.low,
        "limit_high": limits.high,
        "proportional_bias": proportional_bias(observed, predicted, level=level),
    }
    return pd.DataFrame([_row(model_id, target, "all", metric, ends, limits.n) for metric, ends in named.items()])


def error_by_age(
    participant_predictions: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    target: str,
    width: int = 5,
    along: str = "age",
    n_bootstrap: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return MAE and bias by narrow bands of age, for a figure.

    Parameters
    ----------
    along
        ``"age"``, or ``"observed"`` for the reference itself (bands of perceived age, where regression to the mean shows).

    Returns
    -------
    Table ``metrics`` with ``mae`` and ``bias`` by model; subgroup is ``age=50-54``. Bands of fewer than 10 people get no interval; where no
    age is known there are no rows.

    Examples
    --------
    >>> predictions = pd.DataFrame({"participant_id": ["a", "b"], "model_id": "m", "target": "perceived_age", "fold": 0,
    ...     "n_photographs": 1, "predicted": [52.0, 60.0], "ci_low": np.nan, "ci_high": np.nan,
    ...     "observed": [50.0, 63.0], "label_weight": 1.0})
    >>> people = pd.DataFrame({"participant_id": ["a", "b"], "age": [51.0, 64.0]})
    >>> error_by_age(predictions, people, target="perceived_age", n_bootstrap=10)[["subgroup", "metric", "value"]]
        subgroup metric  value
    0  age=50-54    mae    2.0
    1  age=50-54   bias    2.0
    2  age=60-64    mae    3.0
    3  age=60-64   bias   -3.0
    """
    if along not in {"age", "observed"}:
        raise InputError(f"along is '{along}': choose age or observed")
    rows = []
    for model in evaluated_models(participant_predictions, participants, target=target):
        values = model.rows[along].to_numpy(dtype=np.float64)
        labels = band_labels(values, width=width)
        order = sorted(set(labels) - {""}, key=lambda label: values[labels == label].min())
        for label in order:
            here = Evaluated(model.model_id, model.rows[labels == label], model.clusters[labels == label])
            rows += _band_rows(here, target, f"{along}={label}", n_bootstrap, level, random_state)
    return METRICS.validate(pd.DataFrame(rows, columns=[column.name for column in METRICS.columns]) if rows else METRICS.empty())


def _band_rows(model: Evaluated, target: str, subgroup: str, n_bootstrap: int, level: float, random_state: int) -> list[dict[str, object]]:
    difference = (model.rows.predicted - model.rows.observed).to_numpy(dtype=np.float64)
    components = np.column_stack([np.ones_like(difference), np.abs(difference), difference])
    intervals = bootstrap(
        components, _means, clusters=model.clusters, n_bootstrap=n_bootstrap, level=level, random_state=random_state
    )  # fmt: skip
    n = len(difference)
    ends = [(value, low, high) if n >= SMALLEST_SUBGROUP else (value, np.nan, np.nan) for value, low, high in zip(*intervals, strict=True)]
    return [_row(model.model_id, target, subgroup, metric, three, n) for metric, three in zip(("mae", "bias"), ends, strict=True)]


def _means(sums: Floats) -> Floats:
    return sums[..., 1:] / sums[..., :1]


def compare_models(
    participant_predictions: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    target: str,
    model_id: str,
    against: str,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
    random_state: int = 0,
) -> pd.DataFrame:
    """Return by how much one model's errors differ from another's in the same people, by paired bootstrap.

    A negative ``mae_difference`` says that ``model_id`` errs less than ``against``. Only people whom both predicted count.

    Returns
    -------
    Table ``metrics``: system ``<model_id> minus <against>`` with ``mae_difference``, ``rmse_difference``, ``r_difference``,
    ``slope_difference`` and ``bias_difference``.

    Raises
    ------
    InputError
        When a model is unknown, both are the same, or they have nobody in common.

    Examples
    --------
    >>> predictions = pd.DataFrame({"participant_id": ["a", "b", "a", "b"], "model_id": ["m", "m", "k", "k"], "target": "perceived_age",
    ...     "fold": 0, "n_photographs": 1, "predicted": [52.0, 60.0, 53.0, 60.0], "ci_low": np.nan, "ci_high": np.nan,
    ...     "observed": [50.0, 63.0, 50.0, 63.0], "label_weight": 1.0})
    >>> people = pd.DataFrame({"participant_id": ["a", "b"], "age": [51.0, 64.0]})
    >>> compared = compare_models(predictions, people, target="perceived_age", model_id="m", against="k", n_bootstrap=50)
    >>> compared[["system", "metric", "value"]].head(1)
            system          metric  value
    0  m minus k  mae_difference   -0.5
    """
    models = {model.model_id: model for model in evaluated_models(participant_predictions, participants, target=target)}
    first, second = _pair(models, model_id, against)
    components = np.hstack([_paired_components(first), _paired_components(second)])
    intervals = bootstrap(
        components, _difference, clusters=first.clusters, n_bootstrap=n_bootstrap, level=level, method=method, random_state=random_state
    )  # fmt: skip
    names = ("mae_difference", "rmse_difference", "r_difference", "slope_difference", "bias_difference")
    system = f"{model_id} minus {against}"
    rows = [
        _row(system, target, "all", name, ends, len(components)) for name, ends in zip(names, zip(*intervals, strict=True), strict=True)
    ]
    return METRICS.validate(pd.DataFrame(rows))


def _pair(models: dict[str, Evaluated], model_id: str, against: str) -> tuple[Evaluated, Evaluated]:
    for name in (model_id, against):
        if name not in models:
            raise InputError(f"model '{name}' has no predictions: choose from {', '.join(models)}")
    if model_id == against:
        raise InputError(f"model '{model_id}' cannot be compared with itself: name another")
    both = set(models[model_id].rows.participant_id) & set(models[against].rows.participant_id)
    if not both:
        raise InputError(f"models '{model_id}' and '{against}' predicted nobody in common")
    return _restricted(models[model_id], both), _restricted(models[against], both)


def _restricted(model: Evaluated, people: set[str]) -> Evaluated:
    kept = model.rows.participant_id.isin(people).to_numpy()
    return Evaluated(model.model_id, model.rows[kept].reset_index(drop=True), model.clusters[kept])


def _paired_components(model: Evaluated) -> Floats:
    return agreement_components(model.rows.observed.to_numpy(dtype=np.float64), model.rows.predicted.to_numpy(dtype=np.float64))


def _difference(sums: Floats) -> Floats:
    kept = [0, 1, 2, 3, 5]
    return agreement_from_sums(sums[..., :7])[..., kept] - agreement_from_sums(sums[..., 7:])[..., kept]


def _row(system: str, target: str, subgroup: str, metric: str, ends: tuple[float, float, float], n: int) -> dict[str, object]:
    value, low, high = (float(end) for end in ends)
    return {
        "system": system, "target": target, "subgroup": subgroup, "metric": metric, "value": value, "ci_low": low, "ci_high": high, "n": n,
    }  # fmt: skip
