"""Intake: the users' tables, identifiers, photographs' files, duplicates, folds by participant and the participant flow.

``read_`` and ``find_table`` touch disk; ``assess_photographs`` reads the photographs' bytes; everything else is tables in, tables out.
"""

from __future__ import annotations

from facies.cohort.consent import consenting_participants, exclude_withdrawn
from facies.cohort.duplicates import exclude_exact_duplicates, find_near_duplicates
from facies.cohort.examples import example_tables
from facies.cohort.files import UserTable, find_optional_table, find_table, read_user_table, read_with_lines
from facies.cohort.flow import summarise_flow
from facies.cohort.folds import assign_folds, prove_exclusive
from facies.cohort.identifiers import canonical_id, match_ids, near_identifiers, why_differ
from facies.cohort.intake import Intake, IntakeSettings, StudyTables, assess_intake, read_intake, read_study_tables
from facies.cohort.photographs import assess_photographs, list_photographs, locate_photograph
from facies.cohort.sidecars import read_sidecar
from facies.imaging.looks import perceptual_hash

__all__ = [
    "Intake",
    "IntakeSettings",
    "StudyTables",
    "UserTable",
    "assess_intake",
    "assess_photographs",
    "assign_folds",
    "canonical_id",
    "consenting_participants",
    "example_tables",
    "exclude_exact_duplicates",
    "exclude_withdrawn",
    "find_near_duplicates",
    "find_optional_table",
    "find_table",
    "list_photographs",
    "locate_photograph",
    "match_ids",
    "near_identifiers",
    "perceptual_hash",
    "prove_exclusive",
    "read_intake",
    "read_sidecar",
    "read_study_tables",
    "read_user_table",
    "read_with_lines",
    "summarise_flow",
    "why_differ",
]
