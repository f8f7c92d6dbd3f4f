"""Whether a model has learnt the camera instead of the disease: probes, a rule, a verdict.

DeGrave AJ, Janizek JD, Lee SI. Nat Mach Intell 2021;3:610-619 showed how far this goes when cases and controls come from different
sources. The rule stands in :data:`RULE` and :func:`judge`; it is the same for every study.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.tables import CONFOUNDING_PROBES, CONFOUNDING_VERDICTS

NUISANCE = ("background", "border", "metadata")
"""Probes that cannot see the disease."""

SAME = "@same_source"
"""What follows the name of a probe among people from the cases' source alone."""

DEMOGRAPHICS = f"demographics{SAME}"
BEYOND = f"model_beyond_demographics{SAME}"

ALPHA = 0.05
LEVEL = ALPHA / (len(NUISANCE) + 1)
"""Of each probe that may change the verdict: the nuisance probes and age, sex and BMI share ALPHA (Bonferroni)."""

LEAST_PERMUTATIONS = 100
"""With fewer than 1 / LEVEL - 1 = 79 no probe could ever reach LEVEL."""

TELLS = 0.60
"""A probe below this AUC is of no weight, however small its p-value, unless it explains the model."""

EXPLAINS = 0.6
"""Share of the model's AUC above 0.5 that a nuisance probe must reach for "confounded"."""

LEAST = 10
"""Fewer cases or controls that share a source than this, and nothing can be said within it."""

POWER = 0.8
STRONG = 0.75
"""A camera that tells so much must be found with POWER, or there are too few people for "no sign"."""

SPREAD = 1.25
"""Cross-fitted AUCs of nothing spread by so much more than the Mann-Whitney statistic; measured for 15 to 60 cases: 1.13 to 1.26."""

RULE = (
    "Everything is asked among cases and controls that share a source; people with another target condition take no part. A probe that "
    f"cannot see the disease (background, border, file) tells cases from controls if its permutation p is at most {ALPHA:g} / "
    f"{len(NUISANCE) + 1} and its AUC is at least {TELLS:.2f} or reaches {EXPLAINS:.0%} of what the model adds to 0.5. The first that "
    f"holds: Confounded: such a probe tells and reaches that {EXPLAINS:.0%}; or the model's interval holds 0.5 and ends below the "
    f"interval against all; or the model tells cases from all others but fewer than {LEAST} cases or {LEAST} controls share a source, so "
    "that camera and disease cannot be told apart. Undetermined: the model's interval holds 0.5; or people are so few that a camera that "
    f"tells as much as the model, or {STRONG:.2f} if that is more, would be found with a power below {POWER:.0%}. Suspect: such a probe "
    "tells, but less; or age, sex and BMI tell as much alone as with the model. No sign: none of these. Against all, the same probes "
    "decide only which AUC is shown first: that against all only if no probe tells there and it is no larger than within the source."
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


class Finding(NamedTuple):
    """What one probe says: ``none``, ``headline``, ``suspect``, ``undetermined``, ``confounded`` or ``not possible``, and why."""

    level: str
    reason: str = ""


class Verdict(NamedTuple):
    """What the probes come to."""

    verdict: str
    reasons: tuple[str, ...]
    headline: str


def same_source(people: pd.DataFrame, y: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Return cases and controls of the sources that have both; None where they are fewer than :data:`LEAST`.

    People with another target condition are no controls: photographed as the cases are, they would hide a camera that differs.

    Parameters
    ----------
    people
        With ``source`` and ``role`` of table :data:`facies.tables.CONDITION_PEOPLE`.
    y
        1 with the condition, (n_people,).

    Examples
    --------
    >>> people = pd.DataFrame({"source": ["a"] * 25 + ["b"], "role": ["case"] * 15 + ["clinic_control"] * 10 + ["case"]})
    >>> int(same_source(people, np.repeat([1, 0, 1], [12, 13, 1])).sum())
    22
    >>> same_source(people[1:], np.repeat([1, 0, 1], [2, 22, 1])) is None
    True
    """
    source, case = people["source"].to_numpy(dtype=object), np.asarray(y) > 0
    control = (people["role"] != "case").to_numpy() & ~case
    shared = np.isin(source, list(set(source[case]) & set(source[control])))
    enough = (shared & control).sum() >= LEAST and (shared & case).sum() >= min(LEAST, case.sum())
    return shared & (case | control) if enough else None


def detectable_auc(n_cases: int, n_others: int) -> float:
    """Return the AUC of a probe that is found at :data:`LEVEL` with a power of :data:`POWER`, at most 1.

    By the normal approximation with the variance of the Mann-Whitney statistic (Mann HB, Whitney DR. Ann Math Stat 1947;18:50-60), its
    standard deviation times :data:`SPREAD`.

    Examples
    --------
    >>> round(detectable_auc(55, 60), 3), round(detectable_auc(55, 10), 3), detectable_auc(8, 8)
    (0.709, 0.885, 1.0)
    """
    if min(n_cases, n_others) < 1:
        return 1.0
    deviation = SPREAD * sqrt((n_cases + n_others + 1) / (12 * n_cases * n_others))
    normal = NormalDist()
    return min(1.0, 0.5 + (normal.inv_cdf(1 - LEVEL) + normal.inv_cdf(POWER)) * deviation)


def judge(probes: Sequence[Probe]) -> Verdict:
    """Apply the rule to one model's probes of one condition: the gravest of the probes' findings.

    Examples
    --------
    >>> model = [Probe("model_all", 0.9, 0.85, 0.94, np.nan, 200, 60), Probe("model_same_source", 0.91, 0.84, 0.95, np.nan, 120, 60)]
    >>> judge([*model, Probe("background@same_source", 0.52, 0.42, 0.62, 0.4, 120, 60)])
    Verdict(verdict='no sign', reasons=(), headline='all')
    >>> judge([*model, Probe("background@same_source", 0.95, 0.9, 0.98, 0.005, 120, 60)]).verdict
    'confounded'
    """
    findings = {probe.probe: finding(probe, probes) for probe in probes}
    grave = [level for level in ("confounded", "undetermined", "suspect") if any(found.level == level for found in findings.values())]
    reasons = [found.reason for level in grave for found in findings.values() if found.level == level]
    unasked = findings.get(DEMOGRAPHICS)
    if unasked is not None and unasked.level == "not possible":
        reasons.append(unasked.reason)
    verdict = grave[0] if grave else "no sign"
    return Verdict(verdict, tuple(reasons), "withheld" if verdict == "confounded" else _headline(probes, findings))


def finding(probe: Probe, probes: Sequence[Probe]) -> Finding:
    """Return what one of the probes says; :func:`judge` takes the gravest.

    Parameters
    ----------
    probe
        One of ``probes``.
    probes
        All of one model and condition, ``model_all`` among them.

    Examples
    --------
    >>> model = Probe("model_all", 0.9, 0.85, 0.94, np.nan, 200, 60)
    >>> finding(model, [model]).level
    'confounded'
    """
    found = {each.probe: each for each in probes}
    if not np.isfinite(probe.auc):
        return Finding("not possible", f"{probe.probe.removesuffix(SAME)} not asked: {probe.note or 'too few people'}")
    name = probe.probe.removesuffix(SAME)
    if name in NUISANCE:
        return _of_nuisance(probe, found)
    if probe.probe == BEYOND:
        return _of_gain(probe, found)
    if probe.probe == "model_same_source":
        return _of_model(probe, found["model_all"])
    if probe.probe == "model_all" and "model_same_source" not in found:
        return _of_design(probe)
    return Finding("none")


def _tells(probe: Probe, model: Probe) -> bool:
    return probe.p_value <= LEVEL and (probe.auc >= TELLS or _explains(probe, model))


def _explains(probe: Probe, model: Probe) -> bool:
    return probe.auc - 0.5 >= EXPLAINS * max(model.auc - 0.5, 0.0)


def _of_nuisance(probe: Probe, found: dict[str, Probe]) -> Finding:
    within = probe.probe.endswith(SAME)
    model = found.get("model_same_source" if within else "model_all")
    if model is None or not _tells(probe, model):
        return Finding("none")
    if not within:
        return Finding("headline", f"{probe.probe} alone tells cases from all others (AUC {probe.auc:.2f})")
    name = probe.probe.removesuffix(SAME)
    reason = f"{name} alone tells cases from others of the same source (AUC {probe.auc:.2f}, the model {model.auc:.2f})"
    return Finding("confounded" if _explains(probe, model) else "suspect", reason)


def _of_gain(gain: Probe, found: dict[str, Probe]) -> Finding:
    alone, model = found.get(DEMOGRAPHICS), found.get("model_same_source")
    if gain.ci_low > 0 or alone is None or model is None or not _tells(alone, model):
        return Finding("none")
    added = f"it adds {gain.auc:.2f}, {gain.ci_low:.2f} to {gain.ci_high:.2f}"
    return Finding("suspect", f"age, sex and BMI tell as much without the model (AUC {alone.auc:.2f}; {added})")


def _of_model(same: Probe, everybody: Probe) -> Finding:
    if not same.ci_low > 0.5:
        return _of_nothing(same, everybody)
    n_controls = same.n - same.n_cases
    least = detectable_auc(same.n_cases, n_controls)
    if least > max(same.auc, STRONG):
        reason = f"too few people share a source ({same.n_cases} cases, {n_controls} controls): a camera is reliably found from an AUC of"
        return Finding("undetermined", f"{reason} {least:.2f} on, the model's is {same.auc:.2f}")
    return Finding("none")


def _of_nothing(same: Probe, everybody: Probe) -> Finding:
    if not everybody.ci_low > 0.5:
        return Finding("undetermined", "the model does not tell cases from others")
    text = f"(AUC {same.auc:.2f}, {same.ci_low:.2f} to {same.ci_high:.2f})"
    if same.ci_high < everybody.ci_low:
        return Finding("confounded", f"against others from the same source the model tells nothing {text}")
    return Finding("undetermined", f"against others from the same source it is not shown that the model tells anything {text}")


def _of_design(everybody: Probe) -> Finding:
    if not everybody.ci_low > 0.5:
        return Finding("undetermined", "the model does not tell cases from others")
    reason = f"fewer than {LEAST} cases or {LEAST} controls share a source: camera and disease cannot be told apart"
    return Finding("confounded", reason)


def _headline(probes: Sequence[Probe], findings: dict[str, Finding]) -> str:
    """Show the AUC against all first only where it is not larger than within the source and no probe tells the two apart."""
    found = {probe.probe: probe for probe in probes}
    same = found.get("model_same_source")
    if same is None:
        return "all"
    told = any(each.level == "headline" for each in findings.values())
    return "same_source" if told or found["model_all"].auc > same.auc else "all"


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
        for probe in own:
            row = {**ids, **probe._asdict(), "finding": finding(probe, own).level}
            probes.append(row | {"note": probe.note or None})
        verdict = judge(own)
        verdicts.append({**ids, "verdict": verdict.verdict, "reasons": "; ".join(verdict.reasons) or None, "headline": verdict.headline})
    columns = [column.name for column in CONFOUNDING_PROBES.columns]
    return (
        CONFOUNDING_PROBES.validate(pd.DataFrame(probes, columns=columns)),
        CONFOUNDING_VERDICTS.validate(pd.DataFrame(verdicts)),
    )
