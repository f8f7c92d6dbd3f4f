"""How well cases are told from others: ROC curves, AUCs by comparison, confusions, subgroups."""

from __future__ import annotations

import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Panels, Section, Text
from facies.report.condition_data import ConditionData
from facies.report.figures.conditions import roc_curves
from facies.report.numbers import DASH, count, fixed, with_interval

AGAINST = {"all": "All others", "same_source": "Others of the cases' source", "public": "Public negatives"}
LEAST_SHOWN = 5


def withheld(data: ConditionData) -> list[str]:
    """Return the conditions whose AUC is not shown."""
    return [name for name in data.target_conditions if data.headline(name) == "withheld"]


def discrimination_section(data: ConditionData, *, figures: bool) -> Section:
    """Return ROC curves, AUCs against each comparison, and the confusions of one model of all."""
    metrics = data.table("condition_metrics")
    if metrics is None:
        return Section("discrimination", "Discrimination", (Missing("AUC", data.why_missing("condition_metrics")),))
    shown = [name for name in data.target_conditions if name not in withheld(data)]
    blocks: list[Block] = []
    if withheld(data):
        names = ", ".join(map(data.label, withheld(data)))
        blocks.append(Text(f"Withheld because the verdict is confounded: {names}. The numbers are in results.json."))
    if shown:
        blocks += [_curves(data, shown, figures=figures), _table(data, metrics, shown), *_differences(data, metrics, shown)]
    return Section("discrimination", "Discrimination", (*blocks, *_confusions(data)))


def against_label(against: str) -> str:
    """Return a comparison as it is printed.

    Examples
    --------
    >>> against_label("source=web")
    'Others of web'
    """
    return f"Others of {against.partition('=')[2]}" if against.startswith("source=") else AGAINST[against]


def _curves(data: ConditionData, shown: list[str], *, figures: bool) -> Block:
    points = data.table("roc_points")
    if points is None:
        return Missing("ROC curves", data.why_missing("roc_points"))
    drawings = []
    for condition in shown:
        own = points[(points.model_id == data.first_model()) & (points.target_condition == condition)]
        order = [name for name in (data.headline(condition), "same_source", "all") if name in set(own.against)]
        parts = [own[own.against == name].assign(label=against_label(name)) for name in dict.fromkeys(order)]
        if not parts:
            continue
        alt = "; ".join(
            f"{part.label.iloc[0]}: sensitivity {fixed(part.sensitivity[part.false_positive_rate == 0.1].iloc[0])} at specificity 0.90"
            for part in parts
        )
        svg = roc_curves(pd.concat(parts), name=f"roc-{condition}") if figures else ""
        drawings.append(Drawing(f"figure-roc-{condition}", f"{data.title(condition)}: ROC curves, mean over the repeats.", alt, svg))
    return Panels(tuple(drawings)) if drawings else Missing("ROC curves", data.why_missing("roc_points"))


def _table(data: ConditionData, metrics: pd.DataFrame, shown: list[str]) -> Grid:
    rows = []
    own = metrics[(metrics.subgroup == "all") & (metrics.rule == "none")]
    for condition in shown:
        aucs = own.metric.isin(["auc", "auc_balanced"]) & ~own.system.str.contains(" minus ")
        for row in own[aucs & (own.target_condition == condition)].to_dict("records"):
            label = against_label(str(row["against"])) + (", balanced by weights" if row["metric"] == "auc_balanced" else "")
            value = with_interval(row["value"], row["ci_low"], row["ci_high"], 3)
            rows.append(
                (
                    data.title(condition),
                    str(row["system"]),
                    label,
                    value,
                    count(row["n"]),
                    count(row["n_cases"]),
                    str(row["method"] or DASH),
                )
            )
        for row in own[own.metric.eq("pr_auc") & (own.target_condition == condition)].to_dict("records"):
            value = with_interval(row["value"], row["ci_low"], row["ci_high"], 3)
            base = data.metric(condition, "pr_auc_baseline", system=str(row["system"]))
            label = "Precision-recall, all others" + ("" if base is None else f" (a blind score has {fixed(base['value'])})")
            rows.append(
                (data.title(condition), str(row["system"]), label, value, count(row["n"]), count(row["n_cases"]), str(row["method"]))
            )
    note = (
        "95 % intervals by person: DeLong's variance of the mean over the repeats on the logit scale; repeats add no people. Others "
        "include people with another target condition where they are from the compared source."
    )
    columns = ("Condition", "Model", "Against", "AUC", "People", "Cases", "Interval")
    return Grid("table-auc", "Area under the curve", columns, tuple(rows), note, frozenset({1, 2, 6}))


def _differences(data: ConditionData, metrics: pd.DataFrame, shown: list[str]) -> list[Block]:
    own = metrics[metrics.system.str.contains(" minus ") & metrics.target_condition.isin(shown)]
    if own.empty:
        return []
    rows = tuple(
        (
            data.title(str(row["target_condition"])),
            str(row["system"]),
            with_interval(row["value"], row["ci_low"], row["ci_high"], 3),
            str(row["method"]),
        )
        for row in own.to_dict("records")
    )
    return [
        Grid(
            "table-auc-pairs", "Models compared in the same people", ("Condition", "Difference", "AUC", "Test"), rows, "", frozenset({1, 3})
        )
    ]


def _confusions(data: ConditionData) -> list[Block]:
    frame = data.table("confusions")
    if frame is None:
        return [Heading("All conditions against each other"), Missing("Confusions", data.why_missing("confusions"))]
    own = frame[frame.model_id == frame.model_id.iloc[0]]
    names = list(dict.fromkeys([*data.target_conditions, *sorted(set(own.observed) | set(own.predicted))]))
    cells = own.set_index(["observed", "predicted"])
    rows = []
    for observed in names:
        if observed not in set(own.observed):
            continue
        line = [cells.n.get((observed, predicted), 0.0) for predicted in names]
        total = sum(line)
        rows.append((data.title(observed), count(round(total)), *(f"{fixed(n, 1)} ({100 * n / total:.0f} %)" for n in line)))
    note = (
        "One model of all, most probable diagnosis with diagnoses weighed as equally frequent; people, mean over the repeats. "
        "Rows: the reference."
    )
    columns = ("Reference", "People", *(data.title(name) for name in names))
    return [
        Heading("All conditions against each other"),
        Grid("table-confusions", "Reference against most probable diagnosis", columns, tuple(rows), note),
    ]


def subgroups_section(data: ConditionData) -> Section | None:
    """Return the AUC by subgroup."""
    metrics = data.table("condition_metrics")
    if metrics is None:
        return None
    own = metrics[(metrics.subgroup != "all") & (metrics.metric == "auc") & (metrics.system == data.first_model())]
    own = own[~own.target_condition.isin(withheld(data))]
    if own.empty:
        return None
    rows = []
    for row in own.to_dict("records"):
        column, _, level = str(row["subgroup"]).partition("=")
        value = with_interval(row["value"], row["ci_low"], row["ci_high"]) if row["value"] == row["value"] else "too few"
        rows.append(
            (data.title(str(row["target_condition"])), data.label(column), data.label(level), value, count(row["n"]), count(row["n_cases"]))
        )
    note = (
        f"Against all others of the subgroup; fewer than {LEAST_SHOWN} cases or others: too few. Skin tone is a crude measure: the "
        "typology angle of cheek and forehead in the photograph, which light and camera change too. Subgroups by source mix the camera in."
    )
    columns = ("Condition", "By", "Level", "AUC", "People", "Cases")
    return Section("subgroups", "Subgroups", (Grid("table-subgroups", "AUC by subgroup", columns, tuple(rows), note, frozenset({1, 2})),))
