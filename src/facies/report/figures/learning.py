"""Learning curves: errors against how much was learnt from."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.figures.style import GREY, drawn, source_style


def learning_curves(rows: pd.DataFrame, *, x_label: str, name: str) -> str:
    """Draw the error of each model by size, with its interval, on a logarithmic axis; a line joins the fitted errors.

    Parameters
    ----------
    rows
        Columns ``label rank size mae ci_low ci_high fitted label_noise_floor``; errors in years.
    """

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        for place, (label, part) in enumerate(rows.groupby("label", sort=False)):
            _curve(axes, str(label), part.sort_values("size"), 1 + 0.012 * place)
        noise = rows.drop_duplicates("size").sort_values("size").set_index("size")["label_noise_floor"].dropna()
        if len(noise):
            axes.plot(noise.index, noise, color=GREY, linestyle=(0, (4, 3)), linewidth=1.1, label="noise of the labels")
        _axis(axes, sorted(set(rows["size"])))
        axes.set(xlabel=x_label, ylabel="Mean absolute error, years")
        axes.set_ylim(bottom=0)
        figure.legend(loc="outside upper left", ncols=2, fontsize=8)

    return drawn(paint, name=name, width=360, height=280)


def _curve(axes: Any, label: str, part: pd.DataFrame, aside: float) -> None:
    """Draw one model's points a little aside of the others', and its fitted line."""
    colour, marker = source_style(int(part["rank"].iloc[0]))
    places = part["size"] * aside
    axes.vlines(places, part["ci_low"], part["ci_high"], color=colour, linewidth=1.2)
    axes.plot(places, part["mae"], marker=marker, markersize=4.5, color=colour, linestyle="none")
    axes.plot(part["size"], part["fitted"], color=colour, linewidth=1.2, label=label)


def _axis(axes: Any, sizes: list[int]) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(sizes, [str(size) for size in sizes])
