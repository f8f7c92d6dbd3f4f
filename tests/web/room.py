"""A small room for tests: faces that are plain colours, and what must never be told planted where it could leak."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import sqlalchemy as sa

from facies.types import Image
from facies.web import AgeTask, DiagnosisTask, RoomSettings, load_plan, open_room, prepare_pictures

READERS = ("anna", "ben")

SETTINGS = RoomSettings(
    tasks={"perceived_age": AgeTask(lowest=18, highest=99), "diagnosis": DiagnosisTask(("acromegaly", "cushing"), 3, True)},
    title="Test room",
    screen_check=False,
    hosts=("testserver", "localhost", "127.0.0.1"),
)


def colour_of(photo_id: str) -> Image:
    """Return a photograph whose sides and colour depend on its name."""
    seed = sum(photo_id.encode())
    return np.full((100 + seed % 50, 80 + seed % 31, 3), seed % 200, np.uint8)


def painted(photo_id: str) -> Image:
    """Return a simulated face, for the pictures of the manual."""
    import pandas as pd

    from facies.simulation import simulate_faces

    seed = sum(photo_id.encode())
    person = {"photo_id": [photo_id], "participant_id": [photo_id], "age": [52.0 + seed % 30], "sex": ["female" if seed % 2 else "male"]}
    return simulate_faces(pd.DataFrame(person), random_state=seed, size=720).images[0]


def small_plan(readers: tuple[str, ...] = READERS) -> list[dict[str, Any]]:
    """Return a plan of ages: a training case, an attention check, three faces of which one again and one aided."""
    rows = []
    for shift, reader in enumerate(readers):
        faces = ["SECRETNAME_a", "SECRETNAME_b", "SECRETNAME_c"]
        faces = faces[shift:] + faces[:shift]
        row = {"reader_id": reader, "target": "perceived_age"}
        rows.append({**row, "position": 1, "photo_id": "SECRETNAME_t", "is_training": True, "block": 0, "expected": 61})
        rows.append({**row, "position": 2, "photo_id": faces[0]})
        rows.append({**row, "position": 3, "photo_id": faces[1]})
        rows.append({**row, "position": 4, "photo_id": faces[1], "is_attention": True, "expected": 37})
        rows.append({**row, "position": 5, "photo_id": faces[2], "block": 2, "arm": "aided", "model_score": 77.125})
        rows.append({**row, "position": 6, "photo_id": faces[0], "block": 2, "repeat": 1})
    return rows


def small_room(url: str = "sqlite://", plan: Any = None) -> sa.Engine:
    """Return a room with the small plan, its pictures prepared."""
    engine = open_room(url)
    load_plan(engine, small_plan() if plan is None else plan, settings=SETTINGS)
    prepare_pictures(engine, painted if os.environ.get("FACIES_PICTURES") else colour_of)
    return engine
