"""Learning curves and paired differences where the truth is known: do intervals hold it as often as they say, and how long does it take?

    python benchmarks/bench_learning_curves.py [--studies 200] [--people 400] [--columns 40] [--speed]

1. Linear-Gaussian people (columns normal, noise normal): the expected error of ridge regression at any size is measured on fresh people,
   and each simulated study's forecasts of MAE and gain are held against it.
2. Pairs of models with a known difference of MAE: coverage of the interval of one pair and, with six models, of all pairs together.
3. Time: 5 folds x 8 sizes x 5 repeats, and 6 numbers of readers, on 1,000 people of 2,000 columns, one thread (``--speed``).
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from facies.evaluation import compare_pairs, learning_curve, log_sizes
from facies.models import RidgeAge
from facies.models.subsets import predict_by_labels, predict_by_subsets

NOISE, SPREAD, N_FRESH = 4.0, 6.0, 40


def coefficients(p: int) -> np.ndarray:
    """Return the true coefficients, the same in all studies."""
    return np.random.default_rng(99).normal(size=p) * SPREAD / np.sqrt(p)


def expected_mae(n: int, p: int) -> float:
    """Return the mean error of ridge regression fitted on ``n`` people, over fresh training sets; exact over those who are predicted."""
    beta, found = coefficients(p), []
    for seed in range(N_FRESH):
        rng = np.random.default_rng([7, seed, n])
        X = rng.normal(size=(n, p))
        fitted = RidgeAge(random_state=seed).fit(X, X @ beta + rng.normal(size=n) * NOISE)
        variance = NOISE**2 + ((fitted.coef_ - beta) ** 2).sum() + fitted.intercept_**2
        found.append(np.sqrt(2 / np.pi * variance))
    return float(np.mean(found))


def study_of(n: int, p: int, seed: int) -> dict[str, object]:
    """Return vectors, labels and folds of one simulated study."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)).astype(np.float32)
    names = [f"p{i:05d}" for i in range(n)]
    y = pd.Series(50 + X @ coefficients(p) + rng.normal(size=n) * NOISE, index=names)
    folds = pd.Series(np.arange(n) % 5, index=names)
    return {"X": X, "face_ids": names, "participant_ids": names, "y_by_participant": y, "folds": folds}


def forecasts(n_studies: int, n: int, p: int) -> None:
    """Print how often forecasts hold the expected error."""
    more = [n + 500, 2 * n]
    truth = {size: expected_mae(size, p) for size in (n, *more)}
    n_training = n * 4 // 5
    sizes = log_sizes(max(20, n_training // 16), n_training, n=8)
    rows = []
    for seed in range(n_studies):
        given = study_of(n, p, seed)
        predicted = predict_by_subsets(**given, sizes=sizes, random_state=seed).predicted
        curve = learning_curve(predicted, given["y_by_participant"].to_numpy(), sizes=sizes, n_bootstrap=500, random_state=seed)
        for size in more:
            forecast = curve.forecast(n, size)
            gain = truth[n] - truth[size]
            held = (forecast.mae[1] <= truth[size] <= forecast.mae[2], forecast.gain[1] <= gain <= forecast.gain[2])
            rows.append((size, *held, forecast.gain[0], forecast.gain[2] - forecast.gain[1], gain))
    table = pd.DataFrame(rows, columns=["size", "holds_mae", "holds_gain", "gain", "width", "true_gain"])
    print(f"{n_studies} studies of {n} people, {p} columns: share of forecasts that hold the truth, mean gain and width, true gain")
    print(table.groupby("size").mean().round(3).to_string())


def pairs(n_studies: int, n: int = 200, n_models: int = 6) -> None:
    """Print the coverage of paired intervals, alone and together, of models that err alike but for the last."""
    spreads = [3.0] * (n_models - 1) + [3.5]
    truth = np.sqrt(2 / np.pi) * np.sqrt(np.array(spreads) ** 2 + 4)
    held, together = [], []
    for seed in range(n_studies):
        rng = np.random.default_rng([3, seed])
        observed, shared = rng.uniform(50, 80, n), rng.normal(0, 2, n)
        names = [f"p{i:04d}" for i in range(n)]
        people = pd.DataFrame({"participant_id": names, "age": observed})
        tables = [
            pd.DataFrame({"participant_id": names, "model_id": f"m{k}", "target": "perceived_age", "fold": 0, "n_photographs": 1,
                          "predicted": observed + shared + rng.normal(0, sd, n), "ci_low": np.nan, "ci_high": np.nan,
                          "observed": observed, "label_weight": 1.0})
            for k, sd in enumerate(spreads)
        ]  # fmt: skip
        found = compare_pairs(pd.concat(tables), people, target="perceived_age", n_bootstrap=1000, random_state=seed)
        mae = found[found.metric == "mae"]
        true = np.array([truth[int(a[1:])] - truth[int(b[1:])] for a, b in zip(mae.model_id, mae.against, strict=True)])
        held.append(((mae.ci_low <= true) & (true <= mae.ci_high)).mean())
        together.append(((mae.simultaneous_low <= true) & (true <= mae.simultaneous_high)).all())
    print(f"{n_studies} studies of {n} people, {n_models} models: one pair {np.mean(held):.3f}, all pairs together {np.mean(together):.3f}")


def speed(n: int = 1000, p: int = 2000) -> None:
    """Print the time of both curves."""
    given = study_of(n, p, 0)
    y = given["y_by_participant"]
    start = time.perf_counter()
    predict_by_subsets(**given, sizes=log_sizes(50, 800, n=8))
    middle = time.perf_counter()
    rng = np.random.default_rng(0)
    labels = {k: pd.DataFrame({repeat: y + rng.normal(size=n) * 8 / np.sqrt(k) for repeat in range(5)}) for k in (1, 2, 4, 8, 15, 30)}
    predict_by_labels(**given, labels=labels, weights=dict.fromkeys(labels, y * 0 + 1))
    print(f"{n} x {p}, one thread: over people {middle - start:.0f} s, over readers {time.perf_counter() - middle:.0f} s")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    if options.speed:
        speed()
        return
    pairs(options.studies)
    forecasts(options.studies, options.people, options.columns)


if __name__ == "__main__":
    main()
