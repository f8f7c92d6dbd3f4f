"""A discovery and a validation study, from genotypes and photographs to the report: is the planted MC1R effect found?

    python benchmarks/discovery_and_validation.py [--discovery 2679] [--validation 1158] [--folder FOLDER] [--jobs 2]

Simulated people with 27 readers each, painted faces and PLINK bed files (needs facies[genes]); the validation has no readings. The
models learn perceived age from the photographs, so that the computed perceived ages carry the error of real models on painted faces.
Prints the MC1R table: planted 0.79 years an allele, human and computed estimates, the slopes by which computed ones are attenuated, and
the replication. The report lies in the folder.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd

from facies.store import read_table
from facies.study.demo import simulate_study
from facies.study.run import run_study
from facies.tables import ASSOCIATIONS, COMPARISONS, REPLICATIONS, SCANS, SCORE_GROUPS

PLANTED = 0.79


def main() -> None:
    """Simulate, run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--discovery", type=int, default=2679)
    parser.add_argument("--validation", type=int, default=1158)
    parser.add_argument("--variants", type=int, default=1000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        study = settings.folder or Path(scratch) / "discovery"
        started = time.monotonic()
        simulate_study(
            study, n_participants=settings.discovery, genotypes="bed", n_variants=settings.variants, validation=study / "validation",
            n_validation=settings.validation, random_state=settings.seed,
        )  # fmt: skip
        painted = time.monotonic()
        run_study(study, jobs=settings.jobs, tell=print)
        print(f"simulated in {painted - started:.0f} s, run in {time.monotonic() - painted:.0f} s")
        show(study)


def show(study: Path) -> None:
    """Print what was found of the planted effect."""
    found = read_table(study, ASSOCIATIONS)
    print(f"\nMC1R, years an allele (planted {PLANTED})")
    for row in found[(found.exposure == "mc1r") & (found.analysis == "complete_case")].itertuples():
        inside = "holds" if row.ci_low <= PLANTED <= row.ci_high else "misses"
        print(
            f"{row.adjustment:8} {row.outcome:28} n {row.n}  {row.estimate:6.3f} ({row.ci_low:.3f} to {row.ci_high:.3f})"
            f"  p {row.p_value:.2g}  {inside} {PLANTED}"
        )
    _show_comparisons(read_table(study, COMPARISONS))
    groups = read_table(study, SCORE_GROUPS)
    print("\nWT/WT, WT/R, R/R")
    print(groups[["source", "group", "n", "mean", "ci_low", "ci_high", "p_genotypic", "p_additive"]].round(3).to_string(index=False))
    print("\nScan around MC1R")
    print(read_table(study, SCANS)[["trait", "n", "n_variants", "lambda_gc", "top_variant", "top_p"]].to_string(index=False))
    _show_replications(read_table(study / "validation", REPLICATIONS))


def _show_comparisons(compared: pd.DataFrame) -> None:
    print("\nHuman against computed")
    columns = [
        "variable", "adjustment", "computed", "n", "coef_human", "coef_computed", "difference", "ci_low", "ci_high", "verdict",
        "slope_computed_on_human", "slope_human_on_computed", "expected",
    ]  # fmt: skip
    print(compared[columns].round(3).to_string(index=False))


def _show_replications(table: pd.DataFrame) -> None:
    print("\nReplication")
    columns = [
        "exposure", "outcome", "adjustment", "n_discovery", "coef_discovery", "n_validation", "coef_validation", "p_replication", "power",
        "coef_pooled", "std_error_pooled", "p_q", "verdict",
    ]  # fmt: skip
    shown = table[(table.exposure == "mc1r") | (table.adjustment == "model_1")]
    print(shown[columns].round(3).to_string(index=False))


if __name__ == "__main__":
    main()
