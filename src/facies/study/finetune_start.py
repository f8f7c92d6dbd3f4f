"""What a fine-tuning starts from: the shipped encoder, the study's own, a file, or random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facies.errors import InputError, WeightsError
from facies.store import file_sha256

if TYPE_CHECKING:
    from facies.embeddings.finetune.recipe import FinetuneRecipe

SHIPPED = "facies-s"
SHIPPED_WEIGHTS = "facies_s.safetensors"
"""The shipped encoder's weights, beside its network's module."""


@dataclass(frozen=True)
class Start:
    """What a network starts from.

    Parameters
    ----------
    name
        As it was asked for; of a file only its name.
    backbone, size
        The network, and the side of its crops in pixels.
    weights
        Its file; None for random weights.
    """

    name: str
    backbone: str
    size: int
    weights: Path | None

    def describe(self) -> dict[str, str]:
        """Return what the run's record says."""
        return {"name": self.name, "backbone": self.backbone, "sha256": "random" if self.weights is None else file_sha256(self.weights)}


def find_start(study: Path, recipe: FinetuneRecipe, start: str) -> tuple[Start, FinetuneRecipe]:
    """Return what the network starts from, and the recipe with the network that belongs to it.

    Parameters
    ----------
    start
        ``facies-s``, ``ssl``, ``random``, or a file, seen from the study or from where the program runs.

    Raises
    ------
    InputError
        When the study has learnt no ``ssl`` yet, or the recipe names another network.
    WeightsError
        When the file is absent.
    """
    if start == SHIPPED:
        chosen = Start(start, SHIPPED, 112, _shipped_weights())
    elif start == "ssl":
        chosen = _own_start(study)
    elif start == "random":
        chosen = Start(start, recipe.backbone, recipe.size, None)
    else:
        chosen = Start(Path(start).name, recipe.backbone, recipe.size, _weights_file(study, start))
    for name in ("backbone", "size"):
        given, found = getattr(recipe, name), getattr(chosen, name)
        if name in recipe.model_fields_set and given != found:
            raise InputError(
                f"the recipe's {name} is {given}, that of the start '{start}' is {found}: leave it out, or choose another start"
            )
    return chosen, recipe.model_copy(update={"backbone": chosen.backbone, "size": chosen.size})


def _shipped_weights() -> Path:
    import facies.embeddings as home

    path = Path(str(home.__file__)).with_name(SHIPPED_WEIGHTS)
    if not path.is_file():
        raise WeightsError(f"this installation has no {SHIPPED_WEIGHTS}: choose --start ssl, random, or a .safetensors file")
    return path


def _own_start(study: Path) -> Start:
    from facies.embeddings.pretrain.recipe import read_recipe

    folder = study / "derived" / "pretrain"
    weights = folder / "weights.safetensors"
    if not weights.is_file() or not (folder / "recipe.toml").is_file():
        raise InputError(f"{study} has learnt no encoder of its own yet: run `facies pretrain {study}` first, or choose another start")
    recipe = read_recipe(folder / "recipe.toml")
    return Start("ssl", recipe.backbone, recipe.size, weights)


def _weights_file(study: Path, name: str) -> Path:
    for path in (study / name, Path(name)):
        if path.is_file():
            return path
    raise WeightsError(f"the start '{name}' is none of facies-s, ssl and random, and no file: give a .safetensors file")
