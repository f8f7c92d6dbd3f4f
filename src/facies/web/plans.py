"""The plan in the database: which reader sees which photograph, in which order."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa

from facies.errors import InputError, TableError
from facies.web import audit
from facies.web.accounts import insert_account
from facies.web.database import reading, writing
from facies.web.schema import ACCOUNTS, ANSWERS, ROOM, TRIALS, WITHDRAWN
from facies.web.settings import RoomSettings
from facies.web.tasks import AnswerError, Task

NEEDED = ("reader_id", "position", "photo_id", "target")

DEFAULTS: dict[str, Any] = {
    "repeat": 0, "block": 1, "is_training": False, "is_attention": False, "arm": "unaided", "expected": None, "model_score": None
}  # fmt: skip

ARMS = ("unaided", "aided")
"""aided: an unaided reading is given and locked, then the model's score is shown and a second reading is taken."""


def load_plan(engine: sa.Engine, plan: pd.DataFrame | Iterable[Mapping[str, Any]], *, settings: RoomSettings) -> int:
    """Put a plan into the database and return how many trials were added; readers without an account get one.

    A plan may be loaded again, with further readers or rows: what is there already stays, and must be the same.

    Parameters
    ----------
    engine
        From :func:`facies.web.open_room`.
    plan
        Table ``reading_plan`` or dicts: ``reader_id``, ``position`` (from 1), ``photo_id``, ``target``; where they differ from the
        defaults, ``repeat`` (0), ``block`` (1; a break before each next one), ``is_training``, ``is_attention``, ``arm``
        (``unaided``). ``expected`` is the true answer that a training case shows afterwards, or the answer that an attention check
        asks for (drawn when it is not given; needed where checks are hidden): an age, a bin's first year, or a diagnosis.
        ``model_score`` is shown in the aided arm, as it is, after the unaided reading.
    settings
        Whose tasks the plan's targets must name.

    Raises
    ------
    TableError
        Naming the plan's line: a value missing, a target without task, an aided row without score.
    InputError
        When a row is unlike the one loaded before, stands twice, or names an account that is not a reader's.

    Examples
    --------
    >>> from facies.web.database import open_room
    >>> plan = [{"reader_id": "r1", "position": 1, "photo_id": "a", "target": "perceived_age"},
    ...         {"reader_id": "r1", "position": 2, "photo_id": "b", "target": "perceived_age"}]
    >>> engine = open_room("sqlite://")
    >>> load_plan(engine, plan, settings=RoomSettings()), load_plan(engine, plan, settings=RoomSettings())
    (2, 0)
    """
    given: Iterable[Mapping[Any, Any]] = plan.to_dict("records") if isinstance(plan, pd.DataFrame) else plan
    rows = [_row(dict(row), line, settings) for line, row in enumerate(given, start=2)]
    with writing(engine) as connection:
        audit.lock(connection)
        added = 0
        for reader_id, own in _by_reader(rows).items():
            added += _add_rows(connection, _account(connection, reader_id), own)
        audit.append(connection, actor="facies", action="plan_loaded", n_rows=len(rows), n_added=added)
    return added


def require_tasks(engine: sa.Engine, settings: RoomSettings) -> None:
    """Raise :class:`InputError` when the loaded plan has a target that the settings give no task for."""
    with reading(engine) as connection:
        targets = connection.execute(sa.select(TRIALS.c.target).distinct()).scalars().all()
    unknown = sorted(set(targets) - set(settings.tasks))
    if unknown:
        raise InputError(f"the plan's target '{unknown[0]}' has no task (tasks: {', '.join(settings.tasks)}): add one")


def _row(given: dict[str, Any], line: int, settings: RoomSettings) -> dict[str, Any]:
    missing = [name for name in NEEDED if _absent(given.get(name))]
    if missing:
        raise TableError(f"{missing[0]} is missing: add it", file="reading_plan", row=line)
    row = {**DEFAULTS, **{name: value for name, value in given.items() if name in (*NEEDED, *DEFAULTS) and not _absent(value)}}
    try:
        return _typed(row, settings)
    except (TypeError, ValueError) as error:
        raise TableError(str(error), file="reading_plan", row=line) from error


def _typed(row: dict[str, Any], settings: RoomSettings) -> dict[str, Any]:
    texts = {name: str(row[name]) for name in ("reader_id", "photo_id", "target", "arm")}
    whole = {name: int(row[name]) for name in ("position", "repeat", "block")}
    flags = {name: bool(row[name]) for name in ("is_training", "is_attention")}
    if texts["arm"] not in ARMS:
        raise InputError(f"arm is '{texts['arm']}': write unaided or aided")
    if texts["target"] not in settings.tasks:
        raise InputError(f"target '{texts['target']}' has no task (tasks: {', '.join(settings.tasks)}): add one")
    if texts["arm"] == "aided" and row["model_score"] is None:
        raise InputError(f"photograph {texts['photo_id']} is read with the model's help but has no model_score: add it")
    score = None if row["model_score"] is None else float(row["model_score"])
    expected = _expected(row, flags, settings)
    return {**texts, **whole, **flags, "expected": expected, "model_score": score}


def _expected(row: dict[str, Any], flags: dict[str, bool], settings: RoomSettings) -> str | None:
    task = settings.tasks[str(row["target"])]
    if not (flags["is_training"] or flags["is_attention"]):
        return None  # the truth of a case that counts is not even in the database
    if row["expected"] is not None:
        return _same_form(str(row["expected"]), task, exact=flags["is_attention"])
    if flags["is_attention"] and settings.attention == "hidden":
        raise InputError(f"photograph {row['photo_id']} is a hidden check of attention without expected: add the answer beyond doubt")
    return task.draw_expected(secrets.randbelow(10**6)) if flags["is_attention"] else None


def _same_form(expected: str, task: Task, *, exact: bool) -> str:
    forms: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: {"age": float(expected)}, lambda: {"bin": float(expected)}, lambda: {"choice": expected},
        lambda: {"diagnosis": expected, "confidence": 50, "severity": 0},
    )  # fmt: skip
    for form in forms:
        try:
            return task.as_expected(task.check(form()))
        except (AnswerError, ValueError):
            continue
    if exact:
        raise InputError(f"expected is '{expected}', which is not an answer that can be given: write one that can")
    return expected


def _absent(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _by_reader(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (row["reader_id"], row["target"], row["position"])):
        grouped.setdefault(row.pop("reader_id"), []).append(row)
    return grouped


def _account(connection: sa.Connection, reader_id: str) -> int:
    account = connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.name == reader_id)).one_or_none()
    if account is None:
        return insert_account(connection, reader_id)
    if account.role != "reader":
        raise InputError(f"'{reader_id}' of the plan is a {account.role}, not a reader: choose another reader_id")
    return int(account.id)


def _add_rows(connection: sa.Connection, account_id: int, rows: list[dict[str, Any]]) -> int:
    found = connection.execute(sa.select(TRIALS).where(TRIALS.c.account_id == account_id)).mappings()
    there: list[dict[str, Any]] = [{str(name): value for name, value in row.items()} for row in found]
    known = {_key(trial): trial for trial in there}
    turn = max((trial["turn"] for trial in there), default=0)
    fresh: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        if _key(row) in known:
            _require_same(known[_key(row)], row)
        elif _key(row) in fresh:
            raise InputError(f"photograph {row['photo_id']} stands twice in the plan of one reader: give each repeat its number")
        else:
            turn += 1
            fresh[_key(row)] = {**row, "account_id": account_id, "turn": turn, "public_id": secrets.token_urlsafe(18)}
    if fresh:
        connection.execute(sa.insert(TRIALS), list(fresh.values()))
    return len(fresh)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("photo_id", "target", "repeat", "is_training", "is_attention"))


def _require_same(trial: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    drawn = ("expected",) if row["is_attention"] else ()
    for name in row:
        if name not in drawn and trial[name] != row[name]:
            raise InputError(
                f"photograph {row['photo_id']} was loaded before with another {name}: a plan that is read from is only added to"
            )


def require_same_questions(engine: sa.Engine, settings: RoomSettings) -> None:
    """Refuse to ask other questions than those that readers have answered already, and note the questions while nobody has.

    An answer says what was chosen among what was asked: read under other conditions or bins it would say something else.

    Raises
    ------
    InputError
        When somebody has answered and a task differs from what it was then.
    """
    asked = json.dumps({target: task.describe() for target, task in settings.tasks.items()}, sort_keys=True)
    with writing(engine) as connection:
        noted = connection.execute(sa.select(ROOM.c.value).where(ROOM.c.name == QUESTIONS)).scalar_one_or_none()
        if noted == asked:
            return
        if noted is not None and connection.execute(sa.select(ANSWERS.c.id).limit(1)).first() is not None:
            raise InputError(
                "readers have answered other questions than study.toml asks now: restore ask, bins, ages, severity_grades, regions and "
                "target_conditions, or open a new room (reading.database)"
            )
        connection.execute(sa.delete(ROOM).where(ROOM.c.name == QUESTIONS))
        connection.execute(sa.insert(ROOM).values(name=QUESTIONS, value=asked))


QUESTIONS = "questions"
"""Where the room notes what it asks."""

LOADED_KEY = ("reader_id", "photo_id", "target", "repeat", "is_training", "is_attention")


def loaded_answers(engine: sa.Engine) -> pd.DataFrame:
    """Return ``expected`` and ``model_score`` of the trials that were loaded: :data:`LOADED_KEY`, these two, and ``loaded``, true.

    Examples
    --------
    >>> from facies.web.database import open_room
    >>> loaded_answers(open_room("sqlite://")).empty
    True
    """
    columns = [ACCOUNTS.c.name.label("reader_id"), *(TRIALS.c[name] for name in (*LOADED_KEY[1:], "expected", "model_score"))]
    with reading(engine) as connection:
        rows = connection.execute(sa.select(*columns).select_from(TRIALS.join(ACCOUNTS))).all()
    frame = pd.DataFrame(rows, columns=[*LOADED_KEY, "expected", "model_score"])
    typed = frame.astype({"repeat": "int64", "is_training": bool, "is_attention": bool, "expected": object, "model_score": "float64"})
    return typed.assign(loaded=True)


def planned_photographs(engine: sa.Engine) -> set[str]:
    """Return the photographs of the loaded plan whose people have not withdrawn.

    Examples
    --------
    >>> from facies.web.database import open_room
    >>> planned_photographs(open_room("sqlite://"))
    set()
    """
    query = sa.select(TRIALS.c.photo_id).distinct().where(TRIALS.c.photo_id.not_in(WITHDRAWN))
    with reading(engine) as connection:
        return set(connection.execute(query).scalars())
