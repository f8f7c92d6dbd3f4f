"""The stage that says who is learnt from: near duplicates barred, negatives matched, people assigned to folds several times over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facies.cohort import assign_folds, find_near_duplicates
from facies.cohort.diagnoses import require_enough
from facies.cohort.matching import balance_rows, balancing_weights, match_others
from facies.store import read_json, table_path, write_table
from facies.study.conditions.intake import ConditionCohort, consenting
from facies.study.config import StudyConfig
from facies.study.stages import Outcome, Stage
from facies.tables import BALANCE, CONDITION_PEOPLE, CONDITION_SPLITS, FACES, NEGATIVE_MATCHES

QUALITY = ("sharpness", "inter_eye_distance")
"""What `quality` means in matching."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """Who is learnt from and who was left out, with the balance before and after."""

    people: pd.DataFrame
    splits: pd.DataFrame
    matches: pd.DataFrame
    balance: pd.DataFrame


def people_stage(study: Path, config: StudyConfig, cohort: ConditionCohort, faces: pd.DataFrame, *, random_state: int) -> Stage:
    """Return the stage ``people``."""

    def compute() -> Outcome:
        hashes = read_json(table_path(study, FACES).with_name("perceptual_hashes.json"))
        found = choose_people(config, cohort, faces, hashes, random_state=random_state)
        written = (
            write_table(study, CONDITION_PEOPLE, found.people),
            write_table(study, CONDITION_SPLITS, found.splits),
            write_table(study, NEGATIVE_MATCHES, found.matches),
            write_table(study, BALANCE, found.balance),
        )
        reasons = found.matches["reason"].dropna().value_counts()
        used = int((found.people["weight"] > 0).sum())
        return Outcome(written, len(consenting(cohort)), used, {str(reason): int(n) for reason, n in reasons.items()})

    asked = config.conditions
    named = ("target_conditions", "matching", "match_on", "match_ratio", "n_repeats")
    settings = {name: getattr(asked, name) for name in named}
    settings |= {"n_folds": config.models.n_folds, "group": config.models.group, "learnt_from": cohort.learnt_from()}
    return Stage("people", settings, {"faces": table_path(study, FACES)}, compute)


def choose_people(
    config: StudyConfig, cohort: ConditionCohort, faces: pd.DataFrame, hashes: dict[str, str], *, random_state: int
) -> Chosen:  # fmt: skip
    """Choose who is learnt from.

    Parameters
    ----------
    hashes
        Perceptual hash of each photograph with a usable face, by photo_id, in hexadecimal.

    Raises
    ------
    InputError
        When there are fewer cases, or others, than folds.
    """
    used = _used_faces(cohort, faces)
    people = _people(cohort, used, config.conditions.target_conditions)
    require_enough(people.set_index("participant_id")["diagnosis"], config.conditions.target_conditions, n_folds=config.models.n_folds)
    numbers = _numbers(cohort, used, people)
    barred = _near_duplicates(used, hashes, people)
    matches = _match(config, people, numbers, barred)
    weight = people["participant_id"].map(matches.set_index("participant_id")["weight"]).fillna(1.0)
    weighted = CONDITION_PEOPLE.validate(people.assign(weight=weight.to_numpy(dtype=float)))
    splits = _splits(config, cohort, weighted, random_state)
    return Chosen(weighted, splits, _with_absent(matches, cohort, people), _balance(config, weighted, numbers, barred))


def _used_faces(cohort: ConditionCohort, faces: pd.DataFrame) -> pd.DataFrame:
    """Return the used faces with the person, visit and source of their photographs."""
    columns = ["photo_id", "participant_id", "source", *[name for name in ("session_id", "taken_on") if name in cohort.photographs.columns]]
    known = cohort.photographs.loc[cohort.photographs.participant_id.isin(consenting(cohort).participant_id), columns]
    joined = faces[faces.included].merge(known, on="photo_id", validate="many_to_one")
    for name in ("session_id", "taken_on"):
        if name not in joined.columns:
            joined[name] = pd.Series(np.nan, joined.index, dtype=object)
    return joined


def natural(name: object) -> list[tuple[int, int, str]]:
    """Return a key that puts s2 before s10.

    Examples
    --------
    >>> sorted(["s10", "s2"], key=natural)
    ['s2', 's10']
    """
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", str(name))]


def visits_in_order(used: pd.DataFrame) -> pd.DataFrame:
    """Return one row a person and visit with a used face, the earliest first: by date, else by the visit's name."""
    visits = used.groupby(["participant_id", "session_id"], dropna=False, sort=False).agg(taken_on=("taken_on", "min")).reset_index()
    order = sorted(
        range(len(visits)),
        key=lambda row: (
            visits.participant_id[row], str(visits.taken_on[row]) if pd.notna(visits.taken_on[row]) else "~",
            natural(visits.session_id[row]),
        ),
    )  # fmt: skip
    return visits.iloc[order].reset_index(drop=True)


def _people(cohort: ConditionCohort, used: pd.DataFrame, conditions: list[str]) -> pd.DataFrame:
    """Return one row a person with a used face and a diagnosis: that of the first visit that has both."""
    visits = visits_in_order(used)
    diagnoses = cohort.diagnoses
    whole = diagnoses[diagnoses.session_id.isna()].drop_duplicates("participant_id").set_index("participant_id")
    of_visit = diagnoses[diagnoses.session_id.notna()].drop_duplicates(["participant_id", "session_id"])
    joined = visits.merge(
        of_visit[["participant_id", "session_id", "diagnosis", "severity"]], on=["participant_id", "session_id"], how="left"
    )
    person = joined.participant_id
    joined = joined.assign(
        diagnosis=joined.diagnosis.where(joined.diagnosis.notna(), person.map(whole["diagnosis"])),
        severity=joined.severity.where(joined.severity.notna(), person.map(whole["severity"])),
    )
    first = joined[joined.diagnosis.notna()].drop_duplicates("participant_id")
    source = used.drop_duplicates(["participant_id", "session_id"])[["participant_id", "session_id", "source"]]
    found = first.merge(source, on=["participant_id", "session_id"], how="left", validate="one_to_one")
    role = np.where(
        found.diagnosis.isin(conditions), "case", np.where(found.source.isin(cohort.public()), "public_negative", "clinic_control")
    )
    return found.assign(role=role)[["participant_id", "diagnosis", "role", "source", "session_id", "severity"]].sort_values(
        "participant_id", ignore_index=True
    )


def _numbers(cohort: ConditionCohort, used: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Return age, share female and quality of each person, by participant_id."""
    known = cohort.participants.set_index("participant_id").reindex(people.participant_id)
    best = used.sort_values("sharpness").drop_duplicates("participant_id", keep="last").set_index("participant_id")
    numbers = pd.DataFrame({"age": known["age"].to_numpy(dtype=float)}, index=people.participant_id)
    if "sex" in known.columns:
        numbers["share female"] = np.where(known["sex"].isna(), np.nan, (known["sex"] == "female").astype(float))
    for name in QUALITY:
        numbers[name.replace("_", " ")] = best[name].reindex(people.participant_id).to_numpy(dtype=float)
    return numbers


def _near_duplicates(used: pd.DataFrame, hashes: dict[str, str], people: pd.DataFrame) -> dict[str, str]:
    """Return public negatives whose photograph looks like another person's, and why they are barred."""
    pictures = used[used.photo_id.isin(hashes)].drop_duplicates("photo_id")
    if pictures.empty:
        return {}
    values = np.array([int(hashes[photo_id], 16) for photo_id in pictures.photo_id], dtype=np.uint64)
    pairs = find_near_duplicates(values, photo_ids=pictures.photo_id.tolist(), participant_ids=pictures.participant_id.tolist())
    public = set(people.participant_id[people.role == "public_negative"])
    barred: dict[str, str] = {}
    for first, second in zip(pairs.participant_id, pairs.other_participant_id, strict=True):
        negatives = sorted({first, second} & public)
        if len(negatives) == 1:
            barred[negatives[0]] = "near_duplicate_of_study"
        elif len(negatives) == 2:
            barred.setdefault(negatives[1], "near_duplicate_of_negative")
    return barred


def _match(config: StudyConfig, people: pd.DataFrame, numbers: pd.DataFrame, barred: dict[str, str]) -> pd.DataFrame:
    """Return every public negative with what it counts, and why it counts nothing."""
    asked = config.conditions
    public = people[people.role == "public_negative"]
    matches = pd.DataFrame(
        {
            "participant_id": public.participant_id, "source": public.source, "reason": public.participant_id.map(barred).astype(object),
            "weight": np.where(public.participant_id.isin(barred), 0.0, 1.0),
        }
    ).reset_index(drop=True)  # fmt: skip
    columns = _match_columns(config, numbers)
    if asked.matching == "none" or not columns or public.empty:
        return matches.assign(used=matches.weight > 0)
    values = numbers[columns]
    for name, reason in (("age", "no_age"), ("share female", "no_sex")):
        if name in columns:
            lacking = matches.participant_id.map(values[name]).isna() & (matches.weight > 0)
            matches = matches.assign(reason=matches.reason.mask(lacking, reason), weight=matches.weight.mask(lacking, 0.0))
    cases = values.reindex(people.participant_id[people.role == "case"]).dropna()
    free = matches.weight > 0
    others = values.reindex(matches.participant_id[free]).fillna(values.mean())
    if len(cases) and len(others):
        weight = _weights(asked.matching, asked.match_ratio, cases, others)
        matches.loc[free, "weight"] = weight
        matches.loc[free & (matches.weight <= 0), "reason"] = "not_matched"
    return matches.assign(used=matches.weight > 0)


def _weights(matching: str, ratio: int, cases: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    if matching == "weight":
        return balancing_weights(others.to_numpy(dtype=float), cases.to_numpy(dtype=float).mean(axis=0))
    exact = list(cases.columns).index("share female") if "share female" in cases.columns else None
    return match_others(cases.to_numpy(dtype=float), others.to_numpy(dtype=float), ratio=ratio, exact=exact).astype(float)


def _match_columns(config: StudyConfig, numbers: pd.DataFrame) -> list[str]:
    wanted = {"age": ["age"], "sex": ["share female"], "quality": [name.replace("_", " ") for name in QUALITY]}
    names = [name for key in config.conditions.match_on for name in wanted[key]]
    return [name for name in names if name in numbers.columns and numbers[name].notna().any()]


def _with_absent(matches: pd.DataFrame, cohort: ConditionCohort, people: pd.DataFrame) -> pd.DataFrame:
    """Add the negatives that have no usable photograph."""
    of_public = cohort.photographs[cohort.photographs.source.isin(cohort.public())].drop_duplicates("participant_id")
    absent = of_public[~of_public.participant_id.isin(people.participant_id)]
    rows = pd.DataFrame(
        {"participant_id": absent.participant_id, "source": absent.source, "used": False, "reason": "no_usable_photograph", "weight": 0.0}
    )
    table = pd.concat([matches[rows.columns], rows], ignore_index=True) if len(rows) else matches[rows.columns]
    return NEGATIVE_MATCHES.validate(table.sort_values("participant_id", ignore_index=True).astype({"used": bool, "reason": object}))


def _balance(config: StudyConfig, people: pd.DataFrame, numbers: pd.DataFrame, barred: dict[str, str]) -> pd.DataFrame:
    parts = [BALANCE.empty()]
    there = people[~people.participant_id.isin(barred)]
    for name in config.conditions.target_conditions:
        cases, others = there[there.diagnosis == name], there[there.role != "case"]
        before = numbers.reindex(others.participant_id)
        parts.append(balance_rows(name, numbers.reindex(cases.participant_id), before, others.weight.to_numpy(dtype=float)))
    kept = [part for part in parts if len(part)]
    return BALANCE.validate(pd.concat(kept, ignore_index=True) if kept else parts[0])


def _splits(config: StudyConfig, cohort: ConditionCohort, people: pd.DataFrame, random_state: int) -> pd.DataFrame:
    """Assign people who count to folds, anew for every repeat, alike in diagnosis, source and sex."""
    given = cohort.participants.set_index("participant_id")
    counted = people[people.weight > 0]
    table = given.reindex(counted.participant_id).rename_axis("participant_id").reset_index()
    table["stratum"] = (counted.diagnosis + " " + counted.source).to_numpy()
    stratify = ["stratum", "sex"] if "sex" in table.columns else ["stratum"]
    parts = []
    for repeat in range(config.conditions.n_repeats):
        folds = assign_folds(
            table, n_folds=config.models.n_folds, group=config.models.group, stratify_by=stratify, random_state=1000 * random_state + repeat
        )
        parts.append(folds[["participant_id", "fold"]].assign(repeat=repeat))
    return CONDITION_SPLITS.validate(pd.concat(parts, ignore_index=True)[["participant_id", "repeat", "fold"]])
