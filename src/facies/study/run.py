"""A whole study: its stages in order, each done once and kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from facies.errors import StoreError
from facies.records import RunRecord
from facies.store import locked, read_record, read_table
from facies.study.association import association_stage, is_asked
from facies.study.check import require_columns
from facies.study.config import StudyConfig, read_config
from facies.study.crops import forget_crops
from facies.study.evaluation import evaluation_stage
from facies.study.extraction import Progress
from facies.study.faces import faces_stage, make_extractor
from facies.study.finetuned import forget_finetuned, require_finetuned
from facies.study.genes import genes_stage, genotype_inputs, genotyped_people, read_scores, remove_scan, require_genes, scan_stage
from facies.study.intake import Cohort, gather_cohort, intake_stage
from facies.study.margins import register_margins
from facies.study.models import models_stage
from facies.study.replicate import replicate_study
from facies.study.report import STAGES, read_cards, report_stage
from facies.study.stages import Stage, run_stage
from facies.tables import FACES, FOLD_PREDICTIONS, PARTICIPANT_PREDICTIONS

Tell = Callable[[str], None]


@dataclass(frozen=True)
class RunSummary:
    """What a run did: the record of each stage, which of them ran now, and where the report is."""

    records: tuple[RunRecord, ...]
    ran: tuple[str, ...]
    report: Path

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        return {"report": str(self.report), "ran": list(self.ran), "stages": [asdict(record) for record in self.records]}


def run_study(
    study: Path, *, jobs: int = 1, seed: int | None = None, progress: Progress | None = None, tell: Tell | None = None
) -> RunSummary:
    """Run a study from its photographs to the report; stages that still hold are not run again.

    Parameters
    ----------
    study
        The study folder.
    jobs
        Threads for reading photographs.
    seed
        Instead of ``study.random_state``.
    progress
        Called with the photographs done and all photographs.
    tell
        Called with a line after each stage.

    Raises
    ------
    InputError
        When the study is wrong; the message names file, row and remedy.
    StoreError
        When the folder cannot be written, or another run is at work in it.

    Examples
    --------
    >>> run_study(Path("no-such-study"))
    Traceback (most recent call last):
    ...
    facies.errors.InputError: no-such-study has no study.toml: make one with `facies init no-such-study`
    """
    config = read_config(study)
    random_state = config.study.random_state if seed is None else seed
    with locked(study):
        return _Run(study, config, random_state, tell).all_stages(jobs, progress)


class _Run:
    """One run in progress: what was done so far."""

    def __init__(self, study: Path, config: StudyConfig, random_state: int, tell: Tell | None) -> None:
        self.study = study
        self.config = config
        self.random_state = random_state
        self.tell = tell
        self.records: list[RunRecord] = []
        self.ran: list[str] = []

    def all_stages(self, jobs: int, progress: Progress | None) -> RunSummary:
        study, config = self.study, self.config
        _remove_leftovers(study)
        if config.study.target == "facies":
            from facies.study.conditions.run import run_conditions

            run_conditions(self, study, config, jobs=jobs, random_state=self.random_state, progress=progress)
            return self._summary()
        register_margins(study, config.association)
        extractor = make_extractor(study, config)
        cohort = gather_cohort(study, config, jobs=jobs, random_state=self.random_state)
        forget_crops(study, cohort.photographs)
        forget_finetuned(study, cohort.photographs)
        if config.models.finetune:
            require_finetuned(study, config, cohort)
        require_columns(config, cohort)
        require_genes(study, config, cohort.participants.participant_id.tolist())
        self.do(intake_stage(study, config, cohort))
        self.do(faces_stage(study, config, cohort.photographs, extractor, jobs=jobs, progress=progress))
        faces = read_table(study, FACES)
        self.do(models_stage(study, config, cohort, faces, extractor, random_state=self.random_state))
        predictions = read_table(study, PARTICIPANT_PREDICTIONS)
        self.do(evaluation_stage(study, config, cohort, faces, predictions, random_state=self.random_state))
        self._genes_and_associations(cohort, predictions, jobs, progress)
        if config.replication.validation is not None:
            self._replicate(study / config.replication.validation, jobs, progress)
        self.do(report_stage(study, config, cohort, read_cards(study)))
        return self._summary()

    def _summary(self) -> RunSummary:
        return RunSummary(tuple(self.records), tuple(self.ran), self.study / "report" / "report.html")

    def _genes_and_associations(self, cohort: Cohort, predictions: pd.DataFrame, jobs: int, progress: Progress | None) -> None:
        study, config = self.study, self.config
        self.do_or_remove("genes", genes_stage(study, config, cohort, predictions, random_state=self.random_state))
        association = association_stage(
            study, config, cohort, predictions, read_table(study, FOLD_PREDICTIONS), read_scores(study),
            genotypes=genotype_inputs(study, config.genotypes), genotyped=lambda: genotyped_people(study, config),
            random_state=self.random_state,
        )  # fmt: skip
        self.do_or_remove("association", association)
        scan = scan_stage(study, config, cohort, predictions, jobs=jobs, progress=progress)
        if scan is None:
            remove_scan(study)
        self.do_or_remove("scan", scan)

    def _replicate(self, validation: Path, jobs: int, progress: Progress | None) -> None:
        summary = replicate_study(
            self.study, validation, jobs=jobs, random_state=self.random_state, progress=progress, tell=self.tell
        )  # fmt: skip
        self.records.append(summary.record)
        self.ran += [summary.record.stage] * summary.ran

    def do_or_remove(self, name: str, stage: Stage | None) -> None:
        """Run a stage; where the study no longer asks for it, delete what an earlier run left, so that no report shows it."""
        if stage is None:
            _remove_stage(self.study, name)
        else:
            self.do(stage)

    def do(self, stage: Stage) -> None:
        """Run one stage and say what happened."""
        record, ran = run_stage(self.study, stage, random_state=self.random_state)
        self.records.append(record)
        self.ran += [record.stage] * ran
        if self.tell is not None:
            self.tell(_line(record, ran))


def _line(record: RunRecord, ran: bool) -> str:
    reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(record.excluded.items()))
    done = f"{record.seconds:.1f} s" if ran else "unchanged"
    return f"{record.stage}: {record.n_in} in, {record.n_out} out{f' ({reasons})' if reasons else ''}; {done}"


def _remove_stage(study: Path, name: str) -> None:
    folder = study / "derived" / name
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise StoreError(f"{folder} cannot be deleted ({error.strerror}): make it writable and run the same command again") from error


def _remove_leftovers(study: Path) -> None:
    """Delete files and folders that an interrupted write left behind anywhere in the study's results."""
    for folder in (study / "derived", study / "report"):
        for path in [*folder.rglob(".*.part"), *folder.rglob(".*.older")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def plan_study(study: Path, *, seed: int | None = None) -> dict[str, str]:
    """Say what a run would do, without computing: each stage and when it last ran."""
    config = read_config(study)
    asked = {"random_state": str(config.study.random_state if seed is None else seed)}
    unasked = {
        "association": not is_asked(config), "genes": config.genotypes.file is None, "scan": not config.genotypes.scan,
        "confounding": not config.conditions.check_confounding, "saliency": not config.conditions.saliency.methods,
    }  # fmt: skip
    names = [stage for stage in (*_stages(config), "report") if not unasked.get(stage, False)]
    records = {name: read_record(study, name) for name in names}
    return asked | {
        name: "would run" if record is None else f"ran at {record.started_at}; would run again if its inputs changed"
        for name, record in records.items()
    }


def _stages(config: StudyConfig) -> tuple[str, ...]:
    if config.study.target != "facies":
        return STAGES
    from facies.study.conditions.run import CONDITION_STAGES

    return CONDITION_STAGES
