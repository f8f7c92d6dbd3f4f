"""Shards into a folder, each with a record of its hashes; an earlier run is taken up where it stopped.

``manifest.json`` is written first (settings, ``complete`` false) and last (all shards' hashes, ``complete`` true). In between,
``records/00000.json`` says that shard 0 is whole. All of these are the same whoever did the work; ``run.json`` says who did it, and when.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from facies import __version__
from facies.errors import InputError, StoreError
from facies.store import value_sha256
from facies.study.cluster.engines import Done, EngineSettings, load_engine
from facies.study.cluster.manifest import Manifest
from facies.study.cluster.places import Folder
from facies.study.cluster.products import PRODUCTS, OpenJob, vector_columns
from facies.study.cluster.shards import Shard, plan_shards
from facies.study.extraction import Progress
from facies.study.stages import package_versions, source_commit

MANIFEST_FILE = "manifest.json"
RUN_FILE = "run.json"

Record = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """What a run did.

    Parameters
    ----------
    n_kept
        Shards that an earlier run had finished.
    excluded
        Photographs without a usable face, by reason.
    seconds
        Of this run.
    """

    folder: str
    engine: str
    n_photographs: int
    n_faces: int
    n_shards: int
    n_kept: int
    excluded: Mapping[str, int]
    seconds: float
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def write_shards(
    manifest: Manifest,
    job: OpenJob,
    folder: Folder,
    *,
    shard_size: int,
    engine: str = "local",
    settings: EngineSettings | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Do all shards of a manifest that the folder does not hold yet.

    Raises
    ------
    InputError
        When the folder holds shards of other settings, or other things.
    StoreError
        When something cannot be written, a worker is lost for good, or a storage does not answer; what was finished is kept.
    """
    clock, settings = _Clock(), settings or EngineSettings()
    run = load_engine(engine)
    shards = plan_shards(manifest.photographs, manifest.paths, size=shard_size)
    head = describe(job, shard_size)
    _require_own(folder, head)
    kept = {shard.number: record for shard in shards if (record := _whole(folder, shard)) is not None}
    todo = [shard for shard in shards if shard.number not in kept]
    records = dict(kept)
    if todo and not dry_run:
        folder.write(MANIFEST_FILE, _json({**head, "complete": False}))
        told = _Told(progress, len(manifest.photographs) - sum(len(shard.photographs) for shard in todo), len(manifest.photographs))
        with contextlib.closing(run(job, todo, settings, told)) as finished:
            records |= {done.shard.number: _write(folder, done) for done in _all_of(finished, todo)}
    written = _summary(folder, engine, manifest, [records[number] for number in sorted(records)], len(shards), len(kept), clock)
    if dry_run:
        return replace(written, dry_run=True)
    _finish(folder, head, [records[number] for number in sorted(records)], written)
    if todo:
        _note_run(folder, written, clock.started, settings)
    return written


class _Clock:
    """When a run began, and how long ago."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._start = time.monotonic()

    def seconds(self) -> float:
        return round(time.monotonic() - self._start, 3)


def _summary(
    folder: Folder, engine: str, manifest: Manifest, records: Sequence[Record], n_shards: int, n_kept: int, clock: _Clock
) -> Written:
    n_faces, excluded = sum(record["n_faces"] for record in records), _total([record["excluded"] for record in records])
    return Written(folder.name, engine, len(manifest.photographs), n_faces, n_shards, n_kept, excluded, clock.seconds())


class _Told:
    """Tells a progress how many photographs are done, those of earlier runs included."""

    def __init__(self, progress: Progress | None, done: int, total: int) -> None:
        self._progress, self._done, self._total = progress, done, total
        self(0)

    def __call__(self, further: int) -> None:
        self._done += further
        if self._progress is not None:
            self._progress(self._done, self._total)


def describe(job: OpenJob, shard_size: int) -> Record:
    """Return the settings that decide every byte of the shards."""
    extractor = job.extractor
    columns = list(vector_columns(extractor))
    encoders = [{"column": column, **asdict(encoder.card)} for column, encoder in zip(columns, extractor.encoders, strict=True)]
    settings: Record = {
        "shard_size": shard_size,
        "detector": {"name": extractor.detector.name, "sha256": extractor.detector.sha256},
        "gate": asdict(extractor.gate),
        "max_pixels": extractor.max_pixels,
        "encoders": encoders,
        "crops": [asdict(contract) for contract in extractor.contracts],
        "with_participants": job.job.with_participants,
        "versions": {"facies": __version__, "pyarrow": pa.__version__, **package_versions()},
    }
    if job.bundle is not None:
        settings["model"] = {"model_id": job.bundle.card.model_id, "sha256": value_sha256(asdict(job.bundle.card))}
        if job.job.prevalence is not None:
            settings["prevalence"] = dict(job.job.prevalence)
    return json.loads(json.dumps({"product": job.job.product, "settings": settings}))  # type: ignore[no-any-return]


def _require_own(folder: Folder, head: Record) -> None:
    """Refuse a folder that holds other things, or shards of other settings."""
    data = folder.read(MANIFEST_FILE)
    if data is None:
        if folder.names():
            raise InputError(f"{folder.name} holds other files and no {MANIFEST_FILE}: name a new folder")
        return
    held = _parsed(data)
    if held is None:
        raise InputError(f"{folder.name}/{MANIFEST_FILE} is damaged: delete it and run again, or name a new folder")
    was, now = _flat(held.get("settings")), _flat(head["settings"])
    differing = [name for name in now if was.get(name) != now[name]] + [name for name in was if name not in now]
    if held.get("product") != head["product"]:
        raise InputError(f"{folder.name} holds {held.get('product')}, not {head['product']}: name a new folder")
    if differing:
        name = differing[0]
        raise InputError(
            f"{folder.name} holds shards made with {name} {_short(was.get(name))}, now it is {_short(now.get(name))}: "
            "name a new folder, or go on with the old settings"
        )


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Return the leaves of nested values by their dotted names."""
    if isinstance(value, Mapping):
        items = [(str(key), inner) for key, inner in value.items()]
    elif isinstance(value, list):
        items = [(str(place), inner) for place, inner in enumerate(value)]
    else:
        return {name: value}
    return {key: leaf for part, inner in items for key, leaf in _flat(inner, f"{name}.{part}" if name else part).items()}


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:21]}..."


def shard_files(product: str, number: int) -> dict[str, str]:
    """Return the file names of a shard by kind.

    Examples
    --------
    >>> shard_files("embeddings", 3)
    {'vectors': 'vectors-00003.parquet', 'faces': 'faces-00003.parquet'}
    """
    return {kind: f"{kind}-{number:05d}.parquet" for kind in PRODUCTS[product]}


def record_file(number: int) -> str:
    """Return the file name of a shard's record."""
    return f"records/{number:05d}.json"


def _whole(folder: Folder, shard: Shard) -> Record | None:
    """Return the record of a shard that an earlier run finished and that is as it left it; None for any other."""
    record = _parsed(folder.read(record_file(shard.number)))
    if record is None or record.get("listed") != shard.listed:
        return None
    files = record.get("files")
    if not isinstance(files, dict) or not files:
        return None
    intact = all((data := folder.read(name)) is not None and _sha256(data) == sha256 for name, sha256 in files.items())
    return record if intact else None


def _all_of(finished: Iterator[Done], shards: Sequence[Shard]) -> Iterator[Done]:
    """Pass on what an engine finished, and make sure that it finished everything."""
    left = {shard.number for shard in shards}
    for done in finished:
        left.discard(done.shard.number)
        yield done
    if left:
        raise StoreError(f"the engine ended before {len(left)} shards were done: run the same command again; what was finished is kept")


def _write(folder: Folder, done: Done) -> Record:
    """Write a shard's files, then the record that vouches for them."""
    product, number = done.product, done.shard.number
    kinds = {kind: f"{kind}-{number:05d}.parquet" for kind in product.files}
    for kind, name in kinds.items():
        folder.write(name, product.files[kind])
    record = {
        "shard": number,
        "listed": done.shard.listed,
        "n_photographs": len(done.shard.photographs),
        "n_faces": product.n_faces,
        "excluded": dict(product.excluded),
        "files": {name: _sha256(product.files[kind]) for kind, name in kinds.items()},
    }
    folder.write(record_file(number), _json(record))
    return record


def _finish(folder: Folder, head: Record, records: Sequence[Record], written: Written) -> None:
    """Delete shards of photographs that the manifest has no more, and write what vouches for the whole."""
    own = {name for record in records for name in (record_file(record["shard"]), *record["files"])}
    for name in folder.names():
        if name not in own and _is_shard(name):
            folder.delete(name)
    counts = {"n_photographs": written.n_photographs, "n_faces": written.n_faces, "excluded": dict(written.excluded)}
    folder.write(MANIFEST_FILE, _json({**head, **counts, "complete": True, "shards": list(records)}))


def _is_shard(name: str) -> bool:
    return name.startswith("records/") or (name.endswith(".parquet") and name.partition("-")[0] in {"vectors", "faces", "predictions"})


def _note_run(folder: Folder, written: Written, started: str, settings: EngineSettings) -> None:
    note = {
        "engine": written.engine, "jobs": settings.jobs, "started_at": started, "seconds": written.seconds, "commit": source_commit(),
        "n_shards_done": written.n_shards - written.n_kept, "n_shards_kept": written.n_kept,
    }  # fmt: skip
    folder.write(RUN_FILE, _json(note))


def _total(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    reasons = sorted({reason for count in counts for reason in count})
    return {reason: sum(count.get(reason, 0) for count in counts) for reason in reasons}


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _parsed(data: bytes | None) -> Record | None:
    try:
        value = json.loads(data or b"")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
