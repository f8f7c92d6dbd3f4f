"""``facies predict``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import DryRun, Jobs, Json, progress_bar, quiet_opencv, say, show_json
from facies.cli.embed import Address, EngineName, ShardSize, n_workers, show_written


def predict(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="A frozen model: the folder derived/models/<model_id>.bundle of a study.")
    ],
    photographs: Annotated[
        str,
        typer.Argument(
            metavar="PHOTOS",
            help="A folder of photographs, one photograph, or a table with photo_id and path (files or URLs), itself a file or URL.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", help="Where the table goes; a folder (ending in /, or there already) or URL gets Parquet shards."),
    ] = "predictions.tsv",
    detector_weights: Annotated[
        Path | None, typer.Option(help="File of the detector, where the bundle names one that facies does not carry.")
    ] = None,
    encoder_weights: Annotated[
        Path | None, typer.Option(help="File of the encoder's weights, where the bundle does not hold its network.")
    ] = None,
    prevalence: Annotated[
        list[str] | None,
        typer.Option(
            help="How common a condition is among these people, such as acromegaly=0.001 (or 0.001 for all of the model's); adds the "
            "probability there. May be given again for another condition."
        ),
    ] = None,
    engine: EngineName = "local",
    address: Address = None,
    shard_size: ShardSize = 512,
    jobs: Jobs = 0,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Apply a frozen model to new photographs. For research only."""
    from facies.study.predict import is_folder, predict_photographs, predict_shards

    quiet_opencv()
    with progress_bar("photographs", shown=not as_json) as progress:
        if is_folder(output):
            written = predict_shards(
                bundle, photographs, output, jobs=n_workers(jobs, address), engine=engine, address=address, shard_size=shard_size,
                detector_weights=detector_weights, encoder_weights=encoder_weights, dry_run=dry_run, progress=progress,
                prevalence=prevalence or (),
            )  # fmt: skip
            show_written(written, as_json=as_json)
            return
        made = predict_photographs(
            bundle, photographs, None if dry_run else Path(output), jobs=n_workers(jobs, address), engine=engine, address=address,
            detector_weights=detector_weights, encoder_weights=encoder_weights, progress=progress, prevalence=prevalence or (),
        )  # fmt: skip
    if as_json:
        show_json(made.as_dict())
        return
    say(f"{made.n_predicted} of {made.n_photographs} photographs have a prediction; {made.n_warned} with a warning. For research only.")
    for reason, n in made.excluded.items():
        say(f"  {reason}: {n}")
    say("nothing written (dry run)" if dry_run else f"{output}")
