"""A stage runs when something changed, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from facies.study.stages import Outcome, Stage, _packed_commit, package_versions, run_stage


class Counted:
    """A stage that doubles a file and counts how often it ran."""

    def __init__(self, study: Path) -> None:
        self.study = study
        self.times = 0

    def compute(self) -> Outcome:
        self.times += 1
        out = self.study / "out.txt"
        out.write_text((self.study / "in.txt").read_text() * 2)
        return Outcome((out,), 1, 1)

    def run(self, *, settings: dict | None = None, seed: int = 1, always: bool = False) -> bool:
        stage = Stage("double", settings or {}, {"in": self.study / "in.txt"}, self.compute, always=always)
        return run_stage(self.study, stage, random_state=seed)[1]


@pytest.fixture
def counted(tmp_path):
    (tmp_path / "in.txt").write_text("a")
    return Counted(tmp_path)


def test_run_stage__the_same_again_is_not_run(counted):
    assert [counted.run(), counted.run()] == [True, False]
    assert counted.times == 1


@pytest.mark.parametrize("change", ["input", "output altered", "output gone", "settings", "seed", "record damaged"])
def test_run_stage__any_change_runs_it_again(counted, change):
    counted.run()
    study = counted.study
    if change == "input":
        (study / "in.txt").write_text("b")
    if change == "output altered":
        (study / "out.txt").write_text("edited")
    if change == "output gone":
        (study / "out.txt").unlink()
    if change == "record damaged":
        (study / "derived" / "double" / "run.json").write_text('{"stage": ')
    settings, seed = ({"x": 1} if change == "settings" else None), (2 if change == "seed" else 1)
    assert counted.run(settings=settings, seed=seed)
    assert (study / "out.txt").read_text() == (study / "in.txt").read_text() * 2


def test_run_stage__one_that_always_runs_keeps_its_record_when_nothing_changed(counted):
    counted.run(always=True)
    record = (counted.study / "derived" / "double" / "run.json").read_bytes()
    assert counted.run(always=True) is False
    assert counted.times == 2
    assert (counted.study / "derived" / "double" / "run.json").read_bytes() == record


def test_package_versions__a_package_under_another_name_stops_nothing(monkeypatch):
    monkeypatch.setattr("facies.study.stages._SHOWN_PACKAGES", ("numpy", "no-such-package"))
    assert package_versions()["no-such-package"] == "installed under another name"


def test_packed_commit__is_that_of_the_branch(tmp_path):
    file = tmp_path / "packed-refs"
    file.write_text("# pack-refs with: peeled\n" + "a" * 40 + " refs/heads/not-main\n" + "b" * 40 + " refs/heads/main\n")
    assert _packed_commit(file, "refs/heads/main") == "b" * 40
    assert _packed_commit(tmp_path / "absent", "refs/heads/main") == ""
