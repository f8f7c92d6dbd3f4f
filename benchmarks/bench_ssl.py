"""Does pretraining on a cohort's own photographs help: the same network pretrained and with random weights, few labelled people.

    python benchmarks/bench_ssl.py [--people 2000] [--labelled 500] [--backbone resnet18] [--size 64] [--epochs 40] [--method simclr]

Simulated people with painted faces; everybody is learnt from without labels, then a ridge on the frozen vectors is cross-fitted on the
labelled people, 5 folds by person. Prints MAE with each, their ratio and the paired difference with its interval. The target is at least
25 % less error than with random weights. Faces are painted and cut from the known points of the painting: no detector is involved.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from facies.embeddings.pretrain.augment import Augmentation
from facies.embeddings.pretrain.backbones import make_backbone
from facies.embeddings.pretrain.crops import CropArray, write_crops
from facies.embeddings.pretrain.precision import choose_precision
from facies.embeddings.pretrain.recipe import PretrainRecipe, parse_recipe
from facies.embeddings.pretrain.train import encode_batch, pretrain
from facies.evaluation import compare_models
from facies.imaging import align_face
from facies.models import cross_fit
from facies.records import CropContract
from facies.simulation import draw_face_parameters, faces_to_paint, iterate_faces, simulate_cohort
from facies.study.crops import TEMPLATE
from facies.types import Vectors

PAINTED = 128
"""Side of the paintings in pixels."""

OFF = {
    "geometry": {"mirror": 0.0, "scale": (1.0, 1.0), "shift": 0.0, "rotation": 0.0},
    "light": {"brightness": 0.0, "contrast": 0.0, "gamma": 0.0},
    "colour": {"tint": 0.0, "saturation": 0.0, "grey": 0.0},
    "file": {"blur": 0.0, "blur_probability": 0.0, "noise": 0.0, "noise_probability": 0.0, "jpeg_probability": 0.0},
}
"""Groups of augmentations that ``--without`` leaves out."""


def paint_crops(n: int, size: int, seed: int, folder: Path) -> tuple[CropArray, pd.Series]:
    """Return the crops of ``n`` simulated people, and by participant how old they look."""
    cohort = simulate_cohort(n, random_state=seed)
    faces = faces_to_paint(cohort).drop_duplicates("participant_id").head(n)
    parameters = draw_face_parameters(faces, random_state=seed)
    contract = CropContract(TEMPLATE, size=size)
    rows = (
        (f"{photo_id}_f1", participant_id, align_face(image, points, contract))
        for photo_id, participant_id, (image, points) in zip(
            faces.photo_id, faces.participant_id, iterate_faces(parameters, size=PAINTED), strict=True
        )
    )
    looks = cohort.truth.set_index("participant_id").perceived_age
    return write_crops(folder, rows, contract=contract), looks


def encode(network: object, recipe: PretrainRecipe, crops: CropArray) -> Vectors:
    """Return a network's vectors of all crops."""
    network.eval()
    precision = choose_precision(recipe.model_copy(update={"precision": "float32"}))
    return np.concatenate([encode_batch(network, np.array(crops.crops[i : i + 64]), precision) for i in range(0, len(crops), 64)])


def predictions(name: str, vectors: Vectors, crops: CropArray, looks: pd.Series, labelled: list[str]) -> pd.DataFrame:
    """Return the cross-fitted predictions of the labelled people by a ridge on these vectors."""
    rows = [row for row, person in enumerate(crops.participant_ids) if person in set(labelled)]
    fit = cross_fit(
        vectors[rows],
        face_ids=[crops.face_ids[row] for row in rows],
        participant_ids=[crops.participant_ids[row] for row in rows],
        y_by_participant=looks[labelled],
        folds=pd.Series(np.arange(len(labelled)) % 5, index=labelled),
        model_id=name,
        target="perceived_age",
    )
    return fit.participant_predictions


def recipe_of(asked: argparse.Namespace) -> PretrainRecipe:
    """Return the recipe that was asked for."""
    off = {name: value for group in asked.without for name, value in OFF[group].items()}
    augmentation = Augmentation.none() if asked.none else Augmentation.model_validate(Augmentation().model_dump() | off)
    settings = {
        "method": asked.method, "backbone": asked.backbone, "size": asked.size, "epochs": asked.epochs, "batch_size": asked.batch_size,
        "learning_rate": asked.learning_rate, "precision": asked.precision, "random_state": asked.seed,
        "augmentation": augmentation.model_dump(), "monitor": {"every": 10**6},
    }  # fmt: skip
    return parse_recipe({name: value for name, value in settings.items() if value is not None})


def report(found: pd.DataFrame, crops: CropArray) -> None:
    """Print both errors, their ratio and the paired difference."""
    mae = (found.predicted - found.observed).abs().groupby(found.model_id).mean()
    spread = found[found.model_id == "random"].observed
    people = pd.DataFrame({"participant_id": sorted(set(crops.participant_ids))}).assign(age=60.0)
    compared = compare_models(found, people, target="perceived_age", model_id="pretrained", against="random").set_index("metric")
    row = compared.loc["mae_difference"]
    print(f"MAE of predicting the mean {(spread - spread.mean()).abs().mean():.2f} years, n = {len(spread)}")
    print(f"random weights {mae['random']:.2f}, pretrained {mae['pretrained']:.2f}: {1 - mae['pretrained'] / mae['random']:.0%} less")
    print(f"difference {row.value:.2f} ({row.ci_low:.2f} to {row.ci_high:.2f})", flush=True)


def main() -> None:
    """Paint, pretrain, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--labelled", type=int, default=500)
    parser.add_argument("--method", default="simclr")
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--without", nargs="*", default=[], choices=sorted(OFF))
    parser.add_argument("--none", action="store_true", help="views without any change")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    recipe = recipe_of(asked)
    with tempfile.TemporaryDirectory() as name:
        crops, looks = paint_crops(asked.people, asked.size, asked.seed, Path(name) / "crops")
        labelled = list(dict.fromkeys(crops.participant_ids))[: asked.labelled]
        started, used = time.perf_counter(), time.process_time()
        trained = pretrain(crops, recipe, Path(name) / "run")
        minutes, cpu = (time.perf_counter() - started) / 60, (time.process_time() - used) / 60
        print(f"{asked.method} {asked.backbone} {asked.size} px, {len(crops)} faces, {trained.steps} steps", end=": ")
        print(f"{minutes:.1f} min ({cpu:.1f} of CPU)")
        start = make_backbone(recipe.backbone, size=recipe.size, weights=trained.start)
        networks = {"pretrained": trained.encoder(), "random": start}
        found = [predictions(name, encode(network, recipe, crops), crops, looks, labelled) for name, network in networks.items()]
    print(trained.history[["step", "loss", "spread", "rank"]].round(3).to_string(index=False))
    report(pd.concat(found, ignore_index=True), crops)


if __name__ == "__main__":
    main()
