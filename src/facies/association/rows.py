"""Rows of the table ``associations``: an estimate with its interval, its n and what it is adjusted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from facies.association.design import ROBUST
from facies.association.families import FAMILY_SCALES
from facies.errors import InputError
from facies.stats.multiplicity import adjust_p_values
from facies.stats.regression import Fit
from facies.tables import ASSOCIATIONS

COMPLETE_CASE = "complete_case"
"""The analysis whose rows are the tests that are adjusted for multiplicity."""

ADJUSTED = {"q_value": "benjamini_hochberg", "p_holm": "holm", "p_bonferroni": "bonferroni"}
"""Column and method of adjustment within a family of tests."""

E_VALUES = ("e_value", "e_value_limit")


@dataclass(frozen=True)
class Question:
    """What a row answers: this exposure, on that outcome, given these covariates, for ``per`` units of the exposure."""

    exposure: str
    outcome: str
    adjustment: str
    covariates: tuple[str, ...]
    per: float
    test_family: str | None = None


def to_row(question: Question, fit: Fit, notes: Sequence[str], *, analysis: str = COMPLETE_CASE) -> dict[str, Any]:
    """Return one row of ``associations``, the first coefficient times ``per``."""
    ratio = FAMILY_SCALES[fit.family] != "difference"
    estimate, low, high = (float(values[0]) * question.per for values in (fit.coef, fit.ci_low, fit.ci_high))
    return {
        "exposure": question.exposure,
        "outcome": question.outcome,
        "adjustment": question.adjustment,
        "analysis": analysis,
        "covariates": "+".join(question.covariates) or None,
        "family": fit.family,
        "per": float(question.per),
        "n": fit.n,
        "n_events": np.nan if fit.n_events is None else float(fit.n_events),
        "estimate": exponential(estimate) if ratio else estimate,
        "scale": FAMILY_SCALES[fit.family],
        "std_error": float(fit.std_error[0]) * question.per,
        "ci_low": exponential(low) if ratio else low,
        "ci_high": exponential(high) if ratio else high,
        "p_value": float(fit.p_value[0]),
        "test_family": question.test_family if analysis == COMPLETE_CASE else None,
        "note": note_of(fit, notes),
    }


def note_of(fit: Fit, notes: Sequence[str]) -> str | None:
    """Join what the fit and the design say; Firth's regression has no robust standard errors."""
    kept = [said for said in notes if not (fit.family == "firth" and said.startswith(ROBUST))]
    return "; ".join([*([fit.note] if fit.note else []), *kept]) or None


def exponential(value: float) -> float:
    """Return e to the value; beyond 1e300 a ratio has no meaning, so it is missing."""
    return float(np.exp(value)) if value < 690 else float("nan")


def finish(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the validated table with p-values adjusted within each family of tests; E-values only where rows have them."""
    with_e = any(name in row for row in rows for name in E_VALUES)
    names = [column.name for column in ASSOCIATIONS.columns if with_e or column.name not in E_VALUES]
    table = pd.DataFrame(rows, columns=names).astype(dict.fromkeys(ADJUSTED, "float64"))
    for members in table.groupby("test_family", sort=False).groups.values():
        p_values = table.loc[members, "p_value"].to_numpy(dtype=np.float64)
        for name, method in ADJUSTED.items():
            table.loc[members, name] = adjust_p_values(p_values, method=method)
    return ASSOCIATIONS.validate(table)


def exposure_units(names: Sequence[str], per: Mapping[str, float] | None) -> dict[str, float]:
    """Return the units of each exposure; a setting that fits none is refused.

    Raises
    ------
    InputError
        When a setting names no exposure, or is not a positive number.
    """
    per = per or {}
    stems = {name: name.split("[")[0] for name in names}
    for key, units in per.items():
        if key not in names and key not in stems.values():
            raise InputError(f"per names '{key}', which is no exposure: choose from {', '.join(dict.fromkeys(stems.values()))}")
        if not (np.isfinite(units) and units > 0):
            raise InputError(f"per {key} is {units}: choose a positive number of units")
    return {name: float(per.get(name, per.get(stem, 1.0))) for name, stem in stems.items()}
