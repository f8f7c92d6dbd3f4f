"""What is not code goes into the installed package too."""

from __future__ import annotations

import fnmatch
import tomllib
from pathlib import Path

import facies

REPOSITORY = Path(__file__).parents[2]


def test_wheel__holds_every_file_that_is_not_code():
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["facies"]
    package = Path(facies.__file__).parent
    files = [path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert "report/templates/report.css" in files
    assert [file for file in files if not any(fnmatch.fnmatch(file, pattern) for pattern in patterns)] == []
