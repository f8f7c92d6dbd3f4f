"""Outcomes that are not what they are called: one clear line each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from facies.association.design import require_binary, require_columns, require_numbers
from facies.association.families import OUTCOME_KINDS, OutcomeSpec
from facies.errors import InputError

MOST_ORDERED = 50
"""An ordinal outcome with more levels than this is taken for a continuous one."""


def require_outcomes(outcomes: pd.DataFrame, specs: Sequence[OutcomeSpec]) -> None:
    """Refuse outcomes, durations and times that are no columns, or not what they are called.

    Raises
    ------
    InputError
        Naming the outcome and the remedy.
    """
    for spec in specs:
        require_columns(outcomes, [spec.name], what="outcome", where="outcomes")
        require_outcome(outcomes[spec.name], spec.kind)
        if spec.time is not None:
            require_columns(outcomes, [spec.time], what=f"time of outcome '{spec.name}'", where="outcomes")
            _require_time(outcomes[spec.time])


def require_outcome(outcome: pd.Series, kind: str) -> None:
    """Refuse an outcome that is not what it is called.

    Raises
    ------
    InputError
        When a binary one (or an event) is not coded 0 and 1; a continuous one is text or has two or three values only, as a trait coded
        0, 1, 2 has; a count is negative or no whole number; an ordinal one has fewer than three levels or is not in numbers.

    Examples
    --------
    >>> require_outcome(pd.Series([0.0, 1.0, 2.0, 1.0], name="frailty"), "continuous")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: continuous outcome 'frailty' has 3 values only (0, 1, 2): call it ordinal, or count if it counts
    """
    if kind not in OUTCOME_KINDS:
        raise InputError(f"outcome '{outcome.name}' is called {kind}: choose {' or '.join(OUTCOME_KINDS)}")
    if kind in {"binary", "time_to_event"}:
        require_binary(outcome, called="binary outcome" if kind == "binary" else "event")
        return
    require_numbers(outcome.to_frame(), [str(outcome.name)], what=f"{kind} outcome")
    {"continuous": _require_continuous, "count": _require_count, "ordinal": _require_ordinal}[kind](outcome)


def _require_continuous(outcome: pd.Series) -> None:
    found = np.sort(outcome.dropna().unique())
    if len(found) == 2:
        raise InputError(f"continuous outcome '{outcome.name}' has two values only: call it binary")
    if len(found) == 3:
        shown = ", ".join(f"{value:g}" for value in found)
        raise InputError(f"continuous outcome '{outcome.name}' has 3 values only ({shown}): call it ordinal, or count if it counts")


def _require_count(outcome: pd.Series) -> None:
    wrong = outcome[(outcome < 0) | (outcome % 1 > 0)]
    if len(wrong):
        raise InputError(
            f"count outcome '{outcome.name}' holds {wrong.iloc[0]:g}: counts are 0, 1, 2, ...; correct it, or call it continuous"
        )


def _require_ordinal(outcome: pd.Series) -> None:
    n_levels = outcome.nunique()
    if 0 < n_levels < 3:
        raise InputError(f"ordinal outcome '{outcome.name}' has {n_levels} levels: 3 are needed, call one with 2 binary")
    if n_levels > MOST_ORDERED:
        raise InputError(f"ordinal outcome '{outcome.name}' has {n_levels} levels: merge some, or call it continuous")


def _require_time(time: pd.Series) -> None:
    require_numbers(time.to_frame(), [str(time.name)], what="time")
    negative = time[time < 0]
    if len(negative):
        raise InputError(
            f"time '{time.name}' is negative for {len(negative)} participants, first {negative.iloc[0]:g}: correct it or leave it empty"
        )
