"""Train one of the finder's two networks: `python train.py detector first --face-free DIR --out DIR`, then `second`.

Photographs come from FACIES_SHARED or `shared` beside the checkout. One core each is enough; run both networks at the same time.
The first phase learns from nothing, the second goes on from its weights at a falling rate, with more face-free pictures.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from networks import STRIDE, Detector, Refiner
from portraits import read_part, shared_folder
from scenes import CROP, SIDE, TEMPLATE, Sources, draw_crop, draw_scene, read_face_free
from torch.nn import functional


@dataclass(frozen=True)
class Phase:
    """``steps`` of a one-cycle schedule that is ``cycle`` long; without a warm-up the rate falls from its peak at once."""

    steps: int
    cycle: int
    peak: float
    warm_up: float
    face_free: float
    seed: int


PHASES = {
    ("detector", "first"): Phase(1500, 5500, 3e-3, 0.08, 0.22, 20),
    ("detector", "second"): Phase(1600, 1600, 2.5e-3, 0.0, 0.35, 30),
    ("refiner", "first"): Phase(3000, 14000, 2e-3, 0.03, 0.22, 21),
    ("refiner", "second"): Phase(6000, 6000, 1.8e-3, 0.0, 0.30, 31),
}
BATCH = {"detector": 64, "refiner": 32}

Batch = tuple[torch.Tensor, ...]


def to_input(images: list[np.ndarray]) -> torch.Tensor:
    pixels = torch.from_numpy(np.stack(images))[:, None].float() / 127.5 - 1
    return pixels.contiguous(memory_format=torch.channels_last)


def detector_batch(rng: np.random.Generator, sources: Sources, face_free: float) -> Batch:
    """Return pictures, wanted heat (n, g, g), wanted points (n, g, g, 10), and the points' weights."""
    cells, n = SIDE // STRIDE, BATCH["detector"]
    heat, weight = np.zeros((2, n, cells, cells), np.float32)
    points = np.zeros((n, cells, cells, 10), np.float32)
    centres = (np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), -1) + 0.5) * STRIDE - 0.5
    images = []
    for i in range(n):
        image, faces = draw_scene(rng, sources, face_free=face_free)
        images.append(image)
        for face in faces:
            eyes = np.linalg.norm(face[1] - face[0])
            spread = max(0.7, 0.18 * eyes / STRIDE) * STRIDE
            near = np.exp(-((centres - face.mean(axis=0)) ** 2).sum(-1) / (2 * spread**2))
            peak = np.unravel_index(near.argmax(), near.shape)
            near[peak] = 1.0
            stronger = near > heat[i]
            offsets = (face - centres[:, :, None, :]).reshape(cells, cells, 10) / 32
            points[i][stronger] = offsets[stronger]
            weight[i] = np.where(stronger, np.where(near > 0.4, near / (eyes / 32), 0), weight[i])
            heat[i] = np.maximum(heat[i], near)
    return to_input(images), torch.from_numpy(heat), torch.from_numpy(points), torch.from_numpy(weight)


def detector_loss(net: torch.nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
    images, heat, points, weight = batch
    with torch.autocast("cpu", torch.bfloat16):
        out = net(images)
    out = out.float()
    logit = out[:, 0]
    p = torch.sigmoid(logit)
    log_p, log_q = functional.logsigmoid(logit), functional.logsigmoid(-logit)
    face = heat > 0.999
    focal = -torch.where(face, (1 - p) ** 2 * log_p, (1 - heat) ** 4 * p**2 * log_q).sum() / face.sum().clamp(min=1)
    away = (out[:, 1:].permute(0, 2, 3, 1) - points).abs().mean(-1)
    return {"heat": focal, "points": 3.0 * (away * weight).sum() / (weight > 0).sum().clamp(min=1)}


def refiner_batch(rng: np.random.Generator, sources: Sources, face_free: float) -> Batch:
    n = BATCH["refiner"]
    drawn = [draw_crop(rng, sources, face_free=face_free) for _ in range(n)]
    points = np.stack([(item[1] + 0.5) / CROP - TEMPLATE for item in drawn]).reshape(n, 10)
    return to_input([item[0] for item in drawn]), torch.from_numpy(points).float(), torch.tensor([item[2] for item in drawn]).float()


def refiner_loss(net: torch.nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
    images, points, label = batch
    out = net(images)
    known, face = label >= 0, label > 0
    sure = functional.binary_cross_entropy_with_logits(out[:, 0][known], label[known])
    away = (out[:, 1:] - points)[face] / float(TEMPLATE[1, 0] - TEMPLATE[0, 0])
    size = away.reshape(-1, 5, 2).pow(2).sum(-1).add(1e-6).sqrt()
    return {"face": 0.3 * sure, "points": 5.0 * size.mean()}


PARTS: dict[str, tuple[Callable[[], torch.nn.Module], Callable[..., Batch], Callable[..., dict[str, torch.Tensor]]]] = {
    "detector": (Detector, detector_batch, detector_loss),
    "refiner": (lambda: Refiner(torch.from_numpy(TEMPLATE)), refiner_batch, refiner_loss),
}


def average_into(mean: torch.nn.Module, net: torch.nn.Module, keep: float) -> None:
    """Keep a running mean of the weights, which is what is used afterwards."""
    with torch.no_grad():
        for old, new in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.lerp_(new, 1 - keep)
            else:
                old.copy_(new)


def make_optimiser(net: torch.nn.Module, phase: Phase) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=phase.peak)
    if phase.warm_up:
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, phase.peak, phase.cycle, pct_start=phase.warm_up, cycle_momentum=False)
        return optimiser, cycle
    return optimiser, torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, phase.cycle)


def train(part: str, name: str, sources: Sources, out: Path) -> None:
    make, draw, loss_of = PARTS[part]
    phase, weights = PHASES[part, name], out / f"{part}.pt"
    torch.manual_seed(phase.seed)
    rng = np.random.default_rng(phase.seed)
    net = make().to(memory_format=torch.channels_last)
    if name == "second":
        net.load_state_dict(torch.load(weights, weights_only=True))
    mean = copy.deepcopy(net).eval()
    optimiser, schedule = make_optimiser(net, phase)
    started, sums = time.time(), {}
    with (out / f"{part}.log").open("a") as log:
        for step in range(1, phase.steps + 1):
            losses = loss_of(net, draw(rng, sources, phase.face_free))
            optimiser.zero_grad(set_to_none=True)
            sum(losses.values()).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            average_into(mean, net, min(0.998, step / (step + 10)))
            for key, value in losses.items():
                sums[key] = sums.get(key, 0.0) + value.item()
            if step % 100 == 0:
                means = {key: round(value / 100, 4) for key, value in sums.items()}
                line = {"phase": name, "step": step, "seconds": round(time.time() - started), **means}
                log.write(json.dumps(line) + "\n")
                log.flush()
                sums = {}
            if step % 500 == 0 or step == phase.steps:
                torch.save(mean.state_dict(), weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("phase", choices=["first", "second"])
    parser.add_argument("--face-free", type=Path, required=True, help="folder of PNG pictures that show nobody")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    hard = arguments.out / "hard.npy"
    mined = np.load(hard) if arguments.phase == "second" and arguments.part == "refiner" else None
    sources = Sources(read_part(shared_folder(), "train"), read_face_free(arguments.face_free), mined)
    train(arguments.part, arguments.phase, sources, arguments.out)


if __name__ == "__main__":
    main()
