"""A network in 8-bit integers, made and accepted on a study's own photographs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.embeddings.quantise import FEWEST_CROPS, cosine_distances, quantise_network
from facies.embeddings.sidecar import quantised_path, sidecar_path
from facies.errors import InputError
from facies.evaluation import compare_models
from facies.faces import read_photograph
from facies.records import Embeddings, Estimate
from facies.store import write_whole
from facies.study.config import StudyConfig, read_config
from facies.study.extraction import Extractor, Progress, Task, collect_embeddings, collect_faces, extract_parts, plan_tasks
from facies.study.faces import make_extractor
from facies.study.intake import Cohort, gather_cohort, photograph_folders
from facies.study.models import cross_fit_study
from facies.tables import FACES
from facies.types import Images

N_CALIBRATION = 128
"""Photographs that the ranges of the activations are taken from, at most; each of another person, a fifth of all people at most."""

MOST_DISTANCE = 0.01
"""Cosine distance that 99 of 100 faces of people who did not calibrate may not exceed."""

MARGIN_YEARS = 0.2
"""Half width that the 95 % interval of the difference in MAE may not exceed: otherwise the study is too small to tell."""


@dataclass(frozen=True)
class Quantised:
    """What the check of an int8 network found.

    ``distance_median`` and ``distance_99`` are cosine distances between float32 and int8 vectors of ``n_faces`` faces of people who did
    not calibrate; ``mae_difference`` is the int8 network's MAE minus the float32 network's, cross-fitted, in years.
    """

    file: Path
    n_calibration: int
    n_faces: int
    distance_median: float
    distance_99: float
    mae_float32: float
    mae_difference: Estimate
    megabytes: tuple[float, float]

    def objections(self) -> list[str]:
        """Return why the network must not be used; an empty list where nothing speaks against it."""
        change = self.mae_difference
        half_width = (change.ci_high - change.ci_low) / 2
        found = {
            f"the vectors of 1 in 100 faces turn by a cosine distance of {self.distance_99:.4f}, more than {MOST_DISTANCE}":
                not self.distance_99 <= MOST_DISTANCE,
            f"the mean absolute error changes by {change} years": not change.ci_low <= 0 <= change.ci_high,
            f"{change.n} people tell the change of the mean absolute error to {half_width:.2f} years only, {MARGIN_YEARS} are needed":
                not half_width <= MARGIN_YEARS,
        }  # fmt: skip
        return [reason for reason, holds in found.items() if holds]

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as plain values."""
        return {**asdict(self), "file": str(self.file), "bounds": {"distance_99": MOST_DISTANCE, "half_width_years": MARGIN_YEARS}}


def quantise_for_study(
    network: Path, study: Path, *, jobs: int = 1, progress: Progress | None = None, tell: Callable[[str], None] | None = None
) -> Quantised:
    """Quantise a network on a study's photographs and keep the result beside it if the study's ages stay what they were.

    It is kept only where (1) the cosine distance between the float32 and int8 vectors of 99 in 100 faces is at most
    :data:`MOST_DISTANCE`, (2) the paired 95 % bootstrap interval of the difference in cross-fitted MAE includes 0 and (3) is no wider than
    :data:`MARGIN_YEARS` to either side.

    Parameters
    ----------
    network
        An ONNX file in float32 with its description.
    study
        A study with photographs and labels. Its detector, gate, margin, target, folds and first regressor are used.

    Raises
    ------
    InputError
        When the result is refused, with the reasons; nothing is written then. When the study has too few people.
    MissingExtraError, WeightsError
        When the network cannot be quantised.
    """
    config = _only(read_config(study), network)
    cohort = gather_cohort(study, config, jobs=jobs, random_state=config.study.random_state)
    (study / "derived").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=study / "derived", prefix=".quantise.", suffix=".part") as folder:
        made = Path(folder) / quantised_path(network).name
        calibrating = _calibrating(cohort, config)
        extractor = make_extractor(study, config)
        crops = _crops(study, config, cohort, extractor, calibrating)
        _say(tell, f"quantising on {len(crops)} faces")
        quantise_network(network, made, crops=crops)
        _say(tell, "comparing the vectors and errors of all photographs")
        both = _with(extractor, made)
        vectors, faces = _encode(study, config, cohort, both, Path(folder) / "parts", jobs, progress)
        found = _judge(network, made, vectors, faces, cohort, config, calibrating)
        _require_accepted(found)
        for path in (made, sidecar_path(made)):
            write_whole(network.with_name(path.name), path.read_bytes())
    return found


def _only(config: StudyConfig, network: Path) -> StudyConfig:
    """Return the study's settings with this network as its only encoder."""
    embeddings = config.embeddings.model_copy(
        update={"encoders": [f"onnx:{network.resolve()}"], "weights": {}, "runtime": "onnxruntime", "precision": "float32"}
    )
    return config.model_copy(update={"embeddings": embeddings})


def _calibrating(cohort: Cohort, config: StudyConfig) -> list[str]:
    """Return the people whose photographs calibrate, drawn by chance."""
    people = sorted(cohort.photographs[cohort.photographs.included].participant_id.unique())
    n = min(N_CALIBRATION, len(people) // 5)
    if n < FEWEST_CROPS:
        raise InputError(f"{len(people)} people are too few to quantise a network on: at least {5 * FEWEST_CROPS} are needed")
    drawn = np.random.default_rng(config.study.random_state).choice(len(people), n, replace=False)
    return [str(people[i]) for i in sorted(drawn)]


def _crops(study: Path, config: StudyConfig, cohort: Cohort, extractor: Extractor, people: Sequence[str]) -> Images:
    """Return the face of one photograph of each person, (n, size, size, 3)."""
    usable = cohort.photographs[cohort.photographs.included & cohort.photographs.participant_id.isin(people)]
    first = usable.sort_values("photo_id").drop_duplicates("participant_id")
    found = [_read(task, extractor) for task in plan_tasks(first, photograph_folders(study, config), extractor)]
    crops = [crop for one in found for crop in one]
    if len(crops) < FEWEST_CROPS:
        raise InputError(f"only {len(crops)} of {len(found)} photographs to calibrate on show a usable face: {FEWEST_CROPS} are needed")
    return np.stack(crops)


def _read(task: Task, extractor: Extractor) -> list[Images]:
    return read_photograph(
        task.photo_id, task.path, detector=extractor.detector, contracts=extractor.contracts, gate=extractor.gate,
        given_points=task.given_points, max_pixels=extractor.max_pixels,
    ).crops  # fmt: skip


def _with(extractor: Extractor, made: Path) -> Extractor:
    """Return an extractor that encodes by the float32 and by the int8 network."""
    recipe = extractor.recipe
    if recipe is None:
        raise InputError("the study's extractor has no recipe: make it from study.toml")
    return replace(recipe, encoders=[*recipe.encoders, f"onnx:{made}"], weights=[*recipe.weights, None]).build()


def _encode(
    study: Path, config: StudyConfig, cohort: Cohort, extractor: Extractor, parts: Path, jobs: int, progress: Progress | None
) -> tuple[list[Embeddings], pd.DataFrame]:
    tasks = plan_tasks(cohort.photographs, photograph_folders(study, config), extractor)
    index = extract_parts(tasks, extractor, parts, jobs=jobs, progress=progress)
    return collect_embeddings(tasks, index, [encoder.card for encoder in extractor.encoders]), collect_faces(tasks, index)


def _judge(
    network: Path, made: Path, vectors: Sequence[Embeddings], faces: pd.DataFrame, cohort: Cohort, config: StudyConfig,
    calibrating: Sequence[str],
) -> Quantised:  # fmt: skip
    exact, coarse = vectors
    distances = cosine_distances(*(held.rows_of(_others(exact, faces, cohort, calibrating)) for held in vectors))
    mae, change = _errors(exact, coarse, faces, cohort, config)
    return Quantised(
        file=network.with_name(made.name), n_calibration=len(calibrating), n_faces=len(distances),
        distance_median=float(np.median(distances)), distance_99=float(np.quantile(distances, 0.99)),
        mae_float32=mae, mae_difference=change,
        megabytes=(network.stat().st_size / 1e6, made.stat().st_size / 1e6),
    )  # fmt: skip


def _others(exact: Embeddings, faces: pd.DataFrame, cohort: Cohort, calibrating: Sequence[str]) -> list[str]:
    """Return the faces of people who did not calibrate."""
    FACES.validate(faces)
    photo_of = faces.set_index("face_id").photo_id
    owner = cohort.photographs.set_index("photo_id").participant_id
    return [face_id for face_id in exact.face_ids if owner[photo_of[face_id]] not in set(calibrating)]


def _errors(exact: Embeddings, coarse: Embeddings, faces: pd.DataFrame, cohort: Cohort, config: StudyConfig) -> tuple[float, Estimate]:
    """Return the float32 network's cross-fitted MAE, and the int8 network's minus it."""
    seed = config.study.random_state
    fits = [
        cross_fit_study(held, cohort, faces, config, regressor=config.models.regressors[0], random_state=seed) for held in (exact, coarse)
    ]
    predictions = pd.concat([fit.participant_predictions for fit in fits], ignore_index=True)
    compared = compare_models(
        predictions, cohort.participants, target=config.study.target, model_id=fits[1].frozen.model_id, against=fits[0].frozen.model_id,
        n_bootstrap=config.evaluation.n_bootstrap, random_state=seed,
    )  # fmt: skip
    row = compared[compared.metric == "mae_difference"].iloc[0]
    known = fits[0].participant_predictions.dropna(subset=["observed"])
    mae = float((known.predicted - known.observed).abs().mean())
    return mae, Estimate(float(row["value"]), float(row["ci_low"]), float(row["ci_high"]), int(row["n"]))


def _require_accepted(found: Quantised) -> None:
    objections = found.objections()
    if objections:
        raise InputError(f"{found.file.name} was not kept: {'; '.join(objections)}; stay with float32")


def _say(tell: Callable[[str], None] | None, text: str) -> None:
    if tell is not None:
        tell(text)
