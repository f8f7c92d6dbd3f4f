"""``facies encoders``"""

from __future__ import annotations

from typing import Annotated

import typer

from facies.cli.console import Json, say, show_json, show_records


def encoders(
    as_json: Json = False,
    example: Annotated[
        bool, typer.Option("--example", help="Print the description that an ONNX network of your own needs beside it.")
    ] = False,
) -> None:
    """List the encoders: what each is, its licence, and whether it can be used now."""
    from facies.embeddings import example_sidecar, list_encoders

    if example:
        say(example_sidecar())
        return
    table = list_encoders()
    show_json(table.to_dict("records")) if as_json else show_records(table)
