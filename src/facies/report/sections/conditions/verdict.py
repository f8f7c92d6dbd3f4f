"""What the checks for source confounding come to; the report leads with it."""

from __future__ import annotations

import pandas as pd

from facies.report.blocks import Block, Bullets, Drawing, Grid, Heading, Missing, Section, Text
from facies.report.condition_data import ConditionData
from facies.report.figures.forest import forest
from facies.report.numbers import DASH, count, fixed, p_value, with_interval

PROBES = {
    "model_all": "The model, against all",
    "model_same_source": "The model, against the same source",
    "background": "Background alone, against all",
    "background@same_source": "Background alone, same source",
    "border": "Border alone, against all",
    "border@same_source": "Border alone, same source",
    "metadata": "File properties alone, against all",
    "metadata@same_source": "File properties alone, same source",
    "blurred": "8 × 8 blur, against all",
    "blurred@same_source": "8 × 8 blur, same source",
    "source_of_negatives": "Sources of negatives from each other",
    "demographics": "Age, sex and BMI alone, against all",
    "demographics_and_model": "Age, sex, BMI and the model, against all",
    "model_beyond_demographics": "What the model adds to them, against all",
    "demographics@same_source": "Age, sex and BMI alone, same source",
    "demographics_and_model@same_source": "Age, sex, BMI and the model, same source",
    "model_beyond_demographics@same_source": "What the model adds to them, same source",
}
"""Probes as they are printed."""

MEANING = {
    "no sign": "Within the cases' own source nothing suggests that the model told cases from controls by how they were photographed.",
    "suspect": "Something other than the disease may have helped the model. Read the reasons before the figures.",
    "confounded": "The model may have recognised the camera instead of the disease. Its AUC says nothing about the disease.",
    "undetermined": "The checks cannot decide.",
}
HEADLINES = {
    "all": "AUC against all others",
    "same_source": "AUC against others from the cases' own source",
    "withheld": "withheld",
}


def probe_label(probe: str) -> str:
    """Return a probe's name as it is printed.

    Examples
    --------
    >>> probe_label("model_without_source=web")
    'Without negatives of web, against them'
    """
    if probe.startswith("model_without_source="):
        return f"Without negatives of {probe.partition('=')[2]}, against them"
    return PROBES.get(probe, probe)


def verdict_section(data: ConditionData, *, figures: bool) -> Section:
    """Return the verdicts with their reasons, the rule and every probe."""
    if data.table("confounding_verdicts") is None:
        missing = Missing("Verdict on source confounding", data.why_missing("confounding_verdicts"))
        warning = Text("Without it no AUC below can be told from the recognition of a camera.")
        return Section("verdict", "Is it the disease or the camera?", (*_warnings(data), missing, warning))
    blocks: list[Block] = [*_warnings(data), _verdicts(data), Text(f"The rule: {data.confounding_rule}")]
    for condition in data.target_conditions:
        blocks += _probes(data, condition, figures=figures)
    return Section("verdict", "Is it the disease or the camera?", tuple(blocks))


def _warnings(data: ConditionData) -> list[Block]:
    research = "Research only. Nothing here is a diagnosis, and no decision about a person may rest on it."
    return [Heading("Read this first"), Bullets((research, *data.warnings))]


def _verdicts(data: ConditionData) -> Grid:
    rows = []
    for condition in data.target_conditions:
        verdict = data.verdict(condition)
        if verdict is not None:
            reasons = verdict["reasons"] if isinstance(verdict["reasons"], str) else MEANING[verdict["verdict"]]
            shown = HEADLINES[data.headline(condition)]
            if verdict["headline"] == "withheld" and condition in data.despite_confounding:
                shown += ", because the study asks for it by name"
            rows.append((data.title(condition), verdict["verdict"], reasons, shown))
    columns = ("Condition", "Verdict", "Why", "Shown first")
    return Grid(
        "table-verdicts",
        f"Verdict on source confounding, model {data.first_model()}",
        columns,
        tuple(rows),
        text_columns=frozenset({1, 2, 3}),
    )


def _own(data: ConditionData, condition: str) -> pd.DataFrame:
    frame = data.table("confounding_probes")
    if frame is None:
        return pd.DataFrame()
    return frame[(frame.model_id == data.first_model()) & (frame.target_condition == condition)]


def _probes(data: ConditionData, condition: str, *, figures: bool) -> list[Block]:
    own = _own(data, condition)
    drawn = own[~own.probe.str.startswith("model_beyond_demographics") & own.auc.notna() & own.ci_low.notna()]
    rows = tuple(
        (probe_label(row["probe"]), with_interval(row["auc"], row["ci_low"], row["ci_high"]), p_value(row["p_value"]), count(row["n"]),
         count(row["n_cases"]), row["finding"] if row["finding"] != "none" else DASH)
        for row in own.to_dict("records")
    )  # fmt: skip
    note = (
        "AUC with 95 % interval by person. p: of so high an AUC when each person's measures are dealt out to another. Same source: cases "
        "and controls that share a source, without people who have another target condition. Headline: decides only which AUC is shown "
        "first. The blur may show the disease itself. Sources of "
        "negatives: mean over the sources of telling each from the others. What the model adds: difference of two AUCs in the same people."
    )
    columns = ("What was asked", "AUC", "p", "People", "Cases", "By itself")
    grid = Grid(
        f"table-probes-{condition}", f"What can be told without the disease: {data.label(condition)}", columns, rows, note, frozenset({5})
    )
    if drawn.empty:
        return [Heading(data.title(condition)), grid]
    listed = "; ".join(f"{probe_label(row['probe'])} {fixed(row['auc'])}" for row in drawn.to_dict("records"))
    svg = _forest(drawn, condition) if figures else ""
    caption = f"{data.title(condition)}: AUC of the model and of what cannot see the disease. 0.5 is chance."
    return [Heading(data.title(condition)), Drawing(f"figure-probes-{condition}", caption, listed, svg), grid]


SHORT = {
    "model": "The model", "background": "Background", "border": "Border", "metadata": "File properties", "blurred": "8 × 8 blur",
    "demographics": "Alone", "demographics_and_model": "With the model",
}  # fmt: skip
"""Probes in the figure, under their heads."""


def _head_and_label(probe: str) -> tuple[int, str, str]:
    """Return where a probe stands in the figure: place of the head, head, label."""
    if probe.startswith("model_without_source="):
        return 2, "Learnt without one source,\nagainst its negatives", probe.partition("=")[2]
    same = probe.endswith("same_source")
    if probe.startswith("demographics"):
        head = "Age, sex and BMI,\nsame source" if same else "Age, sex and BMI,\nagainst all others"
        return 3 + int(not same), head, SHORT[probe.removesuffix("@same_source")]
    name = "model" if probe.startswith("model_") else probe.removesuffix("@same_source")
    return int(not same), "Against the cases' own source" if same else "Against all others", SHORT[name]


def _forest(drawn: pd.DataFrame, condition: str) -> str:
    places = pd.DataFrame([_head_and_label(name) for name in drawn.probe], columns=["place", "head", "label"], index=drawn.index)
    order = places.sort_values("place", kind="stable").index
    drawn, places = drawn.loc[order], places.loc[order]
    rows = pd.DataFrame(
        {
            "head": places["head"], "label": places["label"], "rank": [1 if name.startswith("model_") else 0 for name in drawn.probe],
            "estimate": drawn.auc, "ci_low": drawn.ci_low, "ci_high": drawn.ci_high,
            "text": [with_interval(*values) for values in zip(drawn.auc, drawn.ci_low, drawn.ci_high, strict=True)],
        }
    )  # fmt: skip
    return forest(rows, axis_label="AUC", ratio=False, name=f"probes-{condition}", nothing=0.5)
