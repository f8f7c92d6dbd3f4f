"""The stage that learns: every encoder with every regressor, cross-fitted, and a frozen bundle of each."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from facies.errors import InputError
from facies.evaluation import evaluate_predictions
from facies.models import CrossFit, cross_fit, write_bundle
from facies.models.bundle import MANIFEST
from facies.models.model_card import describe_model
from facies.models.regressors import regressor_class
from facies.records import Embeddings, EncoderCard, Estimate, ModelCard
from facies.store import table_path, write_json, write_table
from facies.study.config import CONFIG_NAME, StudyConfig
from facies.study.extraction import Extractor
from facies.study.faces import encoder_file, parts_folder, read_embeddings
from facies.study.finetuned import STAGE as FINETUNE
from facies.study.finetuned import read_finetuned
from facies.study.intake import Cohort
from facies.study.stages import Outcome, Stage
from facies.tables import FACES, FOLD_PREDICTIONS, PARTICIPANT_PREDICTIONS, PREDICTIONS, SPLITS

CARDS = "model_cards.json"
"""The cards of a study's models, in the order of its settings."""


def models_stage(
    study: Path, config: StudyConfig, cohort: Cohort, faces: pd.DataFrame, extractor: Extractor, *, random_state: int
) -> Stage:
    """Return the stage ``models``."""

    def compute() -> Outcome:
        models = [
            fit_model(study, embeddings, spec, regressor, cohort, faces, config, random_state=random_state)
            for spec, embeddings in zip(
                config.embeddings.encoders, read_embeddings(study, config, cohort.photographs, extractor), strict=True
            )
            for regressor in config.models.regressors
        ]
        if config.models.finetune:
            models.append(finetuned_model(study, cohort, faces, config, random_state=random_state))
        bundles = [freeze(study, model, extractor) for model in models]
        written = (
            write_table(study, PREDICTIONS, pd.concat([model.fit.predictions for model in models], ignore_index=True)),
            write_table(
                study, PARTICIPANT_PREDICTIONS, pd.concat([model.fit.participant_predictions for model in models], ignore_index=True)
            ),
            write_table(study, FOLD_PREDICTIONS, pd.concat([model.fit.fold_predictions for model in models], ignore_index=True)),
            write_json(study / "derived" / "models" / CARDS, [asdict(model.card) for model in models]),
            *(folder / MANIFEST for folder in bundles),
        )
        n_in = int(cohort.photographs.participant_id.nunique())
        return Outcome(written, n_in, len(models[0].fit.participant_predictions))

    inputs = {
        "faces": table_path(study, FACES),
        "splits": table_path(study, SPLITS),
        "embeddings": parts_folder(study).parent / "embeddings.json",
    }
    if config.models.finetune:
        inputs["finetune"] = study / "derived" / FINETUNE / "run.json"
    settings = {"target": config.study.target, **config.models.model_dump(), "n_bootstrap": config.evaluation.n_bootstrap}
    return Stage("models", settings | {"learnt_from": cohort.learnt_from()}, inputs, compute)


def require_regressors(config: StudyConfig) -> None:
    """Refuse a regressor that facies does not have, or that stands twice.

    Raises
    ------
    InputError
        Naming it.
    """
    for name in config.models.regressors:
        regressor_class(name)
        if config.models.regressors.count(name) > 1:
            raise InputError(f"{CONFIG_NAME}, models.regressors names {name} twice: name each once")


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A cross-fitted model, its card, and its network's file where it has one."""

    fit: CrossFit
    card: ModelCard
    encoder_file: Path | None


def fit_model(
    study: Path, embeddings: Embeddings, spec: str, regressor: str, cohort: Cohort, faces: pd.DataFrame, config: StudyConfig, *,
    random_state: int,
) -> FittedModel:  # fmt: skip
    """Cross-fit one encoder with one regressor and describe the result."""
    fit = cross_fit_study(embeddings, cohort, faces, config, regressor=regressor, random_state=random_state)
    card = describe_fit(fit, embeddings.card, cohort, config, random_state=random_state)
    return FittedModel(fit, card, encoder_file(study, spec, config.embeddings.precision))


def finetuned_model(study: Path, cohort: Cohort, faces: pd.DataFrame, config: StudyConfig, *, random_state: int) -> FittedModel:
    """Return the fine-tuned model as `facies finetune` left it; nothing is trained here.

    Raises
    ------
    InputError
        When it is not there, or was made from other photographs, labels or folds.
    """
    found = read_finetuned(study, config, cohort, faces.face_id[faces.included].tolist())
    return FittedModel(found.fit, describe_fit(found.fit, found.encoder, cohort, config, random_state=random_state), found.encoder_file)


def describe_fit(fit: CrossFit, encoder: EncoderCard, cohort: Cohort, config: StudyConfig, *, random_state: int) -> ModelCard:
    """Return the card of a cross-fitted model, with its errors in people whom no model had seen."""
    metrics = evaluate_predictions(
        fit.participant_predictions, cohort.participants, target=config.study.target, subgroups=(),
        n_bootstrap=config.evaluation.n_bootstrap, noise=cohort.noise, random_state=random_state,
    )  # fmt: skip
    own = metrics[(metrics.system == fit.frozen.model_id) & metrics.ci_low.notna()]
    shown = {row["metric"]: Estimate(row["value"], row["ci_low"], row["ci_high"], row["n"]) for row in own.to_dict("records")}
    return describe_model(fit.frozen, encoder=encoder, metrics=shown, random_state=random_state)


def cross_fit_study(
    embeddings: Embeddings, cohort: Cohort, faces: pd.DataFrame, config: StudyConfig, *, regressor: str, random_state: int
) -> CrossFit:
    """Cross-fit one encoder with one regressor; all is joined by identifier."""
    owner = cohort.photographs.set_index("photo_id").participant_id
    photo_of = faces.set_index("face_id").photo_id
    people = cohort.participants.set_index("participant_id")
    return cross_fit(
        embeddings.vectors,
        face_ids=embeddings.face_ids,
        participant_ids=[str(owner[photo_of[face_id]]) for face_id in embeddings.face_ids],
        y_by_participant=cohort.labels.observed,
        weight_by_participant=cohort.labels.n_readers,
        folds=cohort.splits.set_index("participant_id").fold,
        groups=people.family_id if config.models.group == "family_id" else None,
        regressor=regressor,
        model_id=f"{embeddings.card.name}+{regressor}",
        target=config.study.target,
        level=config.models.interval_level,
        random_state=random_state,
    )


def freeze(study: Path, model: FittedModel, extractor: Extractor) -> Path:
    """Write a model as a bundle, with its network's file where it has one, and return the bundle's folder."""
    folder = study / "derived" / "models" / bundle_name(model.card.model_id)
    crop = extractor.contract(model.card.encoder)
    write_bundle(folder, frozen=model.fit.frozen, card=model.card, crop=crop, encoder_file=model.encoder_file)
    return folder


def bundle_name(model_id: str) -> str:
    """Return the name of a model's folder.

    Examples
    --------
    >>> bundle_name("timm:vit/b+ridge")
    'timm_vit_b+ridge.bundle'
    """
    return f"{re.sub(r'[^A-Za-z0-9._+-]', '_', model_id)}.bundle"
