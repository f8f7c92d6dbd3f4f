"""The section about the study's own encoder says whom it saw, how the run went and whether it helped."""

from __future__ import annotations

import pandas as pd
import pytest

from facies.report import ReportData, render_report, results_json
from facies.report.sections.pretraining import help_sentences, pretraining_section
from facies.tables import PRETRAINING_HELP

TOLD = {
    "method": "simclr", "backbone": "resnet18", "size": 96, "n_photographs": 900, "n_people": 450, "n_labelled": 300,
    "n_held_out_photographs": 120, "n_held_out_people": 60, "validation_fold": "held out", "not_told": "", "probed": True, "seconds": 930.0,
    "steps": 400, "kept_step": 300, "stopped_early": True, "collapsed": False, "start": "untrained",
    "surroundings": {"device": "cpu", "precision": "bfloat16"}, "n_gone": 0,
}  # fmt: skip
NAN = float("nan")
HISTORY = pd.DataFrame({"step": [0.0, 200.0, 400.0], "probe_mae": [7.0, 5.2, 5.0], "knn_mae": [7.5, 6.1, 6.0], "rank": [2.0, 30.0, 41.0]})


def table(*rows):
    return PRETRAINING_HELP.validate(pd.DataFrame(rows, columns=[column.name for column in PRETRAINING_HELP.columns]))


HELPED = table(
    ("ssl+ridge", "all", 300, 5.1, 4.8, 5.4, NAN, NAN, NAN), ("untrained+ridge", "all", 300, 6.3, 5.9, 6.7, -1.2, -1.5, -0.9),
    ("ssl+ridge", "held_out", 60, 5.3, 4.5, 6.1, NAN, NAN, NAN), ("untrained+ridge", "held_out", 60, 6.2, 5.2, 7.2, -0.9, -1.6, -0.2),
)  # fmt: skip


def data(**changes) -> ReportData:
    told = TOLD | changes.pop("told", {})
    given = {"pretraining": told, "pretraining_history": HISTORY, "pretraining_help": HELPED} | changes
    return ReportData("A study", date="2025-01-31", version="0.3.0", **given)


def test_section__a_study_without_an_encoder_of_its_own_has_none():
    assert pretraining_section(ReportData("A", date="2025-01-31", version="0.3.0"), figures=False) is None


def test_section__says_who_was_learnt_from_who_was_held_out_and_what_it_brought():
    page = render_report(data(), figures=False)
    for said in (
        "900 photographs of 450 participants without labels",
        "The validation fold, 60 participants, was held out.",
        "15.5 minutes on cpu, bfloat16",
        "Helped: MAE 5.1 years against 6.3 by the same network with random weights, difference -1.2 (-1.5 to -0.9; n=300).",
        "Helped in people whom pretraining never saw",
        "Error of the linear probe 7.0 years at the start, 5.0 at the best.",
    ):
        assert said in page


def test_section__people_who_withdrew_and_a_collapse_are_said_first():
    page = render_report(data(told={"n_gone": 2, "collapsed": True}), figures=False)
    assert "trained with photographs of 2 participants who withdrew or left the study since" in page
    assert "do not use this encoder" in page
    assert page.index("withdrew or left") < page.index("An encoder was learnt from")


def test_section__included_people_are_named():
    page = render_report(data(told={"validation_fold": "included", "n_held_out_people": 0}), figures=False)
    assert "People of the validation fold were included" in page


def test_section__without_labels_says_why_nothing_can_be_told():
    lacking = "3 labelled people for 5 folds: nothing watches the run or tells whether it helped"
    page = render_report(
        data(told={"not_told": lacking, "probed": False}, pretraining_help=None, pretraining_history=HISTORY.assign(probe_mae=NAN)),
        figures=False,
    )
    assert lacking in page
    assert "Error of the linear probe" not in page


@pytest.mark.parametrize("history", [HISTORY, HISTORY.assign(probe_mae=NAN, knn_mae=NAN)])
def test_figure__is_drawn_with_and_without_a_probe(history):
    page = render_report(data(pretraining_history=history), figures=True)
    assert 'id="figure-pretraining"' in page
    assert ("Linear probe" in page) == bool(history.probe_mae.notna().any())


def test_results__hold_the_numbers_and_no_times():
    found = results_json(data())
    assert found["pretraining"]["n_people"] == 450
    assert "seconds" not in found["pretraining"]
    assert found["pretraining_help"][1]["difference"] == -1.2


@pytest.mark.parametrize(("low", "high", "said"), [(-1.5, -0.9, "helped: "), (-1.5, 0.1, "did not help: "), (0.1, 1.5, "made it worse: ")])
def test_sentence__the_whole_interval_decides(low, high, said):
    rows = table(
        ("ssl+ridge", "all", 9, 5.0, 4.0, 6.0, NAN, NAN, NAN), ("start+ridge", "all", 9, 5.0, 4.0, 6.0, (low + high) / 2, low, high)
    )
    (sentence,) = help_sentences(rows)
    assert sentence.startswith(said)
    assert "the weights that it started from" in sentence
