"""Who reads what in a study: photographs, readers, the plan on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facies.cohort import assess_photographs, consenting_participants, find_optional_table, read_intake
from facies.cohort.files import read_user_table
from facies.errors import InputError
from facies.readers import ReadingDesign, add_readers, assign_readings
from facies.store import read_frame, write_tsv
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
    """

    plan: pd.DataFrame
    path: Path
    added: tuple[str, ...]
    loads: pd.DataFrame


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
    return None if path is None else read_user_table(path, READER_LEVELS)


def photographs_of(study: Path, config: StudyConfig, *, jobs: int) -> pd.DataFrame:
    """Return the usable photographs of people who did not withdraw: ``photo_id``, ``participant_id``, ``path``, sorted."""
    if config.study.target == "facies":
        cohort = gather_conditions(study, config, jobs=jobs)
        people, photographs = cohort.participants, cohort.photographs
    else:
        intake = read_intake(study, settings=intake_settings(config))
        folders = photograph_folders(study, config)
        photographs = assess_photographs(intake.photographs, folders, threads=jobs, max_pixels=config.faces.max_pixels)
        require_usable(photographs)
        people = intake.participants
    whole = set(consenting_participants(people).participant_id)
    kept = photographs[photographs.included & photographs.participant_id.isin(whole)]
    return kept.sort_values("photo_id", ignore_index=True)


def photographs_to_read(
    photographs: pd.DataFrame, asked: ReadingSection, *, cases: set[str] | None = None, random_state: int
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
        When such a case is no usable photograph, or fewer people are there than are asked for.

    Examples
    --------
    >>> photographs = pd.DataFrame({"photo_id": ["a1", "a2", "b1", "c1"], "participant_id": ["a", "a", "b", "c"]})
    >>> photographs_to_read(photographs, ReadingSection(training=["c1"]), random_state=0).photo_id.tolist()
    ['a1', 'b1']
    """
    taught = [*asked.training, *asked.attention]
    known = photographs.set_index("photo_id").participant_id
    absent = [photo_id for photo_id in taught if photo_id not in known.index]
    if absent:
        raise InputError(f"{CONFIG_NAME}, [reading]: '{absent[0]}' of the training or attention cases is no usable photograph: correct it")
    free = photographs[~photographs.participant_id.isin(known[taught])].drop_duplicates("participant_id")
    if asked.n_photographs is None:
        return free.reset_index(drop=True)
    rng = np.random.default_rng([random_state, 31])
    if asked.case_share is None:
        return _drawn(free, asked.n_photographs, "people", rng)
    has = free.participant_id.isin(cases or set())
    n_cases = round(asked.case_share * asked.n_photographs)
    parts = [_drawn(free[has], n_cases, "cases", rng), _drawn(free[~has], asked.n_photographs - n_cases, "others", rng)]
    return pd.concat(parts).sort_values("photo_id", ignore_index=True)


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

    Parameters
    ----------
    write
        False only says what would be planned.

    Raises
    ------
    InputError
        When the design does not fit, or readers or photographs of the plan are gone from the study.
    """
    config = read_config(study)
    random_state = config.study.random_state if seed is None else seed
    design, readers, targets = design_of(config.reading), readers_of(study, config), asked_targets(config)
    offered = _offered(photographs_of(study, config, jobs=jobs), config)
    photographs = photographs_to_read(offered, config.reading, cases=_cases(study, config), random_state=random_state)
    path = plan_path(study)
    if path.is_file():
        before = read_plan(study)
        added = [name for name in readers if name not in set(before.reader_id)]
        plan = _with_readers(before, photographs, added, design, random_state)
    else:
        added = readers
        plan = assign_readings(photographs, readers, targets=targets, design=design, random_state=random_state)
    if write and (added or not path.is_file()):
        write_tsv(path, READING_PLAN.validate(plan))
    return PlanSummary(plan, path, tuple(added), _loads(plan))


def _offered(usable: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return the photographs that may be read: all, or without those of public sources."""
    if config.reading.public_negatives:
        return usable
    if config.study.target != "facies":
        raise InputError(f"{CONFIG_NAME}, reading.public_negatives needs study.target = 'facies': remove it")
    public = {one.source for one in config.conditions.negatives}
    return usable[~usable["source"].isin(public)].reset_index(drop=True)


def _cases(study: Path, config: StudyConfig) -> set[str] | None:
    """Return who has a target condition, where the settings ask for a share of them."""
    if config.reading.case_share is None:
        return None
    if config.study.target != "facies":
        raise InputError(f"{CONFIG_NAME}, reading.case_share needs study.target = 'facies': remove it")
    diagnoses = gather_conditions(study, config, jobs=1).diagnoses
    return set(diagnoses.participant_id[diagnoses.diagnosis.isin(config.conditions.target_conditions)])


def _with_readers(
    before: pd.DataFrame, photographs: pd.DataFrame, added: list[str], design: ReadingDesign, random_state: int
) -> pd.DataFrame:  # fmt: skip
    if not added:
        return before
    read = before[~before.is_training & ~before.is_attention].photo_id
    gone = sorted(set(read) - set(photographs.photo_id))
    if gone:
        raise InputError(
            f"the plan holds {len(gone)} photographs that the study does not read any more: a plan that is read from is only added to; "
            "restore reading.n_photographs and the seed, or start a new plan in another study folder"
        )
    own = photographs[photographs.photo_id.isin(set(read))].reset_index(drop=True)
    return add_readers(before, own, added, design=design, random_state=random_state)


def _loads(plan: pd.DataFrame) -> pd.DataFrame:
    grouped = plan.groupby(["reader_id", "target"], sort=False)
    counted = grouped.agg(
        readings=("photo_id", "size"), repeats=("repeat", lambda values: int((values > 0).sum())), training=("is_training", "sum"),
        attention=("is_attention", "sum"), aided=("arm", lambda values: int((values == "aided").sum())), blocks=("block", "max"),
    )  # fmt: skip
    return counted.reset_index()
