"""``python -m facies.study.cluster.ray_program``: drives Ray for :mod:`facies.study.cluster.ray_engine`.

It reads an order and shards from its input and answers with finished shards. Shards are rows of a Ray Data dataset, one a block, that a
pool of actors maps; an actor takes a fraction of a core, since whole ones would leave none for Ray's own work. A lost actor is started
again and its shard with it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any

from facies.errors import FaciesError, StoreError

if TYPE_CHECKING:
    from facies.study.cluster.products import OpenJob, Product
    from facies.study.cluster.shards import Shard
    from facies.study.extraction import Result

CORES_AN_ACTOR = 0.9
"""The rest is for reading and for Ray."""

PATIENCE = 10.0
"""Seconds that a cluster has to answer."""

STARTS = 3
"""How often Ray is started on this machine: it gives up after 30 seconds, which a busy machine may need."""

Order = dict[str, Any]


def main() -> None:
    """Serve one order. What libraries print is dropped, so that answers stay whole."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    order, shards = read_order(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, args=(order["folder"],), daemon=True).start()
    warnings.simplefilter("ignore")  # this process is Ray's
    with answers:
        try:
            _serve(order, shards, answers)
        except FaciesError as error:
            _say(answers, {"error": str(error), "kind": type(error).__name__})
        except Exception as error:
            _say(answers, {"error": explain(error), "kind": "StoreError"})
    os._exit(0)  # Ray has ended and all is answered: to take the libraries down in order is a second for nothing


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise SystemExit(1)


def _end_with_parent(folder: str) -> None:
    """Wait until the program that started this one is gone, and end with it."""
    sys.stdin.buffer.read(1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def read_order(questions: IO[bytes]) -> tuple[Order, list[tuple[int, bytes]]]:
    """Return the order and the shards' numbers and bytes."""
    order: Order = json.loads(questions.readline())
    shards = []
    for _ in range(order["n_shards"]):
        number, length = map(int, questions.readline().split())
        shards.append((number, questions.read(length)))
    return order, shards


def explain(error: Exception) -> str:
    """Return one line for what Ray raised.

    Examples
    --------
    >>> explain(ModuleNotFoundError("No module named 'facies'"))
    "the cluster's machines lack a package (No module named 'facies'): install facies[cluster] there, the same version as here"
    """
    text = " ".join(str(error).split())
    if "No module named" in text:
        name = text[text.index("No module named") :].split("'")[1]
        return f"the cluster's machines lack a package (No module named '{name}'): install facies[cluster] there, the same version as here"
    return f"Ray ended with {type(error).__name__} ({text[:160]}): run the same command again, or with --engine local"


def _say(answers: IO[bytes], head: Order, files: bytes = b"") -> None:
    answers.write(json.dumps(head).encode("ascii") + b"\n" + files)
    answers.flush()


def _serve(order: Order, shards: list[tuple[int, bytes]], answers: IO[bytes]) -> None:
    left = {number for number, _ in shards}
    with _cluster(order) as jobs:
        for row in _dataset(order, shards, jobs).iter_rows():
            head = json.loads(row["head"])
            left.discard(head.get("shard"))
            _say(answers, head, row["data"])
        _say(answers, {"lost": sorted(left)} if left else {"end": True})


@contextlib.contextmanager
def _cluster(order: Order) -> Iterator[int]:
    """Join the cluster, or start one on this machine; give the number of workers."""
    import ray

    # Ray Data needs these afterwards; Ray's own start is mostly waiting.
    threading.Thread(target=lambda: [importlib.import_module(name) for name in ("pandas", "pyarrow")], daemon=True).start()
    try:
        _connect(ray, order)
    except Exception as error:
        raise StoreError(_unreachable(order["address"], error)) from error
    try:
        yield order["jobs"] or max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _connect(ray: Any, order: Order) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if order["address"] is not None:
        _knock(order["address"])
        ray.init(address=order["address"], **quiet)
        return
    for start in range(STARTS):
        try:
            # Below a folder that only this user may enter: Ray's own folders are open to all.
            ray.init(
                num_cpus=order["jobs"], include_dashboard=False, object_store_memory=order["object_store"],
                _temp_dir=str(Path(order["folder"]) / f"r{start}"), **quiet,
            )  # fmt: skip
            return
        except Exception:
            ray.shutdown()
            if start == STARTS - 1:
                raise


def _knock(address: str) -> None:
    """Try the port before Ray does, which waits for half a minute where nobody answers."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()


def _unreachable(address: str | None, error: Exception) -> str:
    if address is None:
        said = " ".join(str(error).split())[:120]
        return f"Ray could not start on this machine ({said}): check free memory, or run with --engine local"
    return f"no Ray cluster answers at {address} ({type(error).__name__}): check the address, and that `ray start` has run there"


def _dataset(order: Order, shards: list[tuple[int, bytes]], jobs: int) -> Any:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # a shard that is given up does not take the others with it
    rows = [{"number": number, "photographs": data} for number, data in shards]
    least = jobs if order["address"] is None else 1
    # One call at a time an actor: those that wait behind a call that ends the actor would be counted as lost with it.
    pool = ray.data.ActorPoolStrategy(min_size=least, max_size=max(least, min(jobs, len(rows))), max_tasks_in_flight_per_actor=1)
    return ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        ShardWorker, batch_size=1, num_cpus=CORES_AN_ACTOR, fn_constructor_args=(json.dumps(order["job"]),),
        compute=pool, max_restarts=-1, max_task_retries=order["tries"] - 1,
    )  # fmt: skip


class ShardWorker:
    """An actor: loads the networks once, then does one shard a call.

    What it needs is imported here, and not where Ray is driven, which need not wait for it.
    """

    def __init__(self, job: str) -> None:
        import cv2

        from facies.study.cluster.products import ShardJob

        cv2.setNumThreads(1)
        self._job = ShardJob.from_dict(json.loads(job))
        self._open: OpenJob | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return a finished shard, or the error that was met."""
        from facies.study.cluster.shards import Shard

        try:
            number = int(batch["number"][0])
            product = self._make(Shard.from_bytes(number, bytes(batch["photographs"][0])))
        except FaciesError as error:
            return {"head": [json.dumps({"error": str(error), "kind": type(error).__name__})], "data": [b""]}
        lengths = {kind: len(data) for kind, data in product.files.items()}
        head = {"shard": number, "files": lengths, "n_faces": product.n_faces, "excluded": dict(product.excluded)}
        return {"head": [json.dumps(head)], "data": [b"".join(product.files.values())]}

    def _make(self, shard: Shard) -> Product:
        if self._open is None:
            from facies.study.cluster.products import OpenJob

            self._job.require_same_versions()
            self._open = OpenJob.of(self._job)
        return self._open.make(shard, _read(shard, self._open))


def _read(shard: Shard, job: OpenJob) -> list[Result]:
    """Read a shard's photographs: by one thread, since there is one core for it, unless there is fetching to be done meanwhile."""
    from facies.study.cluster.engines import read_in_order
    from facies.study.cluster.photographs import Fetching, any_remote
    from facies.study.extraction import SPARE

    if any_remote(shard.photographs):
        return list(read_in_order(shard.photographs, Fetching(job.reader(), 1 + SPARE), 1))
    reader = Fetching(job.reader(), 1)
    return [reader.extract(photograph) for photograph in shard.photographs]


if __name__ == "__main__":
    main()
