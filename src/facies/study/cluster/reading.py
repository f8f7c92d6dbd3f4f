"""A folder of shards back as tables and vectors."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from facies.errors import InputError, StoreError
from facies.records import Embeddings, EncoderCard, from_json
from facies.study.cluster.places import Folder, open_folder
from facies.study.cluster.writing import MANIFEST_FILE


def read_shards(place: Path | str) -> tuple[pd.DataFrame, list[Embeddings]]:
    """Read what ``facies embed`` wrote, each file held to its hash.

    Parameters
    ----------
    place
        The folder or URL.

    Returns
    -------
    The faces' table, and the vectors by each encoder, both in the order of the manifest.

    Raises
    ------
    InputError
        When the folder holds no finished vectors.
    StoreError
        When a file is absent or altered.

    Examples
    --------
    >>> read_shards("nowhere")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: nowhere holds no finished vectors: run `facies embed` with this output
    """
    folder = open_folder(place)
    manifest = json.loads(folder.read(MANIFEST_FILE) or b"{}")
    if not manifest.get("complete") or manifest.get("product") != "embeddings":
        raise InputError(f"{folder.name} holds no finished vectors: run `facies embed` with this output")
    faces, vectors = _tables(folder, manifest, "faces"), _tables(folder, manifest, "vectors")
    face_ids = tuple(name for table in vectors for name in table["face_id"].to_pylist())
    embeddings = [_embeddings(vectors, face_ids, dict(encoder)) for encoder in manifest["settings"]["encoders"]]
    return pd.concat([table.to_pandas() for table in faces], ignore_index=True), embeddings


def _tables(folder: Folder, manifest: dict[str, Any], kind: str) -> list[Any]:
    named = [(name, sha256) for shard in manifest["shards"] for name, sha256 in shard["files"].items() if name.startswith(f"{kind}-")]
    return [pq.read_table(io.BytesIO(_checked(folder, name, sha256))) for name, sha256 in named]


def _checked(folder: Folder, name: str, sha256: str) -> bytes:
    data = folder.read(name)
    if data is None or hashlib.sha256(data).hexdigest() != sha256:
        raise StoreError(f"{name} is absent or altered: run the same `facies embed` again, which makes it anew")
    return data


def _embeddings(tables: list[Any], face_ids: tuple[str, ...], encoder: dict[str, Any]) -> Embeddings:
    column = encoder.pop("column")
    card = from_json(EncoderCard, json.dumps(encoder))
    values = [np.asarray(table[column].combine_chunks().flatten()).reshape(-1, card.dimension) for table in tables]
    return Embeddings(face_ids, np.concatenate(values), card)
