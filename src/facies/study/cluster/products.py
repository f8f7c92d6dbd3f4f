"""What a shard becomes: vectors and faces, or predictions, as the bytes of Parquet files.

The bytes depend on the photographs and the settings alone: rows stand in the order of the manifest, every writing option is fixed, and no
time, machine or number of workers is in them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from facies.errors import StoreError
from facies.faces import faces_table
from facies.study.cluster.folders import InFolder
from facies.study.cluster.photographs import Photograph, require_some_readable
from facies.study.cluster.shards import Shard
from facies.study.extraction import Extractor, ExtractorRecipe, Reads, Result
from facies.study.stages import package_versions
from facies.tables import FACES, Column

if TYPE_CHECKING:
    from facies.models import Bundle, ConditionBundle

PRODUCTS = {"embeddings": ("vectors", "faces"), "predictions": ("predictions",)}
"""The kinds of file that a shard becomes."""

_KINDS = {
    "id": pa.string(), "text": pa.string(), "category": pa.string(), "number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(),
}  # fmt: skip


@dataclass(frozen=True)
class Product:
    """What is made of a shard.

    Parameters
    ----------
    files
        File name by kind (``vectors``, ``faces`` or ``predictions``) and its bytes.
    n_faces
        Faces that are used.
    excluded
        Photographs without one, by reason.
    """

    files: Mapping[str, bytes]
    n_faces: int
    excluded: Mapping[str, int]


@dataclass(frozen=True)
class ShardJob:
    """What to do with each shard, as plain values, so that another process or machine can do the same.

    Parameters
    ----------
    bundle
        The folder of a frozen model where predictions are made, None where vectors are.
    with_participants
        Whether the vectors' table has the column ``participant_id``.
    within
        A folder that no photograph may lie outside of, None for no such limit.
    versions
        Of the packages that numbers depend on; another machine must have the same.
    prevalence
        Of conditions among the people who are looked at, for models of conditions.
    """

    recipe: ExtractorRecipe
    bundle: str | None = None
    with_participants: bool = False
    within: str | None = None
    versions: Mapping[str, str] | None = None
    prevalence: Mapping[str, float] | None = None

    @property
    def product(self) -> str:
        """Which of :data:`PRODUCTS` is made."""
        return "embeddings" if self.bundle is None else "predictions"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as :meth:`from_dict` reads them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ShardJob:
        """Return the job of these plain values."""
        return cls(**{**values, "recipe": ExtractorRecipe(**values["recipe"])})

    def require_same_versions(self) -> None:
        """Refuse to compute beside a program with other packages, since last bits would differ.

        Raises
        ------
        StoreError
            Naming the first package that differs.
        """
        here, there = package_versions(), self.versions or {}
        for name, version in there.items():
            if here.get(name) != version:
                raise StoreError(f"a worker has {name} {here.get(name)}, this program {version}: install the same versions on all machines")


@dataclass(frozen=True, eq=False)
class OpenJob:
    """A job with its networks loaded."""

    job: ShardJob
    extractor: Extractor

    @classmethod
    def of(cls, job: ShardJob) -> OpenJob:
        """Load what a job needs.

        Raises
        ------
        InputError, WeightsError
            When a network is unknown, absent or altered.
        """
        return cls(job, job.recipe.build())

    @cached_property
    def bundle(self) -> Bundle | ConditionBundle | None:
        """The frozen model, where predictions are made."""
        if self.job.bundle is None:
            return None
        from facies.models import read_any_bundle

        return read_any_bundle(Path(self.job.bundle))

    def reader(self, reader: Reads | None = None) -> Reads:
        """Return what reads this job's photographs: ``reader``, by default the extractor, kept within the job's folder."""
        inner = reader or self.extractor
        return inner if self.job.within is None else InFolder(inner, Path(self.job.within))

    def make(self, shard: Shard, results: Sequence[Result]) -> Product:
        """Return the files of a shard.

        Raises
        ------
        StoreError
            When none of the photographs may be read.
        """
        require_some_readable(shard.photographs, results)
        n_faces = sum(result.face_id is not None for result in results)
        return Product(self._files(shard, results), n_faces, count_reasons(results))

    def _files(self, shard: Shard, results: Sequence[Result]) -> dict[str, bytes]:
        if self.bundle is not None:
            from facies.study.predict import predictions_table

            return {"predictions": predictions_bytes(predictions_table(self.bundle, shard.photographs, results, self.job.prevalence))}
        return {"vectors": self._vectors(shard.photographs, results), "faces": faces_bytes(results)}

    def _vectors(self, photographs: Sequence[Photograph], results: Sequence[Result]) -> bytes:
        used = [(photograph, result) for photograph, result in zip(photographs, results, strict=True) if result.face_id is not None]
        columns: dict[str, pa.Array] = {
            "photo_id": pa.array([photograph.photo_id for photograph, _ in used], pa.string()),
            "face_id": pa.array([result.face_id for _, result in used], pa.string()),
        }
        if self.job.with_participants:
            columns["participant_id"] = pa.array([photograph.participant_id for photograph, _ in used], pa.string())
        for k, (column, dimension) in enumerate(vector_columns(self.extractor).items()):
            values = np.concatenate([result.vectors[k] for _, result in used]) if used else np.empty((0, dimension), np.float32)
            columns[column] = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), pa.float32()), dimension)
        return to_parquet(pa.table(columns))


def vector_columns(extractor: Extractor) -> dict[str, int]:
    """Return the vectors' columns and their dimensions: ``vector``, or ``vector_<encoder>`` of several encoders."""
    cards = [encoder.card for encoder in extractor.encoders]
    if len(cards) == 1:
        return {"vector": cards[0].dimension}
    return {f"vector_{card.name}": card.dimension for card in cards}


def count_reasons(results: Sequence[Result]) -> dict[str, int]:
    """Return how many photographs have no usable face, by the reason that tells most."""
    counts: dict[str, int] = {}
    for result in results:
        if result.face_id is None:
            reason = telling_reason(result.rows)
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items()))


def telling_reason(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return why a photograph is not used: the chosen face's reason, not that others were not chosen.

    Examples
    --------
    >>> telling_reason([{"exclusion_reason": "another_face_chosen"}, {"exclusion_reason": "blurred"}])
    'blurred'
    """
    reasons = [str(row["exclusion_reason"]) for row in rows]
    return next((reason for reason in reasons if reason != "another_face_chosen"), reasons[0])


def faces_bytes(results: Sequence[Result]) -> bytes:
    """Return the rows of the faces' table as Parquet."""
    frame = faces_table(row for result in results for row in result.rows)
    return to_parquet(_typed(frame, {column.name: column for column in FACES.columns}))


def predictions_bytes(frame: pd.DataFrame) -> bytes:
    """Return predictions as Parquet."""
    numbers = ("predicted", "ci_low", "ci_high", "score", "probability", "probability_at_prevalence")
    calls = (name for name in frame.columns if name.startswith("positive_"))
    kinds = {"included": "boolean", **dict.fromkeys(numbers, "number"), **dict.fromkeys(calls, "boolean")}
    return to_parquet(_typed(frame, {name: Column(name, kinds.get(name, "text"), "") for name in frame.columns}))


def _typed(frame: pd.DataFrame, columns: Mapping[str, Column]) -> pa.Table:
    """Return a frame with the types of its columns; missing is null."""
    arrays = {name: pa.array(frame[name], _KINDS[column.kind], from_pandas=True) for name, column in columns.items()}
    return pa.table(arrays)


def to_parquet(table: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file; equal tables give equal bytes."""
    data = io.BytesIO()
    pq.write_table(
        table, data, row_group_size=max(1, len(table)), version="2.6", data_page_version="1.0", compression="zstd", compression_level=1,
        use_dictionary=False, write_statistics=True,
    )  # fmt: skip
    return data.getvalue()
