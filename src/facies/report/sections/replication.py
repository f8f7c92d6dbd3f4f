"""Replication in a second study: do its people resemble the first, is the model still calibrated, and do the associations hold?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Panels, Section, Text
from facies.report.data import ReportData
from facies.report.effects import (
    RATIOS,
    back,
    coefficient_text,
    drawn_adjustment,
    each,
    first_capital,
    in_order,
    scale_text,
    source_label,
    with_sources,
    wrapped_label,
)
from facies.report.footnotes import legend, lettered, mark
from facies.report.metric_values import METRIC_LABELS, is_single_reader
from facies.report.numbers import DASH, count, effect, fixed, p_value, plural, with_interval

MEANING = (
    "The models of the discovery were frozen and applied to a second study, whose people they had not seen; the same associations were "
    "estimated there with the settings of the discovery. Each source of perceived age is held against itself: human and computed "
    "estimates of "
    "the same people are never pooled with each other."
)
READING = (
    "The replication p-value is one-sided, in the direction of the discovery. Power is the chance of reaching p < 0.05 there if the "
    "discovery's estimate is right, after correcting it for the winner's curse (an estimate that was picked because it was significant "
    "is on "
    "average too strong): without power, a missing replication says little. Pooled: fixed effect, inverse variance; Q tests whether both "
    "studies "
    "estimate the same."
)
VERDICTS = {
    "replicated": "replicated",
    "same direction": "same direction, not significant",
    "opposite direction": "opposite direction",
    "not discovered": "not significant in the discovery",
    "no estimate": "no estimate",
}
"""Levels of ``verdict`` and what is printed."""

SYSTEMS = {
    "predicting_the_mean": "Predicting the mean",
    "predicting_the_discovery_mean": "Predicting the discovery's mean",
    "label_noise_floor": "Label-noise floor",
    "one_reader": "One reader",
}
"""Systems of REPLICATION_METRICS that are no model."""


def replication_section(data: ReportData, *, figures: bool) -> Section | None:
    """Return estimates in both studies, the shift between them and calibration, or None when nothing was replicated."""
    tables = {name: data.table(name) for name in ("replications", "shifts", "replication_metrics")}
    if all(frame is None for frame in tables.values()):
        return None
    blocks = (
        Text(MEANING),
        Heading("Do the associations hold?"), *_estimates(data, figures=figures),
        Heading("How the second study differs"), _shifts(data),
        Heading("Calibration in the second study"), *_metrics(data),
    )  # fmt: skip
    return Section("replication", "Replication", blocks)


def replication_sentences(data: ReportData) -> list[str]:
    """Return one sentence a source: how many discovered associations were replicated."""
    rows = replicated_rows(data)
    rows = rows[rows.adjustment == _adjustment(data, rows)] if len(rows) else rows
    sentences = []
    for source, part in rows.groupby("source", sort=False, dropna=False):
        name = source_label(data, source) if isinstance(source, str) else "Other exposures"
        if part.coef_validation.isna().all():
            sentences.append(f"{name} in the second study: no estimate.")
            continue
        discovered = part[~part.verdict.isin(["not discovered", "no estimate"])]
        done = int((discovered.verdict == "replicated").sum())
        sentences.append(
            f"{name} in the second study: {count(done)} of {plural(len(discovered), 'association')} that the discovery found replicated; "
            "by the "
            f"power at hand, {fixed(discovered.power.sum(), 1)} were to be expected."
        )
    return sentences


def replicated_rows(data: ReportData) -> pd.DataFrame:
    """Return REPLICATIONS with the columns of :func:`facies.report.effects.effects`; outcomes, then traits, sources by rank."""
    frame = data.table("replications")
    if frame is None:
        return pd.DataFrame(columns=["kind", "source", "rank", "exposure", "outcome", "adjustment", "verdict", "power"])
    rows = with_sources(data, frame)
    rows = rows.assign(variable=rows.outcome.where(rows.kind != "determinant", rows.exposure))
    return pd.concat([in_order(rows[rows.kind == kind], "variable") for kind in dict.fromkeys(rows.kind)])


def _adjustment(data: ReportData, rows: pd.DataFrame) -> str:
    name = drawn_adjustment(data)
    return str(name) if (rows.adjustment == name).any() else str(rows.adjustment.iloc[0])


def _estimates(data: ReportData, *, figures: bool) -> list[Block]:
    rows = replicated_rows(data)
    if rows.empty:
        return [Missing("Associations in both studies", data.why_missing("replications"))]
    chosen = rows[rows.adjustment == _adjustment(data, rows)]
    groups = [(str(name), part) for name, part in chosen.groupby("variable", sort=False) if part.coef_discovery.notna().any()]
    drawings = tuple(_forest(data, name, part, number, figures=figures) for number, (name, part) in enumerate(groups))
    tables = [_table(data, part, number) for number, (_, part) in enumerate(rows.groupby("source", sort=False, dropna=False))]
    return [Text(READING), *([Panels(drawings)] if drawings else []), *tables]


def _forest(data: ReportData, name: str, part: pd.DataFrame, number: int, *, figures: bool) -> Drawing:
    from facies.report.figures.forest import forest

    first = part.iloc[0]
    ratio = first.scale in RATIOS
    drawn = pd.DataFrame([line for row in each(part) for line in _lines(data, row)])
    axis = first_capital(scale_text(data, first))
    drawing = f"figure-replication-{number + 1}"
    svg = forest(drawn, axis_label=axis, ratio=ratio, name=drawing) if figures else ""
    words = "; ".join(f"{row.head} {row.label} {row.text}".replace("\n", " ") for row in each(drawn))
    caption = (
        f"{data.title(name)}: {axis[:1].lower()}{axis[1:]}, 95% intervals, adjustment set “{data.label(first.adjustment)}”"
        f"{'; logarithmic axis' if ratio else ''}. A diamond is the pooled estimate."
    )
    return Drawing(drawing, caption, f"Forest plot of both studies. {data.title(name)}, {axis}. {words}.", svg)


STUDIES = (("Discovery", "discovery", "o"), ("Validation", "validation", "s"), ("Pooled", "pooled", "D"))


def _lines(data: ReportData, row: Any) -> list[dict[str, Any]]:
    """Return discovery, validation and pooled of one row, as far as there are such."""
    lines = []
    for label, study, marker in STUDIES:
        coef, error = getattr(row, f"coef_{study}"), getattr(row, f"std_error_{study}")
        if pd.isna(coef) or pd.isna(error):
            continue
        value, low, high = (back(coef + z * error, row.scale) for z in (0.0, -1.959964, 1.959964))
        head = wrapped_label(source_label(data, row.source))
        places = {"estimate": value, "ci_low": low, "ci_high": high, "text": effect(value, low, high)}
        lines.append({"head": head, "label": label, "rank": row.rank, "marker": marker, **places})
    return lines


def _table(data: ReportData, part: pd.DataFrame, number: int) -> Block:
    source = part.source.iloc[0]
    name = source_label(data, source) if isinstance(source, str) else "Other exposures"
    if part.coef_validation.isna().all():
        reasons = [str(note) for note in dict.fromkeys(part.note.dropna())]
        return Missing(f"{name} in the second study", "; ".join(reasons[:3]) or "nothing could be estimated there")
    letters = lettered(part.note)
    cells = tuple(
        (
            f"{data.title(row.variable)}, {scale_text(data, row)}",
            data.label(row.adjustment),
            _study(row, "discovery"),
            coefficient_text(row.scale, row.coef_corrected),
            _study(row, "validation"),
            p_value(row.p_replication) if pd.notna(row.coef_validation) else DASH,
            fixed(row.power) if pd.isna(row.power_uncorrected) else f"{fixed(row.power)} ({fixed(row.power_uncorrected)})",
            coefficient_text(row.scale, row.coef_pooled, row.ci_low, row.ci_high),
            DASH if pd.isna(row.q) else f"{fixed(row.q)} ({p_value(row.p_q)})",
            VERDICTS[row.verdict] + mark(letters, row.note),
        )
        for row in each(part)
    )
    columns = (
        "Association", "Adjustment", "Discovery", "Corrected", "Validation", "One-sided p", "Power", "Pooled", "Q (p)", "Verdict",
    )  # fmt: skip
    note = (
        "Estimates with intervals of 1.96 standard errors; n is participants. Corrected: the discovery's estimate after the winner's "
        "curse; beside the power "
        f"at that estimate, in brackets, the power at the uncorrected one.{legend(letters)}"
    )
    grid = f"table-replications-{number + 1}"
    return Grid(grid, f"{name}: discovery and validation", columns, cells, note=note, text_columns=frozenset({1, 9}))


def _study(row: Any, study: str) -> str:
    coef, error, n = getattr(row, f"coef_{study}"), getattr(row, f"std_error_{study}"), getattr(row, f"n_{study}")
    if pd.isna(coef):
        return "none"
    return f"{coefficient_text(row.scale, coef, coef - 1.959964 * error, coef + 1.959964 * error)}\nn={count(n)}"


def _shifts(data: ReportData) -> Block:
    frame = data.table("shifts")
    if frame is None:
        return Missing("Shift between the studies", data.why_missing("shifts"))
    letters = lettered(frame.warning)
    rows = tuple(
        (
            first_capital(str(row.measure).replace("_", " ")) + ("" if row.model_id == "all" else f", {source_label(data, row.model_id)}"),
            count(row.n_discovery),
            with_interval(row.discovery, row.discovery_low, row.discovery_high, _digits(row)),
            count(row.n_validation),
            fixed(row.validation, _digits(row)),
            fixed(row.standardised_difference),
            (DASH if pd.isna(row.outside) else f"{fixed(100 * row.outside, 1)}%") + mark(letters, row.warning),
        )
        for row in each(frame)
    )
    columns = (
        "Measure", "n, discovery", "Discovery (middle 95%)", "n, validation", "Validation", "Standardised difference", "Outside the "
        "middle 95%",
    )  # fmt: skip
    note = (
        "Mean or share. The standardised difference is in standard deviations of the discovery; of people like those of the discovery "
        "about "
        f"5% lie outside its middle 95%.{legend(letters)}"
    )
    return Grid("table-shifts", "The second study beside the first", columns, rows, note=note)


def _digits(row: Any) -> int:
    """Return the decimals of a measure: fewer for large numbers."""
    size = abs(row.validation)
    return 2 if pd.isna(size) or size < 10 else 1 if size < 100 else 0


def _metrics(data: ReportData) -> list[Block]:
    frame = data.table("replication_metrics")
    if frame is None:
        return [Missing("Calibration", data.why_missing("replication_metrics"))]
    rows = frame[(frame.subgroup == "all") & ~frame.system.map(is_single_reader) & (frame.target == data.target)]
    if rows.empty:
        return [Missing("Calibration", f"no metric of {data.label(data.target)} was computed in the second study")]
    names = METRIC_LABELS | {"calibration_intercept": "Intercept, reference on predicted"}
    shown = [metric for metric in names if ((rows.metric == metric) & rows.value.notna()).any()]
    systems = sorted(dict.fromkeys(rows.system), key=lambda system: system in SYSTEMS)
    cells = tuple((_system(data, system), *_system_cells(rows[rows.system == system], shown)) for system in systems)
    note = (
        "Estimate (95% interval) against the readings (or ages) of the second study; n is participants. A perfectly calibrated model has "
        "slope "
        "1 and intercept 0 of reference on predicted. “Recalibrated” moves predictions by the straight line fitted on everybody else there."
    )
    columns = ("", "n", *(names[metric] for metric in shown))
    return [Grid("table-replication-metrics", "The frozen models in the second study", columns, cells, note=note)]


def _system(data: ReportData, system: str) -> str:
    if system in SYSTEMS:
        return SYSTEMS[system]
    model = system.removesuffix(" recalibrated")
    return source_label(data, model) + (", recalibrated" if model != system else "")


def _system_cells(rows: pd.DataFrame, shown: list[str]) -> tuple[str, ...]:
    by_metric = {str(row.metric): with_interval(row.value, row.ci_low, row.ci_high) for row in each(rows.drop_duplicates("metric"))}
    return (count(rows.n.max()), *(by_metric.get(metric, DASH) for metric in shown))
