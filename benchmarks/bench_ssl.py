"""Does pretraining on a cohort's own photographs help: the same network pretrained and with random weights, few labelled people.

    python benchmarks/bench_ssl.py [--people 4000] [--labelled 500] [--backbone resnet18] [--size 96] [--steps 500] [--method describe]

Simulated people with painted faces are learnt from without labels; then a ridge on the frozen vectors is cross-fitted on labelled people,
5 folds by person: once on 500 of those learnt from, once on 500 whom pretraining never saw. Prints MAE with each network, their ratio and
the paired difference with its interval; beside them `hog`, which needs no training, and how far networks of other random weights lie apart.
The target is at least 25 % less error than with random weights. Faces are cut from the known points of the painting, without a detector.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.embeddings.hog import Hog
from facies.embeddings.pretrain.augment import Augmentation
from facies.embeddings.pretrain.backbones import make_backbone
from facies.embeddings.pretrain.crops import CropArray, write_crops
from facies.embeddings.pretrain.precision import choose_precision
from facies.embeddings.pretrain.recipe import PretrainRecipe, parse_recipe
from facies.embeddings.pretrain.train import Pretrained, encode_batch, pretrain
from facies.evaluation import compare_models
from facies.imaging import align_face
from facies.models import cross_fit
from facies.records import CropContract
from facies.simulation import draw_face_parameters, faces_to_paint, iterate_faces, simulate_cohort
from facies.study.crops import TEMPLATE
from facies.types import Image, Vectors

PAINTED = 256
"""Side of the paintings in pixels."""

DRAWS = 4
"""Of other random weights."""

OFF = {
    "geometry": {"mirror": 0.0, "scale": (1.0, 1.0), "shift": 0.0, "rotation": 0.0},
    "light": {"brightness": 0.0, "contrast": 0.0, "gamma": 0.0},
    "colour": {"tint": 0.0, "saturation": 0.0, "grey": 0.0},
    "file": {"blur": 0.0, "blur_probability": 0.0, "noise": 0.0, "noise_probability": 0.0, "jpeg_probability": 0.0},
}
"""Groups of augmentations that ``--without`` leaves out."""


@dataclass(frozen=True)
class Painted:
    """Crops of one group of people."""

    crops: CropArray
    described: Vectors
    """By `hog`, of the labelled people alone, who come first."""


def paint(n: int, labelled: int, size: int, seed: int, folder: Path) -> tuple[Painted, Painted, pd.Series]:
    """Return ``n`` simulated people to learn from, ``labelled`` further ones, and by participant how old everybody looks."""
    cohort = simulate_cohort(n + labelled, random_state=seed)
    faces = faces_to_paint(cohort).drop_duplicates("participant_id")
    groups = (paint_group(part, labelled, size, seed, folder / name) for name, part in (("seen", faces[:n]), ("unseen", faces[n:])))
    seen, unseen = groups
    return seen, unseen, cohort.truth.set_index("participant_id").perceived_age


def paint_group(faces: pd.DataFrame, labelled: int, size: int, seed: int, folder: Path) -> Painted:
    """Paint one photograph each of some people."""
    parameters, hog = draw_face_parameters(faces, random_state=seed), Hog()
    contract, described = CropContract(TEMPLATE, size=size), []

    def rows() -> Iterator[tuple[str, str, Image]]:
        paintings = iterate_faces(parameters, size=PAINTED)
        for i, (photo_id, person, (image, points)) in enumerate(zip(faces.photo_id, faces.participant_id, paintings, strict=True)):
            if i < labelled:
                described.append(hog.encode(align_face(image, points, hog.card.crop)[None])[0])
            yield f"{photo_id}_f1", person, align_face(image, points, contract)

    crops = write_crops(folder, rows(), contract=contract)
    return Painted(crops, np.array(described))


def encode(network: Any, recipe: PretrainRecipe, painted: Painted) -> Vectors:
    """Return a network's vectors of the labelled people."""
    network.eval()
    precision = choose_precision(recipe.model_copy(update={"precision": "float32"}))
    crops = painted.crops.crops[: len(painted.described)]
    return np.concatenate([encode_batch(network, np.array(crops[i : i + 64]), precision) for i in range(0, len(crops), 64)])


def predictions(name: str, vectors: Vectors, painted: Painted, looks: pd.Series) -> pd.DataFrame:
    """Return the cross-fitted predictions of the labelled people by a ridge on these vectors."""
    people = list(painted.crops.participant_ids[: len(vectors)])
    fit = cross_fit(
        vectors,
        face_ids=list(painted.crops.face_ids[: len(vectors)]),
        participant_ids=people,
        y_by_participant=looks[people],
        folds=pd.Series(np.arange(len(people)) % 5, index=people),
        model_id=name,
        target="perceived_age",
    )
    return fit.participant_predictions


def recipe_of(asked: argparse.Namespace) -> PretrainRecipe:
    """Return the recipe that was asked for."""
    off = {name: value for group in asked.without for name, value in OFF[group].items()}
    augmentation = Augmentation.none() if asked.none else Augmentation.model_validate(Augmentation().model_dump() | off)
    settings = {
        "method": asked.method, "backbone": asked.backbone, "size": asked.size, "steps": asked.steps, "batch_size": asked.batch_size,
        "learning_rate": asked.learning_rate, "precision": asked.precision, "random_state": asked.seed,
        "augmentation": augmentation.model_dump(), "monitor": {"every": 10**6},
    }  # fmt: skip
    return parse_recipe({name: value for name, value in settings.items() if value is not None})


def judge(group: str, painted: Painted, looks: pd.Series, recipe: PretrainRecipe, trained: Pretrained) -> None:
    """Print the errors with each network, their ratio and the paired difference."""
    start = make_backbone(recipe.backbone, size=recipe.size, weights=trained.start)
    vectors = {name: encode(network, recipe, painted) for name, network in (("pretrained", trained.encoder()), ("random", start))}
    vectors |= {"hog": painted.described, "hog and pretrained": np.hstack([painted.described, vectors["pretrained"]])}
    found = pd.concat([predictions(name, each, painted, looks) for name, each in vectors.items()], ignore_index=True)
    mae = (found.predicted - found.observed).abs().groupby(found.model_id).mean()
    spread = found[found.model_id == "random"].observed
    others = [other_weights(draw, recipe, painted, looks) for draw in range(recipe.random_state + 1, recipe.random_state + 1 + DRAWS)]
    print(f"{group}: n = {len(spread)}; predicting the mean errs by {(spread - spread.mean()).abs().mean():.2f} years")
    print(f"  random weights {mae['random']:.2f}, pretrained {mae['pretrained']:.2f}: {1 - mae['pretrained'] / mae['random']:.0%} less")
    print(f"  other random weights: {', '.join(f'{each:.2f}' for each in others)}")
    print(f"  hog {mae['hog']:.2f}, hog and pretrained side by side {mae['hog and pretrained']:.2f}")
    people = pd.DataFrame({"participant_id": painted.crops.participant_ids}).assign(age=60.0)
    for model, against in (("pretrained", "random"), ("hog and pretrained", "hog")):
        compared = compare_models(found, people, target="perceived_age", model_id=model, against=against).set_index("metric")
        row = compared.loc["mae_difference"]
        print(f"  {model} against {against}: {row.value:.2f} ({row.ci_low:.2f} to {row.ci_high:.2f})", flush=True)


def other_weights(draw: int, recipe: PretrainRecipe, painted: Painted, looks: pd.Series) -> float:
    """Return the error with a network of other random weights."""
    network = make_backbone(recipe.backbone, size=recipe.size, random_state=draw)
    found = predictions("other", encode(network, recipe, painted), painted, looks)
    return float((found.predicted - found.observed).abs().mean())


def main() -> None:
    """Paint, pretrain, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=4000)
    parser.add_argument("--labelled", type=int, default=500)
    parser.add_argument("--method", default="describe")
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--without", nargs="*", default=[], choices=sorted(OFF))
    parser.add_argument("--none", action="store_true", help="views without any change")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    recipe = recipe_of(asked)
    with tempfile.TemporaryDirectory() as name:
        seen, unseen, looks = paint(asked.people, asked.labelled, asked.size, asked.seed, Path(name))
        started, used = time.perf_counter(), time.process_time()
        trained = pretrain(seen.crops, recipe, Path(name) / "run")
        minutes, cpu = (time.perf_counter() - started) / 60, (time.process_time() - used) / 60
        print(f"{asked.method} {asked.backbone} {asked.size} px, {len(seen.crops)} faces, {trained.steps} steps", end=": ")
        print(f"{minutes:.1f} min ({cpu:.1f} of CPU)", flush=True)
        print(trained.history[["step", "loss", "spread", "rank"]].round(3).to_string(index=False))
        judge("learnt from", seen, looks, recipe, trained)
        judge("never seen", unseen, looks, recipe, trained)


if __name__ == "__main__":
    main()
