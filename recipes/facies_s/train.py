"""Train facies-s: `python train.py --out OUT [--steps 4500]`, where crops.py has written OUT/crops.npy and OUT/crops.tsv.

One network, five tasks, each on two views of every crop: tell the two views of a face from other faces (SimCLR, Chen et al. 2020); know
the classical description of the whole crop (gradients by cell, a target as in MaskFeat, Wei et al. 2022); keep the age within its known
bounds (an interval-censored likelihood); the recorded sex; and for painted faces the signs of age that they were painted from.
"""

from __future__ import annotations

import argparse
import copy
import json
import queue
import threading
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from views import apply, draw

from facies.embeddings import load_encoder
from facies.embeddings.facies_s_network import FaciesS

N_REAL, N_PAINTED = 44, 20
"""Crops of one step; each is seen in two views."""
AGES = torch.arange(101.0)
WEIGHTS = {"views": 0.5, "classical": 1.0, "age": 1.0, "painted_age": 0.5, "sex": 0.3, "signs": 0.5}
CLASSICAL = 192
"""Principal components of the classical description that are learnt, from real portraits."""
TEMPERATURE = 0.2


class Targets(NamedTuple):
    """What is known of each crop; NaN where nothing is."""

    real: np.ndarray
    weight: np.ndarray
    bounds: np.ndarray
    sex: np.ndarray
    looked: np.ndarray
    signs: np.ndarray
    classical: np.ndarray


class Heads(nn.Module):
    """What the tasks read from the embedding."""

    def __init__(self, n_signs: int) -> None:
        super().__init__()
        self.age, self.painted_age = nn.Linear(256, 101), nn.Linear(256, 101)
        self.sex, self.signs, self.classical = nn.Linear(256, 1), nn.Linear(256, n_signs), nn.Linear(256, CLASSICAL)
        self.projection = nn.Sequential(nn.Linear(256, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 128))


def read_targets(table: pd.DataFrame, crops: np.ndarray) -> Targets:
    """Return what is known of each crop."""
    painted = table.part.eq("painted").to_numpy()
    signs = table[[name for name in table if name.startswith("sign_") or name == "hair_grey"]].to_numpy(float)
    signs = (signs - np.nanmean(signs, axis=0)) / np.nanstd(signs, axis=0)
    weight = table.part.map({"pool": 1.0, "ldn": 1.5, "can": 2.0}).fillna(0).to_numpy()
    return Targets(
        np.flatnonzero(~painted), weight[~painted] / weight.sum(), table[["age_low", "age_high"]].to_numpy(float),
        table.sex.map({"M": 1.0, "F": 0.0}).to_numpy(float), table.looked_age.to_numpy(float), signs, classical_targets(crops, ~painted),
    )  # fmt: skip


def classical_targets(crops: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return (2, n, 192): principal components of `hog` of each real crop as it is and mirrored; NaN for painted ones.

    Components count by the square root of their standard deviation: the leading ones more, without drowning the others.
    """
    encoder = load_encoder("hog")
    side = encoder.card.crop.size
    middle = [cv2.resize(crop[14:-14, 14:-14], (side, side), interpolation=cv2.INTER_AREA) for crop in crops[real]]
    vectors = np.stack([encoder.encode(np.stack([crop, crop[:, ::-1]])) for crop in middle], axis=1)
    vectors = vectors - vectors.mean(axis=(0, 1))
    both = torch.from_numpy(vectors.reshape(-1, vectors.shape[2]))
    directions = torch.pca_lowrank(both, CLASSICAL, center=False, niter=4)[2]
    scores = both @ directions
    scores /= scores.std(dim=0).sqrt()
    found = np.full((2, len(crops), CLASSICAL), np.nan, np.float32)
    found[:, real] = (scores / scores.pow(2).mean().sqrt()).reshape(2, -1, CLASSICAL).numpy()
    return found


def batches(crops: np.ndarray, targets: Targets, seed: int, steps: int, strength: float) -> queue.Queue:
    """Return a queue that a thread fills with (rows of both views, mirrored or not, views as uint8 (2 n, 112, 112, 3))."""
    waiting: queue.Queue = queue.Queue(maxsize=3)
    painted = np.setdiff1d(np.arange(len(crops)), targets.real)

    def fill() -> None:
        for step in range(steps):
            rng = np.random.default_rng([seed, step])
            rows = np.concatenate([rng.choice(targets.real, N_REAL, False, targets.weight), rng.choice(painted, N_PAINTED, False)])
            both = np.tile(rows, 2)
            drawn = [draw(rng, crops.shape[1], strength) for _ in both]
            views = [apply(crops[row], view) for row, view in zip(both, drawn, strict=True)]
            waiting.put((both, np.array([int(view.mirrored) for view in drawn]), np.stack(views)))

    threading.Thread(target=fill, daemon=True).start()
    return waiting


def losses_of(
    net: nn.Module, heads: Heads, both: np.ndarray, mirrored: np.ndarray, views: np.ndarray, targets: Targets
) -> dict[str, torch.Tensor]:
    """Return the loss of each task."""
    x = torch.from_numpy(views).permute(0, 3, 1, 2).float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        last = net.maps(x)[-1]
    z = net.embedding(last.float())
    classical = torch.from_numpy(targets.classical[mirrored, both])
    real = ~torch.isnan(classical[:, 0])
    found = {
        "views": contrast(heads.projection(z)),
        "classical": functional.mse_loss(heads.classical(z)[real], classical[real]),
        "age": within(heads.age(z), torch.from_numpy(targets.bounds[both]).float()),
        "painted_age": bell(heads.painted_age(z), torch.from_numpy(targets.looked[both]).float()),
    }
    sex, signs = (torch.from_numpy(values[both]).float() for values in (targets.sex, targets.signs))
    known = ~torch.isnan(sex)
    found["sex"] = functional.binary_cross_entropy_with_logits(heads.sex(z)[known, 0], sex[known])
    painted = ~torch.isnan(signs).any(dim=1)
    found["signs"] = functional.mse_loss(heads.signs(z)[painted], signs[painted])
    return found


def contrast(projected: torch.Tensor) -> torch.Tensor:
    """SimCLR's loss: each view must find the other view of its crop among all views of the step."""
    z = functional.normalize(projected, dim=1)
    likeness = z @ z.T / TEMPERATURE
    likeness.fill_diagonal_(-1e9)
    n = len(z) // 2
    return functional.cross_entropy(likeness, torch.arange(2 * n).roll(n))


def within(logits: torch.Tensor, bounds: torch.Tensor) -> torch.Tensor:
    """Minus the log probability of an age between the bounds, whose edges are soft by a year; rows without bounds do not count."""
    known = ~torch.isnan(bounds[:, 0])
    low, high = bounds[known, :1], bounds[known, 1:]
    inside = functional.logsigmoid(AGES - low) + functional.logsigmoid(high - AGES)
    return -torch.logsumexp(functional.log_softmax(logits[known], dim=1) + inside, dim=1).mean()


def bell(logits: torch.Tensor, ages: torch.Tensor) -> torch.Tensor:
    """Cross-entropy against a bell of 2.5 years around each known age."""
    known = ~torch.isnan(ages)
    wanted = torch.softmax(-0.5 * ((AGES - ages[known, None]) / 2.5) ** 2, dim=1)
    return functional.cross_entropy(logits[known], wanted)


def average_into(mean: nn.Module, net: nn.Module, keep: float) -> None:
    """Keep a running mean of the weights, which is what is used afterwards."""
    with torch.no_grad():
        for old, new in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
            old.lerp_(new, 1 - keep) if old.dtype.is_floating_point else old.copy_(new)


def make_optimiser(parts: nn.ModuleList, steps: int, peak: float) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return AdamW, which leaves norms and offsets undecayed, and a one-cycle schedule."""
    decayed, plain = [[p for p in parts.parameters() if (p.ndim > 1) == many] for many in (True, False)]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}], lr=peak)
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, peak, steps, pct_start=0.05, cycle_momentum=False)


def train(crops: np.ndarray, targets: Targets, options: argparse.Namespace) -> None:
    """Train, and keep the running mean of the weights every 250 steps."""
    torch.manual_seed(options.seed)
    net, heads = FaciesS().to(memory_format=torch.channels_last), Heads(targets.signs.shape[1])
    mean = copy.deepcopy(net).eval()
    optimiser, schedule = make_optimiser(nn.ModuleList([net, heads]), options.steps, options.peak)
    waiting = batches(crops, targets, options.seed, options.steps, options.strength)
    without = set(options.without)
    started, sums = time.time(), {}
    for step in range(1, options.steps + 1):
        losses = losses_of(net, heads, *waiting.get(), targets)
        optimiser.zero_grad(set_to_none=True)
        sum(WEIGHTS[name] * loss for name, loss in losses.items() if name not in without).backward()
        nn.utils.clip_grad_norm_([*net.parameters(), *heads.parameters()], 5.0)
        optimiser.step()
        schedule.step()
        average_into(mean, net, min(0.998, step / (step + 10)))
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0.0) + loss.item()
        if step % 50 == 0:
            line = {"step": step, "seconds": round(time.time() - started), **{name: round(value / 50, 4) for name, value in sums.items()}}
            with (options.out / f"{options.name}.log").open("a") as log:
                log.write(json.dumps(line) + "\n")
            sums = {}
        if step % 250 == 0 or step == options.steps:
            save_file({name: value.contiguous() for name, value in mean.state_dict().items()}, options.out / f"{options.name}.safetensors")


def main() -> None:
    """Train one network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="facies_s")
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--without", nargs="*", default=[], choices=list(WEIGHTS), help="tasks to leave out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    crops = np.load(options.out / "crops.npy")
    table = pd.read_csv(options.out / "crops.tsv", sep="\t", na_values="n/a", dtype={"subject": str})
    train(crops, read_targets(table, crops), options)


if __name__ == "__main__":
    main()
