"""``facies encoders``"""

from __future__ import annotations

from facies.cli.console import Json, show_json, show_table


def encoders(as_json: Json = False) -> None:
    """List the encoders: what each is, its licence, and whether it can be used now."""
    from facies.embeddings import list_encoders

    table = list_encoders()
    show_json(table.to_dict("records")) if as_json else show_table("Encoders", table)
