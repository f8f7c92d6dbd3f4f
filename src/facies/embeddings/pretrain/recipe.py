"""Every choice of a pretraining run, as one TOML file that is stored with the weights."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from facies.embeddings.pretrain.augment import Augmentation
from facies.errors import InputError
from facies.store import value_sha256

Method = Literal["describe", "simclr", "vicreg", "byol", "dino", "mae"]
Precision = Literal["float32", "bfloat16", "float16"]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class MethodDefaults:
    """What a method is run with unless the recipe says otherwise.

    Parameters
    ----------
    learning_rate, weight_decay
        Of AdamW at the recipe's batch size.
    settings
        The method's own settings; no others are accepted.
    clip
        The largest length of the gradient, 0 for any.
    """

    learning_rate: float
    weight_decay: float
    settings: dict[str, float]
    clip: float = 0.0


DEFAULTS: dict[str, MethodDefaults] = {
    "describe": MethodDefaults(1e-3, 1e-4, {"hidden_dim": 1024}),
    "simclr": MethodDefaults(1e-3, 1e-4, {"temperature": 0.2, "hidden_dim": 512, "projection_dim": 128}),
    "vicreg": MethodDefaults(
        1e-3, 1e-4, {"invariance": 25.0, "variance": 25.0, "covariance": 1.0, "hidden_dim": 1024, "projection_dim": 1024}
    ),
    "byol": MethodDefaults(1e-3, 1e-4, {"momentum": 0.99, "hidden_dim": 1024, "projection_dim": 256}),
    "dino": MethodDefaults(
        5e-4, 0.04, {"momentum": 0.99, "temperature": 0.1, "teacher_temperature": 0.04, "hidden_dim": 512, "projection_dim": 2048},
        clip=3.0,
    ),
    "mae": MethodDefaults(1e-3, 0.05, {"mask": 0.75, "decoder_dim": 128, "decoder_depth": 2}),
}  # fmt: skip
"""For small networks and batches of about 128 on a CPU.

The optimiser is AdamW for all: LARS was made for batches of thousands, which neither a cohort nor a CPU has, and gains nothing below.
"""

DEFAULT_EPOCHS = 100

OPTIONAL = (
    "temperature", "teacher_temperature", "momentum", "invariance", "variance", "covariance", "mask", "hidden_dim", "projection_dim",
    "decoder_dim", "decoder_depth",
)  # fmt: skip


class Monitor(BaseModel):
    """How a run is watched: the table ``[monitor]`` of a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: int = Field(200, ge=1, description="steps between two looks")
    n_crops: int = Field(512, ge=16, description="crops on which collapse is judged")
    min_spread: float = Field(
        0.02, ge=0, lt=1, description="vectors have collapsed when their spread over directions is below: 0 all the same, 1 even"
    )
    min_rank: float = Field(2.0, ge=1, description="vectors have collapsed when their effective number of directions is below")
    probe_crops: int = Field(4000, ge=20, description="labelled crops that the probe uses at most")
    neighbours: int = Field(10, ge=1, description="of the nearest-neighbour probe")
    patience: int = Field(0, ge=0, description="looks without a better probe after which the run ends; 0 for never")


class PretrainRecipe(BaseModel):
    """Every choice of a run; unknown settings and such as would have no effect are refused.

    Examples
    --------
    >>> recipe = PretrainRecipe(method="simclr", steps=10)
    >>> recipe.filled().temperature, recipe.filled().learning_rate
    (0.2, 0.001)
    >>> parse_recipe({"method": "vicreg", "temperature": 0.1})
    Traceback (most recent call last):
    ...
    facies.errors.InputError: recipe: vicreg takes no temperature: leave it out
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Method = Field(
        "describe", description="how the network is taught: describe, simclr, vicreg, byol, dino, or mae (vision transformers only)"
    )
    backbone: str = Field("resnet18", description="a network of the timm library by name, or facies-s")
    size: int = Field(96, ge=16, le=1024, description="side of the crops in pixels")
    epochs: int | None = Field(None, ge=1, description="how often each crop is seen; 100 unless steps are given")
    steps: int | None = Field(None, ge=1, description="how many batches are learnt from, instead of epochs")
    batch_size: int = Field(128, ge=2, description="crops in a step, over all processes together")
    learning_rate: Positive | None = Field(None, description="the largest, after warming up")
    weight_decay: Annotated[float, Field(ge=0)] | None = Field(None, description="of matrices; biases and normalisations have none")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps in which the learning rate rises to its largest")
    clip: Annotated[float, Field(ge=0)] | None = Field(None, description="largest length of the gradient; 0 for any")
    temperature: Positive | None = None
    teacher_temperature: Positive | None = None
    momentum: Share | None = None
    invariance: Annotated[float, Field(ge=0)] | None = None
    variance: Annotated[float, Field(ge=0)] | None = None
    covariance: Annotated[float, Field(ge=0)] | None = None
    mask: Annotated[float, Field(gt=0, lt=1)] | None = None
    hidden_dim: Annotated[int, Field(ge=1)] | None = None
    projection_dim: Annotated[int, Field(ge=2)] | None = None
    decoder_dim: Annotated[int, Field(ge=16)] | None = None
    decoder_depth: Annotated[int, Field(ge=1)] | None = None
    precision: Precision = Field("float32", description="of the network's sums; bfloat16 is faster where the processor has it")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes the GPU where there is one")
    random_state: int = Field(0, ge=0, description="what all chance is drawn from")
    checkpoint_every: int | None = Field(None, ge=1, description="steps between two checkpoints; about every five minutes when left out")
    augmentation: Augmentation = Field(default_factory=Augmentation)
    monitor: Monitor = Field(default_factory=Monitor)

    @model_validator(mode="after")
    def _settings_that_matter(self) -> PretrainRecipe:
        if self.epochs is not None and self.steps is not None:
            raise ValueError("epochs and steps are both given: leave one out")
        for name in OPTIONAL:
            if getattr(self, name) is not None and name not in DEFAULTS[self.method].settings:
                raise ValueError(f"{self.method} takes no {name}: leave it out")
        return self

    def filled(self) -> PretrainRecipe:
        """Return the recipe with the method's defaults written out: this is what is stored."""
        chosen = DEFAULTS[self.method]
        values = {"learning_rate": chosen.learning_rate, "weight_decay": chosen.weight_decay, "clip": chosen.clip, **chosen.settings}
        if self.steps is None:
            values["epochs"] = DEFAULT_EPOCHS
        missing = {name: value for name, value in values.items() if getattr(self, name) is None}
        return PretrainRecipe.model_validate(self.model_dump(exclude_none=True) | missing)

    def n_steps(self, n_crops: int) -> int:
        """Return how many batches the run takes; what is left over of an epoch is left out.

        Raises
        ------
        InputError
            When there are no crops, or fewer than a batch holds.
        """
        if n_crops < self.batch_size:
            found = f"only {n_crops}" if n_crops else "no"
            remedy = f"set batch_size to {n_crops} or less" if n_crops > 1 else "pretraining needs photographs that pass the quality gate"
            raise InputError(f"{found} crops for batches of {self.batch_size}: {remedy}")
        return self.steps or (self.epochs or DEFAULT_EPOCHS) * (n_crops // self.batch_size)

    def sha256(self) -> str:
        """Return a hash of all that decides the weights: how often checkpoints are written does not."""
        return value_sha256(self.filled().model_dump(mode="json", exclude={"checkpoint_every"}))


def parse_recipe(settings: dict[str, Any], *, file: str = "recipe") -> PretrainRecipe:
    """Check settings as read from TOML.

    Raises
    ------
    InputError
        Naming the first setting that is wrong.
    """
    try:
        return PretrainRecipe.model_validate(settings)
    except ValidationError as error:
        raise InputError(f"{file}: {_explain(error.errors()[0])}") from error


def _explain(first: Any) -> str:
    where = ".".join(map(str, first["loc"]))
    message = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return f"{where} is not a setting of a recipe: remove or rename it"
    if where and isinstance(first["input"], str | int | float | bool):
        return f"{where} is {first['input']!r}: {message[:1].lower()}{message[1:]}"
    return f"{where}: {message}" if where else message


def read_recipe(path: Path) -> PretrainRecipe:
    """Read and check a recipe.

    Raises
    ------
    InputError
        When the file is absent or no TOML, or a setting is wrong.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path.name} cannot be read ({error}): give a recipe in TOML") from error
    return parse_recipe(settings, file=path.name)


def to_toml(recipe: PretrainRecipe) -> str:
    """Return the recipe as TOML, every default written out.

    Examples
    --------
    >>> recipe = PretrainRecipe(method="mae", backbone="vit_tiny_patch16_224", steps=5)
    >>> parse_recipe(tomllib.loads(to_toml(recipe))) == recipe.filled()
    True
    """
    settings = recipe.filled().model_dump(mode="json", exclude_none=True)
    tables = {name: value for name, value in settings.items() if isinstance(value, dict)}
    lines = [_line(name, value) for name, value in settings.items() if name not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(_line(key, value) for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _line(name: str, value: object) -> str:
    """Return one setting: numbers, texts and lists are written in TOML as in JSON."""
    return f"{name} = {json.dumps(value)}"
