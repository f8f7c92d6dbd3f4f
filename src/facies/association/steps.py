"""How many people are left, step by step, from everybody to those who are analysed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from facies.association.design import gather
from facies.association.families import OutcomeSpec, outcome_specs
from facies.association.morbidity import Part, parts, require_questions
from facies.tables import ASSOCIATION_STEPS


def association_steps(
    exposures: pd.DataFrame,
    outcomes: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    outcome_kinds: Mapping[str, str | OutcomeSpec],
    adjustments: Mapping[str, Sequence[str]],
    same_participants: bool = True,
    multiple_imputation: bool = False,
) -> pd.DataFrame:
    """Count the people of each association: given, with outcome, with exposure, complete cases and, where asked, after imputation.

    Parameters
    ----------
    exposures, outcomes, covariates, outcome_kinds, adjustments, same_participants, multiple_imputation
        As in :func:`facies.association.associate`.

    Returns
    -------
    Table ``association_steps``. ``n_events`` counts people with the outcome among those whose outcome is known (for a count, with an event;
    for an ordinal outcome, above the lowest level), and is missing for a continuous outcome.

    Raises
    ------
    InputError
        As :func:`facies.association.associate` does.

    Examples
    --------
    >>> people = pd.DataFrame({"participant_id": ["a", "b", "c"], "age": [60, 61, np.nan]})
    >>> exposures = pd.DataFrame({"participant_id": ["a", "b", "c"], "perceived_age[panel]": [60.0, 63, 70]})
    >>> outcomes = pd.DataFrame({"participant_id": ["a", "c"], "copd": [0, 1]})
    >>> steps = association_steps(exposures, outcomes, people, outcome_kinds={"copd": "binary"}, adjustments={"m": ["age"]})
    >>> dict(zip(steps.step, steps.n))
    {'given': 3, 'with outcome': 2, 'with exposure': 2, 'complete cases': 1}
    """
    cohort = gather(exposures, outcomes, covariates, cluster_by=None)
    specs = outcome_specs(outcome_kinds)
    units = dict.fromkeys(require_questions(cohort, specs, adjustments), 1.0)
    rows = []
    for part in parts(cohort, specs, adjustments, units, "robust", same_participants=same_participants):
        counted = _count(part, multiple_imputation)
        rows += [
            {"exposure": name, "outcome": part.spec.name, "adjustment": part.adjustment, **step}
            for name in part.exposures
            for step in counted
        ]
    return ASSOCIATION_STEPS.validate(pd.DataFrame(rows).astype({"n": "int64", "n_events": "float64"}))


def _count(part: Part, multiple_imputation: bool) -> list[dict[str, Any]]:
    with_exposure = part.design(()).participants
    known = _with_outcome(part)
    steps = {
        "given": part.cohort.outcomes.index,
        "with outcome": known,
        "with exposure": with_exposure,
        "complete cases": part.design().participants,
    }
    if multiple_imputation:
        steps["after imputation"] = with_exposure
    return [{"step": step, "n": len(people), "n_events": _events(part, people.intersection(known))} for step, people in steps.items()]


def _with_outcome(part: Part) -> pd.Index:
    """Return the people whose outcome, and time, is known."""
    columns = part.cohort.outcomes[list(part.spec.columns)]
    known = columns.notna().all(axis=1)
    if part.spec.time is not None:
        known &= columns[part.spec.time] > 0
    return part.cohort.outcomes.index[known]


def _events(part: Part, people: pd.Index) -> float:
    if part.spec.kind == "continuous":
        return float("nan")
    y = part.cohort.outcomes[part.spec.name]
    lowest = float(np.nanmin(y)) if part.spec.kind == "ordinal" and y.notna().any() else 0.0
    return float((y[people] > lowest).sum())
