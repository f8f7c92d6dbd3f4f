"""The reading room of a study: prepared, entered, read, exported, compared; and what it must never tell."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fastapi")

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))

import sqlalchemy as sa
import visit
from reading_studies import diagnoses_of, owner_of, owners, set_reading, withdraw
from starlette.testclient import TestClient

from facies.cohort.files import read_user_table
from facies.errors import InputError, StoreError
from facies.readers import panel_means
from facies.store import read_frame, read_table, write_table, write_tsv
from facies.study.conditions.intake import condition_cohort_stage, gather_conditions
from facies.study.config import read_config
from facies.study.demo import simulate_study
from facies.study.demo_facies import simulate_condition_study
from facies.study.faces import faces_stage, make_extractor
from facies.study.reading.compare import compare_study_readers
from facies.study.reading.plan import plan_reading, read_plan
from facies.study.stages import run_stage
from facies.tables import CONDITION_SCORES, FACES, PARTICIPANT_PREDICTIONS, PHOTOGRAPHS, READER_ESTIMATES, READINGS, REGION_MARKS
from facies.web import study_room
from facies.web.database import reading
from facies.web.schema import METADATA, PICTURES, TRIALS
from facies.web.study_room import StudyRoom, export_study_readings, invite, open_study_room, prepare_study_room, room_status


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    """Return a study of the ages of 20 people; do not write in it."""
    study = tmp_path_factory.mktemp("ages") / "study"
    simulate_study(study, n_participants=20, encoders=("pixels",), size=64, random_state=3)
    return study


@pytest.fixture
def study(painted, tmp_path):
    """Return a copy, of which two readers are to read six people, and nobody has read any yet."""
    folder = Path(shutil.copytree(painted, tmp_path / "a study #1, 50% ?"))
    (folder / "readings.tsv").rename(tmp_path / "kept.tsv")
    set_reading(folder, n_readers=2, n_photographs=6, repeat_fraction=0)
    plan_reading(folder)
    return folder


@pytest.fixture(scope="module")
def clinic_painted(tmp_path_factory):
    """Return a small study of one condition whose faces were found; do not write in it."""
    study = tmp_path_factory.mktemp("clinic") / "study"
    simulate_condition_study(study, scale=0.05, encoders=("pixels",), n_repeats=1, size=128, random_state=2)
    path = study / "study.toml"
    text = path.read_text().replace('["acromegaly", "cushing"]', '["acromegaly"]').replace("cushing = [0.05, 0.0001]\n", "")
    path.write_text(text)
    ill = read_frame(study / "diagnoses.tsv")
    write_tsv(study / "diagnoses.tsv", ill[ill.diagnosis != "cushing"])
    set_reading(study, n_readers=2, n_photographs=8, case_share=0.5, repeat_fraction=0, regions=True)
    config = read_config(study)
    cohort = gather_conditions(study, config, jobs=2)
    photographs = cohort.photographs
    run_stage(study, condition_cohort_stage(study, config, cohort), random_state=1)
    run_stage(study, faces_stage(study, config, photographs, make_extractor(study, config), jobs=2, progress=None), random_state=1)
    plan_reading(study)
    return study


@pytest.fixture
def clinic(clinic_painted, tmp_path):
    """Return a copy that a test may change."""
    return Path(shutil.copytree(clinic_painted, tmp_path / "clinic"))


def prepared(study: Path) -> StudyRoom:
    return prepare_study_room(study)


def enter(room: StudyRoom, name: str) -> TestClient:
    return visit.enter(room.engine, name, room.settings)


def room_of(study: Path) -> StudyRoom:
    """Return the room as a test's browser reaches it."""
    room = prepared(study)
    return dataclasses.replace(room, settings=dataclasses.replace(room.settings, screen_check=False, hosts=("testserver",)))


def read_all(room: StudyRoom, reader: str, value: Any, *, n: int | None = None, remark: str | None = None) -> list[Any]:
    """Answer all faces of a reader, or n; value is an answer or makes one of the trial. Return all responses."""
    client = enter(room, reader)
    csrf = client.get("/api/room").json()["csrf"]
    seen: list[Any] = []
    while len(seen) < 2 * (n or 1000):
        step = client.get("/api/next")
        seen.append(step)
        if step.json()["state"] != "trial":
            break
        trial = step.json()["trial"]
        answer = value(trial) if callable(value) else value
        seen.append(visit.answer(client, answer, csrf=csrf, trial=trial, remark=remark))
        assert seen[-1].status_code == 200, seen[-1].text
    return seen


def trials_of(room: StudyRoom) -> pd.DataFrame:
    with reading(room.engine) as connection:
        return pd.DataFrame([dict(row) for row in connection.execute(sa.select(TRIALS)).mappings()])


def everything_in(room: StudyRoom) -> str:
    """Return all that the database holds, pictures apart, as text."""
    with reading(room.engine) as connection:
        tables = [table for table in METADATA.tables.values() if table is not PICTURES]
        return "\n".join(str(tuple(row)) for table in tables for row in connection.execute(sa.select(table)))


def test_prepared_room__holds_the_plan_and_its_pictures_once_and_a_coordinator(study):
    room = prepared(study)
    assert (room.n_trials, room.n_pictures, room.n_withdrawn) == (12, 6, 0)
    again = prepared(study)
    assert (again.n_trials, again.n_pictures, again.n_withdrawn) == (0, 0, 0)
    assert set(trials_of(room).photo_id) == set(read_plan(study).photo_id)
    assert (study / "reading" / "room.db").is_file()
    assert [path.name for path in study.parent.iterdir() if path.name.startswith("a study")] == ["a study #1, 50% ?"]


def test_links__let_each_in_once_and_are_made_for_those_who_have_not_entered(study):
    room = room_of(study)
    links = invite(room, base="http://testserver")
    assert links.name.tolist() == ["coordinator", "r01", "r02"]
    client = visit.client_of(room.engine, room.settings)
    secret = links.link[1].partition("#")[2]
    assert client.post("/enter", data={"secret": secret}).status_code == 303
    assert visit.client_of(room.engine, room.settings).post("/enter", data={"secret": secret}).status_code == 403
    assert invite(room, base="http://testserver").name.tolist() == ["coordinator", "r02"]


def said(reader: str, position: int) -> float:
    return 40.0 + (position * len(reader) * 7 % 11) + 5.0 * (reader == "r02") + position % 3


def test_what_was_read__is_exported_and_compared(study):
    room = room_of(study)
    for reader in ("r01", "r02"):
        read_all(room, reader, lambda trial, reader=reader: {"age": said(reader, trial["position"])})
    assert [row["done"] for row in room_status(study)["readers"]] == [6, 6]
    written = export_study_readings(study)
    table = read_user_table(written["readings"], READINGS)
    plan = read_plan(study).set_index(["reader_id", "photo_id"]).position
    found = table.set_index(["reader_id", "photo_id"])
    assert found.reading.to_dict() == {key: said(key[0], place) for key, place in plan.items()}
    compare_study_readers(study)
    assert set(read_table(study, READER_ESTIMATES).reader_id) == {"r01", "r02"}


def test_export__goes_on_where_it_was_broken_off_and_as_more_is_read(study, monkeypatch):
    room = room_of(study)
    read_all(room, "r01", {"age": 50.0}, n=2)
    export_study_readings(study)
    read_all(room, "r01", {"age": 51.0}, n=2)

    def broken(path: Path, _data: bytes) -> Path:
        raise StoreError(f"{path.name} cannot be written (No space left on device)")

    with monkeypatch.context() as patched:
        patched.setattr(study_room, "write_whole", broken)
        with pytest.raises(StoreError):
            export_study_readings(study)
    assert len(read_frame(study / "readings.tsv")) == 2
    read_all(room, "r01", {"age": 52.0}, n=1)
    export_study_readings(study)
    assert len(read_frame(study / "readings.tsv")) == 5


def test_readings_of_the_user__are_not_written_over(study):
    read_all(room_of(study), "r01", {"age": 50.0}, n=2)
    shutil.copy(study.parent / "kept.tsv", study / "readings.tsv")
    before = (study / "readings.tsv").read_bytes()
    with pytest.raises(InputError, match=r"readings\.tsv is there and did not come from the room as it is: move it away"):
        export_study_readings(study)
    assert (study / "readings.tsv").read_bytes() == before
    (study / "readings.tsv").rename(study / "readings.csv")
    with pytest.raises(InputError, match=r"readings\.csv is there"):
        export_study_readings(study)
    (study / "readings.csv").unlink()
    means = panel_means(read_user_table(study.parent / "kept.tsv", READINGS), target="perceived_age")
    write_tsv(study / "panel_estimates.tsv", means)
    with pytest.raises(InputError, match=r"move panel_estimates\.tsv away"):
        export_study_readings(study)


def test_people_who_withdraw__are_shown_to_nobody_and_leave_room_exports_and_comparison(study):
    room = room_of(study)
    read_all(room, "r01", {"age": 50.0}, remark="I know her", n=6)
    read_all(room, "r02", {"age": 60.0}, n=1)
    export_study_readings(study)
    assert (study / "reading" / "remarks.tsv").is_file()
    for photo_id in read_plan(study).photo_id.unique()[:5]:
        withdraw(study, owner_of(study, photo_id))
    left = read_plan(study).photo_id.unique()[5]
    export_study_readings(study)  # the room need not be opened again for it
    assert set(read_frame(study / "readings.tsv").photo_id) <= {left}
    assert set(read_frame(study / "reading" / "remarks.tsv").photo_id) == {left}
    with reading(room.engine) as connection:
        pictures = dict(connection.execute(sa.select(PICTURES.c.photo_id, sa.func.length(PICTURES.c.jpeg))).all())
    assert {photo_id for photo_id, size in pictures.items() if size} == {left}
    again = room_of(study)
    assert again.n_pictures == 0
    seen = read_all(again, "r02", {"age": 60.0})
    assert seen[-1].json()["state"] == "done"
    assert seen[-1].json()["total"] == 1
    compare_study_readers(study)


def test_photograph_whose_file_is_lost__is_an_error_and_nothing_is_deleted(study):
    room = room_of(study)
    read_all(room, "r01", {"age": 50.0})
    photo_id = read_plan(study).photo_id.iloc[0]
    path = study / read_frame(study / "photographs.tsv").set_index("photo_id").path[photo_id]
    path.rename(path.with_suffix(".away"))
    with pytest.raises(InputError, match=f"photograph '{photo_id}' is no usable photograph any more"):
        prepared(study)
    path.with_suffix(".away").rename(path)
    assert prepared(study).n_withdrawn == 0
    export_study_readings(study)
    assert photo_id in set(read_frame(study / "readings.tsv").photo_id)


def test_room__knows_the_truth_of_training_cases_only(study):
    shutil.rmtree(study / "reading")
    shutil.copy(study.parent / "kept.tsv", study / "readings.tsv")
    taught = sorted(read_frame(study / "photographs.tsv").photo_id)[:2]
    set_reading(study, n_readers=1, n_photographs=6, repeat_fraction=0, training=taught)
    plan_reading(study)
    room = room_of(study)
    rows = trials_of(room).set_index("photo_id")
    means = panel_means(read_user_table(study / "readings.tsv", READINGS), target="perceived_age").set_index("photo_id").panel_mean
    assert rows.expected[taught].astype(float).to_dict() == {name: round(means[name]) for name in taught}
    assert rows.expected[~rows.index.isin(taught)].isna().all()
    assert rows.model_score.isna().all()
    held = everything_in(room)
    assert "mc1r" not in held


def test_responses_to_a_reader__tell_no_photograph_no_person_and_no_diagnosis(clinic):
    room = room_of(clinic)
    seen = read_all(room, "r01", {"diagnosis": "none", "confidence": 50.0})
    told = "\n".join(response.text for response in seen)
    headers = "\n".join(str(response.headers) for response in seen)
    plan = read_plan(clinic)
    for photo_id in plan.photo_id.unique():
        assert photo_id not in told + headers
        assert owner_of(clinic, photo_id) not in told + headers
    for word in ("control", "clinic", "negatives", "expected", "model_score"):
        assert word not in told, word
    rows = trials_of(room)
    assert rows.expected.isna().all()
    assert rows.model_score.isna().all()
    held = everything_in(room)
    assert not [word for word in ("control", *diagnoses_of(clinic).unique()) if word in held.replace('"acromegaly"', "")]


def test_strokes__become_marked_regions_and_a_table_of_the_user_is_left_alone(clinic):
    room = room_of(clinic)
    faces = read_table(clinic, FACES).query("included").drop_duplicates("photo_id").set_index("photo_id")
    photographs = read_table(clinic, PHOTOGRAPHS).set_index("photo_id")
    photo_of = trials_of(room).set_index("public_id").photo_id

    def on_the_nose(trial: dict[str, Any]) -> dict[str, Any]:
        photo_id = photo_of[trial["id"]]
        if photo_id not in faces.index:
            return {"diagnosis": "none", "confidence": 80.0}
        sides = photographs.loc[photo_id, ["width", "height"]].to_numpy(dtype=float)
        place = faces.loc[photo_id, ["nose_x", "nose_y"]].to_numpy(dtype=float)
        point = ((place - sides / 2) / sides.max() + 0.5).tolist()
        return {"diagnosis": "acromegaly", "confidence": 80.0, "strokes": [{"width": 0.04, "points": [point, point]}]}

    read_all(room, "r01", on_the_nose)
    read_all(room, "r02", {"diagnosis": "none", "confidence": 80.0})
    written = export_study_readings(clinic)
    marks = read_user_table(written["region_marks"], REGION_MARKS)
    assert set(marks.reader_id) == {"r01"}
    most = marks.loc[marks.groupby("photo_id").marked.idxmax()]
    assert set(most.region) == {"nose"}
    compare_study_readers(clinic)
    write_tsv(clinic / "region_marks.tsv", marks.head(3))
    before = (clinic / "region_marks.tsv").read_bytes()
    with pytest.raises(InputError, match=r"region_marks\.tsv is there and did not come from the room"):
        export_study_readings(clinic)
    assert (clinic / "region_marks.tsv").read_bytes() == before


def predict(study: Path, value: float) -> None:
    """Write computed ages: by the first model from a fold apart for all but one person, and others that must not be shown."""
    people = sorted(set(owners(study)))
    rows = {"participant_id": people, "target": "perceived_age", "n_photographs": 1}
    first = pd.DataFrame({**rows, "model_id": "first", "fold": 0, "predicted": value + np.arange(len(people))})
    second = first.assign(model_id="second", predicted=1.0)
    frame = pd.concat([first, second], ignore_index=True).reindex(columns=[column.name for column in PARTICIPANT_PREDICTIONS.columns])
    write_table(study, PARTICIPANT_PREDICTIONS, frame.astype({"ci_low": float, "ci_high": float, "observed": float, "label_weight": float}))


def test_aided_arm__shows_the_first_models_cross_fitted_answer_and_keeps_what_was_shown(study):
    shutil.rmtree(study / "reading")
    set_reading(study, n_readers=1, n_photographs=6, repeat_fraction=0, arms="aided")
    plan_reading(study)
    with pytest.raises(InputError, match="there is none: run `facies run"):
        prepared(study)
    predict(study, 30.0)
    room = room_of(study)
    people = sorted(set(owners(study)))
    shown = trials_of(room).set_index("photo_id").model_score
    assert shown.to_dict() == {photo_id: 30.0 + people.index(owner_of(study, photo_id)) for photo_id in shown.index}
    seen = read_all(room, "r01", {"age": 50.0}, n=2)
    first, second = seen[0].json()["trial"], seen[2].json()["trial"]
    assert (first["id"], first["stage"], second["stage"]) == (second["id"], "unaided", "aided")
    assert "model_score" not in first
    assert second["model_score"] == shown[trials_of(room).set_index("public_id").photo_id[second["id"]]]

    predict(study, 60.0)  # the study is run again while people read
    set_reading(study, n_readers=2, n_photographs=6, repeat_fraction=0, arms="aided")
    plan_reading(study)
    assert prepared(study).n_trials == 6
    both = trials_of(room)
    assert both.groupby("photo_id").model_score.nunique().eq(1).all()
    assert both.set_index("photo_id").model_score[shown.index].groupby(level=0).first().to_dict() == shown.to_dict()


def test_answer_of_a_model_that_saw_the_person__is_never_shown(study):
    shutil.rmtree(study / "reading")
    set_reading(study, n_readers=1, n_photographs=6, repeat_fraction=0, arms="aided")
    photo_id = plan_reading(study).plan.photo_id.iloc[0]
    predict(study, 30.0)
    frame = read_table(study, PARTICIPANT_PREDICTIONS)
    seen = frame.participant_id == owner_of(study, photo_id)
    write_table(study, PARTICIPANT_PREDICTIONS, frame.assign(fold=frame.fold.mask(seen, -1)))
    with pytest.raises(InputError, match=f"photograph '{photo_id}' is to be read with the model's answer and no model judged it"):
        prepared(study)


def test_aided_diagnosis__is_the_probability_at_the_visit_of_the_photograph(clinic):
    shutil.rmtree(clinic / "reading")
    set_reading(clinic, n_readers=1, n_photographs=8, case_share=0.5, repeat_fraction=0, arms="aided")
    plan = plan_reading(clinic).plan
    photographs = gather_conditions(clinic, read_config(clinic), jobs=1).photographs.set_index("photo_id")
    rows = []
    for place, photo_id in enumerate(plan.photo_id):
        person, session = photographs.loc[photo_id, ["participant_id", "session_id"]]
        row = {"participant_id": person, "model_id": "m", "target_condition": "acromegaly", "n_photographs": 1, "observed": 0.0}
        for repeat in (0, 1):
            score = np.log(place + 1.0)
            rows.append(
                {**row, "session_id": session, "repeat": repeat, "fold": 0, "score": score, "probability": 0.5, "learnt_from": False}
            )
            other = "another visit"
            rows.append({**row, "session_id": other, "repeat": repeat, "fold": 0, "score": 9.0, "probability": 0.5, "learnt_from": True})
    write_table(clinic, CONDITION_SCORES, pd.DataFrame(rows)[[column.name for column in CONDITION_SCORES.columns]])
    shown = trials_of(prepared(clinic)).set_index("photo_id").model_score
    expected = {photo_id: round(100 * (place + 1) / (place + 2)) for place, photo_id in enumerate(plan.photo_id)}
    assert shown.to_dict() == pytest.approx(expected, abs=0.51)


def test_questions__may_change_until_somebody_has_answered(study):
    prepared(study)
    set_reading(study, n_readers=2, n_photographs=6, repeat_fraction=0, bin_years=5)
    room = room_of(study)
    read_all(room, "r01", {"bin": 50}, n=1)
    set_reading(study, n_readers=2, n_photographs=6, repeat_fraction=0, bin_years=0)
    for use in (prepared, open_study_room, export_study_readings):
        with pytest.raises(InputError, match=r"readers have answered other questions than study\.toml asks now"):
            use(study)


def test_room_that_is_not_there__is_not_made_by_looking(study):
    for use in (open_study_room, export_study_readings, room_status):
        with pytest.raises(InputError, match="has no reading room yet"):
            use(study)
    assert not (study / "reading" / "room.db").exists()


def test_nobody_has_read__says_so_and_writes_nothing(study):
    prepared(study)
    with pytest.raises(InputError, match="nobody has read anything yet"):
        export_study_readings(study)
    assert not (study / "readings.tsv").exists()
