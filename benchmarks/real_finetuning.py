"""Fine-tuning on real portraits, each source as a study of its own, beside the frozen encoders: folds by subject, minutes of each fold.

    FACIES_SHARED=... python benchmarks/real_finetuning.py [--sources omi usc] [--start facies-s|FILE] [--recipe FILE] [--encoders hog ...]
        [--folder FOLDER]

Prints one row a model as benchmarks/real_faces.py does, then the paired differences from the fine-tuned model.
With ``--folder`` the studies are kept there, so that an interrupted benchmark goes on.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from real_faces import SOURCES, write_study

from facies.embeddings.finetune.recipe import FinetuneRecipe, read_recipe
from facies.evaluation import compare_models
from facies.store import read_table
from facies.study.finetune import finetune_study
from facies.study.report import read_cards
from facies.study.run import run_study
from facies.tables import METRICS, PARTICIPANT_PREDICTIONS, PARTICIPANTS

COLUMNS = ("mae_predicting_the_mean", "r", "slope")


def run_source(study: Path, shared: Path, source: str, options: argparse.Namespace) -> float:
    """Write, fine-tune and run one source; return the minutes of fine-tuning."""
    if not (study / "study.toml").exists():
        settings: dict[str, dict[str, object]] = {
            "embeddings": {"encoders": options.encoders},
            "models": {"regressors": ["ridge", "label_distribution"], "finetune": True},
        }
        write_study(study, shared, source, settings)
    recipe = FinetuneRecipe() if options.recipe is None else read_recipe(options.recipe)
    jobs = len(os.sched_getaffinity(0))
    start = str(Path(options.start).resolve()) if Path(options.start).is_file() else options.start
    summary = finetune_study(study, recipe=recipe, start=start, jobs=jobs, tell=print)
    run_study(study, jobs=jobs)
    return float(summary.folds.minutes.sum())


def print_rows(study: Path, source: str, minutes: float) -> None:
    """Print a row a model, and the paired differences from the fine-tuned one."""
    metrics = read_table(study, METRICS)
    every = metrics[metrics.subgroup == "all"]
    for card in read_cards(study):
        held = every[every.system == card.model_id].set_index("metric")
        mae = held.loc["mae"]
        numbers = " | ".join(f"{held.value.get(name, float('nan')):.2f}" for name in COLUMNS)
        spent = f"{minutes:.1f}" if card.model_id == "finetuned" else ""
        shown = f"{mae.value:.2f} ({mae.ci_low:.2f} to {mae.ci_high:.2f})"
        print(f"| {source} | {card.model_id} | {int(mae.n)} | {shown} | {numbers} | {spent} |", flush=True)
    predictions, people = read_table(study, PARTICIPANT_PREDICTIONS), read_table(study, PARTICIPANTS)
    others = [card.model_id for card in read_cards(study) if card.model_id != "finetuned"]
    for other in others:
        compared = compare_models(predictions, people, target=SOURCES[source][0], model_id="finetuned", against=other)
        difference = compared.set_index("metric").loc["mae_difference"]
        print(f"{difference.system}: {difference.value:.2f} years ({difference.ci_low:.2f} to {difference.ci_high:.2f})", flush=True)


def main() -> None:
    """Run every source and print the table."""
    import cv2

    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--sources", nargs="+", default=["omi", "usc"])
    parser.add_argument("--start", default="facies-s")
    parser.add_argument("--recipe", type=Path)
    parser.add_argument("--encoders", nargs="+", default=["hog"])
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    shared = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[2] / "shared")).resolve()
    print("| source | model | n people | MAE (95 % interval) | MAE of predicting the mean | r | slope | minutes of fine-tuning |")
    print(8 * "|---" + "|")
    with tempfile.TemporaryDirectory() as scratch:
        for source in options.sources:
            study = (options.folder or Path(scratch)) / source
            study.mkdir(parents=True, exist_ok=True)
            print_rows(study, source, run_source(study, shared, source, options))


if __name__ == "__main__":
    main()
