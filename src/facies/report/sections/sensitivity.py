"""What was varied: who is counted at each step, imputation, sex, the shape of an effect, unmeasured confounding."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Text
from facies.report.data import ReportData
from facies.report.effects import (
    EXPOSURE_WORDS,
    MAIN,
    RATIOS,
    drawn_adjustment,
    each,
    effect_text,
    effects,
    first_capital,
    in_order,
    marked_effect,
    n_text,
    scale_text,
    source_label,
    with_sources,
    wrapped_label,
)
from facies.report.footnotes import legend, lettered, mark
from facies.report.numbers import DASH, count, effect, fixed, p_value

STEPS = {
    "given": "Given", "with outcome": "With outcome", "with exposure": "With perceived age", "complete cases": "Complete cases",
    "after imputation": "After imputation",
}  # fmt: skip
"""Steps of ASSOCIATION_STEPS and their column heads."""


def sensitivity_blocks(data: ReportData, *, figures: bool) -> list[Block]:
    """Return the parts that the study asked for, each with its heading."""
    parts = {
        "Participants at each step": _steps(data),
        "Complete cases and multiple imputation": _imputation(data),
        "Women and men": _sexes(data),
        "Shape of the association": _curves(data, figures=figures),
        "Unmeasured confounding": _e_values(data),
    }
    return [block for title, blocks in parts.items() if blocks for block in (Heading(title), *blocks)]


def _steps(data: ReportData) -> list[Block]:
    frame = data.table("association_steps")
    if frame is None:
        return []
    rows = in_order(with_sources(data, frame), "outcome")
    shown = [step for step in STEPS if (rows.step == step).any()]
    whose: dict[tuple[str, ...], list[str]] = {}
    for (outcome, _, adjustment), part in rows.groupby(["outcome", "exposure", "adjustment"], sort=False):
        key = (data.title(str(outcome)), data.label(str(adjustment)), *_counts(part, shown))
        whose.setdefault(key, []).append(_whose(data, part.iloc[0]))
    cells = tuple((outcome, ", ".join(names), adjustment, *counts) for (outcome, adjustment, *counts), names in whose.items())
    columns = ("Outcome", "Perceived age by", "Adjustment", *(STEPS[step] for step in shown))
    note = "Participants (with the outcome). Human and computed estimates come from the same people: those who have every source."
    return [Grid("table-steps", "Who is left at each step", columns, cells, note=note, text_columns=frozenset({1, 2}))]


def _whose(data: ReportData, row: pd.Series) -> str:
    return source_label(data, row.source) if isinstance(row.source, str) else data.title(row.exposure)


def _counts(part: pd.DataFrame, steps: list[str]) -> tuple[str, ...]:
    by_step = part.set_index("step")
    return tuple(n_text(by_step.n[step], by_step.n_events[step]) if step in by_step.index else DASH for step in steps)


def _imputation(data: ReportData) -> list[Block]:
    frame = effects(data, analysis=None)
    rows = frame[frame.analysis.isin([MAIN, "multiple_imputation"]) & frame.kind.isin(["risk", "determinant"])]
    if not (rows.analysis == "multiple_imputation").any():
        return []
    letters = lettered(rows.note)
    cells = tuple(
        (
            _variable(data, part.iloc[0]),
            source_label(data, part.source.iloc[0]),
            data.label(part.adjustment.iloc[0]),
            *(cell for analysis in (MAIN, "multiple_imputation") for cell in _analysis_cells(part, analysis, letters)),
        )
        for _, part in _in_page_order(rows).groupby(["exposure", "outcome", "adjustment"], sort=False)
        if (part.analysis == "multiple_imputation").any()
    )
    columns = ("Association", "Perceived age by", "Adjustment", "n, complete", "Complete cases", "n, imputed", "Multiple imputation")
    note = (
        "Estimate (95% interval); n is participants (events). Only covariates are imputed, never an outcome or a perceived age."
        + legend(letters)
    )
    return [
        Grid("table-imputation", "The same associations with covariates imputed", columns, cells, note=note, text_columns=frozenset({1, 2}))
    ]


def _in_page_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return outcomes, then traits, each in the order of their tables."""
    return pd.concat([in_order(rows[rows.kind == kind], lead) for kind, lead in (("risk", "outcome"), ("determinant", "exposure"))])


def _variable(data: ReportData, row: pd.Series) -> str:
    return f"{data.title(row.outcome if row.kind == 'risk' else row.exposure)}, {scale_text(data, row)}"


def _analysis_cells(part: pd.DataFrame, analysis: str, letters: dict[str, str]) -> tuple[str, str]:
    found = part[part.analysis == analysis]
    if found.empty:
        return DASH, DASH
    row: Any = next(each(found))
    return n_text(row.n, row.n_events), marked_effect(row, letters)


def _sexes(data: ReportData) -> list[Block]:
    frame = effects(data, analysis=None)
    rows = frame[frame.analysis.str.startswith("sex")] if len(frame) else frame
    if rows.empty:
        return []
    levels = [name for name in dict.fromkeys(rows.analysis) if name.startswith("sex=")]
    letters = lettered(rows.note)
    cells = tuple(_sex_row(data, part, levels, letters) for _, part in _sex_groups(rows))
    heads = [f"{first_capital(level.partition('=')[2])}, {what}" for level in levels for what in ("n", "estimate")]
    columns = ("Association", "Perceived age by", "Adjustment", *heads, "Interaction", "p")
    note = (
        "Estimates (95% interval) within each sex come from one model with an interaction, n is participants (events); the interaction "
        "is the "
        "difference between the sexes, for ratios as a factor (×). One sex “significant” and the other not is no difference between them."
        + legend(letters)
    )
    return [Grid("table-sex", "Associations by sex", columns, cells, note=note, text_columns=frozenset({1, 2}))]


def _sex_groups(rows: pd.DataFrame) -> Any:
    return _in_page_order(rows).groupby(["exposure", "outcome", "adjustment"], sort=False)


def _sex_row(data: ReportData, part: pd.DataFrame, levels: list[str], letters: dict[str, str]) -> tuple[str, ...]:
    found = part[part.analysis == "sex_interaction"]
    difference, p = DASH, DASH
    if len(found):
        row: Any = next(each(found))
        known = pd.notna(row.estimate)
        difference = f"{'×' if known and row.scale in RATIOS else ''}{marked_effect(row, letters)}"
        p = p_value(row.p_value) if known else DASH
    first = part.iloc[0]
    cells = (cell for level in levels for cell in _analysis_cells(part, level, letters))
    return (_variable(data, first), source_label(data, first.source), data.label(first.adjustment), *cells, difference, p)


def _curves(data: ReportData, *, figures: bool) -> list[Block]:
    frame = data.table("association_curves")
    if frame is None:
        return []
    rows = in_order(with_sources(data, frame), "outcome")
    drawn = rows[(rows.adjustment == _curve_adjustment(data, rows)) & rows.estimate.notna()]
    groups = enumerate(drawn.groupby("outcome", sort=False))
    drawings = [_curve(data, str(outcome), part, number, figures=figures) for number, (outcome, part) in groups]
    intro = (
        "Each effect as a natural cubic spline, against the median of the exposure; the band is the 95% interval of each point. Figures: "
        f"adjustment set “{data.label(str(drawn_adjustment(data)))}”."
    )
    return [Text(intro), *drawings, _nonlinearity(data, rows)]


def _curve_adjustment(data: ReportData, rows: pd.DataFrame) -> str:
    name = drawn_adjustment(data)
    return str(name) if (rows.adjustment == name).any() else str(rows.adjustment.iloc[0])


def _curve(data: ReportData, outcome: str, part: pd.DataFrame, number: int, *, figures: bool) -> Drawing:
    from facies.report.figures.curves import spline_curves

    name = f"figure-curve-{number + 1}"
    scale = str(part.scale.iloc[0])
    unit = data.units.get(outcome, "")
    axis = f"{first_capital(RATIOS[scale])}" if scale in RATIOS else f"Difference{f', {unit}' if unit else ''}"
    rows = part.assign(label=[wrapped_label(source_label(data, source), 30) for source in part.source])
    words = "; ".join(_curve_words(str(label).replace("\n", " "), group) for label, group in rows.groupby("label", sort=False))
    caption = f"{data.title(outcome)} over perceived age, {axis[:1].lower()}{axis[1:]} against the median."
    x_label = first_capital(EXPOSURE_WORDS.get(str(part["name"].iloc[0]), "exposure")) + ", years"
    svg = spline_curves(rows, x_label=x_label, y_label=axis, ratio=scale in RATIOS, name=name) if figures else ""
    return Drawing(name, caption, f"Curves of {data.label(outcome)}. {words}.", svg, wide=True)


def _curve_words(label: str, group: pd.DataFrame) -> str:
    first, last = group.iloc[0], group.iloc[-1]
    ends = ", ".join(f"at {fixed(row['at'], 1)} {effect(row.estimate, row.ci_low, row.ci_high)}" for row in (first, last))
    return f"{label}: {ends}, against {fixed(first.reference, 1)}; non-linearity p {p_value(first.p_nonlinear)}, n={count(first.n)}"


def _nonlinearity(data: ReportData, rows: pd.DataFrame) -> Grid:
    firsts = rows.drop_duplicates(["outcome", "exposure", "adjustment"])
    letters = lettered(firsts.note)
    ends = rows.groupby(["outcome", "exposure", "adjustment"], sort=False)
    cells = tuple(
        (
            data.title(str(outcome)),
            source_label(data, part.source.iloc[0]),
            data.label(str(adjustment)),
            count(part.n.iloc[0]),
            *(_point(part, place, letters) for place in (0, -1)),
            p_value(part.p_nonlinear.iloc[0]) if part.estimate.notna().any() else DASH,
        )
        for (outcome, _, adjustment), part in ends
    )
    columns = ("Outcome", "Perceived age by", "Adjustment", "n", "Lowest point", "Highest point", "p, non-linear")
    note = (
        "Estimates (95% interval) at the ends of the curve against the median; the p-value tests the spline against a straight line (Wald)."
        + legend(letters)
    )
    return Grid("table-curves", "Is the association a straight line?", columns, cells, note=note, text_columns=frozenset({1, 2}))


def _point(part: pd.DataFrame, place: int, letters: dict[str, str]) -> str:
    row = part.iloc[place]
    if pd.isna(row.estimate):
        return f"none{mark(letters, row.note)}"
    return f"{effect(row.estimate, row.ci_low, row.ci_high)}\nat {fixed(row['at'], 1)}{mark(letters, row.note)}"


def _e_values(data: ReportData) -> list[Block]:
    frame = effects(data)
    if "e_value" not in frame or frame.e_value.notna().sum() == 0:
        return []
    rows = _in_page_order(frame[frame.e_value.notna()])
    cells = tuple(
        (
            _variable(data, row),
            source_label(data, row.source),
            data.label(row.adjustment),
            n_text(row.n, row.n_events),
            effect_text(row),
            fixed(row.e_value),
            fixed(row.get("e_value_limit")),
        )
        for _, row in rows.iterrows()
    )
    columns = ("Association", "Perceived age by", "Adjustment", "n (events)", "Estimate (95% interval)", "E-value", "E-value, limit")
    note = (
        "How strongly, as a risk ratio with both exposure and outcome, an unmeasured confounder would have to be tied to explain the "
        "estimate "
        "away, and to move the nearer end of the interval to no effect (VanderWeele & Ding 2017). Small values mean that little would do."
    )
    return [Grid("table-e-values", "E-values", columns, cells, note=note, text_columns=frozenset({1, 2}))]
