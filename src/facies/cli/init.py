"""``facies init``"""

from __future__ import annotations

from typing import Annotated

import typer

from facies.cli.console import StudyFolder, say


def init(
    study: StudyFolder,
    facies: Annotated[bool, typer.Option("--facies", help="A study that recognises diseases, instead of perceived age.")] = False,
) -> None:
    """Make a study folder: a commented study.toml and example tables with their sidecars."""
    from facies.study.initiate import init_study

    made = init_study(study, target="facies" if facies else "perceived_age")
    for path in made:
        say(f"{path}")
    tables = "Replace the example tables by yours" if len(made) > 1 else "Your tables stay as they are"
    say(f"{tables}; put the photographs into {study / 'photos'}, then: facies check {study}")
