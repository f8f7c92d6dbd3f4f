"""The local engine and Ray on the same photographs: throughput, the same bytes, and a worker killed half way.

    python benchmarks/bench_engines.py [--photographs 20000] [--encoder hog] [--jobs 2] [--shard-size 512]

Three passes: local; Ray with as many workers; Ray with one of its workers killed once half of the photographs are done. Each pass is timed
as a user waits for it, from the call to the last byte on disk, Ray's start included. The seconds to the first finished photograph (local)
or shard (Ray) are told apart: most of Ray's are its start, paid once however many photographs there are. Real portraits are used where
FACIES_SHARED (or ../shared) has them, otherwise painted ones; files repeat.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from bench_embedding import CORES, portraits

from facies.study.embed import embed_photographs

Progress = Callable[[int, int], None]


class Pass(NamedTuple):
    """One pass: seconds in all and to the first progress, and a hash of all shards."""

    seconds: float
    first: float
    sha256: str


def run_pass(options: argparse.Namespace, manifest: Path, engine: str, also: Progress | None = None) -> Pass:
    """Embed the manifest into a new folder."""
    first: list[float] = []

    def progress(done: int, total: int) -> None:
        if done and not first:
            first.append(time.perf_counter())
        if also is not None:
            also(done, total)

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        embed_photographs(
            manifest, Path(folder) / "out", settings={"embeddings": {"encoders": [options.encoder]}}, jobs=options.jobs, engine=engine,
            shard_size=options.shard_size, progress=progress,
        )  # fmt: skip
        end = time.perf_counter()
        return Pass(end - start, first[0] - start, hash_folder(Path(folder) / "out"))


def hash_folder(folder: Path) -> str:
    """Return a hash of the names and bytes of all files but the record of who computed them."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "run.json":
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def kill_half_way(killed: list[int]) -> Progress:
    """Return a progress that kills one actor of Ray once half of the photographs are done."""

    def progress(done: int, total: int) -> None:
        if 2 * done >= total and not killed:
            killed.append(next(actors()))
            os.kill(killed[0], signal.SIGKILL)

    return progress


def actors() -> Iterator[int]:
    """Yield the processes of actors below this one (Linux)."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and b"ray::MapWorker" in (entry / "cmdline").read_bytes() and os.getpid() in _above(int(entry.name)):
                yield int(entry.name)


def _above(process: int) -> Iterator[int]:
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
        yield process


def write_manifest(folder: Path, n: int) -> Path:
    """Write a manifest of n portraits."""
    paths = [str(path) for path in portraits(n)]
    table = pd.DataFrame({"photo_id": [f"p{i:07d}" for i in range(n)], "path": paths})
    table.to_csv(folder / "manifest.tsv", sep="\t", index=False)
    return folder / "manifest.tsv"


def tell(name: str, done: Pass, n: int) -> None:
    """Print one pass."""
    print(
        f"{name:12s} {n / done.seconds:7.1f} photographs a second ({done.seconds:.1f} s, of which {done.first:.1f} s to the first), "
        f"bytes {done.sha256[:12]}"
    )


def main() -> None:
    """Run the three passes and print their ratio."""
    import cv2

    parser = argparse.ArgumentParser()
    parser.add_argument("--photographs", type=int, default=20_000)
    parser.add_argument("--encoder", default="hog")
    parser.add_argument("--jobs", type=int, default=CORES)
    parser.add_argument("--shard-size", type=int, default=512)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    n, killed = options.photographs, list[int]()
    with tempfile.TemporaryDirectory() as folder:
        manifest = write_manifest(Path(folder), n)
        local = run_pass(options, manifest, "local")
        tell("local", local, n)
        ray = run_pass(options, manifest, "ray")
        tell("ray", ray, n)
        hurt = run_pass(options, manifest, "ray", kill_half_way(killed))
        tell("ray, killed", hurt, n)
    print(f"{options.encoder}: ray / local {local.seconds / ray.seconds:.2f} (aim 0.85)")
    print(f"same bytes: ray {ray.sha256 == local.sha256}, ray with a worker killed {hurt.sha256 == local.sha256} ({len(killed)} killed)")


if __name__ == "__main__":
    main()
