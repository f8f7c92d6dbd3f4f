"""``facies check``"""

from __future__ import annotations

import typer

from facies.cli.console import Jobs, Json, StudyFolder, n_jobs, progress_bar, say, show_json, show_table
from facies.errors import InputError


def check(study: StudyFolder, as_json: Json = False, jobs: Jobs = 0) -> None:
    """Read everything and compute nothing: what would be used, what is excluded and why, which identifiers do not match."""
    from facies.study.check import check_study

    with progress_bar("reading photographs", shown=not as_json) as progress:
        found = check_study(study, jobs=n_jobs(jobs), progress=progress)
    if as_json:
        show_json(found.as_dict())
        raise typer.Exit(code=2 if found.problem else 0)
    show_table("Which identifiers match", found.matches)
    if found.problem:
        raise InputError(found.problem)
    show_table("What would be used", found.flow)
    for line in found.notes:
        say(line)
    say(f"{found.n_photographs} photographs of {found.n_participants} participants would be used: facies run {study}")
