"""Parts of the manifest with fixed boundaries: what one worker does at a time, and what one file holds."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from facies.errors import InputError
from facies.store import value_sha256
from facies.study.cluster.photographs import Photograph

SHARD_SIZE = 512
"""Photographs in one shard: what an interruption or a lost worker loses at most."""


@dataclass(frozen=True)
class Shard:
    """Photographs that are read together, in the order of the manifest."""

    number: int
    photographs: tuple[Photograph, ...]
    listed: str = ""
    """A hash of the rows as the manifest gives them, wherever its folder lies."""

    def to_bytes(self) -> bytes:
        """Return the photographs as compressed JSON; small, since a million rows wait in a cluster's memory."""
        return zlib.compress(json.dumps(self.photographs, separators=(",", ":")).encode(), level=1)

    @classmethod
    def from_bytes(cls, number: int, data: bytes) -> Shard:
        """Read what :meth:`to_bytes` wrote."""
        rows = json.loads(zlib.decompress(data))
        return cls(number, tuple(_photograph(*row) for row in rows))


def _photograph(
    photo_id: str, place: str, participant_id: str | None, sha256: str | None, points: list[float] | None, source: str | None,
    age: float | None,
) -> Photograph:  # fmt: skip
    return Photograph(photo_id, place, participant_id, sha256, None if points is None else tuple(points), source, age)


def plan_shards(photographs: Sequence[Photograph], paths: Sequence[str], *, size: int) -> list[Shard]:
    """Return the shards of these photographs, ``size`` in each but the last.

    Parameters
    ----------
    paths
        The photographs' paths as the manifest writes them.

    Raises
    ------
    InputError
        When ``size`` is less than 1.

    Examples
    --------
    >>> rows = [Photograph(name, f"/data/{name}.jpg") for name in "abc"]
    >>> [len(shard.photographs) for shard in plan_shards(rows, ["a.jpg", "b.jpg", "c.jpg"], size=2)]
    [2, 1]
    """
    if size < 1:
        raise InputError(f"the shard size is {size}: give at least 1 photograph")
    starts = range(0, len(photographs), size)
    return [_shard(number, photographs[start : start + size], paths[start : start + size]) for number, start in enumerate(starts)]


def _shard(number: int, photographs: Sequence[Photograph], paths: Sequence[str]) -> Shard:
    rows = [photograph._replace(place=path) for photograph, path in zip(photographs, paths, strict=True)]
    return Shard(number, tuple(photographs), value_sha256(rows))
