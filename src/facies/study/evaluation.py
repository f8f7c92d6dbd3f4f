"""The stage that compares predictions with their reference."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facies.cohort import consenting_participants
from facies.evaluation import bland_altman, compare_models, evaluate_predictions
from facies.store import table_path, write_table
from facies.study.config import StudyConfig
from facies.study.discovery import write_cohort_summary
from facies.study.intake import Cohort
from facies.study.stages import Outcome, Stage
from facies.tables import FACES, METRICS, PARTICIPANT_PREDICTIONS, PARTICIPANTS, READING_NOISE

AGREEMENT = ("mean_difference", "limit_low", "limit_high", "proportional_bias")
"""Metrics of the limits of agreement."""


def evaluation_stage(
    study: Path, config: StudyConfig, cohort: Cohort, faces: pd.DataFrame, predictions: pd.DataFrame, *, random_state: int
) -> Stage:
    """Return the stage ``evaluation``: predictions against panel means or ages."""

    def compute() -> Outcome:
        people = with_quality(cohort.participants, cohort.photographs, faces)
        metrics = evaluate_study(predictions, people, cohort.noise, config, random_state=random_state)
        path = write_table(study, METRICS, metrics)
        summary = write_cohort_summary(study, consenting_participants(cohort.participants), cohort.photographs, predictions)
        return Outcome((path, summary), int(predictions.participant_id.nunique()), int(metrics.n.max()))

    inputs = {
        "participants": table_path(study, PARTICIPANTS),
        "faces": table_path(study, FACES),
        "participant_predictions": table_path(study, PARTICIPANT_PREDICTIONS),
    }
    if cohort.noise is not None:
        inputs["reading_noise"] = table_path(study, READING_NOISE)
    return Stage("evaluation", config.evaluation.model_dump(), inputs, compute)


def evaluate_study(
    predictions: pd.DataFrame, people: pd.DataFrame, noise: pd.DataFrame | None, config: StudyConfig, *, random_state: int
) -> pd.DataFrame:
    """Return table ``metrics``: errors of each model, limits of agreement, and each model against the first."""
    target, asked = config.study.target, config.evaluation
    errors = evaluate_predictions(
        predictions,
        people,
        target=target,
        subgroups=tuple(asked.subgroups),
        n_bootstrap=asked.n_bootstrap,
        noise=noise,
        random_state=random_state,
    )
    first, *others = dict.fromkeys(predictions.model_id)
    differences = [
        compare_models(
            predictions, people, target=target, model_id=model_id, against=first, n_bootstrap=asked.n_bootstrap, random_state=random_state
        )
        for model_id in others
    ]
    return METRICS.validate(pd.concat([errors, bland_altman(predictions, target=target), *differences], ignore_index=True))


def with_quality(participants: pd.DataFrame, photographs: pd.DataFrame, faces: pd.DataFrame) -> pd.DataFrame:
    """Return the participants with ``quality``: the mean sharpness of their faces that are used (cut into thirds as a subgroup)."""
    used = faces[faces.included].merge(photographs[["photo_id", "participant_id"]], on="photo_id", validate="many_to_one")
    return participants.assign(quality=participants.participant_id.map(used.groupby("participant_id").sharpness.mean()))
