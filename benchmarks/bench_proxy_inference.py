"""Do intervals hold what they should when a computed perceived age stands for, or beside, the human one?

    python benchmarks/bench_proxy_inference.py [--studies 2000] [--read 500] [--unread 1500] [--draws 400] [--only classical]

Statistics only, no pictures; vectors of numbers stand for people. Each study is drawn anew. One row a question (a gene's effect on
perceived age; perceived age's effect on a continuous outcome, and on a disease by logistic regression) and a kind of error:

- classical: computed = human + noise (as an outcome 0.6 of human + noise, since an outcome's noise alone does no harm)
- Berkson: human = computed + noise (the gene acts on both parts)
- Berkson, stretched: human = 0.75 of computed + noise, as from a model of another scale
- learned: a ridge cross-fitted in the people who were read; the others are predicted by each fold's model

Columns: share of the studies (%) whose 95 % interval holds the effect of the human perceived age, for the people read alone, for the naive
way and for PPI++, with PPI++'s effective number of people read and the weight of the predictions; then, in the people read, whether the
interval of the paired difference holds the true difference by stacked equations and by drawing people, and how often the two one-sided
tests (TOST, 5 %) call it equivalent when it lies exactly at the margin. True differences of logistic coefficients are computed by
quadrature. `-` where the difference is about 0, so that no margin can be put there, or is not known.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facies.models import RidgeAge
from facies.stats.linear import fit_linear
from facies.stats.logistic import fit_logistic
from facies.stats.paired import equivalence_p_value, pair_coefficients, paired_difference
from facies.stats.prediction_powered import prediction_powered
from facies.stats.refits import linear_refit, logistic_refit
from facies.stats.regression import Fit
from facies.stats.resampling import draw_weights, percentile_interval
from facies.types import Floats

EFFECT = 0.3
DISEASE = (-0.8, EFFECT, 0.2)
"""Log odds of the disease: at 0, per unit of human perceived age, per unit of age."""
QUESTIONS = {"gene on perceived age": "outcome", "on a continuous outcome": "exposure", "on a disease": "exposure"}
KINDS = ("classical", "Berkson", "Berkson, stretched", "learned")
N_FOLDS = 5
SMALLEST_MARGIN = 0.02


@dataclass(frozen=True)
class Study:
    """Age, gene, human and computed perceived age, the latter by fold too, an outcome and a disease; ``read`` says who was read."""

    age: Floats
    gene: Floats
    human: Floats
    computed: Floats
    by_fold: Floats
    outcome: Floats
    disease: Floats
    read: NDArray[np.bool_]


def simulate(kind: str, question: str, rng: np.random.Generator, n: int, others: int) -> Study:
    """Draw one study."""
    total = n + others
    age, gene = rng.normal(size=total), rng.binomial(2, 0.25, total) * 1.0
    shift = EFFECT * gene if QUESTIONS[question] == "outcome" else np.zeros(total)
    read = np.arange(total) < n
    if kind == "learned":
        human, computed, by_fold = _learned(age, shift, read, rng)
    else:
        human, computed = _with_error(kind, age, shift, rng)
        by_fold = computed[:, None]
    linear = DISEASE[0] + DISEASE[1] * human + DISEASE[2] * age
    outcome = EFFECT * human + 0.2 * age + rng.normal(size=total) * (0.8 + 0.2 * np.abs(age))
    return Study(age, gene, human, computed, by_fold, outcome, (rng.uniform(size=total) < 1 / (1 + np.exp(-linear))) * 1.0, read)


def _with_error(kind: str, age: Floats, shift: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    if kind == "classical":
        human = 0.7 * age + shift + rng.normal(size=len(age))
        return human, 0.6 * human + 0.3 * age + rng.normal(scale=0.5, size=len(age)) if shift.any() else human + rng.normal(size=len(age))
    base = 0.7 * age + 0.6 * shift + rng.normal(scale=0.8, size=len(age))
    human = base + 0.4 * shift + rng.normal(scale=0.6, size=len(age))
    return human, base / (0.75 if kind == "Berkson, stretched" else 1.0)


def _learned(age: Floats, shift: Floats, read: NDArray[np.bool_], rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Cross-fit a ridge on 40 signals, of which 10 show perceived age; the gene acts on one of these and on what no signal shows."""
    signs = rng.normal(size=(len(age), 10))
    signs[:, 0] += 2 * shift
    human = 0.7 * age + 0.25 * signs.sum(axis=1) + 0.5 * shift + rng.normal(scale=0.6, size=len(age))
    X = np.column_stack([age + rng.normal(scale=0.3, size=len(age)), signs, rng.normal(size=(len(age), 30))])
    fold = np.where(read, rng.permutation(len(age)) % N_FOLDS, -1)
    by_fold = np.column_stack([
        RidgeAge(alpha=20.0).fit(X[read & (fold != k)], human[read & (fold != k)]).predict(X) for k in range(N_FOLDS)
    ])  # fmt: skip
    by_fold[read] = np.where(np.arange(N_FOLDS) == fold[read, None], by_fold[read], np.nan)
    everybody = RidgeAge(alpha=20.0).fit(X[read], human[read]).predict(X)
    return human, np.where(read, np.nansum(np.where(np.isfinite(by_fold), by_fold, 0), axis=1), everybody), by_fold


def true_difference(kind: str, question: str) -> float:
    """Return the limit of the computed coefficient less the human one; NaN where it is not known."""
    if kind == "learned":
        return float("nan")
    if question == "gene on perceived age":
        kept = {"classical": 0.6, "Berkson": 0.6, "Berkson, stretched": 0.6 / 0.75}[kind]
        return EFFECT * (kept - 1)
    slope = {"classical": 0.5, "Berkson": 1.0, "Berkson, stretched": 0.75}[kind]
    return EFFECT * (slope - 1) if question == "on a continuous outcome" else _limit_of_logistic(kind) - EFFECT


def _limit_of_logistic(kind: str) -> float:
    """Return the coefficient to which the logistic regression on the computed value converges, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    age, first, second = (part.ravel() for part in np.meshgrid(nodes, nodes, nodes, indexing="ij"))
    weight = np.prod(np.meshgrid(weights, weights, weights, indexing="ij"), axis=0).ravel() / weights.sum() ** 3
    if kind == "classical":
        human, computed = 0.7 * age + first, 0.7 * age + first + second
    else:
        computed = 0.7 * age + 0.8 * first
        human = computed + 0.6 * second
        computed = computed / (0.75 if kind == "Berkson, stretched" else 1.0)
    chance = 1 / (1 + np.exp(-(DISEASE[0] + DISEASE[1] * human + DISEASE[2] * age)))
    X, coef = np.column_stack([computed, age, np.ones(len(age))]), np.zeros(3)
    for _ in range(30):
        fitted = 1 / (1 + np.exp(-X @ coef))
        coef = coef + np.linalg.solve((X * (weight * fitted * (1 - fitted))[:, None]).T @ X, X.T @ (weight * (chance - fitted)))
    return float(coef[0])


def columns(study: Study, question: str, perceived_age: Floats) -> tuple[Floats, Floats]:
    """Return the outcome and the columns of the regression with one perceived age."""
    if QUESTIONS[question] == "outcome":
        return perceived_age, np.column_stack([study.gene, study.age])
    y = study.disease if question == "on a disease" else study.outcome
    return y, np.column_stack([perceived_age, study.age])


def fit(study: Study, question: str, perceived_age: Floats, kept: NDArray[np.bool_]) -> Fit:
    """Fit one regression."""
    y, X = columns(study, question, perceived_age)
    regress = fit_logistic if question == "on a disease" else fit_linear
    return regress(y[kept], X[kept], names=("x", "age"))


def analyse(study: Study, question: str, difference: float, draws: int, seed: int) -> dict[str, float]:
    """Return what one study says: whether intervals hold the truth, and the test of equivalence at the margin."""
    human, computed = (fit(study, question, values, study.read) for values in (study.human, study.computed))
    naive = fit(study, question, study.computed, np.ones(len(study.age), dtype=bool))
    y, X = columns(study, question, np.where(study.read, study.human, np.nan))
    family = "logistic" if question == "on a disease" else "linear"
    powered = prediction_powered(y, X, study.by_fold, study.read, proxied=QUESTIONS[question], family=family)
    found = {
        "labelled": _holds(human.ci_low[0], human.ci_high[0], EFFECT),
        "naive": _holds(naive.ci_low[0], naive.ci_high[0], EFFECT),
        "ppi": _holds(powered.ci_low, powered.ci_high, EFFECT),
        "effective": powered.n_effective,
        "tuning": powered.tuning,
    }
    if not np.isfinite(difference):
        return found
    pair = pair_coefficients(human, computed)
    between = paired_difference(pair)
    low, high = _drawn(study, question, (human, computed), draws, seed)
    found |= {"stacked": _holds(between.ci_low, between.ci_high, difference), "drawn": _holds(low, high, difference)}
    if abs(difference) > SMALLEST_MARGIN:
        found["equivalent"] = 100.0 * (equivalence_p_value(between, abs(difference), freedom=pair.freedom) < 0.05)
    return found


def _holds(low: float, high: float, truth: float) -> float:
    return 100.0 * (low <= truth <= high)


def _drawn(study: Study, question: str, fits: tuple[Fit, Fit], draws: int, seed: int) -> tuple[float, float]:
    weights = np.vstack(list(draw_weights(int(study.read.sum()), n_bootstrap=draws, random_state=seed)))
    coef = []
    for perceived_age, fitted in zip((study.human, study.computed), fits, strict=True):
        y, X = (values[study.read] for values in columns(study, question, perceived_age))
        coef.append((logistic_refit(y, X, fitted) if question == "on a disease" else linear_refit(y, X))(weights))
    low, high = percentile_interval((coef[1] - coef[0])[:, None])
    return float(low[0]), float(high[0])


def run(kind: str, question: str, *, studies: int, n: int, others: int, draws: int) -> dict[str, float]:
    """Return the mean of every column over the studies."""
    rng = np.random.default_rng(zlib.crc32(f"{kind} {question}".encode()))
    difference = true_difference(kind, question)
    rows = [analyse(simulate(kind, question, rng, n, others), question, difference, draws, seed) for seed in range(studies)]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def show(kind: str, question: str, found: dict[str, float], write: Callable[[str], None] = print) -> None:
    """Print one row."""
    cells = [f"{found[name]:8.1f}" if name in found else f"{'-':>8}" for name in ("labelled", "naive", "ppi")]
    cells += [f"{found['effective']:10.0f}", f"{found['tuning']:7.2f}"]
    cells += [f"{found[name]:8.1f}" if name in found else f"{'-':>8}" for name in ("stacked", "drawn", "equivalent")]
    write(f"{kind:19} {question:24} {' '.join(cells)}")


def main() -> None:
    """Print one row a kind of error and question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--read", type=int, default=500)
    parser.add_argument("--unread", type=int, default=1500)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--only", choices=KINDS, help="one kind of error; a row's studies are the same as in a whole run")
    asked = parser.parse_args()
    chance = 196 * np.sqrt(0.95 * 0.05 / asked.studies)
    print(
        f"{asked.studies} studies a row, {asked.read} people read and {asked.unread} not; target 95 ± 1.5, tests of equivalence at most 5"
    )
    print(f"by chance alone an exact interval's figure lies within 95 ± {chance:.2f} in 19 of 20 rows")
    names = ("read", "naive", "PPI++", "effective", "weight", "stacked", "drawn", "TOST")
    print(f"{'error':19} {'question':24} " + " ".join(f"{name:>{w}}" for name, w in zip(names, (8, 8, 8, 10, 7, 8, 8, 8), strict=True)))
    for kind in [asked.only] if asked.only else KINDS:
        for question in QUESTIONS:
            show(kind, question, run(kind, question, studies=asked.studies, n=asked.read, others=asked.unread, draws=asked.draws))


if __name__ == "__main__":
    main()
