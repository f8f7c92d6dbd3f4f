"""The scan of variants: one row a trait, Manhattan and QQ plots."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Panels, Text
from facies.report.data import ReportData
from facies.report.effects import covariates_text, each, n_text, source_label
from facies.report.footnotes import legend, lettered, mark
from facies.report.numbers import DASH, count, fixed, p_value, plural

READING = (
    "Least squares or logistic regression for each variant, people taken as independent; at genome scale, with relatives, use the files "
    "for PLINK 2 "
    "and REGENIE. λ is the median of the test statistic over its expectation: 1 is no inflation; above about 1.05 look for structure, "
    "relatives or "
    "batches. The genome-wide threshold is p < 5e-8. Estimates of every variant are in the file that is named."
)


def scan_blocks(data: ReportData, *, figures: bool) -> list[Block]:
    """Return the table and the figures of the scan; nothing when there was none."""
    frame = data.table("scans")
    if frame is None:
        return []
    return [Heading("Scan of variants"), Text(READING), _table(data, frame), *_drawings(data, frame, figures=figures)]


def scan_sentences(data: ReportData) -> list[str]:
    """Return one sentence on what the scan found."""
    frame = data.table("scans")
    if frame is None:
        return []
    hits = int(frame.n_genome_wide.sum())
    return [
        f"{plural(int(frame.n_variants.max()), 'variant')} were scanned for {plural(len(frame), 'trait')}: {plural(hits, 'association')} "
        "below "
        f"5e-8, λ {fixed(frame.lambda_gc.min())} to {fixed(frame.lambda_gc.max())}."
    ]


def trait_label(data: ReportData, trait: str) -> str:
    """Return a scanned trait in words: the source of a perceived age, or the outcome."""
    name, bracket, source = trait.partition("[")
    return f"{data.title(name)} by {source_label(data, source.removesuffix(']'))}" if bracket else data.title(trait)


def _table(data: ReportData, frame: pd.DataFrame) -> Grid:
    letters = lettered(frame.note)
    rows = tuple(
        (
            trait_label(data, row.trait),
            str(row.family),
            n_text(row.n, row.n_events),
            count(row.n_variants),
            count(row.n_skipped),
            fixed(row.lambda_gc, 3),
            count(row.n_genome_wide),
            DASH if not isinstance(row.top_variant, str) else f"{row.top_variant}, p\N{NO-BREAK SPACE}{small_p(row.top_p)}",
            str(row.file) + mark(letters, row.note),
        )
        for row in each(frame)
    )
    columns = ("Trait", "Regression", "n (events)", "Tested", "Not tested", "λ", "p < 5e-8", "Smallest p", "Results")
    adjusted = "; ".join(dict.fromkeys(covariates_text(data, text) for text in frame.covariates))
    note = f"Adjusted for {adjusted}. Not tested: monomorphic, rare, or called in too few people.{legend(letters)}"
    return Grid("table-scans", "Scans of variants", columns, rows, note=note, text_columns=frozenset({1, 7, 8}))


def small_p(value: Any) -> str:
    """Return a p-value of a scan, whose small ones matter.

    Examples
    --------
    >>> small_p(3.21e-12), small_p(0.0312)
    ('3.2e-12', '0.031')
    """
    return f"{value:.1e}" if pd.notna(value) and value < 0.0001 else p_value(value)


def _drawings(data: ReportData, frame: pd.DataFrame, *, figures: bool) -> list[Block]:
    points = data.table("scan_points")
    if points is None:
        return [Missing("Manhattan and QQ plots", data.why_missing("scan_points"))]
    parts = [(row, points[points.trait == row.trait], number) for number, row in enumerate(each(frame))]
    drawn = [part for part in parts if len(part[1])]
    against = Panels(tuple(_quantiles(data, *part, figures=figures) for part in drawn))
    return [*(_manhattan(data, *part, figures=figures) for part in drawn), *([against] if drawn else [])]


def _top(row: Any) -> str:
    return f"smallest p {small_p(row.top_p)}" + (f" at {row.top_variant}" if isinstance(row.top_variant, str) else "")


def _manhattan(data: ReportData, row: Any, part: pd.DataFrame, number: int, *, figures: bool) -> Drawing:
    from facies.report.figures.scan import manhattan

    label, name = trait_label(data, row.trait), f"figure-manhattan-{number + 1}"
    shown = f"{count(len(part))} of {plural(row.n_variants, 'variant')} are drawn: all small p-values and a sample of the others"
    caption = f"{label}: −log10 p along the chromosomes (Manhattan plot); dashed: 5e-8. {shown}."
    alt = f"Manhattan plot of {label}, n={count(row.n)}: {count(row.n_genome_wide)} variants below 5e-8, {_top(row)}."
    return Drawing(name, caption, alt, manhattan(part, name=name) if figures else "", wide=True)


def _quantiles(data: ReportData, row: Any, part: pd.DataFrame, number: int, *, figures: bool) -> Drawing:
    from facies.report.figures.scan import quantiles

    label, name = trait_label(data, row.trait), f"figure-qq-{number + 1}"
    caption = f"{label}: observed against expected −log10 p (QQ plot); λ = {fixed(row.lambda_gc, 3)}."
    alt = f"QQ plot of {label}, n={count(row.n)}: λ {fixed(row.lambda_gc, 3)}, {_top(row)}."
    return Drawing(name, caption, alt, quantiles(part, name=name) if figures else "")
