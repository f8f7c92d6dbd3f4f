"""A log of what happened in the room, which is only added to and shows when it was changed.

Each row carries the hash of the row before it, so that a changed, removed or inserted row breaks the chain (Schneier & Kelsey, ACM
TISSEC 1999;2:159-176). A stored answer's own hash stands in its row: a changed answer is found too. Whoever can write to the database
could make the whole chain anew; so note :func:`audit_head` elsewhere from time to time, on paper or by mail, and give it to
:func:`verify_audit`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from facies.web.database import reading
from facies.web.moments import moment, now
from facies.web.schema import ANSWERS, AUDIT, AUDIT_HEAD, TRIALS


@dataclass(frozen=True)
class AuditVerdict:
    """Whether the log is whole; ``faults`` says in a line each what is not."""

    n_rows: int
    head: str
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def lock(connection: sa.Connection) -> None:
    """Make other writers wait until this transaction ends; call it before looking at what is to be changed."""
    connection.execute(sa.update(AUDIT_HEAD).values(n=AUDIT_HEAD.c.n))


def append(connection: sa.Connection, *, actor: str, action: str, **detail: Any) -> None:
    """Add a row to the log, within the transaction of what it tells of."""
    lock(connection)
    head = connection.execute(sa.select(AUDIT_HEAD)).one()
    row = {"n": head.n + 1, "at": moment(now()), "actor": actor, "action": action, "detail": canonical(detail), "previous": head.hash}
    row["hash"] = _row_hash(row)
    connection.execute(sa.insert(AUDIT).values(row))
    connection.execute(sa.update(AUDIT_HEAD).values(n=row["n"], hash=row["hash"]))


def canonical(value: Any) -> str:
    """Write a value as JSON in one way only.

    Examples
    --------
    >>> canonical({"b": 1, "a": "é"})
    '{"a":"é","b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def answer_hash(answer: Mapping[str, Any]) -> str:
    """Return the hash of what was answered, in which trial, and when."""
    names = ("public_id", "stage", "token", "value", "seconds", "shown_px", "zoomed", "remark", "at")
    return _sha256(canonical({name: answer[name] for name in names}))


def audit_head(engine: sa.Engine) -> str:
    """Return the newest row's hash, empty for an empty log; it stands for the whole log."""
    with reading(engine) as connection:
        return str(connection.execute(sa.select(AUDIT_HEAD.c.hash)).scalar_one())


def verify_audit(engine: sa.Engine, *, noted_head: str | None = None) -> AuditVerdict:
    """Check that the log is whole and that the stored answers are those it tells of.

    Parameters
    ----------
    engine
        From :func:`facies.web.open_room`.
    noted_head
        An :func:`audit_head` that was noted earlier: it must stand in the log.

    Examples
    --------
    >>> from facies.web.database import open_room
    >>> verify_audit(open_room("sqlite://"))
    AuditVerdict(n_rows=0, head='', faults=())
    """
    with reading(engine) as connection:
        rows = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.n)).mappings().all()
        head = connection.execute(sa.select(AUDIT_HEAD)).one()
        answers = connection.execute(sa.select(ANSWERS, TRIALS.c.public_id).join(TRIALS)).mappings().all()
    faults = _chain_faults(rows) + _head_faults(rows, head, noted_head) + _answer_faults(rows, answers)
    return AuditVerdict(len(rows), head.hash, tuple(faults))


def _chain_faults(rows: Any) -> list[str]:
    faults: list[str] = []
    previous = ""
    for i, row in enumerate(rows, start=1):
        if row["n"] != i:
            return [*faults, f"row {i} is missing or stands elsewhere: the log was cut"]
        if row["previous"] != previous:
            faults.append(f"row {i} does not follow the row before it")
        if row["hash"] != _row_hash(row):
            faults.append(f"row {i} was changed after it was written")
        previous = row["hash"]
    return faults


def _head_faults(rows: Any, head: Any, noted: str | None) -> list[str]:
    faults = []
    last = rows[-1]["hash"] if rows else ""
    if (head.n, head.hash) != (len(rows), last):
        faults.append(f"the log ends at row {len(rows)}, its head says {head.n}: rows were removed or added")
    if noted and noted not in {row["hash"] for row in rows}:
        faults.append("the head that was noted earlier does not stand in the log: it was written anew")
    return faults


def _answer_faults(rows: Any, answers: Any) -> list[str]:
    told = [json.loads(row["detail"]) for row in rows if row["action"] == "answered"]
    expected = {(detail["trial"], detail["stage"]): detail["sha256"] for detail in told}
    found = {(answer["public_id"], answer["stage"]): answer_hash(answer) for answer in answers}
    faults = [f"the answer of trial {trial} ({stage}) was changed" for (trial, stage), sha256 in found.items()
              if expected.get((trial, stage), sha256) != sha256]  # fmt: skip
    faults += [f"the answer of trial {trial} ({stage}) is gone" for trial, stage in sorted(set(expected) - set(found))]
    faults += [f"the answer of trial {trial} ({stage}) is not in the log" for trial, stage in sorted(set(found) - set(expected))]
    return faults


def _row_hash(row: Mapping[str, Any]) -> str:
    return _sha256(canonical({name: row[name] for name in ("n", "at", "actor", "action", "detail", "previous")}))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
