"""Manhattan and QQ plots of a scan, thinned to what the eye can tell apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.report.figures.style import COLOURS, GREY, drawn
from facies.types import Floats

GENOME_WIDE = 5e-8
SMALLEST = 1e-300
"""A p-value below what a number can hold is drawn here."""

_LETTERS = {"X": 23, "Y": 24, "XY": 25, "MT": 26, "M": 26}


def manhattan(points: pd.DataFrame, *, name: str) -> str:
    """Draw -log10 p over the position, chromosomes side by side in two shades; one chromosome gets an axis in Mb.

    Parameters
    ----------
    points
        Columns ``chromosome position p_value``; positions in base pairs.
    """
    heights = _heights(points["p_value"])
    order = points["chromosome"].map(chromosome_place).to_numpy()
    chromosomes = sorted({int(place) for place in order})
    position = points["position"].to_numpy(float) / 1e6

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.axhline(-np.log10(GENOME_WIDE), color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        if len(chromosomes) == 1:
            _dots(axes, position, heights, COLOURS[1], width=560, height=210)
            axes.set_xlabel(f"Chromosome {points['chromosome'].iloc[0]}, Mb")
            axes.ticklabel_format(axis="x", useOffset=False, style="plain")
        else:
            _side_by_side(axes, order, chromosomes, position, heights)
        axes.set(ylabel="−log10 p", ylim=(0, max(8.5, 1.06 * float(heights.max()))))

    return drawn(paint, name=name, width=560, height=210)


def quantiles(points: pd.DataFrame, *, name: str) -> str:
    """Draw observed against expected -log10 p.

    Parameters
    ----------
    points
        Columns ``p_value expected_p``; the expected p-value is that of the rank among all variants tested.
    """
    observed, expected = _heights(points["p_value"]), _heights(points["expected_p"])
    end = float(expected.max()) * 1.05

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.plot([0, end], [0, end], color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        _dots(axes, expected, observed, COLOURS[1], width=360, height=300)
        axes.set(xlabel="Expected −log10 p", ylabel="Observed −log10 p", xlim=(0, end), ylim=(0, max(end, 1.06 * float(observed.max()))))

    return drawn(paint, name=name, width=360, height=300)


def chromosome_place(name: object) -> int:
    """Return the place of a chromosome on the axis: 1 to 22, X, Y, XY, MT, then others.

    Examples
    --------
    >>> [chromosome_place(name) for name in ("16", "chrX", "MT", "scaffold")]
    [16, 23, 26, 99]
    """
    text = str(name).removeprefix("chr").upper()
    return int(text) if text.isdigit() else _LETTERS.get(text, 99)


def _heights(p_values: pd.Series) -> Floats:
    heights: Floats = -np.log10(p_values.to_numpy(float).clip(SMALLEST, 1.0)) + 0.0
    return heights


def _side_by_side(axes: Any, order: Any, chromosomes: list[int], position: Floats, heights: Floats) -> None:
    start, middles = 0.0, []
    words = {place: text for text, place in reversed(_LETTERS.items())}
    reach = {chromosome: float(np.ptp(position[order == chromosome])) for chromosome in chromosomes}
    least = 0.02 * max(sum(reach.values()), 1e-3)
    for place, chromosome in enumerate(chromosomes):
        inside, length = order == chromosome, max(reach[chromosome], least)
        along = position[inside] - position[inside].min() + start
        _dots(axes, along, heights[inside], COLOURS[1] if place % 2 == 0 else GREY, width=560, height=210)
        middles.append(start + length / 2)
        start += length + 0.4 * least
    few = len(chromosomes) <= 12
    axes.set_xticks(middles, [words.get(c, "?" if c == 99 else str(c)) if few or c % 2 or c < 10 else "" for c in chromosomes], fontsize=8)
    axes.tick_params(axis="x", length=0)
    axes.set(xlabel="Chromosome", xlim=(-0.4 * least, start))


def _dots(axes: Any, x: Floats, y: Floats, colour: str, *, width: float, height: float) -> None:
    """Draw points as one path of round dots; points that would cover each other are drawn once."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    spread = [max(float(np.ptp(values)), 1e-9) for values in (x, y)]
    cells = np.column_stack([np.round(x / spread[0] * width), np.round(y / spread[1] * height)])
    _, first = np.unique(cells, axis=0, return_index=True)
    ends = np.column_stack([x, y])[np.sort(first)].repeat(2, axis=0)
    codes = np.tile([Path.MOVETO, Path.LINETO], len(first))
    path = Path(ends, codes)
    path.should_simplify = False
    axes.add_patch(PathPatch(path, fill=False, edgecolor=colour, linewidth=2.6, capstyle="round"))
    axes.update_datalim(ends)
    axes.autoscale_view()
