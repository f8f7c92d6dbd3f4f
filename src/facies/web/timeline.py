"""What a reader is to see next, told from what is stored: after a reload, in a second window, or on another day."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from facies.web.schema import ANSWERS, CHECKS, ROOM, TRIALS, WITHDRAWN
from facies.web.settings import RoomSettings


def open_trials(connection: sa.Connection, account_id: int, *, limit: int) -> list[Any]:
    """Return the first trials that a reader has not finished, in the plan's order."""
    finished = sa.exists().where(ANSWERS.c.trial_id == TRIALS.c.id, ANSWERS.c.stage == TRIALS.c.arm)
    wanted = (TRIALS.c.account_id == account_id, ~finished, TRIALS.c.photo_id.not_in(WITHDRAWN))
    query = sa.select(TRIALS).where(*wanted).order_by(TRIALS.c.turn).limit(limit)
    return list(connection.execute(query).all())


def stage_of(connection: sa.Connection, trial: Any) -> str:
    """Return whether a trial waits for its unaided or its aided reading."""
    if trial.arm == "unaided":
        return "unaided"
    query = sa.select(ANSWERS.c.id).where(ANSWERS.c.trial_id == trial.id, ANSWERS.c.stage == "unaided")
    return "aided" if connection.execute(query).first() else "unaided"


def is_paused(connection: sa.Connection) -> bool:
    """Return whether the coordinator has paused the room."""
    return connection.execute(sa.select(ROOM.c.value).where(ROOM.c.name == "paused")).scalar_one_or_none() == "yes"


def counts(connection: sa.Connection, account_id: int) -> tuple[int, int]:
    """Return how many trials a reader has finished, and how many there are."""
    total = sa.select(sa.func.count()).where(TRIALS.c.account_id == account_id, TRIALS.c.photo_id.not_in(WITHDRAWN))
    done = total.select_from(TRIALS.join(ANSWERS, sa.and_(ANSWERS.c.trial_id == TRIALS.c.id, ANSWERS.c.stage == TRIALS.c.arm)))
    return int(connection.execute(done).scalar_one()), int(connection.execute(total).scalar_one())


def needs_check(connection: sa.Connection, session_hash: str, settings: RoomSettings) -> bool:
    """Return whether the screen is still to be checked in this session."""
    query = sa.select(CHECKS.c.id).where(CHECKS.c.session_hash == session_hash)
    return settings.screen_check and connection.execute(query).first() is None


def next_step(connection: sa.Connection, account_id: int, settings: RoomSettings) -> dict[str, Any]:
    """Return what the browser shows next, without anything that the reader must not know."""
    done, total = counts(connection, account_id)
    step: dict[str, Any] = {"state": "trial", "done": done, "total": total}
    if is_paused(connection):
        return {**step, "state": "paused"}
    trials = open_trials(connection, account_id, limit=2)
    if not trials:
        return {**step, "state": "done"}
    step["trial"] = _described(connection, trials[0], settings)
    step["break"] = step["trial"]["stage"] == "unaided" and _starts_block(connection, trials[0])
    step["preload"] = [trial.public_id for trial in trials[1:]]
    return step


def _described(connection: sa.Connection, trial: Any, settings: RoomSettings) -> dict[str, Any]:
    stage = stage_of(connection, trial)
    described = {
        "id": trial.public_id, "stage": stage, "position": trial.position, "target": trial.target, "training": trial.is_training,
        "task": settings.tasks[trial.target].describe(),
    }  # fmt: skip
    if trial.is_attention and settings.attention == "instructed":
        described["instructed"] = trial.expected
    if stage == "aided":
        described["model_score"] = trial.model_score
    return described


def _starts_block(connection: sa.Connection, trial: Any) -> bool:
    before = sa.select(TRIALS.c.block, TRIALS.c.is_training).where(
        TRIALS.c.account_id == trial.account_id, TRIALS.c.turn == trial.turn - 1
    )  # fmt: skip
    last = connection.execute(before).one_or_none()
    return last is not None and (last.block != trial.block or last.is_training != trial.is_training)
