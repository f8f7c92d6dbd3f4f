"""How quick is a scan of variants beside PLINK 2, and does it say the same?

    python benchmarks/bench_scan.py [--participants 5000] [--variants 100000] [--repeats 1] [--folder FOLDER]

Genotypes, traits and covariates are simulated; both programs then read the same files, with two threads, and write one file of results a
trait. Times hold everything from the program's start to its end; the time of the cores tells more where they are shared. Tasks: three
perceived ages without missing calls, from a .bed and from a .pgen; the same with 0.5 % of calls missing at random; and one binary outcome
(15 to 20 % cases) with 0.5 % missing, with exact fits for every variant and only where the score test's p is below 0.05. One line a task
and repeat: both times, their ratio (above 1: facies is quicker), the peaks of memory, and the largest relative differences of estimates,
standard errors and p-values; PLINK 2 prints 6 digits, so that 5e-6 is equality. In some logistic regressions PLINK 2 stops a step
earlier, which changes p in its fourth digit.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COVARIATES = 10
SCAN = """
import sys
from pathlib import Path
import pandas as pd
from facies.association.genes.genotypes import open_genotypes
from facies.association.genes.gwas_ssf import ssf_files
from facies.association.genes.scan import scan_variants
bed, traits, covariates, out, exact_below, *binary = sys.argv[1:]
traits = pd.read_csv(traits, sep="\\t").rename(columns={"#IID": "participant_id"})
covariates = pd.read_csv(covariates, sep="\\t").rename(columns={"#IID": "participant_id"})
for name in binary:
    traits[name] -= 1
names = list(traits.columns[1:])
with open_genotypes(bed) as genotypes, ssf_files(Path(out), {name: f"{name}.tsv" for name in names}, genotypes.variants) as sinks:
    scan_variants(genotypes, traits, covariates, adjustment=list(covariates.columns[1:]), binary=binary, sinks=sinks,
                  min_frequency=0, min_call_rate=0, exact_below=float(exact_below), threads=2)
"""
TASKS = (
    ("3 traits, none missing", "full.bed", "ages", (), 1.0),
    ("3 traits, none missing, pgen", "full.pgen", "ages", (), 1.0),
    ("3 traits, 0.5 % missing", "missing.bed", "ages", (), 1.0),
    ("1 binary, 0.5 % missing", "missing.bed", "binary", ("case",), 1.0),
    ("the same, exact below 0.05", "missing.bed", "binary", ("case",), 0.05),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--participants", type=int, default=5000)
    parser.add_argument("--variants", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", default="", help="tasks whose name holds this")
    options = parser.parse_args()
    if shutil.which("plink2") is None:
        sys.exit("plink2 is not installed: apt-get install plink2")
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        simulate(folder, options.participants, options.variants)
        for repeat in range(options.repeats):
            for task in (task for task in TASKS if options.only in task[0]):
                print(f"{repeat + 1}  {run(folder, *task)}", flush=True)


def simulate(folder: Path, n: int, m: int) -> None:
    """Write genotypes without and with missing calls, traits and covariates."""
    rng = np.random.default_rng(1)
    counts, frequencies = np.empty((n, m), dtype=np.int8, order="F"), rng.uniform(0.01, 0.5, m)
    for start in range(0, m, 5000):
        f = frequencies[start : start + 5000]
        draw = rng.random((n, len(f)), dtype=np.float32)
        counts[:, start : start + 5000] = (draw < 1 - (1 - f) ** 2).astype(np.int8) + (draw < f**2)
    covariates = np.column_stack([rng.normal(65, 8, n), rng.integers(0, 2, n), rng.normal(size=(n, COVARIATES - 2))])
    ages = covariates @ rng.normal(0, 0.3, (COVARIATES, 3)) + rng.normal(size=(n, 3))
    ages += counts[:, [m // 7, m // 3]] @ np.array([[0.2], [0.6]])
    log_odds = -2.1 + 0.05 * (covariates[:, 0] - 65) + 0.3 * covariates[:, 2] + 0.4 * counts[:, m // 2]
    cases = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(int)
    ids = [f"p{i}" for i in range(n)]
    write(folder / "ages.txt", ids, ages, ["human", "deep", "selfsupervised"])
    write(folder / "binary.txt", ids, cases[:, None] + 1, ["case"])
    write(folder / "covariates.txt", ids, covariates, [f"c{k}" for k in range(COVARIATES)])
    write_bed(folder / "full.bed", counts, ids)
    subprocess.run(["plink2", "--bfile", "full", "--make-pgen", "--out", "full"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for start in range(0, m, 5000):
        block = counts[:, start : start + 5000]
        block[rng.random(block.shape, dtype=np.float32) < 0.005] = -127
    write_bed(folder / "missing.bed", counts, ids)


def write(path: Path, ids: list[str], values: NDArray[np.generic], names: list[str]) -> None:
    frame = pd.DataFrame(values, columns=names)
    frame.insert(0, "#IID", ids)
    frame.to_csv(path, sep="\t", index=False)


def write_bed(path: Path, counts: NDArray[np.int8], ids: list[str]) -> None:
    from bed_reader import to_bed

    m = counts.shape[1]
    properties = {
        "fid": ["0"] * len(ids), "iid": ids, "sex": [0] * len(ids), "sid": [f"rs{j}" for j in range(m)],
        "chromosome": [str(1 + 22 * j // m) for j in range(m)], "bp_position": list(range(1000, 1000 + m)),
        "allele_1": ["A"] * m, "allele_2": ["G"] * m,
    }  # fmt: skip
    to_bed(path, counts, properties=properties)


def run(folder: Path, name: str, genotypes: str, traits: str, binary: tuple[str, ...], exact_below: float) -> str:
    """Time both programs on one task and compare what they wrote."""
    out = folder / "facies"
    stem, _, kind = genotypes.partition(".")
    theirs = [
        "plink2",
        "--bfile" if kind == "bed" else "--pfile",
        stem,
        "--glm",
        "hide-covar",
        "--pheno",
        f"{traits}.txt",
        "--covar",
        "covariates.txt",
    ]
    theirs += ["--covar-variance-standardize", "--threads", "2", "--out", "plink"]
    known = timed(theirs, folder)
    found = timed([sys.executable, "-c", SCAN, genotypes, f"{traits}.txt", "covariates.txt", str(out), str(exact_below), *binary], folder)
    times = "  ".join(
        f"{who} {wall:6.2f} s ({cpu:6.2f} s of cores, {memory:4.0f} MiB)"
        for who, (wall, cpu, memory) in (("plink2", known), ("facies", found))
    )
    return (
        f"{name:28} {times}  ratio {known[0] / found[0]:5.2f} (cores {known[1] / found[1]:5.2f})  {differences(folder, out, bool(binary))}"
    )


TIMED = """
import resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
sys.exit(status)
"""


def timed(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Return seconds, seconds of the processors, and MiB at the peak; a small process in between keeps this one's memory out of it."""
    done = subprocess.run([sys.executable, "-S", "-c", TIMED, *command], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    seconds, processor, memory = map(float, done.stdout.split())
    return seconds, processor, memory


def differences(folder: Path, out: Path, is_binary: bool) -> str:
    worst = {"beta": 0.0, "SE": 0.0, "p": 0.0}
    beyond = 0
    smallest = 1.0
    for file in sorted(out.glob("*.tsv")):
        known = next(folder.glob(f"plink.{file.stem}.glm.*"))
        found = pd.read_csv(file, sep="\t")
        both = found[found.method != "score"].merge(pd.read_csv(known, sep="\t"), left_on="variant_id", right_on="ID")
        sign = np.where(both.effect_allele == both.A1, 1, -1)
        beta, std_error = (np.log(both.OR), both["LOG(OR)_SE"]) if is_binary else (both.BETA, both.SE)
        # an odds ratio of 6 digits holds its logarithm to 5e-6, absolutely
        apart = np.abs(both.beta - sign * beta) / (1 if is_binary else np.abs(beta))
        p = np.abs(both.p_value / both.P - 1)
        worst["beta"] = max(worst["beta"], float(apart.max()))
        worst["SE"] = max(worst["SE"], float(np.abs(both.standard_error / std_error - 1).max()))
        worst["p"] = max(worst["p"], float(p.max()))
        beyond += int((p > 1e-5).sum())
        smallest = min(smallest, float(both.P.min()))
        file.unlink()
        known.unlink()
    listed = "  ".join(f"{name} {value:.1e}" for name, value in worst.items())
    return f"differences {listed}; {beyond} p-values differ by more than 1e-5; smallest p {smallest:.1e}"


if __name__ == "__main__":
    main()
