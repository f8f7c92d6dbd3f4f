"""``facies demo``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import Jobs, n_jobs, progress_bar, quiet_opencv, say


def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the demonstration study goes.")] = Path("demo"),
    participants: Annotated[int, typer.Option(min=60, help="How many people to simulate.")] = 600,
    study: Annotated[str, typer.Option(help="perceived-age, or facies: patients, controls and public negatives.")] = "perceived-age",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 1,
    jobs: Jobs = 0,
) -> None:
    """Simulate a cohort with a known truth, with painted faces and genes, and run the whole study on it, replication included."""
    from facies.errors import InputError
    from facies.study.demo import simulate_study
    from facies.study.run import run_study

    quiet_opencv()
    if study == "facies":
        _facies(folder, participants, seed, jobs)
        return
    if study != "perceived-age":
        raise InputError(f"--study is '{study}': choose perceived-age or facies")
    with progress_bar("painting faces", shown=True) as progress:
        simulate_study(
            folder, n_participants=participants, n_unlabelled=participants // 10, n_faults=participants // 40, random_state=seed,
            genotypes="tsv", further_outcomes=True, validation=folder / "validation", n_validation=max(60, participants // 4),
            progress=progress,
        )  # fmt: skip
    say(f"{folder}: a simulated study of {participants} people; the planted truth is in {folder / 'truth.json'}")
    with progress_bar("photographs", shown=True) as progress:
        summary = run_study(folder, jobs=n_jobs(jobs), progress=progress, tell=say)
    say(f"report: {summary.report}")


def _facies(folder: Path, participants: int, seed: int, jobs: int) -> None:
    """Simulate and run a study of acromegaly and Cushing's syndrome."""
    from facies.study.demo_facies import PEOPLE, simulate_condition_study
    from facies.study.run import run_study

    with progress_bar("painting faces", shown=True) as progress:
        made = simulate_condition_study(folder, scale=participants / PEOPLE, random_state=seed, progress=progress)
    n = len(made.participants) + sum(map(len, made.negatives.values()))
    say(f"{folder}: a simulated study of {n} people; the planted truth is in {folder / 'truth.json'}")
    with progress_bar("photographs", shown=True) as progress:
        summary = run_study(folder, jobs=n_jobs(jobs), progress=progress, tell=say)
    say(f"report: {summary.report}")
