"""The first stage of a study of conditions: people, photographs and diagnoses, the clinic's own and public negatives alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from facies.cohort import assess_photographs, find_optional_table
from facies.cohort.consent import consenting_participants
from facies.cohort.diagnoses import read_diagnoses
from facies.cohort.intake import assess_intake, read_study_tables
from facies.cohort.negatives import read_negatives
from facies.cohort.sources import describe_source
from facies.errors import InputError
from facies.store import value_sha256, write_table
from facies.study.config import StudyConfig
from facies.study.extraction import Progress
from facies.study.intake import input_files, intake_settings, photograph_folders, require_usable, values_hash
from facies.study.stages import Outcome, Stage
from facies.tables import CONTROL, DIAGNOSES, PARTICIPANTS, PHOTOGRAPHS

CLINIC = "clinic"
"""The source of photographs of the study's own tables that name none."""


@dataclass(frozen=True, eq=False)
class ConditionCohort:
    """Who and what takes part.

    Parameters
    ----------
    participants, photographs
        The clinic's people and public negatives; every photograph has a ``source``.
    diagnoses
        Table :data:`facies.tables.DIAGNOSES`, public negatives as ``control``.
    negatives
        One row a source of negatives: source, title, licence, terms, citation, n_people, n_photographs.
    notes
        What a reader should know.
    """

    participants: pd.DataFrame
    photographs: pd.DataFrame
    diagnoses: pd.DataFrame
    negatives: pd.DataFrame
    notes: tuple[str, ...] = ()
    outcomes: pd.DataFrame | None = None

    def public(self) -> set[str]:
        """Return the sources of negatives."""
        return set(self.negatives["source"])

    def learnt_from(self) -> str:
        """Return a hash of all that models are fitted to beside the faces."""
        parts = [self.diagnoses, self.participants, self.photographs[["photo_id", "participant_id", "source", *self._visits()]]]
        return value_sha256([values_hash(part) for part in parts])

    def _visits(self) -> list[str]:
        return [name for name in ("session_id", "taken_on", "view") if name in self.photographs.columns]


def gather_conditions(study: Path, config: StudyConfig, *, jobs: int, progress: Progress | None = None) -> ConditionCohort:
    """Read the study's tables and its negatives, and look at all photographs' files.

    Raises
    ------
    InputError
        Naming file, row and remedy.
    """
    tables = read_study_tables(study, settings=intake_settings(config))
    intake = assess_intake(replace(tables, readings=None, panel_estimates=None))  # readers may have read public negatives too
    asked = config.conditions
    diagnoses = read_diagnoses(
        study, intake.participants, conditions=asked.target_conditions, rename=config.inputs.rename.get(DIAGNOSES.name),
        encoding=config.inputs.encoding,
    )  # fmt: skip
    people, pictures, sources = [intake.participants], [_with_source(intake.photographs)], []
    for section in asked.negatives:
        about = describe_source(section.source, licence=section.licence, citation=section.citation)
        theirs, photographs = read_negatives(
            study, source=section.source, folder=section.folder, table=section.table, licence=about["licence"]
        )
        people.append(theirs)
        pictures.append(photographs.assign(included=True, exclusion_reason=np.nan))
        sources.append({"source": section.source, **about, "n_people": len(theirs), "n_photographs": len(photographs)})
    participants, listed = _together(people), _together(pictures)
    _require_own_ids(participants, listed)
    n = len(listed)
    photographs = assess_photographs(
        listed, photograph_folders(study, config), threads=jobs, max_pixels=config.faces.max_pixels,
        progress=None if progress is None else lambda done: progress(done, n),
    )  # fmt: skip
    require_usable(photographs)
    everybody = _with_negatives(diagnoses, participants, {section.source for section in asked.negatives}, listed)
    columns = ["source", "title", "licence", "terms", "citation", "n_people", "n_photographs"]
    cohort = ConditionCohort(participants, photographs, everybody, pd.DataFrame(sources, columns=columns))
    return ConditionCohort(participants, photographs, everybody, cohort.negatives, tuple(_notes(cohort, asked.target_conditions)))


def _with_source(photographs: pd.DataFrame) -> pd.DataFrame:
    given = photographs.get("source", pd.Series(np.nan, photographs.index, dtype=object))
    return photographs.assign(source=given.where(given.notna(), CLINIC))


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Stack tables with different columns: numbers stay numbers, all else is text."""
    names = list(dict.fromkeys(name for part in parts for name in part.columns))
    return pd.DataFrame({name: _stacked(name, parts) for name in names})


def _stacked(name: str, parts: list[pd.DataFrame]) -> pd.Series:
    kinds = {part[name].dtype.kind for part in parts if name in part.columns}
    values = [value for part in parts for value in (part[name] if name in part.columns else [np.nan] * len(part))]
    whole = all(name in part.columns for part in parts)
    return pd.Series(values, dtype="bool" if kinds == {"b"} and whole else "float64" if kinds <= set("fiu") else object)


def _require_own_ids(participants: pd.DataFrame, photographs: pd.DataFrame) -> None:
    for frame, column in ((participants, "participant_id"), (photographs, "photo_id")):
        repeated = frame[column][frame[column].duplicated()]
        if len(repeated):
            raise InputError(f"{column} {repeated.iloc[0]} is one of the study and of the negatives: rename it in the study's tables")


def _with_negatives(diagnoses: pd.DataFrame, participants: pd.DataFrame, public: set[str], photographs: pd.DataFrame) -> pd.DataFrame:
    """Add the public negatives as controls."""
    of_public = photographs.loc[photographs["source"].isin(public), "participant_id"].drop_duplicates()
    others = participants.loc[participants["participant_id"].isin(of_public), "participant_id"]
    rows = pd.DataFrame({"participant_id": others, "diagnosis": CONTROL}).reindex(columns=diagnoses.columns)
    rows = rows.astype({name: kind for name, kind in diagnoses.dtypes.items() if name in rows.columns})
    return DIAGNOSES.validate(pd.concat([diagnoses, rows], ignore_index=True) if len(rows) else diagnoses)


def _notes(cohort: ConditionCohort, conditions: list[str]) -> list[str]:
    """Say where cases and others were photographed at different places."""
    source = cohort.photographs.drop_duplicates("participant_id").set_index("participant_id")["source"]
    first = cohort.diagnoses.drop_duplicates("participant_id").set_index("participant_id")["diagnosis"]
    notes = []
    for name in conditions:
        of_cases = set(source.reindex(first.index[first == name]).dropna())
        of_others = set(source.reindex(first.index[first == CONTROL]).dropna())
        if of_cases and not of_cases & of_others:
            notes.append(
                f"all people with {name} are from {', '.join(sorted(of_cases))} and no control is: camera and disease cannot be told apart"
            )
    return notes


def condition_cohort_stage(study: Path, config: StudyConfig, cohort: ConditionCohort) -> Stage:
    """Return the stage that writes what :func:`gather_conditions` found."""

    def compute() -> Outcome:
        written = (write_table(study, PARTICIPANTS, cohort.participants), write_table(study, PHOTOGRAPHS, cohort.photographs))
        reasons = cohort.photographs.exclusion_reason.dropna().value_counts()
        excluded = {str(reason): int(n) for reason, n in reasons.items()}
        return Outcome(written, len(cohort.photographs), int(cohort.photographs.included.sum()), excluded)

    given = find_optional_table(study, DIAGNOSES.name)
    inputs = input_files(study) | ({} if given is None else {DIAGNOSES.name: given})
    settings = {
        "inputs": config.inputs.model_dump(), "target_conditions": config.conditions.target_conditions,
        "negatives": [section.model_dump() for section in config.conditions.negatives],
    }  # fmt: skip
    return Stage("cohort", settings, inputs, compute, always=True)


def consenting(cohort: ConditionCohort) -> pd.DataFrame:
    """Return the participants who did not withdraw."""
    return consenting_participants(cohort.participants)
