"""Checkpoints: where a run goes on after it was killed.

::

    checkpoints/step-00000400.safetensors   weights of all networks, state of the optimiser
    checkpoints/step-00000400.json          the step, the file's hash, whose run it is, and all plain numbers
    checkpoints/best-00000200.safetensors   the encoder at the best look so far

Each file is written whole, the JSON file last: weights without one are those of a run that was killed while writing, and do not count.
Copies are taken at once and written by a thread of their own while the network goes on learning.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from facies.errors import FaciesError, InputError, StoreError
from facies.store import file_sha256, read_json, write_json, write_whole

KEPT = 2
"""Checkpoints that stay: the newest, and one before it in case the newest is damaged."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Snapshot:
    """A run as it stands after a number of steps.

    Parameters
    ----------
    tensors
        By name, on the CPU, nobody else's.
    numbers
        What JSON can hold; ``numbers["best_step"]`` says which best encoder belongs to it.
    """

    step: int
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, Any]


def own_copy(tensor: Tensor) -> Tensor:
    """Return a tensor's values on the CPU, in the usual order, safe from what happens to the tensor."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def encoder_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's weights by name."""
    return {name: own_copy(value) for name, value in network.state_dict().items()}


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> Path:
    """Write tensors as safetensors, whole or not at all."""
    from safetensors.torch import save

    return write_whole(path, save(dict(tensors)))


class Checkpoints:
    """The checkpoints of one run; a context that ends when everything is on disk.

    Parameters
    ----------
    folder
        Where they are kept.
    identity
        What decides the weights, by name: checkpoints of another run are refused.
    tell
        Called with one line when a damaged checkpoint is left out.
    """

    def __init__(self, folder: Path, identity: Mapping[str, str], *, tell: Tell) -> None:
        self.folder, self.identity, self._tell = folder, dict(identity), tell
        self._writer = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._last: concurrent.futures.Future[object] | None = None

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.shutdown(wait=True)
        if error is None:
            self._raise_trouble()

    def best_path(self, step: int) -> Path:
        """Return where the encoder of a look is kept."""
        return self.folder / f"best-{step:08d}.safetensors"

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint in the background and drop the oldest.

        Raises
        ------
        StoreError
            When the one before could not be written.
        """
        self._submit(lambda: self._write(snapshot))

    def save_best(self, step: int, network: nn.Module) -> None:
        """Write the encoder of the best look so far in the background."""
        tensors, path = encoder_tensors(network), self.best_path(step)
        self._submit(lambda: write_tensors(path, tensors))

    def wait(self) -> None:
        """Return when all is on disk.

        Raises
        ------
        StoreError
            When something could not be written.
        """
        self._raise_trouble()

    def _submit(self, job: Callable[[], object]) -> None:
        self._raise_trouble()
        self._last = self._writer.submit(job)

    def _raise_trouble(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def _write(self, snapshot: Snapshot) -> None:
        path = self.folder / f"step-{snapshot.step:08d}.safetensors"
        write_tensors(path, snapshot.tensors)
        index = {"step": snapshot.step, "sha256": file_sha256(path), "identity": self.identity, "numbers": dict(snapshot.numbers)}
        write_json(path.with_suffix(".json"), index)
        self._drop_old()

    def _drop_old(self) -> None:
        indices = self._indices()
        for index in indices[KEPT:]:
            index.unlink(missing_ok=True)
            index.with_suffix(".safetensors").unlink(missing_ok=True)
        needed = {_best_step(index) for index in indices[:KEPT]}
        for path in self.folder.glob("best-*.safetensors"):
            if path not in {self.best_path(step) for step in needed if step is not None}:
                path.unlink(missing_ok=True)

    def _indices(self) -> list[Path]:
        """Return the checkpoints, newest first."""
        return sorted(self.folder.glob("step-*.json"), reverse=True)

    def newest(self) -> Snapshot | None:
        """Return the newest checkpoint that can be read, or None when there is none at all.

        A damaged one is named to ``tell`` and the one before it taken.

        Raises
        ------
        StoreError
            When there are checkpoints and none can be read.
        InputError
            When they are those of a run with another recipe, other crops or other starting weights.
        """
        indices = self._indices()
        for index in indices:
            with self._telling_of_damage():
                return self._read(index)
        if indices:
            raise StoreError(f"no checkpoint in {self.folder} can be read: delete that folder and start the run again")
        return None

    @contextlib.contextmanager
    def _telling_of_damage(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self._tell(f"{error}; going on from the checkpoint before it")

    def _read(self, index: Path) -> Snapshot:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        found, path = read_json(index), index.with_suffix(".safetensors")
        try:
            step, sha256, identity, numbers = int(found["step"]), found["sha256"], found["identity"], found["numbers"]
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{index.name} is not the index of a checkpoint: delete it") from error
        self._require_same_run(identity)
        if file_sha256(path) != sha256:
            raise StoreError(f"checkpoint {path.name} is damaged (its SHA-256 is another): delete it")
        try:
            return Snapshot(step, load_file(path), numbers)
        except (SafetensorError, OSError) as error:
            raise StoreError(f"checkpoint {path.name} is damaged ({type(error).__name__}): delete it") from error

    def _require_same_run(self, identity: Mapping[str, str]) -> None:
        changed = [name for name, value in self.identity.items() if identity.get(name) != value]
        if changed:
            what = ", ".join(changed)
            raise InputError(f"the checkpoints in {self.folder} are of a run with another {what}: delete that folder or start in another")

    def clear(self) -> None:
        """Delete all checkpoints."""
        for path in [*self._indices(), *self.folder.glob("step-*.safetensors"), *self.folder.glob("best-*.safetensors")]:
            path.unlink(missing_ok=True)


def _best_step(index: Path) -> int | None:
    try:
        step = read_json(index)["numbers"]["best_step"]
    except (FaciesError, KeyError, TypeError):
        return None  # a damaged index keeps nothing alive; reading it will say so
    return None if step is None else int(step)


def tensors_of(module: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return a copy of all that a run's networks and its optimiser hold, by name."""
    found = {f"network.{name}": own_copy(value) for name, value in module.state_dict().items()}
    for place, parameter in enumerate(_parameters(optimiser)):
        for key, value in optimiser.state[parameter].items():
            found[f"optimiser.{place}.{key}"] = own_copy(value)
    return found


def put_back(tensors: Mapping[str, Tensor], module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Give networks and optimiser what :func:`tensors_of` took.

    Each tensor keeps the memory order it has: sums in another order would differ in their last bits.

    Raises
    ------
    StoreError
        When the names or shapes are not those of this run.
    """
    try:
        with torch.no_grad():
            for name, value in module.state_dict().items():
                value.copy_(tensors[f"network.{name}"])
            _put_optimiser_back(tensors, optimiser)
    except (KeyError, RuntimeError) as error:
        raise StoreError(f"a checkpoint does not fit this network ({error}): delete the checkpoints and start again") from error


def _put_optimiser_back(tensors: Mapping[str, Tensor], optimiser: torch.optim.Optimizer) -> None:
    parameters = _parameters(optimiser)
    for name, value in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "optimiser":
            place, _, key = rest.partition(".")
            parameter = parameters[int(place)]
            like = torch.empty_like(parameter) if value.shape == parameter.shape and value.ndim else torch.empty_like(value)
            optimiser.state[parameter][key] = like.copy_(value).to(parameter.device)


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
