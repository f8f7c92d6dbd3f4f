"""Photographs read by processes of their own.

Python's interpreter lock lets one thread compute at a time outside of native code, so that two threads do less than two processes. A
worker is ``python -m facies.study.worker``: it builds its own detector and encoders, reads one task a line (followed by the photograph's
bytes where they come from elsewhere) and answers with one line and the vectors' bytes. It ends when its input does, that is also when this
program is killed. Unlike the processes of the standard library it does not import the user's script again.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from facies.errors import StoreError
from facies.study.extraction import ExtractorRecipe, Result, Task

AHEAD = 2
"""Photographs that a worker is given at a time, so that it need not wait for the next one while its answer is read."""


ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}
"""A worker computes in one thread: one pool of memory is enough for it, and loading a network then takes half as much at its peak."""


class WorkerPool:
    """Reads photographs like an extractor, each in one of several processes; a context manager."""

    def __init__(self, recipe: ExtractorRecipe, n_workers: int) -> None:
        self._workers = [_Worker(recipe) for _ in range(n_workers)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers * AHEAD:
            self._idle.put(worker)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self._workers:
            worker.end(at_once=kind is not None)
        for worker in self._workers:
            worker.wait()

    def extract(self, task: Task) -> Result:
        """Read one photograph; may be called from several threads.

        Raises
        ------
        StoreError
            When the worker ended before it answered.
        """
        worker = self._idle.get()
        try:
            return worker.ask(task)
        finally:
            self._idle.put(worker)


class _Worker:
    """One process."""

    def __init__(self, recipe: ExtractorRecipe) -> None:
        command = [sys.executable, "-m", "facies.study.worker", json.dumps(asdict(recipe), default=str)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **ONE_ARENA})
        self._asking = threading.Lock()
        self._last_read = threading.Event()
        self._last_read.set()

    def ask(self, task: Task) -> Result:
        """Ask, wait for those who asked before to have their answers, and return the own one."""
        with self._asking:
            before, read = self._last_read, threading.Event()
            self._last_read = read
            written = self._write(task)
        before.wait()
        try:
            return self._read(task, written)
        finally:
            read.set()

    def _write(self, task: Task) -> bool:
        """Send the question; return whether the worker could take it."""
        given = None if task.given_points is None else np.asarray(task.given_points).tolist()
        data, path = (task.path, None) if isinstance(task.path, bytes) else (b"", os.fspath(task.path))
        question = json.dumps({"photo_id": task.photo_id, "path": path, "n_bytes": len(data), "given_points": given})
        try:
            _pipe(self._process.stdin).write(question.encode("ascii") + b"\n" + data)
            _pipe(self._process.stdin).flush()
        except OSError:
            return False
        return True

    def _read(self, task: Task, written: bool) -> Result:
        answer = _pipe(self._process.stdout).readline() if written else b""
        if not answer:
            raise StoreError(_ended(self._process.wait()))
        return self._result(task, json.loads(answer))

    def _result(self, task: Task, answer: dict[str, Any]) -> Result:
        vectors = [
            np.frombuffer(_pipe(self._process.stdout).read(4 * length), dtype=np.float32).reshape(1, length) for length in answer["lengths"]
        ]
        return Result(task.key, answer["rows"], answer["face_id"], vectors, answer["hash"])

    def end(self, *, at_once: bool) -> None:
        """Close the worker's input, which ends it; or end it in the middle of its work."""
        if at_once:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # the worker is gone: nothing can be written any more
                _pipe(pipe).close()

    def wait(self) -> None:
        """Wait until the process is gone."""
        self._process.wait()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise StoreError("a worker process has no pipe: run again with --jobs 1")
    return pipe


def _ended(status: int) -> str:
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    return f"a process that reads photographs ended {how}, most often for want of memory: run again with --jobs 1; nothing was lost"


def serve(recipe: ExtractorRecipe, questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer one question a line until the input ends."""
    extractor = recipe.build()
    for line in questions:
        question = json.loads(line)
        given = question["given_points"]
        source = questions.read(question["n_bytes"]) if question["path"] is None else Path(question["path"])
        task = Task("", question["photo_id"], source, None if given is None else np.array(given, dtype=np.float64))
        result = extractor.extract(task)
        vectors = [np.ascontiguousarray(vector, dtype=np.float32) for vector in result.vectors]
        head = {"rows": result.rows, "face_id": result.face_id, "hash": result.hash, "lengths": [vector.size for vector in vectors]}
        answers.write(json.dumps(head).encode("ascii") + b"\n" + b"".join(vector.tobytes() for vector in vectors))
        answers.flush()
