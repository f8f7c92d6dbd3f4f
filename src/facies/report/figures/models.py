"""The errors of all models on one axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from facies.report.figures.style import GREY, INK, drawn, source_style


def error_by_model(errors: pd.DataFrame, *, lines: Mapping[str, float], name: str = "models") -> str:
    """Draw each model's mean absolute error with its interval, beside lines to compare it with.

    Parameters
    ----------
    errors
        Columns ``label value ci_low ci_high`` in years, in the order to draw.
    lines
        Vertical lines, such as the label-noise floor and the error of predicting the mean: name to years.
    """

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        for place, row in enumerate(errors.itertuples()):
            colour, marker = source_style(place + 1)
            axes.plot([row.ci_low, row.ci_high], [place, place], color=colour, linewidth=1.6)
            axes.plot([row.value], [place], marker=marker, color=colour, markersize=6, linestyle="none")
            axes.annotate(row.label, (row.value, place), xytext=(0, 8), textcoords="offset points", ha="center", fontsize=9)
        _lines(axes, lines)
        axes.set(ylim=(len(errors) - 0.4, -0.9), yticks=[], xlabel="Mean absolute error, years")
        axes.set_xlim(left=0)
        axes.margins(x=0.12)
        axes.spines["left"].set_visible(False)

    return drawn(paint, name=name, width=360, height=min(350, 110 + 55 * len(errors)))


def _lines(axes: Any, lines: Mapping[str, float]) -> None:
    top = {"xycoords": ("data", "axes fraction"), "xytext": (4, -2), "textcoords": "offset points", "va": "top"}
    for name, place in lines.items():
        axes.axvline(place, color=GREY, linewidth=1.1, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(name, (place, 1), fontsize=9, color=INK, **top)
