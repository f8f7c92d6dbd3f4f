"""Photograph file to stored vector: throughput against the bound of its parts, and memory against the number of photographs.

    python benchmarks/bench_embedding.py [--encoder hog] [--photographs 2000] [--memory]

The bound is the number of cores divided by the time that one photograph takes in decoding, detection, alignment and the network. Each
part is timed alone on one thread, in one process a core at the same time (cores of a virtual machine are slower when all are busy), before
and after the run. ``--memory`` runs 2,000 and 20,000 photographs in processes of their own and compares
their peak resident memory. Real portraits are used where FACIES_SHARED (or ../shared) has them, otherwise painted ones.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.faces import QualityGate
from facies.imaging import align_face, decode_photograph
from facies.study.extraction import Extractor, ExtractorRecipe, extract_parts, plan_tasks

CORES = len(os.sched_getaffinity(0))


def portraits(n: int) -> list[Path]:
    """Return n paths of portraits; the files repeat when there are fewer."""
    shared = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[2] / "shared")) / "faces"
    files = sorted((shared / "images").glob("*.jpg"))
    if not files:
        files = _painted(Path(tempfile.mkdtemp()), 400)
    return list(itertools.islice(itertools.cycle(files), n))


def _painted(folder: Path, n: int) -> list[Path]:
    from PIL import Image

    from facies.simulation import simulate_faces

    paths = [folder / f"{i}.jpg" for i in range(n)]
    for path, image in zip(paths, simulate_faces(n, random_state=1, size=400).images, strict=True):
        Image.fromarray(image).save(path, quality=92)
    return paths


def make(detector: str, encoder: str) -> Extractor:
    """Return an extractor of one encoder with the usual gate."""
    return ExtractorRecipe(detector, None, [encoder], [None], asdict(QualityGate())).build()


def timed(spent: list[float], call: Callable[[], Any]) -> Any:
    """Return what a call returns and note its seconds."""
    start = time.perf_counter()
    answer = call()
    spent.append(time.perf_counter() - start)
    return answer


def seconds_by_part(options: argparse.Namespace, files: list[Path]) -> dict[str, float]:
    """Return the mean seconds of each part for one photograph, timed in one process a core at the same time."""
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        shares = [files[core::CORES] for core in range(CORES)]
        timings = list(pool.map(_time_parts, [options.detector] * CORES, [options.encoder] * CORES, shares))
    return {name: float(np.mean([timing[name] for timing in timings])) for name in timings[0]}


def _time_parts(detector: str, encoder_name: str, files: list[Path]) -> dict[str, float]:
    import cv2

    cv2.setNumThreads(1)
    extractor = make(detector, encoder_name)
    encoder, contract = extractor.encoders[0], extractor.contracts[0]
    spent: dict[str, list[float]] = {"decode": [], "detect": [], "align": [], "network": []}
    for path in files:
        image = timed(spent["decode"], lambda path=path: decode_photograph(path)).image
        faces = timed(spent["detect"], lambda image=image: extractor.detector.detect(image))
        if faces:
            crop = timed(spent["align"], lambda image=image, face=faces[0]: align_face(image, face.points, contract))
            timed(spent["network"], lambda crop=crop: encoder.encode(crop[None]))
    return {name: float(np.mean(seconds)) for name, seconds in spent.items()}


def run_all(extractor: Extractor, files: list[Path]) -> float:
    """Extract all files into a new folder and return the photographs a second."""
    table = pd.DataFrame(
        {"photo_id": [f"p{i:06d}" for i in range(len(files))], "path": [str(path) for path in files], "sha256": "x", "included": True}
    )
    with tempfile.TemporaryDirectory() as folder:
        tasks = plan_tasks(table, [Path("/")], extractor)
        start = time.perf_counter()
        extract_parts(tasks, extractor, Path(folder), jobs=CORES)
        return len(files) / (time.perf_counter() - start)


def peak_mib() -> float:
    """Return the peak resident memory of this process plus that of its largest worker."""
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


def main() -> None:
    """Print throughput as a share of the bound, or the ratio of memory."""
    import cv2

    parser = argparse.ArgumentParser()
    parser.add_argument("--encoder", default="hog")
    parser.add_argument("--detector", default="facies-finder")
    parser.add_argument("--photographs", type=int, default=2000)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--only-memory-of", type=int)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.memory:
        compare_memory(options)
        return
    extractor = make(options.detector, options.encoder)
    if options.only_memory_of:
        run_all(extractor, portraits(options.only_memory_of))
        print(peak_mib())
        return
    files = portraits(options.photographs)
    sample = files[:: max(1, len(files) // 300)]
    before = seconds_by_part(options, sample)
    rate = run_all(extractor, files)
    after = seconds_by_part(options, sample)
    parts = {name: (before[name] + after[name]) / 2 for name in before}
    bound = CORES / sum(parts.values())
    print(" ".join(f"{name} {1000 * seconds:.2f} ms" for name, seconds in parts.items()))
    print(f"{options.encoder}: {rate:.0f} photographs a second on {CORES} cores, bound {bound:.0f}, ratio {rate / bound:.2f} (aim 0.80)")


def compare_memory(options: argparse.Namespace) -> None:
    """Run 2,000 and 20,000 photographs in processes of their own."""
    few, many = (_memory_of(n, options) for n in (2_000, 20_000))
    print(f"{options.encoder}: peak {few:.0f} MiB for 2,000 photographs, {many:.0f} MiB for 20,000, ratio {many / few:.3f} (aim 1.10)")


def _memory_of(n: int, options: argparse.Namespace) -> float:
    command = [sys.executable, __file__, "--only-memory-of", str(n), "--encoder", options.encoder, "--detector", options.detector]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


if __name__ == "__main__":
    main()
