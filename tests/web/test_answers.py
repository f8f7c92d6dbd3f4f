"""Answers are stored once, in their turn, and cannot be changed unseen."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pandas as pd
import pytest
import sqlalchemy as sa

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")

import room

from facies.errors import InputError
from facies.tables import READINGS
from facies.web import audit_head, export_attention, export_readings, export_strokes, load_plan, verify_audit
from facies.web.accounts import Visitor
from facies.web.answers import Submission, store_answer
from facies.web.database import reading, writing
from facies.web.refusals import RequestRefused
from facies.web.schema import ACCOUNTS, ANSWERS, AUDIT
from facies.web.timeline import next_step


def visitor(engine: sa.Engine, name: str) -> Visitor:
    with reading(engine) as connection:
        account = connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.name == name)).one()
    return Visitor(account.id, name, "reader", "csrf", "session")


def step(engine: sa.Engine, who: Visitor) -> dict:
    with reading(engine) as connection:
        return next_step(connection, who.account_id, room.SETTINGS)


def submission(trial: dict, value: dict, token: str = "") -> Submission:
    return Submission(trial["id"], trial["stage"], token or f"token-{trial['id']}-{trial['stage']}", value, trial["position"], 2.5)


def read_all(engine: sa.Engine, name: str, ages: list[float]) -> None:
    who = visitor(engine, name)
    for age in ages:
        store_answer(engine, who, submission(step(engine, who)["trial"], {"age": age}), room.SETTINGS)


def refused(code: str):
    return pytest.raises(RequestRefused, check=lambda error: error.code == code)


def test_reading__comes_out_as_the_table_of_readings_in_the_plans_order():
    engine = room.small_room()
    read_all(engine, "anna", [60, 50, 51, 37, 70, 74, 52])
    table = READINGS.validate(export_readings(engine, settings=room.SETTINGS))
    assert table.photo_id.tolist() == ["SECRETNAME_a", "SECRETNAME_b", "SECRETNAME_c", "SECRETNAME_c", "SECRETNAME_a"]
    assert table.target.tolist() == ["perceived_age"] * 3 + ["perceived_age[aided]", "perceived_age"]
    assert table.reading.tolist() == [50, 51, 70, 74, 52]
    assert table.repeat.tolist() == [0, 0, 0, 0, 1]
    assert table.position.tolist() == [2, 3, 5, 5, 6]
    assert table.seconds.tolist() == [2.5] * 5


def test_training_and_attention__are_kept_apart_from_the_readings_that_count():
    engine = room.small_room()
    read_all(engine, "anna", [60, 50, 51, 37, 70, 74, 52])
    read_all(engine, "ben", [60, 50, 51, 38])
    assert export_readings(engine, settings=room.SETTINGS, kind="training").reading.tolist() == [60, 60]
    checks = export_attention(engine, settings=room.SETTINGS)
    assert checks.set_index("reader_id").n_passed.to_dict() == {"anna": 1, "ben": 0}


def test_training__tells_the_reference_after_the_answer_and_no_other_trial_does():
    engine = room.small_room()
    who = visitor(engine, "anna")
    answers = [
        store_answer(engine, who, submission(step(engine, who)["trial"], {"age": age}), room.SETTINGS)
        for age in (60, 50, 51, 37, 70, 74, 52)
    ]
    told = [answer["feedback"] for answer in answers]
    assert told == ["61", None, None, None, None, None, None]


def test_doubled_answer__is_acknowledged_and_stored_once():
    engine = room.small_room()
    who = visitor(engine, "anna")
    sent = submission(step(engine, who)["trial"], {"age": 60})
    first, second = (store_answer(engine, who, sent, room.SETTINGS) for _ in range(2))
    other_tab = store_answer(engine, who, dataclasses.replace(sent, token="t" * 32), room.SETTINGS)
    assert first == second == other_tab
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(ANSWERS)).scalar_one() == 1


def test_other_answer_to_an_answered_trial__is_refused_and_the_first_stays():
    engine = room.small_room()
    who = visitor(engine, "anna")
    sent = submission(step(engine, who)["trial"], {"age": 60})
    store_answer(engine, who, sent, room.SETTINGS)
    with refused("already_answered"):
        store_answer(engine, who, dataclasses.replace(sent, token="t" * 32, value={"age": 25}), room.SETTINGS)
    assert export_readings(engine, settings=room.SETTINGS, kind="training").reading.tolist() == [60]


def test_token_of_another_trial__is_refused():
    engine = room.small_room()
    who = visitor(engine, "anna")
    first = submission(step(engine, who)["trial"], {"age": 60})
    store_answer(engine, who, first, room.SETTINGS)
    with refused("already_answered"):
        store_answer(engine, who, submission(step(engine, who)["trial"], {"age": 50}, token=first.token), room.SETTINGS)


def test_trial_of_another_reader__does_not_exist_for_this_one():
    engine = room.small_room()
    with refused("not_found"):
        store_answer(engine, visitor(engine, "ben"), submission(step(engine, visitor(engine, "anna"))["trial"], {"age": 60}), room.SETTINGS)


def test_trial_whose_turn_has_not_come__is_refused():
    engine = room.small_room()
    who = visitor(engine, "anna")
    later = {"id": step(engine, who)["preload"][0], "stage": "unaided", "position": 2}
    with refused("not_current"):
        store_answer(engine, who, submission(later, {"age": 60}), room.SETTINGS)


def test_aided_reading__sees_the_score_only_after_the_unaided_one_is_locked():
    engine = room.small_room()
    who = visitor(engine, "anna")
    read_all(engine, "anna", [60, 50, 51, 37])
    before = step(engine, who)["trial"]
    assert (before["stage"], "model_score" in before) == ("unaided", False)
    with refused("not_current"):
        store_answer(engine, who, submission({**before, "stage": "aided"}, {"age": 60}), room.SETTINGS)
    read_all(engine, "anna", [70])
    after = step(engine, who)["trial"]
    assert (after["id"], after["stage"], after["model_score"]) == (before["id"], "aided", 77.125)


@pytest.mark.parametrize(
    "value", [{"age": "60"}, {"age": 17}, {"age": 100}, {"age": float("nan")}, {"age": True}, {}, {"age": 50, "x": 1}, {"bin": 50}]
)
def test_value_that_is_no_answer__is_refused_and_nothing_stored(value):
    engine = room.small_room()
    who = visitor(engine, "anna")
    with refused("not_an_answer"):
        store_answer(engine, who, submission(step(engine, who)["trial"], value), room.SETTINGS)
    assert step(engine, who)["done"] == 0


@pytest.mark.parametrize("seconds", [-3.0, float("inf"), float("nan"), 1e9, None])
def test_clock_that_jumps__costs_the_time_and_not_the_answer(seconds):
    engine = room.small_room()
    who = visitor(engine, "anna")
    store_answer(engine, who, dataclasses.replace(submission(step(engine, who)["trial"], {"age": 60}), seconds=seconds), room.SETTINGS)
    assert export_readings(engine, settings=room.SETTINGS, kind="training").seconds.isna().all()


def test_servers_clock_that_goes_back__changes_neither_the_order_nor_the_log(monkeypatch):
    engine = room.small_room()
    read_all(engine, "anna", [60, 50])
    for module in ("answers", "audit"):
        monkeypatch.setattr(f"facies.web.{module}.now", lambda: datetime(2001, 1, 1, tzinfo=UTC))
    read_all(engine, "anna", [51])
    table = export_readings(engine, settings=room.SETTINGS)
    assert table.reading.tolist() == [50, 51]
    assert table.read_at.str[:4].tolist()[1] == "2001"
    assert verify_audit(engine).whole


def test_breaks__stand_between_blocks_only():
    engine, breaks = room.small_room(), []
    who = visitor(engine, "anna")
    for age in (60, 50, 51, 37, 70, 74, 52):
        breaks.append(step(engine, who)["break"])
        read_all(engine, "anna", [age])
    assert breaks == [False, True, False, False, True, False, False]
    assert step(engine, who) == {"state": "done", "done": 6, "total": 6}


def test_diagnosis__makes_a_reading_a_condition_a_grade_and_strokes_on_the_photograph():
    plan = [{"reader_id": "anna", "position": 1, "photo_id": "face", "target": "diagnosis"}]
    engine = room.small_room(plan=plan)
    who = visitor(engine, "anna")
    strokes = [{"width": 0.05, "points": [[0.5, 0.5], [0.5, 1.0]]}]
    value = {"diagnosis": "cushing", "confidence": 85, "severity": 2, "strokes": strokes}
    store_answer(engine, who, submission(step(engine, who)["trial"], value), room.SETTINGS)
    table = export_readings(engine, settings=room.SETTINGS).set_index("target")
    assert table.reading.to_dict() == {"acromegaly": 0.0, "cushing": 1.0, "cushing[severity]": 2.0}
    assert set(table.confidence) == {85.0}
    points = export_strokes(engine)
    assert points[["x", "y"]].to_numpy().tolist() == [[0.5, 0.5], [0.5, 1.0]]  # the middle stays, the picture's lower edge is its own
    assert points.target_condition.tolist() == ["cushing", "cushing"]


def test_plan__loaded_again_with_another_reader_adds_only_that_reader():
    engine = room.small_room()
    before = step(engine, visitor(engine, "anna"))["trial"]["id"]
    assert load_plan(engine, room.small_plan(("anna", "ben")) + room.small_plan(("carla",)), settings=room.SETTINGS) == 6
    assert step(engine, visitor(engine, "anna"))["trial"]["id"] == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "beauty"}, "line 2: target 'beauty' has no task"),
        ({"arm": "aided"}, "line 2: photograph SECRETNAME_t is read with the model's help but has no model_score"),
        ({"arm": "both"}, "line 2: arm is 'both': write unaided or aided"),
        ({"repeat": "x"}, "line 2: invalid literal"),
    ],
)
def test_plan__a_fault_names_its_line(change, message):
    with pytest.raises(InputError, match=message):
        room.small_room(plan=[{**room.small_plan()[0], **change}])


def test_plan__as_a_table_with_gaps_is_the_same_as_rows():
    plan = pd.DataFrame(room.small_plan())
    assert plan.arm.isna().any()
    engine = room.small_room(plan=plan)
    assert load_plan(engine, room.small_plan(), settings=room.SETTINGS) == 0


def test_plan__a_row_unlike_the_one_loaded_before_is_refused():
    engine = room.small_room()
    changed = [{**row, "position": row["position"] + 1} for row in room.small_plan()]
    with pytest.raises(InputError, match="loaded before with another position"):
        load_plan(engine, changed, settings=room.SETTINGS)


def test_plan__the_truth_of_a_case_that_counts_is_not_even_in_the_database():
    plan = [{"reader_id": "anna", "position": 1, "photo_id": "face", "target": "perceived_age", "expected": 61}]
    engine = room.small_room(plan=plan)
    with reading(engine) as connection:
        assert connection.execute(sa.text("SELECT expected FROM trials")).scalars().all() == [None]


def drop_guards(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for table in ("audit", "answers"):
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text(f"DROP TRIGGER {table}_guard ON {table}"))
            else:
                connection.execute(sa.text(f"DROP TRIGGER {table}_no_update"))
                connection.execute(sa.text(f"DROP TRIGGER {table}_no_delete"))


def test_database__itself_refuses_to_change_an_answer_or_the_log():
    engine = room.small_room()
    read_all(engine, "anna", [60])
    for statement in ("UPDATE answers SET value = '{}'", "DELETE FROM answers", "UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
        with pytest.raises(sa.exc.DBAPIError, match="is only added to"), writing(engine) as connection:
            connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (sa.update(AUDIT).where(AUDIT.c.n == 2).values(actor="x"), "row 2 was changed after it was written"),
        (sa.delete(AUDIT).where(AUDIT.c.n == 2), "row 2 is missing"),
        (sa.delete(AUDIT).where(AUDIT.c.n == 5), "the log ends at row 4, its head says 5"),
        (sa.update(ANSWERS).values(value='{"age":20.0}'), "was changed"),
        (sa.update(ANSWERS).values(seconds=1.0), "was changed"),
        (sa.delete(ANSWERS), "is gone"),
    ],
)
def test_audit__finds_what_was_changed(tamper, fault):
    engine = room.small_room()
    read_all(engine, "anna", [60])
    assert verify_audit(engine).whole
    assert verify_audit(engine).n_rows == 5
    drop_guards(engine)
    with writing(engine) as connection:
        connection.execute(tamper)
    assert [line for line in verify_audit(engine).faults if fault in line]


def test_audit__a_log_that_was_made_anew_does_not_hold_the_noted_head():
    noted = audit_head(room.small_room())
    other = room.small_room()
    assert verify_audit(other).whole
    assert not verify_audit(other, noted_head=noted).whole
    assert verify_audit(other, noted_head=audit_head(other)).whole


def test_migrations__make_the_tables_that_the_code_works_with():
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from facies.web.schema import METADATA

    engine = room.small_room()
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
