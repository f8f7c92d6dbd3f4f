"""Looking numbers up in the METRICS table."""

from __future__ import annotations

import pandas as pd

from facies.records import Estimate
from facies.report.data import ReportData
from facies.report.numbers import with_interval

PREDICTING_THE_MEAN = "predicting_the_mean"
PANEL = "panel"
RESERVED_SYSTEMS = frozenset({PREDICTING_THE_MEAN, PANEL})
"""Systems of METRICS that are no model."""

METRIC_LABELS = {
    "mae": "MAE, years",
    "rmse": "RMSE, years",
    "r": "r",
    "slope": "Slope",
    "bias": "Bias, years",
    "r2": "R²",
    "coverage": "Coverage of the prediction interval",
}
"""Metrics of a model that are printed, in this order, and their column heads."""


def find_metric(data: ReportData, system: str | None, metric: str, *, subgroup: str = "all") -> Estimate | None:
    """Return one metric, or ``None`` when the table lacks it or its value is missing."""
    frame = data.table("metrics")
    if frame is None or system is None:
        return None
    rows = frame[(frame.system == system) & (frame.target == data.target) & (frame.subgroup == subgroup) & (frame.metric == metric)]
    rows = rows[rows.value.notna()]
    if rows.empty:
        return None
    row = rows.iloc[0]
    return Estimate(float(row.value), float(row.ci_low), float(row.ci_high), int(row.n))


def mean_error(data: ReportData) -> Estimate | None:
    """Return the error of predicting the mean."""
    return find_metric(data, PREDICTING_THE_MEAN, "mae") or find_metric(data, data.drawn_model(), "mae_of_mean")


def noise_floor(data: ReportData) -> Estimate | None:
    """Return the label-noise floor: the MAE that a perfect model would have."""
    return find_metric(data, PANEL, "label_noise_floor") or find_metric(data, data.drawn_model(), "label_noise_floor")


def human_error(data: ReportData) -> Estimate | None:
    """Return the error of one reader against the mean of the others."""
    return find_metric(data, PANEL, "mae")


def subgroups(data: ReportData, system: str) -> pd.DataFrame:
    """Return a model's metrics by subgroup: columns ``column``, ``level`` and one a metric row as in METRICS."""
    frame = data.table("metrics")
    if frame is None:
        return pd.DataFrame(columns=["column", "level", "metric", "value", "ci_low", "ci_high", "n"])
    rows = frame[(frame.system == system) & (frame.target == data.target) & frame.subgroup.str.contains("=", regex=False)]
    parts = rows.subgroup.str.partition("=")
    return rows.assign(column=parts[0], level=parts[2])[["column", "level", "metric", "value", "ci_low", "ci_high", "n"]]


def printed(estimate: Estimate | None, digits: int = 2) -> str:
    """Return an estimate with its interval, or a dash."""
    if estimate is None:
        return with_interval(None, None, None)
    return with_interval(estimate.value, estimate.ci_low, estimate.ci_high, digits)
