"""``facies compare-learning``"""

from __future__ import annotations

from typing import Annotated

import typer

from facies.cli.console import DryRun, Jobs, Json, Seed, StudyFolder, n_jobs, progress_bar, quiet_opencv, say, show_json, show_table


def compare_learning(
    study: StudyFolder,
    skip: Annotated[str, typer.Option("--skip", help="Ways to leave out, joined by commas: classical, dft, ssl, finetuned.")] = "",
    seed: Seed = None,
    jobs: Jobs = 0,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Compare classical features, frozen networks, self-supervised and fine-tuned learning on one study, with learning curves."""
    from facies.study.learning import compare_learning as compare
    from facies.study.learning import plan_comparison

    skipped = [way.strip() for way in skip.split(",") if way.strip()]
    if dry_run:
        plan = plan_comparison(study, skip=skipped)
        for line in [] if as_json else [f"{name}: {value}" for name, value in plan.items()]:
            say(line)
        if as_json:
            show_json(plan)
        return
    quiet_opencv()
    with progress_bar("photographs", shown=not as_json) as progress:
        summary = compare(study, skip=skipped, jobs=n_jobs(jobs), seed=seed, progress=progress, tell=None if as_json else say)
    if as_json:
        show_json(summary.as_dict())
        return
    show_table("Ways to learn", summary.ways[["way", "model_id", "n", "mae", "mae_low", "mae_high", "slope", "r", "note"]])
    for sentence in summary.sentences:
        say(sentence)
    say(f"tables: {summary.folder}")
    say(f"report: {summary.page}")
