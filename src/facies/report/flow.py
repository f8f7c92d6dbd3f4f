"""The flow of participants and photographs: who remained after each step and who left, adding up."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from facies.errors import InputError


@dataclass
class FlowStep:
    """One step: what remains by level, and what left on the way to it by level and reason."""

    step: str
    remaining: dict[str, int] = field(default_factory=dict)
    left: dict[str, dict[str, int]] = field(default_factory=dict)


def flow_steps(flow: pd.DataFrame) -> list[FlowStep]:
    """Return the steps of a flow table and check that the numbers add up.

    At each level, rows with a reason are those who left before the next row without one, which counts those who remain.

    Raises
    ------
    InputError
        When at some level those before a step are not those after it plus those who left in between.

    Examples
    --------
    >>> flow = pd.DataFrame({"step": ["given", "excluded at faces", "after faces"], "level": "photographs", "n": [10, 1, 9],
    ...                      "reason": ["", "no_face", ""]})
    >>> flow_steps(flow)[1]
    FlowStep(step='after faces', remaining={'photographs': 9}, left={'photographs': {'no_face': 1}})
    """
    steps: dict[str, FlowStep] = {}
    for level, rows in flow.groupby("level", sort=False):
        _add_level(steps, str(level), rows)
    return list(steps.values())


def _add_level(steps: dict[str, FlowStep], level: str, rows: pd.DataFrame) -> None:
    before: int | None = None
    leaving: dict[str, int] = {}
    for name, n, reason in zip(rows.step.astype(str), rows.n.astype(int), rows.reason.fillna("").astype(str), strict=True):
        if reason:
            leaving[reason] = leaving.get(reason, 0) + n
            continue
        if before is not None and before != n + sum(leaving.values()):
            left = sum(leaving.values())
            raise InputError(
                f"the flow of {level} does not add up at '{name}': {before} before, {left} left, {n} after: correct the flow table"
            )
        step = steps.setdefault(name, FlowStep(name))
        step.remaining[level] = before = n
        if any(leaving.values()):
            step.left[level] = {key: value for key, value in leaving.items() if value}
        leaving = {}
    if any(leaving.values()):
        raise InputError(f"the flow of {level} ends with {sum(leaving.values())} who left: add how many remained")
