"""What a study has for its readers, for ``facies check``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facies.cohort import find_optional_table
from facies.cohort.files import read_user_table
from facies.study.config import StudyConfig
from facies.study.reading.plan import PLAN, plan_path, read_levels, read_plan
from facies.tables import READER_LEVELS, READINGS, REGION_MARKS


def reading_notes(study: Path, config: StudyConfig, photographs: pd.DataFrame) -> list[str]:
    """Say in a line each which files of readings, readers and marks there are, and which of them name unknown photographs.

    Raises
    ------
    TableError
        When one of them is wrong.
    """
    levels = read_levels(study)
    notes = [] if levels is None else [f"{READER_LEVELS.name}: {len(levels)} readers, levels {', '.join(sorted(set(levels.level)))}"]
    if plan_path(study).is_file():
        plan = read_plan(study)
        notes.append(f"{PLAN}: {len(plan)} readings of {plan.photo_id.nunique()} photographs by {plan.reader_id.nunique()} readers")
    for table, verb in ((READINGS, "readings"), (REGION_MARKS, "marked regions")):
        path = find_optional_table(study, table.name)
        if path is None:
            continue
        frame = read_user_table(path, table, rename=config.inputs.rename.get(table.name), encoding=config.inputs.encoding)
        notes.append(f"{path.name}: {len(frame)} {verb} of {frame.photo_id.nunique()} photographs by {frame.reader_id.nunique()} readers")
        notes += _unknown(frame, photographs, path.name)
    return notes


def _unknown(frame: pd.DataFrame, photographs: pd.DataFrame, file: str) -> list[str]:
    unknown = sorted(set(frame.photo_id) - set(photographs.photo_id))
    if not unknown:
        return []
    return [f"{file}: photo_id {unknown[0]} is no photograph of the study ({len(unknown)} such): `facies compare` will refuse the table"]
