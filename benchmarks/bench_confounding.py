"""How often the verdict on source confounding is wrong.

    python benchmarks/bench_confounding.py [--simulations 200] [--cases 55] [--controls 60]

A pool of painted people is photographed by the clinic's camera and by another one, with and without signs of disease. Each simulation
draws patients, clinic controls and public negatives from it, and every verdict but the right one is wrong:
(a) patients by another camera and no signs: confounded; (b) signs and the same camera: no sign; (c) another camera and signs: confounded,
since nothing can tell the two apart; (d) neither: the public negatives' camera is all there is, confounded or undetermined;
(e) older patients without any sign: anything but no sign, since age alone tells as much; (f) weak signs (AUC near 0.7) and the same
camera: no sign; (g) as (b) with ten controls: no sign or undetermined. The model is a penalised discriminant of 100 axes of ``hog``
vectors, cross-fitted by person; the probes, permutations and the rule are those of ``facies run``, age, sex and BMI included.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.embeddings import load_encoder
from facies.embeddings.facies_s import CROP
from facies.evaluation.condition_rows import JudgedPeople
from facies.evaluation.confounding import judge
from facies.imaging import align_face
from facies.imaging.nuisance import KINDS, nuisance_measures
from facies.models.probe import probe_scores
from facies.simulation import draw_face_parameters, iterate_faces
from facies.stats.auc import auc
from facies.study.conditions.confounding import ProbeInput, model_probes, nuisance_probes
from facies.study.conditions.demographics import demographic_probes

SIDE = 192
WEAK = 0.3
VARIANTS = {
    "plain": ("clinic", 0.0), "signs": ("clinic", 1.0), "weak": ("clinic", WEAK),
    "other": ("patients", 0.0), "other+signs": ("patients", 1.0),
}  # fmt: skip
"""Camera and strength of the signs."""


class Scenario(NamedTuple):
    """What patients are like, and which verdicts are right."""

    title: str
    variant: str
    right: tuple[str, ...]
    older: bool = False
    controls: int | None = None


SCENARIOS = {
    "a": Scenario("camera, no signs", "other", ("confounded",)),
    "b": Scenario("signs, no camera", "signs", ("no sign",)),
    "c": Scenario("camera and signs", "other+signs", ("confounded",)),
    "d": Scenario("neither", "plain", ("confounded", "undetermined")),
    "e": Scenario("older, no signs", "plain", ("suspect", "undetermined", "confounded"), older=True),
    "f": Scenario("weak signs, no camera", "weak", ("no sign",)),
    "g": Scenario("signs, no camera, ten controls", "signs", ("no sign", "undetermined"), controls=10),
}


def pool(n: int, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Paint ``n`` people in every variant, and as public negatives; return vectors and measures."""
    rng = np.random.default_rng(seed)
    encoder = load_encoder("hog")
    people = pd.DataFrame({
        "participant_id": [f"q{i:04d}" for i in range(n)], "age": rng.normal(47, 12, n).clip(20, 85),
        "sex": np.where(rng.random(n) < 0.55, "female", "male"), "skin_tone": rng.normal(38, 16, n).clip(-45, 70),
        "severity": rng.uniform(0.4, 1.0, n), "bmi": rng.normal(28, 4, n),
    })  # fmt: skip
    found = {}
    for name, (device, strength) in {**VARIANTS, "public": ("web", 0.0)}.items():
        faces = people.assign(photo_id=people.participant_id + name, device=f"camera-{device}", acromegaly=strength * people.severity)
        faces["participant_id"] = people.participant_id + ("x" if name == "public" else "")
        drawn = draw_face_parameters(faces, random_state=seed, cameras="anywhere" if name == "public" else "clinic")
        vectors, measures = [], []
        for image, points in iterate_faces(drawn, size=SIDE):
            vectors.append(encoder.encode(align_face(image, points, encoder.card.crop)[None])[0])
            crop = align_face(image, points, CROP)
            measures.append(nuisance_measures(image, points, crop, kind="JPEG", width=SIDE, height=SIDE, n_bytes=20000))
        about = {name: people[name].to_numpy() for name in ("age", "sex", "bmi")}
        found[name] = {"vectors": np.stack(vectors), **about, **{kind: np.stack([each[kind] for each in measures]) for kind in KINDS}}
    return found


def simulate(painted: dict[str, dict[str, np.ndarray]], scenario: Scenario, asked: argparse.Namespace, seed: int) -> tuple[str, float]:
    """Draw one study; return its verdict and the model's AUC against controls of the clinic."""
    rng = np.random.default_rng([seed, 7])
    age = painted["plain"]["age"]
    weight = 1 / (1 + np.exp(-(age - 55) / 4)) if scenario.older else np.ones(len(age))
    cases = rng.choice(len(age), asked.cases, replace=False, p=weight / weight.sum())
    n_controls = scenario.controls or asked.controls
    controls = rng.permutation(np.setdiff1d(np.arange(len(age)), cases))[:n_controls]
    public = rng.permutation(len(age))[: asked.public]
    parts = ((scenario.variant, cases), ("plain", controls), ("public", public))
    arrays = {kind: np.concatenate([painted[name][kind][rows] for name, rows in parts]) for kind in painted["plain"]}
    diagnosis = ["acromegaly"] * len(cases) + ["control"] * (len(controls) + len(public))
    source = ["clinic"] * (len(cases) + len(controls)) + ["web"] * len(public)
    role = ["case"] * len(cases) + ["clinic_control"] * len(controls) + ["public_negative"] * len(public)
    about = {name: arrays[name] for name in ("age", "sex", "bmi")}
    people = pd.DataFrame({"diagnosis": diagnosis, "source": source, "role": role, **about}, index=[f"p{i}" for i in range(len(source))])
    y = (people.diagnosis == "acromegaly").to_numpy().astype(np.int64)
    folds = np.stack([balanced_folds(people, rng) for _ in range(3)])
    given = ProbeInput(people, {kind: arrays[kind] for kind in KINDS}, folds, asked.permutations, seed)
    scores = probe_scores(arrays["vectors"], y, folds=folds, max_axes=100)
    judged = JudgedPeople(people, scores, y, {})
    probes = [*model_probes(judged), *nuisance_probes(given, "acromegaly")]
    probes += demographic_probes(judged, folds, ["age", "sex", "bmi"], n_permutations=asked.permutations, random_state=seed)
    clinic = (people.source == "clinic").to_numpy()
    return judge(probes).verdict, float(np.mean([auc(row[clinic], y[clinic]) for row in scores]))


def balanced_folds(people: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Assign people to 5 folds, alike in diagnosis and source."""
    fold = np.empty(len(people), dtype=np.int64)
    for _, rows in people.reset_index(drop=True).groupby(["diagnosis", "source"]):
        fold[rows.index] = rng.permutation(len(rows)) % 5
    return fold


def main() -> None:
    """Paint a pool, simulate studies, count verdicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--cases", type=int, default=55)
    parser.add_argument("--controls", type=int, default=60)
    parser.add_argument("--public", type=int, default=120)
    parser.add_argument("--pool", type=int, default=400)
    parser.add_argument("--permutations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenarios", default="".join(SCENARIOS), help="letters, such as af")
    asked = parser.parse_args()
    started = time.perf_counter()
    painted = pool(asked.pool, asked.seed)
    print(f"pool of {asked.pool} people painted in {time.perf_counter() - started:.0f} s", flush=True)
    for letter in asked.scenarios:
        report(painted, letter, asked)


def report(painted: dict[str, dict[str, np.ndarray]], letter: str, asked: argparse.Namespace) -> None:
    """Print how often which verdict fell in one scenario."""
    scenario = SCENARIOS[letter]
    found = [simulate(painted, scenario, asked, seed) for seed in range(asked.simulations)]
    counts = Counter(verdict for verdict, _ in found)
    wrong = sum(n for verdict, n in counts.items() if verdict not in scenario.right)
    listed = ", ".join(f"{verdict} {n}" for verdict, n in counts.most_common())
    mean = np.mean([value for _, value in found])
    print(f"({letter}) {scenario.title}: {listed}; wrong {wrong} of {len(found)}; the model's AUC in the clinic {mean:.2f}", flush=True)


if __name__ == "__main__":
    main()
