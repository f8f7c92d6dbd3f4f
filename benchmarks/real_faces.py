"""Perceived age and age on real portraits, each source as a study of its own, folds by subject.

    FACIES_SHARED=... python benchmarks/real_faces.py [--encoders hog onnx:FILE ...] [--detectors facies-finder yunet] [--regressors ridge]

Prints the table of docs/benchmarks.md. Sources are never mixed: over all of them together a model scores well by recognising the source.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd

from facies.store import read_table, write_tsv, write_whole
from facies.study.config import read_config
from facies.study.extraction import plan_tasks
from facies.study.faces import make_extractor
from facies.study.initiate import toml_value
from facies.study.intake import photograph_folders
from facies.study.report import read_cards
from facies.study.run import run_study
from facies.tables import METRICS, PHOTOGRAPHS

SOURCES = {"omi": ("perceived_age", ("omi_",)), "usc": ("age", ("usc_",)), "ldn+can": ("age", ("ldn_", "can_"))}
COLUMNS = ("mae", "mae_predicting_the_mean", "r", "slope")


def labels(shared: Path, prefixes: tuple[str, ...]) -> pd.DataFrame:
    """Return the labels of the photographs with these prefixes."""
    table = pd.read_csv(shared / "faces" / "labels.csv", dtype={"subject": str})
    return table[table.file.str.removeprefix("images/").str.startswith(prefixes)].reset_index(drop=True)


def write_study(folder: Path, shared: Path, source: str, settings: dict[str, dict[str, object]]) -> None:
    """Write one source as a study folder; the photographs stay where they are."""
    target, prefixes = SOURCES[source]
    table = labels(shared, prefixes)
    photographs = pd.DataFrame({"photo_id": [Path(file).stem for file in table.file], "participant_id": table.subject, "path": table.file})
    people = table.groupby("subject").agg(age=("age", "mean"), sex=("sex", "first")).reset_index()
    people = people.rename(columns={"subject": "participant_id"}).assign(sex=people.sex.map({"F": "female", "M": "male"}))
    write_tsv(folder / "participants.tsv", people)
    write_tsv(folder / "photographs.tsv", photographs)
    if target == "perceived_age":
        panel = pd.DataFrame(
            {"photo_id": photographs.photo_id, "target": target, "panel_mean": table.apparent_age, "n_readers": table.n_raters.astype(int),
             "reading_sd": table.apparent_sd, "std_error": table.apparent_sd / table.n_raters**0.5}
        )  # fmt: skip
        write_tsv(folder / "panel_estimates.tsv", panel)
    sections = {"study": {"name": source, "target": target}, "inputs": {"photographs_folder": str(shared / "faces")}, **settings}
    lines = [
        f"[{name}]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in section.items()) for name, section in sections.items()
    ]
    write_whole(folder / "study.toml", "\n".join(lines).encode())


def rows_of(folder: Path, source: str, detector: str, rates: dict[str, float]) -> list[str]:
    """Return one row of the table for each model of a study that has run."""
    metrics = read_table(folder, METRICS)
    every = metrics[metrics.subgroup == "all"]
    rows = []
    for card in read_cards(folder):
        held = every[every.system == card.model_id].set_index("metric")
        mae = held.loc["mae"]
        numbers = " | ".join(f"{held.value.get(name, float('nan')):.2f}" for name in COLUMNS[1:])
        shown = f"{mae.value:.2f} ({mae.ci_low:.2f} to {mae.ci_high:.2f})"
        rows.append(f"| {source} | {detector} | {card.model_id} | {int(mae.n)} | {shown} | {numbers} | {rates[card.encoder.name]:.0f} |")
    return rows


def rates_of(folder: Path, n: int = 150) -> dict[str, float]:
    """Return photographs a second, file to vector, on one thread, by encoder."""
    config = read_config(folder)
    extractor = make_extractor(folder, config)
    photographs = read_table(folder, PHOTOGRAPHS)
    rates = {}
    for encoder in extractor.encoders:
        alone = replace(extractor, encoders=[encoder])
        tasks = plan_tasks(photographs, photograph_folders(folder, config), alone)
        tasks = tasks[:: max(1, len(tasks) // n)]
        start = time.perf_counter()
        for task in tasks:
            alone.extract(task)
        rates[encoder.card.name] = len(tasks) / (time.perf_counter() - start)
    return rates


def main() -> None:
    """Run every source with every detector and print the table."""
    import cv2

    cv2.setNumThreads(1)
    here = Path(__file__).parents[2] / "shared"
    parser = argparse.ArgumentParser()
    parser.add_argument("--encoders", nargs="+", default=["hog"])
    parser.add_argument("--detectors", nargs="+", default=["facies-finder"])
    parser.add_argument("--regressors", nargs="+", default=["ridge"])
    parser.add_argument("--sources", nargs="+", default=list(SOURCES))
    options = parser.parse_args()
    shared = Path(os.environ.get("FACIES_SHARED", here)).resolve()
    print("| source | finder | model | n people | MAE (95 % interval) | MAE of predicting the mean | r | slope | img/s, one core |")
    print(9 * "|---" + "|")
    for source in options.sources:
        for detector in options.detectors:
            with tempfile.TemporaryDirectory() as folder:
                faces = {"detector": detector}
                if detector == "yunet":
                    faces["detector_weights"] = str(shared / "weights/yunet_n_dynamic.onnx")
                settings = {"faces": faces, "embeddings": {"encoders": options.encoders}, "models": {"regressors": options.regressors}}
                write_study(Path(folder), shared, source, settings)
                run_study(Path(folder), jobs=len(os.sched_getaffinity(0)))
                print("\n".join(rows_of(Path(folder), source, detector, rates_of(Path(folder)))), flush=True)


if __name__ == "__main__":
    main()
