"""When equivalence margins were fixed: a log that is only added to, so that a report can say what came first."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from facies.errors import StoreError
from facies.store import read_json, table_path, write_json
from facies.study.config import AssociationSection
from facies.tables import COMPARISONS


@dataclass(frozen=True)
class MarginRecord:
    """The margins of a study from one moment on.

    ``results_seen`` says whether comparisons of human and computed perceived age had been made in this study before.
    """

    margins: dict[str, float]
    registered_at: str
    results_seen: bool


def log_path(study: Path) -> Path:
    """Return where the log lies."""
    return study / "derived" / "registration" / "margins.json"


def coefficient_margins(asked: AssociationSection) -> dict[str, float]:
    """Return the margins by outcome or trait on the scale of the coefficient, per step: a factor becomes its logarithm.

    Examples
    --------
    >>> from facies.study.config import parse_config
    >>> outcome = {"name": "copd", "kind": "binary", "equivalence_margin": 1.1}
    >>> asked = parse_config({"study": {"name": "A"}, "association": {"outcomes": [outcome]}}).association
    >>> {name: round(margin, 4) for name, margin in coefficient_margins(asked).items()}
    {'copd': 0.0953}
    """
    outcomes = {
        outcome.name: outcome.equivalence_margin if outcome.kind == "continuous" else math.log(outcome.equivalence_margin)
        for outcome in asked.outcomes
        if outcome.equivalence_margin is not None
    }
    return outcomes | {trait.name: trait.equivalence_margin for trait in asked.traits if trait.equivalence_margin is not None}


def register_margins(study: Path, asked: AssociationSection) -> tuple[MarginRecord, ...]:
    """Add the margins to the log where they differ from the last entry, before anything is compared; return the whole log.

    Raises
    ------
    StoreError
        When the log was changed by hand or cannot be written.
    """
    entries = read_margins(study)
    margins = coefficient_margins(asked)
    if margins == (entries[-1].margins if entries else {}):
        return entries
    seen = any(entry.results_seen for entry in entries) or table_path(study, COMPARISONS).exists() or _compared_mark(study).exists()
    entries = (*entries, MarginRecord(margins, datetime.now(UTC).isoformat(timespec="seconds"), seen))
    write_json(log_path(study), [asdict(entry) for entry in entries])
    return entries


def mark_compared(study: Path) -> Path:
    """Note that comparisons have been made in this study, whatever is deleted later."""
    return write_json(_compared_mark(study), True)


def _compared_mark(study: Path) -> Path:
    return log_path(study).with_name("compared.json")


def read_margins(study: Path) -> tuple[MarginRecord, ...]:
    """Return the log, oldest entry first; empty when no margin was ever given.

    Raises
    ------
    StoreError
        When it is not a log of margins.
    """
    path = log_path(study)
    if not path.exists():
        return ()
    entries: Any = read_json(path)
    try:
        return tuple(MarginRecord(dict(entry["margins"]), str(entry["registered_at"]), bool(entry["results_seen"])) for entry in entries)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{path.name} in {path.parent} was changed by hand: restore it, or delete the folder derived and say so"
        ) from error
