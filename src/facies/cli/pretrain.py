"""``facies pretrain``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facies.cli.console import DryRun, Jobs, Json, Seed, StudyFolder, n_jobs, progress_bar, quiet_opencv, say, show_json

if TYPE_CHECKING:
    from facies.embeddings.pretrain.recipe import PretrainRecipe


def pretrain(
    study: StudyFolder,
    recipe: Annotated[Path | None, typer.Option("--recipe", "-r", help="TOML file of all choices; left out: the defaults.")] = None,
    method: Annotated[
        str | None, typer.Option("--method", help="describe, simclr, vicreg, byol, dino or mae, instead of the recipe's.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="How often each photograph is seen.")] = None,
    start: Annotated[
        Path | None, typer.Option("--start", help="Weights to start from, a .safetensors file of the recipe's backbone.")
    ] = None,
    include_validation: Annotated[
        bool, typer.Option("--include-validation", help="Learn from the validation fold's people too; the report names it.")
    ] = False,
    seed: Seed = None,
    jobs: Jobs = 0,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Learn an encoder from the study's own photographs without labels, and say whether it helped; study.toml calls it ssl."""
    from facies.study.pretrain import plan_pretraining, pretrain_study

    quiet_opencv()
    chosen = _recipe(study, recipe, method, epochs)
    if dry_run:
        plan = plan_pretraining(study, recipe=chosen, start=start, include_validation=include_validation, jobs=n_jobs(jobs), seed=seed)
        for line in [] if as_json else [f"{name}: {value}" for name, value in plan.items() if value != ""]:
            say(line)
        if as_json:
            show_json(plan)
        return
    with progress_bar("photographs, then steps", shown=not as_json) as progress:
        summary = pretrain_study(
            study, recipe=chosen, start=start, include_validation=include_validation, jobs=n_jobs(jobs), seed=seed, progress=progress,
            tell=None if as_json else say,
        )  # fmt: skip
    if as_json:
        show_json(summary.as_dict())
        return
    for sentence in summary.sentences:
        say(sentence)
    say(f"encoder: {summary.encoder}{'' if summary.ran else ' (unchanged)'}; name it ssl under [embeddings] encoders in study.toml")


def _recipe(study: Path, file: Path | None, method: str | None, epochs: int | None) -> PretrainRecipe | None:
    """Return the recipe of a file, or the study's default, with what the command line changes; None for the default itself."""
    if file is None and method is None and epochs is None:
        return None
    from facies.embeddings.pretrain.recipe import read_recipe
    from facies.study.config import read_config
    from facies.study.pretrain import change_recipe, default_recipe

    return change_recipe(default_recipe(read_config(study)) if file is None else read_recipe(file), method=method, epochs=epochs)
