"""``facies replicate``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import DryRun, Jobs, Json, n_jobs, progress_bar, quiet_opencv, say, show_json


def replicate(
    discovery: Annotated[
        Path, typer.Argument(metavar="DISCOVERY", help="A study that has been run, or what travels of it (see the how-to `replicate`).")
    ],
    validation: Annotated[
        Path, typer.Argument(metavar="VALIDATION", help="Another study's folder: study.toml, participants, photographs, outcomes.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the page goes; left out: report/replication.html of the validation.")
    ] = None,
    jobs: Jobs = 0,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Take a study's frozen models and analyses to another study's people."""
    from facies.study.replicate import plan_replication, replicate_study

    quiet_opencv()
    if dry_run:
        plan = plan_replication(discovery, validation, jobs=n_jobs(jobs))
        for line in [] if as_json else [f"{name}: {value}" for name, value in plan.items()]:
            say(line)
        if as_json:
            show_json(plan)
        return
    with progress_bar("photographs", shown=not as_json) as progress:
        summary = replicate_study(discovery, validation, jobs=n_jobs(jobs), output=output, progress=progress, tell=None if as_json else say)
    if as_json:
        show_json(summary.as_dict())
    else:
        say(f"tables: {summary.folder}")
        say(f"report: {summary.page}")
