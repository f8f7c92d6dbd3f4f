"""Shards done by Ray, on this machine or a cluster.

Ray is driven by a program of its own (:mod:`facies.study.cluster.ray_program`), fed through pipes: what Ray and its C++ parts print, the
signals they catch and the warnings they raise then stay out of this program, and all of it ends when this program does, however it ends.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from types import TracebackType
from typing import IO, Any

from facies import errors
from facies._optional import import_extra
from facies.errors import FaciesError, StoreError
from facies.study.cluster.engines import Advance, Done, EngineSettings
from facies.study.cluster.products import OpenJob, Product, vector_columns
from facies.study.cluster.shards import Shard

TRIES = 4
"""How often a shard is begun before it is given up, where its worker is lost each time."""

LEAST_STORE = 256 * 2**20
"""Bytes of memory for what workers have finished and this program has not yet taken."""

COMMAND = (sys.executable, "-m", "facies.study.cluster.ray_program")

PATIENCE = 20.0
"""Seconds that Ray has to end by itself."""


def run_ray(job: OpenJob, shards: Sequence[Shard], settings: EngineSettings, advance: Advance) -> Generator[Done, None, None]:
    """Do shards by workers of Ray; they come in any order.

    Raises
    ------
    MissingExtraError
        When Ray is not installed.
    StoreError
        When the cluster does not answer, a shard ended its workers :data:`TRIES` times, or a worker met an error; shards that came before
        are not lost.
    """
    if importlib.util.find_spec("ray") is None:
        import_extra("ray", extra="cluster")
    if not shards:
        return
    by_number = {shard.number: shard for shard in shards}
    with _Program(_order(job, shards, settings), local=settings.address is None) as program:
        program.give(shards)
        for head, files in program.answers():
            if "error" in head:
                raise _error(head)
            if "lost" in head:
                raise StoreError(_lost([by_number[number] for number in head["lost"]], by_number))
            shard = by_number[head["shard"]]
            advance(len(shard.photographs))
            yield Done(shard, Product(files, head["n_faces"], head["excluded"]))


def _order(job: OpenJob, shards: Sequence[Shard], settings: EngineSettings) -> dict[str, Any]:
    vectors = 4 * sum(vector_columns(job.extractor).values())
    largest = max(len(shard.photographs) for shard in shards) * (vectors + 2000)
    return {
        "job": job.job.as_dict(), "jobs": settings.jobs, "address": settings.address, "tries": TRIES, "n_shards": len(shards),
        "object_store": max(LEAST_STORE, 8 * (settings.jobs + 2) * largest),
    }  # fmt: skip


def _error(head: dict[str, Any]) -> FaciesError:
    kind = getattr(errors, head["kind"], StoreError)
    error: FaciesError = kind(head["error"]) if kind is not errors.ImageError else StoreError(head["error"])
    return error


def _lost(lost: Sequence[Shard], by_number: dict[int, Shard]) -> str:
    numbers = ", ".join(str(shard.number) for shard in lost[:5]) + (", ..." if len(lost) > 5 else "")
    noun = f"shard {numbers} was" if len(lost) == 1 else f"{len(lost)} shards ({numbers}) were"
    return (
        f"{noun} given up: {TRIES} workers ended while reading {'it' if len(lost) == 1 else 'each'}, most often for want of memory or by a "
        f"photograph that no decoder survives; the other {len(by_number) - len(lost)} are done: run again with fewer jobs, or take the "
        "photograph out of the manifest (smaller shards show which)"
    )


class _Program:
    """The program that drives Ray; a context manager."""

    def __init__(self, order: dict[str, Any], *, local: bool) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="facies-", ignore_cleanup_errors=True)
        self._order = {**order, "folder": self._folder.name}
        self._process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment(local=local))

    def __enter__(self) -> _Program:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # the program is gone: nothing can be written any more
                _pipe(pipe).close()
        self._folder.cleanup()

    def give(self, shards: Sequence[Shard]) -> None:
        """Tell the program what to do."""
        try:
            _pipe(self._process.stdin).write(json.dumps(self._order).encode("ascii") + b"\n")
            for shard in shards:
                data = shard.to_bytes()
                _pipe(self._process.stdin).write(b"%d %d\n" % (shard.number, len(data)) + data)
            _pipe(self._process.stdin).flush()
        except OSError as error:
            raise StoreError(_ended(self._process.wait())) from error

    def answers(self) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
        """Yield what the program says until it has said all: a head and, of a finished shard, its files."""
        pipe = _pipe(self._process.stdout)
        while line := pipe.readline():
            head: dict[str, Any] = json.loads(line)
            if "end" in head:
                return
            yield head, {kind: _exactly(pipe, length) for kind, length in head.get("files", {}).items()}
        raise StoreError(_ended(self._process.wait()))


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) != length:
        raise StoreError("the program that drives Ray ended in the middle of an answer: run the same command again")
    return data


def _environment(*, local: bool) -> dict[str, str]:
    """Return the environment of the program: no report to Ray's makers, and a password for a cluster of this run alone."""
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "RAY_COLOR_PREFIX": "0"}
    password = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)} if local else {}
    return {**os.environ, **quiet, **password}


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise StoreError("the program that drives Ray has no pipe: run again with --engine local")
    return pipe


def _ended(status: int) -> str:
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    return f"the program that drives Ray ended {how}: run the same command again, or with --engine local; what was finished is kept"
