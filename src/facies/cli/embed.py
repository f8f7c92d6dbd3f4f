"""``facies embed``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facies.cli.console import DryRun, Jobs, Json, n_jobs, progress_bar, quiet_opencv, say, show_json

if TYPE_CHECKING:
    from facies.study.cluster.writing import Written

EngineName = Annotated[str, typer.Option("--engine", help="Who does the work: local (this machine) or ray; both give the same bytes.")]
Address = Annotated[
    str | None, typer.Option("--address", help="Of a running Ray cluster, such as auto or host:6379; left out, Ray starts on this machine.")
]
ShardSize = Annotated[int, typer.Option("--shard-size", min=1, help="Photographs in one shard: what an interruption loses at most.")]


def embed(
    manifest: Annotated[
        str,
        typer.Argument(
            metavar="MANIFEST",
            help="A table (TSV, CSV, Parquet) with photo_id and path, a file or URL such as s3://bucket/cohort.parquet; a folder of "
            "photographs; or a study.",
        ),
    ],
    output: Annotated[str, typer.Option("--output", "-o", help="A folder or URL for the shards.")],
    encoder: Annotated[list[str] | None, typer.Option("--encoder", help="An encoder; several may be given. See facies encoders.")] = None,
    encoder_weights: Annotated[
        list[str] | None, typer.Option(help="ENCODER=FILE: weights of an encoder that needs them; several may be given.")
    ] = None,
    detector: Annotated[str | None, typer.Option(help="facies-finder, yunet, face-mesh, or given (the manifest has the points).")] = None,
    detector_weights: Annotated[str | None, typer.Option(help="File of a detector that facies does not carry.")] = None,
    runtime: Annotated[str | None, typer.Option(help="What runs networks in ONNX files: onnxruntime or openvino.")] = None,
    precision: Annotated[str | None, typer.Option(help="What these networks compute in: float32, bfloat16 or int8.")] = None,
    engine: EngineName = "local",
    address: Address = None,
    shard_size: ShardSize = 512,
    jobs: Jobs = 0,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Find, cut and encode the faces of many photographs, and write their vectors in Parquet shards.

    What was finished is kept: the same command goes on where an interrupted one stopped.
    """
    from facies.study.embed import embed_photographs

    faces = _given(detector=detector, detector_weights=detector_weights)
    embeddings = _given(encoders=encoder, weights=_weights(encoder_weights), runtime=runtime, precision=precision)
    settings = _given(faces=faces, embeddings=embeddings)
    quiet_opencv()
    with progress_bar("photographs", shown=not as_json) as progress:
        written = embed_photographs(
            manifest, output, settings=settings, jobs=n_workers(jobs, address), engine=engine, address=address, shard_size=shard_size,
            dry_run=dry_run, progress=progress,
        )  # fmt: skip
    show_written(written, as_json=as_json)


def _given(**values: Any) -> dict[str, Any]:
    """Return the settings that were given."""
    return {name: value for name, value in values.items() if value}


def _weights(pairs: list[str] | None) -> dict[str, str]:
    found = dict(pair.rpartition("=")[::2] for pair in pairs or [])
    if "" in found:
        raise typer.BadParameter("write --encoder-weights ENCODER=FILE")
    return {name: str(Path(file)) for name, file in found.items()}


def n_workers(jobs: int, address: str | None) -> int:
    """Return how many workers: as asked, or one a core, of this machine or (0, which Ray resolves) of the cluster at an address."""
    return jobs if address is not None else n_jobs(jobs)


def show_written(written: Written, *, as_json: bool) -> None:
    """Say what was written in shards."""
    if as_json:
        show_json(written.as_dict())
        return
    if written.dry_run:
        left = written.n_shards - written.n_kept
        say(f"{written.n_photographs} photographs in {written.n_shards} shards, {left} of them to do; nothing written (dry run)")
        return
    kept = f", {written.n_kept} of them done before" if written.n_kept else ""
    say(f"{written.n_faces} of {written.n_photographs} photographs have a usable face; {written.n_shards} shards{kept}")
    for reason, n in written.excluded.items():
        say(f"  {reason}: {n}")
    say(f"{written.folder}")
