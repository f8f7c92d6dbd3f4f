"""Human against computed perceived age in the same people: differences, equivalence, ratios, slopes and what attenuation lets expect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Panels, Section, Text
from facies.report.compared import LATE, VERDICT_SENTENCES, comparisons, margin_text
from facies.report.data import ReportData
from facies.report.effects import (
    back,
    coefficient_text,
    difference_text,
    each,
    n_text,
    scale_text,
    source_label,
    wrapped_label,
)
from facies.report.footnotes import legend, lettered, mark
from facies.report.metric_values import PANEL
from facies.report.numbers import DASH, effect, fixed, p_value, with_interval
from facies.report.sections.headline import verdict_sentences

Z90 = 1.6448536269514722
"""Half the width of a 90 % interval in standard errors: it lies within the margin when both one-sided tests at 5 % reject."""

MEANING = (
    "Both perceived ages were put into the same regression in the same people, and their coefficients were subtracted (computed minus "
    "human). For ratios the difference of the logarithms is printed as a factor (×). A difference that is not significant is no proof of "
    "equality, and two significant estimates are not equal for that: equivalence is shown only by an interval within a margin that was "
    "fixed "
    "first."
)
SLOPES = (
    "A computed perceived age is drawn towards the middle and carries error. As exposure, its coefficient is expected to be the human one "
    "times the slope of human on computed; as outcome, times the slope of computed on human; each given the covariates. What is expected "
    "holds if the computed age carries nothing else about the outcome or trait. A difference from it says that the model sees "
    "something that people do not judge, or misses something that they do. Reading noise in the human age makes this expectation too weak; "
    "“given noise” it is divided by the reliability."
)
NOISE = (
    "Reliability is the share of the human perceived age's variance, given the covariates, that is not reading noise. The corrected human "
    "estimate is what endlessly many readers would give; the corrected computed estimate is brought to the scale of the human one by the "
    "slope."
)


def comparison_section(data: ReportData, *, figures: bool) -> Section | None:
    """Return the comparison of sources, or None when there is none."""
    rows = comparisons(data)
    if rows.empty:
        return None
    blocks = (
        Text(MEANING), *(Text(text) for text in verdict_sentences(data)), *_drawings(data, rows, figures=figures),
        Heading("Paired differences"), _differences(data, rows),
        Heading("Equivalence"), _equivalence(data, rows),
        Heading("Slopes and attenuation"), Text(SLOPES), _attenuation(data, rows),
        Heading("Corrected for noise"), Text(NOISE), _corrected(data, rows),
    )  # fmt: skip
    return Section("comparison", "Human against computed perceived age", blocks)


def _drawings(data: ReportData, rows: pd.DataFrame, *, figures: bool) -> list[Block]:
    rows = rows[~rows.other] if (~rows.other).any() else rows[rows.adjustment == rows.adjustment.iloc[0]]
    found = [_margins_drawing(data, rows, figures=figures), _shares_drawing(data, rows, figures=figures)]
    drawings = tuple(drawing for drawing in found if drawing is not None)
    absent = [] if found[0] is not None else [Missing("Figure of equivalence", data.why_missing("margins"))]
    return [*([Panels(drawings)] if drawings else []), *absent]


def _labels(data: ReportData, rows: pd.DataFrame) -> dict[str, list[Any]]:
    return {
        "head": [wrapped_label(data.title(row.variable)) for row in each(rows)],
        "label": [wrapped_label(source_label(data, row.computed)) for row in each(rows)],
        "rank": rows["rank"].tolist(),
    }


def _margins_drawing(data: ReportData, rows: pd.DataFrame, *, figures: bool) -> Drawing | None:
    """Draw each difference in units of its own margin, so that outcomes on different scales stand on one axis."""
    from facies.report.figures.forest import forest

    rows = rows[rows.difference.notna() & (rows.margin > 0) & rows.ci_low.notna() & rows.ci_high.notna() & rows.std_error.notna()]
    if rows.empty:
        return None
    drawn = pd.DataFrame(
        {
            **_labels(data, rows),
            "estimate": rows.difference / rows.margin, "ci_low": rows.ci_low / rows.margin, "ci_high": rows.ci_high / rows.margin,
            "inner_low": (rows.difference - Z90 * rows.std_error) / rows.margin,
            "inner_high": (rows.difference + Z90 * rows.std_error) / rows.margin,
            "text": [difference_text(row.scale, row.difference, row.ci_low, row.ci_high) for row in each(rows)],
        }
    )  # fmt: skip
    axis = "Computed − human, in margins"
    svg = forest(drawn, axis_label=axis, ratio=False, name="figure-equivalence", band=(-1.0, 1.0)) if figures else ""
    words = "; ".join(f"{row.head} {row.label} {row.text}".replace("\n", " ") for row in each(drawn))
    caption = (
        "Difference computed minus human, each in units of its margin (shaded: −1 to 1). Thick: 90% interval, which lies within the "
        "shade where "
        f"the two one-sided tests at 5% show equivalence; thin: 95% interval. Adjustment set “{data.label(str(rows.adjustment.iloc[0]))}”."
    )
    return Drawing("figure-equivalence", caption, f"Equivalence plot of differences (95% intervals): {words}.", svg)


def _shares_drawing(data: ReportData, rows: pd.DataFrame, *, figures: bool) -> Drawing | None:
    """Draw each computed coefficient as a share of the human one, with the share that attenuation lets expect."""
    from facies.report.figures.forest import forest

    rows = rows[rows.ratio.notna() & rows.ratio_low.notna() & rows.ratio_high.notna()]
    if rows.empty:
        return None
    drawn = pd.DataFrame(
        {
            **_labels(data, rows),
            "estimate": rows.ratio, "ci_low": rows.ratio_low, "ci_high": rows.ratio_high, "expected": _slope(rows),
            "text": [effect(row.ratio, row.ratio_low, row.ratio_high) for row in each(rows)],
        }
    )  # fmt: skip
    svg = forest(drawn, axis_label="Computed / human coefficient", ratio=False, name="figure-shares", nothing=1.0) if figures else ""
    words = "; ".join(f"{row.head} {row.label} {row.text}, expected {fixed(row.expected)}".replace("\n", " ") for row in each(drawn))
    caption = (
        "Computed coefficient as a share of the human one (1: as large) with its 95% interval (Fieller); hollow diamonds: the share that "
        "attenuation alone lets expect. Where the human coefficient is not clearly different from none the share is unbounded and not "
        "drawn."
    )
    return Drawing("figure-shares", caption, f"Computed coefficients as a share of the human one: {words}.", svg)


def _slope(rows: pd.DataFrame) -> Any:
    return np.where(rows.role == "exposure", rows.slope_human_on_computed, rows.slope_computed_on_human)


def _lead(data: ReportData, row: Any) -> tuple[str, str, str]:
    """Return the first cells of a row: the variable with its scale, the source, the adjustment set."""
    return f"{data.title(row.variable)}, {_scale(data, row)}", source_label(data, row.computed), data.label(row.adjustment)


def _scale(data: ReportData, row: Any) -> str:
    named = pd.Series({"kind": row.kind, "per": row.per, "scale": row.scale, "exposure": row.variable, "outcome": row.variable})
    return scale_text(data, named)


WITH_NOISE = "is expected when reading noise is taken into account"
"""A part of a note whose number has its own column here."""

LEAD = ("Outcome or trait", "Computed by", "Adjustment")


def _differences(data: ReportData, rows: pd.DataFrame) -> Grid:
    letters = lettered(rows.note, without=WITH_NOISE)
    cells = tuple(
        (
            *_lead(data, row),
            n_text(row.n, row.n_events),
            coefficient_text(row.scale, row.coef_human),
            coefficient_text(row.scale, row.coef_computed),
            difference_text(row.scale, row.difference, row.ci_low, row.ci_high) + mark(letters, row.note),
            _interval(row.scale, row.bootstrap_low, row.bootstrap_high),
            p_value(row.p_value) if pd.notna(row.difference) else DASH,
        )
        for row in each(rows)
    )
    columns = (*LEAD, "n (events)", source_label(data, PANEL), "Computed", "Difference (95% interval)", "Bootstrap interval", "p")
    note = (
        "Interval and p-value of no difference by stacked estimating equations; beside them the 95% interval from drawing participants "
        "anew. "
        "The two differ where clusters are few or events rare. Intervals of the estimates themselves are under Associations."
        + legend(letters)
    )
    return Grid("table-differences", "Computed minus human, same people", columns, cells, note=note, text_columns=frozenset({1, 2}))


def _interval(scale: str, low: Any, high: Any) -> str:
    """Return the ends of an interval on the printed scale."""
    text = with_interval(0.0, back(low, scale), back(high, scale))
    return text.partition("(")[2].removesuffix(")") or DASH


def _equivalence(data: ReportData, rows: pd.DataFrame) -> Grid:
    cells = tuple(
        (
            *_lead(data, row),
            n_text(row.n, row.n_events),
            difference_text(row.scale, row.difference, row.ci_low, row.ci_high),
            margin_text(data, row),
            p_value(row.p_equivalence) if pd.notna(row.difference) else DASH,
            VERDICT_SENTENCES[row.verdict],
        )
        for row in each(rows)
    )
    columns = (*LEAD, "n (events)", "Difference (95% interval)", "Margin", "p, equivalence", "Verdict")
    late = f" {LATE} Nobody can tell from this log whether the margin was chosen with the results in view." if rows.late.any() else ""
    note = (
        "Two one-sided tests at 5% (TOST); p is the larger of the two. Margins stand in study.toml, and every run notes them with the "
        f"time before it compares anything.{late}"
    )
    return Grid("table-equivalence", "Equivalence tests", columns, cells, note=note, text_columns=frozenset({1, 2, 5, 7}))


def _attenuation(data: ReportData, rows: pd.DataFrame) -> Grid:
    cells = tuple(
        (
            *_lead(data, row),
            _share(row),
            fixed(row.slope_computed_on_human),
            fixed(row.slope_human_on_computed),
            coefficient_text(row.scale, row.expected),
            coefficient_text(row.scale, row.expected / row.reliability),
            difference_text(row.scale, row.difference_from_expected, row.difference_from_expected_low, row.difference_from_expected_high),
        )
        for row in each(rows)
    )
    columns = (
        *LEAD, "Computed / human coefficient", "Slope, computed on human", "Slope, human on computed", "Expected", "Expected, given noise",
        "Computed against expected",
    )  # fmt: skip
    note = (
        "Ratio of coefficients (of logarithms for ratios) with 95% interval (Fieller); unbounded where the human coefficient may be none. "
        "Last column: 95% interval by drawing participants."
    )
    return Grid("table-attenuation", "Both slopes and what they let expect", columns, cells, note=note, text_columns=frozenset({1, 2}))


def _share(row: Any) -> str:
    if pd.isna(row.ratio):
        return DASH
    bounded = pd.notna(row.ratio_low) and pd.notna(row.ratio_high)
    return effect(row.ratio, row.ratio_low, row.ratio_high) if bounded else f"{fixed(row.ratio)} (unbounded)"


def _corrected(data: ReportData, rows: pd.DataFrame) -> Grid:
    cells = tuple(
        (
            *_lead(data, row),
            fixed(row.reliability),
            coefficient_text(row.scale, row.coef_human),
            coefficient_text(row.scale, row.corrected_human),
            coefficient_text(row.scale, row.corrected_computed, row.corrected_computed_low, row.corrected_computed_high),
        )
        for row in each(rows)
    )
    human = source_label(data, PANEL)
    columns = (*LEAD, "Reliability", human, f"{human}, corrected", "Computed, corrected (95% interval)")
    return Grid("table-corrected", "Estimates corrected for reading noise and attenuation", columns, cells, text_columns=frozenset({1, 2}))
