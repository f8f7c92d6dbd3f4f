"""How long does the panel model take, set against lme4 in the same run, and how much memory?

    python benchmarks/bench_panel_model.py [--photographs 2679] [--readers 600] [--readings 72000] [--repeat 3]

One panel is simulated (photographs SD 7, readers 2.5, residual 6; about 27 readers a photograph) and fitted by facies and, where
``Rscript`` and lme4 are at hand, by lme4's defaults. Both run alone, one after the other, the fits several times; the ratio is of the
medians of the fits, reading the data is not counted. The memory is the peak of a process that does nothing else. Both must find the same
standard deviations and criterion.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

LME4 = """
suppressMessages(library(lme4)); d <- read.csv(commandArgs(TRUE)[1]); d$photo <- factor(d$photo); d$reader <- factor(d$reader)
for (i in seq_len(as.integer(commandArgs(TRUE)[2]))) {
  seconds <- system.time(fit <- lmer(reading ~ 1 + (1 | photo) + (1 | reader), d))[["elapsed"]]
  sds <- as.data.frame(VarCorr(fit)); sds <- setNames(sds$sdcor, sds$grp)
  cat(sprintf('{"seconds": %.4f, "sds": [%.10g, %.10g, %.10g], "reml": %.10g}\\n',
              seconds, sds["photo"], sds["reader"], sds["Residual"], REMLcrit(fit)))
}
"""

FACIES = """
import json, resource, sys, time
import numpy as np, pandas as pd
from facies.stats.crossed import fit_crossed
d = pd.read_csv(sys.argv[1])
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    fit = fit_crossed(d.reading, d.photo, d.reader)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(json.dumps({"seconds": seconds, "sds": np.sqrt(list(fit.variances.values())).tolist(), "reml": fit.reml, "gib": peak}))
"""


def simulate(n_photographs: int, n_readers: int, n_readings: int) -> pd.DataFrame:
    """Return readings of random readers, about as many of each photograph."""
    rng = np.random.default_rng(0)
    each = -(-n_readings // n_photographs)
    photo = np.repeat(np.arange(n_photographs), each)
    reader = np.concatenate([rng.choice(n_readers, each, replace=False) for _ in range(n_photographs)])
    reading = 65 + rng.normal(0, 7, n_photographs)[photo] + rng.normal(0, 2.5, n_readers)[reader] + rng.normal(0, 6, len(photo))
    table = pd.DataFrame({"photo": photo, "reader": reader, "reading": reading.round(2)})
    return table.sample(n_readings, random_state=0).sort_index()


def fits(command: list[str]) -> list[dict[str, object]]:
    """Run a program that prints one line of JSON a fit."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def described(name: str, found: list[dict[str, object]]) -> float:
    """Print one program's fits; return its median time."""
    seconds = float(np.median([float(str(fit["seconds"])) for fit in found]))
    sds = ", ".join(f"{sd:.6f}" for sd in found[-1]["sds"])  # type: ignore[attr-defined]
    print(f"{name:8} {seconds:8.2f} s   SD of photographs, readers, residual {sds}   REML criterion {found[-1]['reml']:.4f}")
    return seconds


def main() -> None:
    """Print times, their ratio and the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=2679)
    parser.add_argument("--readers", type=int, default=600)
    parser.add_argument("--readings", type=int, default=72_000)
    parser.add_argument("--repeat", type=int, default=3)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "readings.csv"
        table = simulate(settings.photographs, settings.readers, settings.readings)
        table.to_csv(path, index=False)
        print(f"{len(table)} readings of {table.photo.nunique()} photographs by {table.reader.nunique()} readers")
        own = fits([sys.executable, "-c", FACIES, str(path), str(settings.repeat)])
        seconds = described("facies", own)
        print(f"facies' peak memory {own[-1]['gib']:.2f} GiB, Python and its libraries included")
        if shutil.which("Rscript") is None:
            print("Rscript is not at hand: nothing to compare with")
            return
        other = described("lme4", fits(["Rscript", "-e", LME4, str(path), str(settings.repeat)]))
        print(f"facies takes {seconds / other:.2f} of the time of lme4")


if __name__ == "__main__":
    main()
