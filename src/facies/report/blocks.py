"""What a section is made of. Templates print these; nothing here holds HTML, except a figure's SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Heading:
    """A heading below the section's."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Missing:
    """A part that is absent, and why."""

    part: str
    reason: str
    kind: ClassVar[str] = "missing"


@dataclass(frozen=True)
class Grid:
    """A table. Each row starts with its header; ``text_columns`` says which further columns are words."""

    id: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    text_columns: frozenset[int] = frozenset()
    kind: ClassVar[str] = "grid"


@dataclass(frozen=True)
class Drawing:
    """A figure: the SVG, its caption, and what it shows in words and numbers. ``svg`` is empty in a report without figures."""

    id: str
    caption: str
    alt: str
    svg: str = ""
    wide: bool = False
    kind: ClassVar[str] = "drawing"


@dataclass(frozen=True)
class Panels:
    """Figures that stand side by side where there is room."""

    drawings: tuple[Drawing, ...]
    kind: ClassVar[str] = "panels"


@dataclass(frozen=True)
class Tile:
    """One number of the summary."""

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Tiles:
    """The numbers of the summary."""

    tiles: tuple[Tile, ...]
    kind: ClassVar[str] = "tiles"


@dataclass(frozen=True)
class FlowBox:
    """One step of the flow: what remains, and what left in this step."""

    step: str
    remaining: tuple[str, ...]
    left: tuple[str, ...] = ()
    left_title: str = ""


@dataclass(frozen=True)
class FlowChart:
    """The flow of participants and photographs."""

    caption: str
    boxes: tuple[FlowBox, ...]
    kind: ClassVar[str] = "flow"


@dataclass(frozen=True)
class Portrait:
    """An average face as a PNG in text form."""

    label: str
    n: str
    alt: str
    png: str


@dataclass(frozen=True)
class Portraits:
    """Average faces side by side."""

    caption: str
    portraits: tuple[Portrait, ...]
    kind: ClassVar[str] = "portraits"


Block = Text | Heading | Bullets | Missing | Grid | Drawing | Panels | Tiles | FlowChart | Portraits


@dataclass(frozen=True)
class Section:
    """A part of the page with its own entry in the contents."""

    id: str
    title: str
    blocks: tuple[Block, ...]
