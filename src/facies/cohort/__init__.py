"""Intake: the users' tables, identifiers, photographs' files, duplicates, folds by participant and the participant flow.

``read_`` and ``find_table`` touch disk; ``assess_photographs`` reads the photographs' bytes; everything else is tables in, tables out.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "UserTable": "files",
    "find_optional_table": "files",
    "find_table": "files",
    "read_user_table": "files",
    "read_with_lines": "files",
    "read_sidecar": "sidecars",
    "describe_table": "sidecars",
    "Intake": "intake",
    "IntakeSettings": "intake",
    "StudyTables": "intake",
    "assess_intake": "intake",
    "read_intake": "intake",
    "read_study_tables": "intake",
    "match_ids": "identifiers",
    "canonical_id": "identifiers",
    "assess_photographs": "photographs",
    "list_photographs": "photographs",
    "locate_photograph": "photographs",
    "exclude_withdrawn": "consent",
    "consenting_participants": "consent",
    "exclude_exact_duplicates": "duplicates",
    "find_near_duplicates": "duplicates",
    "perceptual_hash": "duplicates",
    "assign_folds": "folds",
    "prove_exclusive": "folds",
    "summarise_flow": "flow",
    "example_tables": "examples",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
