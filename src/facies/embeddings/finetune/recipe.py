"""A fine-tuning's settings: one TOML file, stored with what came of it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from facies.embeddings.pretrain.augment import Augmentation
from facies.errors import InputError


class FinetuneRecipe(BaseModel):
    """How a network is fitted to labels; a setting that facies does not know is refused.

    Examples
    --------
    >>> FinetuneRecipe(epochs=3).batch_size
    32
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str = Field("facies-s", min_length=1, description="facies-s, or a network of timm such as resnet18")
    size: int = Field(112, ge=16, le=1024, description="side of the crops in pixels")
    epochs: int = Field(15, ge=1, description="passes over the photographs; at most, where inner_share is given")
    batch_size: int = Field(32, ge=2, description="photographs a step")
    learning_rate: float = Field(5e-4, gt=0, description="of the last block, at its height")
    first_block_rate: float = Field(
        0.1, gt=0, le=1, description="learning rate of the first block relative to the last; it grows geometrically with depth"
    )
    head_rate: float = Field(1.0, gt=0, description="learning rate of the head relative to the last block")
    frozen_share: float = Field(0.0, ge=0, le=1, description="share of the blocks, from the first on, that do not learn")
    weight_decay: float = Field(0.05, ge=0, description="of weights with two or more axes (AdamW)")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the learning rate rises; then it falls as a cosine")
    batch_norm: Literal["frozen", "trained", "auto"] = Field(
        "auto", description="whether batch normalisation keeps the statistics of the starting weights; auto: unless these are random"
    )
    ema: float = Field(0.98, ge=0, lt=1, description="decay a step of the average of the weights that is kept in the end; 0 for the last")
    n_bins: int = Field(12, ge=3, description="bins of the distribution between the lowest and the highest label")
    spread: float = Field(1.0, ge=0.5, description="standard deviation of the bell around a label, in bins")
    mean_loss: float = Field(0.5, ge=0, description="weight of the error of the predicted mean, in spreads, beside the divergence")
    mirror: bool = Field(True, description="average the features of a crop and its mirror image when predicting")
    inner_share: float = Field(
        0.0, ge=0, lt=0.6, description="share of the training people held out to choose the number of epochs; 0: all epochs are done"
    )
    patience: int = Field(3, ge=1, description="inner_share: epochs without a better error after which is stopped")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of the training's steps; auto: bfloat16 where the processor has it. Predictions are float32"
    )
    augmentation: Augmentation = Field(default_factory=Augmentation.mild, description="views that the network is trained on")
    random_state: int = Field(1, ge=0, description="the seed of everything that involves chance")

    @model_validator(mode="after")
    def _settings_that_matter(self) -> FinetuneRecipe:
        if "patience" in self.model_fields_set and not self.inner_share:
            raise ValueError("patience has no effect without inner_share: give both, or neither")
        return self


def read_recipe(path: Path) -> FinetuneRecipe:
    """Read a recipe from its TOML file.

    Raises
    ------
    InputError
        Naming the file, the setting and what it may be.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"the recipe {path.name} cannot be read ({error}): mend that place or give another file") from error
    try:
        return FinetuneRecipe.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the recipe"
        raise InputError(f"{path.name}, {where}: {first['msg'].removeprefix('Value error, ').lower()}") from error


def to_toml(recipe: FinetuneRecipe) -> str:
    """Return a recipe as TOML that :func:`read_recipe` reads back.

    Examples
    --------
    >>> to_toml(FinetuneRecipe(epochs=3)).splitlines()[:3]
    ['backbone = "facies-s"', 'size = 112', 'epochs = 3']
    """
    settings = recipe.model_dump(mode="json", exclude=None if recipe.inner_share else {"patience"})
    tables = {name: value for name, value in settings.items() if isinstance(value, dict)}
    lines = _lines({name: value for name, value in settings.items() if name not in tables})
    return "\n".join(lines + [line for name, table in tables.items() for line in ["", f"[{name}]", *_lines(table)]]) + "\n"


def _lines(settings: dict[str, Any]) -> list[str]:
    """Write plain values: JSON's text, numbers, truth values and lists are TOML's too."""
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items() if value is not None]
