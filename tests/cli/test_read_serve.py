"""``facies read serve`` refuses before it makes links: making one would void the one that a reader already has."""

from __future__ import annotations

import socket

import pytest

pytest.importorskip("fastapi")

from facies.cli.app import run
from facies.study.demo import simulate_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("room") / "study"
    simulate_study(folder, n_participants=60, size=64)
    with (folder / "study.toml").open("a", encoding="utf-8") as config:
        config.write("\n[reading]\nn_readers = 2\nn_photographs = 4\n")
    assert run(["read", "plan", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("options", [["--host", "0.0.0.0"], ["--certificate", "none.pem", "--key", "none.key"], ["--port", "TAKEN"]])
def test_serve__that_cannot_open_makes_no_link(study, options, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["read", "serve", str(study), *[port if word == "TAKEN" else word for word in options]]) == 2
    shown = capsys.readouterr()
    assert "/enter#" not in shown.out
    assert len(shown.err.strip().splitlines()) == 1
