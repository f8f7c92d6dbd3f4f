"""What was read, as tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa

from facies.errors import InputError
from facies.tables import READINGS
from facies.web.database import reading
from facies.web.pictures import SIDE, fitted
from facies.web.schema import ACCOUNTS, ANSWERS, AUDIT, PICTURES, TRIALS, WITHDRAWN
from facies.web.settings import RoomSettings

KINDS = ("study", "training", "attention")

STROKE_COLUMNS = ("reader_id", "photo_id", "target_condition", "repeat", "stage", "stroke", "point", "x", "y", "width")


def export_readings(engine: sa.Engine, *, settings: RoomSettings, kind: str = "study") -> pd.DataFrame:
    """Return what was read.

    Parameters
    ----------
    engine
        From :func:`facies.web.open_room`.
    settings
        Whose tasks say which readings an answer makes.
    kind
        ``study`` for the readings that count, ``training`` or ``attention`` for the others.

    Returns
    -------
    Table ``readings``, in the order of reader and position. A second reading, with the model's score in view, has ``[aided]`` after
    its target; a grade of severity has ``[severity]``.

    Raises
    ------
    InputError
        When there is no such kind.

    Examples
    --------
    >>> from facies.web.database import open_room
    >>> list(export_readings(open_room("sqlite://"), settings=RoomSettings()).columns)
    ['reader_id', 'photo_id', 'target', 'repeat', 'reading', 'confidence', 'seconds', 'position', 'read_at']
    """
    if kind not in KINDS:
        raise InputError(f"kind is '{kind}': choose one of {', '.join(KINDS)}")
    rows = [row for answer in _answers(engine, kind) for row in _rows(answer, settings)]
    columns = ["reader_id", "photo_id", "target", "repeat", "reading", "confidence", "seconds", "position", "read_at"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame.astype({"repeat": "int64", "reading": "float64", "confidence": "float64", "seconds": "float64", "position": "int64"})
    return READINGS.validate(frame)


def export_strokes(engine: sa.Engine) -> pd.DataFrame:
    """Return the regions that readers marked for the condition that they chose, one row a point.

    ``x`` and ``width`` (of the brush) are shares of the upright photograph's width, ``y`` of its height, from its upper left corner; marks
    on the grey around it lie outside 0 to 1. ``stage`` is ``unaided`` or ``aided``.
    """
    rows = [row for answer in _answers(engine, "study") for row in _stroke_rows(answer)]
    return pd.DataFrame(rows, columns=list(STROKE_COLUMNS))


def export_remarks(engine: sa.Engine) -> pd.DataFrame:
    """Return what readers remarked with their answers, such as that they know a person.

    A remark that a spreadsheet would take for a formula starts with an apostrophe here.
    """
    names = ["reader_id", "photo_id", "target", "repeat", "stage", "remark"]
    rows = [[answer[name] for name in names] for kind in KINDS for answer in _answers(engine, kind, remarked=True)]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(remark=frame.remark.map(_no_formula))


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def export_attention(engine: sa.Engine, *, settings: RoomSettings) -> pd.DataFrame:
    """Return each reader's attention checks: ``reader_id``, ``n_checks``, ``n_passed``.

    An instructed check is passed by the very answer that it asks for, a hidden one by an age within ``attention_years`` of the expected one
    or by the expected diagnosis.
    """
    years = settings.attention_years if settings.attention == "hidden" else 0.0
    rows = []
    for answer in _answers(engine, "attention"):
        value = json.loads(answer["value"])
        rows.append((answer["reader_id"], settings.tasks[answer["target"]].matches(value, answer["expected"], years=years)))
    frame = pd.DataFrame(rows, columns=["reader_id", "passed"]).astype({"passed": bool})
    return frame.groupby("reader_id").passed.agg(n_checks="size", n_passed="sum").reset_index()


def export_audit(engine: sa.Engine) -> pd.DataFrame:
    """Return the log as a table."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.n)).all()
    return pd.DataFrame(rows, columns=[column.name for column in AUDIT.c])


_TRIAL_COLUMNS = [TRIALS.c[name] for name in ("photo_id", "target", "repeat", "position", "expected")]

_ANSWER_COLUMNS = [ANSWERS.c[name] for name in ("stage", "value", "seconds", "remark", "at")]


def _answers(engine: sa.Engine, kind: str, *, remarked: bool = False) -> list[Mapping[str, Any]]:
    wanted = {"study": (False, False), "training": (True, False), "attention": (False, True)}[kind]
    query = (
        sa.select(ACCOUNTS.c.name.label("reader_id"), *_TRIAL_COLUMNS, *_ANSWER_COLUMNS, PICTURES.c.width, PICTURES.c.height)
        .select_from(ANSWERS.join(TRIALS).join(ACCOUNTS).outerjoin(PICTURES, PICTURES.c.photo_id == TRIALS.c.photo_id))
        .where(TRIALS.c.is_training == wanted[0], TRIALS.c.is_attention == wanted[1], TRIALS.c.photo_id.not_in(WITHDRAWN))
        .order_by(ACCOUNTS.c.name, TRIALS.c.turn, ANSWERS.c.id)
    )
    if remarked:
        query = query.where(ANSWERS.c.remark.is_not(None))
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _rows(answer: Mapping[str, Any], settings: RoomSettings) -> Iterator[dict[str, Any]]:
    task = settings.tasks[answer["target"]]
    suffix = "[aided]" if answer["stage"] == "aided" else ""
    for target, value, confidence in task.readings(json.loads(answer["value"]), answer["target"]):
        yield {
            "reader_id": answer["reader_id"], "photo_id": answer["photo_id"], "target": target + suffix, "repeat": answer["repeat"],
            "reading": value, "confidence": confidence, "seconds": answer["seconds"], "position": answer["position"],
            "read_at": answer["at"],
        }  # fmt: skip


def _stroke_rows(answer: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    value = json.loads(answer["value"])
    width, height = (side / SIDE for side in fitted(answer["width"] or SIDE, answer["height"] or SIDE))
    for i, stroke in enumerate(value.get("strokes", [])):
        for j, (x, y) in enumerate(stroke["points"]):
            place = ((x - (1 - width) / 2) / width, (y - (1 - height) / 2) / height, stroke["width"] / width)
            yield (answer["reader_id"], answer["photo_id"], value["diagnosis"], answer["repeat"], answer["stage"], i, j, *place)
