"""The age gap over age, before and after correction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from facies.report.figures.style import GREY, drawn, source_style


def gaps_over_age(bands: pd.DataFrame, *, titles: Mapping[str, str], name: str = "gaps") -> str:
    """Draw the mean gap of each source by age band, one panel a correction, on one vertical scale.

    Parameters
    ----------
    bands
        Columns ``label rank correction start mean ci_low ci_high``; ``start`` is the first year of a 5-year band, the rest years.
    titles
        Correction to the title of its panel, in the order to draw.
    """
    shown = {correction: title for correction, title in titles.items() if (bands["correction"] == correction).any()}

    def paint(figure: Any) -> None:
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axes, (correction, title) in zip(panels, shown.items(), strict=True):
            _lines(axes, bands[bands["correction"] == correction])
            axes.set_title(title)
            axes.axhline(0, color=GREY, linewidth=0.8)
            axes.set_xlabel("Age, years")
        panels[0].set_ylabel("Mean gap, years")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=min(3 if any("\n" in label for label in labels) else 4, len(labels))
        )

    return drawn(paint, name=name, width=560, height=270)


def _lines(axes: Any, rows: pd.DataFrame) -> None:
    groups = list(rows.groupby("label", sort=False))
    for place, (label, part) in enumerate(groups):
        colour, marker = source_style(int(part["rank"].iloc[0]))
        x = part["start"].to_numpy(float) + 2.5 + 0.5 * (place - (len(groups) - 1) / 2)
        mean = part["mean"].to_numpy(float)
        reach = [mean - part["ci_low"].to_numpy(float), part["ci_high"].to_numpy(float) - mean]
        axes.errorbar(x, mean, yerr=reach, fmt=f"{marker}-", color=colour, markersize=4, linewidth=1.1, elinewidth=1.1, label=label)
