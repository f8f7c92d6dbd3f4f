"""The page of readers, from tables and records alone; it shows no face, no person and no reader's name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from facies import __version__
from facies.records import RunRecord
from facies.report import ReportData
from facies.report.render import render_readers
from facies.report.results import readers_json
from facies.store import read_table, table_path, value_sha256, write_json, write_whole
from facies.study.config import StudyConfig
from facies.study.stages import Outcome, Stage
from facies.tables import (
    PANEL_MODEL,
    READER_AGREEMENT,
    READER_COMPARISON,
    READER_ESTIMATES,
    READER_PERFORMANCE,
    READER_STUDY_SIZES,
    REGION_AGREEMENT,
    REGION_CONSENSUS,
    Table,
)

PAGE_STAGE = "readers_report"

SHOWN: tuple[Table, ...] = (
    PANEL_MODEL, READER_ESTIMATES, READER_PERFORMANCE, READER_COMPARISON, READER_AGREEMENT, READER_STUDY_SIZES, REGION_AGREEMENT,
    REGION_CONSENSUS,
)  # fmt: skip


def readers_page(
    study: Path, config: StudyConfig, records: tuple[RunRecord, ...], *, notes: Sequence[str], reader_ids: Sequence[str],
    photographs: pd.DataFrame,
) -> Stage:  # fmt: skip
    """Return the stage that writes ``report/readers.html`` and ``report/readers.json``."""

    def compute() -> Outcome:
        data = readers_data(study, config, records, notes=notes, reader_ids=reader_ids, photographs=photographs)
        folder = study / "report"
        results = write_json(folder / "readers.json", readers_json(data))
        return Outcome((write_whole(folder / "readers.html", render_readers(data).encode()), results), 1, 1)

    inputs = {table.name: path for table in SHOWN if (path := table_path(study, table)).exists()}
    inputs |= {f"run_{record.stage}": study / "derived" / record.stage / "run.json" for record in records}
    settings = {
        "study": config.study.model_dump(),
        "reading": config.reading.printed(),
        "notes": list(notes),
        "readers": value_sha256(list(reader_ids)),
    }
    return Stage(PAGE_STAGE, settings, inputs, compute)


def readers_data(
    study: Path, config: StudyConfig, records: tuple[RunRecord, ...], *, notes: Sequence[str] = (),
    reader_ids: Sequence[str] = (), photographs: pd.DataFrame | None = None,
) -> ReportData:  # fmt: skip
    """Return what the page shows."""
    tables: dict[str, Any] = {}
    for table in SHOWN:
        if table_path(study, table).exists():
            frame = read_table(study, table)
            if len(frame):
                tables[table.name] = frame
    return ReportData(
        study_name=f"{config.study.name}: readers", date=max(record.started_at for record in records)[:10], version=__version__,
        target=config.study.target, photographs=photographs, reader_ids=tuple(reader_ids), reader_notes=tuple(notes), runs=records,
        settings={"study": config.study.model_dump(), "reading": config.reading.printed()}, simulated=config.study.simulated, **tables,
    )  # fmt: skip
