from __future__ import annotations

import json

import pandas as pd
import pytest

from facies.report import ReportData, results_json


def test_results__are_plain_json_without_nan(report_data: ReportData, bare_data: ReportData) -> None:
    for data in (report_data, bare_data):
        found = results_json(data)
        assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_results__hold_every_row_of_metrics_but_those_of_single_readers(report_data: ReportData) -> None:
    metrics = report_data.metrics
    assert metrics is not None
    found = pd.DataFrame(results_json(report_data)["metrics"])
    expected = metrics[~metrics.system.str.startswith("reader ")].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_results__a_missing_number_is_null(report_data: ReportData) -> None:
    rows = results_json(report_data)["associations"]
    assert [row["n_events"] for row in rows if row["outcome"] == "cognition"] == [None] * 30


def test_results__count_people_and_reasons(report_data: ReportData) -> None:
    counts = results_json(report_data)["counts"]
    assert counts["participants"] == {"n": 600}
    assert counts["faces"]["n"] - counts["faces"]["included"] == sum(counts["faces"]["excluded"].values()) > 0


def test_results__say_what_is_missing_and_why(bare_data: ReportData) -> None:
    assert results_json(bare_data)["missing"]["associations"] == "no outcomes.tsv was given"


def test_results__coverage_is_the_share_of_references_in_their_interval(report_data: ReportData) -> None:
    rows = report_data.participant_predictions
    assert rows is not None
    drawn = rows[rows.model_id == report_data.primary_model]
    found = results_json(report_data)["prediction_interval"]
    assert found["n"] == 600
    assert found["inside"] / 600 == pytest.approx(drawn.observed.between(drawn.ci_low, drawn.ci_high).mean())
