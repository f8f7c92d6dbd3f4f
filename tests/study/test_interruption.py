"""Killed at any moment, the next run goes on and gives the same bytes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from facies.study.demo import simulate_study

COMMAND = [sys.executable, "-m", "facies", "run", "--json", "--jobs", "2"]


def results_of(study: Path) -> dict[str, bytes]:
    """Return the bytes of all results; run records, the log of margins and the report hold times of day and are compared without them."""
    files = {path.relative_to(study).as_posix(): path.read_bytes() for path in (study / "derived").rglob("*") if path.is_file()}
    kept = {name: data for name, data in files.items() if not name.endswith(("run.json", "margins.json", ".lock"))}
    results = json.loads((study / "report" / "results.json").read_text())
    del results["study"]["date"]
    return kept | {"results.json": json.dumps(results, sort_keys=True).encode()}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    study = tmp_path_factory.mktemp("interruption") / "study"
    simulate_study(study, encoders=("hog", "pixels"), n_participants=300, size=96)  # three parts, read by processes
    settings = study / "study.toml"  # ten runs are made: fewer draws
    settings.write_text(settings.read_text().replace("per_years = 5.0", "per_years = 5.0\nn_bootstrap = 200"))
    start = time.monotonic()
    subprocess.run([*COMMAND, str(study)], check=True, capture_output=True)
    return study, time.monotonic() - start


def test_run__killed_at_ten_random_moments_the_next_run_gives_the_same_bytes(uninterrupted, tmp_path):
    whole, seconds = uninterrupted
    study = tmp_path / "study"
    shutil.copytree(whole, study, ignore=shutil.ignore_patterns("derived", "report"))
    for moment in np.random.default_rng(7).uniform(0.2 * seconds, seconds, size=10):
        with subprocess.Popen([*COMMAND, str(study)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            time.sleep(moment)
            running.send_signal(signal.SIGKILL)
    subprocess.run([*COMMAND, str(study)], check=True, capture_output=True)
    assert results_of(study) == results_of(whole)
    assert list(study.rglob("*.part")) == []


def test_run__the_second_time_nothing_is_done_again(uninterrupted):
    study, _ = uninterrupted
    before = results_of(study)
    done = subprocess.run([*COMMAND, str(study)], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["ran"] == []
    assert results_of(study) == before
