"""Looking numbers up in tables of the METRICS schema."""

from __future__ import annotations

import pandas as pd

from facies.records import Estimate
from facies.report.data import ReportData
from facies.report.numbers import with_interval

PANEL = "panel"
RESERVED_SYSTEMS = frozenset({PANEL, "predicting_the_mean", "label_noise_floor", "one_reader"})
"""Systems of METRICS that are no model. So are ``reader <reader_id>`` and ``<model_id> minus <model_id>``."""

METRIC_LABELS = {
    "mae": "MAE, years",
    "rmse": "RMSE, years",
    "r": "r",
    "slope": "Slope",
    "slope_observed_on_predicted": "Slope, reference on predicted",
    "bias": "Bias, years",
    "interval_coverage": "Coverage of interval",
}
"""Metrics of a model that are printed, in this order, and their column heads."""

_MEAN = (("predicting_the_mean", "mae"), (None, "mae_predicting_the_mean"))
_FLOOR = (("label_noise_floor", "mae"), (PANEL, "label_noise_floor"), (None, "label_noise_floor"))
_READER = (("one_reader", "mae"), (PANEL, "leave_one_reader_out_mae"), ("one_reader", "leave_one_reader_out_mae"))


def is_model(system: str) -> bool:
    """Return whether a system of METRICS is a model.

    Examples
    --------
    >>> is_model("hog+ridge"), is_model("one_reader"), is_model("a minus b")
    (True, False, False)
    """
    return system not in RESERVED_SYSTEMS and not is_single_reader(system) and " minus " not in system


def is_single_reader(system: str) -> bool:
    """Return whether a system of METRICS is one named reader, who is never shown."""
    return system.startswith("reader ")


def estimate_in(frame: pd.DataFrame | None, system: str | None, metric: str, *, target: str, subgroup: str = "all") -> Estimate | None:
    """Return one metric of a table of the METRICS schema, or ``None`` when it is not there or its value is missing."""
    if frame is None or system is None:
        return None
    rows = frame[(frame.system == system) & (frame.target == target) & (frame.subgroup == subgroup) & (frame.metric == metric)]
    rows = rows[rows.value.notna()]
    if rows.empty:
        return None
    row = rows.iloc[0]
    return Estimate(float(row.value), float(row.ci_low), float(row.ci_high), int(row.n))


def find_metric(data: ReportData, system: str | None, metric: str) -> Estimate | None:
    """Return one metric over all participants, or ``None``."""
    return estimate_in(data.table("metrics"), system, metric, target=data.target)


def mean_error(data: ReportData) -> Estimate | None:
    """Return the error of predicting the mean."""
    return _first(data, _MEAN)


def noise_floor(data: ReportData) -> Estimate | None:
    """Return the label-noise floor: the MAE that a perfect model would have."""
    return _first(data, _FLOOR)


def human_error(data: ReportData) -> Estimate | None:
    """Return the error of one reader against the mean of the others."""
    return _first(data, _READER)


def _first(data: ReportData, places: tuple[tuple[str | None, str], ...]) -> Estimate | None:
    found = (find_metric(data, system or data.drawn_model(), metric) for system, metric in places)
    return next((estimate for estimate in found if estimate is not None), None)


def subgroups(frame: pd.DataFrame | None, system: str, *, target: str) -> pd.DataFrame:
    """Return a model's metrics by subgroup: ``column`` and ``level`` beside the columns of METRICS."""
    columns = ["column", "level", "metric", "value", "ci_low", "ci_high", "n"]
    if frame is None:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
    rows = frame[(frame.system == system) & (frame.target == target) & frame.subgroup.str.contains("=", regex=False)]
    column, _, level = (rows.subgroup.str.partition("=")[i] for i in range(3)) if len(rows) else [rows.subgroup] * 3
    return rows.assign(column=column, level=level)[columns]


def printed(estimate: Estimate | None, digits: int = 2) -> str:
    """Return an estimate with its interval, or a dash."""
    if estimate is None:
        return with_interval(None, None, None)
    return with_interval(estimate.value, estimate.ci_low, estimate.ci_high, digits)
