"""The stage that writes the report on conditions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from facies import __version__
from facies.cohort import summarise_flow
from facies.evaluation.confounding import RULE
from facies.records import ConditionCard, from_json
from facies.report.calculator import render_calculator
from facies.report.condition_data import ConditionData, RegionMap
from facies.report.render import render_conditions
from facies.report.results import condition_json
from facies.store import read_json, read_record, read_table, table_path, write_json, write_whole
from facies.study.conditions.intake import ConditionCohort, consenting
from facies.study.conditions.models import SEVERITY
from facies.study.config import StudyConfig, printed_settings
from facies.study.models import CARDS
from facies.study.stages import Outcome, Stage
from facies.tables import (
    BALANCE,
    CALIBRATION_CURVES,
    CONDITION_METRICS,
    CONDITION_PEOPLE,
    CONFOUNDING_PROBES,
    CONFOUNDING_VERDICTS,
    CONFUSIONS,
    DECISION_CURVES,
    FACE_MEASURES,
    FACES,
    NEGATIVE_MATCHES,
    PREVALENCE_CURVES,
    REGION_OVERLAPS,
    REGION_SHARES,
    ROC_POINTS,
    SALIENCY_CHECKS,
    SCORE_CHANGES,
    SESSION_SCORES,
    TEST_RETEST,
    TRAJECTORIES,
    Table,
)

STAGES = ("cohort", "faces", "people", "measures", "models", "evaluation", "confounding", "saliency", "follow_up")

SHOWN: dict[str, Table] = {
    "people": CONDITION_PEOPLE, "condition_metrics": CONDITION_METRICS, "roc_points": ROC_POINTS, "prevalence_curves": PREVALENCE_CURVES,
    "decision_curves": DECISION_CURVES, "calibration_curves": CALIBRATION_CURVES, "confusions": CONFUSIONS,
    "confounding_probes": CONFOUNDING_PROBES, "confounding_verdicts": CONFOUNDING_VERDICTS, "negative_matches": NEGATIVE_MATCHES,
    "balance": BALANCE, "region_shares": REGION_SHARES, "saliency_checks": SALIENCY_CHECKS, "region_overlaps": REGION_OVERLAPS,
    "session_scores": SESSION_SCORES, "score_changes": SCORE_CHANGES, "test_retest": TEST_RETEST, "trajectories": TRAJECTORIES,
    "face_measures": FACE_MEASURES,
}  # fmt: skip
"""Field of the report -> the table that it is read from, where it is there."""

MAPS = "maps.json"
"""What the stage ``saliency`` says of its average maps."""


def condition_report_stage(study: Path, config: StudyConfig, cohort: ConditionCohort) -> Stage:
    """Return the stage ``report``: ``report.html``, ``results.json`` and ``screening_calculator.html``."""

    def compute() -> Outcome:
        data = gather_condition_report(study, config, cohort)
        folder = study / "report"
        results = write_json(folder / "results.json", condition_json(data))
        page = write_whole(folder / "report.html", render_conditions(data).encode())
        calculator = write_whole(folder / "screening_calculator.html", render_calculator(data).encode())
        return Outcome((results, page, calculator), 1, 1)

    places = [table_path(study, table) for table in SHOWN.values()] + [study / "derived" / "saliency" / MAPS]
    inputs = {path.stem: path for path in places if path.exists()}
    inputs |= {f"run_{stage}": study / "derived" / stage / "run.json" for stage in STAGES if read_record(study, stage) is not None}
    settings = {name: section for name, section in config.model_dump().items() if name in ("study", "conditions", "report")}
    return Stage("report", settings, inputs, compute)


def gather_condition_report(study: Path, config: StudyConfig, cohort: ConditionCohort) -> ConditionData:
    """Collect what the report shows from the study's tables and records."""
    faces = read_table(study, FACES)
    runs = tuple(record for stage in STAGES if (record := read_record(study, stage)) is not None)
    tables: dict[str, Any] = {name: read_table(study, table) for name, table in SHOWN.items() if table_path(study, table).exists()}
    known = tables["people"].set_index("participant_id").weight.gt(0)
    return ConditionData(
        study_name=config.study.name,
        date=max(run.started_at for run in runs)[:10],
        version=__version__,
        target="facies",
        target_conditions=tuple(config.conditions.target_conditions),
        flow=summarise_flow(cohort.participants, cohort.photographs, faces=faces, labelled=known),
        participants=consenting(cohort),
        photographs=cohort.photographs,
        faces=faces,
        runs=runs,
        condition_cards=read_condition_cards(study),
        sources=tuple({str(name): value for name, value in row.items()} for row in cohort.negatives.to_dict("records")),
        confounding_rule=RULE,
        severity_notes=tuple(read_json(study / "derived" / "models" / SEVERITY)),
        despite_confounding=tuple(config.conditions.headline_despite_confounding),
        warnings=cohort.notes,
        settings=printed_settings(config),
        simulated=config.study.simulated,
        **_maps(study),
        **tables,
    )


def _maps(study: Path) -> dict[str, Any]:
    """Return the average maps and the sentence on the atlas that the stage ``saliency`` left."""
    from PIL import Image as Picture

    folder = study / "derived" / "saliency"
    if not (folder / MAPS).is_file():
        return {}
    told = read_json(folder / MAPS)
    maps = []
    for one in told["maps"]:
        with Picture.open(folder / one["file"]) as picture:
            maps.append(RegionMap(one["label"], np.asarray(picture.convert("RGB")), int(one["n"])))
    return {"region_maps": tuple(maps), "atlas": told["atlas"]}


def read_condition_cards(study: Path) -> tuple[ConditionCard, ...]:
    """Return the cards of the study's models."""
    path = study / "derived" / "models" / CARDS
    return tuple(from_json(ConditionCard, json.dumps(card)) for card in read_json(path))
