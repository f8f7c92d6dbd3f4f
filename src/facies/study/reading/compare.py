"""``facies compare``: the panel model, agreement between readers, and models against readers.

::

    derived/panel/      panel_model, reader_estimates, panel_values, notes.json
    derived/readers/    reader_performance, reader_comparison, reader_agreement, reader_study_sizes, region_agreement, region_consensus
    report/readers.html, readers.json
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from facies.cohort import consenting_participants, find_optional_table, read_intake
from facies.cohort.files import read_user_table
from facies.errors import InputError
from facies.evaluation import agree_with_readers, compare_arms, compare_readers, reader_study_sizes
from facies.evaluation.reading_arms import AIDED
from facies.readers import PanelModel, consensus_regions, fit_panel, region_agreement
from facies.records import RunRecord
from facies.store import locked, read_json, read_table, table_path, value_sha256, write_json, write_table
from facies.study.conditions.evaluation import describe_people
from facies.study.conditions.intake import ConditionCohort, gather_conditions
from facies.study.config import StudyConfig, read_config
from facies.study.intake import intake_settings, values_hash
from facies.study.reading.categories import agree_in_categories
from facies.study.reading.page import readers_page
from facies.study.reading.plan import judged_targets, read_levels
from facies.study.stages import Outcome, Stage, run_stage
from facies.tables import (
    CONDITION_PEOPLE,
    CONDITION_SCORES,
    OPERATING_POINTS,
    PANEL_MODEL,
    PANEL_VALUES,
    PARTICIPANT_PREDICTIONS,
    READER_AGREEMENT,
    READER_COMPARISON,
    READER_ESTIMATES,
    READER_PERFORMANCE,
    READER_STUDY_SIZES,
    READINGS,
    REGION_AGREEMENT,
    REGION_CONSENSUS,
    REGION_MARKS,
    Table,
)

PANEL_STAGE, READERS_STAGE = "panel", "readers"
NOTES = "notes.json"
Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class CompareSummary:
    """What a comparison wrote: the page, and the records of its stages."""

    page: Path
    records: tuple[RunRecord, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        return {"page": str(self.page), "notes": list(self.notes), "stages": [asdict(record) for record in self.records]}


@dataclass(frozen=True, eq=False)
class _Read:
    """What was read: photographs of people who did not withdraw, their readings, and for conditions who is who."""

    config: StudyConfig
    photographs: pd.DataFrame
    readings: pd.DataFrame
    levels: pd.DataFrame | None
    cohort: ConditionCohort | None
    marks: pd.DataFrame | None
    notes: tuple[str, ...] = ()

    def reader_ids(self) -> list[str]:
        """Return everybody whose name must not be printed."""
        named = [frame.reader_id for frame in (self.readings, self.levels, self.marks) if frame is not None]
        return sorted({str(name) for names in named for name in names})

    def digest(self) -> str:
        """Return a hash of all of it."""
        others = [frame for frame in (self.levels, self.marks) if frame is not None]
        parts = [self.photographs[["photo_id", "participant_id"]], self.readings, *others]
        learnt = "" if self.cohort is None else self.cohort.learnt_from()
        return value_sha256([*map(values_hash, parts), learnt])


def compare_study_readers(
    study: Path, *, jobs: int = 1, seed: int | None = None, tell: Tell | None = None
) -> CompareSummary:  # fmt: skip
    """Fit the panel, compare readers with each other and with the study's models, and write a page.

    What the study has not got (a model that was run, a condition that was read, marked regions) is named in the notes and left out.

    Raises
    ------
    InputError
        When there are no readings, or a reading or mark is of a photograph that the study has not.
    StoreError
        When the folder cannot be written.
    """
    config = read_config(study)
    random_state = config.study.random_state if seed is None else seed
    with locked(study):
        given = _gather(study, config, jobs)
        notes = list(given.notes)
        records = []
        for stage in (_panel_stage(study, given), _readers_stage(study, given, random_state=random_state)):
            record, _ = run_stage(study, stage, random_state=random_state)
            records.append(record)
            notes += _read_notes(study, stage.name)
            if tell is not None:
                tell(f"{record.stage}: {record.n_in} in, {record.n_out} out; {record.seconds:.1f} s")
        page = readers_page(study, config, tuple(records), notes=notes, reader_ids=given.reader_ids(), photographs=given.photographs)
        record, _ = run_stage(study, page, random_state=random_state)
        return CompareSummary(study / "report" / "readers.html", (*records, record), tuple(notes))


def _read_notes(study: Path, stage: str) -> list[str]:
    return [str(note) for note in read_json(study / "derived" / stage / NOTES)]


def _gather(study: Path, config: StudyConfig, jobs: int) -> _Read:
    path = find_optional_table(study, READINGS.name)
    if path is None:
        raise InputError(f"{study} has no readings.tsv: let people read (`facies read plan`, `serve`, `export`), or `facies read import`")
    if config.study.target == "facies":
        cohort = gather_conditions(study, config, jobs=jobs)
        photographs, people = cohort.photographs, cohort.participants
        readings = read_user_table(path, READINGS, rename=config.inputs.rename.get(READINGS.name), encoding=config.inputs.encoding)
        _require_known(readings, photographs, path.name)
    else:
        intake = read_intake(study, settings=intake_settings(config))
        cohort, photographs, people = None, intake.photographs, intake.participants
        readings = intake.readings if intake.readings is not None else READINGS.empty()
    marks = _marks(study, config, photographs)
    kept = photographs[photographs.participant_id.isin(consenting_participants(people).participant_id)].reset_index(drop=True)
    own = _of(readings, kept)
    if own.empty:
        raise InputError(f"{path.name} holds no reading of a person of the study who did not withdraw: check photo_id")
    notes = _strange_targets(own, config)
    return _Read(config, kept, own, read_levels(study), cohort, None if marks is None else _of(marks, kept), tuple(notes))


def _of(rows: pd.DataFrame, photographs: pd.DataFrame) -> pd.DataFrame:
    return rows[rows.photo_id.isin(set(photographs.photo_id))].reset_index(drop=True)


def _require_known(rows: pd.DataFrame, photographs: pd.DataFrame, file: str) -> None:
    unknown = sorted(set(rows.photo_id) - set(photographs.photo_id))
    if unknown:
        raise InputError(f"{file}: photo_id {unknown[0]} is no photograph of the study ({len(unknown)} such): correct the table")


def _marks(study: Path, config: StudyConfig, photographs: pd.DataFrame) -> pd.DataFrame | None:
    path = find_optional_table(study, REGION_MARKS.name)
    if path is None:
        return None
    marks = read_user_table(path, REGION_MARKS, encoding=config.inputs.encoding)
    _require_known(marks, photographs, path.name)
    return marks


def _strange_targets(readings: pd.DataFrame, config: StudyConfig) -> list[str]:
    """Say which readings nothing is compared with, since no part of the study is about what they judged."""
    judged = judged_targets(config)
    counts = readings.target[~readings.target.str.partition("[")[0].isin(judged)].value_counts()
    return [f"{n} readings judge '{target}', which the study does not: no model stands beside them" for target, n in counts.items()]


def _is_graded(readings: pd.DataFrame, target: str) -> bool:
    """Return whether readings are numbers on a scale (ages, grades) rather than calls of 0 and 1."""
    values = readings.reading[readings.target == target]
    return target.removesuffix(AIDED) == "perceived_age" or not set(values.unique()) <= {0.0, 1.0}


def _panel_stage(study: Path, given: _Read) -> Stage:
    """Return the stage that fits the panel model to every target that is read on a scale."""

    def compute() -> Outcome:
        notes: list[str] = []
        models = []
        categories: list[pd.DataFrame] = []
        named = {one.name for one in given.config.reading.lists}
        for target in dict.fromkeys(given.readings.target):
            if target in named or not _is_graded(given.readings, target):
                categories += _categories(given, target, notes)
                continue
            try:
                models.append(_fit_target(given, target))
            except InputError as error:
                notes.append(f"{target}: the panel model was not fitted ({error})")
        notes += [note for model in models for note in model.notes]
        written = [
            write_table(
                study, table, _stacked(table, [*[getattr(model, name) for model in models], *(categories if table is PANEL_MODEL else [])])
            )
            for table, name in ((PANEL_MODEL, "terms"), (READER_ESTIMATES, "readers"), (PANEL_VALUES, "values"))
        ]
        written.append(write_json(study / "derived" / PANEL_STAGE / NOTES, notes))
        return Outcome(tuple(written), len(given.readings), sum(len(model.values) for model in models))

    settings = {"reading": given.config.reading.printed(), "read": given.digest()}
    return Stage(PANEL_STAGE, settings, {}, compute)


def _categories(given: _Read, target: str, notes: list[str]) -> list[pd.DataFrame]:
    """Return agreement on calls or choices, or note why there is none."""
    try:
        return [agree_in_categories(given.readings, given.photographs, target=target)]
    except InputError as error:
        notes.append(f"{target}: {error}")
        return []


def _fit_target(given: _Read, target: str) -> PanelModel:
    width = float(given.config.reading.bin_years) if target.removesuffix(AIDED) == "perceived_age" else 0.0
    return fit_panel(given.readings, given.photographs, target=target, bin_width=width)


def _stacked(table: Table, parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else table.empty()


class _Found:
    """Tables so far, and what could not be done."""

    def __init__(self) -> None:
        self.tables: dict[str, list[pd.DataFrame]] = {}
        self.notes: list[str] = []

    def attempt(self, what: str, make: Callable[[], dict[Table, pd.DataFrame]]) -> None:
        """Keep what ``make`` returns, or note in one line why it could not be made."""
        try:
            found = make()
        except InputError as error:
            self.notes.append(f"{what}: {error}")
            return
        for table, frame in found.items():
            self.tables.setdefault(table.name, []).append(frame)


WRITTEN = (READER_PERFORMANCE, READER_COMPARISON, READER_AGREEMENT, READER_STUDY_SIZES, REGION_AGREEMENT, REGION_CONSENSUS)


def _readers_stage(study: Path, given: _Read, *, random_state: int) -> Stage:
    """Return the stage that compares models with readers, arms with each other, and marked regions."""
    needed = (PARTICIPANT_PREDICTIONS, CONDITION_SCORES, OPERATING_POINTS, CONDITION_PEOPLE)
    inputs = {table.name: path for table in needed if (path := table_path(study, table)).exists()}

    def compute() -> Outcome:
        found = _Found()
        if given.cohort is None:
            found.attempt("computed age against readers", lambda: _ages(study, given))
        else:
            _conditions(study, given, given.cohort, found)
        if given.marks is not None:
            _regions(given.marks, given, found, random_state)
        written = [write_table(study, table, _stacked(table, found.tables.get(table.name, []))) for table in WRITTEN]
        written.append(write_json(study / "derived" / READERS_STAGE / NOTES, found.notes))
        return Outcome(
            tuple(written), given.readings.reader_id.nunique(), sum(len(part) for parts in found.tables.values() for part in parts)
        )

    settings = {"reading": given.config.reading.printed(), "read": given.digest(), "random_state": random_state}
    return Stage(READERS_STAGE, settings, inputs, compute)


def _require(study: Path, *tables: Table) -> None:
    absent = [table.name for table in tables if not table_path(study, table).exists()]
    if absent:
        raise InputError(f"the study has no {absent[0]} yet: run `facies run {study}` first")


def _ages(study: Path, given: _Read) -> dict[Table, pd.DataFrame]:
    _require(study, PARTICIPANT_PREDICTIONS)
    predictions = read_table(study, PARTICIPANT_PREDICTIONS)
    years = given.config.reading.margins.get("years", float("nan"))
    target = given.config.study.target
    own = predictions[predictions.target == target]
    readings = given.readings[given.readings.target == "perceived_age"]
    found = agree_with_readers(own.assign(target="perceived_age"), readings, given.photographs, margin=years**2)
    return {READER_AGREEMENT: found}


def _conditions(study: Path, given: _Read, cohort: ConditionCohort, found: _Found) -> None:
    asked = given.config.reading

    def models() -> dict[Table, pd.DataFrame]:
        _require(study, CONDITION_SCORES, OPERATING_POINTS, CONDITION_PEOPLE)
        result = compare_readers(
            given.readings, given.photographs, read_table(study, CONDITION_SCORES), read_table(study, OPERATING_POINTS),
            _people(study, cohort), reader_levels=given.levels, call_at=asked.call_at,
            margins={name: margin for name, margin in asked.margins.items() if name != "years"},
        )  # fmt: skip
        return {READER_PERFORMANCE: result.performance, READER_COMPARISON: result.comparison}

    def arms() -> dict[Table, pd.DataFrame]:
        _require(study, CONDITION_PEOPLE)
        return {READER_COMPARISON: compare_arms(given.readings, given.photographs, _people(study, cohort), call_at=asked.call_at)}

    def sizes() -> dict[Table, pd.DataFrame]:
        _require(study, CONDITION_SCORES, OPERATING_POINTS, CONDITION_PEOPLE)
        found = reader_study_sizes(
            given.readings, given.photographs, read_table(study, CONDITION_SCORES), read_table(study, OPERATING_POINTS),
            _people(study, cohort), difference=asked.planned_difference, margin=asked.margins.get("auc"),
        )  # fmt: skip
        return {READER_STUDY_SIZES: found}

    found.attempt("models against readers", models)
    if given.readings.target.str.endswith(AIDED).any():
        found.attempt("aided against unaided reading", arms)
    found.attempt("sizes of a next study", sizes)


def _people(study: Path, cohort: ConditionCohort) -> pd.DataFrame:
    return describe_people(study, cohort, read_table(study, CONDITION_PEOPLE))


def _regions(own: pd.DataFrame, given: _Read, found: _Found, random_state: int) -> None:
    for condition in dict.fromkeys(own.target_condition):

        def agreement(condition: str = condition) -> dict[Table, pd.DataFrame]:
            made = region_agreement(own, target_condition=condition, photographs=given.photographs, random_state=random_state)
            return {REGION_AGREEMENT: made}

        def consensus(condition: str = condition) -> dict[Table, pd.DataFrame]:
            return {REGION_CONSENSUS: consensus_regions(own, target_condition=condition).table}

        found.attempt(f"regions marked for {condition}", agreement)
        found.attempt(f"consensus of regions marked for {condition}", consensus)
