"""One forest plot an outcome or trait: every source in every adjustment set."""

from __future__ import annotations

import pandas as pd

from facies.report.blocks import Block, Drawing, Missing, Panels, Text
from facies.report.data import ReportData
from facies.report.effects import (
    EXPOSURE_WORDS,
    RATIOS,
    each,
    effect_text,
    effects,
    first_capital,
    in_order,
    per_text,
    scale_text,
    source_label,
    wrapped_label,
)


def forest_blocks(data: ReportData, kind: str, *, figures: bool) -> list[Block]:
    """Return the forest plots of ``risk`` (one an outcome) or ``determinant`` (one a trait), small multiples side by side."""
    frame = effects(data)
    lead = "outcome" if kind == "risk" else "exposure"
    rows = in_order(frame[frame.kind == kind], lead)
    drawn = rows[rows.estimate.notna() & rows.ci_low.notna() & rows.ci_high.notna()]
    if drawn.empty:
        return [Missing("Forest plots", "no association of perceived age could be estimated")] if kind == "risk" else []
    groups = [(str(name), part) for name, part in drawn.groupby(lead, sort=False)]
    panels = Panels(tuple(_forest(data, kind, name, part, number, figures=figures) for number, (name, part) in enumerate(groups)))
    without = [data.label(name) for name in dict.fromkeys(rows[lead]) if name not in dict(groups)]
    return [panels, *([Text(f"Without a plot, because nothing could be estimated: {', '.join(without)}.")] if without else [])]


def _forest(data: ReportData, kind: str, name: str, part: pd.DataFrame, number: int, *, figures: bool) -> Drawing:
    from facies.report.figures.forest import forest

    first = part.iloc[0]
    ratio = first.scale in RATIOS
    drawing = f"figure-forest-{kind}-{number + 1}"
    rows = pd.DataFrame(
        {
            "head": [wrapped_label(data.label(row.adjustment)) for row in each(part)],
            "label": [wrapped_label(source_label(data, row.source)) for row in each(part)],
            "text": [effect_text(row) for row in each(part)],
            **{column: part[column].to_numpy() for column in ("rank", "estimate", "ci_low", "ci_high")},
        }
    )
    axis = first_capital(scale_text(data, first))
    words = exposure_in_caption(data, first)
    caption = f"{data.title(name)}: {axis[:1].lower()}{axis[1:]}{words}, 95% intervals{'; logarithmic axis' if ratio else ''}."
    svg = forest(rows, axis_label=axis, ratio=ratio, name=drawing) if figures else ""
    return Drawing(drawing, caption, f"Forest plot. {data.title(name)}, {axis}. {_words(data, part)}.", svg)


def exposure_in_caption(data: ReportData, row: pd.Series) -> str:
    """Return what the step is of, for a caption that already names the step's size."""
    if row.kind == "determinant":
        return f" of {data.label(row.exposure)}" if row.per == 1 else f" ({per_text(row.per)} of {data.label(row.exposure)})"
    return f" of {EXPOSURE_WORDS.get(row['name'], data.label(str(row['name'])))}"


def _words(data: ReportData, part: pd.DataFrame) -> str:
    groups = part.groupby("adjustment", sort=False)
    return "; ".join(
        f"{data.label(str(adjustment))}: "
        + ", ".join(f"{source_label(data, row.source)} {effect_text(row)}, n={row.n}" for row in each(rows))
        for adjustment, rows in groups
    )
