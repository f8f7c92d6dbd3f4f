"""Several processes, on one machine or many, that learn together: started by ``torchrun``, each with its share of every batch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as together
from torch import nn

from facies.embeddings.pretrain.batches import Share
from facies.errors import InputError


@dataclass(frozen=True)
class Processes:
    """This process among those that learn together.

    Parameters
    ----------
    rank, world
        Which one of how many.
    local_rank
        Which one on this machine, and so which GPU.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0

    @property
    def writes(self) -> bool:
        """Whether this process writes the files and tells what happens."""
        return self.rank == 0

    def share(self, batch_size: int) -> Share:
        """Return this process's part of each batch.

        Raises
        ------
        InputError
            When the batch cannot be dealt out evenly.
        """
        if batch_size % self.world or batch_size // self.world < 2:
            raise InputError(
                f"batch_size is {batch_size} for {self.world} processes: give a multiple of their number, 2 crops or more each"
            )
        return Share(self.rank, self.world)

    def wrap(self, network: nn.Module, device: torch.device) -> nn.Module:
        """Return the network so that its gradients are averaged over the processes.

        On GPUs, batch normalisation takes its means over all processes too. On CPUs torch has no such layer: each process normalises its
        own share, so that networks with batch normalisation learn a little differently in two processes than in one.
        """
        if self.world == 1:
            return network
        if device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        ids = [device.index] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=ids)

    def agree(self, decision: bool, device: torch.device) -> bool:
        """Return what the first process decided, in all of them."""
        if self.world == 1:
            return decision
        flag = torch.tensor([int(decision)], device=device)
        together.broadcast(flag, src=0)
        return bool(flag.item())

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self.world > 1:
            together.barrier()


@contextlib.contextmanager
def joined(*, on_gpu: bool) -> Iterator[Processes]:
    """Join the other processes that ``torchrun`` has started; alone, do nothing.

    ``torchrun`` says by environment variables who takes part (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT).
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes()
        return
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if on_gpu:
        torch.cuda.set_device(local_rank)
    together.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield Processes(together.get_rank(), world, local_rank)
    finally:
        together.destroy_process_group()
