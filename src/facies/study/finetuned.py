"""What ``facies finetune`` left behind, read without torch: every fold's network as the vectors it made, with its head.

::

    derived/finetune/
    ├── crops/                           the faces that were learnt from
    ├── checkpoints/                     where an interrupted fold goes on; empty when all is done
    ├── folds/fold_0.safetensors ...     what the network that never saw fold 0 makes of every face, and its head
    │         all.safetensors            the same of the network fitted on all
    ├── recipe.toml  folds.tsv           every choice; people, epochs and minutes of each fold
    ├── encoder.onnx (.json)             the network fitted on all
    ├── finetuned.bundle/                the frozen model: `facies predict` runs it
    ├── *predictions.tsv                 everybody predicted by a network that never saw the person or a relative
    └── run.json
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from facies.embeddings import load_encoder
from facies.errors import InputError, StoreError
from facies.models.crossfit import CrossFit, FittedFold, cross_fit_fitted
from facies.models.label_distribution import LabelDistributionAge
from facies.records import EncoderCard, RunRecord
from facies.store import read_arrays, read_metadata, read_record, value_sha256, write_arrays
from facies.study.config import StudyConfig
from facies.study.faces import make_gate
from facies.study.intake import Cohort, values_hash
from facies.tables import PARTICIPANT_PREDICTIONS

STAGE = "finetune"
MODEL_ID = "finetuned"
REGRESSOR = "label_distribution"
ENCODER = "encoder.onnx"


def fold_path(folder: Path, fold: int) -> Path:
    """Return where a fold's result lies; -1 is the network fitted on all.

    Examples
    --------
    >>> fold_path(Path("finetune"), -1).name, fold_path(Path("finetune"), 3).name
    ('all.safetensors', 'fold_3.safetensors')
    """
    return folder / "folds" / (f"fold_{fold}.safetensors" if fold >= 0 else "all.safetensors")


class FoldResult(NamedTuple):
    """A fold's fitted model, the faces in the order of its vectors, and the key of what it was made from."""

    fitted: FittedFold
    face_ids: tuple[str, ...]
    key: str


def write_fold(path: Path, result: FoldResult) -> Path:
    """Write what a fold gave."""
    regressor = result.fitted.regressor
    texts = {
        "key": result.key,
        "face_ids": json.dumps(result.face_ids),
        "settings": json.dumps(regressor.get_params(), sort_keys=True),
        "chosen": json.dumps(regressor.chosen_, sort_keys=True),
    }
    return write_arrays(path, {"vectors": result.fitted.vectors, **regressor.to_arrays()}, texts)


def read_fold(path: Path) -> FoldResult:
    """Read what :func:`write_fold` wrote.

    Raises
    ------
    StoreError
        When the file is absent, cut off or altered.
    """
    arrays, texts = read_arrays(path)
    try:
        regressor = LabelDistributionAge.from_arrays(arrays, json.loads(texts["settings"]))
        regressor.chosen_ = json.loads(texts["chosen"])
        return FoldResult(FittedFold(arrays["vectors"], regressor), tuple(json.loads(texts["face_ids"])), texts["key"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path.name} is no result of a fold: run `facies finetune` again") from error


def made_from(config: StudyConfig, cohort: Cohort) -> str:
    """Return a hash of everything in a study that fine-tuned predictions depend on: photographs, how faces are cut, labels, folds."""
    usable = cohort.photographs[cohort.photographs.included].sort_values("photo_id")
    faces = [config.faces.detector, asdict(make_gate(config.faces.gate)), config.faces.max_pixels, config.embeddings.margin]
    photographs = values_hash(usable[["photo_id", "participant_id", "sha256"]])
    return value_sha256([config.study.target, faces, photographs, values_hash(cohort.splits), cohort.learnt_from()])


def require_record(study: Path) -> RunRecord:
    """Return the record of the study's fine-tuning, whatever it was made from.

    Raises
    ------
    InputError
        When there is none.
    """
    record = read_record(study, STAGE)
    if record is None:
        raise InputError(f"the model finetuned is not there yet: run `facies finetune {study}`")
    return record


def require_finetuned(study: Path, config: StudyConfig, cohort: Cohort) -> RunRecord:
    """Return the record of the study's fine-tuning.

    Raises
    ------
    InputError
        When there is none, or it was made from other photographs, labels or folds than the study has now.
    """
    record = require_record(study)
    if record.settings.get("made_from") != made_from(config, cohort):
        raise InputError(f"the model finetuned was made from other photographs, labels or folds: run `facies finetune {study}` again")
    return record


class Finetuned(NamedTuple):
    """The fine-tuned model of a study, cross-fitted, with the card and file of the network fitted on all."""

    fit: CrossFit
    encoder: EncoderCard
    encoder_file: Path


def read_finetuned(study: Path, config: StudyConfig, cohort: Cohort, face_ids: Sequence[str] | None = None) -> Finetuned:
    """Cross-fit the study's fine-tuned networks from what they left behind.

    Parameters
    ----------
    face_ids
        The faces that the study uses; None to take those that were learnt from.

    Raises
    ------
    InputError
        When there is no fine-tuned model, or it was made from something else than the study has now.
    """
    record = require_finetuned(study, config, cohort)
    folder = study / "derived" / STAGE
    results = {fold: read_fold(fold_path(folder, fold)) for fold in fold_numbers(folder)}
    known = results[-1].face_ids if -1 in results else ()
    if face_ids is not None and set(face_ids) != set(known):
        raise InputError(f"the model finetuned was made from {len(known)} faces, the study has {len(face_ids)} or others: run "
                         f"`facies finetune {study}` again")  # fmt: skip
    fit = cross_fit_results(results, config, cohort, settings={name: record.settings[name] for name in ("recipe", "start")})
    file = folder / ENCODER
    return Finetuned(fit, load_encoder(f"onnx:{file}").card, file)


def fold_numbers(folder: Path) -> list[int]:
    """Return the folds that have a result, -1 for the network fitted on all."""
    names = [path.stem for path in sorted((folder / "folds").glob("*.safetensors"))]
    return [-1 if name == "all" else int(name.removeprefix("fold_")) for name in names]


def cross_fit_results(
    results: dict[int, FoldResult], config: StudyConfig, cohort: Cohort, *, settings: dict[str, Any] | None = None
) -> CrossFit:
    """Cross-fit the folds' results; all is joined by identifier."""
    face_ids = results[-1].face_ids
    fitted = {fold: _in_order(result, face_ids) for fold, result in results.items()}
    return cross_fit_fitted(
        fitted, face_ids=face_ids, **who_is_who(face_ids, config, cohort), regressor=REGRESSOR, settings=settings, model_id=MODEL_ID,
        target=config.study.target, level=config.models.interval_level,
    )  # fmt: skip


def _in_order(result: FoldResult, face_ids: Sequence[str]) -> FittedFold:
    place = {face_id: row for row, face_id in enumerate(result.face_ids)}
    if set(place) != set(face_ids):
        raise InputError("the folds of the model finetuned saw different faces: run `facies finetune` again")
    return result.fitted._replace(vectors=result.fitted.vectors[[place[face_id] for face_id in face_ids]])


def who_is_who(face_ids: Sequence[str], config: StudyConfig, cohort: Cohort) -> dict[str, Any]:
    """Return whose the faces are, and everybody's label, weight, fold and family, as :func:`facies.models.cross_fit` takes them."""
    owner = cohort.photographs.set_index("photo_id").participant_id
    people = cohort.participants.set_index("participant_id")
    return {
        "participant_ids": [str(owner[photo_id(face_id)]) for face_id in face_ids],
        "y_by_participant": cohort.labels.observed,
        "weight_by_participant": cohort.labels.n_readers,
        "folds": cohort.splits.set_index("participant_id").fold,
        "groups": people.family_id if config.models.group == "family_id" else None,
    }


def photo_id(face_id: str) -> str:
    """Return the photograph of a face: what stands before the last ``_f``.

    Examples
    --------
    >>> photo_id("p1_f2_f1")
    'p1_f2'
    """
    return face_id.rpartition("_f")[0]


def forget_finetuned(study: Path, photographs: pd.DataFrame) -> bool:
    """Delete a fine-tuning's results when a photograph of theirs is not used any more, as of somebody who withdrew.

    Every network but one has learnt from the person, and all results hold the person's vectors: they must be made again without.

    Parameters
    ----------
    photographs
        Table ``photographs``: what is included is used.

    Returns
    -------
    Whether results were deleted.
    """
    folder = study / "derived" / STAGE
    used = set(photographs.photo_id[photographs.included])
    if all(_known_photographs(fold_path(folder, fold)) <= used for fold in fold_numbers(folder)):
        return False
    for name in ("folds", "checkpoints", f"{MODEL_ID}.bundle"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in (folder / "run.json", folder / ENCODER, folder / f"{ENCODER}.json", *folder.glob("*predictions.tsv")):
        path.unlink(missing_ok=True)
    return True


def _known_photographs(path: Path) -> set[str]:
    """Return the photographs whose vectors a fold's result holds; of a damaged file nobody can say."""
    try:
        return {photo_id(face_id) for face_id in json.loads(read_metadata(path)["face_ids"])}
    except (StoreError, KeyError, ValueError):
        return {"damaged: " + path.name}


def errors_of(predictions: pd.DataFrame) -> tuple[float, int]:
    """Return the mean absolute error over labelled people of the folds, in years, and how many they are."""
    table = PARTICIPANT_PREDICTIONS.validate(predictions)
    known = table[(table.fold >= 0) & table.observed.notna()]
    return float(np.abs(known.predicted - known.observed).mean()), len(known)
