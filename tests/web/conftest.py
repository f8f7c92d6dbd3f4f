"""Tests of the reading room need its extra: pip install 'facies[web]'."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch, request):
    """Hash passwords with little effort; a test that asks for the real effort is marked by its name."""
    pytest.importorskip("fastapi")
    from facies.web.accounts import _decoy

    _decoy.cache_clear()
    if "real_effort" in request.node.name:
        return
    argon2 = pytest.importorskip("argon2")
    cheap = cache(lambda: argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    monkeypatch.setattr("facies.web.accounts._hasher", cheap)
