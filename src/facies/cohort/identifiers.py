"""Identifiers across tables: which match, which do not, and why they may not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

N_EXAMPLES = 3

LINKS = (
    ("photographs", "participant_id", "participants"),
    ("readings", "photo_id", "photographs"),
    ("panel_estimates", "photo_id", "photographs"),
    ("outcomes", "participant_id", "participants"),
)
"""Which table names whom: source table, column, the table in which the identifier must stand."""


def canonical_id(identifier: str) -> str:
    """Return what is left of an identifier when spelling is ignored: two that agree in it were probably meant to be one.

    Case, accents' encoding, spaces, ``-`` and ``_``, the prefix ``sub-``, an ending ``.0`` and leading zeros are ignored.

    Examples
    --------
    >>> [canonical_id(text) for text in ("0012", "12", "12.0", "sub-012", "P_0012 ")]
    ['12', '12', '12', '12', 'p12']
    """
    text = unicodedata.normalize("NFKC", identifier).casefold()
    text = re.sub(r"\.0+$", "", re.sub(r"\s", "", text))
    text = re.sub(r"[-_]", "", re.sub(r"^sub-", "", text))
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def why_differ(one: str, other: str) -> str:
    """Say in a few words how two spellings of an identifier differ.

    Examples
    --------
    >>> why_differ("0012", "12"), why_differ("P1", "p1")
    ('leading zeros differ', 'upper and lower case differ')
    """
    steps = (
        ("upper and lower case differ", str.casefold),
        ("spaces differ", lambda text: re.sub(r"\s", "", text)),
        ("accents are encoded differently", lambda text: unicodedata.normalize("NFKC", text)),
        ("one ends in .0", lambda text: re.sub(r"\.0+$", "", text)),
        ("one starts with sub-", lambda text: text.removeprefix("sub-")),
        ("leading zeros differ", lambda text: re.sub(r"(?<!\d)0+(?=\d)", "", text)),
    )
    for words, simplified in steps:
        if simplified(one) == simplified(other):
            return words
    return "spelling differs"


def near_identifiers(unknown: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return for each unknown identifier the known one that was probably meant, where there is just one."""
    spellings: dict[str, list[str]] = {}
    for identifier in known:
        spellings.setdefault(canonical_id(identifier), []).append(identifier)
    near = {identifier: spellings.get(canonical_id(identifier), []) for identifier in unknown}
    return {identifier: found[0] for identifier, found in near.items() if len(found) == 1}


def hint(unknown: Iterable[str], known: Iterable[str], *, known_file: str) -> str:
    """Return ``"; '12' is in participants.tsv: leading zeros differ"`` for the first near miss, or an empty string."""
    for identifier, meant in near_identifiers(unknown, known).items():
        return f"'{identifier}' here is '{meant}' in {known_file}: {why_differ(identifier, meant)}"
    return ""


def match_ids(tables: Mapping[str, pd.DataFrame], *, files: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Compare the identifiers of a study's tables, in both directions.

    Parameters
    ----------
    tables
        Table name -> frame: participants and photographs, and readings, panel_estimates, outcomes where there are any.
    files
        Table name -> the file's name to show.

    Returns
    -------
    DataFrame
        One row a direction: ``source``, ``column``, ``other``, ``matched`` (identifiers in both), ``only_here`` (in the source alone),
        ``examples`` (at most three of the latter, joined by ", "), ``hint`` (why the first near miss does not match; may be empty),
        ``is_fault`` (whether ``only_here`` above 0 stops a run: an identifier that is named but not known).

    Examples
    --------
    >>> people = pd.DataFrame({"participant_id": ["p1", "p2"]})
    >>> photographs = pd.DataFrame({"photo_id": ["a"], "participant_id": ["P1"]})
    >>> match_ids({"participants": people, "photographs": photographs}).loc[0, ["source", "hint"]].tolist()
    ['photographs', "'P1' here is 'p1' in participants: upper and lower case differ"]
    """
    shown = {name: (files or {}).get(name, name) for name in tables}
    rows: list[dict[str, Any]] = []
    for source, column, other in LINKS:
        if source in tables and other in tables:
            named, known = _distinct(tables[source][column]), _distinct(tables[other][column])
            rows.append(_compared(shown[source], column, shown[other], named, known) | {"is_fault": len(named - known) > 0})
            rows.append(_compared(shown[other], column, shown[source], known, named) | {"is_fault": False})
    return pd.DataFrame(rows, columns=["source", "column", "other", "matched", "only_here", "examples", "hint", "is_fault"])


def _distinct(values: pd.Series) -> set[str]:
    return set(values.dropna().astype(str))


def _compared(source: str, column: str, other: str, here: set[str], there: set[str]) -> dict[str, Any]:
    only_here = sorted(here - there)
    return {
        "source": source, "column": column, "other": other, "matched": len(here & there), "only_here": len(only_here),
        "examples": ", ".join(only_here[:N_EXAMPLES]), "hint": hint(only_here, sorted(there - here), known_file=other),
    }  # fmt: skip
