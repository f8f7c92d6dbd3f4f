"""Nobody may be in both studies: a replication in the people who made the discovery proves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.cohort import find_near_duplicates
from facies.errors import InputError
from facies.store import read_json, read_table, table_path
from facies.tables import FACES, PARTICIPANTS, PHOTOGRAPHS

REMEDY = "leave these people out of one of the two studies"


def require_other_people(discovery: Path, participants: pd.DataFrame, photographs: pd.DataFrame) -> None:
    """Refuse a validation that has participants or photographs of the discovery, as far as the discovery's tables are at hand.

    Raises
    ------
    InputError
        Naming the first participant or photograph, and how many there are.
    """
    if table_path(discovery, PARTICIPANTS).exists():
        known = set(read_table(discovery, PARTICIPANTS).participant_id)
        both = participants.participant_id[participants.participant_id.isin(known)]
        if len(both):
            raise InputError(
                f"{len(both)} participants have the same participant_id in both studies, first {both.iloc[0]}: {REMEDY}, "
                "or give other people other identifiers"
            )
    if table_path(discovery, PHOTOGRAPHS).exists():
        _require_other_bytes(read_table(discovery, PHOTOGRAPHS), photographs)


def _require_other_bytes(theirs: pd.DataFrame, photographs: pd.DataFrame) -> None:
    if "sha256" not in theirs.columns:
        return
    known = theirs.dropna(subset="sha256").drop_duplicates("sha256").set_index("sha256").photo_id
    usable = photographs[photographs.included]
    both = usable[usable.sha256.isin(known.index)]
    if len(both):
        first = both.iloc[0]
        raise InputError(
            f"{len(both)} photographs are in both studies, first {first.photo_id} of the validation, which is {known[first.sha256]} of the "
            f"discovery: {REMEDY}"
        )


def require_other_looks(discovery: Path, hashes: Mapping[str, str]) -> None:
    """Refuse photographs that look as the discovery's do: the same picture compressed again, scaled or turned grey.

    Parameters
    ----------
    hashes
        Perceptual hash of each photograph of the validation, by photo_id.

    Raises
    ------
    InputError
        Naming the first photograph, and how many there are.
    """
    path = table_path(discovery, FACES).with_name("perceptual_hashes.json")
    if not path.exists():
        return
    theirs: dict[str, Any] = read_json(path)
    pairs = find_near_duplicates(
        np.array([int(value, 16) for value in (*theirs.values(), *hashes.values())], dtype=np.uint64),
        photo_ids=[*theirs, *hashes],
        participant_ids=["discovery"] * len(theirs) + ["validation"] * len(hashes),
    )
    if len(pairs):
        first = pairs.iloc[0]
        there, here = first.photo_id, first.other_photo_id
        if first.participant_id == "validation":
            there, here = here, there
        raise InputError(
            f"{len(pairs)} photographs look the same in both studies, first {here} of the validation and {there} of the discovery: {REMEDY}"
        )
