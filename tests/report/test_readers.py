"""The page of readers: its numbers are those of the tables, and nobody is named."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from facies.readers import fit_panel
from facies.report import ReportData
from facies.report.render import render_readers
from facies.report.results import readers_json
from facies.tables import READER_COMPARISON, READER_PERFORMANCE

NAMES = ("Dr. Wilhelmina van Dijk", "o'hara", "anna-maria", "<b>ben</b>", "17", "carl")


def data_of(names: tuple[str, ...] = NAMES, **further: object) -> ReportData:
    rng = np.random.default_rng(1)
    photo, reader = np.repeat(np.arange(40), len(names)), np.tile(np.arange(len(names)), 40)
    own = rng.normal(0, 6, 40)[photo] + rng.normal(0, 2, len(names))[reader]
    reading = np.where(reader == 0, 50.0, 60 + own + rng.normal(0, 4, len(photo)))
    photo_ids = [f"face{i:02d}" for i in photo]
    ids = np.array(names, dtype=object)[reader]
    key = {"reader_id": ids, "photo_id": photo_ids, "target": "perceived_age", "repeat": 0}
    readings = pd.DataFrame({**key, "reading": reading})
    photographs = pd.DataFrame({"photo_id": sorted(set(photo_ids)), "participant_id": [f"person{i:02d}" for i in range(40)]})
    model = fit_panel(readings, photographs, target="perceived_age")
    return ReportData(
        "A study", date="2026-01-31", version="0.5.0", reader_ids=tuple(sorted(names)), reader_notes=model.notes, photographs=photographs,
        panel_model=model.terms, reader_estimates=model.readers, **further,
    )  # fmt: skip


def test_page__names_no_reader_whatever_they_are_called():
    data = data_of()
    assert any("Dr. Wilhelmina van Dijk" in note for note in data.reader_notes)
    for text in (render_readers(data), json.dumps(readers_json(data))):
        for name in NAMES:
            assert name not in text or name == "17", name
        assert "Wilhelmina" not in text
        assert "o&#39;hara" not in text
        assert "reader 3: the same reading of all photographs" in text


def test_number_that_is_also_a_readers_name__stays_a_number():
    notes = readers_json(data_of(("17", "4", "6", "anna")))["notes"]
    assert any(note.startswith("1 of 4 readers stand out and were kept (reader 1: the same") for note in notes)


def test_results__are_the_numbers_of_the_tables_with_readers_numbered_in_order():
    data = data_of()
    found = readers_json(data)
    names = {name: f"reader {place}" for place, name in enumerate(sorted(NAMES), 1)}
    assert data.reader_estimates is not None
    assert [row["reader_id"] for row in found["reader_estimates"]] == [names[name] for name in data.reader_estimates.reader_id]
    assert [row["bias"] for row in found["reader_estimates"]] == pytest.approx(data.reader_estimates.bias.tolist())
    assert data.panel_model is not None
    assert [row["estimate"] for row in found["panel_model"]] == pytest.approx(data.panel_model.estimate.tolist())
    sd = data.panel_model.set_index("term").loc["sd[residual]"]
    assert f"{sd.estimate:.2f} ({sd.ci_low:.2f}" in render_readers(data, figures=False)


def diagnosed(readers: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    raters = [("hog+logistic", "model"), ("all readers", "panel"), *((name, "reader") for name in readers)]
    performance = pd.DataFrame(
        {"rater": [rater for rater, _ in raters], "kind": [kind for _, kind in raters], "target_condition": "acromegaly", "metric": "auc",
         "rule": "none", "value": np.linspace(0.9, 0.6, len(raters)), "ci_low": 0.5, "ci_high": 0.95, "n": 40, "n_cases": 16}
    )  # fmt: skip
    comparison = pd.DataFrame(
        {"comparison": [f"hog+logistic minus {rater}" for rater, _ in raters[1:]], "target_condition": "acromegaly", "metric": "auc",
         "rule": "none", "method": "1T-RRRC", "estimate": 0.0371, "std_error": 0.01, "ci_low": 0.011, "ci_high": 0.06, "p_value": 0.02}
    )  # fmt: skip
    return performance.reindex(columns=[column.name for column in READER_PERFORMANCE.columns]), comparison.reindex(
        columns=[column.name for column in READER_COMPARISON.columns]
    )


def test_comparison_with_single_readers__is_counted_and_names_nobody():
    readers = ("minus one", "zoe")
    performance, comparison = diagnosed(readers)
    data = ReportData(
        "A study", date="2026-01-31", version="0.5.0", target="facies", reader_ids=readers, reader_performance=performance,
        reader_comparison=comparison,
    )  # fmt: skip
    page, found = render_readers(data), readers_json(data)
    assert "Against each of 2 single comparisons with a reader, 2 AUC intervals exclude 0." in page
    assert [row["comparison"].partition(" minus ")[2] for row in found["reader_comparison"]] == ["all readers", "reader 1", "reader 2"]
    assert "0.037" in page
    for text in (page, json.dumps(found)):
        assert "zoe" not in text
        assert "minus one" not in text
