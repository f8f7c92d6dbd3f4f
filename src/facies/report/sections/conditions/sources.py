"""Who was compared with whom: roles, sources with their terms, balance."""

from __future__ import annotations

import pandas as pd

from facies.report.blocks import Block, Grid, Heading, Missing, Section
from facies.report.condition_data import ConditionData
from facies.report.numbers import DASH, count, fixed

ROLE_NAMES = {"case": "Patients", "clinic_control": "Clinic's controls", "public_negative": "Public negatives"}
REASONS = {
    "near_duplicate_of_study": "looks like a photograph of the study",
    "near_duplicate_of_negative": "looks like another public negative",
    "not_matched": "not among the most alike",
    "no_usable_photograph": "no usable photograph",
    "no_age": "no age, needed for matching",
    "no_sex": "no sex, needed for matching",
}


def sources_section(data: ConditionData) -> Section:
    """Return who the people are by diagnosis and source, the terms of public negatives, and the balance."""
    people = data.table("people")
    if people is None:
        return Section("sources", "Cases, controls and sources", (Missing("People", data.why_missing("people")),))
    blocks: list[Block] = [_roles(data, people)]
    if data.sources:
        blocks += [Heading("Public negatives"), _terms(data), *_left_out(data)]
    return Section("sources", "Cases, controls and sources", (*blocks, *_balance(data)))


def _roles(data: ConditionData, people: pd.DataFrame) -> Grid:
    ages = data.participants.set_index("participant_id")["age"] if data.participants is not None else pd.Series(dtype=float)
    sexes = data.participants.set_index("participant_id").get("sex") if data.participants is not None else None
    rows = []
    for (diagnosis, role, source), part in people.groupby(["diagnosis", "role", "source"], sort=True):
        used = part[part.weight > 0]
        own = ages.reindex(used.participant_id).dropna()
        sex = pd.Series(dtype=object) if sexes is None else sexes.reindex(used.participant_id).dropna()
        female = f"{100 * (sex == 'female').mean():.0f} %" if len(sex) else DASH
        age = f"{fixed(own.mean(), 0)} ({fixed(own.std(), 0)})" if len(own) > 1 else DASH
        rows.append((data.title(str(diagnosis)), ROLE_NAMES[str(role)], str(source), count(len(part)), count(len(used)), age, female))
    columns = ("Diagnosis", "Role", "Source", "With a usable face", "Learnt from", "Age, mean (SD)", "Women")
    note = "Everybody is judged at the first visit that has a usable face and a diagnosis."
    return Grid("table-roles", "People by diagnosis and source", columns, tuple(rows), note, frozenset({1, 2}))


def _terms(data: ConditionData) -> Grid:
    rows = tuple(
        (str(row["source"]), str(row["licence"]), str(row["terms"]) or DASH, str(row["citation"]) or DASH, count(row["n_people"]),
         count(row["n_photographs"]))
        for row in data.sources
    )  # fmt: skip
    note = "Licence and terms as the study or facies' list of sources states them; read those that came with the photographs."
    columns = ("Source", "Licence", "Terms", "Cite", "People", "Photographs")
    return Grid("table-sources", "Sources of public negatives", columns, rows, note, frozenset({1, 2, 3}))


def _left_out(data: ConditionData) -> list[Block]:
    matches = data.table("negative_matches")
    if matches is None or matches.reason.isna().all():
        return []
    counts = matches.groupby(["source", "reason"]).size().rename("n").reset_index()
    rows = tuple((str(row["source"]), REASONS[str(row["reason"])], count(row["n"])) for row in counts.to_dict("records"))
    return [Grid("table-left-out", "Public negatives that were left out", ("Source", "Why", "People"), rows, "", frozenset({1}))]


def _balance(data: ConditionData) -> list[Block]:
    balance = data.table("balance")
    if balance is None:
        return []
    rows = tuple(
        (data.title(str(row["target_condition"])), data.label(str(row["measure"])), fixed(row["cases"]), fixed(row["others_before"]),
         fixed(row["others_after"]), fixed(row["difference_before"]), fixed(row["difference_after"]))
        for row in balance.to_dict("records")
    )  # fmt: skip
    note = (
        "Others: everybody without a target condition. Difference: cases less others over their common standard deviation; below 0.1 "
        "counts as alike. After: as matched or weighted in training; evaluation counts everybody who was learnt from alike."
    )
    columns = ("Condition", "Measure", "Cases", "Others", "Others after", "Difference", "Difference after")
    return [Heading("Balance"), Grid("table-balance", "Cases beside the others", columns, rows, note, frozenset({1}))]
