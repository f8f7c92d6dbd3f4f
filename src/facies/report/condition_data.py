"""What a report on conditions is made from: tables and records, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from facies.errors import InputError
from facies.records import ConditionCard
from facies.report.data import MISSING, ReportData
from facies.types import Image

CONDITION_MISSING = {
    **dict.fromkeys(("people", "condition_metrics", "roc_points", "calibration_curves"), "no scores were judged"),
    **dict.fromkeys(("prevalence_curves", "decision_curves"), "study.toml gives no prevalence: add [conditions.prevalence]"),
    "confusions": "no model of all conditions was asked for, or there is one condition",
    **dict.fromkeys(("confounding_probes", "confounding_verdicts"), "conditions.check_confounding is false"),
    **dict.fromkeys(("region_shares", "saliency_checks"), "conditions.saliency.methods is empty"),
    "region_overlaps": "there is no region_marks.tsv of regions that readers marked",
    **dict.fromkeys(("session_scores", "score_changes", "test_retest", "trajectories"), "nobody has two visits or repeat photographs"),
    "negative_matches": "there are no public negatives",
    "balance": "there was nothing to balance",
    "face_measures": "faces were not measured",
}
"""Why a part may be absent."""


@dataclass(frozen=True, eq=False)
class RegionMap:
    """The mean map of a group of people on their average face.

    ``image`` is (height, width, 3), sRGB; ``n`` counts people, at least ten.
    """

    label: str
    image: Image
    n: int


@dataclass(frozen=True, eq=False)
class ConditionData(ReportData):
    """Everything that a report on conditions may hold, beside what :class:`facies.report.ReportData` has.

    Parameters
    ----------
    target_conditions
        The diseases, in the order of the settings.
    people, condition_metrics, roc_points, prevalence_curves, decision_curves, calibration_curves, confusions
        The tables of :mod:`facies.tables` of these names (``people``: CONDITION_PEOPLE).
    confounding_probes, confounding_verdicts, confounding_rule
        The checks, and the rule in words.
    negative_matches, balance, sources
        Public negatives; ``sources`` has source, title, licence, terms, citation, n_people, n_photographs.
    region_shares, saliency_checks, region_overlaps, region_maps, atlas
        Where the model looks; ``atlas`` is a sentence that says how regions were placed.
    session_scores, score_changes, test_retest, trajectories
        Follow-up.
    severity_notes
        What was learnt of grades, or why nothing was.
    condition_cards
        One a model.
    despite_confounding
        Conditions whose AUC is shown although the verdict is confounded, since the study asks for it by name.

    Examples
    --------
    >>> data = ConditionData("A study", date="2025-01-31", version="0.4.0", target="facies", target_conditions=("cushing",))
    >>> data.why_missing("prevalence_curves")
    'study.toml gives no prevalence: add [conditions.prevalence]'
    """

    target_conditions: tuple[str, ...] = ()
    people: pd.DataFrame | None = None
    condition_metrics: pd.DataFrame | None = None
    roc_points: pd.DataFrame | None = None
    prevalence_curves: pd.DataFrame | None = None
    decision_curves: pd.DataFrame | None = None
    calibration_curves: pd.DataFrame | None = None
    confusions: pd.DataFrame | None = None
    confounding_probes: pd.DataFrame | None = None
    confounding_verdicts: pd.DataFrame | None = None
    confounding_rule: str = ""
    negative_matches: pd.DataFrame | None = None
    balance: pd.DataFrame | None = None
    sources: tuple[Mapping[str, Any], ...] = ()
    region_shares: pd.DataFrame | None = None
    saliency_checks: pd.DataFrame | None = None
    region_overlaps: pd.DataFrame | None = None
    region_maps: tuple[RegionMap, ...] = ()
    atlas: str = ""
    session_scores: pd.DataFrame | None = None
    score_changes: pd.DataFrame | None = None
    test_retest: pd.DataFrame | None = None
    trajectories: pd.DataFrame | None = None
    face_measures: pd.DataFrame | None = None
    severity_notes: tuple[str, ...] = ()
    condition_cards: tuple[ConditionCard, ...] = field(default_factory=tuple)
    despite_confounding: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = [name for name in self.missing if name not in {**MISSING, **CONDITION_MISSING}]
        if unknown:
            raise InputError(f"missing names '{unknown[0]}': use the name of a field")

    def why_missing(self, name: str) -> str:
        """Return the reason why a part is absent."""
        return self.missing.get(name, {**MISSING, **CONDITION_MISSING}[name])

    def first_model(self) -> str | None:
        """Return the model that is drawn and named in the summary: the first of the settings."""
        frame = self.table("condition_metrics")
        if self.condition_cards:
            return self.condition_cards[0].model_id
        return None if frame is None else str(frame.system.iloc[0])

    def metric(
        self, condition: str, metric: str, *, against: str = "all", rule: str = "none", subgroup: str = "all", system: str | None = None
    ) -> dict[str, Any] | None:  # fmt: skip
        """Return one row of the metrics as plain values, or None."""
        frame = self.table("condition_metrics")
        if frame is None:
            return None
        wanted = {
            "system": system or self.first_model(), "target_condition": condition, "metric": metric, "against": against, "rule": rule,
            "subgroup": subgroup,
        }  # fmt: skip
        for column, value in wanted.items():
            frame = frame[frame[column] == value]
        return None if frame.empty else {str(name): value for name, value in frame.iloc[0].items()}

    def verdict(self, condition: str) -> dict[str, Any] | None:
        """Return the verdict on the first model of a condition, or None where confounding was not checked."""
        frame = self.table("confounding_verdicts")
        if frame is None:
            return None
        own = frame[(frame.model_id == self.first_model()) & (frame.target_condition == condition)]
        return None if own.empty else {str(name): value for name, value in own.iloc[0].items()}

    def headline(self, condition: str) -> str:
        """Return what the report leads with: ``all``, ``same_source`` or ``withheld``."""
        verdict = self.verdict(condition)
        if verdict is None:
            return "all"
        if verdict["headline"] == "withheld" and condition in self.despite_confounding:
            return "all"
        return str(verdict["headline"])
