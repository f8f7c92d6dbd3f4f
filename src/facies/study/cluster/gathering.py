"""What every photograph of a manifest gave, in memory and in the manifest's order."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq

from facies.study.cluster.engines import EngineSettings, load_engine, read_in_order
from facies.study.cluster.manifest import Manifest
from facies.study.cluster.photographs import Fetching, Photograph
from facies.study.cluster.products import OpenJob, Product, vector_columns
from facies.study.cluster.shards import SHARD_SIZE, plan_shards
from facies.study.extraction import SPARE, Progress, Result, readers


def gather_results(
    job: OpenJob, manifest: Manifest, *, engine: str = "local", settings: EngineSettings | None = None, progress: Progress | None = None
) -> list[Result]:
    """Read all photographs and return what each gave.

    Raises
    ------
    StoreError
        When a worker is lost for good, or a storage does not answer.
    """
    settings = settings or EngineSettings()
    found = _locally(job, manifest, settings) if engine == "local" and settings.address is None else _by(engine, job, manifest, settings)
    results: dict[str, Result] = {}
    for photo_id, result in found:
        results[photo_id] = result
        if progress is not None:
            progress(len(results), len(manifest.photographs))
    return [results[photograph.photo_id] for photograph in manifest.photographs]


def _locally(job: OpenJob, manifest: Manifest, settings: EngineSettings) -> Iterator[tuple[str, Result]]:
    with readers(job.extractor, len(manifest.photographs), settings.jobs) as inner:
        results = read_in_order(manifest.photographs, Fetching(job.reader(inner), settings.jobs + SPARE), settings.jobs)
        yield from zip((photograph.photo_id for photograph in manifest.photographs), results, strict=True)


def _by(engine: str, job: OpenJob, manifest: Manifest, settings: EngineSettings) -> Iterator[tuple[str, Result]]:
    """Have an engine make vectors, and take the shards apart again."""
    vectors = OpenJob(replace(job.job, bundle=None), job.extractor)
    shards = plan_shards(manifest.photographs, manifest.paths, size=SHARD_SIZE)
    for done in load_engine(engine)(vectors, shards, settings, lambda _: None):
        results = read_product(done.product, done.shard.photographs, list(vector_columns(job.extractor)))
        yield from zip((photograph.photo_id for photograph in done.shard.photographs), results, strict=True)


def read_product(product: Product, photographs: Sequence[Photograph], columns: Sequence[str]) -> list[Result]:
    """Return the results that the vectors and faces of a shard were made from."""
    faces = pq.read_table(io.BytesIO(product.files["faces"])).to_pandas()
    rows: dict[str, list[dict[str, object]]] = {}
    for row in faces.to_dict("records"):
        rows.setdefault(str(row["photo_id"]), []).append({str(name): value for name, value in row.items()})
    table = pq.read_table(io.BytesIO(product.files["vectors"]))
    values = [np.asarray(table[column].combine_chunks().flatten()).reshape(len(table), -1) for column in columns]
    place = {photo_id: k for k, photo_id in enumerate(table["photo_id"].to_pylist())}
    face_ids = table["face_id"].to_pylist()
    return [_result(photograph.photo_id, rows, place, face_ids, values) for photograph in photographs]


def _result(
    photo_id: str, rows: dict[str, list[dict[str, object]]], place: dict[str, int], face_ids: list[str], values: Sequence[np.ndarray]
) -> Result:
    if photo_id not in place:
        return Result("", rows[photo_id], None, [])
    k = place[photo_id]
    return Result("", rows[photo_id], face_ids[k], [held[k : k + 1] for held in values])
