"""Storing an answer: once, in its turn, and never over another one."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from facies.web import audit
from facies.web.accounts import Visitor
from facies.web.database import reading, writing
from facies.web.moments import moment, now
from facies.web.refusals import RequestRefused
from facies.web.schema import ANSWERS, CHECKS, TRIALS
from facies.web.settings import RoomSettings
from facies.web.tasks import AnswerError
from facies.web.timeline import open_trials, stage_of

LONGEST_SECONDS = 86_400.0


@dataclass(frozen=True)
class Submission:
    """What a browser sends when a trial ends.

    ``token`` is drawn by the browser for this answer: sent again with the same token, an answer is acknowledged again and stored once.
    """

    trial: str
    stage: str
    token: str
    value: dict[str, Any]
    position: int
    seconds: float | None = None
    shown_px: int | None = None
    zoomed: bool = False
    remark: str | None = None


def store_answer(engine: sa.Engine, visitor: Visitor, submission: Submission, settings: RoomSettings) -> dict[str, Any]:
    """Store an answer and return what the browser may show of it: after a training case, the reference.

    Raises
    ------
    RequestRefused
        404 for a trial that is not this reader's; 409 when it was answered otherwise before or its turn has not come; 422 when the
        value is not an answer to the task.
    """
    with writing(engine) as connection:
        audit.lock(connection)
        trial = own_trial(connection, visitor, submission.trial)
        value = _checked(submission, trial, settings)
        if not _is_stored(connection, trial, submission, value):
            _require_turn(connection, visitor, trial, submission)
            _insert(connection, visitor, trial, submission, value)
    return {"stored": True, "feedback": trial.expected if trial.is_training else None}


def own_trial(connection: sa.Connection, visitor: Visitor, public_id: str) -> Any:
    """Return a reader's own trial; another reader's is answered as if it did not exist."""
    query = sa.select(TRIALS).where(TRIALS.c.public_id == public_id, TRIALS.c.account_id == visitor.account_id)
    trial = connection.execute(query).one_or_none()
    if trial is None:
        raise RequestRefused(404, "not_found")
    return trial


def photograph_of(engine: sa.Engine, visitor: Visitor, public_id: str) -> str:
    """Return the photograph of a trial whose turn it is, or comes next; of others nothing is shown."""
    with reading(engine) as connection:
        shown = [trial for trial in open_trials(connection, visitor.account_id, limit=2) if trial.public_id == public_id]
    if not shown:
        raise RequestRefused(404, "not_found")
    return str(shown[0].photo_id)


def _checked(submission: Submission, trial: Any, settings: RoomSettings) -> str:
    if not 16 <= len(submission.token) <= 64 or submission.position != trial.position:
        raise RequestRefused(422, "not_an_answer")
    try:
        return audit.canonical(settings.tasks[trial.target].check(submission.value))
    except AnswerError as error:
        raise RequestRefused(422, "not_an_answer") from error


def _is_stored(connection: sa.Connection, trial: Any, submission: Submission, value: str) -> bool:
    same_token = connection.execute(sa.select(ANSWERS).where(ANSWERS.c.token == submission.token)).one_or_none()
    if same_token is not None:
        return _require(same_token.trial_id == trial.id and same_token.stage == submission.stage)
    query = sa.select(ANSWERS.c.value).where(ANSWERS.c.trial_id == trial.id, ANSWERS.c.stage == submission.stage)
    stored = connection.execute(query).scalar_one_or_none()
    return stored is not None and _require(stored == value)


def _require(same: bool) -> bool:
    if not same:
        raise RequestRefused(409, "already_answered")
    return True


def _require_turn(connection: sa.Connection, visitor: Visitor, trial: Any, submission: Submission) -> None:
    current = open_trials(connection, visitor.account_id, limit=1)
    if not current or current[0].id != trial.id or stage_of(connection, trial) != submission.stage:
        raise RequestRefused(409, "not_current")


def _insert(connection: sa.Connection, visitor: Visitor, trial: Any, submission: Submission, value: str) -> None:
    row = {
        "trial_id": trial.id, "stage": submission.stage, "token": submission.token, "value": value,
        "seconds": plausible_seconds(submission.seconds), "shown_px": submission.shown_px, "zoomed": submission.zoomed,
        "remark": submission.remark or None,
        "at": moment(now()),
    }  # fmt: skip
    connection.execute(sa.insert(ANSWERS).values(row))
    sha256 = audit.answer_hash({**row, "public_id": trial.public_id})
    audit.append(connection, actor=visitor.name, action="answered", trial=trial.public_id, stage=submission.stage, sha256=sha256)


def plausible_seconds(seconds: float | None) -> float | None:
    """Return the time that a reader took, or None when the browser's clock cannot be believed: the answer itself is kept.

    Examples
    --------
    >>> plausible_seconds(3.25), plausible_seconds(-5.0), plausible_seconds(float("inf"))
    (3.25, None, None)
    """
    known = seconds is not None and math.isfinite(seconds) and 0 <= seconds <= LONGEST_SECONDS
    return round(float(seconds), 3) if known and seconds is not None else None


def store_check(engine: sa.Engine, visitor: Visitor, *, px_per_mm: float | None, dark: int, light: int, screen: dict[str, float]) -> None:
    """Store what a reader found of the screen: its scale, and how many of the dark and light grey steps can be told apart."""
    row = {
        "account_id": visitor.account_id, "session_hash": visitor.session_hash, "px_per_mm": px_per_mm, "dark_steps": dark,
        "light_steps": light, "screen": json.dumps(screen)[:200], "at": moment(now()),
    }  # fmt: skip
    with writing(engine) as connection:
        connection.execute(sa.insert(CHECKS).values(row))
        audit.append(connection, actor=visitor.name, action="screen_checked", dark=dark, light=light)
