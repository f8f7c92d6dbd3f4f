"""The stage that learns: every encoder with every regressor, cross-fitted, and a frozen bundle of each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facies.models import CrossFit, cross_fit
from facies.records import Embeddings
from facies.store import table_path, write_table
from facies.study.config import StudyConfig
from facies.study.extraction import Extractor
from facies.study.faces import parts_folder, read_embeddings
from facies.study.intake import Cohort
from facies.study.stages import Outcome, Stage
from facies.tables import FACES, PARTICIPANT_PREDICTIONS, PREDICTIONS, SPLITS


def models_stage(study: Path, config: StudyConfig, cohort: Cohort, faces: pd.DataFrame, extractor: Extractor, *, random_state: int) -> Stage:
    """Return the stage ``models``."""

    def compute() -> Outcome:
        fits = {
            model_name(embeddings, regressor): fit_model(embeddings, cohort, faces, config, regressor=regressor, random_state=random_state)
            for embeddings in read_embeddings(study, config, cohort.photographs, extractor)
            for regressor in config.models.regressors
        }
        written = (
            write_table(study, PREDICTIONS, pd.concat([fit.predictions for fit in fits.values()], ignore_index=True)),
            write_table(study, PARTICIPANT_PREDICTIONS, pd.concat([fit.participant_predictions for fit in fits.values()], ignore_index=True)),
        )
        n_in = int(cohort.photographs.participant_id.nunique())
        return Outcome(written, n_in, len(next(iter(fits.values())).participant_predictions))

    inputs = {
        "faces": table_path(study, FACES),
        "splits": table_path(study, SPLITS),
        "embeddings": parts_folder(study).parent / "embeddings.json",
    }
    return Stage("models", {"target": config.study.target, **config.models.model_dump()}, inputs, compute)


def model_name(embeddings: Embeddings, regressor: str) -> str:
    """Return the model_id: encoder and regressor."""
    return f"{embeddings.card.name}+{regressor}"


def fit_model(embeddings: Embeddings, cohort: Cohort, faces: pd.DataFrame, config: StudyConfig, *, regressor: str, random_state: int) -> CrossFit:
    """Cross-fit one encoder with one regressor; all is joined by identifier."""
    owner = cohort.photographs.set_index("photo_id").participant_id
    photo_of = faces.set_index("face_id").photo_id
    families = cohort.participants.set_index("participant_id")
    grouped = config.models.group == "family_id"
    return cross_fit(
        embeddings.vectors,
        face_ids=embeddings.face_ids,
        participant_ids=[str(owner[photo_of[face_id]]) for face_id in embeddings.face_ids],
        y_by_participant=cohort.labels.observed,
        weight_by_participant=cohort.labels.n_readers,
        folds=cohort.splits.set_index("participant_id").fold,
        groups=families.family_id if grouped else None,
        regressor=regressor,
        model_id=model_name(embeddings, regressor),
        target=config.study.target,
        level=config.models.interval_level,
        random_state=random_state,
    )
