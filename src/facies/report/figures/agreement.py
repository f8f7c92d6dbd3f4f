"""Predictions against the reference: scatter and Bland-Altman."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from facies.report.figures.style import COLOURS, GREY, INK, PALE, drawn
from facies.types import Floats

MANY_POINTS = 3000
"""From more points than this on, density is drawn instead of points."""


def predicted_against_observed(predictions: pd.DataFrame, *, observed_label: str, predicted_label: str, name: str = "scatter") -> str:
    """Draw predicted against observed with the identity line, the fitted line and the band of the prediction interval.

    Parameters
    ----------
    predictions
        Rows of PARTICIPANT_PREDICTIONS of one model with ``observed predicted ci_low ci_high`` in years.
    """
    known = predictions.dropna(subset=["observed", "predicted"])
    x, y = known["observed"].to_numpy(float), known["predicted"].to_numpy(float)
    ends = _ends(np.concatenate([x, y]))

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        _band(axes, known)
        _cloud(axes, x, y)
        axes.plot(ends, ends, color=GREY, linestyle=(0, (4, 3)), linewidth=1, label="equal")
        _fitted_line(axes, x, y)
        axes.set(xlim=ends, ylim=ends, xlabel=observed_label, ylabel=predicted_label, aspect="equal")
        axes.legend(loc="upper left", borderaxespad=0.2, handlelength=1.8)

    return drawn(paint, name=name, width=360, height=350)


def bland_altman(predictions: pd.DataFrame, limits: Mapping[str, float], *, observed_label: str, name: str = "bland-altman") -> str:
    """Draw predicted minus observed over their mean, with bias and limits of agreement.

    Parameters
    ----------
    predictions
        As for :func:`predicted_against_observed`.
    limits
        ``mean_difference limit_low limit_high`` in years; when empty, only the points are drawn.
    """
    known = predictions.dropna(subset=["observed", "predicted"])
    x = (known["observed"].to_numpy(float) + known["predicted"].to_numpy(float)) / 2
    y = known["predicted"].to_numpy(float) - known["observed"].to_numpy(float)

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        _cloud(axes, x, y)
        axes.axhline(0, color=PALE, linewidth=1, zorder=0)
        for metric, height in limits.items():
            is_bias = metric == "mean_difference"
            axes.axhline(height, color=INK, linewidth=1.3, linestyle="-" if is_bias else (0, (4, 3)))
            _line_label(axes, height, "bias" if is_bias else "95% limit")
        axes.set(xlim=_ends(x), xlabel=f"Mean of predicted and {observed_label}, years", ylabel="Predicted − reference, years")

    return drawn(paint, name=name, width=360, height=350)


def _ends(values: Floats) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = max(0.04 * (high - low), 1.0)
    return low - margin, high + margin


def _cloud(axes: Any, x: Floats, y: Floats) -> None:
    if len(x) > MANY_POINTS:
        axes.hexbin(x, y, gridsize=40, mincnt=1, bins="log", cmap="Blues", linewidths=0, alpha=0.75)
        return
    size = float(np.clip(6000 / max(len(x), 1), 4, 16))
    axes.scatter(x, y, s=size, color=COLOURS[1], alpha=0.55 if len(x) < 600 else 0.35, linewidths=0)


def _fitted_line(axes: Any, x: Floats, y: Floats) -> None:
    if len(x) > 2 and np.ptp(x) > 0:
        slope, start = np.polyfit(x, y, 1)
        reach = np.array([x.min(), x.max()])
        axes.plot(reach, start + slope * reach, color=COLOURS[2], linewidth=1.8, label="fitted line")


def _band(axes: Any, known: pd.DataFrame) -> None:
    """Shade where the reference should lie for each prediction: the interval's mean ends in up to 12 groups of predictions."""
    rows = known.dropna(subset=["ci_low", "ci_high"])
    if len(rows) < 10:
        return
    ordered = rows.sort_values("predicted", kind="stable")[["predicted", "ci_low", "ci_high"]].to_numpy(float)
    means = np.array([chunk.mean(axis=0) for chunk in np.array_split(ordered, min(12, len(rows) // 5))])
    edges = np.concatenate([[ordered[0, 0]], means[:, 0], [ordered[-1, 0]]])
    low, high = (np.interp(edges, means[:, 0], means[:, i] - means[:, 0]) for i in (1, 2))
    axes.fill_betweenx(edges, edges + low, edges + high, color=PALE, alpha=0.6, linewidth=0, zorder=0, label="prediction interval")


def _line_label(axes: Any, height: float, text: str) -> None:
    number = f"{height:+.1f}".replace("-", "−")
    axes.annotate(
        f"{text} {number}",
        (1, height),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        fontsize=9,
    )
