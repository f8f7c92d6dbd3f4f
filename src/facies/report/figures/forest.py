"""Forest plots: human and computed perceived age side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.report.figures.style import COLOURS, GREY, PALE, drawn, source_style

ROW, HEAD = 15.0, 21.0
"""Height of a row and of an outcome's head, points."""


def odds_ratio_forest(rows: pd.DataFrame, *, axis_label: str, name: str = "forest-or") -> str:
    """Draw odds ratios on one logarithmic axis, grouped by outcome.

    Parameters
    ----------
    rows
        Columns ``outcome_label source_label rank estimate ci_low ci_high text``, in the order to draw.
    """
    heights, height = _heights(rows)

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        axes.set_xlim(*_log_ends(rows))
        _rows(axes, rows, heights, height, nothing=1.0)
        _plain_log_ticks(axes)
        axes.set_xlabel(axis_label)

    return drawn(paint, name=name, width=440, height=height + 52)


def difference_forest(rows: pd.DataFrame, *, name: str = "forest-difference") -> str:
    """Draw differences, one axis an outcome because units differ.

    Parameters
    ----------
    rows
        As for :func:`odds_ratio_forest`, and ``unit``: the label of the outcome's axis.
    """
    groups = [group for _, group in rows.groupby("outcome_label", sort=False)]
    sizes = [_heights(group)[1] + 34 for group in groups]

    def paint(figure: Any) -> None:
        panels = figure.subplots(len(groups), squeeze=False, gridspec_kw={"height_ratios": sizes})[:, 0]
        for axes, group in zip(panels, groups, strict=True):
            heights, height = _heights(group)
            axes.set_xlim(*_linear_ends(group))
            _rows(axes, group, heights, height, nothing=0.0)
            axes.set_xlabel(group["unit"].iloc[0])
            axes.locator_params(axis="x", nbins=5)

    return drawn(paint, name=name, width=440, height=sum(sizes) + 14)


def _heights(rows: pd.DataFrame) -> tuple[np.ndarray[Any, Any], float]:
    """Return the height of each row, counted downwards, and the height of all; a new outcome leaves room for its head."""
    new = rows["outcome_label"].ne(rows["outcome_label"].shift()).to_numpy()
    heights = np.cumsum(np.where(new, HEAD + ROW, ROW)) - ROW / 2
    return heights, float(heights[-1] + ROW)


def _rows(axes: Any, rows: pd.DataFrame, heights: np.ndarray[Any, Any], height: float, *, nothing: float) -> None:
    axes.set_ylim(height, 0)
    axes.axvline(nothing, color=GREY, linewidth=0.9, zorder=0)
    axes.spines["left"].set_visible(False)
    axes.set_yticks(heights, rows["source_label"])
    axes.tick_params(axis="y", length=0, labelcolor=COLOURS[0])
    seen = ""
    for place, row in zip(heights, rows.itertuples(), strict=True):
        if row.outcome_label != seen:
            seen = str(row.outcome_label)
            _head(axes, seen, place - ROW / 2 - HEAD / 2 + 3)
        _one(axes, row, place)


def _head(axes: Any, text: str, place: float) -> None:
    axes.axhline(place - HEAD / 2, color=PALE, linewidth=0.6)
    axes.annotate(
        text,
        (0, place),
        xycoords=("axes fraction", "data"),
        xytext=(-4, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        weight="bold",
    )


def _one(axes: Any, row: Any, place: float) -> None:
    colour, marker = source_style(int(row.rank))
    axes.plot([row.ci_low, row.ci_high], [place, place], color=colour, linewidth=1.5, solid_capstyle="butt", clip_on=True)
    axes.plot([row.estimate], [place], marker=marker, color=colour, markersize=5.5, linestyle="none")
    axes.annotate(
        row.text, (1, place), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9
    )


def _log_ends(rows: pd.DataFrame) -> tuple[float, float]:
    low = min(float(rows["ci_low"].clip(lower=0.05).min()), 0.95)
    high = max(float(rows["ci_high"].clip(upper=20).max()), 1.05)
    return low / 1.06, high * 1.06


def _linear_ends(rows: pd.DataFrame) -> tuple[float, float]:
    low, high = min(float(rows["ci_low"].min()), 0.0), max(float(rows["ci_high"].max()), 0.0)
    margin = 0.07 * ((high - low) or 1.0)
    return low - margin, high + margin


def _plain_log_ticks(axes: Any) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    choices = [0.05, 0.1, 0.2, 0.33, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.35, 1.5, 1.75, 2, 3, 5, 10, 20]
    low, high = axes.get_xlim()
    inside = [tick for tick in choices if low <= tick <= high]
    ticks = inside if len(inside) <= 7 else [tick for tick in inside if tick in (0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 5, 10)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
