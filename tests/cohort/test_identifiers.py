"""Identifiers that match, nearly match and do not match."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest

from facies.cohort import canonical_id, match_ids
from facies.cohort.identifiers import near_identifiers, why_differ


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("0012", "12", "leading zeros differ"),
        ("P0012", "P12", "leading zeros differ"),
        ("p1", "P1", "upper and lower case differ"),
        ("p 1", "p1", "spaces differ"),
        ("12.0", "12", "one ends in .0"),
        ("sub-12", "12", "one starts with sub-"),
        (unicodedata.normalize("NFC", "é1"), unicodedata.normalize("NFD", "é1"), "accents are encoded differently"),
        ("P-01", "p_1", "spelling differs"),
    ],
)
def test_canonical__spellings_of_one_identifier_agree_and_the_difference_is_named(one, other, why):
    assert canonical_id(one) == canonical_id(other)
    assert why_differ(one, other) == why


@pytest.mark.parametrize(("one", "other"), [("p1", "p10"), ("100", "10"), ("a1", "b1"), ("0", "00a"), ("1.5", "15")])
def test_canonical__different_identifiers_differ(one, other):
    assert canonical_id(one) != canonical_id(other)


def test_near__an_ambiguous_spelling_gives_no_hint():
    assert near_identifiers(["012"], ["12", "0012"]) == {}


def test_match__both_directions_are_counted():
    people = pd.DataFrame({"participant_id": ["1", "2", "3", "4", "5"]})
    photographs = pd.DataFrame({"photo_id": list("abc"), "participant_id": ["1", "1", "02"]})
    readings = pd.DataFrame({"photo_id": ["a", "a", "c"]})
    found = match_ids(
        {"participants": people, "photographs": photographs, "readings": readings}, files={"participants": "participants.csv"}
    )
    assert found[["source", "other", "matched", "only_here", "is_fault"]].to_numpy().tolist() == [
        ["photographs", "participants.csv", 1, 1, True],
        ["participants.csv", "photographs", 1, 4, False],
        ["readings", "photographs", 2, 0, False],
        ["photographs", "readings", 2, 1, False],
    ]
    assert found.hint[0] == "'02' here is '2' in participants.csv: leading zeros differ"
    assert found.examples[1] == "2, 3, 4"


def test_match__a_study_without_further_tables_has_nothing_to_match():
    assert match_ids({"participants": pd.DataFrame({"participant_id": ["1"]})}).empty
