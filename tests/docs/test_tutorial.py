"""The tutorial runs as it is printed."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from facies.cli.app import run

DOCS = Path(__file__).parents[2] / "docs"


def test_tutorial__every_command_and_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "tutorials" / "first-study.md").read_text()
    commands = [line.removeprefix("$ ") for block in re.findall(r"```console\n(.*?)```", text, re.S) for line in block.splitlines()]
    assert len(commands) >= 5
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "facies"
        assert run(arguments) == 0, capsys.readouterr().err
    found = doctest.testfile(str(DOCS / "tutorials" / "first-study.md"), module_relative=False)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("page", sorted([*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]), ids=lambda path: path.name)
def test_docs__links_within_the_project_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []
