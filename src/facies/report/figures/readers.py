"""Figures of readers: their biases, and how well models and readers do."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.figures.style import COLOURS, GREY, INK, PALE, drawn


def bias_plot(rows: pd.DataFrame, *, name: str, unit: str) -> str:
    """Draw each reader's bias with its 95 % interval, from the lowest on; those who stand out are marked.

    Parameters
    ----------
    rows
        Columns ``bias std_error flagged``.
    """

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        part = rows.sort_values("bias", ignore_index=True)
        axes.axhline(0, color=PALE, linewidth=1)
        for flagged, colour, marker in ((False, COLOURS[1], "o"), (True, COLOURS[2], "D")):
            own = part[part.flagged == flagged]
            axes.errorbar(
                own.index, own.bias, yerr=1.96 * own.std_error, color=colour, marker=marker, markersize=3, linewidth=0, elinewidth=0.8
            )
        axes.set(xlabel="Readers, by bias", ylabel=f"Bias ({unit})", xticks=[])

    return drawn(paint, name=name, width=430, height=250)


def rater_plot(rows: pd.DataFrame, *, name: str, label: str) -> str:
    """Draw a value of every rater with its interval: models, panels, then single readers.

    Parameters
    ----------
    rows
        Columns ``label kind value ci_low ci_high``, in the order to draw from the top.
    """
    shape = {"model": (COLOURS[2], "s"), "panel": (INK, "D"), "reader": (COLOURS[1], "o")}

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        for place, row in enumerate(rows.iloc[::-1].to_dict("records")):
            colour, marker = shape[row["kind"]]
            axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=colour, linewidth=1.4)
            axes.plot(row["value"], place, color=colour, marker=marker, markersize=5)
        axes.set_yticks(range(len(rows)), rows.label.iloc[::-1])
        axes.set(xlabel=label)
        axes.grid(axis="x", color=PALE, linewidth=0.6)
        axes.tick_params(axis="y", colors=GREY)

    return drawn(paint, name=name, width=460, height=60 + 19 * len(rows))
