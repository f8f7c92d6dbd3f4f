"""The page of a replication, from its tables and record alone; it shows no face and no person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facies import __version__
from facies.association import DIRECTIONS
from facies.records import RunRecord
from facies.report import ReportData, render_replication, replication_json
from facies.store import read_table, table_path, write_json, write_whole
from facies.study.config import StudyConfig, printed_settings
from facies.study.discovery import Discovery
from facies.study.stages import Outcome, Stage
from facies.tables import REPLICATION_METRICS, REPLICATIONS, SHIFTS

PAGE_STAGE = "replication_report"


def page_path(validation: Path) -> Path:
    """Return where the page of a replication lies."""
    return validation / "report" / "replication.html"


def read_replication(validation: Path) -> dict[str, Any]:
    """Return the tables ``replications``, ``shifts`` and ``replication_metrics`` of a validation, for a report."""
    return {table.name: read_table(validation, table) for table in (REPLICATIONS, SHIFTS, REPLICATION_METRICS)}


def replication_page(validation: Path, config: StudyConfig, discovery: Discovery, record: RunRecord, *, warnings: tuple[str, ...]) -> Stage:
    """Return the stage that writes ``report/replication.html`` and ``report/replication.json``.

    Parameters
    ----------
    record
        Of the stage ``replication``.
    warnings
        Sentences that a reader must see first.
    """

    def compute() -> Outcome:
        data = replication_data(validation, config, discovery, record, warnings=warnings)
        results = write_json(page_path(validation).with_suffix(".json"), replication_json(data))
        return Outcome((write_whole(page_path(validation), render_replication(data).encode()), results), 1, 1)

    inputs = {table.name: table_path(validation, table) for table in (REPLICATIONS, SHIFTS, REPLICATION_METRICS)}
    inputs["run"] = validation / "derived" / record.stage / "run.json"
    settings = {"discovery": printed_settings(discovery.config), "validation": config.study.model_dump(), "warnings": list(warnings)}
    return Stage(PAGE_STAGE, settings, inputs, compute)


def replication_data(
    validation: Path, config: StudyConfig, discovery: Discovery, record: RunRecord, *, warnings: tuple[str, ...] = ()
) -> ReportData:
    """Return what the page shows."""
    asked = discovery.config.association
    labels = {exposure.source: exposure.label for exposure in asked.exposures} | {outcome.name: outcome.label for outcome in asked.outcomes}
    return ReportData(
        study_name=f"{discovery.config.study.name}: replication in {config.study.name}",
        date=record.started_at[:10],
        version=__version__,
        target=discovery.target,
        **read_replication(validation),
        runs=(record,),
        model_cards=tuple(bundle.card for bundle in discovery.bundles),
        warnings=warnings,
        settings=printed_settings(discovery.config),
        sign_convention=DIRECTIONS[asked.direction][1],
        primary_adjustment=next(iter(asked.adjustments), None),
        labels={name: label for name, label in labels.items() if label},
        units={outcome.name: outcome.unit for outcome in asked.outcomes if outcome.unit},
        missing=_reasons(discovery),
        simulated=config.study.simulated or discovery.config.study.simulated,
    )


def _reasons(discovery: Discovery) -> dict[str, str]:
    reasons = {"replication_metrics": "nobody in the validation has a reference (readings, or an age where that is the target)"}
    if discovery.associations is None:
        reasons["replications"] = "the discovery's study.toml names neither outcomes nor traits"
    return reasons
