"""What JSON sidecars say about columns."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from facies.cohort import read_user_table, read_with_lines
from facies.errors import TableError
from facies.store import sidecar
from facies.tables import OUTCOMES, PARTICIPANTS


def study(folder, text, sidecar, table=PARTICIPANTS):
    (folder / f"{table.name}.csv").write_text(text)
    if sidecar is not None:
        (folder / f"{table.name}.json").write_text(sidecar if isinstance(sidecar, str) else json.dumps(sidecar))
    return folder / f"{table.name}.csv"


def refusal(*given, table=PARTICIPANTS):
    with pytest.raises(TableError) as caught:
        read_user_table(study(*given, table), table)
    return str(caught.value)


CODED = "participant_id,age,sex\np1,50,1\np2,60,2\np3,70,9\n"


def test_levels__codes_become_the_vocabularys_words_and_codes_of_missing_become_missing(tmp_path):
    sidecar = {"sex": {"Levels": {"1": "Male", "2": {"Description": "female"}, "9": "not recorded"}}}
    frame = read_user_table(study(tmp_path, CODED, sidecar), PARTICIPANTS)
    assert frame.sex.tolist()[:2] == ["male", "female"]
    assert pd.isna(frame.sex.iloc[2])


def test_levels__whole_numbers_with_decimals_are_the_same_code(tmp_path):
    sidecar = {"sex": {"Levels": {"1": "male", "2": "female"}}}
    assert read_user_table(study(tmp_path, "participant_id,age,sex\np1,50,2.0\n", sidecar), PARTICIPANTS).sex.tolist() == ["female"]


def test_levels__codes_without_a_sidecar_are_refused_with_the_lines_to_write(tmp_path):
    says = refusal(tmp_path, CODED, None)
    assert "participants.csv, line 2: sex is '1'" in says
    assert 'say in participants.json what the codes mean, such as {"sex": {"Levels": {"1": "female", "2": "male"}}}' in says


@pytest.mark.parametrize("word", ["F", "f", "Female", "FEMALE"])
def test_levels__spellings_that_bids_allows_are_read(tmp_path, word):
    assert read_user_table(study(tmp_path, f"participant_id,age,sex\np1,50,{word}\n", None), PARTICIPANTS).sex.tolist() == ["female"]


def test_levels__covariates_and_outcomes_keep_their_codes(tmp_path):
    sidecar = {"copd": {"Levels": {"0": "no", "1": "yes", "9": "missing"}}}
    frame = read_user_table(study(tmp_path, "participant_id,copd\np1,0\np2,1\np3,9\n", sidecar, OUTCOMES), OUTCOMES)
    assert frame.copd.tolist()[:2] == [0.0, 1.0]
    assert pd.isna(frame.copd.iloc[2])


def test_levels__a_code_that_is_not_listed_is_refused(tmp_path):
    sidecar = {"copd": {"Levels": {"0": "no", "1": "yes"}}}
    says = refusal(tmp_path, "participant_id,copd\np1,0\np2,7\n", sidecar, table=OUTCOMES)
    assert says == "outcomes.csv, line 3: copd is '7', which outcomes.json does not list (Levels: 0, 1): add the level or correct the row"


def test_units__an_age_in_months_is_refused(tmp_path):
    says = refusal(tmp_path, "participant_id,age\np1,50\n", {"age": {"Units": "months"}})
    assert says == "participants.json: age is in months: convert it to years, and say so here"


def test_notes__descriptions_travel_with_the_table(tmp_path):
    path = study(tmp_path, "participant_id,age,bmi\np1,50,22\n", {"bmi": {"LongName": "body mass index", "Units": "kg/m2"}})
    note = read_with_lines(path, PARTICIPANTS).notes["bmi"]
    assert (note.description, note.units) == ("body mass index", "kg/m2")


@pytest.mark.parametrize("text", ["{", "[1]", '{"sex": {"Levels": ["male"]}}', "[" * 100_000])
def test_sidecar__what_is_none_is_refused(tmp_path, text):
    assert refusal(tmp_path, "participant_id,age\np1,50\n", text).startswith("participants.json")


def test_sidecar__can_be_left_unread(tmp_path):
    assert len(read_user_table(study(tmp_path, "participant_id,age\np1,50\n", "{"), PARTICIPANTS, sidecar=False)) == 1


def test_describe__every_column_has_a_description():
    described = sidecar(PARTICIPANTS)
    assert list(described) == [column.name for column in PARTICIPANTS.columns]
    assert all(entry["Description"] for entry in described.values())
