"""``facies weights``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import Json, progress_bar, say, show_json, show_records

app = typer.Typer(help="Networks that facies does not carry: list them, or fetch one by an explicit command.", no_args_is_help=True)


@app.command("list")
def list_weights(as_json: Json = False) -> None:
    """List the networks that can be fetched, with size, source and licence."""
    from facies.embeddings import list_weights as weights_table

    table = weights_table()
    show_json(table.to_dict("records")) if as_json else show_records(table)


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="One of `facies weights list`.")],
    accept_licence: Annotated[bool, typer.Option("--accept-licence", help="You have read the licence shown and accept it.")] = False,
    from_dir: Annotated[Path | None, typer.Option("--from", help="Take the file from this folder: no network is used.")] = None,
    sha256: Annotated[str | None, typer.Option(help="The hash that you expect, where facies knows none.")] = None,
) -> None:
    """Fetch one network by its SHA-256, from its source or from a folder."""
    from facies.embeddings import fetch_weights

    with progress_bar(name, shown=True) as progress:
        path = fetch_weights(name, accept_licence=accept_licence, from_dir=from_dir, sha256=sha256, progress=progress, notice=say)
    say(f"{path}")
