"""Which changes of a picture leave the signs of age in it: how far each moves an age that a frozen model tells, and what it costs in error.

    FACIES_SHARED=... python benchmarks/bench_augmentations.py [--source omi] [--encoders hog onnx:FILE] [--people 300]

Prints the first table of docs/decisions/0007-augmentations-that-keep-ageing-signs.md. One photograph a person, 5 folds by person. *Moved*
is the mean distance in years between the prediction of a view and that of its crop by a model that knows crops only (trained without the
person), relative to the standard deviation of its predictions. *Error of views* is the MAE of a model that is trained on such views and
tested on such views of other people: it rises only where the change takes away what tells age.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from real_faces import write_study

from facies.embeddings import load_encoder
from facies.embeddings.pretrain.augment import Augmentation
from facies.models.regressors import make_regressor
from facies.records import CropContract
from facies.study.config import read_config
from facies.study.crops import cut_crops
from facies.study.intake import Cohort, gather_cohort
from facies.types import Floats, Images, Vectors

ROWS: dict[str, list[dict[str, object]]] = {
    "mirror": [{"mirror": 1.0}],
    "scale": [{"scale": (0.9, 1.2)}, {"scale": (0.8, 1.5)}, {"scale": (1.5, 2.5)}],
    "shift": [{"shift": 0.03}, {"shift": 0.06}, {"shift": 0.12}],
    "rotation": [{"rotation": 4.0}, {"rotation": 8.0}, {"rotation": 20.0}],
    "brightness": [{"brightness": 0.2}, {"brightness": 0.4}, {"brightness": 0.6}],
    "contrast": [{"contrast": 0.2}, {"contrast": 0.4}, {"contrast": 0.6}],
    "gamma": [{"gamma": 0.3}, {"gamma": 0.5}],
    "tint": [{"tint": 0.15}, {"tint": 0.3}],
    "saturation": [{"saturation": 0.5}, {"saturation": 1.0}],
    "grey": [{"grey": 1.0}],
    "blur": [{"blur": s, "blur_probability": 1.0} for s in (0.004, 0.008, 0.016, 0.03)],
    "noise": [{"noise": s, "noise_probability": 1.0} for s in (2.0, 5.0, 10.0, 20.0)],
    "jpeg": [{"jpeg": q, "jpeg_probability": 1.0} for q in ((70, 95), (30, 60), (10, 30))],
    "default": [Augmentation().model_dump()],
}
"""What is changed, and how much: everything else is off."""


def views(crops: Images, settings: dict[str, object], seed: int) -> Images:
    """Return one view of each crop."""
    augmentation = Augmentation.model_validate(Augmentation.none().model_dump() | settings)
    return np.stack([augmentation.draw_and_apply(crop, np.random.default_rng([seed, row])) for row, crop in enumerate(crops)])


def out_of_fold(X: Vectors, tested: list[Vectors], y: Floats, folds: Floats) -> list[Floats]:
    """Return the predictions for each of the ``tested`` vectors by models fitted on ``X`` without the person's fold."""
    found = [np.empty(len(y)) for _ in tested]
    for fold in np.unique(folds):
        away, here = folds != fold, folds == fold
        fitted = make_regressor("ridge", None, random_state=0).fit(X[away], y[away], groups=np.flatnonzero(away).astype(str))
        for predicted, vectors in zip(found, tested, strict=True):
            predicted[here] = fitted.predict(vectors[here])
    return found


def measure(crops: Images, encoder: object, y: Floats, folds: Floats, seed: int) -> Iterator[dict[str, object]]:
    """Yield one row a change and strength."""
    clean = encoder.encode(crops)
    (base,) = out_of_fold(clean, [clean], y, folds)
    yield {"change": "none", "strength": "", "moved_years": 0.0, "moved_sd": 0.0, "bias": 0.0, "mae_of_views": np.abs(base - y).mean()}
    for change, strengths in ROWS.items():
        for settings in strengths:
            changed = encoder.encode(views(crops, settings, seed))
            (moved,) = out_of_fold(clean, [changed], y, folds)
            (own,) = out_of_fold(changed, [changed], y, folds)
            shift = moved - base
            strength = "all of them" if change == "default" else str(settings[change])
            yield {
                "change": change, "strength": strength, "moved_years": np.abs(shift).mean(), "moved_sd": np.abs(shift).mean() / base.std(),
                "bias": shift.mean(), "mae_of_views": np.abs(own - y).mean(),
            }  # fmt: skip


def one_a_person(cohort: Cohort, n: int) -> Cohort:
    """Keep the first usable photograph of each of the first ``n`` labelled people in a shuffled order."""
    labelled = cohort.photographs[cohort.photographs.participant_id.isin(cohort.labels.index) & cohort.photographs.included]
    first = labelled.sort_values("photo_id").drop_duplicates("participant_id").sample(frac=1, random_state=0).head(n)
    return dataclasses.replace(cohort, photographs=first)


def main() -> None:
    """Print a table for each encoder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="omi")
    parser.add_argument("--encoders", nargs="+", default=["hog"])
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    shared = Path(os.environ["FACIES_SHARED"])
    with tempfile.TemporaryDirectory() as name:
        study = Path(name)
        write_study(study, shared, asked.source, {})
        config = read_config(study)
        cohort = one_a_person(gather_cohort(study, config, jobs=2, random_state=1), asked.people)
        fold_of = cohort.splits.set_index("participant_id").fold
        for spec in asked.encoders:
            encoder = load_encoder(spec)
            contract: CropContract = encoder.card.crop.found_by("facies-finder", "")
            crops = cut_crops(study, config, cohort, contract, study / "crops" / encoder.card.name[:8], 2)
            people = list(crops.participant_ids)
            y, folds = cohort.labels.observed[people].to_numpy(), fold_of[people].to_numpy()
            print(f"\n{asked.source}, {encoder.card.name} + ridge, {len(people)} people, sd of reference {y.std():.1f} years")
            print(f"{'change':12}{'strength':16}{'moved, years':>14}{'moved, sd':>11}{'bias':>7}{'error of views':>16}", flush=True)
            for row in measure(np.asarray(crops.crops), encoder, y, folds, asked.seed):
                numbers = "{moved_years:14.2f}{moved_sd:11.2f}{bias:7.2f}{mae_of_views:16.2f}".format(**row)
                print(f"{row['change']:12}{row['strength']:16}{numbers}", flush=True)


if __name__ == "__main__":
    main()
