"""The first stage: tables and files come in, people are assigned to folds, and readings become labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facies.cohort import (
    Intake,
    IntakeSettings,
    assess_photographs,
    assign_folds,
    consenting_participants,
    find_optional_table,
    prove_exclusive,
    read_intake,
)
from facies.errors import InputError
from facies.readers import fit_panel, panel_estimates_by, panel_means, panel_noise, panel_notes, reading_noise
from facies.store import write_table
from facies.study.config import CONFIG_NAME, StudyConfig
from facies.study.stages import Outcome, Stage
from facies.tables import PANEL_ESTIMATES, PARTICIPANTS, PHOTOGRAPHS, READING_NOISE, SPLITS

INPUT_TABLES = ("participants", "photographs", "readings", "panel_estimates", "outcomes")

Progress = Callable[[int, int], None]


def intake_settings(config: StudyConfig) -> IntakeSettings:
    """Return how the study's tables are read."""
    return IntakeSettings(
        photographs_folder=config.inputs.photographs_folder,
        rename=config.inputs.rename,
        encoding=config.inputs.encoding,
        redcap_event=config.inputs.redcap_event,
    )


def input_files(study: Path) -> dict[str, Path]:
    """Return the input tables that the study has, by name."""
    found = {name: find_optional_table(study, name) for name in INPUT_TABLES}
    return {name: path for name, path in found.items() if path is not None}


def photograph_folders(study: Path, config: StudyConfig) -> list[Path]:
    """Return the folders that photographs' paths may start from or lie in: that of the settings, the study, and those of negatives."""
    negatives = [study / section.folder for section in config.conditions.negatives]
    return [study / config.inputs.photographs_folder, study, *negatives]


@dataclass(frozen=True, eq=False)
class Cohort:
    """Who and what takes part; labels are by participant.

    ``labels`` has ``observed`` (the reference in years) and ``n_readers`` (readings behind it; 1 for age), one row a labelled participant.
    """

    participants: pd.DataFrame
    photographs: pd.DataFrame
    splits: pd.DataFrame
    labels: pd.DataFrame
    panel_estimates: pd.DataFrame | None
    noise: pd.DataFrame | None
    outcomes: pd.DataFrame | None
    matches: pd.DataFrame
    notes: tuple[str, ...]

    def learnt_from(self) -> str:
        """Return a hash of all that models are fitted to and compared with beside the faces: labels, families, readings' noise."""
        families = self.participants.filter(items=["participant_id", "family_id"])
        owners = self.photographs[["photo_id", "participant_id"]]
        parts = [self.labels.reset_index(), families, owners, *([] if self.noise is None else [self.noise])]
        return hashlib.sha256("".join(values_hash(part) for part in parts).encode()).hexdigest()


def values_hash(frame: pd.DataFrame) -> str:
    """Return a hash of a table's names and values, so that a stage runs again when one of them changes."""
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()


def gather_cohort(study: Path, config: StudyConfig, *, jobs: int, random_state: int, progress: Progress | None = None) -> Cohort:
    """Read the study's tables and look at its photographs' files.

    Raises
    ------
    InputError
        Naming file, row and remedy.
    """
    intake, photographs = _read_and_assess(study, config, jobs, progress)
    panel, noise, notes = _panel(intake, photographs, config)
    labels = label_people(intake.participants, photographs, panel, target=config.study.target)
    _require_labels(labels, config.study.target)
    splits = assign_folds(
        intake.participants, n_folds=config.models.n_folds, group=config.models.group,
        labelled=pd.Series(True, index=labels.index), random_state=random_state,
    )  # fmt: skip
    proof = prove_exclusive(splits, intake.participants, photographs, group=config.models.group)
    notes += _family_notes(proof["n_families_in_several_folds"])
    return Cohort(intake.participants, photographs, splits, labels, panel, noise, intake.outcomes, intake.matches, tuple(notes))


def gather_validation(study: Path, config: StudyConfig, *, jobs: int, progress: Progress | None = None) -> Cohort:
    """Read a study to which models of another one are taken: people may be without labels, and nobody is assigned to a fold.

    Raises
    ------
    InputError
        Naming file, row and remedy.
    """
    intake, photographs = _read_and_assess(study, config, jobs, progress)
    unread = config.study.target == "perceived_age" and intake.readings is None and intake.panel_estimates is None
    panel, noise, notes = (None, None, []) if unread else _panel(intake, photographs, config)
    labels = label_people(intake.participants, photographs, panel, target=config.study.target)
    labels = labels.head(0) if unread else labels
    return Cohort(
        intake.participants, photographs, SPLITS.empty(), labels, panel, noise, intake.outcomes, intake.matches, tuple(notes)
    )  # fmt: skip


def _read_and_assess(study: Path, config: StudyConfig, jobs: int, progress: Progress | None) -> tuple[Intake, pd.DataFrame]:
    """Read the tables and look at the photographs' files, of which some must be usable."""
    intake = read_intake(study, settings=intake_settings(config))
    n = len(intake.photographs)
    photographs = assess_photographs(
        intake.photographs, photograph_folders(study, config), threads=jobs, max_pixels=config.faces.max_pixels,
        progress=None if progress is None else lambda done: progress(done, n),
    )  # fmt: skip
    require_usable(photographs)
    return intake, photographs


def require_usable(photographs: pd.DataFrame) -> None:
    """Refuse a study none of whose photographs can be used.

    Raises
    ------
    InputError
        With the reasons and the remedy.
    """
    if not photographs.included.any():
        reasons = ", ".join(f"{n} {reason}" for reason, n in photographs.exclusion_reason.value_counts().items())
        raise InputError(f"none of {len(photographs)} photographs can be used ({reasons}): correct the paths, or inputs.photographs_folder")


def _require_labels(labels: pd.DataFrame, target: str) -> None:
    if labels.observed.nunique() == 1:
        raise InputError(f"{target} is {labels.observed.iloc[0]:g} for all {len(labels)} participants who have one: correct the table")


def _family_notes(n_families: int) -> list[str]:
    if not n_families:
        return []
    return [f"{n_families} families stand in several folds: relatives may flatter the errors (set models.group = 'family_id')"]


def _panel(
    intake: Intake, photographs: pd.DataFrame, config: StudyConfig
) -> tuple[pd.DataFrame | None, pd.DataFrame | None, list[str]]:  # fmt: skip
    """Return the panel's values of usable photographs, their noise and what to know about them; nothing where age is the target."""
    target = config.study.target
    usable = photographs[photographs.included]
    if target != "perceived_age":
        return None, None, []
    if intake.readings is not None:
        panel = _panel_values(intake.readings, usable, config)
        noise = reading_noise(intake.readings, usable, target=target)
    elif intake.panel_estimates is not None:
        panel = intake.panel_estimates
        noise = panel_noise(panel, usable, target=target)
    else:
        raise InputError(f"target is perceived_age: add readings.tsv or panel_estimates.tsv, or write target = 'age' in {CONFIG_NAME}")
    panel = panel[panel.photo_id.isin(usable.photo_id)].reset_index(drop=True)
    return panel, noise, panel_notes(panel, target=target)


def _panel_values(readings: pd.DataFrame, usable: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return each photograph's value by the estimator that the settings name."""
    asked, target = config.reading, config.study.target
    if asked.estimator == "mean":
        return panel_means(readings, target=target)
    model = fit_panel(readings, usable, target=target, bin_width=float(asked.bin_years))
    return panel_estimates_by(model.values, readings, target=target, estimator=asked.estimator)


def label_people(participants: pd.DataFrame, photographs: pd.DataFrame, panel: pd.DataFrame | None, *, target: str) -> pd.DataFrame:
    """Return the label of each participant who has one: ``observed`` and ``n_readers``, by participant_id.

    A person's perceived age is the mean over the person's usable photographs that were read; the readings behind it are added up.
    """
    people = consenting_participants(participants)
    if panel is None:
        known = people[people.age.notna()].set_index("participant_id")
        return pd.DataFrame({"observed": known.age, "n_readers": 1.0})
    usable = photographs.loc[photographs.included, ["photo_id", "participant_id"]]
    read = panel[panel.target == target].merge(usable, on="photo_id", validate="one_to_one")
    by_person = read[read.participant_id.isin(people.participant_id)].groupby("participant_id")
    return by_person.agg(observed=("panel_mean", "mean"), n_readers=("n_readers", "sum")).astype(np.float64)


def intake_stage(study: Path, config: StudyConfig, cohort: Cohort) -> Stage:
    """Return the stage that writes what :func:`gather_cohort` found."""

    def compute() -> Outcome:
        written = [
            write_table(study, PARTICIPANTS, cohort.participants),
            write_table(study, PHOTOGRAPHS, cohort.photographs),
            write_table(study, SPLITS, cohort.splits),
        ]
        if cohort.panel_estimates is not None and cohort.noise is not None:
            written += [write_table(study, PANEL_ESTIMATES, cohort.panel_estimates), write_table(study, READING_NOISE, cohort.noise)]
        reasons = cohort.photographs.exclusion_reason.dropna().value_counts()
        return Outcome(
            tuple(written), len(cohort.photographs), int(cohort.photographs.included.sum()), {str(k): int(n) for k, n in reasons.items()}
        )

    settings: dict[str, object] = {"inputs": config.inputs.model_dump(), "target": config.study.target, "models": _fold_settings(config)}
    settings |= {"estimator": config.reading.estimator, "bin_years": config.reading.bin_years}
    return Stage("cohort", settings, input_files(study), compute, always=True)


def _fold_settings(config: StudyConfig) -> dict[str, object]:
    return {"n_folds": config.models.n_folds, "group": config.models.group}
