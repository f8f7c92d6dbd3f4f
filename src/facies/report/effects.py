"""The ASSOCIATIONS table as a report needs it: whose perceived age, which direction, which adjustment set."""

from __future__ import annotations

import pandas as pd

from facies.report.data import ReportData
from facies.report.metric_values import PANEL
from facies.report.numbers import fixed, with_interval

_SOURCE = r"^(?P<name>[^\[]+)\[(?P<source>.+)\]$"

EXPOSURE_WORDS = {
    "perceived_age": "perceived age",
    "age": "computed age",
    "years_looking_older": "looking older than one is",
    "years_looking_younger": "looking younger than one is",
    "delta_pa_rotterdam": "looking younger than one is",
}
"""What more of an exposure means, after "per 5 years of"."""


def effects(data: ReportData) -> pd.DataFrame:
    """Return ASSOCIATIONS with further columns.

    ``kind`` is ``risk`` (a perceived age is the exposure), ``determinant`` (it is the outcome), ``slope`` (it is both: human and
    computed on each other) or ``other``; ``source`` is ``panel`` or a model_id; ``name`` what stands before the bracket; ``rank``
    orders the sources: the panel, then the models.
    """
    frame = data.table("associations")
    if frame is None:
        return pd.DataFrame(columns=["kind", "source", "name", "rank", "exposure", "outcome", "adjustment"])
    exposure, outcome = frame.exposure.str.extract(_SOURCE), frame.outcome.str.extract(_SOURCE)
    kind = pd.Series("other", index=frame.index).mask(outcome.source.notna(), "determinant").mask(exposure.source.notna(), "risk")
    kind = kind.mask(outcome.source.notna() & exposure.source.notna(), "slope")
    source, name = exposure.source.fillna(outcome.source), exposure.name.fillna(outcome.name)
    order = {system: i for i, system in enumerate([PANEL, *data.model_ids()])}
    return frame.assign(kind=kind, source=source, name=name, rank=source.map(order).fillna(len(order)).astype(int))


def drawn_adjustment(data: ReportData) -> str | None:
    """Return the adjustment set that is drawn: ``primary_adjustment``, or the first of the table."""
    frame = data.table("associations")
    return data.primary_adjustment or (None if frame is None else str(frame.adjustment.iloc[0]))


def drawn_risks(data: ReportData) -> pd.DataFrame:
    """Return the associations of perceived age in the drawn adjustment set, outcomes in the table's order, sources by rank."""
    frame = effects(data)
    chosen = frame[(frame.kind == "risk") & (frame.adjustment == drawn_adjustment(data))]
    place = {name: i for i, name in enumerate(dict.fromkeys(chosen.outcome))}
    return chosen.assign(place=chosen.outcome.map(place)).sort_values(["place", "rank"], kind="stable")


def source_label(data: ReportData, source: object) -> str:
    """Return whose perceived age it is, in words."""
    if source == PANEL:
        return data.labels.get(PANEL, "Human panel")
    return data.label(source) if isinstance(source, str) else "not stated"


def effect_text(row: pd.Series) -> str:
    """Return an estimate with its interval, or why there is none."""
    if pd.isna(row.estimate):
        return f"none: {row.note}" if isinstance(row.note, str) and row.note else "none"
    return with_interval(row.estimate, row.ci_low, row.ci_high)


def scale_text(data: ReportData, row: pd.Series) -> str:
    """Return what the estimate is: scale, unit and step of the exposure."""
    if row.kind == "determinant" and row.per == 1:
        return "years per unit"
    per = f"per {per_text(row.per)}{' years' if row.kind == 'risk' else ''}"
    if row.scale == "odds_ratio":
        return f"odds ratio {per}"
    unit = "years" if row.kind == "determinant" else data.units.get(row.outcome, "")
    return f"difference{f' in {unit}' if unit else ''} {per}"


def exposure_words(rows: pd.DataFrame) -> str:
    """Return the step and the exposure of the first row, such as ``5 years of perceived age``."""
    first = rows.iloc[0]
    return f"{per_text(first.per)} years of {EXPOSURE_WORDS.get(first['name'], str(first['name']).replace('_', ' '))}"


def looks_older(rows: pd.DataFrame) -> bool:
    """Return whether more of the exposure means to look older."""
    return "younger" not in exposure_words(rows)


def per_text(value: float) -> str:
    """Return the step of the exposure without needless decimals.

    Examples
    --------
    >>> per_text(5.0), per_text(-2.5)
    ('5', '−2.5')
    """
    return fixed(value, 0 if float(value).is_integer() else 1)
