"""The headline tables: one an adjustment set, outcomes and traits in rows, sources and their differences in columns."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.blocks import Block, Grid, Missing, Text
from facies.report.compared import LATE, VERDICTS, comparisons, verdict_text
from facies.report.data import ReportData
from facies.report.effects import (
    RATIOS,
    adjustment_sets,
    covariates_text,
    difference_text,
    drawn_adjustment,
    drawn_risks,
    each,
    effects,
    exposure_words,
    first_capital,
    in_order,
    looks_older,
    marked_effect,
    n_text,
    scale_text,
    source_label,
)
from facies.report.footnotes import legend, lettered
from facies.report.metric_values import PANEL
from facies.report.numbers import DASH, count, plural


def headline_blocks(data: ReportData) -> list[Block]:
    """Return the sentences on associations and one table an adjustment set."""
    risks, frame = drawn_risks(data), effects(data)
    rows = frame[frame.kind.isin(["risk", "determinant"])]
    if rows.empty:
        return [Missing("Associations with outcomes", data.why_missing("associations"))]
    sentences = [] if risks.empty else [_adjusted(data, risks), *_directions(data, risks)]
    tables = [table for number, name in enumerate(adjustment_sets(data)) for table in _tables(data, name, number)]
    return [*([Text(" ".join(sentences))] if sentences else []), *(Text(text) for text in verdict_sentences(data)), *tables]


def _adjusted(data: ReportData, risks: pd.DataFrame) -> str:
    return (
        f"Associations below are per {exposure_words(risks)}, adjusted for {covariates_text(data, risks.iloc[0].covariates)} "
        f"(adjustment set “{data.label(str(drawn_adjustment(data)))}”)."
    )


def _directions(data: ReportData, risks: pd.DataFrame) -> list[str]:
    """Say in how many outcomes each computed source points the way that the human one points."""
    known = risks[risks.estimate.notna()]
    human = known[known.source == PANEL].set_index("outcome")
    others = [(str(source), rows) for source, rows in known.groupby("source", sort=False) if source != PANEL]
    if human.empty or not others:
        return ["Only one source of perceived age is available, so nothing can be set beside it."]
    parts = []
    for source, rows in others:
        both = rows[rows.outcome.isin(human.index)]
        same = sum(_sign(row) == _sign(human.loc[row.outcome]) for row in each(both))
        parts.append(f"{source_label(data, source)} points the same way as {source_label(data, PANEL)} for {count(same)} of {len(both)}")
    return [f"By outcome, {'; '.join(parts)}. Equal direction is not equality: that needs a paired comparison in the same people."]


def _sign(row: Any) -> bool:
    return bool(row.estimate > (1 if row.scale in RATIOS else 0))


def verdict_sentences(data: ReportData) -> list[str]:
    """Return one sentence a computed source: how many comparisons with the human one had which verdict, in the drawn adjustment set."""
    rows = comparisons(data)
    if rows.empty:
        return []
    rows = rows[~rows.other]
    sentences = []
    for source, part in rows.groupby("computed", sort=False):
        counts = part.verdict.value_counts()
        verdicts = "; ".join(f"{words}: {counts[name]}" for name, words in VERDICTS.items() if name in counts)
        late = f" ({plural(part.late.sum(), 'margin')} not fixed before results had been seen)" if part.late.any() else ""
        sentences.append(
            f"{source_label(data, source)} against {source_label(data, PANEL)} in the same people, {plural(len(part), 'comparison')}. "
            f"{first_capital(verdicts)}{late}."
        )
    return sentences


WIDE = 6
"""From more columns of estimates and differences than this on, the differences get a table of their own."""


def _tables(data: ReportData, adjustment: str, number: int) -> list[Block]:
    frame = effects(data)
    rows = frame[frame.kind.isin(["risk", "determinant"]) & (frame.adjustment == adjustment)]
    rows = pd.concat([in_order(rows[rows.kind == kind], lead) for kind, lead in (("risk", "outcome"), ("determinant", "exposure"))])
    rows = rows.assign(variable=rows.outcome.where(rows.kind == "risk", rows.exposure))
    sources = [str(name) for name in rows.sort_values("rank", kind="stable").source.drop_duplicates()]
    pairs = comparisons(data)
    pairs = pairs[pairs.adjustment == adjustment]
    compared = [source for source in sources if (pairs.computed == source).any()]
    together = len(sources) + len(compared) <= WIDE
    name = "table-headline" if number == 0 else f"table-headline-{number + 1}"
    words = f"{data.label(adjustment)}, adjusted for {covariates_text(data, rows.iloc[0].covariates)}"
    first = _grid(data, rows, pairs, sources, compared if together else [])
    note = f"{_reading(data, rows)} {_paired(pairs) if together else ''}".strip() + legend(_reasons(rows))
    title = "Human and computed perceived age side by side" if len(sources) > 1 else "Associations of perceived age"
    tables: list[Block] = [Grid(name, f"{title}: {words}", *first, note, frozenset({1}))]
    if compared and not together:
        second = _grid(data, rows, pairs, [], compared)
        tables.append(Grid(f"{name}-pairs", f"Computed against human, same people: {words}", *second, _paired(pairs), frozenset({1})))
    return tables


def _grid(
    data: ReportData, rows: pd.DataFrame, pairs: pd.DataFrame, sources: list[str], compared: list[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return columns and rows: outcomes and traits by sources and differences."""
    human = source_label(data, PANEL)
    differences = (f"{source_label(data, source)} against {human}" for source in compared)
    columns = ("Outcome", "Estimate is", "n (events)", *(source_label(data, source) for source in sources), *differences)
    letters = _reasons(rows)
    cells = tuple(
        _row(data, part, pairs[(pairs.variable == variable) & (pairs.kind == kind)], sources, compared, letters)
        for (kind, variable), part in rows.groupby(["kind", "variable"], sort=False)
    )
    return columns, cells


def _row(
    data: ReportData, part: pd.DataFrame, pairs: pd.DataFrame, sources: list[str], compared: list[str], letters: dict[str, str]
) -> tuple[str, ...]:
    first = part.iloc[0]
    by_source = part.drop_duplicates("source").set_index("source")
    estimates = (_lines(marked_effect(by_source.loc[source], letters)) if source in by_source.index else DASH for source in sources)
    return (
        data.title(first.variable),
        scale_text(data, first),
        _people(part),
        *estimates,
        *(_difference(pairs, source) for source in compared),
    )


def _people(part: pd.DataFrame) -> str:
    """Return n (events); where sources differ in it, each one that occurs."""
    return "\n".join(dict.fromkeys(n_text(row.n, row.n_events) for row in each(part)))


def _difference(pairs: pd.DataFrame, source: str) -> str:
    found = pairs[pairs.computed == source]
    if found.empty:
        return DASH
    row = next(each(found))
    if pd.isna(row.difference):
        return "none"
    return f"{_lines(difference_text(str(row.scale), row.difference, row.ci_low, row.ci_high))}\n{verdict_text(row)}"


def _lines(text: str) -> str:
    return text.replace(" (", "\n(", 1)


def _reasons(rows: pd.DataFrame) -> dict[str, str]:
    """Return the reasons for which there is no estimate, with letters; other notes stand with all estimates."""
    return lettered(rows.loc[rows.estimate.isna(), "note"])


def _reading(data: ReportData, rows: pd.DataFrame) -> str:
    risks = rows[rows.kind == "risk"]
    if risks.empty:
        return ""
    looks = "older" if looks_older(risks) else "younger"
    return f"Positive differences and ratios above 1: more of the outcome in people who look {looks}. {data.sign_sentence()}"


def _paired(pairs: pd.DataFrame) -> str:
    """Return how to read the differences, and what the mark at a verdict says."""
    if pairs.empty:
        return ""
    marked = (pairs.late & pairs.verdict.str.contains("equivalent")).any()
    late = f" {LATE} The margin was not fixed before results had been seen." if marked else ""
    return (
        "“Against” columns: the paired difference of the coefficients in the same people with its 95% interval, for ratios as a factor "
        f"(×), and the verdict by two one-sided tests at 5% against the margin of the study.{late}"
    )
