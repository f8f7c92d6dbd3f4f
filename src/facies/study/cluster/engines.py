"""Who does the shards: this machine's threads and processes, or Ray. Both give the same bytes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

from facies.errors import InputError
from facies.study.cluster.photographs import FETCHES, Fetching, Photograph, any_remote
from facies.study.cluster.products import OpenJob, Product
from facies.study.cluster.shards import Shard
from facies.study.extraction import SPARE, Result, answers_in_order, readers

Advance = Callable[[int], None]
"""Called with the number of further photographs that are done."""


class Done(NamedTuple):
    """A finished shard."""

    shard: Shard
    product: Product


@dataclass(frozen=True)
class EngineSettings:
    """How much an engine may take.

    Parameters
    ----------
    jobs
        Workers in all; for Ray at an address, 0 takes as many as the cluster has cores.
    address
        Of a running Ray cluster; None starts one on this machine.
    """

    jobs: int = 1
    address: str | None = None

    def __post_init__(self) -> None:
        if self.jobs < (1 if self.address is None else 0):
            raise InputError(f"jobs is {self.jobs}: give at least 1 worker")


class Engine(Protocol):
    """Does shards; they may come in any order."""

    def __call__(self, job: OpenJob, shards: Sequence[Shard], settings: EngineSettings, advance: Advance) -> Generator[Done, None, None]:
        """Yield each shard when it is done."""


ENGINES = {
    "local": "facies.study.cluster.engines:run_local",
    "ray": "facies.study.cluster.ray_engine:run_ray",
}
"""The engines by name."""


def load_engine(name: str) -> Engine:
    """Return the engine of this name.

    Raises
    ------
    InputError
        When there is none.

    Examples
    --------
    >>> load_engine("spark")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: no engine 'spark': choose local or ray
    """
    if name not in ENGINES:
        raise InputError(f"no engine '{name}': choose {' or '.join(ENGINES)}")
    module, _, function = ENGINES[name].partition(":")
    engine: Engine = getattr(importlib.import_module(module), function)
    return engine


def run_local(job: OpenJob, shards: Sequence[Shard], settings: EngineSettings, advance: Advance) -> Generator[Done, None, None]:
    """Do shards by this machine's threads, or processes where there is enough to do for them.

    Raises
    ------
    InputError
        When an address is given.
    StoreError
        When a process ends before it answers, or a storage does not answer.
    """
    if settings.address is not None:
        raise InputError("an address has no effect on the local engine: add --engine ray, or leave it out")
    photographs = [photograph for shard in shards for photograph in shard.photographs]
    with readers(job.extractor, len(photographs), settings.jobs) as inner:
        results = read_in_order(photographs, Fetching(job.reader(inner), settings.jobs + SPARE), settings.jobs)
        for shard in shards:
            found = [_counted(result, advance) for result in islice(results, len(shard.photographs))]
            yield Done(shard, job.make(shard, found))


def _counted(result: Result, advance: Advance) -> Result:
    advance(1)
    return result


def read_in_order(photographs: Sequence[Photograph], reader: Fetching, jobs: int) -> Iterator[Result]:
    """Yield what each photograph gave; where any has to be fetched, more are in hand than are computed."""
    return answers_in_order(reader.extract, photographs, jobs * (FETCHES if any_remote(photographs) else 1))
