"""Associations of perceived age, human and computed, with outcomes; and what perceived age itself is associated with."""

from __future__ import annotations

import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Section, Text
from facies.report.data import ReportData
from facies.report.effects import drawn_adjustment, drawn_risks, effect_text, effects, per_text, scale_text, source_label
from facies.report.numbers import DASH, count, p_value, with_interval

READING = (
    "Human and computed rows are from the same people and are not independent: do not pool them, and do not call them equal because both are significant. "
    "A computed age that is compressed (slope below 1) inflates the estimate per year of exposure and shrinks the effect of a gene on it; "
    "both slopes are part of the reading. The q-value is Benjamini-Hochberg within one source and adjustment set."
)


def associations_section(data: ReportData, *, figures: bool) -> Section:
    """Return the forest plots, the table of all adjustment sets and the table of determinants."""
    frame = effects(data)
    if frame.empty:
        return Section("associations", "Associations", (Missing("Associations", data.why_missing("associations")),))
    blocks = (
        Text(f"{data.sign_convention[:1].upper()}{data.sign_convention[1:]}. {READING}"),
        *_forests(data, figures=figures),
        Heading("All estimates"), *_table(data, frame[frame.kind == "risk"], "table-associations", "Outcomes by perceived age", perceived="exposure"),
        Heading("What perceived age is associated with"), *_determinants(data, frame),
        *_others(data, frame),
    )  # fmt: skip
    return Section("associations", "Associations", blocks)


def _forests(data: ReportData, *, figures: bool) -> list[Block]:
    rows = _forest_rows(data)
    if rows.empty:
        return [Missing("Forest plot", "no association of perceived age could be estimated in the drawn adjustment set")]
    ratios, differences = rows[rows.scale == "odds_ratio"], rows[rows.scale == "difference"]
    return [
        *([_ratio_forest(data, ratios, figures=figures)] if len(ratios) else []),
        *([_difference_forest(data, differences, figures=figures)] if len(differences) else []),
    ]


def _forest_rows(data: ReportData) -> pd.DataFrame:
    rows = drawn_risks(data)
    rows = rows[rows.estimate.notna() & rows.ci_low.notna() & rows.ci_high.notna()]
    return rows.assign(
        outcome_label=rows.outcome.map(data.label),
        source_label=[source_label(data, source) for source in rows.source],
        text=[with_interval(row.estimate, row.ci_low, row.ci_high) for row in rows.itertuples()],
        unit=[
            f"Difference{', ' + data.units[name] if name in data.units else ''}, per {per_text(per)} years"
            for name, per in zip(rows.outcome, rows.per, strict=True)
        ],
    )


def _words(rows: pd.DataFrame) -> str:
    parts = [
        f"{outcome}: " + ", ".join(f"{row.source_label} {row.text}" for row in group.itertuples())
        for outcome, group in rows.groupby("outcome_label", sort=False)
    ]
    return "; ".join(parts)


def _ratio_forest(data: ReportData, rows: pd.DataFrame, *, figures: bool) -> Drawing:
    from facies.report.figures.forest import odds_ratio_forest

    per = per_text(rows.per.iloc[0])
    caption = f"Odds ratios per {per} years of perceived age, with 95% intervals; logarithmic axis; adjustment set “{data.label(str(drawn_adjustment(data)))}”."
    svg = odds_ratio_forest(rows, axis_label=f"Odds ratio per {per} years of perceived age") if figures else ""
    return Drawing("figure-odds-ratios", caption, f"Forest plot of odds ratios per {per} years. {_words(rows)}.", svg, wide=True)


def _difference_forest(data: ReportData, rows: pd.DataFrame, *, figures: bool) -> Drawing:
    from facies.report.figures.forest import difference_forest

    per = per_text(rows.per.iloc[0])
    caption = f"Differences per {per} years of perceived age, with 95% intervals, each outcome on its own axis; adjustment set “{data.label(str(drawn_adjustment(data)))}”."
    svg = difference_forest(rows) if figures else ""
    return Drawing("figure-differences", caption, f"Forest plot of differences per {per} years. {_words(rows)}.", svg, wide=True)


def _determinants(data: ReportData, frame: pd.DataFrame) -> list[Block]:
    rows = frame[frame.kind == "determinant"]
    if rows.empty:
        return [Missing("Perceived age as outcome", "no exposure such as mc1r was given for it")]
    return _table(
        data,
        rows,
        "table-determinants",
        "Perceived age by exposure (years per unit, such as years per MC1R risk allele)",
        perceived="outcome",
    )


def _others(data: ReportData, frame: pd.DataFrame) -> list[Block]:
    rows = frame[frame.kind == "other"]
    return (
        [Heading("Other associations"), *_table(data, rows, "table-others", "Associations without perceived age", perceived="")]
        if len(rows)
        else []
    )


def _table(data: ReportData, frame: pd.DataFrame, name: str, caption: str, *, perceived: str) -> list[Block]:
    if frame.empty:
        return [Missing(caption, "no such association was asked for")]
    other = "outcome" if perceived == "exposure" else "exposure"
    ordered = frame.assign(place=frame[other].map({value: i for i, value in enumerate(dict.fromkeys(frame[other]))}))
    ordered = ordered.sort_values(["place", "adjustment", "rank"], kind="stable")
    rows = tuple(_row(data, row, other, perceived) for _, row in ordered.iterrows())
    second = "Perceived age by" if perceived else "Outcome"
    columns = (other.capitalize(), second, "Adjustment", "Per", "Estimate is", "n", "n events", "Estimate (95% interval)", "p", "q")
    sets = "; ".join(
        f"{data.label(name)}: {_covariates(data, text)}"
        for name, text in dict(zip(frame.adjustment, frame.covariates, strict=True)).items()
    )
    return [Grid(name, caption, columns, rows, note=f"Adjustment sets: {sets}.", text_columns=frozenset({1, 2, 4}))]


def _row(data: ReportData, row: pd.Series, other: str, perceived: str) -> tuple[str, ...]:
    second = source_label(data, row.source) if perceived else data.label(row.outcome)
    scale = "years" if perceived == "outcome" and row.scale == "difference" else scale_text(data, row)
    return (
        data.label(row[other]), second, data.label(row.adjustment), per_text(row.per), scale, count(row.n), count(row.n_events) if pd.notna(row.n_events) else DASH,
        effect_text(row), p_value(row.p_value), p_value(row.q_value),
    )  # fmt: skip


def _covariates(data: ReportData, text: object) -> str:
    return ", ".join(map(data.label, text.split("+"))) if isinstance(text, str) and text else "none"
