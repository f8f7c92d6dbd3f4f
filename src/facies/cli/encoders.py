"""``facies encoders``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import Jobs, Json, n_jobs, progress_bar, quiet_opencv, say, show_json, show_records

app = typer.Typer(help="What turns a face into numbers: list it, or make a smaller network.", invoke_without_command=True)


@app.callback()
def encoders(
    context: typer.Context,
    as_json: Json = False,
    example: Annotated[
        bool, typer.Option("--example", help="Print the description that an ONNX network of your own needs beside it.")
    ] = False,
) -> None:
    """List the encoders: what each is, its licence, and whether it can be used now."""
    if context.invoked_subcommand is not None:
        return
    from facies.embeddings import example_sidecar, list_encoders

    if example:
        say(example_sidecar())
        return
    table = list_encoders()
    show_json(table.to_dict("records")) if as_json else show_records(table)


@app.command("quantise")
def quantise(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An ONNX network in float32 with its description beside it.")],
    study: Annotated[Path, typer.Option("--study", metavar="STUDY", help="The study on whose photographs it is calibrated and checked.")],
    jobs: Jobs = 0,
    as_json: Json = False,
) -> None:
    """Write FILE in 8-bit integers as NAME.int8.onnx beside it, if the study's vectors and errors stay what they were."""
    from facies.study.quantise import quantise_for_study

    quiet_opencv()
    with progress_bar("photographs", shown=not as_json) as progress:
        found = quantise_for_study(file, study, jobs=n_jobs(jobs), progress=progress, tell=None if as_json else say)
    if as_json:
        show_json(found.as_dict())
        return
    before, after = found.megabytes
    say(f"{found.file}: {after:.1f} MB instead of {before:.1f}")
    say(f"cosine distance of {found.n_faces} faces: median {found.distance_median:.5f}, 99 in 100 below {found.distance_99:.5f}")
    say(f"mean absolute error: {found.mae_float32:.2f} years in float32; in int8 minus that {found.mae_difference} years")
