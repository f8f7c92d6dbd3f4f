"""Errors by age band."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.figures.style import COLOURS, GREY, drawn


def error_by_band(bands: pd.DataFrame, *, name: str = "bands") -> str:
    """Draw the mean absolute error and the bias of one model over bands, with intervals.

    Parameters
    ----------
    bands
        Columns ``level metric value ci_low ci_high n``; metrics ``mae`` and ``bias`` in years, levels in the order to draw.
    """
    levels = list(dict.fromkeys(bands["level"]))
    shown = [metric for metric in ("mae", "bias") if (bands["metric"] == metric).any()]
    titles = {"mae": "Mean absolute error, years", "bias": "Bias (predicted − reference), years"}

    def paint(figure: Any) -> None:
        for axes, metric in zip(figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0], shown, strict=True):
            _intervals(axes, bands[bands["metric"] == metric].set_index("level").reindex(levels), metric)
            axes.set_title(titles[metric])
        axes.set_xticks(range(len(levels)), levels, fontsize=9 if len(levels) < 7 else 8, rotation=0 if len(levels) < 9 else 45)
        axes.set_xlabel("Age band, years")

    return drawn(paint, name=name, width=360, height=350)


def _intervals(axes: Any, rows: pd.DataFrame, metric: str) -> None:
    place = range(len(rows))
    value = rows["value"].to_numpy(float)
    reach = [value - rows["ci_low"].to_numpy(float), rows["ci_high"].to_numpy(float) - value]
    colour = COLOURS[1] if metric == "mae" else COLOURS[2]
    axes.errorbar(place, value, yerr=reach, fmt="o" if metric == "mae" else "D", color=colour, capsize=0, markersize=5, linewidth=1.4)
    axes.axhline(0, color=GREY, linewidth=0.8, linestyle="-" if metric == "bias" else "none")
    axes.margins(x=0.08)
    if metric == "mae":
        axes.set_ylim(bottom=0)
