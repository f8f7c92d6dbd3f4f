"""``facies predict``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import DryRun, Jobs, Json, n_jobs, progress_bar, quiet_opencv, say, show_json


def predict(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="A frozen model: the folder derived/models/<model_id>.bundle of a study.")
    ],
    photographs: Annotated[
        Path, typer.Argument(metavar="PHOTOS", help="A folder of photographs, one photograph, or a table with photo_id and path.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the table goes.")] = Path("predictions.tsv"),
    detector_weights: Annotated[
        Path | None, typer.Option(help="File of the detector, where the bundle names one that facies does not carry.")
    ] = None,
    encoder_weights: Annotated[
        Path | None, typer.Option(help="File of the encoder's weights, where the bundle does not hold its network.")
    ] = None,
    jobs: Jobs = 0,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Apply a frozen model to new photographs. For research only."""
    from facies.study.predict import predict_photographs

    quiet_opencv()
    with progress_bar("photographs", shown=not as_json) as progress:
        made = predict_photographs(
            bundle, photographs, None if dry_run else output, jobs=n_jobs(jobs), detector_weights=detector_weights,
            encoder_weights=encoder_weights, progress=progress,
        )  # fmt: skip
    if as_json:
        show_json(made.as_dict())
        return
    say(f"{made.n_predicted} of {made.n_photographs} photographs have a prediction; {made.n_warned} with a warning. For research only.")
    for reason, n in made.excluded.items():
        say(f"  {reason}: {n}")
    say("nothing written (dry run)" if dry_run else f"{output}")
