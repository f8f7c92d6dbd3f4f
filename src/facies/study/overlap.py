"""Nobody may be in both studies: a replication in the people who made the discovery proves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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


def count_alike(discovery: Path, hashes: Mapping[str, str], participants: pd.DataFrame, photographs: pd.DataFrame) -> int:
    """Return how many pairs of photographs, one of each study, look nearly the same; refuse those that are the same picture.

    The same picture compressed again, scaled or turned grey has the same perceptual hash, or one of 2 bits more or less. Among millions of
    pairs some of other people have that too. So only an equal hash of people of one age and sex stops the run; the others are counted.

    Parameters
    ----------
    hashes
        Perceptual hash of each photograph of the validation, by photo_id.

    Raises
    ------
    InputError
        Naming the first picture that is in both, and how many there are.
    """
    path = table_path(discovery, FACES).with_name("perceptual_hashes.json")
    if not path.exists():
        return 0
    pairs = _near_pairs(read_json(path), hashes)
    same = pairs[(pairs.distance == 0) & _may_be_one_person(pairs, discovery, participants, photographs)]
    if len(same):
        first = same.iloc[0]
        raise InputError(
            f"{len(same)} photographs look the same in both studies, first {first.here} of the validation and {first.there} of the "
            f"discovery: {REMEDY}"
        )
    return len(pairs)


def _near_pairs(theirs: Mapping[str, str], hashes: Mapping[str, str]) -> pd.DataFrame:
    """Return ``there``, ``here`` (photo_ids of discovery and validation) and ``distance``, the nearest first."""
    pairs = find_near_duplicates(
        np.array([int(value, 16) for value in (*theirs.values(), *hashes.values())], dtype=np.uint64),
        photo_ids=[*theirs, *hashes],
        participant_ids=["discovery"] * len(theirs) + ["validation"] * len(hashes),
    )
    turned = pairs.participant_id == "validation"
    return pd.DataFrame(
        {
            "there": pairs.other_photo_id.where(turned, pairs.photo_id),
            "here": pairs.photo_id.where(turned, pairs.other_photo_id),
            "distance": pairs.distance,
        }
    )


def _may_be_one_person(pairs: pd.DataFrame, discovery: Path, participants: pd.DataFrame, photographs: pd.DataFrame) -> pd.Series:
    """Return which pairs do not contradict each other in age (by more than a year) or sex; unknown contradicts nothing."""
    if not (table_path(discovery, PARTICIPANTS).exists() and table_path(discovery, PHOTOGRAPHS).exists()):
        return pd.Series(True, index=pairs.index)
    there = _owners(pairs.there, read_table(discovery, PARTICIPANTS), read_table(discovery, PHOTOGRAPHS))
    here = _owners(pairs.here, participants, photographs)
    other_sex = there.sex.notna() & here.sex.notna() & (there.sex != here.sex)
    return ~other_sex & ~((there.age - here.age).abs() > 1)


def _owners(photo_ids: pd.Series, participants: pd.DataFrame, photographs: pd.DataFrame) -> pd.DataFrame:
    """Return ``age`` and ``sex`` of the people behind photographs, on the index of ``photo_ids``."""
    people = participants.set_index("participant_id").reindex(columns=["age", "sex"])
    owner = photo_ids.map(photographs.set_index("photo_id").participant_id)
    return people.reindex(owner).set_axis(photo_ids.index)
