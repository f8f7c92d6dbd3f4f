"""Associations of perceived age, human and computed, with outcomes; and what perceived age itself is associated with."""

from __future__ import annotations

import pandas as pd

from facies.report.blocks import Block, Grid, Heading, Missing, Section, Text
from facies.report.data import ReportData
from facies.report.effects import covariates_text, each, effect_text, effects, in_order, n_text, scale_text, source_label
from facies.report.footnotes import legend, lettered, mark
from facies.report.numbers import DASH, count, p_value, plural
from facies.report.sections.forests import forest_blocks
from facies.report.sections.sensitivity import sensitivity_blocks

READING = (
    "Human and computed rows are from the same people and are not independent: do not pool them, and do not call them equal because "
    "both are significant. Each p-value is also adjusted within its family of tests: q by Benjamini-Hochberg (share of false findings), "
    "Holm "
    "and Bonferroni (chance of any)."
)
SCALING = (
    "With a computed perceived age as exposure an estimate is multiplied by the slope of human on computed age; as outcome, by the slope "
    "of computed on human age; each given the covariates, and where the computed age carries nothing else about the disease or gene."
)


def associations_section(data: ReportData, *, figures: bool) -> Section:
    """Return the forest plots, the tables of estimates and what was varied: imputation, sex, curves, E-values."""
    frame = effects(data)
    if frame.empty:
        return Section("associations", "Associations", (Missing("Associations", data.why_missing("associations")),))
    blocks = (
        Text(f"{data.sign_sentence()} {READING}"),
        Heading("Forest plots, one an outcome"), *forest_blocks(data, "risk", figures=figures),
        Heading("All estimates"), *_risks(data, frame[frame.kind == "risk"]),
        Heading("What perceived age is associated with"), *_determinants(data, frame[frame.kind == "determinant"], figures=figures),
        *_slopes(data, frame[frame.kind == "slope"]),
        *_others(data, frame[frame.kind == "other"]),
        *sensitivity_blocks(data, figures=figures),
    )  # fmt: skip
    return Section("associations", "Associations", blocks)


def _risks(data: ReportData, rows: pd.DataFrame) -> list[Block]:
    return _table(data, rows, "table-associations", "Outcomes by perceived age", lead="outcome", second="Perceived age by")


def _determinants(data: ReportData, rows: pd.DataFrame, *, figures: bool) -> list[Block]:
    if rows.empty:
        return [Missing("Perceived age as outcome", "no trait such as mc1r was given for it")]
    caption = "Perceived age by trait: years per unit, such as years per MC1R risk allele"
    table = _table(data, rows, "table-determinants", caption, lead="exposure", second="Perceived age by")
    return [*forest_blocks(data, "determinant", figures=figures), *table]


def _slopes(data: ReportData, rows: pd.DataFrame) -> list[Block]:
    if rows.empty:
        return []
    letters = lettered(rows.note)
    cells = tuple(
        (
            _source_of(data, row.outcome),
            _source_of(data, row.exposure),
            data.label(row.adjustment),
            count(row.n),
            effect_text(row) + mark(letters, row.note),
        )
        for row in each(rows.sort_values("rank", kind="stable"))
    )
    columns = ("Slope of", "On", "Adjustment", "n", "Slope (95% interval)")
    note = f"{_sets(data, rows)}{legend(letters)}"
    grid = Grid("table-slopes", "Slopes between perceived ages", columns, cells, note=note, text_columns=frozenset({1, 2}))
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
    letters = lettered(frame.note)
    rows = tuple(_row(data, row, lead, second, letters) for _, row in in_order(frame, lead).iterrows())
    columns = (
        "Outcome" if lead == "outcome" else "Trait", second, "Adjustment", "n (events)", "Estimate (95% interval)", "p", "q", "Holm",
        "Bonferroni",
    )  # fmt: skip
    note = f"{_sets(data, frame)} {families_text(data, frame)}{legend(letters)}"
    return [Grid(name, caption, columns, rows, note=note, text_columns=frozenset({1, 2}))]


def _row(data: ReportData, row: pd.Series, lead: str, second: str, letters: dict[str, str]) -> tuple[str, ...]:
    known = pd.notna(row.estimate)
    return (
        f"{data.title(row[lead])}, {scale_text(data, row)}",
        data.title(row.outcome) if second == "Outcome" else source_label(data, row.source),
        data.label(row.adjustment),
        n_text(row.n, row.n_events),
        effect_text(row) + (mark(letters, row.note) if known else ""),
        *(p_value(row[column]) if known else DASH for column in ("p_value", "q_value", "p_holm", "p_bonferroni")),
    )


def _sets(data: ReportData, frame: pd.DataFrame) -> str:
    covariates = dict(zip(frame.adjustment, frame.covariates, strict=True))
    return f"Adjustment sets: {'; '.join(f'{data.label(name)}: {covariates_text(data, text)}' for name, text in covariates.items())}."


def families_text(data: ReportData, frame: pd.DataFrame) -> str:
    """Return the families of tests within which p-values are adjusted: how many, of what size, over which outcomes."""
    tests = frame[frame.test_family.notna() & frame.estimate.notna()]
    if tests.empty:
        return "No row belongs to a family of tests."
    leads = ["outcome", "exposure"] if (tests.kind == "risk").all() else ["exposure", "outcome"]
    families = {str(name): part for name, part in tests.groupby("test_family", sort=False)}
    members: dict[tuple[str, ...], int] = {}
    for part in families.values():
        names = tuple(dict.fromkeys(data.label(name) for name in part[leads[0]]))
        members[names] = members.get(names, 0) + 1
    parts = [
        f"{count(n)} {'family' if n == 1 else 'families'} of {plural(len(names), 'test')} ({', '.join(names)})"
        for names, n in members.items()
    ]
    return f"p-values are adjusted within {'; '.join(parts)}."
