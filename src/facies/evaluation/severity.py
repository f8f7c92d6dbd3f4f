"""How well the grade of a disease is told in people who have it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.stats.resampling import percentile_interval, resampled_rows
from facies.tables import CONDITION_METRICS, PARTICIPANT_PREDICTIONS
from facies.types import Floats

PREFIX = "severity:"
"""Targets of grades are ``severity:<condition>``."""


def evaluate_severity(predictions: pd.DataFrame, *, n_bootstrap: int = 2000, random_state: int = 0) -> pd.DataFrame:
    """Compare predicted grades with those of the reference, among people with the condition.

    Spearman's rank correlation, the mean absolute error in grades, and beside it the error of giving everybody the median grade.
    Intervals: percentile bootstrap by person.

    Parameters
    ----------
    predictions
        Table :data:`facies.tables.PARTICIPANT_PREDICTIONS`; rows of other targets or without an observed grade are left out.

    Returns
    -------
    Table :data:`facies.tables.CONDITION_METRICS` with ``against`` ``cases``: ``severity_rank_correlation``, ``severity_mae``,
    ``severity_mae_of_median``. The correlation is missing where all grades are alike.

    Examples
    --------
    >>> people = pd.DataFrame({"participant_id": list("abcd"), "model_id": "m", "target": "severity:x", "fold": 0, "n_photographs": 1,
    ...     "predicted": [0.2, 1.0, 1.9, 3.1], "ci_low": 0.0, "ci_high": 3.0, "observed": [0.0, 1.0, 2.0, 3.0], "label_weight": np.nan})
    >>> evaluate_severity(people, n_bootstrap=50)[["metric", "value", "n"]].round(3)
                           metric  value  n
    0  severity_rank_correlation    1.0  4
    1               severity_mae    0.1  4
    2     severity_mae_of_median    1.0  4
    """
    PARTICIPANT_PREDICTIONS.validate(predictions)
    known = predictions[predictions.target.str.startswith(PREFIX) & predictions.observed.notna()]
    rows: list[dict[str, Any]] = []
    for (model, target), part in known.groupby(["model_id", "target"], sort=False):
        values = part[["predicted", "observed"]].to_numpy(dtype=np.float64)
        found = _statistics(values)
        drawn = resampled_rows(part.participant_id.to_numpy(), n_bootstrap=n_bootstrap, random_state=random_state)
        low, high = percentile_interval(np.array([_statistics(values[chosen]) for chosen in drawn]))
        rows += [
            {
                "system": model, "target_condition": str(target).removeprefix(PREFIX), "against": "cases", "subgroup": "all",
                "rule": "none", "metric": metric, "value": found[i], "ci_low": low[i], "ci_high": high[i],
                "n": len(part), "n_cases": len(part),
                "method": "participant bootstrap",
            }
            for i, metric in enumerate(("severity_rank_correlation", "severity_mae", "severity_mae_of_median"))
        ]  # fmt: skip
    columns = [column.name for column in CONDITION_METRICS.columns]
    return CONDITION_METRICS.validate(pd.DataFrame(rows, columns=columns) if rows else CONDITION_METRICS.empty())


def _statistics(values: Floats) -> Floats:
    """Return correlation of ranks and both errors; values are (n, 2), predicted and observed."""
    from scipy.stats import rankdata

    predicted, observed = values.T
    ranks = [rankdata(column) for column in (predicted, observed)]
    spread = [rank.std() for rank in ranks]
    alike = min(spread) == 0
    correlation = np.nan if alike else float(np.mean((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())) / (spread[0] * spread[1]))
    return np.array([correlation, np.abs(predicted - observed).mean(), np.abs(np.median(observed) - observed).mean()])
