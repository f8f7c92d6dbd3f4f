"""Pretraining against the bare step: what data, checkpoints and bookkeeping cost.

    python benchmarks/bench_pretraining.py [--backbone resnet18] [--size 96] [--batch 128] [--steps 8] [--rounds 3]

The bare figure is forward, backward and update of the same network, head, loss and batch size on one batch that lies ready in memory. Both
use all cores and the same precision and are measured in turns, since a virtual machine's speed drifts; the ratio is that of the medians.
``pretrain`` is measured in its steady state: drawing and loading views, losses, schedule, history and checkpoints are in it, looks are not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from facies.embeddings.pretrain.backbones import make_backbone
from facies.embeddings.pretrain.crops import CropArray, write_crops
from facies.embeddings.pretrain.methods import Step, make_method
from facies.embeddings.pretrain.precision import choose_precision
from facies.embeddings.pretrain.recipe import Monitor, PretrainRecipe
from facies.embeddings.pretrain.train import pretrain
from facies.embeddings.templates import face_template
from facies.records import CropContract
from facies.types import Image

WARM = 2
"""Steps at the start of each measurement that are not counted."""


def smooth_pictures(n: int, size: int) -> Iterator[tuple[str, str, Image]]:
    """Yield pictures of random smooth colours: a photograph costs an augmentation the same."""
    import cv2

    rng = np.random.default_rng(0)
    for i in range(n):
        coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        yield f"f{i}", f"p{i}", cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def bare(recipe: PretrainRecipe, steps: int) -> float:
    """Return the crops a second of forward, backward and update alone."""
    precision = choose_precision(recipe)
    taught = make_method(make_backbone(recipe.backbone, size=recipe.size), recipe).to(memory_format=torch.channels_last)
    trained = [parameter for parameter in taught.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-3, fused=True)
    views = torch.randn(recipe.batch_size * taught.n_views, 3, recipe.size, recipe.size).to(memory_format=torch.channels_last)
    started = 0.0
    for number in range(WARM + steps):
        if number == WARM:
            started = time.perf_counter()
        with precision.products():
            loss = taught(views, Step(number, WARM + steps, 0, range(recipe.batch_size)))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return steps * recipe.batch_size / (time.perf_counter() - started)


def whole(crops: CropArray, recipe: PretrainRecipe, steps: int) -> float:
    """Return the crops a second of a run, between its second step and its last but one, which no look interrupts."""
    moments: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        pretrain(crops, recipe, Path(folder), progress=lambda _done, _total: moments.append(time.perf_counter()))
    return steps * recipe.batch_size / (moments[WARM + steps - 1] - moments[WARM - 1])


def main() -> None:
    """Print both figures and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--method", default="simclr")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    settings = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    recipe = PretrainRecipe.model_validate(
        {"method": settings.method, "backbone": settings.backbone, "size": settings.size, "batch_size": settings.batch}
        | {
            "precision": settings.precision,
            "device": "cpu",
            "steps": WARM + settings.steps + 1,
            "monitor": Monitor(every=10**9, n_crops=16),
        }
    ).filled()
    contract = CropContract(face_template(eye_distance=0.32, eye_height=0.42), size=settings.size)
    figures: dict[str, list[float]] = {"bare": [], "pretrain": []}
    with tempfile.TemporaryDirectory() as folder:
        crops = write_crops(Path(folder), smooth_pictures(4 * settings.batch, settings.size), contract=contract)
        for _ in range(settings.rounds):
            figures["bare"].append(bare(recipe, settings.steps))
            figures["pretrain"].append(whole(crops, recipe, settings.steps))
            print(" ".join(f"{name} {values[-1]:6.1f} img/s" for name, values in figures.items()), flush=True)
    print(f"pretrain / bare: {statistics.median(figures['pretrain']) / statistics.median(figures['bare']):.3f} (aim 0.9)")


if __name__ == "__main__":
    main()
