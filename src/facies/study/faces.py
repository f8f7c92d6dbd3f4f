"""The stage that finds, cuts and encodes faces, and reads them back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from facies.embeddings import WEIGHTS, find_weights, has_runtimes
from facies.embeddings.own_network import NAME
from facies.embeddings.sidecar import quantised_path
from facies.errors import InputError
from facies.faces import QualityGate
from facies.records import Embeddings
from facies.store import table_path, write_json, write_table
from facies.study.config import CONFIG_NAME, EmbeddingSection, StudyConfig
from facies.study.extraction import (
    Extractor,
    ExtractorRecipe,
    Progress,
    collect_embeddings,
    collect_faces,
    collect_hashes,
    extract_parts,
    index_parts,
    keep_used_parts,
    plan_tasks,
)
from facies.study.intake import photograph_folders
from facies.study.stages import Outcome, Stage
from facies.tables import FACES, PHOTOGRAPHS


def make_extractor(study: Path, config: StudyConfig) -> Extractor:
    """Return the study's detector, encoders and gate, ready to use.

    Raises
    ------
    InputError
        When a setting names no detector, encoder or threshold.
    WeightsError
        When a network's file is absent or altered.
    """
    weights = config.embeddings.weights
    _require_used(weights, config.embeddings.encoders)
    _require_runtimes(config.embeddings)
    detector_weights = detector_file(config.faces.detector, _path(study, config.faces.detector_weights))
    recipe = ExtractorRecipe(
        detector=config.faces.detector,
        detector_weights=_text(detector_weights),
        encoders=[_in_study(study, spec, config.embeddings.precision) for spec in config.embeddings.encoders],
        weights=[_text(_path(study, weights.get(spec))) for spec in config.embeddings.encoders],
        gate=asdict(make_gate(config.faces.gate)),
        max_pixels=config.faces.max_pixels,
        margin=config.embeddings.margin,
        runtime=config.embeddings.runtime,
        precision=config.embeddings.precision,
        harmonise=config.conditions.harmonise,
    )
    extractor = recipe.build()
    _require_own_names([encoder.card.name for encoder in extractor.encoders])
    return extractor


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())


def _require_used(weights: dict[str, str], encoders: list[str]) -> None:
    """Refuse weights that no encoder would take: the user would believe that they are used."""
    for name in weights:
        if name not in encoders:
            raise InputError(f"{CONFIG_NAME}, embeddings.weights names '{name}', which is none of the encoders: correct or remove it")


def _require_runtimes(settings: EmbeddingSection) -> None:
    """Refuse runtime and precision that no encoder would take."""
    if any(map(has_runtimes, settings.encoders)):
        return
    for name in ("runtime", "precision"):
        if getattr(settings, name) != EmbeddingSection.model_fields[name].default:
            raise InputError(f"{CONFIG_NAME}, embeddings.{name} has no effect: none of the encoders is a network in an ONNX file")


def _require_own_names(names: list[str]) -> None:
    """Refuse two encoders of one name: their models could not be told apart."""
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two encoders are called '{name}': give one of them another name in the JSON file beside its network")


def detector_file(name: str, given: Path | None) -> Path | None:
    """Return the file of a detector that facies does not carry: the one given, or the one that was fetched."""
    if given is None and name in WEIGHTS:
        return find_weights(name)
    return given


def make_gate(thresholds: dict[str, float]) -> QualityGate:
    """Return the quality gate with these thresholds; NaN (``nan`` in TOML) switches one off.

    Raises
    ------
    InputError
        When a name is no threshold.
    """
    known = asdict(QualityGate())
    unknown = [name for name in thresholds if name not in known]
    if unknown:
        raise InputError(f"{CONFIG_NAME}, faces.gate has no threshold {unknown[0]!r}: choose from {', '.join(known)}")
    return QualityGate(**{name: None if value != value else value for name, value in thresholds.items()})


def _in_study(study: Path, spec: str, precision: str) -> str:
    """Read the path of ``onnx:FILE`` as seen from the study's folder."""
    file = encoder_file(study, spec, precision)
    return spec if file is None else f"onnx:{file}"


def encoder_file(study: Path, spec: str, precision: str = "float32") -> Path | None:
    """Return the network's file of ``onnx:FILE`` or ``ssl``, None for an encoder without one; for int8 that of the quantised network."""
    kind, _, name = spec.partition(":")
    if kind not in ("onnx", NAME):
        return None
    file = study / name if kind == "onnx" else own_encoder(study)
    return quantised_path(file) if precision == "int8" else file


def own_encoder(study: Path) -> Path:
    """Return the file of the encoder that the study has learnt from its own photographs.

    Raises
    ------
    InputError
        When it has learnt none.
    """
    file = study / "derived" / "pretrain" / "encoder.onnx"
    if not file.exists():
        raise InputError(f"{CONFIG_NAME} names the encoder {NAME}, which {study} has not learnt yet: run `facies pretrain {study}` first")
    return file


def _path(study: Path, name: str | None) -> Path | None:
    return None if name is None else study / name


def parts_folder(study: Path) -> Path:
    """Return where the vectors lie."""
    return study / "derived" / "embeddings" / "parts"


def faces_stage(
    study: Path, config: StudyConfig, photographs: pd.DataFrame, extractor: Extractor, *, jobs: int, progress: Progress | None
) -> Stage:  # fmt: skip
    """Return the stage ``faces``: photographs to the faces' table and vectors."""

    def compute() -> Outcome:
        parts = parts_folder(study)
        tasks = plan_tasks(photographs, photograph_folders(study, config), extractor)
        index = extract_parts(tasks, extractor, parts, jobs=jobs, progress=progress)
        faces = collect_faces(tasks, index)
        index = keep_used_parts(tasks, index, parts)
        used = sorted({index[task.key].name for task in tasks})
        cards = [asdict(encoder.card) for encoder in extractor.encoders]
        written = (
            write_table(study, FACES, faces),
            write_json(parts.parent / "embeddings.json", {"encoders": cards, "parts": used}),
            write_json(table_path(study, FACES).with_name("perceptual_hashes.json"), collect_hashes(tasks, index)),
        )
        reasons = faces.exclusion_reason.dropna().value_counts()
        n_out = int(faces.loc[faces.included, "photo_id"].nunique())
        return Outcome(written, len(tasks), n_out, {str(reason): int(n) for reason, n in reasons.items()})

    settings = {
        "detector": {"name": extractor.detector.name, "sha256": extractor.detector.sha256},
        "gate": asdict(extractor.gate),
        "max_pixels": extractor.max_pixels,
        "crops": [asdict(contract) for contract in extractor.contracts],
        "encoders": [asdict(encoder.card) for encoder in extractor.encoders],
    }
    inputs = {"photographs": table_path(study, PHOTOGRAPHS)}
    return Stage("faces", settings, inputs, compute, always=True, precision=stated_precision(extractor))


def stated_precision(extractor: Extractor) -> str:
    """Return the precision of the vectors for the run's record: that of all encoders, or of each by name where they differ."""
    by_name = {encoder.card.name: encoder.card.precision for encoder in extractor.encoders}
    distinct = sorted(set(by_name.values()))
    return distinct[0] if len(distinct) == 1 else ", ".join(f"{name}: {precision}" for name, precision in by_name.items())


def read_embeddings(study: Path, config: StudyConfig, photographs: pd.DataFrame, extractor: Extractor) -> list[Embeddings]:
    """Read the vectors of all included faces, one record an encoder.

    Raises
    ------
    InputError
        When the faces have not been encoded with these settings, or none is usable.
    """
    tasks = plan_tasks(photographs, photograph_folders(study, config), extractor)
    index = index_parts(parts_folder(study))
    absent = [task.photo_id for task in tasks if task.key not in index]
    if absent:
        raise InputError(f"{len(absent)} photographs have not been encoded with these settings: run `facies run {study}`")
    return collect_embeddings(tasks, index, [encoder.card for encoder in extractor.encoders])
