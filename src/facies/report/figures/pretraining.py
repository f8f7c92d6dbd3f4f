"""How a pretraining went: what could be told from the vectors along the run, and whether they collapsed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.figures.style import GREY, drawn, source_style

PROBES = {"probe_mae": "Linear probe", "knn_mae": "Nearest neighbours"}
"""Columns of the history and their names."""


def probe_curve(history: pd.DataFrame, *, kept_step: int, name: str = "probe") -> str:
    """Draw the probes' errors over the steps, where there was a probe, and the vectors' effective rank.

    Parameters
    ----------
    history
        Columns ``step probe_mae knn_mae rank``; errors in years, missing throughout where nothing watched.
    kept_step
        Whose weights were kept; marked by a line.
    """
    probed = history["probe_mae"].notna().any()

    def paint(figure: Any) -> None:
        panels = figure.subplots(1, 1 + probed, squeeze=False)[0]
        if probed:
            _errors(panels[0], history)
        panels[-1].plot(history["step"], history["rank"], color=source_style(3)[0], linewidth=1.6)
        panels[-1].set_ylabel("Effective rank")
        panels[-1].set_ylim(bottom=0)
        for axes in panels:
            axes.axvline(kept_step, color=GREY, linewidth=0.8, linestyle=":")
            axes.set_xlabel("Step")

    return drawn(paint, name=name, width=560 if probed else 300, height=230)


def _errors(axes: Any, history: pd.DataFrame) -> None:
    for rank, (column, label) in enumerate(PROBES.items(), start=1):
        colour, marker = source_style(rank)
        axes.plot(history["step"], history[column], f"{marker}-", color=colour, markersize=3, linewidth=1.3, label=label)
    axes.set_ylabel("MAE, years")
    axes.legend()
