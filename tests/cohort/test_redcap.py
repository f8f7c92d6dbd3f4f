"""REDCap exports."""

from __future__ import annotations

import pandas as pd
import pytest

from facies.cohort import read_user_table, read_with_lines
from facies.errors import TableError
from facies.tables import OUTCOMES, PARTICIPANTS, PHOTOGRAPHS

SYSTEM = "record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,redcap_data_access_group"
LONGITUDINAL = f"""{SYSTEM},age,sex,smoking___1,smoking___2,photo_id,path
1,baseline_arm_1,,,leiden,54.2,female,1,0,,
1,baseline_arm_1,photograph,1,leiden,,,,,a1,a1.jpg
1,baseline_arm_1,photograph,2,leiden,,,,,a2,a2.jpg
2,baseline_arm_1,,,delft,61,male,0,1,,
2,followup_arm_1,,,delft,,,,,,
2,followup_arm_1,photograph,1,delft,,,,,b1,b1.jpg
"""


@pytest.fixture
def export(tmp_path):
    (tmp_path / "participants.csv").write_text(LONGITUDINAL)
    (tmp_path / "photographs.csv").write_text(LONGITUDINAL)
    return tmp_path


def test_redcap__events_are_joined_to_one_row_a_participant(export):
    table = read_with_lines(export / "participants.csv", PARTICIPANTS)
    assert table.frame.participant_id.tolist() == ["1", "2"]
    assert table.frame.age.tolist() == [54.2, 61.0]
    assert table.frame.site.tolist() == ["leiden", "delft"]
    assert table.frame.smoking___1.tolist() == [1.0, 0.0]
    assert table.lines.tolist() == [2, 5]
    assert not [name for name in table.frame.columns if name.startswith("redcap_") or name in {"photo_id", "path"}]


def test_redcap__repeating_rows_become_photographs_with_the_event_as_session(export):
    frame = read_user_table(export / "photographs.csv", PHOTOGRAPHS)
    assert frame.photo_id.tolist() == ["a1", "a2", "b1"]
    assert frame.participant_id.tolist() == ["1", "1", "2"]
    assert frame.session_id.tolist() == ["baseline_arm_1", "baseline_arm_1", "followup_arm_1"]


def test_redcap__two_values_in_different_events_are_refused_until_one_is_named(tmp_path):
    path = tmp_path / "outcomes.csv"
    path.write_text("record_id,redcap_event_name,fev1\n1,baseline,3.1\n1,followup,2.9\n2,baseline,3.3\n")
    with pytest.raises(TableError) as caught:
        read_user_table(path, OUTCOMES)
    assert str(caught.value) == (
        "outcomes.csv, line 3: participant 1 has two values of fev1: '3.1' (event baseline) and '2.9' (event followup): "
        "name the event to read with `redcap_event`, or export that event only"
    )
    assert read_user_table(path, OUTCOMES, redcap_event="followup").fev1.tolist() == [2.9]


def test_redcap__an_event_that_does_not_occur_is_refused(tmp_path):
    path = tmp_path / "outcomes.csv"
    path.write_text("record_id,redcap_event_name,fev1\n1,baseline,3.1\n")
    with pytest.raises(TableError, match=r"the event 'base' does not occur \(events: baseline\)"):
        read_user_table(path, OUTCOMES, redcap_event="base")


def test_redcap__ticks_of_a_label_export_become_ones(tmp_path):
    path = tmp_path / "participants.csv"
    path.write_text("record_id,age,sex,smoking___1\n1,50,Male,Checked\n2,60,Female,Unchecked\n")
    frame = read_user_table(path, PARTICIPANTS)
    assert frame.smoking___1.tolist() == [1.0, 0.0]
    assert frame.sex.tolist() == ["male", "female"]


def test_redcap__survey_identifiers_are_left_behind(tmp_path):
    path = tmp_path / "participants.csv"
    path.write_text("record_id,redcap_survey_identifier,age\n1,a@b.org,50\n")
    assert list(read_user_table(path, PARTICIPANTS).columns) == ["participant_id", "age"]


def test_redcap__faults_are_told_with_the_exports_own_line(tmp_path):
    path = tmp_path / "participants.csv"
    path.write_text(LONGITUDINAL.replace("61,male", "161,male"))
    with pytest.raises(TableError, match=r"participants.csv, line 5: age is .*161"):
        read_user_table(path, PARTICIPANTS)


def test_redcap__a_plain_table_that_has_both_names_is_left_alone(tmp_path):
    path = tmp_path / "participants.csv"
    path.write_text("participant_id,record_id,age\np1,7,50\n")
    pd.testing.assert_frame_equal(
        read_user_table(path, PARTICIPANTS), pd.DataFrame({"participant_id": ["p1"], "record_id": [7.0], "age": [50.0]})
    )
