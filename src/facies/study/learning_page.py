"""The page of a comparison of ways to learn, from its tables and records alone; it shows no face and no person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facies import __version__
from facies.association import DIRECTIONS
from facies.records import RunRecord
from facies.report import ReportData, learning_json, render_learning
from facies.store import read_json, read_record, read_table, table_path, write_json, write_whole
from facies.study.config import StudyConfig, printed_settings
from facies.study.stages import Outcome, Stage
from facies.tables import (
    LEARNING_ASSOCIATIONS,
    LEARNING_COSTS,
    LEARNING_CURVES,
    LEARNING_FORECASTS,
    LEARNING_PAIRS,
    LEARNING_WAYS,
)

PAGE_STAGE = "learning_report"
LEARNING_TABLES = (LEARNING_WAYS, LEARNING_PAIRS, LEARNING_ASSOCIATIONS, LEARNING_COSTS, LEARNING_CURVES, LEARNING_FORECASTS)
"""The tables of a comparison."""

SHOWN_STAGES = ("cohort", "faces", "learning", "learning_curves")


def page_path(study: Path) -> Path:
    """Return where the page lies."""
    return study / "report" / "learning.html"


def read_learning(study: Path, *, learnt_from: str | None = None) -> dict[str, Any]:
    """Return what a report shows of a comparison of ways to learn; nothing where there was none.

    ``learnt_from`` is the hash of the people and labels that the report is about: a comparison of others is called out of date.
    """
    found = {table.name: read_table(study, table) for table in LEARNING_TABLES if table_path(study, table).exists()}
    notes = [read_json(path) for stage in ("learning", "learning_curves") if (path := study / "derived" / stage / "notes.json").exists()]
    record = read_record(study, "learning")
    if learnt_from is not None and record is not None and record.settings.get("learnt_from") != learnt_from:
        notes.append(["the ways were compared with other people or labels than those of this report: run `facies compare-learning` again"])
    return {**found, "learning_notes": tuple(note for part in notes for note in part)} if found else {}


def learning_page(study: Path, config: StudyConfig, records: tuple[RunRecord, ...], *, notes: Sequence[str]) -> Stage:
    """Return the stage that writes ``report/learning.html`` and ``report/learning.json``.

    Parameters
    ----------
    records
        Of the stages before it.
    notes
        Sentences that a reader must see first.
    """

    def compute() -> Outcome:
        data = learning_data(study, config, records, notes=notes)
        results = write_json(page_path(study).with_suffix(".json"), learning_json(data))
        return Outcome((write_whole(page_path(study), render_learning(data).encode()), results), 1, 1)

    inputs = {table.name: table_path(study, table) for table in LEARNING_TABLES}
    inputs |= {f"{stage}_notes": study / "derived" / stage / "notes.json" for stage in ("learning", "learning_curves")}
    inputs |= {f"run_{record.stage}": study / "derived" / record.stage / "run.json" for record in records}
    settings = {"study": config.study.model_dump(), "association": config.association.model_dump(), "warnings": list(notes)}
    return Stage(PAGE_STAGE, settings, inputs, compute)


def learning_data(study: Path, config: StudyConfig, records: tuple[RunRecord, ...], *, notes: Sequence[str] = ()) -> ReportData:
    """Return what the page shows."""
    asked = config.association
    labels = {outcome.name: outcome.label for outcome in asked.outcomes} | {exposure.source: exposure.label for exposure in asked.exposures}
    return ReportData(
        study_name=f"{config.study.name}: ways to learn",
        date=max(record.started_at for record in records)[:10],
        version=__version__,
        target=config.study.target,
        **read_learning(study),
        runs=tuple(record for record in records if record.stage in SHOWN_STAGES),
        warnings=tuple(notes),
        settings=printed_settings(config),
        sign_convention=DIRECTIONS[asked.direction][1],
        labels={name: label for name, label in labels.items() if label},
        units={outcome.name: outcome.unit for outcome in asked.outcomes if outcome.unit},
        simulated=config.study.simulated,
    )
