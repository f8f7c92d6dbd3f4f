"""``facies init``"""

from __future__ import annotations

from facies.cli.console import StudyFolder, say


def init(study: StudyFolder) -> None:
    """Make a study folder: a commented study.toml and example tables with their sidecars."""
    from facies.study.initiate import init_study

    for path in init_study(study):
        say(f"{path}")
    say(f"Replace the example tables by yours, put the photographs into {study / 'photos'}, then: facies check {study}")
