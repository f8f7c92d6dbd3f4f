"""Readings come in from spreadsheets and REDCap, and every fault is one line with its place and remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError, TableError
from facies.readers import (
    RedcapFields,
    bin_label,
    faults_in_wide,
    parse_reading,
    readings_for_export,
    readings_from_redcap,
    readings_from_wide,
    readings_to_wide,
)
from facies.readers.labels import parse_choices
from facies.tables import READINGS

TARGET = "perceived_age"


def text(**columns):
    return pd.DataFrame(columns, dtype=object)


@pytest.mark.parametrize(
    ("label", "midpoint"),
    [
        ("52", 52), (" 52.5 ", 52.5), ("50-54", 52), ("50–54", 52), ("50 — 54", 52), ("50 to 54 years", 52), ("50 bis 54", 52),
        ("50-54 y", 52), ("<20", 17), ("< 20", 17), ("<=19", 17), ("≤19", 17), ("under 20", 17), (">=85", 87), ("≥85", 87), ("85+", 87),
        (">84", 87), ("85 or older", 87), ("0", 0), ("67 yrs", 67),
    ],
)  # fmt: skip
def test_parse_reading__a_bin_is_its_midpoint_and_an_open_bin_is_as_wide_as_the_others(label, midpoint):
    assert parse_reading(label) == midpoint


def test_parse_reading__bins_of_ten_years_are_read_when_they_are_declared():
    assert [parse_reading(label, bin_years=10) for label in ("50-59", "<20", "80+")] == [54.5, 14.5, 84.5]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("50-59", "spans 10 years where bins of 5 are expected"), ("54-50", "ends before it begins"), ("14-Oct", "is a date, which a"),
        ("Oct-14", "is a date"), ("2024-10-14", "is a date"), ("52,5", "has a decimal comma: write 52.5"), ("old", "neither a number nor"),
        ("50-54-58", "neither a number nor"), ("--5", "neither a number nor"),
    ],
)  # fmt: skip
def test_parse_reading__what_is_not_understood_is_refused_with_the_remedy(label, message):
    with pytest.raises(InputError, match=message):
        parse_reading(label)


def test_bin_label__every_whole_age_lies_within_half_a_bin_of_the_midpoint_of_its_label():
    for age in range(15, 90):
        assert abs(parse_reading(bin_label(age)) - age) <= 2


def test_readings_from_wide__empty_cells_are_no_readings_and_second_columns_are_repeats():
    cells = text(photo=["a", "b", "c"], r1=["50-54", "n/a", "60"], r1__2=["55-59", "", "."], r2=["", "<20", "skipped"])
    table = readings_from_wide(cells, target=TARGET, photo_column="photo")
    expected = [("r1", "a", 0, 52), ("r1", "a", 1, 57), ("r1", "c", 0, 60), ("r2", "b", 0, 17)]
    assert list(table[["reader_id", "photo_id", "repeat", "reading"]].itertuples(index=False, name=None)) == expected
    READINGS.validate(table)


def test_readings_to_wide__comes_back_the_same():
    rng = np.random.default_rng(0)
    rows = [(f"r{i}", f"f{j}", TARGET, 0, float(rng.integers(20, 80))) for i in range(4) for j in range(6) if rng.random() < 0.7]
    rows += [("r0", rows[0][1], TARGET, 1, 44.5)]
    table = readings_for_export(pd.DataFrame(rows, columns=["reader_id", "photo_id", "target", "repeat", "reading"]))
    wide = readings_to_wide(table, target=TARGET)
    cells = wide.map(lambda cell: "" if cell != cell else str(cell))
    pd.testing.assert_frame_equal(readings_from_wide(cells, target=TARGET), table)


def test_faults_in_wide__names_every_fault_with_file_line_and_remedy():
    photographs = pd.DataFrame({"photo_id": ["face_01", "face_02", "face_03"]})
    cells = text(photo_id=["face_01", "face_2", "", "face_01"], r1=["50-54", "40", "30", "41"], r2=["old", "1,5", "", ""])
    faults = faults_in_wide(cells, photographs=photographs, file="panel.xlsx", lines=[3, 4, 6, 7])
    assert faults == [
        "panel.xlsx, line 3: column r2: reading 'old' is neither a number nor a bin of ages: write such as 52, 50-54, <20 or >=85, or "
        "leave it empty",
        "panel.xlsx, line 4: column r2: reading '1,5' has a decimal comma: write 1.5",
        "panel.xlsx, line 4: photograph 'face_2' is not in the photographs: did you mean 'face_02'?",
        "panel.xlsx, line 6: photo_id is missing: name the photograph, or remove the row",
        "panel.xlsx, line 7: photograph 'face_01' stands twice for reader 'r1': keep one row, or mark a repeat",
    ]
    with pytest.raises(TableError, match=r"^panel.xlsx, line 2: column r2: reading 'old'.* \(4 more faults in this file\)$"):
        readings_from_wide(cells, target=TARGET, photographs=photographs, file="panel.xlsx")
    assert faults_in_wide(text(photo_id=["face_01"], r1=["50"]), photographs=photographs) == []


@pytest.mark.parametrize(
    ("cells", "settings", "message"),
    [
        (text(photo=["a"], r1=["50"]), {}, "w.csv, line 1: column 'photo_id' is missing"),
        (text(photo_id=["a"]), {}, "there is no column of a reader"),
        (text(photo_id=["a"], r1=["50"]), {"readers": ["r2"]}, "column 'r2' is missing"),
        (pd.DataFrame([["a", "1", "2"]], columns=["photo_id", "r1", "r1"]), {}, "a second reading by the same reader is called 'r1__2'"),
        (pd.DataFrame([["a", "1", "2"]], columns=["photo_id", "r1", ""]), {}, "a column has no name"),
        (text(photo_id=["a"], r1=[""]), {}, "w.csv: there is no reading"),
    ],
)
def test_readings_from_wide__refuses_what_is_no_such_table(cells, settings, message):
    with pytest.raises(TableError, match=message):
        readings_from_wide(cells, target=TARGET, file="w.csv", **settings)


def redcap(**more):
    return text(
        record_id=["f1", "f1", "f1", "f2", "f2", "f2"],
        redcap_repeat_instrument=["", "rating", "rating", "", "rating", "rating"],
        redcap_repeat_instance=["", "1", "2", "", "1", "2"],
        rater=["", "r1", "r2", "", "r1", "r1"],
        age_seen=["", "2", "3", "", "1", "2"],
        sure=["", "80", "", "", "55", "60"],
        rating_complete=["", "2", "2", "", "2", "2"],
        **more,
    )


FIELDS = RedcapFields(reader_id="rater", photo_id="record_id", reading="age_seen", confidence="sure")
CHOICES = "1, <20 | 2, 20-24 | 3, 25-29"


def test_readings_from_redcap__raw_codes_and_labels_give_the_same_and_second_instances_are_repeats():
    raw = readings_from_redcap(redcap(), target=TARGET, fields=FIELDS, choices=CHOICES)
    labels = redcap().assign(age_seen=["", "20-24", "25-29", "", "<20", "20-24"], redcap_repeat_instrument=[*["", "Rating", "Rating"] * 2])
    pd.testing.assert_frame_equal(raw, readings_from_redcap(labels, target=TARGET, fields=FIELDS))
    expected = [("r1", "f1", 0, 22), ("r1", "f2", 0, 17), ("r1", "f2", 1, 22), ("r2", "f1", 0, 27)]
    assert list(raw[["reader_id", "photo_id", "repeat", "reading"]].itertuples(index=False, name=None)) == expected
    assert raw.confidence.isna().tolist() == [False, False, False, True]


def test_readings_from_redcap__a_readers_record_gives_its_name_to_all_its_readings():
    cells = text(
        record_id=["1", "1", "1"], redcap_repeat_instrument=["", "rating", "rating"], redcap_repeat_instance=["", "2", "1"],
        name=["anna", "", ""], photo=["", "b", "a"], years=["", "51", "44"],
    )  # fmt: skip
    table = readings_from_redcap(cells, target=TARGET, fields=RedcapFields("name", "photo", "years"))
    assert table.reader_id.tolist() == ["anna", "anna"]
    assert dict(zip(table.photo_id, table.reading, strict=True)) == {"a": 44, "b": 51}


def test_readings_from_redcap__faults_are_named_with_line_and_remedy():
    wrong = redcap().assign(age_seen=["", "7", "3", "", "1", "2"])
    with pytest.raises(TableError, match=r"line 3: field age_seen: '7' is none of the choices \(1, 2, 3\)"):
        readings_from_redcap(wrong, target=TARGET, fields=FIELDS, choices=CHOICES)
    with pytest.raises(TableError, match="line 3: rater is missing: name the reader of this reading"):
        readings_from_redcap(redcap().assign(rater=["", "", "r2", "", "r1", "r1"]), target=TARGET, fields=FIELDS, choices=CHOICES)
    with pytest.raises(TableError, match=r"field 'reader_id' \(reader_id\) is missing"):
        readings_from_redcap(redcap(), target=TARGET)
    two = redcap().assign(redcap_repeat_instrument=["", "rating", "consent", "", "rating", "rating"])
    with pytest.raises(TableError, match=r"several repeating instruments \(consent, rating\)"):
        readings_from_redcap(two, target=TARGET, fields=FIELDS, choices=CHOICES)
    assert len(readings_from_redcap(two, target=TARGET, fields=FIELDS, choices=CHOICES, instrument="rating")) == 3
    with pytest.raises(TableError, match=r"line 6: confidence is 'high': write a number"):
        readings_from_redcap(redcap().assign(sure=["", "1", "", "", "high", "2"]), target=TARGET, fields=FIELDS, choices=CHOICES)
    with pytest.raises(InputError, match="choice '2' has no code and label"):
        parse_choices("1, <20 | 2")


def test_readings_from_redcap__readings_of_unknown_photographs_are_refused():
    with pytest.raises(TableError, match="photograph 'f2' is not in the photographs"):
        readings_from_redcap(
            redcap(), target=TARGET, fields=FIELDS, choices=CHOICES, photographs=pd.DataFrame({"photo_id": ["f1"]}), file="export.csv"
        )


def test_readings_for_export__keeps_the_vocabularys_columns_in_order():
    table = readings_from_redcap(redcap(), target=TARGET, fields=FIELDS, choices=CHOICES)
    exported = readings_for_export(table.sample(frac=1, random_state=0))
    assert exported.columns.tolist() == ["reader_id", "photo_id", "target", "repeat", "reading", "confidence"]
    pd.testing.assert_frame_equal(exported, table, check_like=False)
