"""Whether a model has learnt the camera instead of the disease: probes, a rule, a verdict.

DeGrave AJ, Janizek JD, Lee SI. Nat Mach Intell 2021;3:610-619 showed how far this goes when cases and controls come from different
sources. The rule stands in :data:`RULE` and :func:`judge`; it is the same for every study.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.tables import CONFOUNDING_PROBES, CONFOUNDING_VERDICTS

NUISANCE = ("background", "border", "metadata")
"""Probes that cannot see the disease."""

ALPHA = 0.05
TELLS = 0.60
"""A nuisance probe below this AUC is of no weight, however small its p-value."""

EXPLAINS = 0.6
"""Share of the model's AUC above 0.5 that the best nuisance probe must reach for "confounded"."""

DROP = 0.05
"""AUC against all less AUC against the same source, from which on the first is not shown alone."""

LEAST = 10
"""Fewer others from the cases' source than this, and nothing can be said within it."""

SAME = "@same_source"
"""What follows the name of a probe among people from the cases' source alone."""

RULE = (
    "Within the cases' own source, a probe that cannot see the disease (background, border, file) tells cases from others if its AUC is at "
    f"least {TELLS:.2f} and its permutation p is below {ALPHA:g} / {len(NUISANCE)}. "
    f"Confounded: such a probe reaches {EXPLAINS:.0%} of what the model adds to 0.5; or the model's interval against the same source holds "
    f"0.5 while that against all does not; or there are fewer than {LEAST} controls from the cases' source, so that camera and disease "
    "cannot be told apart. Suspect: such a probe tells cases from others but less than that; or age, sex and BMI tell as much as they do "
    "with the model. No sign: none of these. Undetermined: the model itself tells nothing. Against all, the same probes only decide which "
    "AUC is shown first."
)
"""The rule in words."""


class Probe(NamedTuple):
    """What one probe found."""

    probe: str
    auc: float
    ci_low: float
    ci_high: float
    p_value: float
    n: int
    n_cases: int
    note: str = ""


class Verdict(NamedTuple):
    """What the probes come to."""

    verdict: str
    reasons: tuple[str, ...]
    headline: str


def judge(probes: Sequence[Probe]) -> Verdict:
    """Apply the rule to one model's probes of one condition.

    Examples
    --------
    >>> model = [Probe("model_all", 0.9, 0.85, 0.94, np.nan, 200, 60), Probe("model_same_source", 0.88, 0.8, 0.93, np.nan, 120, 60)]
    >>> judge([*model, Probe("background@same_source", 0.52, 0.42, 0.62, 0.4, 120, 60)])
    Verdict(verdict='no sign', reasons=(), headline='all')
    >>> judge([*model, Probe("background@same_source", 0.95, 0.9, 0.98, 0.005, 120, 60)]).verdict
    'confounded'
    """
    found = {probe.probe: probe for probe in probes}
    everybody, same = found["model_all"], found.get("model_same_source")
    if same is None:
        if not everybody.ci_low > 0.5:
            return Verdict("undetermined", ("the model does not tell cases from others",), "all")
        reason = f"fewer than {LEAST} controls are from the cases' source: camera and disease cannot be told apart"
        return Verdict("confounded", (reason,), "withheld")
    confounded, suspect = _reasons(found, everybody, same)
    headline = _headline(found, everybody, same)
    if confounded:
        return Verdict("confounded", (*confounded, *suspect), "withheld")
    if not same.ci_low > 0.5 and not everybody.ci_low > 0.5:
        return Verdict("undetermined", ("the model does not tell cases from others", *suspect), headline)
    return Verdict("suspect" if suspect else "no sign", tuple(suspect), headline)


def finding(probe: Probe, model: Probe | None) -> str:
    """Return what one probe says by itself: ``none``, ``suspect``, ``confounded`` or ``not possible``."""
    if not np.isfinite(probe.auc):
        return "not possible"
    if probe.probe.removesuffix(SAME) not in NUISANCE or not _tells(probe):
        return "none"
    if not probe.probe.endswith(SAME):
        return "suspect"
    return "confounded" if model is not None and _explains(probe, model) else "suspect"


def _tells(probe: Probe) -> bool:
    return probe.auc >= TELLS and probe.p_value <= ALPHA / len(NUISANCE)


def _explains(probe: Probe, model: Probe) -> bool:
    return probe.auc - 0.5 >= EXPLAINS * max(model.auc - 0.5, 0.0)


def _reasons(found: dict[str, Probe], everybody: Probe, same: Probe) -> tuple[list[str], list[str]]:
    confounded: list[str] = []
    suspect: list[str] = []
    for name in NUISANCE:
        probe = found.get(f"{name}{SAME}")
        if probe is not None and np.isfinite(probe.auc) and _tells(probe):
            text = f"{name} alone tells cases from others of the same source (AUC {probe.auc:.2f}, the model {same.auc:.2f})"
            (confounded if _explains(probe, same) else suspect).append(text)
    if everybody.ci_low > 0.5 and not same.ci_low > 0.5:
        confounded.append(
            f"against others from the same source the model tells nothing (AUC {same.auc:.2f}, {same.ci_low:.2f} to {same.ci_high:.2f})"
        )
    gain = found.get("model_beyond_demographics")
    if gain is not None and np.isfinite(gain.auc) and not gain.ci_low > 0:
        suspect.append(f"age, sex and BMI tell as much without the model (it adds {gain.auc:.2f} to their AUC)")
    return confounded, suspect


def _headline(found: dict[str, Probe], everybody: Probe, same: Probe) -> str:
    """Show the AUC against all first only where it is not larger than within the source and no probe tells the two apart."""
    told = [found[name] for name in NUISANCE if name in found and np.isfinite(found[name].auc)]
    return "same_source" if everybody.auc - same.auc > DROP or any(map(_tells, told)) else "all"


def confounding_tables(found: dict[tuple[str, str], list[Probe]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables CONFOUNDING_PROBES and CONFOUNDING_VERDICTS.

    Parameters
    ----------
    found
        By model_id and condition.
    """
    probes, verdicts = [], []
    for (model_id, condition), own in found.items():
        ids = {"model_id": model_id, "target_condition": condition}
        model = next((probe for probe in own if probe.probe == "model_same_source"), None)
        for probe in own:
            row = {**ids, **probe._asdict(), "finding": finding(probe, model)}
            probes.append(row | {"note": probe.note or None})
        verdict = judge(own)
        verdicts.append({**ids, "verdict": verdict.verdict, "reasons": "; ".join(verdict.reasons) or None, "headline": verdict.headline})
    columns = [column.name for column in CONFOUNDING_PROBES.columns]
    return (
        CONFOUNDING_PROBES.validate(pd.DataFrame(probes, columns=columns)),
        CONFOUNDING_VERDICTS.validate(pd.DataFrame(verdicts)),
    )
