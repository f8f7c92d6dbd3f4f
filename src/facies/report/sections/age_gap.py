"""The age gap: perceived age less age, before and after a correction for age."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Missing, Section, Text
from facies.report.data import ReportData
from facies.report.effects import each, source_label, source_ranks, wrapped_label
from facies.report.footnotes import legend, lettered, mark
from facies.report.numbers import count, effect, fixed, plural

CORRECTIONS = {"none": "none", "linear": "line in age", "spline": "spline in age"}
COLUMNS = {"none": "gap", "linear": "gap_linear", "spline": "gap_spline"}
"""Levels of ``correction`` and the columns of AGE_GAPS."""

MIN_BAND = 10
"""An age band with fewer people is not drawn."""

MEANING = (
    "The gap is perceived age less age, whatever the sign convention of the associations. A model that draws to the middle makes young "
    "people look old and old people young, so that its gap falls with age. In a regression that adjusts linearly for age this is "
    "harmless. For plots and strata the gap is also given less what a line, or a natural cubic spline, in age expects, fitted on the "
    "other folds."
)
WARNING = (
    "After a correction the correlation with age is about zero by construction, and errors look smaller than they are, because age "
    "itself went "
    "into them. No R² of a corrected gap is printed, and the mean absolute gap after correction is no measure of how good a model is."
)


def age_gap_section(data: ReportData, *, figures: bool) -> Section | None:
    """Return the table and figure of gaps, or None when there are none."""
    summaries = data.table("age_gap_summaries")
    bands = gap_bands(data)
    if summaries is None and bands.empty:
        return None
    drawing: Block = _drawing(data, bands, figures=figures) if len(bands) else Missing("Figure of gaps", data.why_missing("age_gaps"))
    table: Block = _table(data, summaries) if summaries is not None else Missing("Table of gaps", data.why_missing("age_gap_summaries"))
    return Section("age-gap", "Age gap", (Text(MEANING), drawing, table, Text(WARNING)))


def _table(data: ReportData, summaries: pd.DataFrame) -> Grid:
    ranks, order = source_ranks(data), list(CORRECTIONS)
    rows = summaries.assign(rank=summaries.source.map(ranks), place=summaries.correction.map(order.index))
    rows = rows.sort_values(["rank", "place"], kind="stable")
    letters = lettered(rows.warning)
    cells = tuple(
        (
            source_label(data, row.source),
            CORRECTIONS[row.correction] + mark(letters, row.warning),
            count(row.n),
            fixed(row.mean),
            fixed(row.sd),
            fixed(row.mae),
            effect(row.r_age, row.ci_low, row.ci_high),
            fixed(row.slope_age),
        )
        for row in each(rows)
    )
    columns = (
        "Perceived age by",
        "Corrected by",
        "n",
        "Mean gap",
        "SD",
        "Mean absolute gap",
        "r with age (95% interval)",
        "Years a year of age",
    )
    return Grid(
        "table-gaps", "Gap in years before and after correction", columns, cells, note=legend(letters).strip(), text_columns=frozenset({1})
    )


def gap_bands(data: ReportData) -> pd.DataFrame:
    """Return the mean gap by source, correction and 5-year age band: ``source correction start mean ci_low ci_high n``.

    Bands of fewer than 10 people are left out, so that no person can be read off.
    """
    columns = ["source", "correction", "start", "mean", "ci_low", "ci_high", "n"]
    gaps = data.table("age_gaps")
    if gaps is None:
        return pd.DataFrame(columns=columns)
    start = gaps.age // 5 * 5
    frames = [
        gaps[name].groupby([gaps.source, start], sort=True).agg(["mean", "std", "count"]).reset_index().assign(correction=correction)
        for correction, name in COLUMNS.items()
    ]
    bands = pd.concat(frames, ignore_index=True).rename(columns={"age": "start", "count": "n"})
    bands = bands[bands.n >= MIN_BAND]
    reach = 1.96 * bands["std"] / np.sqrt(bands.n)
    return bands.assign(ci_low=bands["mean"] - reach, ci_high=bands["mean"] + reach)[columns].reset_index(drop=True)


def _one_line(label: str) -> str:
    return label.replace("\n", " ")


def _drawing(data: ReportData, bands: pd.DataFrame, *, figures: bool) -> Drawing:
    from facies.report.figures.gaps import gaps_over_age

    ranks = source_ranks(data)
    rows = bands.assign(rank=bands.source.map(ranks), label=[wrapped_label(source_label(data, source)) for source in bands.source])
    rows = rows.sort_values(["rank", "start"], kind="stable")
    words = "; ".join(
        f"{_one_line(str(label))}, {CORRECTIONS[str(correction)]}: {fixed(part['mean'].iloc[0])} at {part.start.iloc[0]:.0f} to "
        f"{fixed(part['mean'].iloc[-1])} at {part.start.iloc[-1]:.0f}"
        for (label, correction), part in rows.groupby(["label", "correction"], sort=False)
    )
    n = bands[bands.correction == "none"].groupby("source").n.sum().max()
    alt = f"Mean gap in years by 5-year age band, {plural(n, 'participant')}. {words}."
    titles = {"none": "Not corrected", "linear": "By a line in age", "spline": "By a spline in age"}
    caption = (
        "Mean gap by 5-year age band with its 95% interval, before and after correction; a band stands at its middle. "
        f"Bands of fewer than {MIN_BAND} people are not drawn."
    )
    return Drawing("figure-gaps", caption, alt, gaps_over_age(rows, titles=titles) if figures else "", wide=True)
