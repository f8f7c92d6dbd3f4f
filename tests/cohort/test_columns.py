"""Column names nearly right."""

from __future__ import annotations

import pytest

from facies.cohort import read_user_table
from facies.errors import TableError
from facies.tables import PARTICIPANTS, PHOTOGRAPHS, READINGS


def refusal(folder, text, table, **settings):
    path = folder / f"{table.name}.csv"
    path.write_text(text)
    with pytest.raises(TableError) as caught:
        read_user_table(path, table, **settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("subject_id,age", "column 'participant_id' is missing: rename 'subject_id' if it is the person"),
        ("Patient ID,age", "column 'participant_id' is missing: rename 'Patient ID' if it is the person"),
        ("partcipant_id,age", "column 'participant_id' is missing: rename 'partcipant_id' if it is the person"),
        ("participant_id,Age", "column 'age' is missing: rename 'Age'"),
        ("participant_id,bmi", "column 'age' is missing (time since birth when photographed; columns: participant_id, bmi): add it"),
    ],
)
def test_names__a_missing_column_is_told_with_the_one_that_was_meant(tmp_path, header, says):
    assert says in refusal(tmp_path, f"{header}\np1,50\n", PARTICIPANTS)


def test_names__an_optional_column_nearly_right_does_not_become_a_covariate(tmp_path):
    assert "column 'Family-ID' is nearly 'family_id'" in refusal(tmp_path, "participant_id,age,Family-ID\np1,50,f\n", PARTICIPANTS)


def test_names__a_closed_table_takes_no_further_columns(tmp_path):
    text = "reader_id,photo_id,target,repeat,reading,mood\nr,a,perceived_age,0,50,good\n"
    assert "column 'mood' is not part of readings: remove it" in refusal(tmp_path, text, READINGS)


def test_rename__the_users_names_are_mapped(tmp_path):
    (tmp_path / "photographs.csv").write_text("beeld,persoon,bestand\na,p1,a.jpg\n")
    rename = {"beeld": "photo_id", "persoon": "participant_id", "bestand": "path"}
    frame = read_user_table(tmp_path / "photographs.csv", PHOTOGRAPHS, rename=rename)
    assert frame.iloc[0].tolist() == ["a", "p1", "a.jpg"]


def test_rename__a_name_that_is_not_there_is_refused(tmp_path):
    says = refusal(tmp_path, "participant_id,age,smoker\np1,50,1\n", PARTICIPANTS, rename={"smokr": "smoking"})
    assert "`rename` names the column 'smokr', which the file does not have: did you mean 'smoker'?" in says
