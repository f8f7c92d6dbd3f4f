"""How far the readers are, how fast they read, and how well they agree so far; nothing that unblinds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations

import numpy as np
import pandas as pd
import sqlalchemy as sa

from facies.types import Floats
from facies.web.database import reading
from facies.web.exports import export_attention, export_readings
from facies.web.moments import moment, now
from facies.web.schema import ACCOUNTS, ANSWERS, TRIALS, WITHDRAWN
from facies.web.settings import RoomSettings


@dataclass(frozen=True)
class ReaderProgress:
    """How far one reader is; ``attention`` is passed of taken checks, ``seconds`` the median a face."""

    name: str
    done: int
    total: int
    last_hour: int
    seconds: float | None
    attention: str
    last_at: str


def reader_progress(engine: sa.Engine, settings: RoomSettings) -> list[ReaderProgress]:
    """Return a row a reader, by name."""
    finished = TRIALS.outerjoin(ANSWERS, sa.and_(ANSWERS.c.trial_id == TRIALS.c.id, ANSWERS.c.stage == TRIALS.c.arm))
    query = (
        sa.select(ACCOUNTS.c.name, TRIALS.c.id, ANSWERS.c.at, ANSWERS.c.seconds)
        .select_from(ACCOUNTS.outerjoin(finished, sa.and_(TRIALS.c.account_id == ACCOUNTS.c.id, TRIALS.c.photo_id.not_in(WITHDRAWN))))
        .where(ACCOUNTS.c.role == "reader")
        .order_by(ACCOUNTS.c.name)
    )
    with reading(engine) as connection:
        frame = pd.DataFrame(connection.execute(query).all(), columns=["name", "trial", "at", "seconds"])
    checks = export_attention(engine, settings=settings).set_index("reader_id")
    return [_progress(str(name), rows, checks) for name, rows in frame.groupby("name", sort=True)]


def _progress(name: str, rows: pd.DataFrame, checks: pd.DataFrame) -> ReaderProgress:
    times = rows["at"].dropna()
    seconds = pd.to_numeric(rows.seconds).dropna()
    attention = f"{checks.n_passed[name]}/{checks.n_checks[name]}" if name in checks.index else ""
    return ReaderProgress(
        name=name,
        done=len(times),
        total=int(rows.trial.notna().sum()),
        last_hour=int((times > moment(now(), plus=-timedelta(hours=1))).sum()),
        seconds=float(seconds.median()) if len(seconds) else None,
        attention=attention,
        last_at=str(times.max())[:16].replace("T", " ") if len(times) else "",
    )


def agreement_so_far(engine: sa.Engine, settings: RoomSettings) -> list[dict[str, float | str | int]]:
    """Return a row a target: how far readers, and repeats of one reader, are apart. No face is named.

    ``between_sd`` is the standard deviation between readers of one face, pooled over faces; ``repeat_difference`` the mean absolute
    difference between a reader's first two readings of a face; ``same`` the share of pairs of readers who said the same of a face.
    """
    readings = export_readings(engine, settings=settings)
    return [_agreement(str(target), rows) for target, rows in readings.groupby("target", sort=True)]


def _agreement(target: str, rows: pd.DataFrame) -> dict[str, float | str | int]:
    first = rows[rows["repeat"] == 0]
    faces = [group.reading.to_numpy() for _, group in first.groupby("photo_id") if len(group) > 1]
    pairs = rows[rows["repeat"] <= 1].pivot_table(index=["reader_id", "photo_id"], columns="repeat", values="reading")
    differences = (pairs[0] - pairs[1]).abs().dropna() if {0, 1} <= set(pairs.columns) else pd.Series(dtype="float64")
    return {
        "target": target,
        "n_readings": len(rows),
        "n_faces": len(faces),
        "between_sd": pooled_sd(faces),
        "same": share_same(faces),
        "repeat_difference": float(differences.mean()) if len(differences) else float("nan"),
        "n_repeats": len(differences),
    }


def pooled_sd(faces: list[Floats]) -> float:
    """Return the standard deviation between readers, pooled over faces; NaN where no face has two.

    Examples
    --------
    >>> pooled_sd([np.array([50.0, 52.0]), np.array([60.0, 62.0])]) ** 2
    2.0000000000000004
    """
    freedom = sum(len(face) - 1 for face in faces)
    squares = sum(float(((face - face.mean()) ** 2).sum()) for face in faces)
    return float(np.sqrt(squares / freedom)) if freedom else float("nan")


def share_same(faces: list[Floats]) -> float:
    """Return the share of pairs of readers who gave a face the same reading.

    Examples
    --------
    >>> round(share_same([np.array([1.0, 1.0, 0.0])]), 3)
    0.333
    """
    pairs = [float(a == b) for face in faces for a, b in combinations(face, 2)]
    return float(np.mean(pairs)) if pairs else float("nan")
