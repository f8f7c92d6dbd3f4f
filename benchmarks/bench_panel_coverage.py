"""Do the panel model's 95 % intervals hold what was simulated in 95 % of panels, and what do bins and outlying readers do?

    python benchmarks/bench_panel_coverage.py [--panels 300]

Statistics only. Panels of three sizes are drawn anew (photographs SD 7, readers 2.5, residual 6, drift of 0.02 years a place in a
reader's order) and analysed; one row a size and quantity says in what share of the panels the interval holds the planted value. For
values of photographs the share is over all photographs: BLUP intervals by the prediction error, BLUE intervals by the standard error.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from facies.stats.crossed import CrossedFit, fit_crossed, panel_icc, sd_intervals

SDS = {"photograph": 7.0, "reader": 2.5, "residual": 6.0}
DRIFT = 0.02
SIZES = {"small": (40, 8, 6), "middle": (150, 30, 10), "usual": (300, 60, 27)}
"""Photographs, readers, readers a photograph."""


def simulate(size: str, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return readings and the photographs' true values."""
    n_photographs, n_readers, each = SIZES[size]
    rng = np.random.default_rng(seed)
    photo = np.repeat(np.arange(n_photographs), each)
    reader = np.concatenate([rng.choice(n_readers, each, replace=False) for _ in range(n_photographs)])
    value, bias = rng.normal(65, SDS["photograph"], n_photographs), rng.normal(0, SDS["reader"], n_readers)
    position = pd.Series(rng.random(len(photo))).groupby(reader).rank().to_numpy()
    position -= position.mean()
    reading = value[photo] + bias[reader] + DRIFT * position + rng.normal(0, SDS["residual"], len(photo))
    return pd.DataFrame({"photo": photo, "reader": reader, "position": position, "reading": reading}), value


def fit(table: pd.DataFrame, photograph: str) -> CrossedFit:
    """Fit the panel with the position as covariate."""
    return fit_crossed(table.reading, table.photo, table.reader, X=table[["position"]], names=("position",), photograph=photograph)


def held(size: str, seed: int) -> dict[str, float]:
    """Return for one panel whether, or in what share of photographs, each interval holds the truth."""
    table, value = simulate(size, seed)
    random = fit(table, "random")
    between, error = SDS["photograph"] ** 2, SDS["reader"] ** 2 + SDS["residual"] ** 2
    found = {}
    for method in ("profile", "wald"):
        for name, ends in sd_intervals(random, method=method).items():
            found[f"sd {name}, {method}"] = ends.ci_low <= SDS[name] <= ends.ci_high
    for k in (1, 10):
        icc = panel_icc(random, n_readers=k)
        found[f"icc(2,{k})"] = icc.ci_low <= between / (between + error / k) <= icc.ci_high
    found["position"] = abs(random.coef[1] - DRIFT) <= 1.96 * random.std_error[1]
    for name, each in (("blup", random), ("blue", fit(table, "fixed"))):
        found[f"values, {name}"] = float(np.mean(np.abs(each.values.value - value) <= 1.96 * each.values.std_error))
    return {name: float(share) for name, share in found.items()}


def main() -> None:
    """Print one row a quantity, one column a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=300)
    settings = parser.parse_args()
    table = pd.DataFrame({size: pd.DataFrame([held(size, seed) for seed in range(settings.panels)]).mean() for size in SIZES})
    chance = 196 * np.sqrt(0.95 * 0.05 / settings.panels)
    sizes = "; ".join(f"{name}: {n} photographs, {readers} readers, {each} a photograph" for name, (n, readers, each) in SIZES.items())
    print(f"{settings.panels} panels a size ({sizes}); coverage of 95 % intervals in per cent, ± {chance:.1f} by chance")
    print((100 * table).round(1).to_string())


if __name__ == "__main__":
    main()
