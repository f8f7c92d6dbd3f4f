"""Who took part: the flow, the cohort by partition, folds and consent."""

from __future__ import annotations

import pandas as pd

from facies.report.blocks import Block, FlowBox, FlowChart, Grid, Heading, Missing, Section, Text
from facies.report.data import ReportData
from facies.report.flow import FlowStep, flow_steps
from facies.report.numbers import DASH, count, fixed, mean_sd, plural, share
from facies.report.sections.preflight import preflight_blocks
from facies.tables import EXCLUSION_REASONS

MIN_CELL = 5
"""Smallest group whose range of ages is printed: the ends of a range are two people."""

PARTITIONS = {"train": "In the folds", "unlabelled": "Without a reference"}


def people_section(data: ReportData) -> Section:
    """Return the flow, who is lost between tables, the cohort table and consent."""
    blocks = (Heading("Flow"), _flow(data), *preflight_blocks(data), Heading("Characteristics"), *_cohort(data), *_consent(data))
    return Section("people", "Participants", blocks)


REASONS = EXCLUSION_REASONS | {
    "withdrawn": "consent was withdrawn",
    "excluded_by_user": "left out by the study",
    "exact_duplicate": "a copy of another photograph",
    "no_photograph": "no photograph",
    "no_usable_photograph": "no usable photograph",
    "no_usable_face": "no usable face",
    "no_reading": "no reference to learn from",
}
"""Reasons in the words of a report."""

STEPS = {"given": "Given to the study", "after faces": "With a usable face", "with label": "With a reference"}


def reason_text(reason: str) -> str:
    """Return an exclusion reason in words."""
    return REASONS.get(reason, reason.replace("_", " "))


def _flow(data: ReportData) -> Block:
    flow = data.table("flow")
    if flow is None:
        return Missing("Flow of participants", data.why_missing("flow"))
    return FlowChart(
        "Flow of participants and photographs. Those who remain in a box and those left out above it add up to the box before.",
        tuple(_box(step) for step in flow_steps(flow)),
    )


def _box(step: FlowStep) -> FlowBox:
    left = [
        f"{plural(n, level.removesuffix('s'))}: {reason_text(reason)}"
        for level, reasons in sorted(step.left.items())
        for reason, n in _largest_first(reasons)
    ]
    totals = [plural(sum(reasons.values()), level.removesuffix("s")) for level, reasons in sorted(step.left.items())]
    return FlowBox(
        STEPS.get(step.step, _sentence_case(step.step)),
        tuple(plural(n, level.removesuffix("s")) for level, n in sorted(step.remaining.items())),
        tuple(left),
        f"Left out: {', '.join(totals)}" if totals else "",
    )


def _largest_first(reasons: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda item: -item[1])


def _sentence_case(text: str) -> str:
    words = text.replace("_", " ")
    return words[:1].upper() + words[1:]


def _cohort(data: ReportData) -> list[Block]:
    people = data.table("participants")
    if people is None:
        return [Missing("Characteristics", data.why_missing("participants"))]
    groups = _groups(data, people)
    rows = [
        ("Participants", *(count(len(group)) for group in groups.values())),
        ("Age, mean (SD)", *(mean_sd(group["age"]) for group in groups.values())),
        ("Age, range", *(_range(group["age"]) for group in groups.values())),
        *_levels(data, groups, "sex"),
        *_levels(data, groups, "site"),
        *_per_photograph(data, groups),
    ]
    note = f"Ranges of groups with fewer than {MIN_CELL} people are not shown." if _any_small(groups) else ""
    split = [] if data.table("splits") is not None else [Missing("Partition and folds", data.why_missing("splits"))]
    return [Grid("table-cohort", "Characteristics by partition and fold", ("", *groups), tuple(rows), note=note), *split]


def _groups(data: ReportData, people: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the columns of the cohort table: all, each partition, each fold."""
    groups, splits = {"All": people}, data.table("splits")
    if splits is None:
        return groups
    joined = people.merge(splits[["participant_id", "fold", "partition"]], on="participant_id", how="left", validate="one_to_one")
    groups.update({title: part for name, title in PARTITIONS.items() if len(part := joined[joined["partition"] == name])})
    folds = sorted(int(fold) for fold in joined["fold"].dropna().unique() if fold >= 0)
    groups.update({f"Fold {fold}": joined[joined["fold"] == fold] for fold in folds})
    return groups


def _range(ages: pd.Series) -> str:
    known = ages.dropna()
    return f"{fixed(known.min(), 1)} to {fixed(known.max(), 1)}" if len(known) >= MIN_CELL else DASH


def _any_small(groups: dict[str, pd.DataFrame]) -> bool:
    return any(group["age"].notna().sum() < MIN_CELL for group in groups.values())


def _levels(data: ReportData, groups: dict[str, pd.DataFrame], column: str) -> list[tuple[str, ...]]:
    if column not in groups["All"]:
        return [(f"{data.title(column)} (not recorded)", *(DASH for _ in groups))]
    named = {title: group[column].fillna("missing").astype(str) for title, group in groups.items()}
    return [
        (
            f"{data.title(column)}: {level}, n (%)",
            *(share(int((values == level).sum()), len(values)) for values in named.values()),
        )
        for level in sorted(named["All"].unique())
    ]


def _per_photograph(data: ReportData, groups: dict[str, pd.DataFrame]) -> list[tuple[str, ...]]:
    """Return the rows on photographs a person and readings a photograph."""
    photographs, panel = data.table("photographs"), data.table("panel_estimates")
    if photographs is None:
        return []
    owner = photographs.set_index("photo_id")["participant_id"]
    rows = [
        ("Photographs a person, mean (SD)", *(mean_sd(owner[owner.isin(group.participant_id)].value_counts()) for group in groups.values()))
    ]
    if panel is not None:
        readings = panel[panel.target == data.target].assign(participant_id=lambda frame: frame.photo_id.map(owner))
        rows.append(
            (
                "Readings a photograph, mean (SD)",
                *(mean_sd(readings.loc[readings.participant_id.isin(group.participant_id), "n_readers"]) for group in groups.values()),
            )
        )
    return rows


def _consent(data: ReportData) -> list[Block]:
    counts = dict(data.consent) or counted_consent(data)
    if not counts:
        return [Heading("Consent"), Missing("Scope of consent", "no consent_scope was recorded")]
    parts = ", ".join(f"{scope} {count(n)}" for scope, n in sorted(counts.items()))
    return [
        Heading("Consent"),
        Text(f"Participants by scope of consent: {parts}. The face of a single person is not shown, whatever the scope."),
    ]


def counted_consent(data: ReportData) -> dict[str, int]:
    """Return the participants by ``consent_scope``; empty when none was recorded."""
    people = data.table("participants")
    if people is None or "consent_scope" not in people or people.consent_scope.notna().sum() == 0:
        return {}
    return {str(scope): int(n) for scope, n in people.consent_scope.fillna("not recorded").value_counts().items()}
