"""``facies finetune``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import DryRun, Jobs, Json, Seed, StudyFolder, n_jobs, progress_bar, quiet_opencv, say, show_json


def finetune(
    study: StudyFolder,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", "-r", help="TOML file of all choices; left out: that of study.toml, or the defaults.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", help="Weights to start from: facies-s, ssl (this study's own), random, or a .safetensors file."),
    ] = None,
    seed: Seed = None,
    jobs: Jobs = 0,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Adapt a network to the target, in every fold anew; with models.finetune = true, `facies run` takes its predictions."""
    from facies.study.finetune import FinetuneSummary, finetune_study, plan_finetuning

    quiet_opencv()
    chosen = None
    if recipe is not None:
        from facies.embeddings.finetune.recipe import read_recipe

        chosen = read_recipe(recipe)
    if dry_run:
        plan = plan_finetuning(study, recipe=chosen, start=start, seed=seed)
        for line in [] if as_json else [f"{name.replace('_', ' ')}: {value}" for name, value in plan.items()]:
            say(line)
        if as_json:
            show_json(plan)
        return
    with progress_bar("photographs, then steps", shown=not as_json) as progress:
        summary = finetune_study(
            study, recipe=chosen, start=start, jobs=n_jobs(jobs), seed=seed, progress=progress, tell=None if as_json else say
        )
    if as_json:
        show_json(summary.as_dict())
        return
    if not isinstance(summary, FinetuneSummary):
        for name, value in summary.auc.items():
            cases = f"{summary.n_cases[name]} cases among {summary.n} people"
            say(f"{name}: AUC {value:.3f}, {cases}, each scored by a network that never saw the person")
        say("add finetune = true under [models] in study.toml" + ("" if summary.ran else " (unchanged)"))
        return
    say(f"mean absolute error {summary.mae:.2f} years in {summary.n} people, each predicted by a network that never saw the person")
    say(f"bundle: {summary.bundle}{'' if summary.ran else ' (unchanged)'}; add finetune = true under [models] in study.toml")
