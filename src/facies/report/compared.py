"""The COMPARISONS table as a report needs it: on the printed scale, with verdicts and margins in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from facies.report.data import ReportData
from facies.report.effects import RATIOS, back, drawn_adjustment, each, effects, source_ranks
from facies.report.numbers import fixed
from facies.tables import COMPARISONS

VERDICTS = {
    "equivalent": "equivalent",
    "different": "different",
    "equivalent and different": "different, but within the margin",
    "undecided": "undecided",
    "no margin": "no margin given",
    "no estimate": "no estimate",
}
"""Levels of ``verdict`` as the headline prints them."""

VERDICT_SENTENCES = {
    "equivalent": "equivalent within the margin",
    "different": "different, and not shown to lie within the margin",
    "equivalent and different": "different, but by less than the margin",
    "undecided": "undecided: neither a difference nor equivalence is shown",
    "no margin": "equivalence not tested: no margin was given",
    "no estimate": "no estimate",
}
"""The same in the comparison's own table."""

LATE = "†"
"""Marks a verdict whose margin was given or changed after results had been seen, or is not in the log."""


@dataclass(frozen=True)
class MarginOrigin:
    """When a margin was fixed (YYYY-MM-DD), and whether comparisons had been made in the study by then."""

    date: str
    results_seen: bool


def comparisons(data: ReportData) -> pd.DataFrame:
    """Return COMPARISONS in the order of the associations: variable, adjustment set (the drawn one first), source.

    Further columns are ``kind`` (as in :func:`facies.report.effects.effects`), ``rank`` of the computed source and ``late``: whether a
    margin was not fixed before results had been seen, as far as the log says.
    """
    frame = data.table("source_comparisons")
    if frame is None:
        return COMPARISONS.empty().assign(kind="", rank=0, other=False, late=False)
    ranks, places = source_ranks(data), _places(data, frame)
    ready = frame.assign(
        kind=frame.role.map({"exposure": "risk", "outcome": "determinant"}),
        rank=frame.computed.map(ranks),
        place=[places[key] for key in zip(frame.role, frame.variable, strict=True)],
        other=frame.adjustment != drawn_adjustment(data),
        late=[pd.notna(row.margin) and not fixed_before(data, row) for row in each(frame)],
    )
    return ready.sort_values(["place", "other", "adjustment", "rank"], kind="stable")


def _places(data: ReportData, frame: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return the place of each variable: as in the associations, then as in the table itself."""
    known = effects(data)
    risks, determinants = known[known.kind == "risk"].outcome, known[known.kind == "determinant"].exposure
    keys = [("exposure", str(name)) for name in risks] + [("outcome", str(name)) for name in determinants]
    keys += sorted(zip(frame.role, frame.variable, strict=True), key=lambda key: key[0] == "outcome")
    return {key: place for place, key in enumerate(dict.fromkeys(keys))}


def margin_origin(data: ReportData, variable: str, margin: float) -> MarginOrigin | None:
    """Return when the margin of a variable got the value that was used, or None when the log does not hold it.

    A margin that was changed and changed back dates from the change back.
    """
    origin = None
    for entry in reversed(data.margins):
        logged = entry["margins"].get(variable)
        if logged is None or not math.isclose(logged, margin, rel_tol=1e-9):
            break
        origin = MarginOrigin(str(entry["registered_at"])[:10], bool(entry["results_seen"]))
    return origin


def fixed_before(data: ReportData, row: Any) -> bool:
    """Return whether the log shows that a row's margin was fixed before anything was compared."""
    origin = margin_origin(data, str(row.variable), float(row.margin))
    return origin is not None and not origin.results_seen


def margin_text(data: ReportData, row: Any) -> str:
    """Return a row's margin and when it was fixed, in words."""
    if pd.isna(row.margin):
        return "none given"
    size = f"×{fixed(back(row.margin, row.scale))}" if row.scale in RATIOS else f"±{fixed(row.margin)}"
    origin = margin_origin(data, str(row.variable), float(row.margin))
    if origin is None:
        return f"{size}, not in the log of margins {LATE}"
    when = f"changed or given on {origin.date}, after results had been seen {LATE}" if origin.results_seen else ""
    return f"{size}, {when or f'fixed on {origin.date}, before the comparison'}"


def verdict_text(row: Any) -> str:
    """Return the verdict as the headline prints it, marked where the margin came too late."""
    return f"{VERDICTS[row.verdict]}{f' {LATE}' if row.late and 'equivalent' in row.verdict else ''}"
