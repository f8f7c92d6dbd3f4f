"""Regions of the face that readers marked, how far they agree, and what they agree on."""

from __future__ import annotations

from facies.tables.columns import CI, PHOTO, N, id_column, number
from facies.tables.conditions import CONDITION, REGION
from facies.tables.schema import Column, Table

REGION_MARKS = Table(
    "region_marks",
    ("reader_id", "photo_id", "target_condition", "repeat", "region"),
    (
        id_column("reader_id", "the person who marked; staple or majority for a consensus"),
        PHOTO,
        CONDITION,
        Column("repeat", "integer", "0 for the first marking of the photograph, 1 for the second, ...", required=False, minimum=0),
        REGION,
        number("marked", "share of the region that was marked, or 1", minimum=0, maximum=1, nullable=False),
    ),
    "readers",
)

REGION_AGREEMENT = Table(
    "region_agreement",
    ("target_condition", "measure", "region"),
    (
        CONDITION,
        Column(
            "measure", "category", "fleiss_kappa and marked (share of markings) by region; dice between pairs of readers, over all regions",
            levels=("fleiss_kappa", "marked", "dice"),
        ),
        Column("region", "text", "part of the face, or all"),
        number("value", "the estimate"),
        *CI,
        Column("n_readers", "integer", "readers who marked", minimum=0),
        N,
    ),
    "readers",
)  # fmt: skip

REGION_CONSENSUS = Table(
    "region_consensus",
    ("photo_id", "target_condition", "region"),
    (
        PHOTO,
        CONDITION,
        REGION,
        Column("n_readers", "integer", "readers who marked the photograph", minimum=1),
        number("marked", "share of these readers who marked the region", minimum=0, maximum=1, nullable=False),
        Column("majority", "boolean", "whether more than half of them did"),
        number("staple", "probability that the region carries the sign, by STAPLE", minimum=0, maximum=1, nullable=False),
    ),
    "readers",
)
