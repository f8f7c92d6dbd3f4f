from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.report import AverageFace, ReportData, render_report, results_json
from facies.report.data import MISSING
from facies.report.effects import drawn_risks


def test_page__asks_the_network_for_nothing(report_html: str, page: Any) -> None:
    assert re.search(r"https?:|//[a-z]", re.sub(r"base64,[^\"]*", "", report_html)) is None
    assert all(value.startswith("data:image/png;base64,") for value in page.values("src"))
    assert all(value.startswith("#") for value in page.values("href"))
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", report_html))
    assert "@import" not in report_html
    assert "default-src 'none'" in report_html


def test_page__identifiers_are_unique_and_every_reference_has_its_target(report_html: str, page: Any) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    references = [value[1:] for value in page.values("href")] + re.findall(r"url\(#([^)]*)\)", report_html) + page.values("aria-labelledby")
    assert set(references) <= set(ids)


def test_page__figures_and_faces_say_in_words_what_they_show(report_html: str, page: Any) -> None:
    figures = page.values("aria-label")
    # agreement, gaps, forests, curves, comparison, genotypes, scans, replication, ways to learn
    assert len(figures) == 4 + 1 + 6 + 5 + 2 + 1 + 8 + 6 + 5
    assert all(re.search(r"\d", text) for text in figures)
    assert len(page.values("alt", "img")) == 2
    assert all("200 people" in text for text in page.values("alt", "img"))


def test_page__headings_descend_one_level_at_a_time(page: Any) -> None:
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert page.values("lang") == ["en"]


def test_page__every_table_has_a_caption_and_scoped_heads(page: Any) -> None:
    assert page.tags.count("caption") == page.tags.count("table") > 10
    assert page.tags.count("th") == len(page.values("scope", "th"))


def test_page__a_site_named_like_a_script_is_shown_as_text(report_html: str, page: Any) -> None:
    assert "<script" not in report_html
    assert "<script>alert(1)</script>" in page.text


def test_page__hostile_labels_reach_neither_markup_nor_mathematics(report_data: ReportData) -> None:
    hostile = '"><img src=x onerror=alert(1)> $\\frac{1}{0}$ ]]>'
    labels = dict.fromkeys(("osteoporosis", "cognition", "retail0095-ridge", "model_1", "sex", "panel"), hostile)
    html = render_report(dataclasses.replace(report_data, labels=labels, study_name=hostile, units={"cognition": hostile}))
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_page__holds_no_identifier_and_no_path(report_data: ReportData, report_html: str) -> None:
    assert report_data.participants is not None
    text = report_html + json.dumps(results_json(report_data))
    assert re.search(r"(person|photo|family)-(person-)?\d{5}", text) is None
    for planted in ("/data", "clinic", "secret", ".jpg", "reader anna", "anna"):
        assert planted not in text
    assert "[id] and [id] share [photograph]." in report_html


def test_page__equal_data_give_equal_bytes(report_data: ReportData, report_html: str) -> None:
    assert render_report(report_data) == report_html


def test_figure__is_the_same_bytes_in_a_process_with_another_hash_seed() -> None:
    from facies.report.figures.agreement import predicted_against_observed

    table = {"observed": list(range(50)), "predicted": list(range(50)), "ci_low": list(range(-5, 45)), "ci_high": list(range(5, 55))}
    code = (
        "import hashlib, pandas as pd; from facies.report.figures.agreement import predicted_against_observed as draw\n"
        f"print(hashlib.sha256(draw(pd.DataFrame({table}), observed_label='x', predicted_label='y').encode()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment).stdout
    svg = predicted_against_observed(pd.DataFrame(table), observed_label="x", predicted_label="y")
    assert found.strip() == hashlib.sha256(svg.encode()).hexdigest()


def test_page__when_and_how_long_a_stage_ran_changes_nothing(report_data: ReportData) -> None:
    runs = tuple(dataclasses.replace(run, started_at="2031-01-01T00:00:00", seconds=999.0) for run in report_data.runs)
    later = dataclasses.replace(report_data, runs=runs)
    assert render_report(later, figures=False) == render_report(report_data, figures=False)
    assert results_json(later) == results_json(report_data)


def test_page__user_settings_of_matplotlib_change_nothing(plain_data: ReportData) -> None:
    import matplotlib

    expected = render_report(plain_data)
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": True, "lines.linewidth": 9}):
        assert render_report(plain_data) == expected


def test_page__summary_tells_the_numbers_of_results_json(report_data: ReportData, page: Any) -> None:
    summary = results_json(report_data)["summary"]
    for name in ("mae", "predicting_the_mean", "label_noise_floor"):
        assert f"{summary[name]['value']:.2f} years" in page.text
    assert f"95% CI {summary['mae']['ci_low']:.2f} to {summary['mae']['ci_high']:.2f}" in page.text
    assert f"Slope {summary['slope']['value']:.2f}" in page.text


def test_page__tables_hold_the_estimates_of_results_json(report_data: ReportData, page: Any) -> None:
    for row in results_json(report_data)["associations"]:
        printed = f"{row['estimate']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})".replace("-", "−")
        assert printed in page.text


def test_page__without_figures_it_says_their_findings_in_words(report_data: ReportData, read_page: Any) -> None:
    page = read_page(render_report(report_data, figures=False))
    assert "svg" not in page.tags
    assert "Forest plot." in page.text
    assert "Bland-Altman plot of predicted minus reference" in page.text


OWN_ENCODER = {"pretraining", "pretraining_history", "pretraining_help"}
"""A section of its own only where the study has learnt an encoder; see test_pretraining.py."""

OF_READERS = {
    "panel_model", "reader_estimates", "reader_performance", "reader_comparison", "reader_agreement", "reader_study_sizes",
    "region_agreement", "region_consensus",
}  # fmt: skip
"""They have a page of their own."""


def test_page__a_part_that_is_missing_is_named_with_its_reason(bare_page: Any) -> None:
    shown = {
        name: reason
        for name, reason in MISSING.items()
        if name not in {"comparisons", "bland_altman", "error_by_age"} | OWN_ENCODER | OF_READERS
    }
    assert [name for name, reason in shown.items() if name != "splits" and reason not in bare_page.text] == []
    assert MISSING["splits"] in bare_page.text
    assert "svg" not in bare_page.tags


def test_page__no_heading_is_empty(report_html: str, bare_data: ReportData) -> None:
    for html in (report_html, render_report(bare_data)):
        assert re.search(r"</h3>\s*(<h[23]|</section>)|</h2>\s*</section>", html) is None


@pytest.mark.parametrize("name", sorted(set(MISSING) - {"runs", "model_cards", "average_faces", "margins"} - OWN_ENCODER - OF_READERS))
def test_page__any_table_may_be_absent_or_empty(report_data: ReportData, name: str) -> None:
    frame = getattr(report_data, name)
    absent = render_report(dataclasses.replace(report_data, **{name: None}, missing={name: "the reason of this test"}), figures=False)
    empty = render_report(
        dataclasses.replace(report_data, **{name: frame.iloc[:0]}, missing={name: "the reason of this test"}), figures=False
    )
    assert absent == empty
    if name not in ("comparisons", "error_by_age", "photographs"):
        assert "the reason of this test" in absent


@pytest.mark.parametrize("name", ["runs", "model_cards", "average_faces", "margins"])
def test_page__any_record_may_be_absent(report_data: ReportData, name: str) -> None:
    changed = dataclasses.replace(report_data, **{name: ()}, missing={name: "the reason of this test"})
    assert "the reason of this test" in render_report(changed, figures=False)


def test_page__the_reason_given_by_the_study_replaces_the_usual_one(read_page: Any) -> None:
    data = ReportData("A", "2025-01-31", "0.1.0", missing={"associations": "outcomes.tsv holds no outcome of study.toml"})
    text = read_page(render_report(data)).text
    assert "outcomes.tsv holds no outcome of study.toml" in text
    assert MISSING["associations"] not in text


def test_page__an_average_of_fewer_than_10_people_is_not_shown(report_data: ReportData, read_page: Any) -> None:
    small = AverageFace("oldest-looking third", np.zeros((20, 30, 3), np.uint8), 9)
    page = read_page(render_report(dataclasses.replace(report_data, average_faces=(report_data.average_faces[0], small)), figures=False))
    assert "img" not in page.tags
    assert MISSING["average_faces"] in page.text


def test_page__many_people_are_drawn_as_density_in_less_than_1_5_megabytes(large_data: ReportData) -> None:
    html = render_report(large_data)
    assert len(html.encode()) < 1_500_000


def test_page__points_of_3000_people_stay_below_1_5_megabytes(build_data: Any) -> None:
    assert len(render_report(build_data(3000)).encode()) < 1_500_000


def test_page__one_person_in_a_fold_does_not_stop_it(plain_data: ReportData) -> None:
    assert plain_data.participant_predictions is not None
    one = plain_data.participant_predictions.iloc[[0]].assign(model_id=plain_data.primary_model)
    html = render_report(dataclasses.replace(plain_data, participant_predictions=one))
    assert "1 participant" in html


def test_page__an_estimate_that_could_not_be_made_shows_its_note(report_data: ReportData, read_page: Any) -> None:
    assert report_data.associations is not None
    rows = report_data.associations.copy()
    rows.loc[rows.outcome == "copd", ["estimate", "ci_low", "ci_high", "p_value", "q_value"]] = np.nan
    rows["note"] = rows.note.where(rows.outcome != "copd", "6 events: too few")
    text = read_page(render_report(dataclasses.replace(report_data, associations=rows), figures=False)).text
    assert "none: 6 events: too few" in text


def test_page__rotterdam_direction_is_said_and_not_flipped(report_data: ReportData, read_page: Any) -> None:
    assert report_data.associations is not None
    rows = report_data.associations.assign(exposure=lambda frame: frame.exposure.str.replace("perceived_age", "delta_pa_rotterdam"))
    sign = "delta PA = age − perceived age; a positive number means that the person looks younger"
    text = read_page(render_report(dataclasses.replace(report_data, associations=rows, sign_convention=sign), figures=False)).text
    assert "more of the outcome in people who look younger. Delta PA = age − perceived age" in text
    assert "5 years of looking younger than one is" in text


def test_page__age_as_target_needs_no_panel(plain_data: ReportData, read_page: Any) -> None:
    metrics = plain_data.metrics
    predictions = plain_data.participant_predictions
    assert metrics is not None
    assert predictions is not None
    data = dataclasses.replace(
        plain_data, target="age", metrics=metrics.assign(target="age"), participant_predictions=predictions.assign(target="age"),
        panel_estimates=None, associations=None,
    )  # fmt: skip
    text = read_page(render_report(data)).text
    assert "Predicted against calendar age" in text
    assert "no label-noise floor" in text


def test_flow__every_reason_and_count_is_in_the_page(report_data: ReportData, page: Any) -> None:
    assert "609 participants" in page.text
    assert "Left out: 9 participants, 25 photographs" in page.text
    assert "6 participants: consent was withdrawn" in page.text
    assert "0 participants: no reference" not in page.text


def test_flow__numbers_that_do_not_add_up_are_refused(report_data: ReportData) -> None:
    assert report_data.flow is not None
    flow = report_data.flow.copy()
    flow.loc[flow.step == "after intake", "n"] += 1
    with pytest.raises(InputError, match="does not add up at 'after intake'"):
        render_report(dataclasses.replace(report_data, flow=flow), figures=False)


def test_cohort__the_levels_of_each_column_add_up_to_its_people(report_data: ReportData, page: Any) -> None:
    people = report_data.participants
    assert people is not None
    for sex, n in people["sex"].value_counts().items():
        assert f"Sex: {sex}, n (%) {n} (" in page.text


def test_methods__a_person_in_two_folds_is_counted(report_data: ReportData, read_page: Any) -> None:
    assert "0 participants and 0 families stand in more than one fold" in read_page(render_report(report_data, figures=False)).text
    splits = report_data.splits
    assert splits is not None
    torn = pd.concat([splits[["participant_id", "partition"]], (splits.fold + (splits.index % 2)).rename("fold") % 5], axis=1)
    text = read_page(render_report(dataclasses.replace(report_data, splits=torn), figures=False)).text
    assert "0 participants and 300 families stand in more than one fold" in text


def test_checklist__what_only_an_author_knows_is_never_answered(page: Any) -> None:
    for item in ("Ethical approval and consent", "Funding", "Registration", "Protocol"):
        assert f"{item} not reported: needs author" in page.text


def test_data__a_reason_for_a_part_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="missing names 'figures'"):
        ReportData("A", "2025-01-31", "0.1.0", missing={"figures": "none"})


def test_data__a_flow_without_reasons_is_refused() -> None:
    with pytest.raises(InputError, match="no column 'reason'"):
        ReportData("A", "2025-01-31", "0.1.0", flow=pd.DataFrame({"step": ["given"], "level": ["participants"], "n": [3]}))


def test_import__the_package_loads_neither_matplotlib_nor_jinja2() -> None:
    code = "import sys, facies.report; print(sorted({'matplotlib', 'jinja2', 'torch', 'PIL'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_page__slopes_between_perceived_ages_have_their_own_table_and_are_no_association(report_data: ReportData, read_page: Any) -> None:
    assert report_data.associations is not None
    row = report_data.associations.iloc[[0]].assign(
        exposure="perceived_age[panel]", outcome="perceived_age[hog+ridge]", scale="difference", estimate=0.5, ci_low=0.41, ci_high=0.59
    )
    with_slope = dataclasses.replace(report_data, associations=pd.concat([report_data.associations, row], ignore_index=True))
    page = read_page(render_report(with_slope, figures=False)).text
    assert "How a computed perceived age scales an effect" in page
    assert "0.50 (0.41 to 0.59)" in page
    assert len(drawn_risks(with_slope)) == len(drawn_risks(report_data))
