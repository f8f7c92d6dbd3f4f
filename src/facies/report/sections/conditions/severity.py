"""How well the grade of a disease is told in people who have it."""

from __future__ import annotations

from facies.report.blocks import Block, Bullets, Grid, Section
from facies.report.condition_data import ConditionData
from facies.report.numbers import DASH, count, fixed, with_interval

NOTE = (
    "Mean grade by proportional odds, in people with the condition and a grade, by models that saw neither them nor a relative; 95 % "
    "intervals by participant bootstrap. Of people without the condition it says nothing."
)


def severity_section(data: ConditionData) -> Section | None:
    """Return correlation and error of grades; None where no diagnosis has a grade."""
    metrics = data.table("condition_metrics")
    rows = []
    if metrics is not None:
        own = metrics[metrics.against == "cases"]
        for (condition, system), part in own.groupby(["target_condition", "system"], sort=False):
            found = part.set_index("metric")
            shown = [_value(found.loc[name]) for name in ("severity_rank_correlation", "severity_mae")]
            of_median = fixed(found.value["severity_mae_of_median"])
            rows.append((data.title(str(condition)), str(system), count(int(found.n.iloc[0])), *shown, of_median))
    if not rows and not data.severity_notes:
        return None
    columns = ("Condition", "Model", "People", "Rank correlation", "Mean absolute error, grades", "Error of the median grade")
    blocks: list[Block] = []
    if rows:
        blocks.append(Grid("table-severity", "Predicted against recorded grade", columns, tuple(rows), NOTE, frozenset({1})))
    if data.severity_notes:
        blocks.append(Bullets(data.severity_notes))
    return Section("severity", "Severity", tuple(blocks))


def _value(row: object) -> str:
    value, low, high = (float(getattr(row, name)) for name in ("value", "ci_low", "ci_high"))
    return with_interval(value, low, high) if value == value else DASH
