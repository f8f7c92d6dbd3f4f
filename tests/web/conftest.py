"""Tests of the reading room need its extra: pip install 'facies[web]'."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
