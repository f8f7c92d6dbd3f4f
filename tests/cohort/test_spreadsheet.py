"""Excel workbooks and Parquet."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from facies.cohort import read_user_table, read_with_lines
from facies.errors import TableError
from facies.tables import PARTICIPANTS, PHOTOGRAPHS


def workbook(folder: Path, rows: list[list[object]], name: str = "participants.xlsx", **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Sheet1"
    for row in rows:
        book.active.append(row)
    for title, body in sheets.items():
        sheet = book.create_sheet(title)
        for row in body:
            sheet.append(row)
    book.save(folder / name)
    return folder / name


def refusal(path: Path, table=PARTICIPANTS) -> str:
    with pytest.raises(TableError) as caught:
        read_user_table(path, table)
    return str(caught.value)


HEADER = ["participant_id", "age"]


def test_workbook__whole_numbers_become_identifiers_without_decimals(tmp_path):
    frame = read_user_table(workbook(tmp_path, [HEADER, [7.0, 45.5], [8, 50]]), PARTICIPANTS)
    assert frame.participant_id.tolist() == ["7", "8"]


def test_workbook__leading_zeros_stay_in_text_and_in_numbers_shown_with_them(tmp_path):
    path = workbook(tmp_path, [HEADER, ["007", 45.5], [8, 50]])
    book = openpyxl.load_workbook(path)
    book.active["A3"].number_format = "000"
    book.save(path)
    assert read_user_table(path, PARTICIPANTS).participant_id.tolist() == ["007", "008"]


def test_workbook__dates_become_iso_days(tmp_path):
    rows = [["photo_id", "participant_id", "path", "taken_on"], ["a", "p1", "a.jpg", dt.datetime(2024, 3, 1)]]
    frame = read_user_table(workbook(tmp_path, rows, "photographs.xlsx"), PHOTOGRAPHS)
    assert frame.taken_on.tolist() == ["2024-03-01"]


def test_workbook__an_identifier_that_excel_made_a_date_is_refused(tmp_path):
    path = workbook(tmp_path, [HEADER, ["p1", 50], [dt.datetime(2024, 2, 1), 50]])
    assert refusal(path).startswith("participants.xlsx, line 3: participant_id is a date (2024-02-01), made by the spreadsheet")


def test_workbook__empty_rows_and_columns_are_passed_over_and_counted(tmp_path):
    path = workbook(tmp_path, [[], HEADER, ["p1", 50], [None, None], ["p2", 60]])
    table = read_with_lines(path, PARTICIPANTS)
    assert table.frame.participant_id.tolist() == ["p1", "p2"]
    assert table.lines.tolist() == [3, 5]


def test_workbook__a_wrong_dimension_tag_does_not_cut_the_sheet(tmp_path):
    path = workbook(tmp_path, [HEADER, ["p1", 50], ["p2", 60]])
    parts = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts[name] = archive.read(name).replace(b'<dimension ref="A1:B3" />', b'<dimension ref="A1" />')
    assert any(b'ref="A1" />' in data for data in parts.values())
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    assert len(read_user_table(path, PARTICIPANTS)) == 2


def test_workbook__the_sheet_named_like_the_table_is_read(tmp_path):
    path = workbook(tmp_path, [["notes"], ["x"]], participants=[HEADER, ["p1", 50]])
    assert read_user_table(path, PARTICIPANTS).participant_id.tolist() == ["p1"]


def test_workbook__several_sheets_without_that_name_are_refused(tmp_path):
    path = workbook(tmp_path, [HEADER, ["p1", 50]], more=[["x"], ["y"]])
    assert "the workbook has 2 sheets (Sheet1, more): name the one to read 'participants'" in refusal(path)


def test_workbook__empty_sheets_beside_it_do_not_matter(tmp_path):
    assert len(read_user_table(workbook(tmp_path, [HEADER, ["p1", 50]], Sheet2=[]), PARTICIPANTS)) == 1


def test_workbook__a_formula_without_stored_result_is_refused(tmp_path):
    assert "line 2: a formula has no stored result" in refusal(workbook(tmp_path, [HEADER, ["p1", "=40+10"]]))


def test_workbook__an_error_in_a_cell_is_refused_and_not_available_is_missing(tmp_path):
    assert "line 2: cell B2 holds the error #REF!" in refusal(workbook(tmp_path, [HEADER, ["p1", "#REF!"]]))
    frame = read_user_table(workbook(tmp_path, [HEADER, ["p1", "#N/A"]]), PARTICIPANTS)
    assert np.isnan(frame.age.iloc[0])


def test_workbook__numbers_that_a_spreadsheet_rounds_are_refused(tmp_path):
    assert "cell A2 is a number of more than 15 digits" in refusal(workbook(tmp_path, [HEADER, [1234567890123456789, 50]]))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cannot be read as an .xlsx workbook"),
        (b"PK\x03\x04 and no more", "cannot be read as an .xlsx workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old .xls or a workbook with a password"),
    ],
)
def test_workbook__what_is_none_is_refused(tmp_path, data, says):
    (tmp_path / "participants.xlsx").write_bytes(data)
    assert says in refusal(tmp_path / "participants.xlsx")


def test_workbook__an_empty_one_is_refused(tmp_path):
    assert "the workbook is empty" in refusal(workbook(tmp_path, []))


def test_workbook__a_column_without_a_name_is_refused(tmp_path):
    assert "line 1: column 3 has values but no name" in refusal(workbook(tmp_path, [HEADER, ["p1", 50, "x"]]))


def test_parquet__types_become_the_vocabularys(tmp_path):
    frame = pd.DataFrame(
        {
            "participant_id": [7.0, 12.0],
            "age": [50, 60],
            "sex": pd.Categorical(["female", None]),
            "smoker": [True, False],
            "seen": [1.5, None],
        }
    )
    frame.to_parquet(tmp_path / "participants.parquet")
    read = read_user_table(tmp_path / "participants.parquet", PARTICIPANTS)
    assert read.participant_id.tolist() == ["7", "12"]
    assert read.age.tolist() == [50.0, 60.0]
    assert read.smoker.tolist() == ["true", "false"]
    assert np.isnan(read.seen.iloc[1])


def test_parquet__a_named_index_is_a_column(tmp_path):
    frame = pd.DataFrame({"age": [50.0]}, index=pd.Index(["p1"], name="participant_id"))
    frame.to_parquet(tmp_path / "participants.parquet")
    assert read_user_table(tmp_path / "participants.parquet", PARTICIPANTS).participant_id.tolist() == ["p1"]


def test_parquet__what_is_none_is_refused(tmp_path):
    (tmp_path / "participants.parquet").write_bytes(b"PAR1 and no more")
    assert "cannot be read as a Parquet file" in refusal(tmp_path / "participants.parquet")


@pytest.mark.parametrize("ending", ["tsv", "csv", "xlsx", "parquet"])
def test_read__every_kind_of_file_gives_the_same_table(tmp_path, ending):
    frame = pd.DataFrame({"participant_id": ["007", "p8"], "age": [45.25, 50.0], "sex": ["female", "male"], "bmi": [22.5, np.nan]})
    path = tmp_path / f"participants.{ending}"
    if ending == "xlsx":
        frame.to_excel(path, index=False)
    elif ending == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == "tsv" else ";", na_rep="n/a")
    pd.testing.assert_frame_equal(read_user_table(path, PARTICIPANTS), frame)
