"""TSV and CSV from many programs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.cohort import read_user_table, read_with_lines
from facies.errors import StoreError, TableError
from facies.tables import OUTCOMES, PARTICIPANTS, PHOTOGRAPHS

PEOPLE = "participant_id{d}age{d}sex\n007{d}45.5{d}female\np8{d}50{d}n/a\n"


def written(folder: Path, data: str | bytes, name: str = "participants.csv") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def refusal(folder: Path, data: str | bytes, name: str = "participants.csv", table=PARTICIPANTS) -> str:
    with pytest.raises(TableError) as caught:
        read_user_table(written(folder, data, name), table)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_csv__delimiter_encoding_and_line_ends_do_not_matter(tmp_path, delimiter, encoding, newline):
    text = PEOPLE.format(d=delimiter).replace("\n", newline)
    frame = read_user_table(written(tmp_path, text.encode(encoding)), PARTICIPANTS)
    assert frame.participant_id.tolist() == ["007", "p8"]
    assert frame.age.tolist() == [45.5, 50.0]
    assert frame.sex.iloc[0] == "female"
    assert pd.isna(frame.sex.iloc[1])


def test_csv__first_line_of_excel_names_the_delimiter_and_is_counted(tmp_path):
    table = read_with_lines(written(tmp_path, "sep=;\r\n" + PEOPLE.format(d=";")), PARTICIPANTS)
    assert table.lines.tolist() == [3, 4]


def test_csv__lines_are_counted_as_an_editor_shows_them(tmp_path):
    text = 'participant_id,age,note\n\np1,50,"two\nlines"\n\n,,\np2,old,x\n'
    assert refusal(tmp_path, text) == "participants.csv, line 7: age is 'old': write a number of years, at least 0 and at most 120"


def test_csv__repeated_key_is_named_with_its_line(tmp_path):
    text = 'participant_id,age,note\np1,50,"two\nlines"\np1,50,x\n'
    assert refusal(tmp_path, text) == "participants.csv, line 4: participant_id p1 stands twice: keep one row"


def test_tsv__names_with_line_breaks_quotes_and_tabs_survive(tmp_path):
    name = 'a "b"\tc\nd é 脸.jpg'
    buffer = io.StringIO()
    rows = [["photo_id", "participant_id", "path"], ["a", "p1", name]]
    csv.writer(buffer, delimiter="\t").writerows(rows)
    frame = read_user_table(written(tmp_path, buffer.getvalue(), "photographs.tsv"), PHOTOGRAPHS)
    assert frame.path.tolist() == [name]


def test_csv__latin1_is_refused_with_the_line_and_read_when_named(tmp_path):
    data = "participant_id,age,site\np1,50,Zoë\n".encode("latin-1")
    assert refusal(tmp_path, data) == (
        "participants.csv, line 2: byte 0xeb is not UTF-8 (in Latin-1 it is 'ë'): save the file as 'CSV UTF-8'"
    )
    assert read_user_table(tmp_path / "participants.csv", PARTICIPANTS, encoding="latin-1").site.tolist() == ["Zoë"]


def test_csv__unknown_encoding_is_named(tmp_path):
    with pytest.raises(TableError, match="the encoding 'latin-99' is unknown"):
        read_user_table(written(tmp_path, PEOPLE.format(d=",")), PARTICIPANTS, encoding="latin-99")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"\n\n  \n", "the file is empty"),
        (b"participant_id,age,age\np1,5,5\n", "column 'age' stands twice"),
        (b"participant_id,age\np1,50,7\n", "line 2: the row has 3 cells, the header 2"),
        (b"participant_id,age\np1\n", "line 2: the row has 1 cells, the header 2"),
        (b"participant_id,age,\np1,50,7\n", "line 1: column 3 has values but no name"),
        (b'participant_id,age\np1,50\n"p2,60\np3,70\n', "line 3: the quotes do not fit"),
        (b'participant_id,age\n"p1"x,50\n', "line 2: the quotes do not fit"),
        (b"participant_id,age\np1,5\x000\n", "line 2: a NUL byte"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "this is not a text file"),
        (b"PK\x03\x04\x14\x00", "this is a .xlsx file under another name"),
        (b"PAR1\x15\x04", "this is a .parquet file under another name"),
        (b"\xff\xfep\x00a", "the bytes are not utf-16"),
        (b"participant_id,age\np1,50\n" + b'p2,"' + b"x" * 10**6 + b'"\n', "line 3: a cell has more than 131072 characters"),
        (b"participant_id\tage\x1fsex\np1\t5\n", "column 'age' is missing"),
    ],
)  # fmt: skip
def test_csv__hostile_tables_are_refused_in_one_line(tmp_path, data, says):
    assert says in refusal(tmp_path, data)


def test_csv__header_alone_is_an_empty_table(tmp_path):
    frame = read_user_table(written(tmp_path, "participant_id,age\n"), PARTICIPANTS)
    assert len(frame) == 0
    assert list(frame.columns) == ["participant_id", "age"]


def test_csv__empty_columns_that_spreadsheets_append_fall_away(tmp_path):
    frame = read_user_table(written(tmp_path, "participant_id,age,,\np1,50,,\np2,60\n".replace("p2,60", "p2,60,,,,")), PARTICIPANTS)
    assert list(frame.columns) == ["participant_id", "age"]


def test_tsv__commas_under_the_ending_tsv_are_told(tmp_path):
    assert "give the file the ending .csv" in refusal(tmp_path, PEOPLE.format(d=","), "participants.tsv")


def test_tsv__one_column_needs_no_tab(tmp_path):
    assert read_user_table(written(tmp_path, "participant_id\np1\n", "outcomes.tsv"), OUTCOMES).participant_id.tolist() == ["p1"]


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("age", ["45,3", "50"], "line 2: age is '45,3': write numbers with a decimal point (45.3)"),
        ("bmi", ["24,1", "30"], "line 2: bmi is '24,1': write numbers with a decimal point (24.1)"),
    ],
)
def test_csv__decimal_commas_are_refused(tmp_path, column, values, says):
    age = ";50" if column != "age" else ""
    header = f"participant_id;{column}" + (";age" if age else "")
    assert says in refusal(tmp_path, f"{header}\np1;{values[0]}{age}\np2;{values[1]}{age}\n")


def test_csv__text_with_commas_is_not_taken_for_numbers(tmp_path):
    frame = read_user_table(written(tmp_path, "participant_id;age;drugs\np1;50;1,2\np2;60;none\n"), PARTICIPANTS)
    assert frame.drugs.tolist() == ["1,2", "none"]


def test_csv__a_stray_dot_in_a_column_of_numbers_is_refused(tmp_path):
    rows = "".join(f"p{i},50,{20 + i}\n" for i in range(9))
    assert "line 11: bmi is '.' where other rows have numbers" in refusal(tmp_path, f"participant_id,age,bmi\n{rows}p9,50,.\n")


def test_csv__a_day_that_does_not_exist_is_refused(tmp_path):
    text = "photo_id,participant_id,path,taken_on\na,p1,a.jpg,2024-02-30\n"
    assert "line 2: taken_on is '2024-02-30', which no calendar has" in refusal(tmp_path, text, "photographs.csv", PHOTOGRAPHS)


def test_read__an_absent_file_is_a_store_error(tmp_path):
    with pytest.raises(StoreError, match=r"participants.csv cannot be read"):
        read_user_table(tmp_path / "participants.csv", PARTICIPANTS)


MISSING_CELLS = {"", "n/a", "NA", "N/A", "NaN", "nan", "None", "null", "<NA>"}
CELLS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), min_size=1, max_size=20).map(str.strip)


@settings(max_examples=60, deadline=None)
@given(cells=st.lists(CELLS.filter(lambda text: text not in MISSING_CELLS), min_size=1, max_size=8))
def test_tsv__any_text_comes_back_as_it_was_written(tmp_path_factory, cells):
    buffer = io.StringIO()
    rows = [[f"i{number}", "p1", cell] for number, cell in enumerate(cells)]
    csv.writer(buffer, delimiter="\t").writerows([["photo_id", "participant_id", "path"], *rows])
    path = written(tmp_path_factory.mktemp("tsv"), buffer.getvalue(), "photographs.tsv")
    assert read_user_table(path, PHOTOGRAPHS).path.tolist() == cells
