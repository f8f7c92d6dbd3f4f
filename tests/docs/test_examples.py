"""Every example runs as it stands."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


def planted_is_found(printed):
    """What 12 readers said in the room came out whole, and each planted figure lies in the interval that was found for it."""
    assert "822 said, 822 in readings.tsv as said" in printed
    assert "rows whole: True" in printed
    found = re.findall(r"(\S+) planted, +(\S+) found \((\S+) to (\S+)\)", printed)
    assert len(found) == 4
    assert [row for row in found if not float(row[2]) <= float(row[0]) <= float(row[3])] == []
    plain, modelled = map(float, re.search(r"by (\S+) years as a plain mean, (\S+) by the panel model", printed).groups())
    assert modelled < plain
    planted, human, computed = map(float, re.search(r"mmHg: (\S+) planted, (\S+) human, (\S+) computed", printed).groups())
    assert 0 < computed < human < planted  # noise in the readings, and what the network does not see, draw estimates to nothing


CHECKS = {"reading_room": planted_is_found}
NEEDS = {"reading_room": ("fastapi", "uvicorn")}


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example__runs_and_prints_its_result(script, capsys):
    for needed in NEEDS.get(script.stem, ()):
        pytest.importorskip(needed)
    runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) > 3
    CHECKS.get(script.stem, lambda text: None)(printed)


def test_examples__are_all_in_their_readme():
    listed = (EXAMPLES[0].parent / "README.md").read_text()
    assert [path.name for path in EXAMPLES if f"({path.name})" not in listed] == []
