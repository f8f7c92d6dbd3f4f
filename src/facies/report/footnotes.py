"""Notes of a table's rows as letters in its cells and a legend under it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def lettered(notes: Iterable[Any]) -> dict[str, str]:
    """Return each note once with its letter.

    Examples
    --------
    >>> lettered(["Firth", None, "Firth", "2 left out"])
    {'Firth': 'a', '2 left out': 'b'}
    """
    known = dict.fromkeys(note for note in notes if isinstance(note, str) and note)
    return {note: _letter(place) for place, note in enumerate(known)}


def mark(letters: dict[str, str], note: Any) -> str:
    """Return the letter of a note in brackets, with the space before it, or nothing."""
    return f"\N{NO-BREAK SPACE}[{letters[note]}]" if isinstance(note, str) and note in letters else ""


def legend(letters: dict[str, str]) -> str:
    """Return what the letters say.

    Examples
    --------
    >>> legend({"Firth's regression": "a", "2 left out": "b"})
    " [a] Firth's regression. [b] 2 left out."
    """
    return "".join(f" [{letter}] {note.rstrip('.')}." for note, letter in letters.items())


def _letter(place: int) -> str:
    """Return a, b, ..., z, aa, ab, ..."""
    letters = ""
    while place >= 0:
        letters = chr(ord("a") + place % 26) + letters
        place = place // 26 - 1
    return letters
