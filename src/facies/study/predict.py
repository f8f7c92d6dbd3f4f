"""A frozen model on new photographs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from facies.embeddings import has_runtimes
from facies.errors import CropContractError, InputError
from facies.faces import QualityGate
from facies.models import Bundle, ConditionBundle, read_any_bundle
from facies.records import EncoderCard
from facies.store import write_tsv
from facies.study.cluster.folders import folder_of, list_photographs
from facies.study.extraction import Extractor, ExtractorRecipe, Progress, Result
from facies.study.faces import detector_file
from facies.study.predict_conditions import INTENDED_USE, chosen_face, condition_predictions, parse_prevalence
from facies.study.stages import package_versions
from facies.tables import GIVEN_POINTS

if TYPE_CHECKING:
    from facies.study.cluster.manifest import Manifest
    from facies.study.cluster.photographs import Photograph
    from facies.study.cluster.products import OpenJob
    from facies.study.cluster.writing import Written

COLUMNS = (
    "photo_id",
    "face_id",
    "model_id",
    "target",
    "predicted",
    "ci_low",
    "ci_high",
    "warning",
    "included",
    "exclusion_reason",
    "intended_use",
)


@dataclass(frozen=True, eq=False)
class Predicted:
    """What ``facies predict`` did; numbers count photographs, though a model of several conditions gives each several rows."""

    table: pd.DataFrame
    n_photographs: int
    n_predicted: int
    n_warned: int
    excluded: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return the counts and the rows as plain values."""
        counts = {
            "n_photographs": self.n_photographs,
            "n_predicted": self.n_predicted,
            "n_warned": self.n_warned,
            "excluded": self.excluded,
        }
        return counts | {"predictions": json.loads(self.table.to_json(orient="records", double_precision=15))}


def predict_photographs(
    bundle: Path,
    photographs: Path | str,
    output: Path | None,
    *,
    jobs: int = 1,
    engine: str = "local",
    address: str | None = None,
    detector_weights: Path | None = None,
    encoder_weights: Path | None = None,
    gate: QualityGate | None = None,
    prevalence: Sequence[str] = (),
    progress: Progress | None = None,
) -> Predicted:
    """Apply a bundle to photographs and write one row a photograph, and condition where the model tells conditions.

    Parameters
    ----------
    bundle
        The folder of a frozen model.
    photographs
        A folder, searched with its subfolders (hidden ones apart), a single photograph, or a table with ``photo_id`` and ``path`` (a file
        or a URL), and the five points where the model's detector is ``given``.
    output
        Where the table goes; None writes nothing.
    engine, address
        ``local`` or ``ray``, and the address of a running Ray cluster; see :mod:`facies.study.cluster`.
    detector_weights, encoder_weights
        Files of a detector or encoder that neither facies nor the bundle carries.
    prevalence
        For models of conditions: ``condition=share`` among the people who are looked at, or a share alone for all conditions.

    Raises
    ------
    WeightsError
        When the bundle, or a network that it needs, is absent or altered.
    CropContractError
        When the detector is another than the model's.
    InputError
        When there are no photographs.
    """
    from facies.study.cluster.engines import EngineSettings
    from facies.study.cluster.gathering import gather_results

    manifest = list_photographs(photographs)
    job = open_model(bundle, photographs, manifest, detector_weights, encoder_weights, gate, prevalence)
    model = job.bundle or read_any_bundle(bundle)
    results = gather_results(job, manifest, engine=engine, settings=EngineSettings(jobs, address), progress=progress)
    table = predictions_table(model, manifest.photographs, results, job.job.prevalence)
    if output is not None:
        write_tsv(output, table)
    by_photograph = table.drop_duplicates("photo_id")
    reasons = by_photograph.exclusion_reason.dropna().value_counts()
    warned = int((by_photograph.included & by_photograph.warning.fillna("").ne("")).sum())
    excluded = {str(reason): int(n) for reason, n in reasons.items()}
    return Predicted(table, len(manifest.photographs), int(by_photograph.included.sum()), warned, excluded)


def predict_shards(
    bundle: Path,
    photographs: Path | str,
    folder: Path | str,
    *,
    jobs: int = 1,
    engine: str = "local",
    address: str | None = None,
    shard_size: int | None = None,
    detector_weights: Path | None = None,
    encoder_weights: Path | None = None,
    gate: QualityGate | None = None,
    prevalence: Sequence[str] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Apply a bundle to many photographs and write the predictions in Parquet shards.

    Parameters
    ----------
    bundle, photographs, detector_weights, encoder_weights, engine, address, prevalence
        As for :func:`predict_photographs`.
    folder
        A folder or URL; what an earlier run finished there is kept.
    shard_size
        Photographs in a shard, :data:`facies.study.cluster.shards.SHARD_SIZE` when None.

    Raises
    ------
    InputError
        When the folder holds shards of other settings, or there are no photographs.
    StoreError
        When something cannot be written, or a worker is lost for good.
    """
    from facies.study.cluster.engines import EngineSettings
    from facies.study.cluster.places import open_folder
    from facies.study.cluster.shards import SHARD_SIZE
    from facies.study.cluster.writing import write_shards

    manifest = list_photographs(photographs)
    job = open_model(bundle, photographs, manifest, detector_weights, encoder_weights, gate, prevalence)
    return write_shards(
        manifest, job, open_folder(folder), shard_size=SHARD_SIZE if shard_size is None else shard_size, engine=engine,
        settings=EngineSettings(jobs, address), dry_run=dry_run, progress=progress,
    )  # fmt: skip


def open_model(
    bundle: Path,
    photographs: Path | str,
    manifest: Manifest,
    detector_weights: Path | None,
    encoder_weights: Path | None,
    gate: QualityGate | None,
    prevalence: Sequence[str] = (),
) -> OpenJob:
    """Return the job of predicting by a bundle, its networks loaded."""
    from facies.study.cluster.products import OpenJob, ShardJob

    model = read_any_bundle(bundle)
    shares = parse_prevalence(prevalence, model)
    recipe = _recipe(model, detector_weights, encoder_weights, gate or QualityGate())
    extractor = recipe.build()
    _require_fitting(model, extractor)
    _require_points(model, manifest)
    within = folder_of(photographs)
    return OpenJob(ShardJob(recipe, str(bundle.resolve()), within=within, versions=package_versions(), prevalence=shares), extractor)


def _recipe(
    model: Bundle | ConditionBundle, detector_weights: Path | None, encoder_weights: Path | None, gate: QualityGate
) -> ExtractorRecipe:
    spec = model.card.encoder.name if model.encoder_file is None else f"onnx:{model.encoder_file}"
    detector = detector_file(model.crop.detector, detector_weights)
    return ExtractorRecipe(
        model.crop.detector, _text(detector), [spec], [_text(encoder_weights)], asdict(gate), margin=model.crop.margin,
        harmonise=model.crop.harmonise, **_runtime(spec, model.card.encoder),
    )  # fmt: skip


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())


def _require_fitting(model: Bundle | ConditionBundle, extractor: Extractor) -> None:
    card = extractor.encoders[0].card
    model.require_encoder(card)
    try:
        model.crop.require(extractor.contract(card))
    except CropContractError as error:
        raise CropContractError(f"{model.card.model_id}: {error}") from error


def _runtime(spec: str, card: EncoderCard) -> dict[str, Any]:
    """Return what the model's vectors were made with, where there is a choice."""
    if not has_runtimes(spec) or not card.runtime:
        return {}
    return {"runtime": card.runtime.split()[0], "precision": card.precision}


def is_folder(output: str) -> bool:
    """Return whether predictions go into a folder, in shards: a URL, a folder that is there, or a name that ends in a slash.

    Examples
    --------
    >>> is_folder("predictions.tsv"), is_folder("predictions/"), is_folder("s3://bucket/predictions")
    (False, True, True)
    """
    from facies.study.cluster.places import is_url

    return is_url(output) or output.endswith("/") or Path(output).is_dir()


def _require_points(model: Bundle | ConditionBundle, manifest: Manifest) -> None:
    if model.crop.detector == "given" and all(photograph.given_points is None for photograph in manifest.photographs):
        raise InputError(
            f"{model.card.model_id} does not search for faces and {manifest.name} gives no points: "
            f"name a table with photo_id, path and {GIVEN_POINTS[0]} to {GIVEN_POINTS[-1]}"
        )


def predictions_table(
    model: Bundle | ConditionBundle, photographs: Sequence[Photograph], results: Sequence[Result],
    prevalence: Mapping[str, float] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return one row a photograph (and condition), in the order of ``photographs``: its prediction, or why it has none."""
    if isinstance(model, ConditionBundle):
        return condition_predictions(model, photographs, results, prevalence=prevalence)
    with_face = [result for result in results if result.face_id is not None]
    vectors = np.concatenate([result.vectors[0] for result in with_face]) if with_face else np.empty((0, model.card.encoder.dimension))
    predicted = model.predict_vectors(vectors) if with_face else pd.DataFrame(columns=["predicted", "ci_low", "ci_high", "warning"])
    predicted = predicted.assign(face_id=[str(result.face_id) for result in with_face])
    columns = ["photo_id", "face_id", "included", "exclusion_reason"]
    faces = pd.concat([chosen_face(result)[columns] for result in results], ignore_index=True)
    table = faces.merge(predicted, on="face_id", how="left", validate="one_to_one")
    order = {photograph.photo_id: place for place, photograph in enumerate(photographs)}
    table = table.sort_values("photo_id", key=lambda names: names.map(order), ignore_index=True)
    return table.assign(model_id=model.card.model_id, target=model.card.target, intended_use=INTENDED_USE)[list(COLUMNS)]
