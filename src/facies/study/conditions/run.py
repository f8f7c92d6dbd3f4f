"""The stages of a study that recognises a disease, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from facies.store import read_table
from facies.study.conditions.confounding import confounding_stage
from facies.study.conditions.evaluation import condition_evaluation_stage
from facies.study.conditions.follow_up import follow_up_stage
from facies.study.conditions.intake import condition_cohort_stage, gather_conditions
from facies.study.conditions.measures import measures_stage
from facies.study.conditions.models import condition_models_stage
from facies.study.conditions.people import people_stage
from facies.study.conditions.report import condition_report_stage
from facies.study.conditions.saliency import saliency_stage
from facies.study.config import StudyConfig
from facies.study.crops import forget_crops
from facies.study.extraction import Progress
from facies.study.faces import faces_stage, make_extractor
from facies.study.finetuned import forget_finetuned, require_record
from facies.study.stages import Stage
from facies.tables import FACES

CONDITION_STAGES = ("cohort", "faces", "people", "measures", "models", "evaluation", "confounding", "saliency", "follow_up")
"""All but the report, in order."""


class Doing(Protocol):
    """A run in progress."""

    def do(self, stage: Stage) -> None:
        """Run one stage."""

    def do_or_remove(self, name: str, stage: Stage | None) -> None:
        """Run a stage, or delete what an earlier run left of one that is not asked for any more."""


def run_conditions(
    run: Doing, study: Path, config: StudyConfig, *, jobs: int, random_state: int, progress: Progress | None
) -> None:  # fmt: skip
    """Run all stages, from photographs to the report.

    Raises
    ------
    InputError
        When the study is wrong; the message names file, row and remedy.
    """
    extractor = make_extractor(study, config)
    cohort = gather_conditions(study, config, jobs=jobs, progress=progress)
    forget_crops(study, cohort.photographs)
    forget_finetuned(study, cohort.photographs)
    if config.models.finetune:
        require_record(study)
    run.do(condition_cohort_stage(study, config, cohort))
    run.do(faces_stage(study, config, cohort.photographs, extractor, jobs=jobs, progress=progress))
    faces = read_table(study, FACES)
    run.do(people_stage(study, config, cohort, faces, random_state=random_state))
    run.do(measures_stage(study, config, cohort, faces, jobs=jobs, progress=progress))
    run.do(condition_models_stage(study, config, cohort, faces, extractor, random_state=random_state))
    run.do(condition_evaluation_stage(study, config, cohort, random_state=random_state))
    asked = config.conditions
    run.do_or_remove(
        "confounding",
        confounding_stage(study, config, cohort, faces, extractor, random_state=random_state) if asked.check_confounding else None,
    )
    run.do_or_remove(
        "saliency",
        saliency_stage(study, config, cohort, faces, extractor, jobs=jobs, random_state=random_state) if asked.saliency.methods else None,
    )
    run.do_or_remove("follow_up", follow_up_stage(study, config, cohort, faces, random_state=random_state))
    run.do(condition_report_stage(study, config, cohort))
