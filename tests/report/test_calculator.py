"""The screening calculator: what its page computes is what the tables hold."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pandas as pd
import pytest

from facies.report.calculator import calculator_rows, render_calculator
from facies.report.condition_data import ConditionData
from facies.stats.diagnostic import Share, per_people, predictive_values
from facies.tables import CONDITION_METRICS

NODE = shutil.which("node")


def made(sensitivity: float = 0.9, specificity: float = 0.8) -> ConditionData:
    """Return a report's data with one condition, 50 cases and 200 others."""
    rows = [
        {
            "system": "m", "target_condition": "x", "against": "all", "subgroup": "all", "rule": rule, "metric": metric, "value": value,
            "ci_low": value - 0.05, "ci_high": min(1.0, value + 0.05), "n": 250, "n_cases": 50, "method": "wilson",
        }
        for rule, metric, value in (
            ("none", "auc", 0.9), ("youden", "sensitivity", sensitivity), ("youden", "specificity", specificity),
            ("youden", "accuracy", 0.82), ("youden", "majority_class_rate", 0.8),
        )
    ]  # fmt: skip
    metrics = CONDITION_METRICS.validate(pd.DataFrame(rows))
    return ConditionData("A study", date="2025-01-31", version="0", target="facies", target_conditions=("x",), condition_metrics=metrics)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.9, 0.8), (1.0, 0.95), (0.7, 1.0)])
def test_page__its_script_computes_what_python_does(tmp_path, sensitivity, specificity):
    data = made(sensitivity, specificity)
    script = re.search(r"<script>(.*?)</script>", render_calculator(data), re.DOTALL)
    assert script is not None
    functions = script[1].split("function show()")[0]
    prevalences = [0.0001, 0.01, 0.3]
    ask = f"console.log(JSON.stringify({prevalences}.map(p => predictive(ROWS[0].sensitivity, ROWS[0].specificity, p))));"
    (tmp_path / "ask.js").write_text(functions + ask)
    done = subprocess.run([str(NODE), str(tmp_path / "ask.js")], capture_output=True, text=True, check=True)
    row = calculator_rows(data)[0]
    shares = [
        Share(row[name]["value"], row[name]["se"], float("nan"), float("nan"), row[name]["n"]) for name in ("sensitivity", "specificity")
    ]
    for found, prevalence in zip(json.loads(done.stdout), prevalences, strict=True):
        expected = predictive_values(*shares, prevalence)._asdict()
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, rel=1e-9), name
        counts = per_people(sensitivity, specificity, prevalence)
        for short, name in (("tp", "true_positives"), ("fp", "false_positives"), ("fn", "false_negatives"), ("tn", "true_negatives")):
            assert 1000 * found[short] == pytest.approx(counts[name], rel=1e-9)


def test_page__a_name_that_holds_markup_does_not_become_markup():
    data = made()
    page = render_calculator(ConditionData(**{**vars(data), "study_name": "</script><b>A"}))
    assert "</script><b>A" not in page
    assert page.count("</script>") == 1


def test_page__a_withheld_condition_has_no_row():
    verdicts = pd.DataFrame(
        {"model_id": ["m"], "target_condition": ["x"], "verdict": ["confounded"], "reasons": ["r"], "headline": ["withheld"]}
    )
    data = ConditionData(**{**vars(made()), "confounding_verdicts": verdicts})
    assert calculator_rows(data) == []
