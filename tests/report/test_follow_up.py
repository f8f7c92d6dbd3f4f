"""Figures and section of follow-up: what is printed, that nobody is named, and how few patients have no line."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from facies.evaluation.follow_up import FollowUp, follow_up
from facies.report.blocks import Drawing, Grid, Missing, Panels, Section
from facies.report.condition_data import ConditionData
from facies.report.figures.timelines import cohort_timelines, patient_timeline
from facies.report.sections.conditions.follow_up import follow_up_section, follow_up_sentences, interval_of_time
from facies.simulation.follow_up import FollowUpSettings, simulate_follow_up
from facies.tables.conditions import TRAJECTORY_EDGES

SETTINGS = FollowUpSettings(n_patients=12, n_controls=8, effect=-6.0, half_time=0.1)


def found_in(settings: FollowUpSettings) -> FollowUp:
    made = simulate_follow_up(settings, random_state=2)
    return follow_up(made.face_scores, made.faces, made.visits, made.diagnoses)


@pytest.fixture(scope="module")
def found() -> FollowUp:
    return found_in(SETTINGS)


def data_of(found: FollowUp) -> ConditionData:
    return ConditionData(
        "A study", date="2025-01-31", version="0.4.0", target="facies", target_conditions=("cushing",), session_scores=found.session_scores,
        score_changes=found.score_changes, test_retest=found.test_retest, trajectories=found.trajectories,
    )  # fmt: skip


def section_of(found: FollowUp, *, figures: bool = False) -> Section:
    section = follow_up_section(data_of(found), figures=figures)
    assert section is not None
    return section


def grids(section: Section) -> dict[str, Grid]:
    return {block.id: block for block in section.blocks if isinstance(block, Grid)}


def drawings(section: Section) -> list[Drawing]:
    return [drawing for block in section.blocks if isinstance(block, Panels) for drawing in block.drawings]


def test_follow_up_section__counts_who_changed(found):
    section = section_of(found)
    verdicts = {row[2]: row[3:] for row in grids(section)["table-score-changes"].rows}
    last = found.score_changes[found.score_changes.session_id == "s3"]
    lower = int((last.verdict[last.participant_id <= "p0012"] == "lower").sum())
    assert lower >= 6  # six are in remission
    assert verdicts["treated patients"][:2] == ("12", str(lower))
    assert verdicts["all others"][0] == "8"
    assert any(f"of 12 treated patients {lower} scored lower" in text for text in follow_up_sentences(data_of(found)))
    row = grids(section)["table-test-retest"].rows[0]
    assert row[2:5] == ("20", "60", "180")
    assert row[0].startswith("Cushing")


def test_follow_up_section__prints_the_course_with_its_days(found):
    rows = grids(section_of(found))["table-trajectories"].rows
    assert [row[2] for row in rows] == ["91 to 180", "181 to 365"]
    assert all(row[3] == "12" for row in rows)


def test_follow_up_section__names_nobody(found):
    printed = repr(section_of(found, figures=True))
    people = set(found.session_scores.participant_id)
    assert not [name for name in people if name in printed]


def test_follow_up_section__draws_lines_of_single_patients_from_ten_on(found):
    few = found_in(replace(SETTINGS, n_patients=9))
    many_lines, no_lines = (drawings(section_of(one, figures=True))[0] for one in (found, few))
    assert "One thin line a patient, 12 in all." in many_lines.caption
    assert "thin line" not in no_lines.caption
    assert len(many_lines.svg) > len(no_lines.svg) + 500
    assert drawings(section_of(found, figures=False))[0].svg == ""


def test_follow_up_section__is_absent_without_follow_up_and_says_what_lacks():
    assert follow_up_section(ConditionData("A study", date="2025-01-31", version="0.4.0", target="facies"), figures=False) is None
    assert follow_up_sentences(ConditionData("A study", date="2025-01-31", version="0.4.0", target="facies")) == []
    once = section_of(found_in(replace(SETTINGS, n_visits=1)))
    assert [block.part for block in once.blocks if isinstance(block, Missing)] == ["Changes", "The course after treatment"]


def test_interval_of_time__gives_back_every_interval():
    middles = (np.array(TRAJECTORY_EDGES[:-1]) + np.array(TRAJECTORY_EDGES[1:])) / 2
    assert [interval_of_time(middle).split(" to ")[1].replace(",", "") for middle in middles] == [str(end) for end in TRAJECTORY_EDGES[1:]]


def of_person(found: FollowUp, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return tuple(frame[frame.participant_id == name] for frame in (found.session_scores, found.score_changes))  # type: ignore[return-value]


def test_patient_timeline__is_an_svg_file_of_its_own(found):
    scores, changes = of_person(found, "p0001")
    svg = patient_timeline(scores, changes, title="p0001")
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "Days from treatment" in svg
    assert "p0001: cushing" in svg
    assert svg == patient_timeline(scores, changes, title="p0001")


def test_patient_timeline__stands_on_the_time_that_there_is(found):
    scores, changes = of_person(found, "p0001")
    untreated = scores.assign(days_from_treatment=np.nan)
    assert "Days from the first visit" in patient_timeline(untreated, changes, title="p")
    undated = patient_timeline(untreated.assign(days=np.nan), changes, title="p")
    assert "Days" not in undated
    assert "Visit" in undated


def test_patient_timeline__without_any_error_has_no_band_and_no_filled_marker(found):
    scores, changes = of_person(found, "p0001")
    blank = scores.assign(std_error=np.nan, ci_low=np.nan, ci_high=np.nan)
    unknown = changes.assign(verdict="no error known", smallest_detectable=np.nan)
    assert "PolyCollection" not in patient_timeline(blank, unknown, title="p")
    known, plain = patient_timeline(scores, changes, title="p"), patient_timeline(blank, unknown, title="p")
    assert "#d5dde3" in known
    assert "#d5dde3" not in plain


def test_cohort_timelines__draw_without_error_and_without_intervals(found):
    lines = pd.DataFrame({"patient": [0, 0], "days": [0.0, 100.0], "change": [0.0, -1.0]})
    means = found.trajectories.assign(ci_low=np.nan, ci_high=np.nan).iloc[:1]
    svg = cohort_timelines(lines, means, detectable=float("nan"), name="figure")
    assert "#d5dde3" not in svg
    assert "Days from treatment" in svg
