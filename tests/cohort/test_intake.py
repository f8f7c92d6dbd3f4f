"""A study's tables held against each other."""

from __future__ import annotations

import json

import pytest

from facies.cohort import IntakeSettings, example_tables, read_intake, read_study_tables
from facies.errors import InputError, TableError


@pytest.fixture
def study(tmp_path):
    for name, (frame, sidecar) in example_tables().items():
        frame.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False, na_rep="n/a")
        (tmp_path / f"{name}.json").write_text(json.dumps(sidecar))
    return tmp_path


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_intake__the_example_study_is_read_and_nobody_is_missing(study):
    intake = read_intake(study)
    assert (len(intake.participants), len(intake.photographs), len(intake.readings), len(intake.outcomes)) == (3, 4, 6, 3)
    assert intake.n_participants_without_photographs == 0
    assert intake.n_photographs_without_readings == 1
    assert intake.panel_estimates is None
    assert intake.photographs.included.all()
    assert "body mass index" in intake.descriptions["bmi"]
    assert not intake.matches.is_fault.any()


def test_intake__a_photograph_of_somebody_unknown_stops_with_row_and_cause(study):
    change(study / "photographs.tsv", "p002_1\tp002", "p002_1\tP2")
    with pytest.raises(TableError) as caught:
        read_intake(study)
    assert str(caught.value) == (
        "photographs.tsv, line 4: participant_id 'P2' is not in participants.tsv: "
        "'P2' here is 'p002' in participants.tsv: spelling differs; write it the same way in both"
    )


def test_intake__many_unknown_are_counted(study):
    change(study / "outcomes.tsv", "p00", "x00")
    with pytest.raises(
        TableError, match=r"outcomes.tsv, line 2: participant_id 'x001' is not in participants.tsv \(nor are 2 others\): add what"
    ):
        read_intake(study)


def test_intake__a_reading_of_an_unknown_photograph_stops(study):
    change(study / "readings.tsv", "r2\tp002_1", "r2\tp002_9")
    with pytest.raises(TableError, match=r"readings.tsv, line 5: photo_id 'p002_9' is not in photographs.tsv"):
        read_intake(study)


def test_intake__a_perceived_age_that_nobody_has_stops_with_its_row(study):
    rows = (study / "readings.tsv").read_text().splitlines()
    column = rows[0].split("\t").index("reading")
    cells = rows[3].split("\t")
    cells[column] = "670"
    (study / "readings.tsv").write_text("\n".join([*rows[:3], "\t".join(cells), *rows[4:]]) + "\n")
    with pytest.raises(TableError, match=r"readings.tsv, line 4: reading is 670: write a perceived age of 0 to 120 years"):
        read_intake(study)


def test_intake__the_matches_can_be_seen_before_anything_stops(study):
    change(study / "outcomes.tsv", "p00", "x00")
    assert len(read_study_tables(study).given()) == 4


def test_intake__readings_and_means_together_are_refused(study):
    (study / "panel_estimates.csv").write_text("photo_id,target,panel_mean\n")
    with pytest.raises(InputError, match=r"readings.tsv and panel_estimates.csv both say how old people look"):
        read_intake(study)


def test_intake__people_who_withdrew_are_excluded_before_their_files_are_opened(study):
    change(study / "participants.tsv", "publication", "withdrawn")
    photographs = read_intake(study).photographs.set_index("photo_id")
    assert photographs.exclusion_reason.dropna().to_dict() == {"p002_1": "withdrawn"}


def test_intake__what_the_user_excludes_stays_excluded(study):
    lines = (study / "photographs.tsv").read_text().splitlines()
    marked = [lines[0] + "\tincluded\texclusion_reason", lines[1] + "\tno\tblurred", lines[2] + "\tno\tn/a"]
    (study / "photographs.tsv").write_text("\n".join(marked + [line + "\tyes\tn/a" for line in lines[3:]]))
    photographs = read_intake(study).photographs
    assert photographs.included.tolist() == [False, False, True, True]
    assert photographs.exclusion_reason.tolist()[:2] == ["blurred", "excluded_by_user"]


def test_intake__photographs_are_listed_from_bids_names_when_there_is_no_table(study):
    (study / "photographs.tsv").unlink()
    (study / "readings.tsv").unlink()
    (study / "photos").mkdir()
    for name in ("sub-p001_ses-1_frontal.jpg", "sub-p003.png", ".hidden.jpg", "notes.txt"):
        (study / "photos" / name).touch()
    intake = read_intake(study)
    assert intake.photographs.participant_id.tolist() == ["p001", "p003"]
    assert intake.n_participants_without_photographs == 1


def test_intake__a_listed_photograph_of_somebody_unknown_is_named(study):
    (study / "photographs.tsv").unlink()
    (study / "readings.tsv").unlink()
    (study / "photos").mkdir()
    (study / "photos" / "sub-zz9.jpg").touch()
    with pytest.raises(InputError, match=r"sub-zz9.jpg: participant_id 'zz9' is not in participants.tsv"):
        read_intake(study)


def test_intake__columns_are_renamed_by_table(study):
    change(study / "participants.tsv", "participant_id", "persoon")
    settings = IntakeSettings(rename={"participants": {"persoon": "participant_id"}})
    assert read_intake(study, settings=settings).participants.participant_id.tolist() == ["p001", "p002", "p003"]


def test_settings__a_table_that_is_none_is_refused():
    with pytest.raises(InputError, match="`rename` names the table 'people'"):
        IntakeSettings(rename={"people": {}})


def test_intake__no_readings_count_every_photograph(study):
    (study / "readings.tsv").unlink()
    assert read_intake(study).n_photographs_without_readings == 4


def test_examples__every_column_is_described():
    for frame, sidecar in example_tables().values():
        assert list(frame.columns) == list(sidecar)
        assert all(entry["Description"] for entry in sidecar.values())
