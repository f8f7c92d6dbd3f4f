"""Scores over time: one patient's, and those of all patients of a condition since treatment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.report.figures.style import COLOURS, GREY, PALE, drawn, source_style

CHANGED = ("lower", "higher")
"""Verdicts that fill a marker."""

LEGEND = "bars: 95% interval of the visit; filled: changed from the first visit beyond error\nband: what error alone hides"

FEWEST_LINES = 10
"""Patients from which lines of single patients are drawn in a report."""


def patient_timeline(scores: pd.DataFrame, changes: pd.DataFrame, *, title: str) -> str:
    """Draw one patient's score at each visit with its interval, one panel a condition, one line a model, as an SVG file of its own.

    A filled marker is a change from the first visit beyond error; the band is what error alone hides. Days count from the treatment where
    it is known, otherwise from the first visit; without dates visits stand at equal distances.

    Parameters
    ----------
    scores
        The patient's rows of table SESSION_SCORES, of the conditions to draw, in the order of visits.
    changes
        The patient's rows of table SCORE_CHANGES.
    title
        The head of the figure: the identifier. The file is personal data.
    """
    places, label, treated = _places(scores)
    told = scores.assign(place=places).merge(
        changes[["session_id", "model_id", "target_condition", "smallest_detectable", "verdict"]],
        on=["session_id", "model_id", "target_condition"], how="left",
    )  # fmt: skip
    conditions = list(dict.fromkeys(told["target_condition"]))
    models = list(dict.fromkeys(told["model_id"]))

    def paint(figure: Any) -> None:
        for axes, condition in zip(figure.subplots(len(conditions), sharex=True, squeeze=False)[:, 0], conditions, strict=True):
            own = told[told["target_condition"] == condition]
            for rank, model in enumerate(models):
                _one_line(axes, own[own["model_id"] == model].sort_values("place"), model, rank + 1, banded=rank == 0)
            if treated:
                axes.axvline(0, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
            axes.set(title=f"{title}: {condition}" if condition == conditions[0] else condition, ylabel="Score, log-odds")
            axes.margins(x=0.08)
        several = len(models) > 1
        axes.set_xlabel(f"{label}\n{LEGEND}{f' ({models[0]})' if several else ''}", fontsize=8)
        if several:
            named = {name: line for each in figure.axes for line, name in zip(*each.get_legend_handles_labels(), strict=True)}
            figure.legend(named.values(), named.keys(), loc="outside lower left", ncols=2)

    svg = drawn(paint, name="timeline", width=420, height=60 + 190 * len(conditions))
    return svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1) + "\n"


def _places(scores: pd.DataFrame) -> tuple[pd.Series, str, bool]:
    """Return where each row stands on the axis of time, the axis' label, and whether treatment is at 0."""
    if scores["days"].notna().all():
        treatment = float((scores["days"] - scores["days_from_treatment"]).min())
        if np.isfinite(treatment):
            return scores["days"] - treatment, "Days from treatment", True
        return scores["days"], "Days from the first visit", False
    number = scores.groupby(["model_id", "target_condition"], sort=False).cumcount() + 1
    return number.astype(float), "Visit", False


def _one_line(axes: Any, rows: pd.DataFrame, model: str, rank: int, *, banded: bool) -> None:
    """Draw one model's scores of one condition."""
    colour, marker = source_style(rank)
    place, score = rows["place"].to_numpy(float), rows["score"].to_numpy(float)
    hidden = rows["smallest_detectable"].bfill().to_numpy(float)
    if banded and len(rows) and np.isfinite(hidden).any():
        axes.fill_between(place, score[0] - hidden, score[0] + hidden, color=PALE, linewidth=0, zorder=0)
    low, high = rows["ci_low"].to_numpy(float), rows["ci_high"].to_numpy(float)
    axes.vlines(place, np.where(np.isnan(low), score, low), np.where(np.isnan(high), score, high), color=colour, linewidth=1.4)
    axes.plot(place, score, color=colour, linewidth=1, label=model)
    beyond = rows["verdict"].isin(CHANGED).to_numpy()
    for chosen, face in ((beyond, colour), (~beyond, "white")):
        axes.plot(
            place[chosen], score[chosen], linestyle="none", marker=marker, markersize=6, markerfacecolor=face, markeredgecolor=colour,
        )  # fmt: skip


def cohort_timelines(lines: pd.DataFrame, means: pd.DataFrame, *, detectable: float, name: str) -> str:
    """Draw changes since the last visit before treatment: a thin line a patient, means with intervals, and the band of error.

    Parameters
    ----------
    lines
        ``patient days change``; ``patient`` only tells lines apart and is not printed. Left out with fewer than
        :data:`FEWEST_LINES` patients.
    means
        Table TRAJECTORIES of one model and condition.
    detectable
        Smallest change of one patient that error does not explain; NaN where it is not known.
    name
        Prefix of identifiers inside the SVG.
    """

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        if np.isfinite(detectable):
            axes.axhspan(-detectable, detectable, color=PALE, linewidth=0, zorder=0, label="within error of one patient")
        if lines["patient"].nunique() >= FEWEST_LINES:
            for _, part in lines.sort_values("days").groupby("patient", sort=False):
                axes.plot(part["days"], part["change"], color=GREY, linewidth=0.6, alpha=0.6, marker="o", markersize=1.6)
        days, mean = means["days_from_treatment"], means["mean"]
        known = means[means["ci_low"].notna()]
        axes.vlines(known["days_from_treatment"], known["ci_low"], known["ci_high"], color=COLOURS[1], linewidth=2, zorder=3)
        axes.plot(days, mean, color=COLOURS[1], linewidth=1.6, marker="s", markersize=6, zorder=3, label="mean, 95% interval")
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.axvline(0, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(xlabel="Days from treatment", ylabel="Change of the score, log-odds")
        figure.legend(loc="outside upper left", ncols=2)

    return drawn(paint, name=name, width=420, height=300)
