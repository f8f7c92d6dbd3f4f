"""How well facies-s carries age: `python evaluate.py --network FILE.safetensors`, on people that it never saw.

Perceived age of `omi` and age of `usc`, each cross-fitted in five folds by person; for several choices of what the network gives.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from crops import CROP, shared_folder
from safetensors.torch import load_file

from facies.embeddings.facies_s_network import FaciesS
from facies.faces import QualityGate, load_detector, read_photograph
from facies.models import cross_fit


def read_crops(source: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return labels and crops of one source, cut once and kept in the folder for temporary files."""
    kept = Path(tempfile.gettempdir()) / f"facies_s_{source}_{CROP.digest()}.npz"
    labels = pd.read_csv(shared_folder() / "faces" / "labels.csv", dtype={"subject": str})
    labels = labels[labels.file.str.startswith(f"images/{source}_")].reset_index(drop=True)
    if not kept.exists():
        finder = load_detector("facies-finder")
        found = [read_photograph("one", shared_folder() / "faces" / file, detector=finder, contracts=[CROP], gate=QualityGate()).crops
                 for file in labels.file]  # fmt: skip
        np.savez(kept, rows=[i for i, crops in enumerate(found) if crops], crops=np.stack([crops[0] for crops in found if crops]))
    held = np.load(kept)
    return labels.iloc[held["rows"]].reset_index(drop=True), held["crops"]


def vectors_of(net: FaciesS, crops: np.ndarray) -> dict[str, np.ndarray]:
    """Return what could be the network's output, by name."""
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(crops), 64):
        x = torch.from_numpy(crops[start : start + 64]).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.inference_mode():
            maps = net.maps(x)
            z = net.embedding(maps[-1])
            neck = torch.relu(net.neck(maps[-1]))
        last = maps[-1].mean((2, 3))
        middle = maps[-2].mean((2, 3))
        outputs = {
            "embedding": z,
            "last": last,
            "last+middle": torch.cat([last, middle], 1),
            "neck": neck.flatten(1),
            "all": torch.cat([z, last, middle], 1),
            "grid": torch.cat([torch.nn.functional.adaptive_avg_pool2d(maps[-1], 3).flatten(1), middle], 1),
        }
        for name, values in outputs.items():
            found.setdefault(name, []).append(values.numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def error_of(vectors: np.ndarray, labels: pd.DataFrame, source: str, regressor: str, seed: int) -> float:
    """Return the cross-fitted mean absolute error in years."""
    y = labels.groupby("subject").agg(y=("apparent_age" if source == "omi" else "age", "mean")).y
    order = np.random.default_rng(seed).permutation(len(y))
    folds = pd.Series(order % 5, index=y.index)
    fit = cross_fit(vectors.astype(np.float32), face_ids=labels.file.tolist(), participant_ids=labels.subject.tolist(), y_by_participant=y,
                    folds=folds, regressor=regressor, model_id="m", target="perceived_age" if source == "omi" else "age")  # fmt: skip
    return float((fit.participant_predictions.predicted - fit.participant_predictions.observed).abs().mean())


def main() -> None:
    """Print one line for each output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--outputs", nargs="*", default=[])
    parser.add_argument("--regressors", nargs="+", default=["ridge"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    net = FaciesS().eval()
    net.load_state_dict(load_file(options.network))
    for source in ("omi", "usc"):
        labels, crops = read_crops(source)
        for name, vectors in vectors_of(net, crops).items():
            if not options.outputs or name in options.outputs:
                errors = [
                    f"{r} " + " / ".join(f"{error_of(vectors, labels, source, r, s):.2f}" for s in options.seeds)
                    for r in options.regressors
                ]
                print(f"{source} {name} {vectors.shape[1]}: {'; '.join(errors)}", flush=True)


if __name__ == "__main__":
    main()
