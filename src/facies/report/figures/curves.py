"""Associations as curves over the exposure, one panel a source."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.figures.forest import log_ticks
from facies.report.figures.style import GREY, drawn, source_style

COLUMNS = 3
"""Panels side by side."""


def spline_curves(rows: pd.DataFrame, *, x_label: str, y_label: str, ratio: bool, name: str) -> str:
    """Draw an effect over the exposure with its interval as a band, one panel a source, on the same axes.

    Parameters
    ----------
    rows
        Columns ``label rank at reference estimate ci_low ci_high``, ``at`` in years.
    ratio
        Whether the vertical axis is logarithmic.
    """
    groups = list(rows.groupby("label", sort=False))
    columns = min(COLUMNS, len(groups))
    lines = -(-len(groups) // columns)
    ends = _ends(rows, ratio=ratio)

    def paint(figure: Any) -> None:
        panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
        for axes in panels.flat[len(groups) :]:
            axes.set_visible(False)
        for axes, (label, part) in zip(panels.flat, groups, strict=False):
            _curve(axes, str(label), part, ratio=ratio)
            axes.set_ylim(*ends)
            axes.tick_params(labelbottom=True)
        if ratio:
            log_ticks(panels[0, 0].yaxis, ends)
        figure.supylabel(y_label, fontsize=10)
        figure.supxlabel(x_label, fontsize=10)

    return drawn(paint, name=name, width=200 * columns + 60, height=190 * lines + 20)


def _ends(rows: pd.DataFrame, *, ratio: bool) -> tuple[float, float]:
    """Return the ends of the axis: all of the curves, and of the bands what lies not much further."""
    low, high = float(rows["estimate"].min()), float(rows["estimate"].max())
    if ratio:
        return max(float(rows["ci_low"].min()), low / 3) / 1.05, min(float(rows["ci_high"].max()), high * 3) * 1.05
    reach = (high - low) or 1.0
    return max(float(rows["ci_low"].min()), low - reach) - 0.05 * reach, min(float(rows["ci_high"].max()), high + reach) + 0.05 * reach


def _curve(axes: Any, label: str, part: pd.DataFrame, *, ratio: bool) -> None:
    colour, _ = source_style(int(part["rank"].iloc[0]))
    part = part.sort_values("at", kind="stable")
    if ratio:
        axes.set_yscale("log")
    axes.axhline(1 if ratio else 0, color=GREY, linewidth=0.8)
    axes.fill_between(part["at"], part["ci_low"], part["ci_high"], color=colour, alpha=0.18, linewidth=0)
    axes.plot(part["at"], part["estimate"], color=colour, linewidth=1.8)
    axes.set_title(label, fontsize=9)
