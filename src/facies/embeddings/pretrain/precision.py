"""Where a network is trained and in what precision."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import torch

from facies.embeddings.pretrain.recipe import PretrainRecipe
from facies.errors import InputError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """The device and the number format of a run.

    Parameters
    ----------
    device
        ``cpu`` or ``cuda:<n>``.
    name
        ``float32``, ``bfloat16`` or ``float16``: of the network's products; weights and their updates stay float32.
    """

    device: torch.device
    name: str

    def products(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context of a forward pass."""
        if self.name == "float32":
            return contextlib.nullcontext()
        context: contextlib.AbstractContextManager[Any] = torch.autocast(self.device.type, dtype=DTYPES[self.name])
        return context

    def scaler(self) -> torch.amp.GradScaler:
        """Return what keeps small gradients of float16 from vanishing; it does nothing in the other formats."""
        return torch.amp.GradScaler(self.device.type, enabled=self.name == "float16")

    def describe(self) -> dict[str, str]:
        """Return what the run record says."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"
        return {"device": name, "precision": self.name, "threads": str(torch.get_num_threads()), "torch": torch.__version__}


def choose_precision(recipe: PretrainRecipe, *, local_rank: int = 0) -> Precision:
    """Return where and how a recipe is run on this machine.

    Raises
    ------
    InputError
        When the recipe wants a GPU and there is none, or float16 without one.
    """
    has_gpu = torch.cuda.is_available()
    if recipe.device == "cuda" and not has_gpu:
        raise InputError('device is "cuda" and torch finds no GPU: write device = "cpu" or "auto"')
    on_gpu = has_gpu and recipe.device != "cpu"
    if recipe.precision == "float16" and not on_gpu:
        raise InputError('precision is "float16", which needs a GPU: write precision = "bfloat16" or "float32"')
    return Precision(torch.device(f"cuda:{local_rank}") if on_gpu else torch.device("cpu"), recipe.precision)
