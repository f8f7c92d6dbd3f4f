"""Ways to learn on real portraits, each source as a study of its own, folds by subject: every model, every pair, both learning curves.

    FACIES_SHARED=... python benchmarks/real_learning.py [--sources omi usc] [--encoders facies-s onnx:FILE ...]
        [--regressors ridge label_distribution] [--skip ssl,finetuned] [--keep FOLDER] [--jobs 2]

Prints the tables of docs/benchmarks.md. ``omi`` comes with its single ratings, so that the curve over readers can be drawn; the
source names no readers, so a photograph's n-th rating is called the n-th reader's. With ``--keep`` the study folders stay, a second run
goes on where the first stopped, and networks that were learnt there by ``facies pretrain`` and ``facies finetune`` are taken.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import pandas as pd
from real_faces import SOURCES, write_study

from facies.store import read_table, write_tsv
from facies.study.learning import LearningSummary, compare_learning
from facies.tables import LEARNING_COSTS, LEARNING_CURVES, LEARNING_FORECASTS

REID = "weights/face-reidentification-retail-0095.onnx"


def write_readings(folder: Path, shared: Path) -> None:
    """Write the single ratings of ``omi`` in place of the panel's means; repeated and filled-in ratings are left out."""
    table = pd.read_csv(shared / "faces" / "omi_age_ratings.csv.gz")
    table = table[table.rating_type == "normal"].reset_index(drop=True)
    place = table.groupby("file").cumcount()
    readings = pd.DataFrame(
        {"reader_id": [f"r{k:02d}" for k in place], "photo_id": [Path(file).stem for file in table.file], "target": "perceived_age",
         "repeat": 0, "reading": table.rating.astype(float)}
    )  # fmt: skip
    (folder / "panel_estimates.tsv").unlink(missing_ok=True)
    write_tsv(folder / "readings.tsv", readings)


def compare(folder: Path, shared: Path, source: str, options: argparse.Namespace) -> LearningSummary:
    """Write one source as a study and compare the ways on it."""
    settings = {"embeddings": {"encoders": options.encoders}, "models": {"regressors": options.regressors}}
    folder.mkdir(parents=True, exist_ok=True)
    write_study(folder, shared, source, settings)
    if source == "omi":
        write_readings(folder, shared)
    skip = [way for way in options.skip.split(",") if way]
    return compare_learning(folder, skip=skip, jobs=options.jobs, tell=lambda line: print(f"    {source}: {line}", flush=True))


def show(source: str, folder: Path, summary: LearningSummary) -> None:
    """Print one source's tables."""
    print(f"\n## {source}\n")
    for row in summary.ways.itertuples():
        if row.n == 0:
            print(f"| {row.way} | {row.note} |")
            continue
        mae = f"{row.mae:.2f} ({row.mae_low:.2f} to {row.mae_high:.2f})"
        numbers = f"{row.label_noise_floor:.2f} | {row.mae_predicting_the_mean:.2f} | {row.slope:.2f} | {row.r:.2f}"
        print(f"| {row.way} | {row.model_id} | {row.n} | {mae} | {numbers} |")
    print()
    for row in summary.pairs[summary.pairs.metric == "mae"].itertuples():
        print(f"| {row.model_id} - {row.against} | {row.difference:+.2f} ({row.ci_low:+.2f} to {row.ci_high:+.2f}) "
              f"| {row.simultaneous_low:+.2f} to {row.simultaneous_high:+.2f} | {row.p_adjusted:.4f} |")  # fmt: skip
    for table in (LEARNING_COSTS, LEARNING_CURVES, LEARNING_FORECASTS):
        print(f"\n{read_table(folder, table).round(3).to_string(index=False)}")
    print("\n" + "\n".join(summary.sentences), flush=True)


def main() -> None:
    """Compare the ways on every source."""
    import cv2

    cv2.setNumThreads(1)
    shared = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[2] / "shared")).resolve()
    parser = argparse.ArgumentParser()
    parser.add_argument("--sources", nargs="+", default=["omi", "usc"], choices=list(SOURCES))
    parser.add_argument("--encoders", nargs="+", default=["hog", f"onnx:{shared / REID}"])
    parser.add_argument("--regressors", nargs="+", default=["ridge", "label_distribution"])
    parser.add_argument("--skip", default="ssl,finetuned")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    for source in options.sources:
        with tempfile.TemporaryDirectory() as scratch:
            folder = (options.keep or Path(scratch)) / source
            show(source, folder, compare(folder, shared, source, options))


if __name__ == "__main__":
    main()
