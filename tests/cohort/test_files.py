"""Finding a table in the study's folder."""

from __future__ import annotations

import pytest

from facies.cohort import find_optional_table, find_table, read_user_table
from facies.cohort.files import UserTable
from facies.errors import InputError, StoreError, TableError
from facies.tables import PARTICIPANTS


@pytest.mark.parametrize("name", ["participants.tsv", "participants.csv", "Participants.XLSX", "participants.parquet"])
def test_find__any_allowed_ending_is_found(tmp_path, name):
    (tmp_path / name).touch()
    (tmp_path / "participants.json").touch()
    (tmp_path / "~$participants.xlsx").touch()
    assert find_table(tmp_path, "participants") == tmp_path / name


def test_find__two_candidates_are_both_named(tmp_path):
    (tmp_path / "participants.tsv").touch()
    (tmp_path / "participants.csv").touch()
    with pytest.raises(InputError, match=r"participants.csv and participants.tsv could both be the table 'participants'"):
        find_table(tmp_path, "participants")


def test_find__a_kind_that_is_not_read_is_told(tmp_path):
    (tmp_path / "participants.dta").touch()
    with pytest.raises(InputError, match=r"participants.dta cannot be read: save it as participants.xlsx"):
        find_optional_table(tmp_path, "participants")


def test_find__none_is_told_unless_it_is_optional(tmp_path):
    assert find_optional_table(tmp_path, "outcomes") is None
    with pytest.raises(InputError, match="there is no table 'outcomes'"):
        find_table(tmp_path, "outcomes")


def test_find__an_absent_folder_is_told(tmp_path):
    with pytest.raises(StoreError, match="facies init"):
        find_table(tmp_path / "study", "participants")


def test_read__an_ending_that_is_not_a_table_is_refused(tmp_path):
    (tmp_path / "participants.docx").touch()
    with pytest.raises(InputError, match="not a table that facies reads"):
        read_user_table(tmp_path / "participants.docx", PARTICIPANTS)


def test_user_table__an_error_names_the_line_of_the_file():
    table = UserTable.of(PARTICIPANTS, PARTICIPANTS.parse(_text()), file="participants.tsv")
    assert str(table.error("is odd", position=1)) == "participants.tsv, line 3: is odd"
    assert isinstance(table.error("is odd", position=0), TableError)


def _text():
    import pandas as pd

    return pd.DataFrame({"participant_id": ["p1", "p2"], "age": ["50", "60"]})
