"""The stage that learns conditions: every encoder with every classifier, cross-fitted several times, and what later stages need of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies import __version__
from facies.errors import InputError, StoreError
from facies.models.bundle import MANIFEST
from facies.models.classifiers import ConditionModel, classifier_entry
from facies.models.condition_bundle import write_condition_bundle
from facies.models.condition_fit import ConditionFit, cross_fit_conditions
from facies.models.network_fit import CLASSIFIER
from facies.models.severity_fit import SeverityFit, cross_fit_severity
from facies.records import ConditionCard, Embeddings, EncoderCard
from facies.store import read_arrays, read_table, table_path, write_arrays, write_json, write_table, write_tsv
from facies.study.conditions.finetune import finetuned_encoder, read_condition_finetuned
from facies.study.conditions.intake import ConditionCohort
from facies.study.conditions.people import QUALITY
from facies.study.config import CONFIG_NAME, StudyConfig
from facies.study.extraction import Extractor
from facies.study.faces import encoder_file, parts_folder, read_embeddings
from facies.study.finetuned import MODEL_ID
from facies.study.finetuned import STAGE as FINETUNE
from facies.study.models import CARDS, bundle_name
from facies.study.stages import Outcome, Stage
from facies.tables import (
    CONDITION_CLASSES,
    CONDITION_FACE_SCORES,
    CONDITION_PEOPLE,
    CONDITION_SCORES,
    CONDITION_SPLITS,
    FACES,
    OPERATING_POINTS,
    PARTICIPANT_PREDICTIONS,
    PREDICTIONS,
    Table,
)

SEVERITY = "severity.json"
CHOSEN = "chosen_candidates.tsv"
_SHARED = "projection."
"""What the names of a model's arrays begin with that all conditions of a fold share."""


def condition_models_stage(
    study: Path, config: StudyConfig, cohort: ConditionCohort, faces: pd.DataFrame, extractor: Extractor, *, random_state: int
) -> Stage:
    """Return the stage ``models``.

    Beside its tables it writes ``folds/`` (:func:`read_fold_models`), a bundle a model, their cards, ``severity.json`` (what was learnt of
    the grades, or why nothing was) and ``chosen_candidates.tsv`` (what inner folds chose). Grades are predicted under the target
    ``severity:<condition>``. Raises InputError for a classifier that is unknown or named twice.
    """
    asked = config.conditions
    for name in asked.classifiers:
        classifier_entry(name)
        if asked.classifiers.count(name) > 1:
            raise InputError(f"{CONFIG_NAME}, conditions.classifiers names {name} twice: name each once")

    of_classes = "logistic" if "logistic" in asked.classifiers else asked.classifiers[0]

    def compute() -> Outcome:
        people, splits = read_table(study, CONDITION_PEOPLE), read_table(study, CONDITION_SPLITS)
        made, cards, written = _Made(), [], []
        encoded = read_embeddings(study, config, cohort.photographs, extractor)
        for spec, embeddings in zip(config.embeddings.encoders, encoded, strict=True):
            given = _given(embeddings, cohort, faces, people, splits, config)
            made.add_severity(given, people, config, encoder=embeddings.card.name, random_state=random_state)
            for classifier in asked.classifiers:
                fit = fit_conditions(
                    given, people, config, classifier=classifier, model_id=f"{embeddings.card.name}+{classifier}",
                    multiclass=asked.multiclass and classifier == of_classes, random_state=random_state,
                )  # fmt: skip
                made.fits.append(fit)
                cards.append(_card(embeddings.card, cohort, faces, people, config, classifier, random_state))
                written.append(write_fold_models(study, cards[-1].model_id, fit.fold_models))
                bundle = study / "derived" / "models" / bundle_name(cards[-1].model_id)
                file = encoder_file(study, spec, config.embeddings.precision)
                write_condition_bundle(bundle, fit, cards[-1], crop=extractor.contract(embeddings.card), encoder_file=file)
                written.append(bundle / MANIFEST)
        if config.models.finetune:
            fit = read_condition_finetuned(study, config, cohort)
            encoder, file = finetuned_encoder(study)
            made.fits.append(fit)
            cards.append(_card(encoder, cohort, faces, people, config, CLASSIFIER, random_state, model_id=MODEL_ID))
            bundle = study / "derived" / "models" / bundle_name(MODEL_ID)
            write_condition_bundle(bundle, fit, cards[-1], crop=extractor.contract(encoder), encoder_file=file)
            written.append(bundle / MANIFEST)
        written += made.write(study)
        written.append(write_json(study / "derived" / "models" / CARDS, [asdict(card) for card in cards]))
        return Outcome(tuple(written), len(people), int((people["weight"] > 0).sum()))

    inputs = {
        "faces": table_path(study, FACES), "people": table_path(study, CONDITION_PEOPLE), "splits": table_path(study, CONDITION_SPLITS),
        "embeddings": parts_folder(study).parent / "embeddings.json",
    }  # fmt: skip
    if config.models.finetune:
        inputs["finetune"] = study / "derived" / FINETUNE / "run.json"
    named = ("target_conditions", "classifiers", "multiclass", "class_weights", "operating_points")
    settings = {name: getattr(asked, name) for name in named} | {"learnt_from": cohort.learnt_from()}
    settings |= {"group": config.models.group, "finetune": config.models.finetune}
    return Stage("models", settings, inputs, compute)


class _Made:
    """What has been fitted so far."""

    def __init__(self) -> None:
        self.fits: list[ConditionFit] = []
        self.severity: list[SeverityFit] = []

    def add_severity(
        self, given: Mapping[str, Any], people: pd.DataFrame, config: StudyConfig, *, encoder: str, random_state: int
    ) -> None:  # fmt: skip
        """Learn the grades of every condition for which any are known."""
        grades = people.set_index("participant_id")["severity"]
        for name in config.conditions.target_conditions:
            own = grades[(people["diagnosis"] == name).to_numpy()].dropna()
            if len(own):
                self.severity.append(
                    cross_fit_severity(**given, severity=own, condition=name, model_id=f"{encoder}+ordinal", random_state=random_state)
                )

    def write(self, study: Path) -> list[Path]:
        """Write the tables."""
        tables = (
            (CONDITION_FACE_SCORES, "face_scores"), (CONDITION_SCORES, "scores"), (CONDITION_CLASSES, "classes"),
            (OPERATING_POINTS, "operating_points"),
        )  # fmt: skip
        written = [_write(study, table, [getattr(fit, name) for fit in self.fits]) for table, name in tables]
        written.append(write_json(study / "derived" / "models" / SEVERITY, [fit.note for fit in self.severity]))
        for table, name in ((PREDICTIONS, "predictions"), (PARTICIPANT_PREDICTIONS, "participant_predictions")):
            written.append(_write(study, table, [getattr(fit, name) for fit in self.severity]))
        chosen = pd.concat([fit.chosen for fit in self.fits], ignore_index=True)
        return [*written, write_tsv(study / "derived" / "models" / CHOSEN, chosen)]


def _write(study: Path, table: Table, parts: Sequence[pd.DataFrame]) -> Path:
    filled = [part for part in parts if len(part)]
    return write_table(study, table, pd.concat(filled, ignore_index=True) if filled else table.empty())


def _given(
    embeddings: Embeddings, cohort: ConditionCohort, faces: pd.DataFrame, people: pd.DataFrame, splits: pd.DataFrame, config: StudyConfig
) -> dict[str, Any]:
    """Return what every model is fitted on; all is joined by identifier."""
    kept, whose, visits = faces_of_people(embeddings, cohort, faces, people)
    known = people.set_index("participant_id")
    families = cohort.participants.set_index("participant_id")["family_id"] if config.models.group == "family_id" else None
    return {
        "X": embeddings.vectors[kept],
        "face_ids": [embeddings.face_ids[row] for row in kept],
        "participant_ids": whose,
        "session_ids": visits,
        "diagnosis": known["diagnosis"],
        "learnt_session": known["session_id"],
        "folds": splits,
        "groups": families,
    }


def fit_conditions(
    given: Mapping[str, Any], people: pd.DataFrame, config: StudyConfig, *, classifier: str, model_id: str, multiclass: bool,
    random_state: int,
) -> ConditionFit:  # fmt: skip
    """Cross-fit one encoder with one classifier."""
    return cross_fit_conditions(
        **given,
        target_conditions=config.conditions.target_conditions,
        weights=people.set_index("participant_id")["weight"],
        classifier=classifier,
        model_id=model_id,
        operating_points=config.conditions.operating_points,
        class_weights=config.conditions.class_weights,
        multiclass=multiclass,
        random_state=random_state,
    )


def faces_of_people(
    embeddings: Embeddings, cohort: ConditionCohort, faces: pd.DataFrame, people: pd.DataFrame
) -> tuple[list[int], list[str], list[Any]]:
    """Return the rows of vectors of people with a diagnosis, whose faces they are and at which visit."""
    photographs = cohort.photographs.set_index("photo_id")
    photo_of = faces.set_index("face_id").photo_id
    owner = photographs["participant_id"]
    session = photographs["session_id"] if "session_id" in photographs.columns else pd.Series(np.nan, photographs.index, dtype=object)
    wanted = set(people.participant_id)
    kept = [row for row, face_id in enumerate(embeddings.face_ids) if owner[photo_of[face_id]] in wanted]
    pictures = [photo_of[embeddings.face_ids[row]] for row in kept]
    return kept, [str(owner[photo_id]) for photo_id in pictures], [session[photo_id] for photo_id in pictures]


def _card(
    encoder: EncoderCard, cohort: ConditionCohort, faces: pd.DataFrame, people: pd.DataFrame, config: StudyConfig, classifier: str,
    random_state: int, model_id: str | None = None,
) -> ConditionCard:  # fmt: skip
    counted = people[people.weight > 0]
    ages = cohort.participants.set_index("participant_id").age.reindex(counted.participant_id).dropna()
    own = cohort.photographs.photo_id[cohort.photographs.participant_id.isin(counted.participant_id)]
    used = faces[faces.included & faces.photo_id.isin(own)]
    licences = cohort.photographs.loc[cohort.photographs.photo_id.isin(own)].get("licence")
    terms = () if licences is None else tuple(sorted(set(licences.dropna())))
    return ConditionCard(
        model_id=model_id or f"{encoder.name}+{classifier}", target_conditions=tuple(config.conditions.target_conditions),
        classifier=classifier, encoder=encoder, n_participants=len(counted), n_photographs=len(used),
        n_cases={name: int((counted.diagnosis == name).sum()) for name in config.conditions.target_conditions},
        sources={str(name): int(n) for name, n in counted.source.value_counts().items()},
        ages=(float(ages.min()), float(ages.max())) if len(ages) else None,
        quality={name: (float(used[name].quantile(0.005)), float(used[name].quantile(0.995))) for name in QUALITY},
        operating_points=tuple(config.conditions.operating_points), random_state=random_state, facies_version=__version__, licences=terms,
    )  # fmt: skip


def _fold_file(study: Path, model_id: str) -> Path:
    return study / "derived" / "models" / "folds" / f"{re.sub(r'[^A-Za-z0-9._+-]', '_', model_id)}.safetensors"


def write_fold_models(study: Path, model_id: str, models: Mapping[tuple[str, int, int], ConditionModel]) -> Path:
    """Write all models, by condition, repeat and fold, as one file of arrays; the axes of a fold are written once."""
    arrays: dict[str, Any] = {}
    for (condition, repeat, fold), model in models.items():
        for name, array in model.to_arrays().items():
            whose = "" if name.startswith(_SHARED) else condition
            arrays[f"{whose}|{repeat}|{fold}|{name}"] = array.astype(np.float32) if array.ndim == 2 else array
    classifier = next(iter(models.values())).classifier
    return write_arrays(_fold_file(study, model_id), arrays, {"classifier": classifier})


def read_fold_models(study: Path, model_id: str) -> dict[tuple[str, int, int], ConditionModel]:
    """Return the models by condition, repeat, and the fold that each was fitted without.

    Raises
    ------
    StoreError
        When the file is absent or damaged.
    """
    arrays, metadata = read_arrays(_fold_file(study, model_id))
    parts: dict[tuple[str, int, int], dict[str, Any]] = {}
    shared: dict[tuple[int, int], dict[str, Any]] = {}
    for key, array in arrays.items():
        condition, repeat, fold, name = key.rsplit("|", 3)
        place = (int(repeat), int(fold))
        if condition:
            parts.setdefault((condition, *place), {})[name] = array
        else:
            shared.setdefault(place, {})[name] = array
    if not parts or {key[1:] for key in parts} != set(shared):
        raise StoreError(f"the fold models of {model_id} are incomplete: delete derived/models and run again")
    return {key: ConditionModel.from_arrays({**own, **shared[key[1:]]}, metadata["classifier"]) for key, own in parts.items()}
