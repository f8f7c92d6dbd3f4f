"""A simulated study that has run once, for tests that only read it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from facies.study.demo import simulate_study
from facies.study.run import RunSummary, run_study


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary]:
    """Return a finished study of 90 simulated people and what its run said; do not write in it."""
    study = tmp_path_factory.mktemp("finished") / "study"
    simulate_study(study, encoders=("hog", "pixels"), n_participants=90, random_state=3, size=128)
    return study, run_study(study, jobs=2)


@pytest.fixture
def copied(finished: tuple[Path, RunSummary], tmp_path: Path) -> Path:
    """Return a copy of the finished study that a test may change."""
    return Path(shutil.copytree(finished[0], tmp_path / "study"))
