"""What all tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hostile_fixture import hostile_folder, hostile_picture

__all__ = ["hostile_folder", "hostile_picture", "shared"]


collect_ignore_glob = ["reference/*.py"]
"""Scripts that make expected values, with packages of their own."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder with real photographs and networks, or skip."""
    folder = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "faces" / "labels.csv").exists():
        pytest.skip("real photographs and networks are absent (set FACIES_SHARED)")
    return folder
