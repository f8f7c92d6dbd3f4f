"""Forest plots: estimates with intervals in rows, on a linear or a logarithmic axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.report.figures.style import COLOURS, GREY, INK, PALE, drawn, source_style
from facies.types import Floats

ROW, LINE, HEAD = 16.0, 11.0, 20.0
"""Height of a row, of each further line of its label, and of a head, points."""

_FINE = [step / 50 for step in range(40, 76)]
_TICKS = (
    [0.01, 0.1, 1, 10, 100],
    [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50],
    [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4],
    [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2, 2.5],
    [step / 20 for step in range(10, 41)],
    _FINE,
)
"""Choices of ticks for a logarithmic axis, from coarse to fine."""


def forest(
    rows: pd.DataFrame, *, axis_label: str, ratio: bool, name: str, nothing: float | None = None, band: tuple[float, float] | None = None
) -> str:
    """Draw estimates with their intervals, one row each, under heads.

    An interval that reaches far beyond the others is cut and ends in an arrow; its numbers stand beside it.

    Parameters
    ----------
    rows
        Columns ``head label rank estimate ci_low ci_high text``, in the order to draw. ``rank`` is the place of the source among the
        sources and gives colour and marker. Optional: ``marker``; ``inner_low inner_high``, the ends of a thicker inner interval;
        ``expected``, drawn as a hollow diamond.
    ratio
        Whether the axis is logarithmic.
    nothing
        Where the line of no effect stands: 1 for ratios, 0 for differences unless given.
    band
        Ends of a shaded range, such as an equivalence margin.
    """
    places, heads, height = _places(rows)

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.set_xscale("log" if ratio else "linear")
        ends = _ends(rows, ratio=ratio, include=(1.0 if ratio else 0.0) if nothing is None else nothing, band=band)
        axes.set(xlim=ends, ylim=(height, 0), xlabel=axis_label)
        if band is not None:
            axes.axvspan(*band, color=PALE, alpha=0.55, linewidth=0, zorder=-1)
        axes.axvline((1.0 if ratio else 0.0) if nothing is None else nothing, color=GREY, linewidth=0.9, zorder=0)
        axes.spines["left"].set_visible(False)
        axes.set_yticks(places, rows["label"])
        axes.tick_params(axis="y", length=0, labelcolor=COLOURS[0])
        for text, place in heads:
            _head(axes, text, place)
        for place, row in zip(places, rows.to_dict("records"), strict=True):
            _one(axes, row, float(place), ends)
        _ticks(axes, ends, ratio=ratio)

    return drawn(paint, name=name, width=360, height=height + 50)


def _places(rows: pd.DataFrame) -> tuple[Floats, list[tuple[str, float]], float]:
    """Return the middle of each row and of each head, counted downwards, and the height of all."""
    places, heads, top, seen = [], [], 0.0, ""
    for head, label in zip(rows["head"], rows["label"], strict=True):
        if head and head != seen:
            room = HEAD + LINE * str(head).count("\n")
            heads.append((str(head), top + room / 2 + 2))
            top, seen = top + room, head
        room = ROW + LINE * str(label).count("\n")
        places.append(top + room / 2)
        top += room
    return np.array(places), heads, top + 4


def _head(axes: Any, text: str, place: float) -> None:
    axes.annotate(
        text, (0, place), xycoords=("axes fraction", "data"), xytext=(-4, 0), textcoords="offset points", ha="right", va="center",
        weight="bold", fontsize=9, color=INK,
    )  # fmt: skip


def _one(axes: Any, row: dict[Any, Any], place: float, ends: tuple[float, float]) -> None:
    colour, marker = source_style(int(row["rank"]))
    low, high = max(row["ci_low"], ends[0]), min(row["ci_high"], ends[1])
    axes.plot([low, high], [place, place], color=colour, linewidth=1.4, solid_capstyle="butt")
    for end, inside, arrow in ((ends[0], row["ci_low"] >= ends[0], "<"), (ends[1], row["ci_high"] <= ends[1], ">")):
        if not inside:
            axes.plot([end], [place], marker=arrow, color=colour, markersize=5, clip_on=False)
    if "inner_low" in row:
        inner = [max(row["inner_low"], ends[0]), min(row["inner_high"], ends[1])]
        axes.plot(inner, [place, place], color=colour, linewidth=3.6, solid_capstyle="butt")
    axes.plot([row["estimate"]], [place], marker=row.get("marker", marker), color=colour, markersize=5.5, linestyle="none")
    if row.get("expected") is not None and ends[0] <= row["expected"] <= ends[1]:
        axes.plot([row["expected"]], [place], marker="d", markersize=9, color=INK, markerfacecolor="none", linestyle="none")
    axes.annotate(
        row["text"], (1, place), xycoords=("axes fraction", "data"), xytext=(7, 0), textcoords="offset points", va="center", fontsize=9
    )


def _ends(rows: pd.DataFrame, *, ratio: bool, include: float, band: tuple[float, float] | None) -> tuple[float, float]:
    """Return the ends of the axis: all estimates, and intervals as far as three times the usual width from them."""
    scale, back = (np.log, np.exp) if ratio else (np.asarray, np.asarray)
    low, value, high = (scale(rows[column].to_numpy(float)) for column in ("ci_low", "estimate", "ci_high"))
    reach = 3 * float(np.median(high - low))
    others = scale(np.array([include, *(band or ())]))
    start = min(float(max(low.min(), value.min() - reach)), float(others.min()))
    end = max(float(min(high.max(), value.max() + reach)), float(others.max()))
    margin = 0.06 * ((end - start) or 1.0)
    return float(back(start - margin)), float(back(end + margin))


def _ticks(axes: Any, ends: tuple[float, float], *, ratio: bool) -> None:
    if ratio:
        log_ticks(axes.xaxis, ends)
    else:
        axes.locator_params(axis="x", nbins=5)


def log_ticks(axis: Any, ends: tuple[float, float]) -> None:
    """Put plain numbers on a logarithmic axis: the coarsest choice that has at least three within the ends."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    inside = [[tick for tick in choice if ends[0] <= tick <= ends[1]] for choice in _TICKS]
    ticks = next((choice for choice in inside if 3 <= len(choice) <= 6), max(inside[:-2], key=len)[:6])
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
