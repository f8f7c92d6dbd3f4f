"""Who reads what in a study: photographs, readers, the plan on disk."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facies.cohort import assess_photographs, consenting_participants, find_optional_table, read_intake
from facies.cohort.consent import is_withdrawn
from facies.cohort.files import read_user_table
from facies.errors import InputError
from facies.readers import ReadingDesign, add_readers, assign_readings
from facies.store import locked, read_frame, write_tsv
from facies.study.conditions.intake import gather_conditions
from facies.study.config import CONFIG_NAME, StudyConfig, read_config
from facies.study.intake import intake_settings, photograph_folders, require_usable
from facies.study.reading_settings import ReadingSection
from facies.tables import READER_LEVELS, READING_PLAN

FOLDER = "reading"
PLAN = "reading_plan.tsv"


@dataclass(frozen=True, eq=False)
class PlanSummary:
    """A plan on disk.

    Parameters
    ----------
    plan
        Table ``reading_plan``.
    path
        Where it lies.
    added
        Readers who are new in it.
    loads
        A row a reader and target: readings, of them repeats, training and attention cases.
    notes
        What a coordinator should know, a line each: why the plan stays as it is, and who is in it no more or not yet.
    """

    plan: pd.DataFrame
    path: Path
    added: tuple[str, ...]
    loads: pd.DataFrame
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ReadableStudy:
    """Whose photographs can be read.

    Parameters
    ----------
    photographs
        Usable ones of people who did not withdraw: ``photo_id``, ``participant_id``, ``path``, sorted.
    withdrawn
        photo_ids of people who withdrew.
    listed
        photo_ids of all photographs that the study names, usable or not.
    cases
        participant_ids of people with a target condition; empty in a study of ages.
    """

    photographs: pd.DataFrame
    withdrawn: frozenset[str]
    listed: frozenset[str]
    cases: frozenset[str] = frozenset()


def plan_path(study: Path) -> Path:
    """Return where a study's plan lies."""
    return study / FOLDER / PLAN


def read_plan(study: Path) -> pd.DataFrame:
    """Return a study's plan.

    Raises
    ------
    InputError
        When there is none.
    """
    path = plan_path(study)
    if not path.is_file():
        raise InputError(f"{study} has no plan of readings: make one with `facies read plan {study}`")
    return READING_PLAN.parse(read_frame(path), file=path.name)


def asked_targets(config: StudyConfig) -> list[str]:
    """Return what readers are asked: as the settings say, else by the study's target.

    Raises
    ------
    InputError
        When a diagnosis is asked for and the study names no disease.
    """
    asked: list[str] = list(config.reading.ask) or (["diagnosis"] if config.study.target == "facies" else ["perceived_age"])
    if "diagnosis" in asked and not config.conditions.target_conditions:
        raise InputError(f"{CONFIG_NAME}, reading.ask: a diagnosis needs conditions.target_conditions: name the diseases")
    return [*asked, *(one.name for one in config.reading.lists)]


def judged_targets(config: StudyConfig) -> list[str]:
    """Return what readings of a study may be about: ages, its conditions, and its questions with lists."""
    return ["perceived_age", *config.conditions.target_conditions, *(one.name for one in config.reading.lists)]


def readers_of(study: Path, config: StudyConfig) -> list[str]:
    """Return who reads: the people of reader_levels.tsv, else ``r01`` to ``reading.n_readers``.

    Raises
    ------
    InputError
        When neither is given.
    """
    levels = read_levels(study)
    if levels is not None:
        return levels.reader_id.tolist()
    n = config.reading.n_readers
    if n is None:
        raise InputError(f"nobody is there to read: write reader_levels.tsv (reader_id, level), or reading.n_readers in {CONFIG_NAME}")
    return [f"r{number:0{max(2, len(str(n)))}d}" for number in range(1, n + 1)]


def read_levels(study: Path) -> pd.DataFrame | None:
    """Return the readers' expertise, where reader_levels.tsv is there."""
    path = find_optional_table(study, READER_LEVELS.name)
    return None if path is None else read_user_table(path, READER_LEVELS, encoding=read_config(study).inputs.encoding)


def readable_study(study: Path, config: StudyConfig, *, jobs: int) -> ReadableStudy:
    """Look at the study's photographs, public negatives included, and say which of them can be read.

    Raises
    ------
    InputError
        Naming file, row and remedy.
    """
    cases: frozenset[str] = frozenset()
    if config.study.target == "facies":
        cohort = gather_conditions(study, config, jobs=jobs)
        people, photographs, diagnoses = cohort.participants, cohort.photographs, cohort.diagnoses
        cases = frozenset(diagnoses.participant_id[diagnoses.diagnosis.isin(config.conditions.target_conditions)])
    else:
        intake = read_intake(study, settings=intake_settings(config))
        folders = photograph_folders(study, config)
        photographs = assess_photographs(intake.photographs, folders, threads=jobs, max_pixels=config.faces.max_pixels)
        require_usable(photographs)
        people = intake.participants
    gone = photographs.participant_id.isin(people.participant_id[is_withdrawn(people)])
    kept = photographs[photographs.included & photographs.participant_id.isin(consenting_participants(people).participant_id)]
    return ReadableStudy(
        kept.sort_values("photo_id", ignore_index=True), frozenset(photographs.photo_id[gone]), frozenset(photographs.photo_id), cases
    )


def photographs_to_read(
    photographs: pd.DataFrame, asked: ReadingSection, *, cases: frozenset[str] = frozenset(), random_state: int
) -> pd.DataFrame:  # fmt: skip
    """Choose one photograph a person, the first by name, and of the people as many as are asked for.

    Training and attention cases are left out of it, and with them all photographs of their people.

    Parameters
    ----------
    cases
        participant_ids of people with a target condition, for ``case_share``.

    Raises
    ------
    InputError
        When such a case is no usable photograph, fewer people are there than are asked for, or the share of cases is nobody or everybody.

    Examples
    --------
    >>> photographs = pd.DataFrame({"photo_id": ["a1", "a2", "b1", "c1"], "participant_id": ["a", "a", "b", "c"]})
    >>> photographs_to_read(photographs, ReadingSection(training=["c1"]), random_state=0).photo_id.tolist()
    ['a1', 'b1']
    """
    taught = _taught(photographs, asked.training, asked.attention)
    known = photographs.set_index("photo_id").participant_id
    free = photographs[~photographs.participant_id.isin(known[taught])].drop_duplicates("participant_id")
    if asked.n_photographs is None:
        return free.reset_index(drop=True)
    rng = np.random.default_rng([random_state, 31])
    if asked.case_share is None:
        return _drawn(free, asked.n_photographs, "people", rng)
    has = free.participant_id.isin(cases)
    n_cases = round(asked.case_share * asked.n_photographs)
    if n_cases in (0, asked.n_photographs):
        raise InputError(
            f"{CONFIG_NAME}, reading.case_share: {asked.case_share:g} of {asked.n_photographs} photographs is {n_cases} cases: "
            "raise n_photographs or change case_share"
        )
    parts = [_drawn(free[has], n_cases, "cases", rng), _drawn(free[~has], asked.n_photographs - n_cases, "others", rng)]
    return pd.concat(parts).sort_values("photo_id", ignore_index=True)


def _taught(photographs: pd.DataFrame, training: Sequence[str], attention: Sequence[str]) -> list[str]:
    """Return the training and attention cases, which must be usable photographs."""
    taught = [*training, *attention]
    absent = sorted(set(taught) - set(photographs.photo_id))
    if absent:
        raise InputError(f"{CONFIG_NAME}, [reading]: '{absent[0]}' of the training or attention cases is no usable photograph: correct it")
    return taught


def _drawn(free: pd.DataFrame, n: int, who: str, rng: np.random.Generator) -> pd.DataFrame:
    if n > len(free):
        raise InputError(f"{CONFIG_NAME}, [reading] asks for {n} {who} and {len(free)} are there: lower n_photographs or change case_share")
    return free.iloc[np.sort(rng.permutation(len(free))[:n])].reset_index(drop=True)


def design_of(asked: ReadingSection) -> ReadingDesign:
    """Return the design that the settings ask for."""
    return ReadingDesign(
        readers_per_photograph=asked.readers_per_photograph, repeat_fraction=0.0 if asked.arms == "crossover" else asked.repeat_fraction,
        gap=asked.gap, block_size=asked.block_size, training=tuple(asked.training), attention=tuple(asked.attention), arms=asked.arms,
        level_previous=asked.level_previous,
    )  # fmt: skip


def plan_reading(study: Path, *, jobs: int = 1, seed: int | None = None, write: bool = True) -> PlanSummary:
    """Plan who reads what, or add the readers who are new to a plan that is there; the others' orders stay.

    People who withdrew are taken out of a plan that is there.

    Parameters
    ----------
    write
        False only says what would be planned.

    Raises
    ------
    InputError
        When the design does not fit, or photographs of the plan are gone from the study although nobody withdrew.
    StoreError
        When another program is writing in the folder.
    """
    config = read_config(study)
    random_state = config.study.random_state if seed is None else seed
    if config.reading.case_share is not None and config.study.target != "facies":
        raise InputError(f"{CONFIG_NAME}, reading.case_share needs study.target = 'facies': remove it")
    with locked(study) if write else nullcontext():
        found = _planned(study, config, readable_study(study, config, jobs=jobs), random_state)
        if write and (found.added or not found.path.is_file() or len(found.plan) != len(read_plan(study))):
            write_tsv(found.path, READING_PLAN.validate(found.plan))
    return found


def _planned(study: Path, config: StudyConfig, readable: ReadableStudy, random_state: int) -> PlanSummary:
    design, readers, path = design_of(config.reading), readers_of(study, config), plan_path(study)
    offered = _offered(readable.photographs, config)
    if path.is_file():
        before = read_plan(study)
        added = [name for name in readers if name not in set(before.reader_id)]
        plan, notes = _continued(before, readable, offered, added, design, random_state)
    else:
        added, notes = readers, []
        photographs = photographs_to_read(offered, config.reading, cases=readable.cases, random_state=random_state)
        plan = assign_readings(photographs, readers, targets=asked_targets(config), design=design, random_state=random_state)
    return PlanSummary(plan, path, tuple(added), _loads(plan), tuple(notes))


def _continued(
    before: pd.DataFrame, readable: ReadableStudy, offered: pd.DataFrame, added: list[str], design: ReadingDesign, random_state: int
) -> tuple[pd.DataFrame, list[str]]:
    """Return the plan without people who withdrew and with the readers who are new, and what to know about it.

    The photographs are those of the plan, whatever the settings say by now: readings of it may have begun.
    """
    kept = before[~before.photo_id.isin(readable.withdrawn)].reset_index(drop=True)
    require_photographs(kept, readable)
    read = set(kept.photo_id[~kept.is_training & ~kept.is_attention])
    own = readable.photographs[readable.photographs.photo_id.isin(read)].reset_index(drop=True)
    plan = kept
    if added:
        _taught(readable.photographs, design.training, design.attention)
        plan = add_readers(kept, own, added, design=design, random_state=random_state)
    return plan, _plan_notes(before, kept, offered, added)


def _offered(usable: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return the photographs that may be read: all, or without those of public sources."""
    if config.reading.public_negatives:
        return usable
    if config.study.target != "facies":
        raise InputError(f"{CONFIG_NAME}, reading.public_negatives needs study.target = 'facies': remove it")
    public = {one.source for one in config.conditions.negatives}
    return usable[~usable["source"].isin(public)].reset_index(drop=True)


def _plan_notes(before: pd.DataFrame, kept: pd.DataFrame, offered: pd.DataFrame, added: list[str]) -> list[str]:
    notes = []
    if not added:
        notes.append("no reader is new: the plan stays as it is, and other settings of [reading] do not change it")
    if gone := before.photo_id.nunique() - kept.photo_id.nunique():
        notes.append(f"{gone} photographs of people who withdrew were taken out of the plan")
    planned = offered.participant_id[offered.photo_id.isin(kept.photo_id)]
    if others := offered.participant_id.nunique() - planned.nunique():
        notes.append(f"{others} people of the study are not in the plan, which keeps the photographs that it began with")
    return notes


def require_photographs(plan: pd.DataFrame, readable: ReadableStudy) -> None:
    """Refuse a plan with photographs that cannot be read any more, although nobody withdrew.

    Raises
    ------
    InputError
        Naming the first and the remedy.
    """
    gone = sorted(set(plan.photo_id) - set(readable.photographs.photo_id) - readable.withdrawn)
    if not gone:
        return
    why = "is no usable photograph any more" if gone[0] in readable.listed else "is in no table of the study any more"
    raise InputError(
        f"{PLAN}: photograph '{gone[0]}' {why} ({len(gone)} such): restore it; where a person withdrew, write withdrawn as consent_scope"
    )


def _loads(plan: pd.DataFrame) -> pd.DataFrame:
    grouped = plan.groupby(["reader_id", "target"], sort=False)
    counted = grouped.agg(
        readings=("photo_id", "size"), repeats=("repeat", lambda values: int((values > 0).sum())), training=("is_training", "sum"),
        attention=("is_attention", "sum"), aided=("arm", lambda values: int((values == "aided").sum())), blocks=("block", "max"),
    )  # fmt: skip
    return counted.reset_index()
