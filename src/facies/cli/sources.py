"""``facies sources``"""

from __future__ import annotations

from facies.cli.console import Json, show_json, show_records


def sources(as_json: Json = False) -> None:
    """List public sets of face photographs that may serve as negatives, with licence, terms and citation; nothing is downloaded."""
    from facies.cohort.sources import list_sources

    table = list_sources()
    show_json(table.to_dict("records")) if as_json else show_records(table)
