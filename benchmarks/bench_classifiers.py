"""Classifiers of conditions on simulated vectors: how long, whether chance stays chance, and whether thresholds keep their promise.

    python benchmarks/bench_classifiers.py [--people 1500] [--columns 2956] [--nulls 100] [--classifiers logistic lda svm gallery]

Vectors are normal with a falling spectrum, turned at random; two conditions of one person in ten each shift them along a direction of
their own. Printed for each classifier: seconds for three repeats of five folds with inner folds; AUC, calibration slope and intercept, and
what `sensitivity=0.9` and `specificity=0.9` reached in people of other folds; then the mean AUC over studies whose labels are random.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd

from facies.models import CLASSIFIERS, ConditionFit, cross_fit_conditions
from facies.stats.auc import auc
from facies.stats.calibration_binary import calibrate

RULES = ("sensitivity=0.9", "specificity=0.9")
CONDITIONS = ("acromegaly", "cushing")


def simulate(n: int, p: int, *, signal: float, repeats: int, conditions: tuple[str, ...], seed: int) -> dict[str, Any]:
    """Return arguments of a cross-fit of people with one photograph each."""
    rng = np.random.default_rng(seed)
    names = [f"p{i:05d}" for i in range(n)]
    kinds = [*conditions, *["control"] * (10 - len(conditions))]
    diagnosis = pd.Series([kinds[i % 10] for i in range(n)], index=names)
    spectrum = 1 / np.arange(1, p + 1)
    X = (rng.normal(size=(n, p)) * spectrum) @ (rng.normal(size=(p, p)) / np.sqrt(p))
    for name in conditions:
        direction = rng.normal(size=p)
        X[(diagnosis == name).to_numpy()] += signal * X.std() * direction / np.linalg.norm(direction)
    folds = []
    for repeat in range(repeats):
        dealt = np.empty(n, dtype=int)
        for kind in set(diagnosis):
            rows = rng.permutation(np.flatnonzero(diagnosis == kind))
            dealt[rows] = np.arange(len(rows)) % 5
        folds.append(pd.DataFrame({"participant_id": names, "repeat": repeat, "fold": dealt}))
    return {
        "X": X.astype(np.float32), "face_ids": names, "participant_ids": names, "session_ids": [None] * n, "diagnosis": diagnosis,
        "learnt_session": pd.Series(index=names, dtype=object), "folds": pd.concat(folds), "target_conditions": conditions,
        "model_id": "simulated", "operating_points": RULES,
    }  # fmt: skip


def mean_auc(fit: ConditionFit) -> float:
    """Return the mean over conditions and repeats."""
    return float(np.mean([auc(part.score, part.observed) for _, part in fit.scores.groupby(["target_condition", "repeat"])]))


def reached(fit: ConditionFit) -> tuple[float, float]:
    """Return sensitivity and specificity at the thresholds of each person's own fold."""
    keys = ["target_condition", "repeat", "fold"]
    points = fit.operating_points.pivot_table(index=keys, columns="rule", values="threshold").reset_index()
    joined = fit.scores.merge(points, on=keys)
    found = (joined.score >= joined[RULES[0]])[joined.observed == 1].mean()
    passed = (joined.score < joined[RULES[1]])[joined.observed == 0].mean()
    return float(found), float(passed)


def main() -> None:
    """Simulate, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1500)
    parser.add_argument("--columns", type=int, default=2956)
    parser.add_argument("--nulls", type=int, default=100)
    parser.add_argument("--signal", type=float, default=1.0)
    parser.add_argument("--classifiers", nargs="+", default=list(CLASSIFIERS), choices=list(CLASSIFIERS))
    asked = parser.parse_args()
    given = simulate(asked.people, asked.columns, signal=asked.signal, repeats=3, conditions=CONDITIONS, seed=1)
    for classifier in asked.classifiers:
        clock, cpu = time.perf_counter(), time.process_time()
        fit = cross_fit_conditions(**given, classifier=classifier, multiclass=classifier == "logistic")
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
        own = fit.scores[(fit.scores["repeat"] == 0) & (fit.scores.target_condition == CONDITIONS[0])]
        slope = calibrate(own.score, own.observed)
        print(f"{classifier}: {clock:.0f} s ({cpu:.0f} s of computing); AUC {mean_auc(fit):.3f}")
        first, second = reached(fit)
        print(f"  calibration intercept {slope.intercept:.2f} slope {slope.slope:.2f}; reached {first:.3f} and {second:.3f}")
        nulls = [
            mean_auc(
                cross_fit_conditions(
                    **simulate(150, 60, signal=0.0, repeats=1, conditions=CONDITIONS[:1], seed=seed),
                    classifier=classifier,
                    multiclass=False,
                )
            )
            for seed in range(asked.nulls)
        ]
        if nulls:
            print(f"  random labels: mean AUC {np.mean(nulls):.3f} (standard error {np.std(nulls) / np.sqrt(len(nulls)):.3f})", flush=True)


if __name__ == "__main__":
    main()
