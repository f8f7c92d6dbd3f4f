"""Associations, comparison, proxy inference, age gap, genes, scan and replication on the page."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import invented_tables as invented
import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.report import ReportData, render_replication, render_report, replication_json, results_json
from facies.report.blocks import Block, Drawing, Grid, Panels, Section
from facies.report.compared import comparisons, margin_origin, margin_text
from facies.report.effects import drawn_risks, effects
from facies.report.figures.forest import _ends, _places, forest
from facies.report.figures.scan import manhattan
from facies.report.render import report_sections
from facies.report.sections.age_gap import gap_bands
from facies.report.sections.comparison import comparison_section
from facies.report.sections.preflight import reason_counts


def grids(data: ReportData, sections: Sequence[Section | None] | None = None) -> dict[str, Grid]:
    return {block.id: block for block in blocks_of(data, sections) if isinstance(block, Grid)}


def blocks_of(data: ReportData, sections: Sequence[Section | None] | None) -> list[Block]:
    chosen = report_sections(data, figures=False) if sections is None else sections
    return [block for section in chosen if section is not None for block in section.blocks]


def drawings(data: ReportData, sections: Sequence[Section | None] | None = None) -> dict[str, Drawing]:
    blocks = blocks_of(data, sections)
    panels = [drawing for block in blocks if isinstance(block, Panels) for drawing in block.drawings]
    return {drawing.id: drawing for drawing in [*(block for block in blocks if isinstance(block, Drawing)), *panels]}


@pytest.fixture(scope="module")
def tables(report_data: ReportData) -> dict[str, Grid]:
    return grids(report_data)


def column(grid: Grid, name: str) -> list[str]:
    place = grid.columns.index(name)
    return [row[place] for row in grid.rows]


def replaced(data: ReportData, table: str, where: Any, **values: Any) -> ReportData:
    frame = getattr(data, table).copy()
    for name, value in values.items():
        frame.loc[where(frame), name] = value
    return dataclasses.replace(data, **{table: frame})


# headline


def test_headline__has_the_shape_of_the_paper(tables: dict[str, Grid]) -> None:
    for name in ("table-headline", "table-headline-2"):
        assert tables[name].columns == (
            "Outcome", "Estimate is", "n (events)", "Human panel", "HOG + ridge", "retail-0095 + ridge", "HOG + ridge against Human panel",
            "retail-0095 + ridge against Human panel",
        )  # fmt: skip
        assert column(tables[name], "Outcome") == [
            "Osteoporosis", "COPD", "Fracture", "Hearing threshold", "Global cognition", "MC1R risk alleles",
        ]  # fmt: skip


def test_headline__each_cell_is_the_complete_case_estimate_of_its_source(report_data: ReportData, tables: dict[str, Grid]) -> None:
    frame = report_data.associations
    assert frame is not None
    row = frame.set_index(["exposure", "outcome", "adjustment", "analysis"]).loc[
        ("perceived_age[hog-ridge]", "osteoporosis", "model_2", "complete_case")
    ]
    expected = f"{row.estimate:.2f}\n({row.ci_low:.2f} to {row.ci_high:.2f})"
    assert column(tables["table-headline-2"], "HOG + ridge")[0] == expected


def test_headline__a_difference_of_ratios_is_a_factor_and_one_of_means_a_difference(
    report_data: ReportData, tables: dict[str, Grid]
) -> None:
    rows = comparisons(report_data).set_index(["variable", "adjustment", "computed"])
    cells = column(tables["table-headline"], "HOG + ridge against Human panel")
    first = rows.loc[("osteoporosis", "model_1", "hog-ridge")]
    assert cells[0].startswith(f"×{math.exp(first.difference):.2f}\n({math.exp(first.ci_low):.2f} to {math.exp(first.ci_high):.2f})\n")
    second = rows.loc[("hearing_loss", "model_1", "hog-ridge")]
    assert cells[3].startswith(f"{second.difference:.2f}".replace("-", "−") + "\n(")


def test_headline__many_sources_get_their_differences_in_a_table_of_their_own(report_data: ReportData, build_analyses: Any) -> None:
    data = dataclasses.replace(report_data, **build_analyses(report_data.participants, ("panel", "a+x", "b+x", "c+x")))
    found = grids(data)
    assert len(found["table-headline"].columns) == 3 + 4
    assert len(found["table-headline-pairs"].columns) == 3 + 3


def test_headline__with_one_source_nothing_is_compared(report_data: ReportData, build_analyses: Any, read_page: Any) -> None:
    data = dataclasses.replace(report_data, **build_analyses(report_data.participants, ("panel",)))
    page = read_page(render_report(data, figures=False))
    assert "Only one source of perceived age is available" in page.text
    assert "comparison" not in page.values("id")
    assert "Comparison of human and computed perceived age: there was no human perceived age beside a computed one." in page.text


def test_page__other_analyses_are_never_taken_for_the_main_rows(report_data: ReportData) -> None:
    frame = report_data.associations
    assert frame is not None
    assert set(effects(report_data).analysis) == {"complete_case"}
    assert not drawn_risks(report_data).duplicated(["exposure", "outcome"]).any()
    main = dataclasses.replace(report_data, associations=frame[frame.analysis == "complete_case"])
    assert grids(main)["table-headline"] == grids(report_data)["table-headline"]
    assert grids(main)["table-associations"] == grids(report_data)["table-associations"]
    assert {"table-imputation", "table-sex"} & set(grids(main)) == set()


# associations


def test_forest__there_is_one_an_outcome_with_every_source_and_adjustment_set(report_data: ReportData) -> None:
    found = {name: drawing for name, drawing in drawings(report_data).items() if name.startswith("figure-forest-risk")}
    assert len(found) == 5
    alt = found["figure-forest-risk-1"].alt
    for words in ("Osteoporosis", "model 1: Human panel", "model 2: Human panel", "HOG + ridge", "retail-0095 + ridge", "n=588"):
        assert words in alt


def test_forest__ratios_stand_on_a_logarithmic_axis_and_differences_on_a_linear_one(report_data: ReportData) -> None:
    found = drawings(report_data)
    axes = [("logarithmic axis" in found[f"figure-forest-risk-{place}"].caption) for place in range(1, 6)]
    assert axes == [True, True, True, False, False]


def test_forest__an_interval_beyond_all_others_is_cut_and_keeps_its_numbers() -> None:
    rows = pd.DataFrame(
        {
            "head": "model 1", "label": ["Human", "DFT", "SSL"], "rank": [0, 1, 2], "estimate": [1.2, 1.3, 1.25],
            "ci_low": [1.0, 0.001, 1.1],
            "ci_high": [1.4, 900.0, 1.4], "text": ["1.2", "1.30 (0.00 to 900.00)", "1.25"],
        }
    )  # fmt: skip
    low, high = _ends(rows, ratio=True, include=1.0, band=None)
    assert 0.3 < low < 1
    assert 1.4 < high < 5
    assert "900.00" in forest(rows, axis_label="Odds ratio", ratio=True, name="cut")


def test_forest__rows_and_heads_do_not_overlap() -> None:
    rows = pd.DataFrame({"head": ["a", "a", "b\nb"], "label": ["x", "y\ny\ny", "z"]})
    places, heads, height = _places(rows)
    assert all(np.diff(places) >= 16)
    assert [text for text, _ in heads] == ["a", "b\nb"]
    assert heads[1][1] - places[1] > 20
    assert height > places[-1]


def test_table__no_p_value_stands_without_its_estimate(report_data: ReportData) -> None:
    data = replaced(report_data, "associations", lambda frame: frame.outcome == "copd", estimate=np.nan, note="6 events: too few")
    rows = [row for row in grids(data)["table-associations"].rows if row[0].startswith("COPD")]
    assert {row[4] for row in rows} == {"none: 6 events: too few"}
    assert {cell for row in rows for cell in row[5:]} == {"–"}


def test_table__shows_all_three_adjustments_and_names_the_families(report_data: ReportData, tables: dict[str, Grid]) -> None:
    grid = tables["table-associations"]
    assert grid.columns[-4:] == ("p", "q", "Holm", "Bonferroni")
    assert "6 families of 5 tests (Osteoporosis, COPD, Fracture, Hearing threshold, Global cognition)" in grid.note
    row = effects(report_data)
    row = row[(row.outcome == "fracture") & (row.source == "panel") & (row.adjustment == "model_1")].iloc[0]
    assert grid.rows[12][8] == f"{row.p_bonferroni:.2f}"


def test_table__a_note_is_a_letter_beside_its_estimate(tables: dict[str, Grid]) -> None:
    grid = tables["table-associations"]
    marked = {row[0].partition(",")[0] for row in grid.rows if row[4].endswith("[a]")}
    assert marked == {"COPD"}
    assert "[a] Firth's regression: 131 events for 5 coefficients." in grid.note


def test_headline__an_estimate_that_could_not_be_made_has_its_reason_under_the_table(report_data: ReportData) -> None:
    data = replaced(
        report_data, "associations", lambda frame: frame.outcome == "copd", estimate=np.nan, note="6 events: too few; 3 of 600 left out"
    )
    grid = grids(data)["table-headline"]
    assert grid.rows[1][3] == "none\N{NO-BREAK SPACE}[a,b]"
    assert "[a] 6 events: too few. [b] 3 of 600 left out." in grid.note


def test_attenuation__the_expectation_given_noise_is_divided_by_the_reliability(report_data: ReportData, tables: dict[str, Grid]) -> None:
    row = comparisons(report_data).iloc[0]
    assert column(tables["table-attenuation"], "Expected, given noise")[0] == f"{math.exp(row.expected / row.reliability):.2f}"


def test_steps__sources_of_the_same_people_share_a_row(tables: dict[str, Grid]) -> None:
    grid = tables["table-steps"]
    assert len(grid.rows) == 10
    first = tuple(cell.replace("\N{NO-BREAK SPACE}", " ") for cell in grid.rows[0])
    assert first == (
        "Osteoporosis", "Human panel, HOG + ridge, retail-0095 + ridge", "model 1", "600", "595 (412)", "593 (412)", "588 (412)",
        "593 (412)",
    )  # fmt: skip


def test_imputation__stands_beside_the_complete_cases_with_its_own_n(tables: dict[str, Grid]) -> None:
    grid = tables["table-imputation"]
    assert grid.rows[0][3].startswith("588")
    assert grid.rows[0][5].startswith("596")
    assert len(grid.rows) == 3 * 2 * 6


def test_sex__the_interaction_of_a_ratio_is_a_factor(tables: dict[str, Grid]) -> None:
    grid = tables["table-sex"]
    assert grid.columns[3:7] == ("Female, n", "Female, estimate", "Male, n", "Male, estimate")
    by_outcome = {row[0].partition(",")[0]: row[7] for row in grid.rows}
    assert by_outcome["Osteoporosis"].startswith("×0.9")
    assert not by_outcome["Hearing threshold"].startswith("×")


def test_curves__say_their_ends_and_the_p_of_non_linearity(report_data: ReportData, tables: dict[str, Grid]) -> None:
    assert "non-linearity p 0.31, n=588" in drawings(report_data)["figure-curve-1"].alt
    assert set(column(tables["table-curves"], "p, non-linear")) == {"0.31"}


# human against computed


def test_margin__dates_from_the_last_change_of_its_own_value(report_data: ReportData) -> None:
    first = margin_origin(report_data, "osteoporosis", math.log(1.1))
    assert first is not None
    assert (first.date, first.results_seen) == ("2025-01-10", False)
    changed = margin_origin(report_data, "copd", math.log(1.1))
    assert changed is not None
    assert (changed.date, changed.results_seen) == ("2025-01-20", True)
    assert margin_origin(report_data, "copd", math.log(1.2)) is None
    assert margin_origin(report_data, "fracture", 1.0) is None


def test_margin__changed_and_changed_back_dates_from_the_change_back(report_data: ReportData) -> None:
    first, second = invented.MARGIN_LOG
    back = first | {"registered_at": "2025-02-01T00:00:00+00:00", "results_seen": True}
    data = dataclasses.replace(report_data, margins=(first, second, back))
    origin = margin_origin(data, "copd", math.log(1.2))
    assert origin is not None
    assert (origin.date, origin.results_seen) == ("2025-02-01", True)


def test_equivalence__the_verdict_says_when_the_margin_was_fixed(report_data: ReportData, tables: dict[str, Grid]) -> None:
    grid = tables["table-equivalence"]
    margins = {row[0].partition(",")[0]: row[5] for row in grid.rows}
    assert margins["Osteoporosis"] == "×1.10, fixed on 2025-01-10, before the comparison"
    assert margins["Hearing threshold"] == "±1.00, fixed on 2025-01-10, before the comparison"
    assert margins["COPD"] == "×1.10, changed or given on 2025-01-20, after results had been seen †"
    assert margins["Fracture"] == "none given"
    unlogged = dataclasses.replace(report_data, margins=())
    assert margin_text(unlogged, comparisons(unlogged).iloc[0]) == "×1.10, not in the log of margins †"


def test_equivalence__a_late_margin_is_marked_in_the_headline_and_among_the_limits(report_data: ReportData, read_page: Any) -> None:
    cells = {row[0]: row[-1] for row in grids(report_data)["table-headline"].rows}
    assert cells["COPD"].endswith("equivalent †")
    assert cells["Osteoporosis"].endswith("equivalent")
    text = read_page(render_report(report_data, figures=False)).text
    assert "4 comparisons used a margin that was given or changed after results had been seen" in text
    early = dataclasses.replace(report_data, margins=(invented.MARGIN_LOG[0], {**invented.MARGIN_LOG[1], "results_seen": False}))
    assert "†" not in read_page(render_report(early, figures=False)).text


def test_equivalence__every_verdict_has_words(report_data: ReportData) -> None:
    levels = ("equivalent", "different", "equivalent and different", "undecided", "no margin", "no estimate")
    for level in levels:
        data = replaced(report_data, "source_comparisons", lambda frame: frame.index >= 0, verdict=level)
        found = grids(data, [comparison_section(data, figures=False)])
        assert len(set(column(found["table-equivalence"], "Verdict"))) == 1


def test_comparison__the_figure_is_in_units_of_each_margin(report_data: ReportData) -> None:
    drawing = drawings(report_data)["figure-equivalence"]
    assert "Fracture" not in drawing.alt
    row = comparisons(report_data).iloc[0]
    assert f"Osteoporosis HOG + ridge ×{math.exp(row.difference):.2f}" in drawing.alt


def test_comparison__an_unbounded_ratio_is_said_and_not_drawn(report_data: ReportData) -> None:
    data = replaced(
        report_data, "source_comparisons", lambda frame: frame.variable == "copd", ratio=7.5, ratio_low=np.nan, ratio_high=np.nan
    )
    sections = [comparison_section(data, figures=False)]
    shares = {row[0].partition(",")[0]: row[3] for row in grids(data, sections)["table-attenuation"].rows}
    assert shares["COPD"] == "7.50 (unbounded)"
    assert "COPD" not in drawings(data, sections)["figure-shares"].alt


def test_comparison__rows_without_an_estimate_show_neither_p_nor_number(report_data: ReportData) -> None:
    numbers = [name for name in report_data.source_comparisons.select_dtypes("number") if name not in ("per", "n", "n_events")]  # type: ignore[union-attr]
    data = replaced(
        report_data, "source_comparisons", lambda frame: frame.index >= 0, verdict="no estimate", **dict.fromkeys(numbers, np.nan)
    )
    found = grids(data, [comparison_section(data, figures=False)])
    assert set(column(found["table-differences"], "p")) == {"–"}
    assert set(column(found["table-equivalence"], "Verdict")) == {"no estimate"}
    assert re.search(r"\bnan\b", render_report(data, figures=False)) is None


def test_proxies__the_naive_row_is_called_not_valid_and_has_no_p_value(tables: dict[str, Grid]) -> None:
    rows = [row for row in tables["table-proxies"].rows if row[3].startswith("Naive")]
    assert len(rows) == 6
    assert {row[3] for row in rows} == {"Naive: computed taken for human. Not valid"}
    assert {row[7] for row in rows} == {"–"}
    assert [row[3].partition(" ")[0] for row in tables["table-proxies"].rows[:3]] == ["Only", "Prediction-powered", "Naive:"]


# age gap


def test_age_gap__bands_are_means_of_ten_people_or_more(report_data: ReportData) -> None:
    bands = gap_bands(report_data)
    gaps = report_data.age_gaps
    assert gaps is not None
    assert bands.n.min() >= 10
    mine = gaps[(gaps.source == "panel") & gaps.age.between(60, 64.99)]
    row = bands[(bands.source == "panel") & (bands.correction == "none") & (bands.start == 60)].iloc[0]
    assert row["mean"] == pytest.approx(mine.gap.mean())
    assert row.n == len(mine)


def test_age_gap__no_share_of_variance_is_printed_and_the_warning_stands(report_data: ReportData, read_page: Any) -> None:
    text = read_page(render_report(report_data, figures=False)).text
    assert "No R² of a corrected gap is printed" in text
    assert text.count("R²") == 1
    assert "about zero by construction" in text


# participants across tables


def test_preflight__counts_add_up_and_name_nobody(report_data: ReportData) -> None:
    frame = report_data.preflight
    assert frame is not None
    counts = reason_counts(report_data)
    assert sum(counts.values()) == int((~frame.complete).sum())
    assert list(counts) == ["no genotypes; did you mean [id]?", "no outcomes", "in the genotypes only"]
    assert results_json(report_data)["preflight"]["genotyped"] == int(frame.genotyped.sum())
    assert "x-00001" not in render_report(report_data, figures=False) + json.dumps(results_json(report_data))


# genes


def test_genes__the_tests_join_the_association_of_the_score_by_source(report_data: ReportData, tables: dict[str, Grid]) -> None:
    rows = effects(report_data)
    rows = rows[(rows.kind == "determinant") & (rows.adjustment == "model_1")].set_index("source")
    for grid_row, source in zip(tables["table-genotypic"].rows, ("panel", "hog-ridge", "retail0095-ridge"), strict=True):
        assert grid_row[2].startswith(f"{rows.estimate[source]:.2f} (")
        assert grid_row[1] == "600"


def test_genes__the_first_group_is_the_reference(tables: dict[str, Grid]) -> None:
    grid = tables["table-groups"]
    assert grid.columns[-1] == "Against WT/WT, years (95% interval)"
    assert [row[-1] == "–" for row in grid.rows] == [True, False, False] * 3


def test_genes__variants_show_match_frequency_and_call_rate(tables: dict[str, Grid]) -> None:
    row = tables["table-variants"].rows[1]
    assert row[:4] == ("rs1805007", "16:89,919,709", "T / C", "1")
    assert row[5] == "other strand"
    assert row[6] == "0.074 (0.070)"


def test_scan__hits_and_lambda_stand_in_table_and_figures(report_data: ReportData, tables: dict[str, Grid]) -> None:
    grid = tables["table-scans"]
    assert column(grid, "p < 5e-8")[0] == "6"
    assert column(grid, "λ") == ["1.013"] * 4
    assert "6 variants below 5e-8, smallest p 1.0e-14 at rs1805007" in drawings(report_data)["figure-manhattan-1"].alt


def test_scan__points_that_cover_each_other_are_drawn_once() -> None:
    one = pd.DataFrame({"chromosome": ["16"], "position": [100], "p_value": [0.5]})
    many = pd.concat([one] * 3000, ignore_index=True)
    ends = pd.DataFrame({"chromosome": "16", "position": [1, 90_000_000], "p_value": [1e-9, 1.0]})
    small, large = (manhattan(pd.concat([part, ends], ignore_index=True), name="m") for part in (one, many))
    assert len(large) == len(small)


def test_scan__a_p_value_of_zero_and_letters_of_chromosomes_are_drawn() -> None:
    points = pd.DataFrame({"chromosome": ["1", "X", "chrMT", "scaffold"], "position": [1, 5, 9, 12], "p_value": [0.0, 0.5, 1.0, 1e-3]})
    svg = manhattan(points, name="m")
    assert re.findall(r">(1|X|MT|\?)</text>", svg) == ["1", "X", "MT", "?"]
    assert "inf" not in svg
    assert "nan" not in svg


# replication


def test_replication__each_source_has_its_own_table_and_none_is_pooled_with_another(
    report_data: ReportData, tables: dict[str, Grid]
) -> None:
    found = [grid for name, grid in tables.items() if name.startswith("table-replications")]
    assert [grid.caption for grid in found] == ["HOG + ridge: discovery and validation", "retail-0095 + ridge: discovery and validation"]
    frame = report_data.replications
    assert frame is not None
    row = frame[(frame.exposure == "perceived_age[hog-ridge]") & (frame.outcome == "osteoporosis") & (frame.adjustment == "model_1")].iloc[
        0
    ]
    assert found[0].rows[0][7] == f"{math.exp(row.coef_pooled):.2f} ({math.exp(row.ci_low):.2f} to {math.exp(row.ci_high):.2f})"
    assert found[0].rows[0][5] == f"{row.p_replication:.3f}"


def test_replication__a_source_without_readings_there_is_named_with_its_reason(report_data: ReportData, read_page: Any) -> None:
    text = read_page(render_report(report_data, figures=False)).text
    assert "Human panel in the second study: not shown. Reason: no readings in the validation." in text


def test_replication__the_page_of_its_own_holds_only_what_belongs_to_it(report_data: ReportData, read_page: Any) -> None:
    html = render_replication(report_data)
    page = read_page(html)
    assert page.values("id", "section") == ["replication", "limits", "methods"]
    assert "Replication report" in page.text
    assert "[id] and [id] share [photograph]." in page.text
    assert page.values("href", "a")[0] == "#replication"
    assert "person-" not in html
    assert html == render_replication(report_data)


def test_replication__the_page_needs_no_discovery_tables(report_data: ReportData) -> None:
    bare = ReportData(
        "B", "2025-01-31", "0.1.0", replications=report_data.replications, shifts=report_data.shifts,
        replication_metrics=report_data.replication_metrics,
    )  # fmt: skip
    html = render_replication(bare)
    assert html.count("<svg") == 6
    assert json.loads(json.dumps(replication_json(bare), allow_nan=False))["replications"][1]["exposure"] == "perceived_age[panel]"


# results and input


def test_results__hold_every_row_of_the_analyses(report_data: ReportData) -> None:
    found = results_json(report_data)
    for name in (
        "association_steps", "association_curves", "source_comparisons", "proxy_estimates", "age_gap_summaries", "score_variants",
        "score_groups", "scans", "replications", "shifts", "replication_metrics",
    ):  # fmt: skip
        assert len(found[name]) == len(getattr(report_data, name)) > 0
    assert found["margins"][1] == {"margins": invented.MARGINS, "registered_at": "2025-01-20", "results_seen": True}


def test_results__hold_nobodys_gap(report_data: ReportData) -> None:
    found = json.dumps(results_json(report_data))
    assert "age_gaps" not in json.loads(found)
    assert re.search(r"(person|family)-\d{5}", found) is None


def test_page__a_link_of_the_log_that_is_incomplete_is_refused() -> None:
    with pytest.raises(InputError, match="an entry of margins is incomplete"):
        ReportData("A", "2025-01-31", "0.1.0", margins=({"margins": {}},))


def test_page__points_of_a_scan_without_their_expectation_are_refused() -> None:
    with pytest.raises(InputError, match="scan_points has no column 'expected_p'"):
        ReportData("A", "2025-01-31", "0.1.0", scan_points=pd.DataFrame(columns=["trait", "chromosome", "position", "p_value"]))


def test_checklist__strega_items_appear_with_genes_only(report_data: ReportData) -> None:
    assert any(row[1] == "Hardy-Weinberg equilibrium" for row in grids(report_data)["table-strobe"].rows)
    without = dataclasses.replace(report_data, score_variants=None, score_groups=None, scans=None, scan_points=None)
    grid = grids(without)["table-strobe"]
    assert grid.caption == "Checklist after STROBE"
    assert {row[2] for row in grid.rows if row[1] in ("Funding", "Study design", "Interpretation")} == {"not reported: needs author"}


def test_table__a_long_name_may_break_after_its_signs(report_data: ReportData) -> None:
    name = "timm:vit_base_patch16_224+<b>"
    html = render_report(dataclasses.replace(report_data, labels={**report_data.labels, "hog-ridge": name}), figures=False)
    assert "timm:<wbr>vit_<wbr>base_<wbr>patch16_<wbr>224+<wbr>&lt;b&gt;" in html
    assert "<b>" not in html
