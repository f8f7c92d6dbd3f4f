"""Do tests of a system against a panel keep their size, and do intervals of the Obuchowski-Rockette analysis hold the truth.

    python benchmarks/bench_mrmc.py [--simulations 2000]

Readings are of Roe & Metz's model: high or low correlation of data (H., L.), high or low spread of readers (.H, .L). The system and the
average reader have the same AUC. Printed: how often each test calls them different at 5 % (1T-RRRC: readers and cases are samples; the
t test over readers alone; the fixed-reader test), for AUCs and, in the same order, for sensitivities of calls by one threshold; how
often the 95 % intervals of a difference of two tests hold the truth, also where readers and their cases come in two groups, and those
of one test's mean, plain and on the logit scale.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import norm

from facies.stats.mrmc.anova import compare_tests, mean_of_readers
from facies.stats.mrmc.merits import auc_merits
from facies.stats.mrmc.roe_metz import STRUCTURES, Simulated, simulate_roe_metz
from facies.stats.mrmc.standalone import ReaderDifferences, auc_differences, compare_with_panel, mean_differences

SETTINGS = [(name, readers, n) for name in STRUCTURES for readers in (4, 10) for n in (60, 200)]
TRUE = 0.855
GENERALISE = ("readers and cases", "readers", "cases")


def size_of_tests(found: ReaderDifferences) -> list[bool]:
    """Return whether each analysis calls the system different from the panel."""
    return [compare_with_panel(found, generalise=name).p_value < 0.05 for name in GENERALISE]


def sensitivities(data: Simulated, name: str) -> ReaderDifferences:
    """Return differences of sensitivities that are 0.75 on average for the system and the readers."""
    spread = np.sqrt(1 + STRUCTURES[name].reader + STRUCTURES[name].test_reader)
    shift = norm.ppf(TRUE) * np.sqrt(2)
    edges = [shift * one - norm.ppf(0.75) * one for one in (1.0, spread)]
    cases = data.y == 1
    return mean_differences(data.system[cases] >= edges[0], data.readers[0][:, cases] >= edges[1])


def coverage(data: Simulated) -> list[bool]:
    """Return whether the intervals of the difference of two tests, and of the mean with the first, hold the truth."""
    t, r, n = data.readers.shape
    merits = auc_merits(data.readers.reshape(t * r, n), data.y)
    found = compare_tests(merits, np.repeat(["1", "2"], r), np.tile(np.arange(r).astype(str), 2))
    difference, *means = found.differences[0], found.means[0], mean_of_readers(merits.of(np.arange(r)), on_logit=True)
    return [difference.ci_low <= 0 <= difference.ci_high, *(mean.ci_low <= TRUE <= mean.ci_high for mean in means)]


def split_plot(data: Simulated, groups: int) -> bool:
    """Return whether the interval of the difference holds 0 where each of the groups of readers has cases of its own."""
    t, r, n = data.readers.shape
    mine = np.arange(r)[:, None] % groups == np.arange(n)[None] % groups
    rows = np.where(mine[None], data.readers, np.nan).reshape(t * r, n)
    found = compare_tests(auc_merits(rows, data.y), np.repeat(["1", "2"], r), np.tile(np.arange(r).astype(str), 2))
    return bool(found.differences[0].ci_low <= 0 <= found.differences[0].ci_high)


def main() -> None:
    """Simulate and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000)
    asked = parser.parse_args()
    for name, readers, n in SETTINGS:
        sizes, calls, holds, groups = [], [], [], []
        for seed in range(asked.simulations):
            data = simulate_roe_metz(
                STRUCTURES[name], aucs=[TRUE, TRUE], n_readers=readers, n_cases=n // 2, n_others=n - n // 2, system_auc=TRUE,
                random_state=seed,
            )  # fmt: skip
            sizes.append(size_of_tests(auc_differences(data.system, data.readers[0], data.y)))
            calls.append(size_of_tests(sensitivities(data, name)))
            holds.append(coverage(data))
            groups.append(split_plot(data, 2))
        both, alone, fixed = 100 * np.mean(sizes, axis=0)
        of_calls = ", ".join(f"{size:.1f}" for size in 100 * np.mean(calls, axis=0))
        difference, wald, logit = 100 * np.mean(holds, axis=0)
        print(
            f"{name}, {readers} readers, {n} cases: size of 1T-RRRC {both:.1f} %, readers only {alone:.1f} %, fixed readers {fixed:.1f} %; "
            f"the same for sensitivities {of_calls} %; "
            f"coverage of a difference {difference:.1f} %, in two groups {100 * np.mean(groups):.1f} %, of a mean {wald:.1f} % (wald), "
            f"{logit:.1f} % (logit)",
            flush=True,
        )


if __name__ == "__main__":
    main()
