"""Proxy inference: what the people without human readings add, and what they do not."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.blocks import Grid, Section, Text
from facies.report.data import ReportData
from facies.report.effects import each, effect_text, in_order, scale_text, source_label, with_sources
from facies.report.footnotes import legend, lettered, mark
from facies.report.numbers import DASH, count, fixed, p_value

ESTIMATORS = {
    "labelled_only": "Only people with readings",
    "ppi": "Prediction-powered (PPI++)",
    "naive": "Naive: computed taken for human. Not valid",
}
"""Levels of ``estimator`` and what is printed, valid ones first."""

MEANING = (
    "Part of the cohort has human readings; all have a computed perceived age. Prediction-powered inference estimates in the people who "
    "were read and uses the others to take away noise: its interval holds the human effect whatever the model is worth. The naive way "
    "takes the computed perceived age for the human one in everybody: its interval is too narrow and lies in the wrong place, and it is "
    "shown only to show that."
)


def proxy_section(data: ReportData) -> Section | None:
    """Return the estimators side by side, or None when there are none."""
    frame = data.table("proxy_estimates")
    if frame is None:
        return None
    rows = with_sources(data, frame)
    letters = lettered(rows.note)
    order = list(ESTIMATORS)
    rows = rows.assign(estimator_place=rows.estimator.map(order.index), variable=rows.outcome.where(rows.kind == "risk", rows.exposure))
    rows = pd.concat(
        [in_order(part, "variable").sort_values(["place", "place_of_set", "computed", "estimator_place"], kind="stable")
         for part in (rows[rows.kind == "risk"], rows[rows.kind != "risk"])]
    )  # fmt: skip
    cells = tuple(_row(data, row, letters) for row in each(rows))
    columns = (
        "Association", "Computed by", "Adjustment", "Estimator", "n with readings", "n without", "Estimate (95% interval)", "p", "Weight",
        "Effective n",
    )  # fmt: skip
    note = (
        "Weight: how far the computed part is used, 0 to 1. Effective n: people with readings that would give the same standard error "
        "without "
        "any computed perceived age. No p-value is printed for the naive estimate." + legend(letters)
    )
    grid = Grid("table-proxies", "Three estimators of the same effect", columns, cells, note=note, text_columns=frozenset({1, 2, 3}))
    return Section("proxies", "People without human readings", (Text(MEANING), grid))


def _row(data: ReportData, row: Any, letters: dict[str, str]) -> tuple[str, ...]:
    known = pd.notna(row.estimate)
    return (
        f"{data.title(row.variable)}, {scale_text(data, row)}",
        source_label(data, row.computed),
        data.label(row.adjustment),
        ESTIMATORS[row.estimator],
        count(row.n_labelled),
        count(row.n_unlabelled) if row.estimator != "labelled_only" else DASH,
        effect_text(row) + (mark(letters, row.note) if known else ""),
        p_value(row.p_value) if known and row.estimator != "naive" else DASH,
        fixed(row.tuning) if row.estimator == "ppi" else DASH,
        count(row.n_effective) if row.estimator == "ppi" else DASH,
    )
