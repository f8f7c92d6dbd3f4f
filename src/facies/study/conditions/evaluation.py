"""The stage that judges cross-fitted scores of conditions."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.evaluation.conditions import evaluate_conditions
from facies.evaluation.severity import evaluate_severity
from facies.store import read_table, table_path, write_table
from facies.study.conditions.intake import ConditionCohort
from facies.study.config import CONFIG_NAME, EvaluationSection, StudyConfig
from facies.study.stages import Outcome, Stage
from facies.tables import (
    CALIBRATION_CURVES,
    CONDITION_CLASSES,
    CONDITION_METRICS,
    CONDITION_PEOPLE,
    CONDITION_SCORES,
    CONFUSIONS,
    DECISION_CURVES,
    FACE_MEASURES,
    FACES,
    OPERATING_POINTS,
    PARTICIPANT_PREDICTIONS,
    PREVALENCE_CURVES,
    ROC_POINTS,
)

AGE_BANDS = (0, 40, 50, 60, 70, 121)
"""Edges of the bands of age, in years."""


def condition_evaluation_stage(study: Path, config: StudyConfig, cohort: ConditionCohort, *, random_state: int) -> Stage:
    """Return the stage ``evaluation``."""
    tables = {"scores": CONDITION_SCORES, "points": OPERATING_POINTS, "classes": CONDITION_CLASSES, "people": CONDITION_PEOPLE,
              "measures": FACE_MEASURES, "faces": FACES, "severity": PARTICIPANT_PREDICTIONS}  # fmt: skip

    def compute() -> Outcome:
        people = describe_people(study, cohort, read_table(study, CONDITION_PEOPLE))
        found = evaluate_conditions(
            read_table(study, CONDITION_SCORES), read_table(study, OPERATING_POINTS), read_table(study, CONDITION_CLASSES), people,
            prevalence=config.conditions.prevalence, subgroups=subgroup_columns(config.evaluation, people),
            n_bootstrap=config.evaluation.n_bootstrap, random_state=random_state,
        )  # fmt: skip
        graded = evaluate_severity(
            read_table(study, PARTICIPANT_PREDICTIONS), n_bootstrap=config.evaluation.n_bootstrap, random_state=random_state
        )  # fmt: skip
        metrics = pd.concat([found.metrics, graded], ignore_index=True) if len(graded) else found.metrics
        written = tuple(
            write_table(study, table, frame)
            for table, frame in (
                (CONDITION_METRICS, metrics), (ROC_POINTS, found.roc_points), (PREVALENCE_CURVES, found.prevalence_curves),
                (DECISION_CURVES, found.decision_curves), (CALIBRATION_CURVES, found.calibration_curves), (CONFUSIONS, found.confusions),
            )
        )  # fmt: skip
        counted = int((people["weight"] > 0).sum())
        return Outcome(written, len(people), counted)

    settings = {
        "prevalence": config.conditions.prevalence, **config.evaluation.model_dump(), "participants": cohort.learnt_from(),
    }  # fmt: skip
    return Stage("evaluation", settings, {name: table_path(study, table) for name, table in tables.items()}, compute)


def describe_people(study: Path, cohort: ConditionCohort, people: pd.DataFrame) -> pd.DataFrame:
    """Add to the people what subgroups may be made by: the participants' columns, age_band, quality and skin_tone."""
    given = cohort.participants.drop(columns=[name for name in ("source",) if name in cohort.participants.columns])
    table = people.merge(given, on="participant_id", how="left", validate="one_to_one")
    labels = [f"{low}-{high - 1}" for low, high in pairwise(AGE_BANDS)]
    table["age_band"] = pd.cut(table["age"], AGE_BANDS, right=False, labels=labels).astype(object)
    faces = read_table(study, FACES)
    owner = cohort.photographs.set_index("photo_id").participant_id
    used = faces[faces.included].assign(participant_id=lambda rows: rows.photo_id.map(owner))
    sharp = used.groupby("participant_id").sharpness.max().reindex(table.participant_id).to_numpy()
    half = pd.Series(np.where(sharp >= np.nanmedian(sharp), "sharper half", "less sharp half"), table.index, dtype=object)
    table["quality"] = half.where(np.isfinite(sharp))
    measures = read_table(study, FACE_MEASURES).merge(used[["face_id", "participant_id"]], on="face_id", validate="one_to_one")
    tones = measures.dropna(subset=["skin_tone_group"]).groupby("participant_id").skin_tone_group.agg(lambda names: names.mode().iloc[0])
    table["skin_tone"] = table.participant_id.map(tones)
    return table


def subgroup_columns(settings: EvaluationSection, people: pd.DataFrame) -> list[str]:
    """Return the columns of subgroups: those of the settings that there are, skin tone and source.

    Raises
    ------
    InputError
        When a column that is not among the defaults is absent.
    """
    defaults = EvaluationSection().subgroups
    absent = [name for name in settings.subgroups if name not in people.columns and name not in defaults]
    if absent:
        raise InputError(f"{CONFIG_NAME}, evaluation.subgroups names '{absent[0]}', which the participants do not have: remove it")
    named = [name for name in settings.subgroups if name in people.columns]
    return list(dict.fromkeys([*named, "skin_tone", "source"]))
