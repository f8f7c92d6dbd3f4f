"""What a reporting checklist is made of: items, and answers that are given only where the data are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facies.report.blocks import Block, Grid, Text
from facies.report.data import ReportData

AUTHOR = "not reported: needs author"

Answer = Callable[[ReportData], str]


def needs_author(_: ReportData) -> str:
    """Answer that only an author knows."""
    return AUTHOR


@dataclass(frozen=True)
class Item:
    """One item: its number, what it asks, and how the answer is found (empty when the data lack it)."""

    number: str
    asks: str
    answer: Answer = needs_author


def checklist_blocks(data: ReportData, items: Sequence[Item], *, name: str, caption: str) -> list[Block]:
    """Return how many entries need an author, and the checklist."""
    rows = tuple((item.number, item.asks, item.answer(data) or AUTHOR) for item in items)
    open_items = sum(row[2] == AUTHOR for row in rows)
    intro = (
        f"Software can fill part of a reporting guideline: {open_items} of {len(rows)} entries need an author. "
        "An answer here says where something is reported, not that it is good."
    )
    return [Text(intro), Grid(name, caption, ("Item", "Asks for", "Reported here"), rows, text_columns=frozenset({1, 2}))]


def when(table: str, text: str) -> Answer:
    """Answer with ``text`` when the table or records are there."""

    def answer(data: ReportData) -> str:
        part = getattr(data, table)
        return text if part is not None and len(part) else ""

    return answer
