"""What would a model find in photographs like these: signs painted onto real portraits, by severity, and does it look where they are.

    python benchmarks/bench_semi_synthetic.py [--source omi_] [--people 500] [--encoder facies-s]

Portraits of the folder named by FACIES_SHARED (see its README), one person a portrait, one source. Half of the people, drawn by lot, get a
condition at one severity; all pass through the same warp and encoding. Cross-fitted AUC by person at each severity; then, at full severity,
in every case that is found at the threshold of its fold, which regions covering takes most from the log-odds (each face by the models that
never saw the person), and the same for models with shuffled axes. Semi-synthetic: no clinical claim.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from facies.embeddings import load_encoder
from facies.imaging import align_face, decode_photograph
from facies.imaging.atlas import region_labels, region_parts
from facies.models.condition_fit import cross_fit_conditions
from facies.saliency.occlusion import Part, occlusion_drops, occlusion_vectors, prepare_covers
from facies.saliency.outline import both_sides, with_outline
from facies.saliency.regions import region_shares
from facies.simulation.semi_synthetic import PAINTED_REGIONS, paint_condition
from facies.stats.auc import auc_interval
from facies.tables import REGIONS

SHARED = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[2] / "shared")) / "faces"
SEVERITIES = (0.25, 0.5, 0.75, 1.0)
QUALITY = 92


def portraits(source: str, n: int, seed: int) -> pd.DataFrame:
    """Return the labels of one frontal portrait of each of ``n`` people."""
    labels = pd.read_csv(SHARED / "labels.csv")
    own = labels[labels.file.str.contains(f"/{source}") & (labels.yaw_proxy.abs() < 0.15)].drop_duplicates("subject")
    return own.sample(min(n, len(own)), random_state=seed).reset_index(drop=True)


def crop(row: pd.Series, condition: str | None, severity: float, seed: int, contract: object) -> np.ndarray:
    """Paint one portrait, store it as JPEG, and cut the face."""
    image = decode_photograph(SHARED / row.file).image
    names = ("reye", "leye", "nose", "rmouth", "lmouth")
    points = np.array([[row[f"{name}_x"], row[f"{name}_y"]] for name in names], dtype=float)
    painted = paint_condition(image, points, condition, severity, random_state=seed).image
    _, data = cv2.imencode(".jpg", painted[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return align_face(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], points, contract)


def fit(vectors: np.ndarray, ill: np.ndarray, condition: str) -> object:
    """Cross-fit people, one vector each, 3 repeats of 5 folds."""
    names = [f"p{i:05d}" for i in range(len(ill))]
    diagnosis = pd.Series(np.where(ill, condition, "control"), index=names)
    rng = np.random.default_rng(0)
    folds = []
    for repeat in range(3):
        fold = np.empty(len(ill), dtype=int)
        for which in (ill, ~ill):
            fold[which] = rng.permutation(int(which.sum())) % 5
        folds.append(pd.DataFrame({"participant_id": names, "repeat": repeat, "fold": fold}))
    return cross_fit_conditions(
        vectors, face_ids=names, participant_ids=names, session_ids=[None] * len(names), diagnosis=diagnosis,
        learnt_session=pd.Series(index=names, dtype=object), folds=pd.concat(folds), target_conditions=[condition], model_id="m",
        operating_points=["youden"], multiclass=False,
    )  # fmt: skip


def look(found: object, crops: list[np.ndarray], ill: np.ndarray, condition: str, encoder: object) -> None:
    """Print how often the regions with the largest shares are changed ones, in cases that were found."""
    contract = encoder.card.crop
    right, left = contract.points()[:2]
    single = [Part(*part) for part in region_parts(region_labels(contract), contract)]
    parts = both_sides(with_outline(single, eye_distance=float(np.hypot(*(left - right)))))
    covers = prepare_covers(parts, np.mean([crops[i].astype(float) for i in np.flatnonzero(~ill)[:60]], axis=0))
    first = found.scores[found.scores["repeat"] == 0].set_index("participant_id")
    threshold = found.operating_points[found.operating_points["repeat"] == 0].set_index("fold").threshold
    rng = np.random.default_rng(1)
    shuffled = {}
    for fold in range(5):
        model = found.fold_models[condition, 0, fold]
        order = rng.permutation(model.projection.axes.shape[1])
        shuffled[fold] = dataclasses.replace(model, projection=dataclasses.replace(model.projection, axes=model.projection.axes[:, order]))
    score, fold_of = first.score.to_numpy(), first.fold.to_numpy()
    of_repeats = found.scores.pivot(index="participant_id", columns="repeat", values="fold").to_numpy()
    seen = [n for n in np.flatnonzero(ill) if score[n] >= threshold[fold_of[n]]]
    healthy = np.flatnonzero(~ill)[:100].tolist()
    drops = {}
    for number in [*seen, *healthy]:
        vectors = occlusion_vectors(crops[number], covers, encoder.encode)
        models = [found.fold_models[condition, repeat, int(fold)] for repeat, fold in enumerate(of_repeats[number])]
        own = occlusion_drops(np.mean([model.decision(vectors) for model in models], axis=0))
        drops[number] = [own, occlusion_drops(shuffled[int(fold_of[number])].decision(vectors))]
    usual = np.mean([drops[n][0] for n in healthy], axis=0)
    of_shuffled = {fold: np.mean([drops[n][1] for n in healthy if fold_of[n] == fold], axis=0) for fold in range(5)}
    own, other, hits, wide, middle = [], [], [], [], []
    for number in seen:
        shares, areas = region_shares(drops[number][0] - usual, parts)
        random, _ = region_shares(drops[number][1] - of_shuffled[int(fold_of[number])], parts)
        own.append(shares)
        other.append(random)
        changed = PAINTED_REGIONS[condition]
        for table, values in ((hits, shares), (middle, shares / np.sqrt(areas)), (wide, shares / areas)):
            table.append([REGIONS[place] in changed for place in np.argsort(-values)[:2]])
    changed = [REGIONS.index(name) for name in PAINTED_REGIONS[condition]]
    mean, chance, area = np.mean(own, axis=0), np.mean(other, axis=0), areas
    both, root, dense = (np.all(table, axis=1).mean() for table in (hits, middle, wide))
    print(
        f"  {len(own)} of {int(ill.sum())} cases found; first and second region are changed ones: by share {both:.0%}, by share over the "
        f"root of the area {root:.0%}, by share over area {dense:.0%}"
    )
    print(
        f"  share of the changed regions {mean[changed].sum():.2f}, shuffled models {chance[changed].sum():.2f}, their area "
        f"{area[changed].sum():.2f}"
    )
    print("  " + ", ".join(f"{REGIONS[i]} {mean[i]:.2f}" for i in np.argsort(-mean)), flush=True)


def main() -> None:
    """Paint, fit, look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="omi_")
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--encoder", default="facies-s")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if not (SHARED / "labels.csv").exists():
        print("the portraits are absent: set FACIES_SHARED; nothing was measured")
        return
    encoder = load_encoder(asked.encoder)
    rows = portraits(asked.source, asked.people, asked.seed)
    ill = np.random.default_rng(asked.seed).permutation(len(rows)) % 2 == 0
    print(f"{len(rows)} people of {asked.source}, {int(ill.sum())} with signs; {asked.encoder} + logistic; semi-synthetic")
    plain = {i: crop(row, None, 0.0, i, encoder.card.crop) for i, row in rows[~ill].iterrows()}
    for condition in PAINTED_REGIONS:
        for severity in SEVERITIES:
            crops = [plain[i] if i in plain else crop(row, condition, severity, i, encoder.card.crop) for i, row in rows.iterrows()]
            vectors = np.concatenate([encoder.encode(np.stack(crops[i : i + 32])) for i in range(0, len(crops), 32)])
            found = fit(vectors, ill, condition)
            scores = found.scores.pivot(index="participant_id", columns="repeat", values="score").to_numpy().T
            estimate = auc_interval(scores, ill.astype(int))
            print(
                f"{condition}, severity {severity:g}: AUC {estimate.value:.3f} ({estimate.ci_low:.3f} to {estimate.ci_high:.3f})",
                flush=True,
            )
        look(found, crops, ill, condition, encoder)


if __name__ == "__main__":
    main()
