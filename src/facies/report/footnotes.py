"""Notes of a table's rows as letters in its cells and a legend under it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

BETWEEN = "; "
"""What stands between the parts of a note; each part gets its own letter."""


def lettered(notes: Iterable[Any], *, without: str = "") -> dict[str, str]:
    """Return each part of the notes once with its letter; parts that end with ``without`` are left out.

    Examples
    --------
    >>> lettered(["Firth; 2 left out", None, "2 left out"])
    {'Firth': 'a', '2 left out': 'b'}
    """
    parts = [part for note in notes for part in _parts(note) if not (without and part.endswith(without))]
    return {part: _letter(place) for place, part in enumerate(dict.fromkeys(parts))}


def mark(letters: dict[str, str], note: Any) -> str:
    """Return the letters of a note in brackets, with the space before them, or nothing.

    Examples
    --------
    >>> mark({"Firth": "a", "2 left out": "b"}, "Firth; 2 left out").strip()
    '[a,b]'
    """
    found = [letters[part] for part in _parts(note) if part in letters]
    return f"\N{NO-BREAK SPACE}[{','.join(found)}]" if found else ""


def legend(letters: dict[str, str]) -> str:
    """Return what the letters say.

    Examples
    --------
    >>> legend({"Firth's regression": "a", "2 left out": "b"})
    " [a] Firth's regression. [b] 2 left out."
    """
    return "".join(f" [{letter}] {note.rstrip('.')}." for note, letter in letters.items())


def _parts(note: Any) -> list[str]:
    return [part.strip() for part in note.split(BETWEEN) if part.strip()] if isinstance(note, str) else []


def _letter(place: int) -> str:
    """Return a, b, ..., z, aa, ab, ..."""
    letters = ""
    while place >= 0:
        letters = chr(ord("a") + place % 26) + letters
        place = place // 26 - 1
    return letters
