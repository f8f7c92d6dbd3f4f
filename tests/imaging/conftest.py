"""Gives the tests of pixels the hostile folder and the writers of odd photographs."""

from __future__ import annotations

import sys
from pathlib import Path

if str(Path(__file__).parents[1]) not in sys.path:
    sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile_fixture import hostile_folder, hostile_picture

__all__ = ["hostile_folder", "hostile_picture"]
