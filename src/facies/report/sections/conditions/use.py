"""What a threshold does: sensitivity and specificity, predictive values at a prevalence, calibration, net benefit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Panels, Section, Text
from facies.report.condition_data import ConditionData
from facies.report.figures.conditions import calibration_plot, decision_plot, predictive_curves
from facies.report.numbers import count, fixed, with_interval
from facies.report.sections.conditions.discrimination import against_label, withheld
from facies.report.sections.conditions.found import first_rule

RULE_NOTE = (
    "Thresholds were fixed by these rules on inner folds of the people that each model was fitted on, never on those who are counted here. "
    "Accuracy stands beside that of calling everybody alike. Intervals: Wilson, by person."
)


def operating_section(data: ConditionData) -> Section:
    """Return sensitivity, specificity and accuracy at the declared rules."""
    metrics = data.table("condition_metrics")
    if metrics is None:
        return Section("operating", "Operating points", (Missing("Operating points", data.why_missing("condition_metrics")),))
    own = metrics[(metrics.rule != "none") & (metrics.subgroup == "all") & ~metrics.target_condition.isin(withheld(data))]
    rows = []
    for keys, part in own.groupby(["target_condition", "system", "rule", "against"], sort=False):
        condition, system, rule, against = map(str, keys)
        values = {row["metric"]: row for row in part.to_dict("records")}
        shown = [_value(values[name]) for name in ("sensitivity", "specificity", "accuracy")]
        majority = fixed(values["majority_class_rate"]["value"])
        n = values["accuracy"]["n"]
        rows.append((data.title(condition), system, rule, against_label(against), *shown, majority, count(n)))
    columns = ("Condition", "Model", "Rule", "Against", "Sensitivity", "Specificity", "Accuracy", "All alike", "People")
    grid = Grid("table-operating", "Calls at thresholds fixed beforehand", columns, tuple(rows), RULE_NOTE, frozenset({1, 2, 3}))
    return Section("operating", "Operating points", (grid, _cross_table(data, own[own.against == "all"])))


def _cross_table(data: ConditionData, own: pd.DataFrame) -> Grid:
    """Return counts of the index test by the reference (STARD's cross tabulation)."""
    rows = []
    for keys, part in own.groupby(["target_condition", "system", "rule"], sort=False):
        condition, system, rule = map(str, keys)
        found = part.set_index("metric")
        n, cases = int(found.n.iloc[0]), int(found.n_cases.iloc[0])
        positive = (found.value["sensitivity"] * cases, (1 - found.value["specificity"]) * (n - cases))
        negative = (cases - positive[0], n - cases - positive[1])
        shown = [fixed(value, 1) for value in (*positive, *negative)]
        rows.append((data.title(condition), system, rule, *shown, count(cases), count(n - cases)))
    columns = (
        "Condition", "Model", "Rule", "Called positive, with it", "Called positive, without", "Called negative, with it",
        "Called negative, without", "All with it", "All without",
    )  # fmt: skip
    note = "People against all others; counts are means over the repeats, and so need not be whole."
    return Grid("table-cross", "Index test against reference", columns, tuple(rows), note, frozenset({1, 2}))


def _value(row: Mapping[Any, Any]) -> str:
    return with_interval(row["value"], row["ci_low"], row["ci_high"])


def prevalence_section(data: ConditionData, *, figures: bool) -> Section:
    """Return what happens among people who would be tested."""
    curves = data.table("prevalence_curves")
    if curves is None:
        return Section("prevalence", "At the real prevalence", (Missing("Predictive values", data.why_missing("prevalence_curves")),))
    blocks: list[Block] = [
        Text(
            "The study's mix of cases and others is its own; PPV, NPV and net benefit depend on the share of people with the condition "
            "among those who are tested. That share was given in study.toml. Whether sensitivity and specificity are the same in them is "
            "another matter."
        )
    ]
    for condition in data.target_conditions:
        if condition not in withheld(data):
            blocks += _of_condition(data, curves, condition, figures=figures)
    return Section("prevalence", "At the real prevalence", tuple(blocks))


def _of_condition(data: ConditionData, curves: pd.DataFrame, condition: str, *, figures: bool) -> list[Block]:
    own = curves[(curves.model_id == data.first_model()) & (curves.target_condition == condition)]
    if own.empty:
        return [Missing(data.title(condition), data.why_missing("prevalence_curves"))]
    rows = tuple(
        (f"{100 * row['prevalence']:g} %", str(row["rule"]), with_interval(row["ppv"], row["ppv_low"], row["ppv_high"]),
         with_interval(row["npv"], row["npv_low"], row["npv_high"], 4), *(fixed(row[name], 1) for name in
         ("true_positives", "false_positives", "false_negatives", "true_negatives")))
        for row in own[own.asked].to_dict("records")
    )  # fmt: skip
    columns = ("Prevalence", "Rule", "PPV", "NPV", "Found", "False alarms", "Missed", "Rightly passed")
    grid = Grid(f"table-prevalence-{condition}", f"{data.title(condition)}: of 1,000 people tested", columns, rows, "", frozenset({1}))
    rule = first_rule(data, condition)
    part = own[own.rule == rule]
    svg = predictive_curves(part, name=f"prevalence-{condition}") if figures else ""
    alt = "; ".join(f"at {100 * row['prevalence']:g} % PPV {fixed(row['ppv'])}, NPV {fixed(row['npv'])}" for row in part.to_dict("records"))
    caption = f"{data.title(condition)}, {rule}: predictive values over the prevalence; dotted: as study.toml asks."
    drawings = [Drawing(f"figure-prevalence-{condition}", caption, alt, svg), *_decisions(data, condition, figures=figures)]
    return [Heading(data.title(condition)), grid, Panels(tuple(drawings))]


def _decisions(data: ConditionData, condition: str, *, figures: bool) -> list[Drawing]:
    curves = data.table("decision_curves")
    if curves is None:
        return []
    own = curves[(curves.model_id == data.first_model()) & (curves.target_condition == condition)]
    drawings = []
    for number, (prevalence, part) in enumerate(own.groupby("prevalence", sort=False)):
        if part.net_benefit.max() < 1e-3:
            continue  # too rare for a curve that can be seen; the numbers are in results.json
        svg = decision_plot(part, name=f"decision-{condition}-{number}") if figures else ""
        best = part.loc[part.net_benefit.idxmax()]
        alt = f"largest net benefit {fixed(best.net_benefit, 3)} at {fixed(best.threshold)}"
        caption = f"{data.title(condition)}: net benefit at a prevalence of {100 * float(str(prevalence)):g} %."
        drawings.append(Drawing(f"figure-decision-{condition}-{number}", caption, alt, svg))
    return drawings


def calibration_section(data: ConditionData, *, figures: bool) -> Section:
    """Return calibration in the study's own mix of people."""
    curves = data.table("calibration_curves")
    if curves is None:
        return Section("calibration", "Calibration", (Missing("Calibration", data.why_missing("calibration_curves")),))
    drawings, rows = [], []
    for condition in data.target_conditions:
        if condition in withheld(data):
            continue
        own = curves[(curves.model_id == data.first_model()) & (curves.target_condition == condition)]
        svg = calibration_plot(own, name=f"calibration-{condition}") if figures else ""
        alt = "; ".join(f"predicted {fixed(row['predicted'])}, observed {fixed(row['observed'])}" for row in own.to_dict("records"))
        drawings.append(Drawing(f"figure-calibration-{condition}", f"{data.title(condition)}: observed against predicted.", alt, svg))
        found = [data.metric(condition, name) for name in ("calibration_intercept", "calibration_slope", "brier")]
        rows.append((data.title(condition), *("" if one is None else _value(one) for one in found)))
    note = "Of cross-fitted probabilities in the study's own mix; right probabilities have intercept 0 and slope 1."
    grid = Grid("table-calibration", "Calibration", ("Condition", "Intercept", "Slope", "Brier score"), tuple(rows), note)
    blocks: tuple[Block, ...] = (Panels(tuple(drawings)), grid) if drawings else (Text("Withheld with the AUC."),)
    return Section("calibration", "Calibration", blocks)
