"""Runs a peer over a list of photographs and prints what it took; every peer's script is this loop around its own ``make``.

Runs in the peer's own environment: nothing but the standard library is imported here, and the peer is imported by the processes that
use it, so that a process that only hands out work stays small.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

Embed = Callable[[list[str]], int]
"""Takes paths, computes one vector a face that is found, and returns how many photographs gave one."""

_embed: Embed | None = None


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options that every peer understands."""
    parser = argparse.ArgumentParser()
    parser.add_argument("list", type=Path, help="a text file, one photograph a line")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--warm", type=int, default=32, help="photographs before the clock starts")
    parser.add_argument("--setting", default="")
    return parser.parse_args(arguments)


def batches(paths: list[str], size: int) -> Iterator[list[str]]:
    """Yield the paths in lists of at most ``size``."""
    for start in range(0, len(paths), size):
        yield paths[start : start + size]


def run(make: Callable[[argparse.Namespace], Embed]) -> None:
    """Embed the listed photographs, the first ones before the clock starts, and print one line of JSON."""
    options = options_of()
    paths = options.list.read_text().split("\n")
    warm, timed = paths[: options.warm], paths[options.warm :]
    seconds, vectors = _by_processes(make, options, warm, timed) if options.workers > 1 else _here(make, options, warm, timed)
    print(json.dumps({"seconds": seconds, "photographs": len(timed), "vectors": vectors}))


def _here(make: Callable[[argparse.Namespace], Embed], options: argparse.Namespace, warm: list[str], timed: list[str]) -> tuple[float, int]:
    embed = make(options)
    for batch in batches(warm, options.batch):
        embed(batch)
    start = time.perf_counter()
    vectors = sum(embed(batch) for batch in batches(timed, options.batch))
    return time.perf_counter() - start, vectors


def _by_processes(
    make: Callable[[argparse.Namespace], Embed], options: argparse.Namespace, warm: list[str], timed: list[str]
) -> tuple[float, int]:
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(options.workers + 1)
    with context.Pool(options.workers, _start, (make, options, warm, ready)) as pool:
        ready.wait()
        start = time.perf_counter()
        vectors = sum(pool.imap_unordered(_ask, batches(timed, options.batch)))
        return time.perf_counter() - start, vectors


def _start(make: Callable[[argparse.Namespace], Embed], options: argparse.Namespace, warm: list[str], ready: object) -> None:
    """Load the peer in this process and warm it; all processes then start together."""
    global _embed
    cores = sorted(os.sched_getaffinity(0))
    place = multiprocessing.current_process()._identity[0]  # type: ignore[attr-defined]
    os.sched_setaffinity(0, {cores[place % len(cores)]})  # some peers have no setting for threads: they take what they may
    _embed = make(options)
    for batch in batches(warm, options.batch):
        _embed(batch)
    ready.wait()  # type: ignore[attr-defined]


def _ask(batch: list[str]) -> int:
    if _embed is None:
        raise RuntimeError("the peer was not loaded")
    return _embed(batch)
