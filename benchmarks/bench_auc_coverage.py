"""Do intervals of the AUC hold the truth as often as they say, with few and many people, one and four photographs each.

    python benchmarks/bench_auc_coverage.py [--simulations 4000]

Scores are normal, cases higher; with four photographs a person's own level makes up half of the variance and a third of the people have
photographs of two days, of which one may be a case's (so that clusters are of unequal size). Printed: coverage of 95 % intervals by the
logit of Obuchowski's (DeLong's with one photograph) standard error, by the Wald interval, and by DeLong taken over photographs as if they
were people.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import norm

from facies.stats.auc import auc_interval

SETTINGS = [(n, photographs, true) for n in (60, 600) for photographs in (1, 4) for true in (0.7, 0.85, 0.95)]
SHARE = 0.4


def draw(n: int, photographs: int, true: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, classes and people, one row a photograph."""
    shift = np.sqrt(2) * norm.ppf(true)
    case = np.arange(n) < round(SHARE * n)
    number = np.where(rng.random(n) < 1 / 3, photographs // 2 or 1, photographs)
    level = rng.normal(size=n) * np.sqrt(0.5 if photographs > 1 else 0.0)
    people = np.repeat(np.arange(n), number)
    rest = np.sqrt(0.5 if photographs > 1 else 1.0)
    return level[people] + rest * rng.normal(size=len(people)) + shift * case[people], case[people].astype(int), people


def main() -> None:
    """Simulate and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=4000)
    asked = parser.parse_args()
    for n, photographs, true in SETTINGS:
        rng = np.random.default_rng([n, photographs, int(100 * true)])
        inside = np.zeros(3)
        for _ in range(asked.simulations):
            scores, y, people = draw(n, photographs, true, rng)
            clusters = people if photographs > 1 else None
            ways = ({"clusters": clusters}, {"clusters": clusters, "method": "wald"}, {})
            for k, way in enumerate(ways):
                found = auc_interval(scores, y, **way)
                inside[k] += found.ci_low <= true <= found.ci_high
        logit, wald, naive = 100 * inside / asked.simulations
        print(
            f"n {n}, {photographs} photographs, AUC {true}: logit {logit:.1f} %, wald {wald:.1f} %, over photographs {naive:.1f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
