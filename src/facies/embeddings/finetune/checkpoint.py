"""What an interrupted training goes on from: the two last good states, as safetensors with their plain values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from facies.errors import StoreError
from facies.store import read_arrays, write_arrays

NEWEST, BEFORE = "newest.safetensors", "before.safetensors"


class State(NamedTuple):
    """A training's state after some epochs: named arrays and plain values."""

    arrays: dict[str, NDArray[Any]]
    values: dict[str, Any]


@dataclass(frozen=True)
class Checkpoints:
    """The states of one training.

    Parameters
    ----------
    folder
        Where they lie.
    key
        What the training is: a hash of its settings and data. States of another one are not taken.
    tell
        Called with a line when a damaged state is passed over.
    """

    folder: Path
    key: str
    tell: Callable[[str], None] | None = None

    def write(self, state: State) -> None:
        """Keep a state; the one before is kept too."""
        newest = self.folder / NEWEST
        if newest.exists():
            newest.replace(self.folder / BEFORE)
        write_arrays(newest, state.arrays, {"key": self.key, "values": json.dumps(state.values)})

    def read(self) -> State | None:
        """Return the last good state of this training, or None when there is none.

        A damaged file is named to ``tell`` and the state before it is taken.
        """
        states = (self._read(self.folder / name) for name in (NEWEST, BEFORE))
        return next((state for state in states if state is not None), None)

    def _read(self, path: Path) -> State | None:
        if not path.exists():
            return None
        try:
            arrays, texts = read_arrays(path)
            key, values = texts["key"], json.loads(texts["values"])
        except (StoreError, KeyError, ValueError):
            if self.tell is not None:
                self.tell(f"the checkpoint {path.parent.name}/{path.name} is damaged: going on from the one before, or from the start")
            return None
        return State(arrays, values) if key == self.key else None


def module_arrays(module: torch.nn.Module, prefix: str) -> dict[str, NDArray[Any]]:
    """Return a module's parameters and buffers as arrays."""
    return {f"{prefix}{name}": np.array(tensor.detach().cpu().numpy()) for name, tensor in module.state_dict().items()}


def load_module(module: torch.nn.Module, arrays: Mapping[str, NDArray[Any]], prefix: str) -> None:
    """Give a module the parameters and buffers of :func:`module_arrays`."""
    module.load_state_dict({name: torch.from_numpy(np.array(arrays[f"{prefix}{name}"])) for name in module.state_dict()})


def optimiser_arrays(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, NDArray[Any]]:
    """Return an optimiser's moments and counts as arrays."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}{place}.{name}": np.array(tensor.cpu().numpy()) for place, held in state.items() for name, tensor in held.items()}


def load_optimiser(optimiser: torch.optim.Optimizer, arrays: Mapping[str, NDArray[Any]], prefix: str) -> None:
    """Give an optimiser the moments and counts of :func:`optimiser_arrays`."""
    whole = optimiser.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key in (name.removeprefix(prefix) for name in arrays if name.startswith(prefix)):
        place, _, name = key.partition(".")
        state.setdefault(int(place), {})[name] = torch.from_numpy(np.array(arrays[prefix + key]))
    optimiser.load_state_dict({**whole, "state": state})
