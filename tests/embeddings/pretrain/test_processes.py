"""Runs that are killed, and runs of two processes: each in processes of its own, which can reach no other machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

SCRIPT = Path(__file__).with_name("runs_that_die.py")


def run(what: str, folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(SCRIPT), what, str(folder), str(port)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]


def test_pretrain__killed_at_any_step_ends_with_the_same_bytes_as_a_run_that_was_not(tmp_path: Path) -> None:
    run("killed", tmp_path)
    for name in ("weights.safetensors", "start.safetensors", "checkpoints/step-00000009.safetensors"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_pretrain__in_two_processes_learns_what_one_learns_from_the_same_batches(tmp_path: Path) -> None:
    run("together", tmp_path)
    for method in ("mae", "simclr"):
        start, one, two = (
            load_file(tmp_path / method / name) for name in ("one/start.safetensors", "one/weights.safetensors", "two/weights.safetensors")
        )
        moved = _length({name: one[name] - start[name] for name in one})
        assert moved > 0.1
        assert _length({name: two[name] - one[name] for name in one}) < 0.02 * moved


def _length(weights: dict[str, torch.Tensor]) -> float:
    return float(sum((value.double() ** 2).sum() for value in weights.values()) ** 0.5)
