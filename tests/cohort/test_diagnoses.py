"""Diagnoses, negatives, their matching: what is refused, and what is done with what is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.cohort.diagnoses import read_diagnoses, require_enough
from facies.cohort.matching import balance_rows, balancing_weights, match_others
from facies.cohort.negatives import read_negatives
from facies.cohort.sources import SOURCES, describe_source
from facies.errors import InputError
from facies.tables import BALANCE, PARTICIPANTS, PHOTOGRAPHS

PEOPLE = pd.DataFrame({"participant_id": ["p1", "p2", "p3"], "age": [50.0, 60.0, 55.0]})


def read(tmp_path, text, conditions=("acromegaly", "cushing")):
    (tmp_path / "diagnoses.tsv").write_text(text.replace(" ", "\t"))
    return read_diagnoses(tmp_path, PEOPLE, conditions=conditions)


@pytest.mark.parametrize(("text", "why"), [
    ("participant_id diagnosis\np1 acromegaly\np9 control\n", r"line 3: participant_id 'p9' is not among"),
    ("participant_id diagnosis\np1 acromegaly\np2 flu\n", r"line 3: diagnosis is 'flu': write acromegaly, cushing or control"),
    ("participant_id diagnosis\np1 acromegaly\np2 cushing\np1 control\n", r"line 4: .*p1"),
    ("participant_id diagnosis\np1 acromegaly\np2 control\n", r"nobody has cushing: add people with it"),
])  # fmt: skip
def test_read_diagnoses__refuses_with_the_file_and_line(tmp_path, text, why):
    with pytest.raises(InputError, match=why):
        read(tmp_path, text)


def test_read_diagnoses__one_person_may_change_between_named_visits(tmp_path):
    text = "participant_id session_id diagnosis\np1 s1 acromegaly\np1 s2 control\np2 s1 cushing\np3 s1 control\n"
    found = read(tmp_path, text)
    assert found.diagnosis.tolist() == ["acromegaly", "control", "cushing", "control"]
    assert found.severity.isna().all()


def test_read_diagnoses__a_case_that_is_also_a_control_without_visits_is_refused(tmp_path):
    text = "participant_id session_id diagnosis\np1 n/a acromegaly\np2 s1 cushing\np1 s2 control\n"
    with pytest.raises(InputError, match=r"line 4: participant p1 has acromegaly and is a control too: keep one"):
        read(tmp_path, text)


def test_require_enough__names_the_condition_and_the_remedy():
    ill = pd.Series(["cushing"] * 3 + ["control"] * 20)
    with pytest.raises(InputError, match=r"3 people with cushing .* for 5 folds: set models.n_folds to at most 3"):
        require_enough(ill, ["cushing"], n_folds=5)
    with pytest.raises(InputError, match="everybody with a usable photograph has cushing: add controls"):
        require_enough(pd.Series(["cushing"] * 9), ["cushing"], n_folds=2)


def test_read_negatives__each_file_of_a_folder_is_a_person_with_an_identifier_of_the_source(tmp_path):
    (tmp_path / "negatives" / "a").mkdir(parents=True)
    for name in ("x.jpg", "y.png", "notes.txt"):
        (tmp_path / "negatives" / "a" / name).write_bytes(b"x")
    people, photographs = read_negatives(tmp_path, source="london", folder="negatives", table=None, licence="CC BY 4.0")
    assert people.participant_id.tolist() == ["london:a/x.jpg", "london:a/y.png"]
    assert photographs.path.tolist() == ["negatives/a/x.jpg", "negatives/a/y.png"]
    PARTICIPANTS.validate(people)
    PHOTOGRAPHS.validate(photographs)


def test_read_negatives__a_table_gives_people_age_and_sex(tmp_path):
    (tmp_path / "n").mkdir()
    (tmp_path / "n.tsv").write_text("path\tparticipant_id\tage\tsex\na.jpg\tq1\t20\tfemale\nb.jpg\tq1\t30\tfemale\nc.jpg\tq2\t40\tn/a\n")
    people, photographs = read_negatives(tmp_path, source="own", folder="n", table="n.tsv", licence="mine")
    assert people.set_index("participant_id").age.to_dict() == {"own:q1": 25.0, "own:q2": 40.0}
    assert photographs.photo_id.is_unique
    assert set(photographs.source) == {"own"}


def test_read_negatives__a_folder_that_is_absent_or_empty_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"conditions.negatives, own: there is no folder gone"):
        read_negatives(tmp_path, source="own", folder="gone", table=None, licence="mine")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no photographs"):
        read_negatives(tmp_path, source="own", folder="empty", table=None, licence="mine")


def test_describe_source__knows_its_sources_and_asks_for_the_licence_of_others():
    assert describe_source("london", licence=None, citation=None)["licence"] == "CC BY 4.0"
    assert describe_source("own", licence="mine", citation="us")["citation"] == "us"
    with pytest.raises(InputError, match="does not know the source 'own'"):
        describe_source("own", licence=None, citation=None)
    assert all(source.licence and source.citation for source in SOURCES.values())


def test_balancing_weights__bring_all_means_to_the_targets_and_keep_the_count():
    rng = np.random.default_rng(1)
    others = np.column_stack([rng.normal(35, 12, 600), rng.random(600) < 0.5]).astype(float)
    weights = balancing_weights(others, np.array([44.0, 0.75]))
    assert weights @ others / weights.sum() == pytest.approx([44.0, 0.75], abs=0.5)
    assert weights.sum() == pytest.approx(600)
    assert weights.min() >= 0


def test_match_others__chooses_the_most_alike_of_the_same_sex_without_replacement():
    rng = np.random.default_rng(2)
    cases = np.column_stack([rng.normal(50, 8, 40), rng.random(40) < 0.5]).astype(float)
    others = np.column_stack([rng.normal(35, 14, 800), rng.random(800) < 0.5]).astype(float)
    chosen = match_others(cases, others, ratio=3, exact=1)
    assert chosen.sum() <= 120
    table = balance_rows(
        "x", pd.DataFrame(cases, columns=["age", "female"]), pd.DataFrame(others, columns=["age", "female"]), chosen.astype(float)
    )
    BALANCE.validate(table)
    assert table.difference_before.abs().max() > 0.8
    assert table.difference_after.abs().max() < 0.15
