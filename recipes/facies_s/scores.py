"""Fit the 32 scores of facies-s: `python scores.py --out OUT` writes OUT/facies_s_scores.safetensors.

Each score is a line through the classical description, fitted by maximum likelihood to what is known of age: that it lies between two
bounds, with normal errors (an interval-censored regression), weights drawn to zero. The 32 scores are fitted to as many draws of people.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from crops import portraits, shared_folder

from facies.embeddings.facies_s import CROP, describe_classically
from facies.faces import QualityGate, load_detector, read_photograph
from facies.store import write_arrays

N_SCORES, PENALTY, SEED = 32, 0.02, 13
SOFT = 0.5
"""Years by which the bounds are widened."""


def classical_vectors(shared: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the classical description, (n, 2380), the bounds of age, (n, 2), and the subject of each portrait with bounds."""
    finder, gate = load_detector("facies-finder"), QualityGate(max_outside=None)
    table = portraits(shared)
    table = table[table.age_low.notna()]
    vectors, rows = [], []
    for row, file in enumerate(table.file):
        crops = read_photograph("one", shared / "faces" / file, detector=finder, contracts=[CROP], gate=gate).crops
        if crops:
            vectors.append(describe_classically(crops[0]))
            rows.append(row)
    kept = table.iloc[rows]
    return np.stack(vectors), kept[["age_low", "age_high"]].to_numpy(np.float32), kept.subject.to_numpy()


def fit(x: torch.Tensor, bounds: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Return weights and offset in decades from 50 years."""
    line = torch.zeros(x.shape[1], requires_grad=True)
    rest = torch.tensor([0.3, -0.3], requires_grad=True)
    normal = torch.distributions.Normal(0.0, 1.0)
    low, high = (bounds[:, 0] - SOFT - 50) / 10, (bounds[:, 1] + SOFT - 50) / 10
    optimiser = torch.optim.LBFGS([line, rest], max_iter=80, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        mean, deviation = x @ line + rest[0], rest[1].exp()
        inside = (normal.cdf((high - mean) / deviation) - normal.cdf((low - mean) / deviation)).clamp(min=1e-6)
        total = -(weight * inside.log()).sum() / weight.sum() + 100 * PENALTY * line.pow(2).sum()
        total.backward()
        return total

    optimiser.step(loss)
    return line.detach(), rest[0].item()


def main() -> None:
    """Fit and write the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    vectors, bounds, subjects = classical_vectors(shared_folder())
    mean, deviation = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
    x, rng = torch.from_numpy((vectors - mean) / deviation), np.random.default_rng(SEED)
    names, owner = np.unique(subjects, return_inverse=True)
    fits = []
    for _ in range(N_SCORES):
        drawn = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))[owner]
        here = np.flatnonzero(drawn)
        fits.append(fit(x[here], torch.from_numpy(bounds[here]), torch.from_numpy(drawn[here]).float()))
    arrays = {
        "mean": mean, "deviation": deviation, "weights": torch.stack([line for line, _ in fits]).numpy(),
        "offset": np.array([offset for _, offset in fits], np.float32),
    }  # fmt: skip
    write_arrays(options.out / "facies_s_scores.safetensors", {name: array.astype(np.float32) for name, array in arrays.items()})
    spread = np.corrcoef((x.numpy() @ arrays["weights"].T).T)
    print(f"{len(x)} portraits of {len(names)} people; mean correlation between scores {spread[np.triu_indices(N_SCORES, 1)].mean():.2f}")


if __name__ == "__main__":
    main()
