"""A page that says what a test would do among people of a given prevalence."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from facies.report.condition_data import ConditionData
from facies.report.numbers import fixed, with_interval
from facies.report.privacy import scrubber_for
from facies.stats.diagnostic import Share, per_people, predictive_values

SHOWN = (0.0001, 0.001, 0.01, 0.05, 0.1)
"""Prevalences of the table for readers without JavaScript, beside those that were asked for."""


def render_calculator(data: ConditionData) -> str:
    """Return the calculator as one self-contained HTML page.

    It takes sensitivity and specificity against the cases' own source where that can be judged, else against all; what the verdict
    withholds is left out.

    Examples
    --------
    >>> page = render_calculator(ConditionData("A study", date="2025-01-31", version="0.4.0", target="facies"))
    >>> "Research only" in page, "no operating point" in page
    (True, True)
    """
    import jinja2
    from markupsafe import Markup

    folder = files("facies.report") / "templates"
    loader = jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8"))
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    rows = calculator_rows(data)
    text = json.dumps(rows, sort_keys=True).replace("<", "\\u003c")
    same = any(row["against"] == "same_source" for row in rows)
    return environment.get_template("calculator.html.j2").render(
        title=scrubber_for(data)(data.study_name), rows=rows, table=_table(rows, data), data=Markup(text), start=_start(data),
        style=Markup((folder / "report.css").read_text(encoding="utf-8")), version=data.version, date=data.date,
        against="others of the cases' own source" if same else "all others",
    )  # fmt: skip


def calculator_rows(data: ConditionData) -> list[dict[str, Any]]:
    """Return sensitivity and specificity of the first model by condition and rule, as plain values."""
    frame = data.table("condition_metrics")
    if frame is None:
        return []
    rows = []
    for condition in data.target_conditions:
        if data.headline(condition) == "withheld":
            continue
        own = frame[(frame.target_condition == condition) & (frame.system == data.first_model()) & (frame.subgroup == "all")]
        against = "same_source" if (own.against == "same_source").any() else "all"
        for rule in own.loc[own.rule != "none", "rule"].unique():
            found = {name: data.metric(condition, name, against=against, rule=rule) for name in ("sensitivity", "specificity")}
            if all(one is not None for one in found.values()):
                label = f"{data.title(condition)}, {rule}"
                shares = {name: _share(one, cases=name == "sensitivity") for name, one in found.items() if one is not None}
                rows.append({"label": label, "against": against, "condition": condition, **shares})
    return rows


def _share(row: dict[str, Any], *, cases: bool) -> dict[str, float]:
    n = row["n_cases"] if cases else row["n"] - row["n_cases"]
    value = float(row["value"])
    return {"value": value, "se": float((value * (1 - value) / n) ** 0.5), "n": int(n)}


def _start(data: ConditionData) -> float:
    curves = data.table("prevalence_curves")
    asked = [] if curves is None else curves.prevalence[curves.asked].tolist()
    return 100 * float(asked[0]) if asked else 1.0


def _table(rows: list[dict[str, Any]], data: ConditionData) -> list[list[str]]:
    curves = data.table("prevalence_curves")
    lines = []
    for row in rows:
        own = [] if curves is None else curves.prevalence[(curves.target_condition == row["condition"]) & curves.asked].tolist()
        sensitivity, specificity = (_as_share(row[name]) for name in ("sensitivity", "specificity"))
        for prevalence in sorted({*SHOWN, *own}):
            found = predictive_values(sensitivity, specificity, prevalence)
            counts = per_people(sensitivity.value, specificity.value, prevalence)
            lines.append(
                [row["label"], f"{100 * prevalence:g} %", fixed(sensitivity.value), fixed(specificity.value),
                 with_interval(found.ppv, found.ppv_low, found.ppv_high, 3), with_interval(found.npv, found.npv_low, found.npv_high, 4),
                 *(fixed(counts[name], 1) for name in ("true_positives", "false_positives", "false_negatives"))]
            )  # fmt: skip
    return lines


def _as_share(given: dict[str, float]) -> Share:
    return Share(given["value"], given["se"], float("nan"), float("nan"), int(given["n"]))
