"""The section that leads a report on conditions: verdict, rule and every probe."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.evaluation.confounding import NUISANCE, RULE, SAME, Probe, confounding_tables
from facies.report.blocks import Drawing, Grid
from facies.report.condition_data import ConditionData
from facies.report.sections.conditions.verdict import PROBES, probe_label, verdict_section
from facies.tables import CONDITION_METRICS

DEMOGRAPHICS = ("demographics", "demographics_and_model", "model_beyond_demographics")


def section(probes):
    tables = confounding_tables({("m", "x"): probes})
    row = {
        "system": "m", "target_condition": "x", "against": "all", "subgroup": "all", "rule": "none", "metric": "auc", "value": 0.9,
        "ci_low": 0.85, "ci_high": 0.95, "n": 250, "n_cases": 50, "method": "delong",
    }  # fmt: skip
    data = ConditionData(
        "A study", date="2025-01-31", version="0", target="facies", target_conditions=("x",), confounding_rule=RULE,
        condition_metrics=CONDITION_METRICS.validate(pd.DataFrame([row])), confounding_probes=tables[0], confounding_verdicts=tables[1],
    )  # fmt: skip
    return verdict_section(data, figures=True)


def every_probe():
    names = ["model_all", "model_same_source", *(name + suffix for name in (*NUISANCE, "blurred") for suffix in ("", SAME))]
    names += ["demographics", "demographics_and_model", f"demographics{SAME}", f"demographics_and_model{SAME}", "model_without_source=web"]
    rows = [Probe(name, 0.9 if name.startswith("model") else 0.52, 0.45, 0.95, 0.4, 120, 55) for name in names]
    gains = [Probe(f"model_beyond_demographics{suffix}", 0.2, 0.1, 0.3, 0.001, 120, 55) for suffix in ("", SAME)]
    return [*rows, *gains, Probe("source_of_negatives", 0.9, np.nan, np.nan, np.nan, 300, 0)]


def test_every_probe_has_a_name_in_words_and_a_place_in_table_or_figure():
    probes = every_probe()
    assert all(probe_label(probe.probe) != probe.probe for probe in probes)
    assert {f"{name}{suffix}" for name in DEMOGRAPHICS for suffix in ("", SAME)} <= set(PROBES)
    blocks = section(probes).blocks
    table = next(block for block in blocks if isinstance(block, Grid) and block.id == "table-probes-x")
    assert len(table.rows) == len(probes)
    drawing = next(block for block in blocks if isinstance(block, Drawing))
    assert "same source" in drawing.svg
    assert "What the model adds" not in drawing.alt


def test_a_probe_that_could_not_be_asked_is_a_row_without_a_number():
    unasked = Probe(f"demographics{SAME}", np.nan, np.nan, np.nan, np.nan, 12, 2, "no age")
    blocks = section([*every_probe()[:2], unasked]).blocks
    table = next(block for block in blocks if isinstance(block, Grid) and block.id == "table-probes-x")
    assert table.rows[-1] == ("Age, sex and BMI alone, same source", "–", "–", "12", "2", "not possible")
