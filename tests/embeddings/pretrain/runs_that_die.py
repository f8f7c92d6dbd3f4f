"""Runs in processes of their own, for test_processes.py: python runs_that_die.py killed|together <folder> <port>

No socket but a local one can be connected to and no name looked up. One import of the libraries serves all runs: each is a fork.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
os.environ["OMP_NUM_THREADS"] = "1"
warnings.simplefilter("error")

LOCAL = ("127.0.0.1", "::1", "localhost")
_connect, _look_up = socket.socket.connect, socket.getaddrinfo


def _guarded_connect(self: socket.socket, address: Any) -> Any:
    if self.family != socket.AF_UNIX and address[0] not in LOCAL:
        raise SystemExit(f"something tried to reach {address}")
    return _connect(self, address)


def _guarded_look_up(host: Any, *rest: Any, **more: Any) -> Any:
    if host not in (None, *LOCAL):
        raise SystemExit(f"something tried to look up {host}")
    return _look_up(host, *rest, **more)


socket.socket.connect, socket.getaddrinfo = _guarded_connect, _guarded_look_up  # type: ignore[method-assign, assignment]

import torch  # noqa: E402
from pictures import crops_in  # noqa: E402

from facies.embeddings.pretrain import methods  # noqa: E402
from facies.embeddings.pretrain.recipe import Monitor, PretrainRecipe  # noqa: E402
from facies.embeddings.pretrain.train import pretrain  # noqa: E402

STEPS = 9
SMALL = {"batch_size": 8, "checkpoint_every": 2, "size": 32, "monitor": Monitor(every=3, n_crops=16)}
BYOL = PretrainRecipe(method="byol", backbone="test_resnet", steps=STEPS, precision="bfloat16", hidden_dim=32, projection_dim=16, **SMALL)
MAE = PretrainRecipe(method="mae", backbone="test_vit", steps=3, decoder_dim=32, decoder_depth=1, **SMALL)
SIMCLR = PretrainRecipe(method="simclr", backbone="test_vit", steps=3, projection_dim=16, **SMALL)


def forked(work: Callable[[], object]) -> int:
    """Do the work in a fork and return how it ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(f"a run ended with {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def dies_at(step: int) -> Callable[[int, int], None]:
    """Return a progress callback that kills the process, as a machine that loses its power would."""

    def die(done: int, total: int) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return die


def without_batch_norm() -> None:
    """Give SimCLR a head whose vectors do not depend on who else is in the process's share."""
    head = types.SimpleNamespace(SimCLRProjectionHead=lambda width, _hidden, out: torch.nn.Linear(width, out))
    methods._heads = lambda: head  # type: ignore[assignment]


def rank(recipe: PretrainRecipe, number: int, folder: Path, port: str, crops: Any) -> None:
    """Take part in a run of two processes."""
    without_batch_norm()
    place = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, about its own process groups
        run = pretrain(crops, recipe, folder)
    if number == 0:
        assert len(run.history) == 2


def two_ranks(recipe: PretrainRecipe, folder: Path, port: str, crops: Any) -> None:
    """Run a recipe in two processes, and in one, each in a folder of its own."""
    children = []
    for number in (0, 1):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                rank(recipe, number, folder / "two", port, crops)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0], "a rank failed"

    def alone() -> None:
        without_batch_norm()
        pretrain(crops, recipe, folder / "one")

    assert forked(alone) == 0


def killed_runs(folder: Path, crops: Any) -> None:
    """Run a recipe whole, and again in a process that is killed four times."""
    assert forked(lambda: pretrain(crops, BYOL, folder / "whole")) == 0
    for step in (1, 4, 5, 8):
        assert forked(lambda step=step: pretrain(crops, BYOL, folder / "killed", progress=dies_at(step))) == signal.SIGKILL
    assert forked(lambda: pretrain(crops, BYOL, folder / "killed")) == 0


def main() -> None:
    """Do the runs that are asked for."""
    what, folder, port = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    crops = crops_in(folder)
    if what == "killed":
        killed_runs(folder, crops)
    else:
        for recipe in (MAE, SIMCLR):
            two_ranks(recipe, folder / recipe.method, port, crops)


if __name__ == "__main__":
    main()
