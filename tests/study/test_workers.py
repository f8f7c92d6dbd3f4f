"""Processes that read photographs give what this one gives, and their end is met in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from facies.errors import StoreError
from facies.store import read_table
from facies.study.config import read_config
from facies.study.extraction import extract_in_order, extract_parts, plan_tasks
from facies.study.faces import make_extractor
from facies.study.intake import photograph_folders
from facies.study.workers import WorkerPool
from facies.tables import PHOTOGRAPHS


@pytest.fixture
def prepared(finished):
    """Return the extractor and the tasks of a finished study."""
    study, _ = finished
    config = read_config(study)
    extractor = make_extractor(study, config)
    return extractor, plan_tasks(read_table(study, PHOTOGRAPHS), photograph_folders(study, config), extractor)


def test_workers__give_the_same_bits_as_threads(prepared):
    extractor, tasks = prepared
    with WorkerPool(extractor.recipe, 2) as pool:
        apart = list(extract_in_order(tasks[:12], pool, 2))
    for one, other in zip(apart, extract_in_order(tasks[:12], extractor, 2), strict=True):
        assert (one.key, one.face_id, one.hash) == (other.key, other.face_id, other.hash)
        assert str(one.rows) == str(other.rows)  # as text: a number that is missing equals itself
        assert all(np.array_equal(a, b) for a, b in zip(one.vectors, other.vectors, strict=True))


def test_extract_parts__by_processes_writes_the_same_files(prepared, tmp_path, monkeypatch):
    extractor, tasks = prepared
    extract_parts(tasks, extractor, tmp_path / "threads", jobs=2)
    monkeypatch.setattr("facies.study.extraction.WORTH_PROCESSES", 10)
    extract_parts(tasks, extractor, tmp_path / "processes", jobs=2)
    threads, processes = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("threads", "processes"))
    assert threads == processes


def test_workers__one_that_is_killed_is_said_in_one_line(prepared):
    extractor, tasks = prepared
    with WorkerPool(extractor.recipe, 1) as pool:
        pool.extract(tasks[0])
        os.kill(pool._workers[0]._process.pid, signal.SIGKILL)
        with pytest.raises(StoreError, match="ended by signal 9, most often for want of memory: run again with --jobs 1"):
            pool.extract(tasks[1])


def test_workers__end_when_the_program_that_started_them_is_killed(prepared, tmp_path):
    extractor, _ = prepared
    code = (
        "import sys, time\nfrom facies.study.extraction import ExtractorRecipe\nfrom facies.study.workers import WorkerPool\n"
        f"pool = WorkerPool(ExtractorRecipe('facies-finder', None, ['pixels'], [None], {dict(extractor.recipe.gate)!r}), 1)\n"
        "print(pool._workers[0]._process.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as program:
        worker = int(program.stdout.readline())
        time.sleep(0.5)
        program.kill()
    deadline = time.monotonic() + 30
    while _runs(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _runs(worker)


def _runs(process: int) -> bool:
    """Return whether a process runs; one that has ended and waits to be collected does not."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers__are_gone_with_status_0_when_the_pool_is_closed(prepared):
    extractor, tasks = prepared
    with WorkerPool(extractor.recipe, 2) as pool:
        pool.extract(tasks[0])
    assert [worker._process.returncode for worker in pool._workers] == [0, 0]
