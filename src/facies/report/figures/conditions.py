"""Figures of the report on conditions: ROC curves, predictive values, calibration, decision curves, regions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.figures.style import COLOURS, GREY, INK, PALE, drawn


def roc_curves(points: pd.DataFrame, *, name: str) -> str:
    """Draw ROC curves with bands.

    Parameters
    ----------
    points
        Columns ``label false_positive_rate sensitivity ci_low ci_high``; the first label is drawn with its band.
    """

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=PALE, linewidth=1)
        for rank, (label, part) in enumerate(points.groupby("label", sort=False)):
            colour = COLOURS[(rank + 1) % len(COLOURS)]
            if rank == 0:
                axes.fill_between(part.false_positive_rate, part.ci_low, part.ci_high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(
                part.false_positive_rate, part.sensitivity, color=colour, linewidth=1.8, linestyle=("-", "--", ":")[rank % 3], label=label
            )
        axes.set(xlabel="1 − specificity", ylabel="Sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.legend(loc="lower right")

    return drawn(paint, name=name, width=330, height=320)


def predictive_curves(rows: pd.DataFrame, *, name: str) -> str:
    """Draw PPV and NPV over the prevalence (logarithmic), with bands; prevalences that were asked for are marked.

    Parameters
    ----------
    rows
        Columns of PREVALENCE_CURVES, one rule.
    """

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        part = rows.sort_values("prevalence")
        for rank, metric in enumerate(("ppv", "npv"), 1):
            colour = COLOURS[rank]
            axes.fill_between(part.prevalence, part[f"{metric}_low"], part[f"{metric}_high"], color=colour, alpha=0.15, linewidth=0)
            axes.plot(part.prevalence, part[metric], color=colour, linewidth=1.8, linestyle=("-", "--")[rank - 1], label=metric.upper())
        for prevalence in part.prevalence[part.asked]:
            axes.axvline(prevalence, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xscale("log")
        axes.set(xlabel="Prevalence among people tested", ylabel="Predictive value", ylim=(-0.02, 1.02))
        ticks = [0.0001, 0.001, 0.01, 0.1, 0.5]
        axes.set_xticks(ticks, [f"{100 * tick:g} %" for tick in ticks])
        axes.minorticks_off()
        axes.legend(loc="center left")

    return drawn(paint, name=name, width=350, height=270)


def calibration_plot(rows: pd.DataFrame, *, name: str) -> str:
    """Draw observed over predicted probability, with intervals.

    Parameters
    ----------
    rows
        Columns ``predicted observed ci_low ci_high``.
    """

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        top = float(min(1.0, max(rows.predicted.max(), rows.ci_high.max()) * 1.05))
        axes.plot([0, top], [0, top], color=PALE, linewidth=1)
        below, above = rows.observed - rows.ci_low, rows.ci_high - rows.observed
        axes.errorbar(
            rows.predicted, rows.observed, yerr=[below.clip(lower=0), above.clip(lower=0)], color=COLOURS[1], marker="o", linewidth=1.2
        )
        axes.set(xlabel="Predicted probability", ylabel="Observed share", xlim=(0, top), ylim=(0, top), aspect="equal")

    return drawn(paint, name=name, width=300, height=290)


def decision_plot(rows: pd.DataFrame, *, name: str) -> str:
    """Draw net benefit over the probability from which one would act.

    Parameters
    ----------
    rows
        Columns ``threshold net_benefit ci_low ci_high treat_all``, one prevalence.
    """

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        part = rows.sort_values("threshold")
        axes.axhline(0, color=GREY, linewidth=0.9, label="act on nobody")
        axes.plot(part.threshold, part.treat_all, color=INK, linewidth=1.2, linestyle="--", label="act on everybody")
        axes.fill_between(part.threshold, part.ci_low, part.ci_high, color=COLOURS[1], alpha=0.15, linewidth=0)
        axes.plot(part.threshold, part.net_benefit, color=COLOURS[1], linewidth=1.8, label="act on the model")
        top = float(part.ci_high.max())
        axes.set(xlabel="Probability from which one would act", ylabel="Net benefit", ylim=(-0.3 * top - 1e-6, 1.1 * top + 1e-6))
        axes.legend(loc="upper right")

    return drawn(paint, name=name, width=350, height=270)


def region_bars(rows: pd.DataFrame, *, name: str) -> str:
    """Draw the share of each region with its interval, and its area.

    Parameters
    ----------
    rows
        Columns ``label share ci_low ci_high area``, in the order to draw.
    """

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        places = range(len(rows))
        axes.barh(places, rows.share, color=COLOURS[1], alpha=0.75, height=0.62, label="share of the attribution")
        axes.hlines(places, rows.ci_low, rows.ci_high, color=INK, linewidth=1.3)
        axes.plot(rows.area, places, marker="D", color=COLOURS[2], linestyle="none", markersize=5, label="share of the picture")
        axes.set_yticks(places, rows.label)
        axes.invert_yaxis()
        axes.set(xlabel="Share", xlim=(0, None))
        axes.legend(loc="lower right")

    return drawn(paint, name=name, width=380, height=24 * len(rows) + 60)
