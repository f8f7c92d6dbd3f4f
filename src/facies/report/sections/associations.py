"""Associations of perceived age, human and computed, with outcomes; and what perceived age itself is associated with."""

from __future__ import annotations

import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Section, Text
from facies.report.data import ReportData
from facies.report.effects import drawn_adjustment, drawn_risks, effect_text, effects, exposure_words, scale_text, source_label
from facies.report.numbers import DASH, count, p_value, with_interval

READING = (
    "Human and computed rows are from the same people and are not independent: do not pool them, and do not call them equal because "
    "both are significant. The q-value is Benjamini-Hochberg within one source and adjustment set."
)
SCALING = (
    "With a computed perceived age as exposure an estimate is multiplied by the slope of human on computed age; as outcome, by the slope "
    "of computed on human age; each given the covariates, and where the computed age carries nothing else about the disease or gene."
)


def associations_section(data: ReportData, *, figures: bool) -> Section:
    """Return the forest plots, the table of all adjustment sets and the table of determinants."""
    frame = effects(data)
    if frame.empty:
        return Section("associations", "Associations", (Missing("Associations", data.why_missing("associations")),))
    blocks = (
        Text(f"{data.sign_sentence()} {READING}"),
        *_forests(data, figures=figures),
        Heading("All estimates"), *_risks(data, frame[frame.kind == "risk"]),
        Heading("What perceived age is associated with"), *_determinants(data, frame[frame.kind == "determinant"]),
        *_slopes(data, frame[frame.kind == "slope"]),
        *_others(data, frame[frame.kind == "other"]),
    )  # fmt: skip
    return Section("associations", "Associations", blocks)


def _forests(data: ReportData, *, figures: bool) -> list[Block]:
    rows = _forest_rows(data)
    if rows.empty:
        return [Missing("Forest plot", "no association of perceived age could be estimated in the drawn adjustment set")]
    parts = {scale: rows[rows.scale == scale] for scale in ("odds_ratio", "difference")}
    return [_forest(data, scale, part, figures=figures) for scale, part in parts.items() if len(part)]


def _forest_rows(data: ReportData) -> pd.DataFrame:
    rows = drawn_risks(data)
    rows = rows[rows.estimate.notna() & rows.ci_low.notna() & rows.ci_high.notna()]
    columns = {
        "outcome_label": [data.title(outcome) for outcome in rows.outcome],
        "source_label": [source_label(data, source) for source in rows.source],
        "text": [with_interval(row.estimate, row.ci_low, row.ci_high) for row in rows.itertuples()],
        "unit": [_first_capital(scale_text(data, row)) for _, row in rows.iterrows()],
    }
    return rows.assign(**columns)


def _first_capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _forest(data: ReportData, scale: str, rows: pd.DataFrame, *, figures: bool) -> Drawing:
    from facies.report.figures.forest import difference_forest, odds_ratio_forest

    ratio = scale == "odds_ratio"
    axis = f"{'Odds ratio' if ratio else 'Difference'} per {exposure_words(rows)}"
    kind = "logarithmic axis" if ratio else "each outcome on its own axis"
    caption = f"{axis}, with 95% intervals; {kind}; adjustment set “{data.label(str(drawn_adjustment(data)))}”."
    svg = "" if not figures else odds_ratio_forest(rows, axis_label=axis) if ratio else difference_forest(rows)
    name = "figure-odds-ratios" if ratio else "figure-differences"
    return Drawing(name, caption, f"Forest plot. {axis}. {_words(rows)}.", svg, wide=True)


def _words(rows: pd.DataFrame) -> str:
    groups = rows.groupby("outcome_label", sort=False)
    return "; ".join(f"{outcome}: " + ", ".join(group.source_label + " " + group.text) for outcome, group in groups)


def _risks(data: ReportData, rows: pd.DataFrame) -> list[Block]:
    return _table(data, rows, "table-associations", "Outcomes by perceived age", lead="outcome", second="Perceived age by")


def _determinants(data: ReportData, rows: pd.DataFrame) -> list[Block]:
    if rows.empty:
        return [Missing("Perceived age as outcome", "no exposure such as mc1r was given for it")]
    caption = "Perceived age by exposure: years per unit, such as years per MC1R risk allele"
    return _table(data, rows, "table-determinants", caption, lead="exposure", second="Perceived age by")


def _slopes(data: ReportData, rows: pd.DataFrame) -> list[Block]:
    if rows.empty:
        return []
    ordered = rows.sort_values("rank", kind="stable")
    cells = tuple(
        (
            _source_of(data, row.outcome),
            _source_of(data, row.exposure),
            data.label(row.adjustment),
            count(row.n),
            effect_text(row),
        )
        for _, row in ordered.iterrows()
    )
    columns = ("Slope of", "On", "Adjustment", "n", "Slope (95% interval)")
    grid = Grid("table-slopes", "Slopes between perceived ages", columns, cells, note=_note(data, rows), text_columns=frozenset({1, 2}))
    return [Heading("How a computed perceived age scales an effect"), Text(SCALING), grid]


def _source_of(data: ReportData, name: str) -> str:
    return source_label(data, name.partition("[")[2].removesuffix("]"))


def _others(data: ReportData, rows: pd.DataFrame) -> list[Block]:
    if rows.empty:
        return []
    return [
        Heading("Other associations"),
        *_table(data, rows, "table-others", "Associations without perceived age", lead="exposure", second="Outcome"),
    ]


def _table(data: ReportData, frame: pd.DataFrame, name: str, caption: str, *, lead: str, second: str) -> list[Block]:
    if frame.empty:
        return [Missing(caption, "no such association was asked for")]
    leads, sets = (list(dict.fromkeys(frame[column])) for column in (lead, "adjustment"))
    ordered = frame.assign(place=frame[lead].map(leads.index), place_of_set=frame.adjustment.map(sets.index))
    ordered = ordered.sort_values(["place", "place_of_set", "rank"], kind="stable")
    rows = tuple(_row(data, row, lead, second) for _, row in ordered.iterrows())
    columns = (lead.capitalize(), second, "Adjustment", "Estimate is", "n", "n events", "Estimate (95% interval)", "p", "q")
    return [Grid(name, caption, columns, rows, note=_note(data, frame), text_columns=frozenset({1, 2, 3}))]


def _row(data: ReportData, row: pd.Series, lead: str, second: str) -> tuple[str, ...]:
    return (
        data.title(row[lead]),
        data.title(row.outcome) if second == "Outcome" else source_label(data, row.source),
        data.label(row.adjustment),
        scale_text(data, row),
        count(row.n),
        DASH if pd.isna(row.n_events) else count(row.n_events),
        effect_text(row),
        p_value(row.p_value),
        p_value(row.q_value),
    )


def _note(data: ReportData, frame: pd.DataFrame) -> str:
    covariates = dict(zip(frame.adjustment, frame.covariates, strict=True))
    sets = "; ".join(f"{data.label(name)}: {_names(data, text)}" for name, text in covariates.items())
    notes = [str(note) for note in dict.fromkeys(frame.note.dropna()) if note]
    return f"Adjustment sets: {sets}." + (f" Notes: {'; '.join(notes[:6])}." if notes else "")


def _names(data: ReportData, text: object) -> str:
    return ", ".join(map(data.label, text.split("+"))) if isinstance(text, str) and text else "none"
