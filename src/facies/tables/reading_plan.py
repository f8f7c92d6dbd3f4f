"""Who reads which photograph, and in which order."""

from __future__ import annotations

from facies.tables.columns import PHOTO, TARGET, id_column
from facies.tables.schema import Column, Table

ARMS = ("unaided", "aided")
"""aided: the reader sees the model's answer, after an unaided reading of the same photograph was given and locked."""

READING_PLAN = Table(
    "reading_plan",
    ("reader_id", "target", "position"),
    (
        id_column("reader_id", "the person who rates"),
        TARGET,
        Column("position", "integer", "place in the reader's order for this target, from 1", minimum=1),
        PHOTO,
        Column("repeat", "integer", "0 for the reader's first reading of the photograph, 1 for the second, ...", minimum=0),
        Column("block", "integer", "readings between two breaks, from 1; training cases are block 0", minimum=0),
        Column("is_training", "boolean", "a case with feedback, before the readings that count"),
        Column("is_attention", "boolean", "a case with a known answer, to see whether the reader looks"),
        Column("arm", "category", "with or without the model's answer", levels=ARMS),
    ),
    "readers",
)
