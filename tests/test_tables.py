"""The vocabulary is written once and explained, and a wrong value is named with its row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.errors import TableError
from facies.tables import PARTICIPANTS, PHOTOGRAPHS, READINGS, TABLES


def text(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_tables__every_column_is_explained_once():
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        assert len(names) == len(set(names))
        assert set(table.key) <= set(names)
        assert all(column.meaning and (column.meaning.endswith("...") or not column.meaning.endswith(".")) for column in table.columns)


def test_parse__types_follow_the_vocabulary_and_missing_is_nan():
    parsed = PARTICIPANTS.parse(
        text(participant_id=["007", "b"], age=["51.5", "n/a"], sex=["female", ""], bmi=["22.5", "NA"], note=["x", "1"])
    )
    assert parsed.participant_id.tolist() == ["007", "b"]
    assert parsed.age[0] == 51.5
    assert np.isnan(parsed.age[1])
    assert pd.isna(parsed.sex[1])
    assert parsed.bmi.dtype == "float64"
    assert parsed.note.tolist() == ["x", "1"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"participant_id": ["a", "b"], "age": ["50", "old"]},
            "p.tsv, line 3: age is 'old': write a number of years, at least 0 and at most 120",
        ),
        (
            {"participant_id": ["a", "b"], "age": ["50", "-3"]},
            "p.tsv, line 3: age is -3.0: write a number of years, at least 0 and at most 120",
        ),
        ({"participant_id": ["a", ""], "age": ["50", "51"]}, "p.tsv, line 3: participant_id is missing: write an identifier"),
        ({"participant_id": ["a", "a"], "age": ["50", "51"]}, "p.tsv, line 3: participant_id a stands twice: keep one row"),
        ({"participant_id": ["a"], "age": ["50"], "sex": ["F"]}, "p.tsv, line 2: sex is 'F': write one of female, male, other"),
        ({"participant_id": ["a"], "age": ["inf"]}, "p.tsv, line 2: age is inf: write a number of years"),
        ({"participant_id": ["a"]}, "p.tsv: column 'age' is missing"),
    ],
)
def test_parse__a_wrong_value_is_named_with_file_line_and_remedy(columns, message):
    with pytest.raises(TableError) as caught:
        PARTICIPANTS.parse(text(**columns), file="p.tsv")
    assert message in str(caught.value)


def test_parse__a_closed_table_takes_no_unknown_column():
    row = {"reader_id": ["r"], "photo_id": ["p"], "target": ["perceived_age"], "repeat": ["0"], "reading": ["50"]}
    READINGS.parse(text(**row))
    with pytest.raises(TableError, match="column 'mood' is not part of readings"):
        READINGS.parse(text(**row, mood=["x"]))


def test_parse__fractions_are_no_whole_numbers():
    row = {"reader_id": ["r"], "photo_id": ["p"], "target": ["perceived_age"], "repeat": ["0.5"], "reading": ["50"]}
    with pytest.raises(TableError, match=r"repeat is '0\.5': write a whole number"):
        READINGS.parse(text(**row))


def test_parse__missing_whole_numbers_stay_missing():
    parsed = PHOTOGRAPHS.parse(text(photo_id=["a", "b"], participant_id=["p", "p"], path=["x", "y"], width=["100", "n/a"]))
    assert parsed.width[0] == 100
    assert np.isnan(parsed.width[1])
