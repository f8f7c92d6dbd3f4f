"""Several GPUs or machines: the door for ``torchrun``, which starts one such program for each of them.

::

    torchrun --nproc-per-node 2 -m facies.embeddings.pretrain my-study/derived/pretrain/crops my-recipe.toml my-study/derived/pretrain

The crops must have been cut (``facies pretrain`` does it), and the folder must be on a disk that all machines see. A later
``facies pretrain`` with the same recipe finds the run finished and goes on from there.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from facies.embeddings.pretrain.crops import read_crops
from facies.embeddings.pretrain.recipe import read_recipe
from facies.errors import FaciesError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a recipe on crops and return the exit status: 2 after one line of error."""
    parser = argparse.ArgumentParser(prog="facies.embeddings.pretrain", description=__doc__)
    parser.add_argument("crops", type=Path, help="folder of crops")
    parser.add_argument("recipe", type=Path, help="recipe in TOML")
    parser.add_argument("folder", type=Path, help="gets checkpoints, history and weights")
    parser.add_argument("--weights", type=Path, help="safetensors file to start from")
    given = parser.parse_args(arguments)
    try:
        from facies.embeddings.pretrain.train import pretrain

        run = pretrain(read_crops(given.crops), read_recipe(given.recipe), given.folder, weights=given.weights, tell=print)
    except FaciesError as error:
        print(error, file=sys.stderr)
        return 2
    if os.environ.get("RANK", "0") == "0":  # torchrun's number of this process
        print(f"{run.weights}: {run.recipe.method}, {run.steps} steps, {run.seconds / 60:.1f} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
