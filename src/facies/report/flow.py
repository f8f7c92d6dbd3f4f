"""The flow of participants and photographs: who remained after each step and who left, adding up."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from facies.errors import InputError


@dataclass
class FlowStep:
    """One step: what remains by level, and what left by level and reason."""

    step: str
    remaining: dict[str, int] = field(default_factory=dict)
    left: dict[str, dict[str, int]] = field(default_factory=dict)


def flow_steps(flow: pd.DataFrame) -> list[FlowStep]:
    """Return the steps of a flow table and check that the numbers add up.

    Raises
    ------
    InputError
        When at some level those before a step are not those after it plus those who left in it.

    Examples
    --------
    >>> flow = pd.DataFrame({"step": ["intake", "faces", "faces"], "level": ["photograph"] * 3, "n": [10, 1, 9], "reason": ["", "no_face", ""]})
    >>> flow_steps(flow)[1]
    FlowStep(step='faces', remaining={'photograph': 9}, left={'photograph': {'no_face': 1}})
    """
    steps: dict[str, FlowStep] = {}
    for row in flow.itertuples(index=False):
        step = steps.setdefault(str(row.step), FlowStep(str(row.step)))
        n, level = int(row.n), str(row.level)  # type: ignore[arg-type]
        if pd.isna(row.reason) or not row.reason:
            step.remaining[level] = n
        else:
            step.left.setdefault(level, {})[str(row.reason)] = n
    _require_sums(list(steps.values()))
    return list(steps.values())


def _require_sums(steps: list[FlowStep]) -> None:
    before: dict[str, int] = {}
    for step in steps:
        for level, n in step.remaining.items():
            left = sum(step.left.get(level, {}).values())
            if level in before and before[level] != n + left:
                raise InputError(
                    f"the flow does not add up at '{step.step}': {before[level]} {level}s before, {left} left, {n} after: correct the flow table"
                )
            before[level] = n
