"""Means by genotype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from facies.report.figures.style import drawn, source_style


def group_means(rows: pd.DataFrame, *, groups: Sequence[str], name: str = "groups") -> str:
    """Draw the mean of each group with its interval, sources side by side.

    Parameters
    ----------
    rows
        Columns ``label rank group n mean ci_low ci_high`` in years, sources in the order to draw.
    groups
        The groups from left to right.
    """
    sources = list(rows.groupby("label", sort=False))
    largest = rows.groupby("group").n.max()

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        for place, (label, part) in enumerate(sources):
            colour, marker = source_style(int(part["rank"].iloc[0]))
            x = part["group"].map(list(groups).index).to_numpy(float) + 0.13 * (place - (len(sources) - 1) / 2)
            mean = part["mean"].to_numpy(float)
            reach = [mean - part["ci_low"].to_numpy(float), part["ci_high"].to_numpy(float) - mean]
            style = {"color": colour, "markersize": 5.5, "linewidth": 0.9, "elinewidth": 1.4}
            axes.errorbar(x, mean, yerr=reach, fmt=f"{marker}:", label=label, **style)
        axes.set_xticks(range(len(groups)), [f"{group}\nn={largest.get(group, 0):,}" for group in groups])
        axes.set(ylabel="Mean perceived age, years", xlim=(-0.5, len(groups) - 0.5))
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    return drawn(paint, name=name, width=480, height=260)
