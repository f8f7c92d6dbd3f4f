"""Runtimes and precisions of networks in ONNX files: time, memory, and how far the vectors move.

    FACIES_SHARED=... python benchmarks/bench_runtimes.py [NETWORK.onnx ...] [--faces 200]

For each network: milliseconds a crop (computing time of one thread, so that other programs on the machine count little), resident memory
that loading and one crop add in a process of its own, the cosine distance of the vectors from those of onnxruntime in float32, and whether
batches of 2, 4 and 8 crops are faster a crop and give the same bits. int8 is made here from 64 faces that are not measured. Faces are real
portraits where FACIES_SHARED (or ../shared) has them, otherwise painted ones; without NETWORK the networks of its folder ``weights``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_embedding import portraits

from facies.embeddings import load_encoder
from facies.embeddings.quantise import cosine_distances, quantise_network
from facies.errors import FaciesError
from facies.faces import QualityGate, load_detector, read_photograph
from facies.types import Images

WAYS = (("onnxruntime", "float32"), ("openvino", "float32"), ("openvino", "bfloat16"), ("onnxruntime", "int8"), ("openvino", "int8"))
BATCHES = (2, 4, 8)
N_CALIBRATION = 64


def faces_for(network: Path, n: int) -> Images:
    """Return n aligned crops for a network, (n, size, size, 3)."""
    contract, detector = load_encoder(f"onnx:{network}").card.crop, load_detector("facies-finder")
    crops: list[Any] = []
    for path in portraits(4 * n):
        crops += read_photograph(path.stem, path, detector=detector, contracts=[contract], gate=QualityGate()).crops
        if len(crops) == n:
            break
    return np.stack(crops)


def milliseconds(call: Callable[[], Any], n_crops: int) -> float:
    """Return the least computing time of three calls, in milliseconds a crop."""
    spent = []
    for _ in range(3):
        start = time.process_time()
        call()
        spent.append(time.process_time() - start)
    return 1000 * min(spent) / n_crops


def mebibytes(network: Path, runtime: str, precision: str) -> float:
    """Return what loading a network and encoding one crop adds to the resident memory of a fresh process."""
    code = f"""if True:
        import numpy as np
        import cv2, PIL.Image
        from facies.embeddings import load_encoder
        held = lambda: int(open("/proc/self/statm").read().split()[1]) / 256
        before = held()
        encoder = load_encoder("onnx:{network}", runtime={runtime!r}, precision={precision!r})
        side = encoder.card.crop.size
        encoder.encode(np.zeros((1, side, side, 3), np.uint8))
        print(held() - before)
    """
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def compare_ways(network: Path, int8: Path, crops: Images) -> None:
    """Print one row a way to run a network."""
    exact = load_encoder(f"onnx:{network}").encode(crops)
    print(f"\n{network.stem}: {network.stat().st_size / 1e6:.1f} MB, int8 {int8.stat().st_size / 1e6:.1f} MB, {len(crops)} faces\n")
    print("| runtime | precision | ms a crop | MiB | cosine distance, median | 99 in 100 below |\n|---|---|---|---|---|---|")
    for runtime, precision in WAYS:
        file = int8 if precision == "int8" else network
        try:
            encoder = load_encoder(f"onnx:{file}", runtime=runtime, precision=precision)
        except FaciesError as error:
            print(f"| {runtime} | {precision} | {error} | | | |")
            continue
        distances = cosine_distances(exact, encoder.encode(crops))
        spent = milliseconds(lambda encoder=encoder: encoder.encode(crops), len(crops))
        held, middle, most = mebibytes(file, runtime, precision), np.median(distances), np.quantile(distances, 0.99)
        print(f"| {runtime} | {precision} | {spent:.1f} | {held:.0f} | {middle:.1e} | {most:.1e} |", flush=True)


def compare_batches(network: Path, crops: Images) -> None:
    """Print whether batches are faster, and whether their vectors are the same to the last bit."""
    for runtime in ("onnxruntime", "openvino"):
        encoder: Any = load_encoder(f"onnx:{network}", runtime=runtime)
        session, output = encoder._session, encoder.sidecar.output
        fed = np.concatenate([encoder._prepare(crop) for crop in crops])
        alone = np.concatenate([session.run(output, one[None]) for one in fed])
        shown = [f"1: {milliseconds(lambda: [session.run(output, one[None]) for one in fed], len(fed)):.1f} ms"]  # noqa: B023
        for size in BATCHES:
            try:
                found = np.concatenate([session.run(output, fed[i : i + size]) for i in range(0, len(fed), size)])
            except Exception as error:
                shown.append(f"{size}: not possible ({type(error).__name__})")
                continue
            spent = milliseconds(lambda size=size: [session.run(output, fed[i : i + size]) for i in range(0, len(fed), size)], len(fed))  # noqa: B023
            same = "same bits" if np.array_equal(found, alone) else f"up to {np.abs(found - alone).max():.0e} apart"
            shown.append(f"{size}: {spent:.1f} ms, {same}")
        print(f"batches by {runtime}: {'; '.join(shown)}", flush=True)


def main() -> None:
    """Print the tables of docs/decisions/0009."""
    import cv2

    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", type=Path)
    parser.add_argument("--faces", type=int, default=200)
    options = parser.parse_args()
    shared = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[2] / "shared"))
    names = ("face-reidentification-retail-0095", "mobilenet_v2_imagenet")
    for network in options.networks or [shared / "weights" / f"{name}.onnx" for name in names]:
        crops = faces_for(network.resolve(), N_CALIBRATION + options.faces)
        with tempfile.TemporaryDirectory() as folder:
            int8 = quantise_network(network, Path(folder) / f"{network.stem}.int8.onnx", crops=crops[:N_CALIBRATION])
            compare_ways(network.resolve(), int8, crops[N_CALIBRATION:])
        compare_batches(network, crops[N_CALIBRATION : N_CALIBRATION + 16])


if __name__ == "__main__":
    main()
