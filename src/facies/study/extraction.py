"""From photograph files to stored vectors: one streaming pass that keeps what it has done.

Each photograph is read, searched for a face, aligned and encoded at one go by one thread or process, so that decoding one overlaps with
the network on another, no crop waits in memory, and a vector never depends on its neighbours. Finished photographs are stored in
*parts* of :data:`PART_SIZE`, each written whole. A part names its photographs by a hash of their bytes and of all settings that
matter: what was done is found again after an interruption or when photographs are added, and done anew when a setting changes.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np

from facies import __version__
from facies.embeddings import has_runtimes, load_encoder
from facies.errors import InputError, StoreError
from facies.faces import QualityGate, faces_table, load_detector, read_photograph
from facies.imaging.decode import MAX_PIXELS
from facies.imaging.looks import perceptual_hash
from facies.records import CropContract, Embeddings, EncoderCard
from facies.store import read_arrays, read_metadata, value_sha256, write_arrays
from facies.tables import GIVEN_POINTS
from facies.types import Detector, Floats, Vectors

if TYPE_CHECKING:
    import pandas as pd

    from facies.embeddings.encoders import CardedEncoder

PART_SIZE = 128
"""Photographs in one part: what an interruption loses at most."""

SPARE = 1
"""Threads more than cores: one of them usually waits for the interpreter lock or for its worker."""

WORTH_PROCESSES = 256
"""Photographs from which on processes are started: each takes about a second to load its networks."""

Progress = Callable[[int, int], None]
"""Called with the photographs done and all photographs."""

Asked = TypeVar("Asked")
"""What is asked for: a task, or a row of a manifest."""


class Task(NamedTuple):
    """One photograph to read: a file, or its bytes where somebody has fetched them from elsewhere."""

    key: str
    photo_id: str
    path: Path | bytes
    given_points: Floats | None


class Result(NamedTuple):
    """What one photograph gave."""

    key: str
    rows: list[dict[str, Any]]
    face_id: str | None
    vectors: list[Vectors]
    hash: str = ""


@dataclass(frozen=True)
class ExtractorRecipe:
    """What an extractor is made from, as plain values, so that another process can make the same.

    ``encoders`` are specifications such as ``hog`` and ``weights`` the file of each, or None; ``gate`` are thresholds by name.
    ``runtime`` and ``precision`` are those of the encoders that have them to choose.
    """

    detector: str
    detector_weights: str | None
    encoders: Sequence[str]
    weights: Sequence[str | None]
    gate: Mapping[str, float | None]
    max_pixels: int = MAX_PIXELS
    margin: float | None = None
    runtime: str = "onnxruntime"
    precision: str = "float32"
    harmonise: Sequence[str] = ()

    def build(self) -> Extractor:
        """Load the detector and the encoders.

        Raises
        ------
        InputError, WeightsError
            When one of them is unknown, or its file is absent or altered.
        """
        detector = load_detector(self.detector, weights=_file(self.detector_weights))
        encoders = [self._encoder(spec, _file(weights)) for spec, weights in zip(self.encoders, self.weights, strict=True)]
        return Extractor(detector, encoders, QualityGate(**self.gate), self.max_pixels, self.margin, self, tuple(self.harmonise))

    def _encoder(self, spec: str, weights: Path | None) -> CardedEncoder:
        if has_runtimes(spec):
            return load_encoder(spec, weights=weights, runtime=self.runtime, precision=self.precision)
        return load_encoder(spec, weights=weights)


def _file(name: str | None) -> Path | None:
    return None if name is None else Path(name)


@dataclass(frozen=True)
class Extractor:
    """How faces are found, cut and encoded in this study; with a ``recipe``, also by several processes."""

    detector: Detector
    encoders: Sequence[CardedEncoder]
    gate: QualityGate
    max_pixels: int = MAX_PIXELS
    margin: float | None = None
    recipe: ExtractorRecipe | None = None
    harmonise: tuple[str, ...] = ()

    def contract(self, card: EncoderCard) -> CropContract:
        """Return the crop contract of an encoder as this study cuts faces."""
        crop = card.crop.found_by(self.detector.name, self.detector.sha256)
        crop = replace(crop, harmonise=self.harmonise)
        return crop if self.margin is None else replace(crop, margin=self.margin)

    @cached_property
    def contracts(self) -> list[CropContract]:
        """The distinct crop contracts, in the order of the encoders that need them first."""
        return list(dict.fromkeys(self.contract(encoder.card) for encoder in self.encoders))

    @cached_property
    def _crop_of_encoder(self) -> list[int]:
        """Which of the contracts each encoder's crops are cut by."""
        return [self.contracts.index(self.contract(encoder.card)) for encoder in self.encoders]

    def digest(self) -> str:
        """Return a hash of all that decides what a photograph gives."""
        cards = [asdict(encoder.card) for encoder in self.encoders]
        return value_sha256([__version__, asdict(self.gate), self.max_pixels, cards, [asdict(c) for c in self.contracts]])

    def extract(self, task: Task) -> Result:
        """Read one photograph: its rows of the faces' table and one vector by each encoder."""
        found = read_photograph(
            task.photo_id, task.path, detector=self.detector, contracts=self.contracts, gate=self.gate,
            given_points=task.given_points, max_pixels=self.max_pixels,
        )  # fmt: skip
        if found.face_id is None or found.grey is None:
            return Result(task.key, found.rows, None, [])
        crops = zip(self.encoders, self._crop_of_encoder, strict=True)
        vectors = [encoder.encode(found.crops[place][None]) for encoder, place in crops]
        return Result(task.key, found.rows, found.face_id, vectors, f"{int(perceptual_hash(found.grey)):016x}")


def plan_tasks(photographs: pd.DataFrame, folders: Sequence[Path], extractor: Extractor) -> list[Task]:
    """Return one task an included photograph, in the order of ``photo_id``."""
    from facies.cohort import locate_photograph

    usable = photographs[photographs.included].sort_values("photo_id")
    digest = extractor.digest()
    points = given_points(usable)
    return [
        Task(value_sha256([photo_id, sha256, _listed(given), digest])[:32], photo_id, locate_photograph(path, folders), given)
        for photo_id, sha256, path, given in zip(usable.photo_id, usable.sha256, usable.path, points, strict=True)
    ]


def given_points(photographs: pd.DataFrame) -> list[Floats | None]:
    """Return the five points of each row, (5, 2), None where the user gave none."""
    if not set(GIVEN_POINTS) <= set(photographs.columns):
        return [None] * len(photographs)
    values = photographs[list(GIVEN_POINTS)].to_numpy(dtype=np.float64).reshape(-1, 5, 2)
    return [row if np.isfinite(row).all() else None for row in values]


def _listed(points: Floats | None) -> list[list[float]] | None:
    return None if points is None else points.tolist()


def extract_parts(
    tasks: Sequence[Task], extractor: Extractor, parts: Path, *, jobs: int, progress: Progress | None = None
) -> dict[str, Path]:
    """Do all tasks that no part holds yet and return the part of each task's key.

    Parameters
    ----------
    parts
        The folder of parts.
    jobs
        Cores to use.

    Raises
    ------
    StoreError
        When a part cannot be written; what was written before stays.
    """
    index = index_parts(parts)
    pending = [task for task in tasks if task.key not in index]
    n_done = len(tasks) - len(pending)
    _tell(progress, n_done, len(tasks))
    batch: list[Result] = []
    with readers(extractor, len(pending), jobs) as reader:
        for result in extract_in_order(pending, reader, jobs):
            batch.append(result)
            n_done += 1
            if len(batch) == PART_SIZE:
                index |= _write_part(parts, batch)
                batch = []
            _tell(progress, n_done, len(tasks))
    if batch:
        index |= _write_part(parts, batch)
    return index


@contextmanager
def readers(extractor: Extractor, n_tasks: int, jobs: int) -> Iterator[Reads]:
    """Give what reads the photographs: processes where there is enough to do for them, otherwise this one's threads."""
    if extractor.recipe is None or jobs < 2 or n_tasks < WORTH_PROCESSES:
        yield extractor
        return
    from facies.study.workers import WorkerPool

    with WorkerPool(extractor.recipe, jobs) as pool:
        yield pool


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


class Reads(Protocol):
    """What reads one photograph."""

    def extract(self, task: Task) -> Result:
        """Return what the photograph gave."""


def extract_in_order(tasks: Iterable[Task], extractor: Reads, jobs: int) -> Iterator[Result]:
    """Yield results in the order of the tasks, at most ``4 * jobs`` in hand."""
    return answers_in_order(extractor.extract, tasks, jobs)


def answers_in_order(extract: Callable[[Asked], Result], asked: Iterable[Asked], jobs: int) -> Iterator[Result]:
    """Yield what ``extract`` answers by ``jobs + SPARE`` threads, in the order asked, at most ``4 * jobs`` in hand."""
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=jobs + SPARE) as pool:
        try:
            for one in asked:
                waiting.append(pool.submit(extract, one))
                if len(waiting) >= 4 * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _write_part(parts: Path, batch: list[Result]) -> dict[str, Path]:
    keys = [result.key for result in batch]
    included = [result for result in batch if result.face_id is not None]
    n_encoders = len(included[0].vectors) if included else 0
    arrays = {f"vectors_{k}": np.concatenate([result.vectors[k] for result in included]) for k in range(n_encoders)}
    metadata = {
        "keys": json.dumps(keys),
        "rows": json.dumps([result.rows for result in batch], allow_nan=True),
        "face_ids": json.dumps([result.face_id for result in batch]),
        "hashes": json.dumps([result.hash for result in batch]),
    }
    path = parts / f"{value_sha256(keys)[:24]}.safetensors"
    write_arrays(path, arrays or {"empty": np.zeros(1, np.float32)}, metadata)
    return dict.fromkeys(keys, path)


def index_parts(parts: Path) -> dict[str, Path]:
    """Return which part holds each key; a damaged part is deleted, so that its photographs are read again."""
    index: dict[str, Path] = {}
    for path in sorted(parts.glob("*.safetensors")):
        try:
            keys = json.loads(read_metadata(path)["keys"])
        except (StoreError, KeyError, ValueError):
            path.unlink()
            continue
        index |= dict.fromkeys(keys, path)
    return index


def collect_faces(tasks: Sequence[Task], index: dict[str, Path]) -> pd.DataFrame:
    """Return the faces' table, in the order of the tasks."""
    rows = _by_key(tasks, index, "rows")
    return faces_table([row for task in tasks for row in rows[task.key]])


def collect_hashes(tasks: Sequence[Task], index: dict[str, Path]) -> dict[str, str]:
    """Return the perceptual hash of each photograph with a usable face, by photo_id."""
    hashes = _by_key(tasks, index, "hashes")
    return {task.photo_id: hashes[task.key] for task in tasks if hashes[task.key]}


def _by_key(tasks: Sequence[Task], index: dict[str, Path], name: str) -> dict[str, Any]:
    """Return one of the lists that the parts hold, by the tasks' keys."""
    found: dict[str, Any] = {}
    wanted = {task.key for task in tasks}
    for path in dict.fromkeys(index[task.key] for task in tasks):
        metadata = read_metadata(path)
        held = zip(json.loads(metadata["keys"]), json.loads(metadata[name]), strict=True)
        found.update((key, value) for key, value in held if key in wanted)
    return found


def collect_embeddings(tasks: Sequence[Task], index: dict[str, Path], cards: Sequence[EncoderCard]) -> list[Embeddings]:
    """Return the vectors of all included faces by each encoder, in the order of the tasks.

    Raises
    ------
    InputError
        When no photograph shows a usable face.
    """
    vectors: list[dict[str, Vectors]] = [{} for _ in cards]
    wanted = {task.key for task in tasks}
    for path in dict.fromkeys(index[task.key] for task in tasks):
        arrays, metadata = read_arrays(path)
        held = zip(json.loads(metadata["keys"]), json.loads(metadata["face_ids"]), strict=True)
        with_face = [(key, face_id) for key, face_id in held if face_id is not None]
        for row, (key, face_id) in enumerate(with_face):
            if key in wanted:
                for k in range(len(cards)):
                    vectors[k][face_id] = arrays[f"vectors_{k}"][row]
    if not vectors[0]:
        raise InputError(
            f"none of {len(tasks)} photographs shows a usable face: see exclusion_reason in faces.tsv and the gate in study.toml"
        )
    return [_embeddings(held, card) for held, card in zip(vectors, cards, strict=True)]


def _embeddings(held: dict[str, Vectors], card: EncoderCard) -> Embeddings:
    face_ids = tuple(sorted(held))
    return Embeddings(face_ids, np.stack([held[face_id] for face_id in face_ids]), card)


def keep_used_parts(tasks: Sequence[Task], index: dict[str, Path], parts: Path) -> dict[str, Path]:
    """Delete all that parts hold of photographs that are not used any more, as of people who withdrew; return where each key is now."""
    wanted = {task.key for task in tasks}
    kept: dict[str, Path] = {}
    for path in dict.fromkeys(index[task.key] for task in tasks):
        kept |= _only(path, wanted)
    for path in set(parts.glob("*.safetensors")) - set(kept.values()):
        path.unlink()
    return kept


def _only(path: Path, wanted: set[str]) -> dict[str, Path]:
    """Return the part if all its photographs are wanted; otherwise write one of those that are."""
    keys: list[str] = json.loads(read_metadata(path)["keys"])
    if wanted.issuperset(keys):
        return dict.fromkeys(keys, path)
    return _write_part(path.parent, [result for result in _read_part(path) if result.key in wanted])


def _read_part(path: Path) -> list[Result]:
    arrays, metadata = read_arrays(path)
    columns = [json.loads(metadata[name]) for name in ("keys", "rows", "face_ids", "hashes")]
    vectors = [arrays[f"vectors_{k}"] for k in range(sum(name.startswith("vectors_") for name in arrays))]
    results, row = [], 0
    for key, rows, face_id, looks in zip(*columns, strict=True):
        own = [] if face_id is None else [held[row : row + 1] for held in vectors]
        results.append(Result(key, rows, face_id, own, looks))
        row += face_id is not None
    return results
